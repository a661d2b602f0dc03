"""A signal ends a command with 130, whenever it comes and however often; nothing is lost by it."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import anyio
import pytest

from batch.commands import signals
from tests.nights.test_night_stopped import require_paid_once
from tests.support.night import PATIENCE, Night, end, night, statuses, until

SIGNS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
WELL = {0, 3, 4}
WITHOUT_A_KEY = {"run": 2, "check": 0, "status": 2, "rerun": 2, "resolve": 2, "cancel": 2}
"""How each command ends by itself, of a table that no run has seen."""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what a process catches is read from /proc")


def armed(child: "subprocess.Popen[str]") -> bool:
    """Whether our own code has begun: before, the interpreter loads, and no program can answer for it."""
    with suppress(OSError):
        status = Path(f"/proc/{child.pid}/status").read_text()
        caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)
    return True


def hold(child: "subprocess.Popen[str]") -> bool:
    """Stops it where it is, so that a signal cannot come too late; False where it had ended before that."""
    os.kill(child.pid, signal.SIGSTOP)
    state = ""
    while state not in {"T", "Z"}:
        state = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"


def struck(child: "subprocess.Popen[str]", signs: Sequence[signal.Signals], seconds: float) -> tuple[bool, int]:
    """Whether the first signal found it alive, and how it ended."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
    alive = child.poll() is None
    for sign in signs:
        child.send_signal(sign)
        time.sleep(0.002)
    return alive, end(child).code


@LINUX
def test_a_signal_at_any_moment_ends_a_run_with_130(tmp_path: Path) -> None:
    """From our first line on, before the event loop, in the run, while the table is saved; once or twice."""
    rand, ends = random.Random(7), Counter[int]()
    with night(tmp_path, slots=4, run_seconds=0.1) as now:
        shots = now.manifest(40)
        for n in range(16):
            child = now.start("run", shots, "--concurrency", 2)
            until(lambda child=child: armed(child), child)
            signs = [rand.choice(SIGNS) for _ in range(rand.randint(1, 2))]
            seconds = rand.choice([0.0, rand.uniform(0, 0.3), rand.uniform(0, 2.0)])
            alive, code = struck(child, signs, seconds)
            assert code == 130 or (code in WELL and (not alive or now.asked("submit") >= 40)), (n, signs, seconds, code)
            ends[code] += 1
            if Path(f"{shots}.ledger").exists():
                require_paid_once(now, shots)
        assert ends[130] >= 8
        assert now.run("run", shots).code in (0, 4)
        require_paid_once(now, shots)
        assert len(now.accepted) + statuses(shots)["in_doubt"] >= 40


@LINUX
@pytest.mark.parametrize("sign", SIGNS)
def test_a_signal_in_the_last_milliseconds_ends_it_with_130_too(sign: signal.Signals, tmp_path: Path) -> None:
    """While the table is saved, and while the interpreter would wind down: as soon as the summary is said."""
    with night(tmp_path) as now:
        shots = now.manifest(2)
        assert now.run("run", shots).code == 0
        for command in ("run", "status"):
            child = now.start(command, shots)
            stream = child.stderr if command == "run" else child.stdout
            assert stream is not None
            stream.readline()
            child.send_signal(sign)
            assert end(child).code in (0, 130)


@LINUX
@pytest.mark.parametrize("sign", SIGNS)
def test_every_command_ends_with_130_by_a_signal_at_its_beginning(sign: signal.Signals, tmp_path: Path) -> None:
    """While it loads; without a traceback."""
    now = Night(tmp_path)
    for command, by_itself in WITHOUT_A_KEY.items():
        child = now.start(command, now.manifest(3, name=f"{command}.csv"))
        until(lambda child=child: armed(child), child)
        held = hold(child)
        child.send_signal(sign)
        child.send_signal(signal.SIGCONT)
        ended = end(child)
        assert ended.code == (130 if held else by_itself), (command, held, ended)


def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """`nohup kling-batch run` outlives its terminal."""
    with night(tmp_path, run_seconds=0.3) as now:
        shots = now.manifest(3)
        command = ["nohup", sys.executable, "-m", "batch", "run", str(shots)]
        child = subprocess.Popen(
            command, env=now.environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        until(lambda: now.asked("submit") == 3, child)
        child.send_signal(signal.SIGHUP)
        assert end(child).code == 0
        assert statuses(shots) == {"succeeded": 3}


def test_runs_in_one_process_all_hear_a_signal_and_give_it_back_in_any_order() -> None:
    """A program that runs several tables at once; the first to end takes the signals from none of the others."""

    async def three() -> None:
        with ExitStack() as first, ExitStack() as second:
            first.enter_context(signals.listening())
            two = second.enter_context(signals.listening())
            with signals.listening() as three, anyio.fail_after(PATIENCE):
                first.close()
                os.kill(os.getpid(), signal.SIGTERM)
                await three()
                await two()
            assert signals.asked_to_end()

    before = signal.getsignal(signal.SIGTERM)
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    try:
        anyio.run(three)
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        assert signal.set_wakeup_fd(wakeup) == wakeup
