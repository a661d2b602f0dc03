"""Who works on a ledger, as the note in it says."""

import json
from dataclasses import asdict

from batch.core.worker import Worker


def test_a_note_survives_json() -> None:
    """It is kept in the ledger as a text."""
    for worker in (Worker(1, "host", 1.5, "77"), Worker(1, "host", 1.5)):
        assert Worker(**json.loads(json.dumps(asdict(worker)))) == worker
