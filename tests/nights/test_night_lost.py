"""Nights in which replies are lost, the run is killed, or somebody presses Ctrl-C."""

import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.night import Night, end, kill, ledger, night, statuses, table, until

WAYS_TO_LOSE = ("cut_after", "cut_half", "truncated", "accept_then_502_nginx", "accept_then_500", "garbage")


def test_no_lost_reply_buys_a_second_video(tmp_path: Path) -> None:
    """Replies lost in six ways: no input is accepted twice, what is unknown is in doubt, the rest has its video."""
    faults = ",".join(f"submit:{6 + 7 * n}={way}" for n, way in enumerate(WAYS_TO_LOSE))
    with night(tmp_path, slots=60, run_seconds=0.6, faults=faults) as now:
        shots = now.manifest(60)
        first = now.run("run", shots, "--concurrency", 60)
        doubted = statuses(shots)["in_doubt"]
        assert first.code == (4 if doubted else 0), first.err
        assert ("in doubt: they may have been paid for" in first.err) == bool(doubted)
        assert now.run("run", shots).code in (0, 4)
        assert set(now.accepted.values()) == {1}
        assert all(now.address.queue.times_accepted(one.input) == 1 for one in now.address.queue.requests)
        rows = table(shots)
        assert len(now.accepted) == len(rows) == 60
        for row in rows:
            if row["status"] == "succeeded":
                assert now.videos[row["request_id"]] == row["prompt"]
                assert row["request_id"] in row["video_url"]
            else:
                assert (row["status"], row["error_type"], row["cost_usd"]) == ("in_doubt", "reply_lost", "0.49")
                assert row["error"].startswith("it may have been paid for: ")


def test_lost_questions_fail_no_row(tmp_path: Path) -> None:
    """Statuses and results that are cut, garbled, refused or missing are asked again; every video comes home."""
    faults = (
        "status:*5=503,status:*7=cut_half,status:*11=garbage,status:3=no_logs,status:4=unknown_state,"
        "result:2=cut_after,result:4=502_nginx,result:6=truncated,connect:2=502"
    )
    with night(tmp_path, faults=faults) as now:
        shots = now.manifest(12)
        assert now.run("run", shots, "--concurrency", 12).code == 0
        assert now.asked("submit") == 12
        assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(shots))


def test_an_unreachable_service_means_waiting(tmp_path: Path) -> None:
    """Connections that never come about are repeated; no row fails, none is in doubt, none is bought twice."""
    with night(tmp_path, faults="connect:1=503") as now:
        shots = now.manifest(3)
        assert now.run("run", shots).code == 0
        assert now.accepted == {f"prompt {n}": 1 for n in range(3)}


ROWS = 40
KILLS = 12


def test_no_kill_buys_a_second_video_or_harms_the_table(tmp_path: Path) -> None:
    """SIGKILL at any moment, again and again: each input paid for once at most, each paid video known or in doubt."""
    rand = random.Random(11)
    with night(tmp_path, slots=8, run_seconds=0.3) as now:
        shots = now.manifest(ROWS)
        given = [line + "," for line in shots.read_text().splitlines()]
        with looked_at(shots, given) as looks:
            for _ in range(KILLS):
                child = now.start("run", shots, "--concurrency", 4)
                until(moment(now, shots, child.pid, rand), child)
                kill(child)
            last = now.run("run", shots, "--concurrency", 20)
            assert last.code in (0, 4), last.err
        assert len(looks) > KILLS
        require_paid_once(now, shots)
        assert now.run("run", shots).code == last.code
        require_paid_once(now, shots)


def moment(now: Night, shots: Path, pid: int, rand: random.Random) -> "Moment":
    """A seeded moment: a request of some kind has come, or a file of ours stands there, and then a little more."""
    kind = rand.choice(["submit", "submit", "submit", "status", "result", "ledger", "wal"])
    return Moment(now, shots, kind, rand.randint(1, 4), rand.choice([0, 0, 1, 3, 10]))


