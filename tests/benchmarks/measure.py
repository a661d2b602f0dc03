"""One client, one manifest, one fresh service: what it took."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.benchmarks.clients import Client

ROOT = Path(__file__).parents[2]
CA_FILE = "ca.pem"
"""As `batch.sandbox.certificates` names it; importing that would make this process large, see `_run`."""
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """A night in small: so many rows on so many slots, each running `seconds`, more or less by the share `spread`.

    Before it runs each waits for the share `wait` of that time though a slot is free: in a slot that it holds already,
    or in a line of others.
    """

    slots: int
    rows: int
    seconds: float
    spread: float = 0.0
    wait: float = 0.0
    holds: bool = False

    def __str__(self) -> str:
        spread = f" ± {self.spread:.0%}" if self.spread else ""
        where = "for a runner" if self.holds else "in a line"
        wait = f", {self.wait * self.seconds:.1f} s {where} before" if self.wait else ""
        return f"{self.slots} slots, {self.rows:,} rows of {self.seconds:g} s{spread}{wait}"


@dataclass(frozen=True)
class Measured:
    """What one run took. Times are seconds of the machine's monotonic clock."""

    client: Client
    case: Case
    began: float
    ended: float
    code: int
    cpu: float
    peak: int
    """Bytes."""
    said: str
    """The end of what it printed."""
    seen: dict[str, Any]
    """What the service saw."""

    @property
    def wall(self) -> float:
        return self.ended - self.began

    @cached_property
    def ideal(self) -> float:
        """Seconds that the runs would take with no slot ever idle but in the first wait."""
        ran = (end - start for start, end in zip(self.seen["starts"], self.seen["ends"], strict=True))
        wait = self.case.wait * self.case.seconds
        waits = wait * self.case.rows / self.case.slots if self.case.holds else wait
        return float(sum(ran) / self.case.slots) + waits

    @property
    def makespan(self) -> float:
        """The whole command, as a multiple of the ideal."""
        return self.wall / self.ideal

    @property
    def requests(self) -> float:
        """HTTP requests a row."""
        return float(sum(self.seen["asked"].values()) / self.case.rows)

    @property
    def cpu_a_row(self) -> float:
        """Milliseconds, user and system, of the client's process only."""
        return self.cpu / self.case.rows * 1000

    @cached_property
    def lags(self) -> list[float]:
        """Seconds from the end of a request to the fetching of its result."""
        both = zip(self.seen["ends"], self.seen["fetched"], strict=True)
        return sorted(fetched - end for end, fetched in both if fetched is not None)

    @property
    def lag(self) -> float:
        return median(self.lags)

    @property
    def late(self) -> float:
        """The 90th percentile of the lags."""
        return quantiles(self.lags, n=10)[-1]

    @property
    def peak_megabytes(self) -> float:
        return self.peak / MEGABYTE

    @property
    def service_share(self) -> float:
        """Of one core, used by the service."""
        return float(self.seen["cpu"] / self.wall)

    def faults(self) -> list[str]:
        """What it left undone; its figures then say little."""
        bought = Counter(self.seen["prompts"])
        found = [f"exit code {self.code}"] if self.code else []
        if len(bought) != self.case.rows:
            found.append(f"{len(bought)} of {self.case.rows} rows submitted")
        if twice := sum(count > 1 for count in bought.values()):
            found.append(f"{twice} rows paid twice")
        if lost := self.seen["fetched"].count(None):
            found.append(f"{lost} results never fetched")
        return found


class Service:
    """The service in a process of its own, while the block runs; `seen` is what it saw, afterwards."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.seen: dict[str, Any] = {}
        self._folder = folder
        command = [sys.executable, "-m", "tests.benchmarks.service", str(folder)]
        told = (case.slots, case.seconds, case.spread, case.wait * case.seconds)
        self._child = subprocess.Popen(
            [*command, *map(str, told), "slot" if case.holds else "line"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __enter__(self) -> "Service":
        assert self._child.stdout
        self.port, self.proxy = map(int, self._child.stdout.readline().split())
        return self

    def __exit__(self, *_: object) -> None:
        self.seen = json.loads(self._child.communicate()[0])

    def environment(self) -> dict[str, str]:
        """What points every client here."""
        authority = str(self._folder / CA_FILE)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "PYTHONPATH": str(ROOT),
            "FAL_KEY": "benchmark",
            "FAL_QUEUE_RUN_HOST": f"localhost:{self.port}",
            "HTTPS_PROXY": f"http://127.0.0.1:{self.proxy}",  # what is not the queue: fal's platform API
            "NO_PROXY": "localhost",
            "SERVICE": f"localhost:{self.port}",
            "SSL_CERT_FILE": authority,
            "NODE_EXTRA_CA_CERTS": authority,
        }


def measure(client: Client, case: Case) -> Measured:
    """Runs it once; SystemExit when it brought nothing home, for then nothing can be said."""
    with tempfile.TemporaryDirectory(prefix="kling-batch-benchmark-") as name:
        folder = Path(name)
        manifest = folder / "shots.csv"
        lines = [f"r{n},prompt {n},https://example.com/{n}.png\n" for n in range(case.rows)]
        manifest.write_text("id,prompt,image\n" + "".join(lines))
        with Service(case, folder) as service, (folder / "said").open("w+") as said:
            began = time.monotonic()
            code, cpu, peak = _run(client.command(manifest, case.slots), service.environment(), said.fileno())
            ended = time.monotonic()
        told = (folder / "said").read_text(errors="replace")[-2000:]
        measured = Measured(client, case, began, ended, code, cpu, peak, told, service.seen)
    if len(measured.lags) < 2:
        raise SystemExit(f"{client.name}, {case}: {', '.join(measured.faults())}\n{told}")
    return measured


def _run(command: Sequence[str], environment: dict[str, str], said: int) -> tuple[int, float, int]:
    """Exit code, CPU seconds, and peak memory in bytes, of this process alone.

    The kernel counts the memory of the process that starts a child as the child's: that is why this one stays small,
    and matplotlib is imported last.
    """
    child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
