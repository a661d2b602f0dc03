"""Where a batch stands, counted from a real ledger: rows, money, failures, prices."""

from pathlib import Path

import pytest

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State, Status
from batch.errors import LedgerError
from batch.ledger import summary
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.ledger.summary import FailureGroup, UnfinishedRow, prices_to_run, read_summary, summarize
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.sheets import PRICE, batch


def test_the_standing_counts_every_row_once() -> None:
    """By what the table says of it; money by what was spent and what may have been."""
    with Ledger.in_memory() as ledger:
        for place in range(6):
            ledger.db.execute(
                "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) "
                "VALUES (?, ?, x'', '{}', ?, 0)",
                (f"id:{place}", place, PRICE),
            )
            ledger.db.execute("INSERT INTO sheet VALUES (?, ?, ?, 0, NULL)", (place, place + 2, place + 1))
        ledger.db.execute("INSERT INTO sheet VALUES (6, 8, NULL, 0, 'prompt: is empty')")
        for row in (1, 2, 3, 6):
            ledger.apply(row, states.claimed(1.0, None, PRICE))
        for row in (2, 3):
            ledger.apply(row, states.accepted(2.0, Receipt(f"r{row}", "https://s", "https://r", "https://c")))
        ledger.apply(3, states.succeeded(3.0, "{}", "https://v", PRICE))
        ledger.apply(6, states.reply_lost(3.0, "cut"))
        ledger.apply(4, states.cancelled(State.PENDING, 3.0, 0))
        now = summarize(ledger)
        assert now.rows == {
            Status.SUBMITTED: 2,
            Status.SUCCEEDED: 1,
            Status.CANCELLED: 1,
            Status.PENDING: 1,
            Status.IN_DOUBT: 1,
            Status.INVALID: 1,
        }
        assert (now.total, now.spent, now.under_way) == (7, PRICE, 3 * PRICE)
        assert (now.in_doubt, now.at_fal, now.orphans, now.to_run, now.to_run_price) == (1, 1, 0, 1, PRICE)
        ledger.db.execute("DELETE FROM sheet WHERE row IN (2, 3, 6)")
        assert (summarize(ledger).orphans, summarize(ledger).in_doubt) == (3, 1)


def test_failures_are_grouped_with_their_first_row_as_the_example(tmp_path: Path) -> None:
    """The most frequent kind comes first."""
    given = batch(tmp_path, "prompt,image\n" + "".join(f"{n},https://x.y/1\n" for n in range(4)))
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        for row, kind in [(4, "b"), (1, "a"), (2, "b"), (3, "b")]:
            ledger.apply(row, states.unsendable(2.0, kind, f"of row {row}"))
        found = summarize(ledger).failures
    assert found == [FailureGroup("b", 3, 3, "of row 2"), FailureGroup("a", 1, 2, "of row 1")]
    assert read_summary(given.ledger, given.manifest.path).failures == found


def test_the_status_of_a_batch_that_never_ran_is_said_as_such(tmp_path: Path) -> None:
    """With the command that says what it would cost."""
    with pytest.raises(LedgerError, match="nothing was run"):
        read_summary(tmp_path / "none.ledger", tmp_path / "none")


def test_prices_to_run_are_of_the_rows_to_run_only(tmp_path: Path) -> None:
    """Not of those that the table has lost."""
    given = batch(tmp_path, "prompt,image\na,https://x.y/1\nb,https://x.y/1\n")
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        ledger.db.execute("UPDATE row SET place = NULL WHERE id = 1")
        assert prices_to_run(ledger, JOB).text() == "(1 of 5 s for $0.49)"


def test_the_rows_without_a_video_are_listed_with_why(tmp_path: Path) -> None:
    """In the order of the table, with their ids; not those that wait, have their video, or are invalid beside it."""
    text = "prompt,image,id\n" + "".join(f"{one},https://x.y/1,{one}\n" for one in ("ok", "bad", "doubt", "off", "new"))
    given = batch(tmp_path, text + ",https://x.y/1,empty\n")
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        for row in (1, 2, 3):
            ledger.apply(row, states.claimed(1.0, None, PRICE))
        ledger.apply(1, states.accepted(2.0, Receipt("r1", "https://s", "https://r", "https://c")))
        ledger.apply(1, states.succeeded(3.0, "{}", "https://v", PRICE))
        ledger.apply(2, states.refused(1.0, "content_policy_violation", "a hat"))
        ledger.apply(3, states.reply_lost(1.0, "cut"))
        ledger.apply(4, states.cancelled(State.PENDING, 1.0, 0))
        found = summarize(ledger).unfinished
        assert found == [
            UnfinishedRow(3, "bad", Status.FAILED, "content_policy_violation", "a hat"),
            UnfinishedRow(4, "doubt", Status.IN_DOUBT, "reply_lost", "cut"),
            UnfinishedRow(5, "off", Status.CANCELLED, "cancelled", "taken back"),
            UnfinishedRow(7, None, Status.INVALID, "invalid", "prompt: is empty: a row needs a text here"),
        ]
        given.manifest.path.write_text(text.replace("\nok,", "\n,").replace("\nbad,", "\n,"))
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 2.0, new=True)
        assert [(one.number, one.id, one.status) for one in summarize(ledger).unfinished] == [
            (3, "bad", Status.INVALID),
            (4, "doubt", Status.IN_DOUBT),
            (5, "off", Status.CANCELLED),
        ]


def test_no_more_rows_are_listed_than_anybody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet of a million that cannot be run is counted, not told row by row."""
    monkeypatch.setattr(summary, "ROWS_TOLD", 3)
    given = batch(tmp_path, "prompt,image\n" + ",https://x.y/1\n" * 5)
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        told = summarize(ledger)
    assert [one.number for one in told.unfinished] == [2, 3, 4]
    assert told.count(Status.INVALID) == 5