class Moment:
    """True from the n-th request of a kind on (or once a file stands there), and a number of looks later."""

    def __init__(self, now: Night, shots: Path, kind: str, more: int, looks: int) -> None:
        self._now, self._shots, self._kind, self._looks = now, shots, kind, looks
        self._wanted = now.asked(kind) + more

    def __call__(self) -> bool:
        if self._kind in ("ledger", "wal"):
            come = Path(f"{self._shots}.ledger{'-wal' if self._kind == 'wal' else ''}").exists()
        else:
            come = self._now.asked(self._kind) >= self._wanted
        self._looks -= come
        return come and self._looks < 0


def require_paid_once(now: Night, shots: Path) -> None:
    """The service's books and the ledger agree, and the table shows what the ledger has."""
    attempts = dict(ledger(shots, "SELECT json_extract(arguments, '$.prompt'), attempts FROM row"))
    known = {request for (request,) in ledger(shots, "SELECT request_id FROM request")}
    rows = table(shots)
    assert [row["prompt"] for row in rows] == [f"prompt {n}" for n in range(ROWS)]
    assert all(count <= attempts[prompt] for prompt, count in now.accepted.items())
    assert set(now.accepted.values()) == {1}
    doubted = {row["prompt"] for row in rows if row["status"] == "in_doubt"}
    assert {prompt for request, prompt in now.videos.items() if request not in known} <= doubted
    for row in rows:
        if row["prompt"] not in doubted:
            assert row["status"] == "succeeded"
            assert now.videos[row["request_id"]] == row["prompt"]
            assert row["request_id"] in row["video_url"]


@contextmanager
def looked_at(shots: Path, given: list[str]) -> Iterator[list[int]]:
    """Reads the table all the time, in a thread: at every look it is whole, and the user's cells are as given."""
    looks: list[int] = []
    wrong: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.005):
            lines = shots.read_text().splitlines()
            looks.append(len(lines))
            if len(lines) != len(given) or not all(map(str.startswith, [f"{line}," for line in lines], given)):
                wrong.append("\n".join(lines))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looks
    finally:
        done.set()
        thread.join()
    assert not wrong


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_in_good_order_and_the_next_run_goes_on(tmp_path: Path, sign: signal.Signals) -> None:
    """130, the table written; the next run collects what is under way without a POST, and submits the rest."""
    with night(tmp_path, run_seconds=0.8) as now:
        shots = now.manifest(6)
        child = now.start("run", shots, "--concurrency", 4)
        until(lambda: now.asked("submit") == 4 and len(ledger(shots, UNDER_WAY)) == 4, child)
        child.send_signal(sign)
        ended = end(child)
        assert ended.code == 130, ended.err
        assert "stopping: nothing more is submitted; what is under way is picked up by the next run" in ended.err
        assert f"next: kling-batch run {shots}" in ended.err
        assert statuses(shots) == {"submitted": 4, "pending": 2}
        sent = {row["prompt"]: row["request_id"] for row in table(shots) if row["status"] == "submitted"}
        assert now.run("run", shots).code == 0
        assert now.accepted == {f"prompt {n}": 1 for n in range(6)}
        assert sent.items() <= {row["prompt"]: row["request_id"] for row in table(shots)}.items()


UNDER_WAY = "SELECT 1 FROM row WHERE state = 'submitted'"


def test_a_second_interrupt_ends_at_once_even_while_a_reply_is_awaited(tmp_path: Path) -> None:
    """The first one waits for the reply to a POST; pressed again it ends, and the row is never sent again."""
    with night(tmp_path, faults="submit:1=silent") as now:
        shots = now.manifest(2)
        child = now.start("run", shots)
        until(lambda: now.accepted, child)
        child.send_signal(signal.SIGINT)
        assert child.stderr is not None
        until(lambda: "stopping" in child.stderr.readline())
        began = time.monotonic()
        while child.poll() is None and time.monotonic() - began < 5:
            child.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.5)
        assert end(child).code == 130
        assert now.run("run", shots).code in (0, 4)
        assert statuses(shots) in ({"in_doubt": 1, "succeeded": 1}, {"succeeded": 2})  # in doubt, or found at fal
        assert now.accepted == {"prompt 0": 1, "prompt 1": 1}
