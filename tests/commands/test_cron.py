"""`run --cron`, night after night on a mock clock: what is said, with which exit code, and what is in the log."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio import current_time

from batch.commands import cron
from batch.commands.batch import Batch
from batch.commands.cron import overdue, run_by_cron, was_told
from batch.core.run_options import RunOptions
from batch.errors import Exit, LedgerBusy, ManifestError
from batch.ledger.ledger import Ledger
from batch.reports.outcome import Outcome
from tests.support.runs import a_service, play_in_line, reaching
from tests.support.sheets import SHOTS, batch
from tests.support.simulated import EPOCH


@pytest.fixture
def nights(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str | None, Exit]]:
    """One night of a batch against a service, in this process."""

    def one(given: Batch, service: object | None = None, options: RunOptions | None = None) -> tuple[str | None, Exit]:
        from batch.commands.run import Surroundings, run

        def run_batch(opened: Batch, wanted: RunOptions, say: object, **more: object) -> Outcome:
            around = Surroundings(
                connect=reaching(service or a_service()),  # type: ignore[arg-type]
                now=lambda: EPOCH + current_time(),
                show_progress=False,
                news=True,
            )

            async def night() -> Outcome:
                return await run(opened, wanted, say, None, around)  # type: ignore[arg-type]

            return play_in_line(night)  # type: ignore[no-any-return]

        monkeypatch.setattr(cron, "run_batch", run_batch)
        outcome, text, code = run_by_cron(given, options or RunOptions(concurrency=4))
        if outcome.news:
            was_told(given, outcome.news.upto)
        return text, code

    return one


def test_a_night_is_told_of_once(tmp_path: Path, nights: Callable[..., tuple[str | None, Exit]]) -> None:
    """The next one has nothing to say; and the log has both, with what was said."""
    given = batch(tmp_path, SHOTS)
    text, code = nights(given)
    assert (code, "this time: 3 rows with a video" in (text or "")) == (Exit.DONE, True)
    assert nights(given) == (None, Exit.DONE)
    log = (tmp_path / "shots.csv.log").read_text()
    assert log.count("begins: ") == 2
    assert log.count("ends: exit code 0") == 2
    assert "3 rows to run for" in log


def test_a_row_that_was_told_of_as_failed_is_no_alarm_the_next_night(
    tmp_path: Path, nights: Callable[..., tuple[str | None, Exit]]
) -> None:
    """A new row in the table is; and the letter speaks of it alone."""
    given = batch(tmp_path, SHOTS)
    _, code = nights(given)
    assert code is Exit.DONE
    path = given.manifest.path
    path.write_text(path.read_text() + "bad,,https://x.y/9.png\n")
    text, code = nights(batch(tmp_path, path.read_text()))
    assert (code, "invalid" in (text or "")) == (Exit.ROWS_FAILED, True)
    assert nights(batch(tmp_path, path.read_text())) == (None, Exit.DONE)


def test_a_run_by_hand_tells_too(tmp_path: Path, nights: Callable[..., tuple[str | None, Exit]]) -> None:
    """What a person saw at the terminal is no news in the mail."""
    from tests.support.runs import run_through

    given = batch(tmp_path, SHOTS)
    service = a_service()
    nights(given, service, RunOptions(limit=1, concurrency=1))
    run_through(given, service)
    assert nights(given) == (None, Exit.DONE)


def test_what_stood_in_the_ledger_before_the_first_night_was_seen_by_who_ran_it(
    tmp_path: Path, nights: Callable[..., tuple[str | None, Exit]]
) -> None:
    """The first letter is no history."""
    from tests.support.runs import run_through

    given = batch(tmp_path, SHOTS)
    run_through(given, a_service())
    assert nights(given) == (None, Exit.DONE)


def test_what_ends_a_command_is_in_the_log_too(tmp_path: Path, nights: Callable[..., tuple[str | None, Exit]]) -> None:
    """A table that is gone."""
    given = batch(tmp_path, SHOTS)
    given.manifest.path.unlink()
    with pytest.raises(ManifestError):
        nights(given)
    assert "cannot be read" in (tmp_path / "shots.csv.log").read_text()


def test_a_night_that_overlaps_is_worth_no_word_until_it_lasts_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it hangs, and somebody should know."""
    given = batch(tmp_path, SHOTS)
    monkeypatch.setattr("batch.commands.at_work.is_locked", lambda _: True)
    for age, said in ((3600.0, False), (90_000.0, True)):
        with Ledger.open(given.ledger) as ledger:
            note = {"pid": os.getpid(), "host": os.uname().nodename, "since": time.time() - age, "born": None}
            monkeypatch.setattr("batch.commands.at_work._born", lambda _: None)
            ledger.set_meta("at_work", json.dumps(note))
        told = overdue(given, LedgerBusy("another run is at work"))
        assert ("it has been for 25 h" in (told or "")) == said
