"""What runs learn of the slots, and who is at work: kept for the next run, and for those beside it."""

from pathlib import Path

import pytest

from batch.account.learnt import SILENT_SECONDS, Learnt, end_run, learn, learnt, note_run, other_runs
from batch.core.equality import Equality
from batch.core.fair_share import RunAtWork
from tests.support.books import NOW, book_of


def test_the_next_run_begins_with_what_the_last_one_knew(tmp_path: Path) -> None:
    """A wait that it did not see is as it was; nothing was learnt of another endpoint."""
    book = book_of(tmp_path)
    assert learnt(book) is None
    learn(book, 10, 4.5)
    book.now = lambda: NOW + 60
    learn(book, 12)
    book.commit()
    later = book_of(tmp_path, "b", now=NOW + 100)
    assert learnt(later) == Learnt(12, 4.5, NOW + 60)
    learn(later, 0, 7.0)
    assert learnt(later) == Learnt(1, 7.0, NOW + 100)
    later.equality = Equality({}, "another/endpoint")
    assert learnt(later) is None
    learn(later, 3)
    assert learnt(later) == Learnt(3, None, NOW + 100)


def test_each_run_sees_the_others_as_they_stand(tmp_path: Path) -> None:
    """Of the last note of each; not itself, and not one that has ended."""
    one, other, third = (book_of(tmp_path, name) for name in "abc")
    assert other_runs(one) == []
    note_run(one, 3, 0, hungry=True)
    note_run(one, 12, 2, hungry=True)
    one.commit()
    note_run(other, 1, 1, hungry=False)
    other.commit()
    first, second = RunAtWork(one.ledger, 12, 2, True), RunAtWork(other.ledger, 1, 1, False)
    assert other_runs(third) == [first, second]
    assert other_runs(other) == [first]
    assert other_runs(one) == [second]
    end_run(one)
    one.commit()
    assert other_runs(third) == [second]


@pytest.mark.parametrize(
    ("later", "alive"),
    [
        (SILENT_SECONDS - 1, True),
        (SILENT_SECONDS, False),
        (-SILENT_SECONDS + 1, True),
        (-SILENT_SECONDS, False),
    ],
)
def test_who_has_said_nothing_for_a_minute_is_at_work_no_more(later: float, alive: bool, tmp_path: Path) -> None:
    """Nor who speaks of a time to come: the clock was set."""
    one = book_of(tmp_path, "a")
    note_run(one, 5, 1, hungry=True)
    one.commit()
    assert bool(other_runs(book_of(tmp_path, "b", now=NOW + later))) is alive


def test_what_is_noted_is_written_with_the_next_commit_or_not_at_all(tmp_path: Path) -> None:
    """It rides in whatever transaction there is, and begins one where there is none."""
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    for note in (lambda: learn(one, 5), lambda: note_run(one, 5, 1, hungry=True), lambda: end_run(one)):
        note()
        assert one.in_transaction
        one.undo()
    assert (learnt(other), other_runs(other)) == (None, [])
