"""Tells which endpoints the rows of a ledger are for."""

from batch.ledger.ledger import Ledger

_UNDER_WAY = "state IN ('submitting', 'submitted', 'in_doubt')"


def endpoints_to_run(ledger: Ledger) -> list[str]:
    """Those of the rows about to be bought, in the order in which the ledger came to know them."""
    marked = " UNION SELECT endpoint_id FROM temp.marked" if ledger.marks.any else ""
    found = ledger.db.execute(
        "SELECT name FROM endpoint WHERE id IN (SELECT endpoint_id FROM row WHERE state = 'pending' "  # noqa: S608 - ours
        f"AND place IS NOT NULL{marked}) ORDER BY id"
    )
    return [name for (name,) in found]


def endpoints_under_way(ledger: Ledger) -> list[str]:
    """Those of the rows whose request is at fal, or may be; "" where an older ledger does not say it."""
    found = ledger.db.execute(f"SELECT DISTINCT {ledger.endpoint} FROM row WHERE {_UNDER_WAY}")  # noqa: S608 - ours
    return sorted(name for (name,) in found)


def endpoints_at_work(ledger: Ledger) -> list[str]:
    """Both."""
    return list(dict.fromkeys([*endpoints_to_run(ledger), *endpoints_under_way(ledger)]))
