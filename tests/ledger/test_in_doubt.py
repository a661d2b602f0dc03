"""What the ledger knows of the requests that fal lists."""

from pathlib import Path

from batch.core import states
from batch.core.gateway import Receipt
from batch.ledger import in_doubt as doubts
from batch.ledger.ledger import Ledger


def bought(path: Path, request_id: str) -> Ledger:
    """A ledger with one row whose request is at fal."""
    ledger = Ledger.open(path)
    ledger.db.execute(
        "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) VALUES ('id:a', 0, x'00', '{}', 1, 0)"
    )
    with ledger.transaction():
        ledger.apply(1, states.claimed(1.0, None, 1))
        ledger.apply(1, states.accepted(2.0, Receipt(request_id, "https://s", "https://r", "https://c")))
    return ledger


def test_a_request_of_the_table_beside_is_nobodys_to_take(tmp_path: Path) -> None:
    """Two tables with the same rows, run at once: neither takes the other's video for its own lost reply."""
    with bought(tmp_path / "one.csv.ledger", "r1") as one, bought(tmp_path / "two.csv.ledger", "r2") as two:
        (tmp_path / "three.csv.ledger").write_bytes(b"no ledger at all")
        assert set(doubts.known_requests(one, ["r1", "r2", "r3"])) == {"r1", "r2"}
        assert doubts.known_requests(one, ["r1"])["r1"].intent_at == 1.0
        assert doubts.known_requests(two, ["r1"])["r1"].intent_at is None
