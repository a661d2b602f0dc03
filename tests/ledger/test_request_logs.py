"""The last lines of failed requests: kept, found by row, never of another request."""

from pathlib import Path

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State
from batch.ledger.ledger import Ledger
from batch.ledger.request_logs import keep_log, logs_by_row, row_name
from batch.ledger.summary import summarize
from tests.support.simulated import ledger_of, shots
from tests.support.video_rows import succeed


def failed(ledger: Ledger, row: int, name: str) -> None:
    ledger.apply(row, states.claimed(1e9, None, 1))
    ledger.apply(row, states.accepted(1e9, Receipt(name, "https://s", "https://r", "https://c")))
    ledger.apply(row, states.failed(2e9, "bad", "it broke", 0))


def test_the_lines_of_a_failed_row_are_found_by_its_number() -> None:
    """And stand beside its error; one that has succeeded since shows none."""
    ledger = ledger_of(shots(3))
    failed(ledger, 1, "r1")
    failed(ledger, 2, "r2")
    keep_log(ledger, "r1", ["loading", "out of mémory"])
    keep_log(ledger, "r2", ["x"])
    keep_log(ledger, "nobody's", ["y"])
    assert logs_by_row(ledger, 9) == {2: ["loading", "out of mémory"], 3: ["x"]}
    assert [list(one.log) for one in summarize(ledger).unfinished] == [["loading", "out of mémory"], ["x"]]
    ledger.apply(1, states.again(State.FAILED, 3e9))
    succeed(ledger, 1, "r9", "https://v")
    assert logs_by_row(ledger, 9) == {3: ["x"]}


def test_a_ledger_of_before_has_none(tmp_path: Path) -> None:
    """It is only read: nobody has brought it up to date."""
    ledger = ledger_of(shots(1))
    ledger.db.execute("DROP TABLE request_log")
    assert logs_by_row(ledger, 9) == {}


def test_a_row_is_named_as_the_spreadsheet_does() -> None:
    """With its id; one that the table no longer has has no number."""
    ledger = ledger_of(shots(2))
    assert row_name(ledger, 1) == (2, "s0")
    ledger.db.execute("DELETE FROM sheet WHERE row = 2")
    assert row_name(ledger, 2) == (0, "s1")
    assert row_name(ledger, 99) == (0, "")
