"""What workers cost and bring, and what their deaths do: `run --on`, measured on this machine.

python -m tests.benchmarks.workers scale      20,000 rows, 2,000 slots, 50 workers, one dying each minute: simulated
                                              two minutes (or: scale ROWS SLOTS WORKERS; each death has the whole
                                              history read, so that five times the rows take 25 times as long)
python -m tests.benchmarks.workers kills      2,000 rows on Ray: 30 SIGKILLs of workers, 3 of the run, a node frozen
                                              and another removed, about six minutes (or: kills ROWS)
python -m tests.benchmarks.workers speed      rows and bytes a second with 0, 1, 2 and 4 workers on Ray
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from batch.sandbox import Queue, serve
from batch.sandbox.media import Fetch
from batch.workers.calls import SUBMITS_EACH
from tests.support.mp4_files import an_mp4
from tests.support.night import Night, kill, ledger, service
from tests.support.ray_nodes import RayNodes, kill_one, ray_nodes, start_later, until
from tests.support.simulated import Service, count, ledger_of, night, play, service_queue, shots
from tests.support.simulated_workers import SimulatedHost, die_each, pooled

RUN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of a simulated night."""

    hours: float
    """Of the mock clock."""
    ideal_hours: float
    deaths: int
    in_doubt: int
    """Rows that came in doubt."""
    left_in_doubt: int
    """After a run by itself hours later."""
    paid_twice: int
    lost: int
    most_at_once: int
    """Submits that one worker had in the air at most."""
    calls: int
    real_seconds: float

    def told(self) -> str:
        return (
            f"{self.hours:.2f} h ({self.hours / self.ideal_hours:.3f} of the ideal), {self.deaths} deaths, "
            f"{self.in_doubt} in doubt, {self.left_in_doubt} after settling, {self.paid_twice} paid twice, "
            f"{self.lost} lost; at most {self.most_at_once} submits at one worker; {self.calls:,} calls, "
            f"{self.real_seconds:.0f} s to simulate"
        )


def simulate(rows: int, slots: int, workers: int, die_seconds: float = 60.0, seed: int = 0) -> Simulated:
    """A night on the mock clock: the real dispatcher, ledger, pool and worker; the service and the ways simulated."""
    began = time.perf_counter()
    queue = Service(service_queue(slots, RUN_SECONDS))
    book, host = ledger_of(shots(rows)), SimulatedHost(queue)
    ended = [0.0]

    async def whole() -> None:
        async with pooled(host, workers) as (_, gateway), anyio.create_task_group() as tasks:
            tasks.start_soon(die_each, host, die_seconds, seed)
            await night(book, gateway, concurrency=slots)
            ended[0] = max(queue.found_at.values())
            tasks.cancel_scope.cancel()
        await anyio.sleep(5 * 3600.0)
        await night(book, queue, concurrency=slots)

    play(whole)
    accepted = Counter(str(request.input["prompt"]) for request in queue.queue.requests)
    return Simulated(
        hours=ended[0] / 3600,
        ideal_hours=rows * RUN_SECONDS / slots / 3600,
        deaths=sum(worker.dead for worker in host.workers),
        in_doubt=int(book.db.execute("SELECT COUNT(*) FROM event WHERE new = 'in_doubt'").fetchone()[0]),
        left_in_doubt=count(book, "in_doubt"),
        paid_twice=sum(times > 1 for times in accepted.values()),
        lost=rows - count(book, "succeeded") - count(book, "in_doubt"),
        most_at_once=max(worker.most_submits for worker in host.workers),
        calls=sum(len(worker.asked) for worker in host.workers),
        real_seconds=time.perf_counter() - began,
    )


