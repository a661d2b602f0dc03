"""Where a batch stands, from its ledger alone."""

from pathlib import Path

import pytest

from batch.commands.batch import open_batch
from batch.commands.status import status
from batch.core.run_options import RunOptions
from batch.core.states import Status
from batch.errors import Exit, LedgerBusy, LedgerError
from batch.ledger.file import locked
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.runs import a_service, run_through
from tests.support.sheets import SHOTS, batch


def test_the_status_is_that_of_the_run_that_has_ended(tmp_path: Path) -> None:
    """The same standing, the same exit code, the same command to type next; of this run there is nothing to tell."""
    given = batch(tmp_path, SHOTS)
    ended = run_through(given, a_service(), RunOptions(limit=1, concurrency=1))
    told = status(given.manifest.path, sandbox=False)
    assert told.standing == ended.standing
    assert (told.table, told.next_command) == (ended.table, ended.next_command)
    assert told.exit_code is Exit.STOPPED_EARLY
    assert told.spent_now == 0
    assert "in this run" not in told.text(run=False)


def test_the_manifest_is_not_read(tmp_path: Path) -> None:
    """It may be open elsewhere, edited, or gone."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service())
    given.manifest.path.unlink()
    assert status(given.manifest.path, sandbox=False).standing.count(Status.SUCCEEDED) == 3


def test_the_status_is_told_while_a_run_holds_the_ledger(tmp_path: Path) -> None:
    """It reads beside the writer and changes no byte."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service())
    before = given.ledger.read_bytes()
    with locked(given.ledger):
        with pytest.raises(LedgerBusy):
            run_through(given, a_service())
        assert status(given.manifest.path, sandbox=False).exit_code is Exit.DONE
    assert given.ledger.read_bytes() == before


def test_a_rehearsal_is_a_batch_of_its_own(tmp_path: Path) -> None:
    """Its ledger, its table, its command; of the real night nothing is known."""
    shots = tmp_path / "shots.csv"
    shots.write_text(SHOTS)
    given = open_batch(shots, JOB, sandbox=True)
    given.ledger.parent.mkdir()
    run_through(given, a_service(), RunOptions(limit=1, concurrency=1))
    told = status(shots, sandbox=True)
    assert told.table == str(tmp_path / "shots.sandbox.csv")
    assert told.next_command == f"kling-batch run {shots} --sandbox --concurrency 1 --limit 1"
    assert "nothing was really spent" in told.text(run=False)
    with pytest.raises(LedgerError, match=r"nothing was run\. `kling-batch check` says what it would cost"):
        status(shots, sandbox=False)
