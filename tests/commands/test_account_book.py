"""The book and the ledger brought together: copies, ledgers put back, runs without a book."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from batch.account.book import AccountBook
from batch.api import open_batch
from batch.commands.account_book import account_book
from batch.commands.manifest_reading import enrol_table
from batch.core import states
from batch.core.money import Budget
from batch.core.states import Transition
from batch.ledger.ledger import Ledger
from tests.support.books import purchase, receipt
from tests.support.night import Night, kill, statuses, table, until
from tests.support.own_night import own_night  # noqa: F401 - a fixture
from tests.support.simulated import EPOCH, Service, service_queue


def test_a_ledger_that_is_put_back_takes_over_what_was_bought_since(now: Night) -> None:
    shots = now.manifest(6)
    assert now.run("run", shots, "--limit", 2).code == 3
    kept = {path: path.read_bytes() for path in (shots, Path(f"{shots}.ledger"))}
    assert now.run("run", shots).code == 0
    for path, content in kept.items():
        path.write_bytes(content)
    again = now.run("run", shots)
    assert again.code == 0, again.err
    assert "had been bought" in again.err
    assert "nothing was paid" in again.err
    assert now.accepted == {f"prompt {n}": 1 for n in range(6)}
    assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(shots))


def test_a_copy_of_a_ledger_that_was_run_since_buys_nothing(now: Night) -> None:
    shots = now.manifest(3)
    assert now.run("run", shots, "--limit", 1).code == 3
    copies = now.folder / "copies"
    copies.mkdir()
    copy = copies / shots.name
    for end in ("", ".ledger"):
        shutil.copyfile(f"{shots}{end}", f"{copy}{end}")
    assert now.run("run", shots).code == 0
    refused = now.run("run", copy)
    assert refused.code == 2, refused.err
    assert f"is a copy of {shots}.ledger, which was run since" in refused.err
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}
    own = now.run("run", copy, "--own-table")
    assert own.code == 0, own.err
    assert now.accepted == {"prompt 0": 1, "prompt 1": 2, "prompt 2": 2}
    assert now.run("run", shots).code == now.run("run", copy).code == 0


@pytest.mark.parametrize("linked", ["before", "after"])
def test_another_name_of_a_table_buys_nothing(linked: str, now: Night) -> None:
    """A hard link elsewhere, made before the first run, which replaced the file, or after one that wrote elsewhere."""
    shots = now.manifest(2)
    link = now.folder / "links" / "film.csv"
    link.parent.mkdir()
    if linked == "before":
        link.hardlink_to(shots)
        assert now.run("run", shots).code == 0
    else:
        assert now.run("run", shots, "--output", now.folder / "out.csv").code == 0
        link.hardlink_to(shots)
    for more in ([], ["--prefix", "new_"], ["--output", now.folder / "links" / "out.csv"]):
        refused = now.run("run", link, *more)
        assert refused.code == 2, refused.err
        assert f"is the same file as {shots}, whose ledger {shots}.ledger knows what was bought" in refused.err
    assert now.accepted == {f"prompt {n}": 1 for n in range(2)}
    assert now.run("run", link, "--own-table").code == 0
    assert now.accepted == {f"prompt {n}": 2 for n in range(2)}
    assert now.run("run", link).code == 0


def test_a_table_that_is_moved_with_its_ledger_goes_on(now: Night) -> None:
    shots = now.manifest(3)
    assert now.run("run", shots, "--limit", 1).code == 3
    home = now.folder / "elsewhere"
    home.mkdir()
    for end in ("", ".ledger"):
        Path(f"{shots}{end}").rename(home / f"{shots.name}{end}")
    assert now.run("run", home / shots.name).code == 0
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}


@pytest.mark.parametrize("key", [True, False])
def test_a_table_that_is_moved_tells_the_book_so_also_by_a_run_that_has_nothing_to_do(key: bool, now: Night) -> None:
    """Another table with the same rows is a table of its own then; without a key the book is nobody's to open."""
    shots = now.manifest(2)
    bare = shots.read_text()
    assert now.run("run", shots).code == 0
    home = now.folder / "elsewhere"
    home.mkdir()
    for end in ("", ".ledger"):
        Path(f"{shots}{end}").rename(home / f"{shots.name}{end}")
    assert now.run("run", home / shots.name, more={} if key else {"FAL_KEY": ""}).code == 0
    other = now.folder / "other.csv"
    other.write_text(bare)
    assert now.run("run", other).code == (0 if key else 4)
    assert now.accepted == {f"prompt {n}": 1 + key for n in range(2)}


