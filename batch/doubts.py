"""Rows in doubt as the ledger has them, and what it knows of the requests that fal lists."""

import json
from collections.abc import Iterable

from batch.ledger import Ledger
from batch.settle import Doubt, Own


def doubts(ledger: Ledger) -> list[Doubt]:
    """Every row in doubt, also of rows that the manifest no longer has."""
    found = ledger.db.execute(
        "SELECT id, COALESCE(sent, arguments), intent_at FROM row WHERE state = 'in_doubt' ORDER BY intent_at, id"
    )
    return [Doubt(row, json.loads(sent), intent_at) for row, sent, intent_at in found]


def own(ledger: Ledger, request_ids: Iterable[str]) -> dict[str, Own]:
    """Those of the ids that are already a row's."""
    found = ledger.db.execute(
        "SELECT request.request_id, COALESCE(sent, arguments), intent_at, row.request_id = request.request_id "
        "FROM request JOIN row ON row.id = request.row WHERE request.request_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(request_ids)),),
    )
    return {name: Own(json.loads(sent), intent_at) if last else Own() for name, sent, intent_at, last in found}
