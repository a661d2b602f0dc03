"""A run that is at work is told of by `status`, and can be stopped for `cancel`."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from batch.commands import at_work
from batch.commands.at_work import AT_FAL, noted, stop_worker, worker_at
from batch.core.worker import FalCounts
from batch.errors import LedgerBusy
from batch.ledger.file import is_locked, locked
from batch.ledger.ledger import Ledger
from batch.ledger.summary import summarize
from batch.reports.outcome import Outcome
from tests.support.night import Night, end, kill, night, statuses, table, until

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@contextmanager
def running(now: Night, rows: int = 3) -> Iterator[tuple[Path, "subprocess.Popen[str]"]]:
    """A run whose rows are all at fal, and stay there."""
    shots = now.manifest(rows)
    child = now.start("run", shots, "--concurrency", rows)
    try:
        until(lambda: now.asked("submit") == rows and len(now.accepted) == rows, child)
        yield shots, child
    finally:
        kill(child)


def test_status_during_a_run_says_so_and_is_no_alarm(tmp_path: Path) -> None:
    """Who, since when; exit 0, and nothing to type. When the run was killed it says what there is to do again."""
    with night(tmp_path, run_seconds=60.0) as now, running(now) as (shots, child):
        told = now.run("status", shots)
        assert told.code == 0
        assert re.search(
            rf"a run is at work \(process {child.pid} on .+, since \d{{4}}-\d\d-\d\d \d\d:\d\d\)", told.out
        )
        assert "next:" not in told.out
        found = json.loads(now.run("status", shots, "--json").out)
        assert (found["exit_code"], found["next"], found["at_work"]["pid"]) == (0, None, child.pid)
        kill(child)
        after = now.run("status", shots)
        assert after.code in (3, 4)
        assert "at work" not in after.out
        assert "next: kling-batch" in after.out
        assert json.loads(now.run("status", shots, "--json").out)["at_work"] is None


@POSIX
def test_status_during_a_run_says_what_runs_and_what_waits_at_fal(tmp_path: Path) -> None:
    """As the run noted it last; once the run is over nobody is told any more."""
    path = ledger_at(tmp_path)
    with locked(path), Ledger.open(path) as ledger, noted(ledger, 1e9):
        found = worker_at(path)
        assert found is not None
        assert found.at_fal is None
        ledger.set_meta(AT_FAL, FalCounts(12, 30, 8411).note)
        found = worker_at(path)
        assert found is not None
        assert found.at_fal == FalCounts(12, 30, 8411)
        told = Outcome(standing=summarize(ledger), table="shots.csv", worker=found)
        assert "12 running, 30 waiting at fal (next is 8,412th in line)" in told.text()
        assert told.to_dict()["at_work"]["at_fal"] == {"running": 12, "waiting": 30, "ahead": 8411}
    with locked(path), Ledger.open(path) as ledger, noted(ledger, 1e9):
        found = worker_at(path)
        assert found is not None
        assert found.at_fal is None


def test_cancel_during_a_run_says_to_stop_it_or_stops_it(tmp_path: Path) -> None:
    """What it says to type does it: the run ends in good order, and all that it submitted is taken back."""
    with night(tmp_path, slots=1, run_seconds=60.0) as now, running(now) as (shots, child):
        refused = now.run("cancel", shots)
        assert refused.code == 75
        assert f"process {child.pid} on " in refused.err
        assert now.asked("cancel") == 0
        assert child.poll() is None
        typed = re.search(r"`kling-batch (.*)`", refused.err)
        assert typed
        assert typed[1] == f"cancel {shots} --stop"
        taken = now.run(*typed[1].split())
        stopped = end(child)
        assert stopped.code == 130
        assert "stopping" in stopped.err
        assert f"told the run (process {child.pid}) to stop" in taken.err
        assert "rows taken back" in taken.out
        assert statuses(shots)["cancelled"] >= 2
        assert {row["status"] for row in table(shots)} <= {"cancelled", "submitted"}  # the first one ran already


@POSIX
def test_cancel_stops_nobody_where_nobody_is_at_work(tmp_path: Path) -> None:
    """`--stop` in a script that does not know: the same as without."""
    with night(tmp_path) as now:
        shots = now.manifest(1)
        assert now.run("run", shots).code == 0
        ended = now.run("cancel", shots, "--stop")
        assert (ended.code, ended.out) == (0, "0 rows taken back\n")


def ledger_at(folder: Path) -> Path:
    (folder / "shots.csv").write_text("prompt,image\n")
    path = folder / "shots.csv.ledger"
    Ledger.open(path).close()
    return path


def test_nobody_is_at_work_without_both_the_note_and_the_lock(tmp_path: Path) -> None:
    """A killed run leaves its note; another command holds the lock; a ledger may not be there at all."""
    path = ledger_at(tmp_path)
    assert worker_at(tmp_path / "none.csv.ledger") is None
    assert worker_at(path) is None
    with locked(path):
        assert worker_at(path) is None
        with Ledger.open(path) as ledger, noted(ledger, 1e9):
            found = worker_at(path)
            assert found is not None
            assert (found.pid, found.since) == (os.getpid(), 1e9)
        assert worker_at(path) is None
    with Ledger.open(path) as ledger, noted(ledger, 1e9):
        assert worker_at(path) is None


@POSIX
def test_a_process_that_got_the_number_of_a_killed_run_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By when it was born; a number that nobody has is nobody; another machine's only its lock can tell."""
    path = ledger_at(tmp_path)
    with locked(path), Ledger.open(path) as ledger, noted(ledger, 1e9):
        mine = worker_at(path)
        assert mine is not None
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        for other, told in (
            (replace(mine, born="1"), False),
            (replace(mine, pid=gone.pid), False),
            (replace(mine, host="elsewhere", pid=gone.pid), True),
        ):
            ledger.set_meta("at_work", other.note)
            assert (worker_at(path) is not None) == told or mine.born is None
        with pytest.raises(LedgerBusy, match=r"the run on elsewhere .* stop it there"):
            stop_worker(replace(mine, host="elsewhere"), path, print)


@POSIX
def test_a_run_that_does_not_stop_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that has just ended is not missed."""
    path, said = ledger_at(tmp_path), list[str]()
    monkeypatch.setattr(at_work, "STOPPING_SECONDS", 0.1)
    deaf = subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE)
    assert deaf.stdout is not None
    try:
        deaf.stdout.readline()
        with locked(path), Ledger.open(path) as ledger, noted(ledger, 1e9):
            mine = worker_at(path)
            assert mine is not None
            with pytest.raises(LedgerBusy, match="has not stopped in"):
                stop_worker(replace(mine, pid=deaf.pid), path, said.append)
            assert deaf.poll() is None
    finally:
        deaf.send_signal(signal.SIGKILL)
        deaf.wait()
        deaf.stdout.close()
    stop_worker(replace(mine, pid=deaf.pid), path, said.append)
    assert all(f"told the run (process {deaf.pid}) to stop" in one for one in said)


DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


def test_asking_for_the_lock_makes_no_file_and_holds_nobody_up(tmp_path: Path) -> None:
    """It is asked for while a run may begin."""
    path = ledger_at(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert not is_locked(path)
    assert sorted(tmp_path.iterdir()) == before
    with locked(path):
        assert is_locked(path)
    assert not is_locked(path)
    with locked(path):
        assert is_locked(path)