def test_a_copy_that_has_nothing_to_do_is_no_table_that_was_moved(now: Night) -> None:
    """The ledger that was copied stands where it stood: its place in the book is its own."""
    shots = now.manifest(2)
    assert now.run("run", shots).code == 0
    copy = now.folder / "copy" / shots.name
    copy.parent.mkdir()
    for end in ("", ".ledger"):
        shutil.copyfile(f"{shots}{end}", f"{copy}{end}")
    assert now.run("run", copy).code == 0
    assert str(shots) in now.run("account").out
    assert str(copy) not in now.run("account").out


def test_a_run_killed_in_mid_air_leaves_no_row_to_buy_again_without_its_ledger(now: Night) -> None:
    """The ledger and its log are gone, and the table is the bare one again."""
    shots = now.manifest(4)
    bare = shots.read_text()
    child = now.start("run", shots, "--concurrency", 4)
    until(lambda: now.asked("submit") == 4, child)
    kill(child)
    for end in ("", "-wal", "-shm"):
        Path(f"{shots}.ledger{end}").unlink(missing_ok=True)
    refused = now.run("run", shots)
    assert refused.code == 2, refused.err
    assert "`kling-batch recover " in refused.err
    shots.write_text(bare)
    assert now.run("run", shots).code in (0, 4)
    assert set(now.accepted.values()) == {1}
    assert set(statuses(shots)) <= {"succeeded", "in_doubt"}


def test_a_lost_book_is_made_again_from_the_ledgers(now: Night) -> None:
    shots = now.manifest(3)
    assert now.run("run", shots, "--limit", 2).code == 3
    shutil.rmtree(f"{now.folder}.state")
    assert now.run("run", shots).code == 0
    assert "for 3 requests" in now.run("account").out
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}


def test_what_was_bought_without_a_book_stands_in_it_later(now: Night) -> None:
    """One row is under way when the book is away, and ends without it: it can be run again, and is bought once."""
    shots = now.manifest(2)
    child = now.start("run", shots, "--concurrency", 2)
    until(lambda: now.asked("submit") == 2, child)
    kill(child)
    state, away = Path(f"{now.folder}.state"), Path(f"{now.folder}.away")
    state.rename(away)
    state.write_text("no folder")
    while now.run("run", shots).code != 0:
        pass
    state.unlink()
    away.rename(state)
    shots.write_text(shots.read_text().replace("prompt 0", "another"))
    ended = now.run("run", shots, "--stale")
    assert ended.code == 0, ended.err
    told = now.run("account").out
    assert "$1.47 for 3 requests" in told
    assert "under way" not in told
    assert now.accepted == {"prompt 0": 1, "prompt 1": 1, "another": 1}


def test_a_book_that_is_put_back_learns_from_the_ledger(now: Night) -> None:
    shots = now.manifest(3)
    assert now.run("run", shots, "--limit", 1).code == 3
    shutil.copytree(f"{now.folder}.state", f"{now.folder}.kept")
    assert now.run("run", shots, "--limit", 1).code == 3
    shutil.rmtree(f"{now.folder}.state")
    Path(f"{now.folder}.kept").rename(f"{now.folder}.state")
    assert now.run("run", shots).code == 0
    assert "$1.47 for 3 requests" in now.run("account").out
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}


