"""Whether another machine writes into a book: by the id of its start, and by when it did so last."""

from pathlib import Path

import pytest

from batch.account import machines
from batch.account.machines import ALIVE_SECONDS, BEAT_SECONDS, Machine, note_at_work, other_at_work, this_machine
from tests.support.books import NOW, book_of

HERE, THERE = Machine("here", NOW - 86_400), Machine("there", NOW - 86_400)


@pytest.mark.parametrize(
    ("asking", "later", "other"),
    [
        (THERE, 0.0, True),
        (THERE, ALIVE_SECONDS - 1, True),
        (THERE, ALIVE_SECONDS, False),
        (THERE, -ALIVE_SECONDS + 1, True),
        (HERE, 0.0, False),
        (Machine("there", NOW), 1.0, False),
        (Machine("there", NOW - 1), 1.0, True),
        (Machine("", 0.0), 0.0, False),
    ],
    ids=["another", "lately", "long ago", "clocks apart", "itself", "started anew", "started before", "not known"],
)
def test_another_machine_is_one_that_wrote_while_this_one_was_up(
    asking: Machine, later: float, other: bool, tmp_path: Path
) -> None:
    """What it wrote before may be this machine's own, from before it was started anew."""
    book = book_of(tmp_path)
    assert not other_at_work(book, asking, NOW)
    note_at_work(book, HERE)
    book.begin()
    book.commit()
    assert other_at_work(book, asking, NOW + later) is other


def test_a_machine_says_once_a_minute_that_it_is_at_work(tmp_path: Path) -> None:
    """In what it writes anyway."""
    book, now = book_of(tmp_path), [NOW]
    book.now = lambda: now[0]
    note_at_work(book, HERE)
    for at, noted in ((0.0, 0.0), (BEAT_SECONDS - 1, 0.0), (BEAT_SECONDS, BEAT_SECONDS)):
        now[0] = NOW + at
        book.begin()
        book.commit()
        assert book.meta("machine") == f"here {NOW + noted}"


def test_a_machine_that_does_not_say_which_it_is_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc, or another one than Linux has."""
    monkeypatch.setattr(machines, "BOOT_ID", tmp_path / "none")
    assert this_machine() == Machine("", 0.0)
    book = book_of(tmp_path)
    note_at_work(book, this_machine())
    book.begin()
    assert book.meta("machine") == ""


@pytest.mark.skipif(not machines.BOOT_ID.exists(), reason="Linux tells it there")
def test_this_machine_is_known_since_it_was_started() -> None:
    """The same each time it is asked."""
    assert this_machine().boot_id == this_machine().boot_id != ""
    assert abs(this_machine().booted_at - this_machine().booted_at) < 1