# Kills on real Ray


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of a night of kills."""

    seconds: float
    workers_killed: int
    runs_killed: int
    in_doubt: int
    most_in_doubt: int
    """That the deaths explain: four for each worker, and what the killed runs had in the air."""
    left_in_doubt: int
    paid_twice: int
    lost: int

    def told(self) -> str:
        return (
            f"{self.seconds:.0f} s, {self.workers_killed} workers killed, frozen or removed, {self.runs_killed} runs "
            f"killed: {self.in_doubt} in doubt (at most {self.most_in_doubt}), {self.left_in_doubt} after settling, "
            f"{self.paid_twice} paid twice, {self.lost} lost"
        )


class _Kills:
    """A night whose workers, runs and nodes are hurt as its requests are accepted."""

    def __init__(self, now: Night, shots: Path, nodes: RayNodes, workers: int) -> None:
        self._now, self._shots, self._nodes = now, shots, nodes
        self._command = ("run", shots, "--on", nodes.address, "--workers", workers)
        self._child = self._start()
        self.workers = self.runs = self.in_the_air = 0
        self._thaw: threading.Timer | None = None

    def _start(self) -> "subprocess.Popen[str]":
        return self._now.start(*self._command, more=self._nodes.environment)

    @property
    def accepted(self) -> int:
        return len(self._now.address.queue.requests)

    def wait(self, many: int) -> None:
        until(lambda: self.accepted >= many or self._child.poll() is not None, 600.0)
        if self._child.poll() is not None and self.accepted < many:
            raise AssertionError(self._child.communicate()[1])

    def kill_worker(self, nth: int) -> None:
        until(lambda: self._nodes.actors)
        self.workers += kill_one(self._nodes.actors, nth * 7)

    def kill_run(self) -> None:
        kill(self._child)
        self.runs += 1
        self.in_the_air += _number(self._shots, "SELECT COUNT(*) FROM row WHERE state = 'submitting'")
        self._child = self._start()

    def freeze_node(self, seconds: float) -> None:
        """The second node; Ray takes its workers for dead, which they are not."""
        raylet = self._nodes.raylets[1]
        os.kill(raylet, signal.SIGSTOP)
        self.workers += len(self._nodes.actors)
        self._thaw = threading.Timer(seconds, _thaw, (raylet,))
        self._thaw.start()

    def remove_node(self) -> None:
        self.workers += len(self._nodes.actors)
        self._nodes.say("remove")

    def end(self, rows: int) -> None:
        query = "SELECT COUNT(*) FROM row WHERE state IN ('succeeded', 'in_doubt')"
        until(lambda: _number(self._shots, query) == rows or self._child.poll() is not None, 600.0)
        if self._thaw:
            self._thaw.join()
        self._child.send_signal(signal.SIGINT)
        out, err = self._child.communicate(timeout=120)
        if "Traceback" in err:
            raise AssertionError(err)
        del out


def _thaw(raylet: int) -> None:
    try:
        os.kill(raylet, signal.SIGCONT)
    except ProcessLookupError:
        return


def _number(path: Path, query: str) -> int:
    return int(str(ledger(path, query)[0][0]))


def kills(folder: Path, rows: int, *, slots: int = 40, run_seconds: float = 3.0, workers: int = 6) -> Killed:
    """As many kills as rows are: of workers 30 at 2,000."""
    with pytest.MonkeyPatch.context() as patched, service(Queue(slots, run_seconds, clock=lambda: time.time())) as way:
        now = Night(folder, way)
        shots = now.manifest(rows)
        began = time.monotonic()
        with ray_nodes(4, {name: value for name, value in now.environment.items() if name != "FAL_KEY"}) as nodes:
            hurt = _Kills(now, shots, nodes, workers)
            events: list[tuple[int, Callable[[], None]]] = [
                *((rows * (nth + 1) // 34, lambda nth=nth: hurt.kill_worker(nth)) for nth in range(30)),
                *((rows * part // 20, hurt.kill_run) for part in (4, 9, 14)),
                (rows * 6 // 20, lambda: hurt.freeze_node(90.0)),
                (rows * 10 // 20, lambda: nodes.say("drain")),
                (rows * 12 // 20, hurt.remove_node),
            ]
            for many, happen in sorted(events, key=lambda one: one[0]):
                hurt.wait(many)
                happen()
            hurt.end(rows)
        seconds = time.monotonic() - began
        in_doubt = _number(shots, "SELECT COUNT(*) FROM event WHERE new = 'in_doubt'")
        real = time.time
        patched.setattr(time, "time", lambda: real() + 5 * 3600.0)
        with shots.open("a") as file:
            file.writelines(f"late{n},late {n},https://example.com/{n}.png,\n" for n in range(2))
        later = start_later(now, 5 * 3600.0, "run", shots)
        later.communicate(timeout=600)
        return Killed(
            seconds=seconds,
            workers_killed=hurt.workers,
            runs_killed=hurt.runs,
            in_doubt=in_doubt,
            most_in_doubt=SUBMITS_EACH * hurt.workers + hurt.in_the_air,
            left_in_doubt=_number(shots, "SELECT COUNT(*) FROM row WHERE state = 'in_doubt'"),
            paid_twice=sum(times > 1 for times in now.accepted.values()),
            lost=rows + 2 - _number(shots, "SELECT COUNT(*) FROM row WHERE state = 'succeeded'"),
        )


# Speed


VIDEO_BYTES = 4_000_000


def _render(given: Mapping[str, object], target: Path, /, *, fetch: Fetch) -> None:
    """The same bytes for all: what is measured is their way."""
    target.write_bytes(_VIDEO)


_VIDEO = an_mp4(VIDEO_BYTES, 5.04)


def speed(folder: Path, workers: int, rows: int, *, shared: bool = False) -> str:
    """A night whose requests run for a tenth of a second, and whose videos come down; a line of its figures."""
    serving = serve(Queue(64, 0.1), folder=folder / "service", render=_render)
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(serving) as address:
        home = folder / f"night{workers}{shared}"
        home.mkdir(parents=True)
        now = Night(home, address)
        table = now.manifest(rows)
        with ray_nodes(2, {name: value for name, value in now.environment.items() if name != "FAL_KEY"}) as nodes:
            more = ["--on", nodes.address, "--workers", str(workers)] if workers else []
            more += ["--shared-folder", str(home)] if shared else []
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            child = now.start("run", table, "--concurrency", 64, "--download", *more, more=nodes.environment)
            _, err = child.communicate(timeout=600)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode:
        raise AssertionError(err)
    (seconds,) = ledger(table, "SELECT MAX(at) - MIN(at) FROM event WHERE new <> 'pending'")[0]
    took, cpu = float(str(seconds)), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (
        f"{workers} workers{' and a shared folder' if shared else ''}: {rows / took:.1f} rows/s, "
        f"{rows * VIDEO_BYTES / took / 1e6:.1f} MB/s, {cpu / rows * 1000:.1f} ms CPU of the run a row ({cpu:.1f} s)"
    )


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kling-bench-") as folder:
        os.environ["XDG_STATE_HOME"] = f"{folder}/state"
        home = Path(folder, "night")
        home.mkdir()
        yield home


def main() -> int:
    what, numbers = sys.argv[1], [int(one) for one in sys.argv[2:]]
    if what == "scale":
        rows, slots, workers = numbers or (20_000, 2_000, 50)
        print(f"{rows:,} rows, {slots:,} slots, {workers} workers:", simulate(rows, slots, workers).told())
    elif what == "kills":
        with _folder() as folder:
            print(kills(folder, numbers[0] if numbers else 2_000).told())
    elif what == "speed":
        with _folder() as folder:
            for workers, shared in ((0, False), (1, False), (2, False), (4, False), (2, True)):
                print(speed(folder, workers, numbers[0] if numbers else 200, shared=shared), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
