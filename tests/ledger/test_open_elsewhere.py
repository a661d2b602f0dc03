"""What is open elsewhere stands beside the rows in doubt: replies waited for, and tables in the same folder."""

from pathlib import Path

from batch.core import states
from batch.core.gateway import Receipt
from batch.ledger.in_doubt import in_doubt_rows, requests_since_doubt
from batch.ledger.ledger import Ledger
from tests.support.simulated import ledger_of, shots


def copied(path: Path, rows: int) -> Ledger:
    """A ledger of so many shots, on disk."""
    ledger = Ledger.open(path)
    ledger_of(shots(rows)).db.backup(ledger.db)
    return ledger


def receipt(name: str) -> Receipt:
    return Receipt(name, "https://s", "https://r", "https://c")


def test_a_row_whose_reply_is_waited_for_is_open_elsewhere(tmp_path: Path) -> None:
    """It is none of those to settle, and only told of where there is one to settle."""
    with copied(tmp_path / "a.ledger", 2) as ledger:
        ledger.apply(1, states.claimed(1.0, None, 5))
        assert in_doubt_rows(ledger) == []
        ledger.apply(2, states.claimed(2.0, None, 5))
        ledger.apply(2, states.reply_lost(3.0, "lost"))
        assert [(row.row, row.open_elsewhere) for row in in_doubt_rows(ledger)] == [(2, False), (1, True)]


def test_a_table_beside_tells_of_its_open_rows(tmp_path: Path) -> None:
    """In doubt or on their way: either may own the request that is found."""
    with copied(tmp_path / "a.ledger", 1) as one, copied(tmp_path / "b.ledger", 3) as other:
        for ledger in (one, other):
            ledger.apply(1, states.claimed(1.0, None, 5))
            ledger.apply(1, states.reply_lost(2.0, "lost"))
        other.apply(2, states.claimed(3.0, None, 5))
        assert [row.open_elsewhere for row in in_doubt_rows(one)] == [False, True, True]


def test_the_requests_around_a_doubt_are_those_that_made_a_video(tmp_path: Path) -> None:
    """The last one before it and those after; one that was taken back may never be listed."""
    with copied(tmp_path / "a.ledger", 6) as ledger:
        for row in (1, 2, 3, 4, 5, 6):
            ledger.apply(row, states.claimed(float(row), None, 5))
            if row == 3:
                ledger.apply(row, states.reply_lost(9.0, "lost"))
                continue
            ledger.apply(row, states.accepted(9.0, receipt(f"r{row}")))
            if row == 5:
                ledger.apply(row, states.cancelled(states.State.SUBMITTED, 9.0, 0))
            elif row != 6:
                ledger.apply(row, states.succeeded(9.0, "{}", "https://v", 5))
        found = requests_since_doubt(ledger, "")
        assert set(found) == {"r2", "r4"}
        assert found["r2"].order < found["r4"].order
