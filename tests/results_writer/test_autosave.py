"""When the table is saved while a run is on, and what is said of it."""

from collections.abc import Callable
from functools import partial
from itertools import count

import anyio
import pytest

from batch.ledger.enrolment import enrol
from batch.ledger.matching import match
from batch.ledger.snapshot import ManifestSnapshot, last_event, load_snapshot
from batch.results_writer.autosave import SAVE_SECONDS, Autosave
from batch.results_writer.writer import ResultsWriter, Saved
from tests.support.runs import play_in_line
from tests.support.sheets import SHOTS, Sheet
from tests.support.simulated import play


@pytest.mark.parametrize(("rows", "seconds"), [(3, 30.0), (1_000_000, 1000.0)])
def test_the_longer_a_table_the_later_it_is_saved_first(make: Callable[..., Sheet], rows: int, seconds: float) -> None:
    """A million rows take twenty seconds to write, which is to be a fiftieth of the time from the beginning."""
    batch = make(SHOTS)
    batch.succeed(1)
    saver = Autosave(ResultsWriter(batch.manifest, batch.at), pytest.fail)

    async def run(until: float) -> None:
        with anyio.move_on_after(until):
            await saver.keep(lambda: 1, rows)

    play(partial(run, seconds - 1))
    assert batch.path.read_text() == SHOTS
    play(partial(run, seconds + 1))
    assert "https://v/1" in batch.path.read_text()


def saving(sheet: Sheet, state: Callable[[], object], until: float) -> list[str]:
    """So much of the mock clock with the table saved while it runs; what was said."""
    said: list[str] = []

    async def keep() -> None:
        with anyio.move_on_after(until):
            await Autosave(ResultsWriter(sheet.manifest, sheet.at), said.append).keep(state, 3)

    play_in_line(keep)
    return said


def test_nothing_new_is_not_saved_again(make: Callable[..., Sheet]) -> None:
    """Saved once; then the table is left alone for as long as the counts stay, whatever becomes of it."""
    sheet = make(SHOTS)
    looks = count()

    def state() -> int:
        if next(looks) == 1:
            sheet.succeed(1)
        return 1

    saving(sheet, state, 10 * SAVE_SECONDS)
    assert next(looks) > 3
    assert sheet.column("status") == ["pending"] * 3


def test_every_change_is_saved_in_its_turn(make: Callable[..., Sheet]) -> None:
    """A row that ends between two looks stands in the table before the next one."""
    sheet = make(SHOTS)
    seen: list[int] = []

    def state() -> int:
        if seen:
            assert sheet.column("status").count("succeeded") == len(seen)
        if len(seen) < 3:
            seen.append(len(seen) + 1)
            sheet.succeed(len(seen))
        return len(seen)

    saving(sheet, state, 5 * SAVE_SECONDS)
    assert seen == [1, 2, 3]
    assert sheet.column("status") == ["succeeded"] * 3


def test_the_same_trouble_is_said_once(make: Callable[..., Sheet]) -> None:
    """With where the results are meanwhile, and when it is over; and again where it comes back after it was gone."""
    sheet = make(SHOTS)
    said: list[str] = []
    autosave = Autosave(ResultsWriter(sheet.manifest, sheet.at), said.append)
    obstacle = sheet.path.with_name(f".{sheet.path.name}.kling-batch.tmp")
    for row in (1, 2, 3):
        obstacle.mkdir(exist_ok=True)
        sheet.succeed(row)
        assert autosave.last().path == sheet.path.with_name("shots.results.csv")
    assert len(said) == 1
    assert said[0].endswith("the results are in " + str(sheet.path.with_name("shots.results.csv")))
    obstacle.rmdir()
    assert autosave.last() == Saved(sheet.path)
    obstacle.mkdir()
    sheet.path.write_text(SHOTS)
    autosave.last()
    assert said[1].startswith(f"{sheet.path} can be written again")
    assert said[0] == said[2]


def test_a_ledger_that_cannot_be_read_ends_no_run(make: Callable[..., Sheet]) -> None:
    """It is said in one line, without the words that are for a run that begins."""
    sheet = make(SHOTS)
    sheet.ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sheet.ledger.close()
    sheet.at.write_bytes(b"")
    said: list[str] = []
    saved = Autosave(ResultsWriter(sheet.manifest, sheet.at), said.append).last()
    assert saved.path is None
    assert "the table cannot be written now, for the ledger cannot be read" in said[0]
    assert "Nothing is lost: `kling-batch run` writes it later" in said[0]
    assert "Nothing was submitted" not in said[0]
    assert sheet.path.read_text() == SHOTS


def test_a_table_that_is_gone_ends_no_run(make: Callable[..., Sheet]) -> None:
    """The results are in the ledger only, and that is said."""
    sheet = make(SHOTS)
    sheet.path.unlink()
    said: list[str] = []
    saved = Autosave(ResultsWriter(sheet.manifest, sheet.at), said.append).last()
    assert (saved.path, [saved.trouble]) == (None, said)


def test_the_last_save_is_known_again_by_the_next_run(make: Callable[..., Sheet]) -> None:
    """The bytes that were written are those that the ledger remembers, with all that they show."""
    sheet = make(SHOTS)
    snapshot = ManifestSnapshot(sheet.manifest.open().digest(), sheet.manifest.settings, 3, 3)
    match(sheet.ledger, sheet.manifest.plan(sheet.manifest.open()))
    enrol(sheet.ledger, 1.0, new=True, snapshot=snapshot)
    sheet.succeed(2)
    assert Autosave(ResultsWriter(sheet.manifest, sheet.at), pytest.fail).finish(sheet.ledger) == Saved(sheet.path)
    known = load_snapshot(sheet.ledger, sheet.manifest.settings)
    assert known is not None
    assert (known.digest, known.final) == (sheet.manifest.open().digest(), True)
    assert known.shown == last_event(sheet.ledger)
