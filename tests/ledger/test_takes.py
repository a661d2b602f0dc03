"""Takes in the ledger: each video is one, written by the database itself, kept for good; one of them is shown."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State
from batch.core.take import Take
from batch.ledger.file import VERSION
from batch.ledger.ledger import Ledger
from batch.ledger.takes import takes_of
from tests.support.ledgers import PRICE, add

VERSION_6 = Path(__file__).parents[1] / "support" / "version_6.sql"


def made(ledger: Ledger, row: int, name: str, at: float, *, again: bool = False) -> None:
    """A video of this request."""
    if again:
        ledger.apply(row, states.again(State.SUCCEEDED, at))
    receipt = Receipt(name, f"https://q/{name}/status", f"https://q/{name}", f"https://q/{name}/cancel")
    ledger.apply(row, states.claimed(at, None, PRICE))
    ledger.apply(row, states.accepted(at + 1, receipt))
    ledger.apply(row, states.succeeded(at + 2, f'{{"of": "{name}"}}', f"https://v/{name}", PRICE))


def test_every_video_is_a_take_of_its_row_and_the_newest_is_shown(ledger: Ledger) -> None:
    """Whatever the row does next: what was made is still there."""
    row, other = add(ledger), add(ledger, "id:b", 1)
    made(ledger, row, "r1", 10.0)
    made(ledger, row, "r2", 20.0, again=True)
    ledger.apply(row, states.again(State.SUCCEEDED, 30.0))
    ledger.apply(row, states.unsendable(31.0, "image", "gone"))
    assert takes_of(ledger) == {
        row: [
            Take(row, 1, "r1", "https://v/r1", None, PRICE, 11.0, 12.0, chosen=False),
            Take(row, 2, "r2", "https://v/r2", None, PRICE, 21.0, 22.0, chosen=True),
        ]
    }
    made(ledger, other, "r3", 40.0)
    assert list(takes_of(ledger, [other])) == [other]


def test_a_failure_makes_no_take(ledger: Ledger) -> None:
    """Nor does a request that is tried again."""
    row = add(ledger)
    ledger.apply(row, states.claimed(1.0, None, PRICE))
    ledger.apply(row, states.accepted(2.0, Receipt("r1", "https://s", "https://r", "https://c")))
    ledger.apply(row, states.failed(3.0, "bad", "why", PRICE))
    assert takes_of(ledger) == {}


def test_a_request_that_was_taken_over_again_is_the_take_that_it_was(ledger: Ledger) -> None:
    """It is shown, although a newer one is there: nothing was made."""
    row = add(ledger)
    made(ledger, row, "r1", 10.0)
    made(ledger, row, "r2", 20.0, again=True)
    ledger.apply(row, states.again(State.SUCCEEDED, 30.0))
    ledger.apply(row, states.claimed(31.0, None, PRICE))
    ledger.apply(row, states.reply_lost(32.0, "known"))
    ledger.apply(row, states.found_at_fal(33.0, Receipt("r1", "https://q/r1/status", "https://q/r1", "https://q/r1/c")))
    ledger.apply(row, states.succeeded(34.0, "{}", "https://v/r1", 0))
    assert [(one.request_id, one.chosen) for one in takes_of(ledger)[row]] == [("r1", True), ("r2", False)]


@pytest.mark.parametrize("change", ["DELETE FROM take", "UPDATE take SET number = 7"])
def test_no_statement_changes_a_take_or_takes_one_away(ledger: Ledger, change: str) -> None:
    """The database refuses it, whoever asks."""
    made(ledger, add(ledger), "r1", 10.0)
    with pytest.raises(sqlite3.IntegrityError, match="a take"):
        ledger.db.execute(change)


def test_the_path_of_a_take_is_that_of_its_file_once_it_stands_there(ledger: Ledger) -> None:
    """Each take has a file of its own."""
    row = add(ledger)
    made(ledger, row, "r1", 10.0)
    made(ledger, row, "r2", 20.0, again=True)
    file = "INSERT INTO video_file (request_id, row, path, name_key, done_at) VALUES (?, ?, ?, ?, ?)"
    ledger.db.execute(file, ("r1", row, "shots.videos/a.mp4", "a", 13.0))
    ledger.db.execute(file, ("r2", row, "shots.videos/a_take2.mp4", "b", None))
    assert [one.path for one in takes_of(ledger)[row]] == ["shots.videos/a.mp4", None]


def of_version_6(path: Path) -> None:
    """A ledger that version 6 made, with takes that were bought again under it."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_6.read_text(encoding="utf-8"))


def test_takes_of_a_ledger_of_version_6_are_found_in_its_log(path: Path) -> None:
    """Read as it is, and brought up to date: the same, also those whose row waits, failed or is in doubt by now."""
    of_version_6(path)
    with Ledger.read(path) as reader:
        before = takes_of(reader)
    with Ledger.open(path) as ledger:
        assert ledger.db.execute("PRAGMA user_version").fetchone() == (VERSION,)
        after = takes_of(ledger)
    assert before == after
    assert {row: [one.request_id for one in takes] for row, takes in after.items()} == {
        1: ["a1"],
        2: ["b1", "b2"],
        3: ["c1"],
        4: ["d1"],
        5: ["e1", "e2"],
    }
    assert after[2] == [
        Take(2, 1, "b1", "https://v/b1.mp4", "shots.videos/b.mp4", None, 21.0, 22.0, chosen=False),
        Take(2, 2, "b2", "https://v/b2.mp4", "shots.videos/b_take2.mp4", PRICE, 41.0, 42.0, chosen=True),
    ]


def test_what_version_6_left_goes_on_after_it_was_brought_up_to_date(path: Path) -> None:
    """Another take of each row that has one: none is lost, and each has the next number."""
    of_version_6(path)
    with Ledger.open(path) as ledger:
        made(ledger, 1, "a2", 200.0, again=True)
        made(ledger, 3, "c2", 210.0)
        numbers = {row: [one.number for one in takes] for row, takes in takes_of(ledger).items()}
    assert numbers == {1: [1, 2], 2: [1, 2], 3: [1, 2], 4: [1], 5: [1, 2]}