# A death between the book and the ledger


class Place:
    """A table of three rows, its ledger, and the book, each of which a test may write alone."""

    def __init__(self, folder: Path) -> None:
        (folder / "shots.csv").write_text(
            "prompt,image\n" + "".join(f"shot {n},https://e.com/a.png\n" for n in range(3))
        )
        self.batch = open_batch(folder / "shots.csv")
        with Ledger.open(self.batch.ledger) as ledger:
            enrol_table(self.batch.manifest, ledger, self.batch.manifest.open(), EPOCH, anew=True)

    def run(self, write: Callable[[Ledger, AccountBook], None]) -> None:
        """What is written while both are open."""

        async def one() -> None:
            service: Any = Service(service_queue(1, 60.0))
            with Ledger.open(self.batch.ledger) as ledger:
                async with account_book(self.batch, ledger, service, lambda: EPOCH, lambda _: None) as book:
                    assert book
                    write(ledger, book)

        anyio.run(one)

    def states(self) -> list[tuple[str, str | None]]:
        """As the next run finds them."""
        found: list[tuple[str, str | None]] = []
        self.run(lambda ledger, _: found.extend(ledger.db.execute("SELECT state, request_id FROM row ORDER BY place")))
        return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("FAL_KEY", "an-id:a-secret")
    return Place(tmp_path)


def claim(ledger: Ledger, row: int = 1) -> None:
    """The intent, in both."""
    with ledger.transaction():
        assert ledger.claim(row, states.claimed(EPOCH, None, 490_000), Budget()) is None


def lose_reply(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.apply(1, states.reply_lost(EPOCH, "the run ended"))


def test_an_intent_that_only_the_book_has_may_have_been_sent(place: Place) -> None:
    def die(ledger: Ledger, book: AccountBook) -> None:
        with ledger.transaction():
            assert ledger.claim(1, states.claimed(EPOCH, None, 490_000), Budget()) is None
            book.commit()
            ledger.undo()
            ledger.begin()

    place.run(die)
    assert place.states() == [("in_doubt", None), ("pending", None), ("pending", None)]


def test_an_id_that_only_the_book_has_is_the_rows(place: Place) -> None:
    def die(ledger: Ledger, book: AccountBook) -> None:
        claim(ledger)
        lose_reply(ledger)
        book.accept(purchase(1), receipt("r1"))
        book.commit()

    place.run(die)
    assert place.states()[0] == ("submitted", "r1")


@pytest.mark.parametrize("verdict", [states.not_sent(EPOCH, "no network"), states.never_accepted(EPOCH)])
def test_a_verdict_that_only_the_book_has_is_followed(verdict: Transition, place: Place) -> None:
    def die(ledger: Ledger, book: AccountBook) -> None:
        claim(ledger)
        lose_reply(ledger)
        book.note(1, verdict)
        book.commit()

    place.run(die)
    assert place.states()[0] == ("pending", None)


def test_an_end_that_only_the_book_has_is_asked_for_again(place: Place) -> None:
    """The row is under way, and its request tells how it ended."""

    def die(ledger: Ledger, book: AccountBook) -> None:
        claim(ledger)
        lose_reply(ledger)
        book.accept(purchase(1), receipt("r1"))
        book.note(1, states.succeeded(EPOCH, "{}", "https://v/1.mp4", 490_000))
        book.commit()

    place.run(die)
    assert place.states()[0] == ("submitted", "r1")


def test_a_purchase_whose_row_asks_for_something_else_holds_up_nobody(place: Place) -> None:
    def die(ledger: Ledger, book: AccountBook) -> None:
        book.claim(purchase(1, "another text"))
        book.commit()

    place.run(die)
    assert place.states()[0] == ("pending", None)
    place.run(lambda ledger, _: claim(ledger))
