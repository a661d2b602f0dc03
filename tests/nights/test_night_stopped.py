"""Nights that are stopped again and again, by every signal there is, at seeded moments."""

import random
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.support.night import Night, end, kill, ledger, night, statuses, table, until

ROWS = 16
STOPS = 10
ENDS = {None, 0, 4, 130, *(-sign for sign in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL))}
"""130 where the run hears the signal; a signal that comes before or after it listens ends it as the system does."""


def by(*signs: signal.Signals) -> Callable[["subprocess.Popen[str]"], int | None]:
    """These signals, one after the other; how the command ended."""

    def stop(child: "subprocess.Popen[str]") -> int | None:
        for sign in signs:
            child.send_signal(sign)
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.02)
        return end(child).code

    return stop


WAYS: dict[str, Callable[["subprocess.Popen[str]"], int | None]] = {
    "SIGTERM": by(signal.SIGTERM),
    "SIGHUP": by(signal.SIGHUP),
    "SIGINT twice": by(signal.SIGINT, signal.SIGINT),
    "SIGTERM and SIGKILL": by(signal.SIGTERM, signal.SIGKILL),
    "SIGKILL": kill,
}


def test_no_way_to_stop_a_run_buys_a_second_video(tmp_path: Path) -> None:
    """Whatever was stopped how, the next run goes on, and each row is paid for once."""
    rand = random.Random(3)
    with night(tmp_path, slots=4, run_seconds=0.3) as now:
        shots = now.manifest(ROWS)
        given = shots.read_text().splitlines()
        for n in range(STOPS):
            what, stop = rand.choice([*WAYS.items()])
            kind = rand.choice(["submit", "status"])
            wanted = now.asked(kind) + rand.randint(1, 3)
            child = now.start("run", shots, "--concurrency", 3)
            until(lambda kind=kind, wanted=wanted: now.asked(kind) >= wanted, child)
            code = stop(child)
            assert code in ENDS, (n, what, code)
            require_paid_once(now, shots)
        assert now.run("run", shots).code in (0, 4)
        require_paid_once(now, shots)
        assert len(now.accepted) + statuses(shots)["in_doubt"] >= ROWS
        assert all(line.startswith(f"{old},") for line, old in zip(shots.read_text().splitlines(), given, strict=True))
        assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(shots) if row["video_url"])


def require_paid_once(now: Night, shots: Path) -> None:
    """Accepted once at most, within the attempts, and known, or its row in doubt or on its way."""
    rows = ledger(shots, "SELECT json_extract(arguments, '$.prompt'), attempts, state FROM row")
    known = {request for (request,) in ledger(shots, "SELECT request_id FROM request")}
    attempts = {prompt: times for prompt, times, _ in rows}
    open_ = {prompt for prompt, _, state in rows if state in ("submitting", "in_doubt")}
    assert set(now.accepted.values()) <= {1}
    assert all(prompt in attempts and attempts[prompt] == 1 for prompt in now.accepted)
    assert {prompt for request, prompt in now.videos.items() if request not in known} <= open_
