"""Whole nights: the real command in child processes, against a sandbox served by this one.

The children know the sandbox by their environment only, so they take the real way: fal-client, the guard, a
CONNECT proxy, TLS, and fal's own host names.
"""

import csv
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from batch.sandbox import Address, Faults, Queue, serve

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds until a condition that is waited for counts as never met: a machine may be busy, and the way to a cluster is
tried three times, for 20 s each."""
OURS = (
    "status",
    "video_url",
    "error",
    "error_type",
    "request_id",
    "attempts",
    "cost_usd",
    "submitted_at",
    "finished_at",
    "video_path",
    "video_size",
    "video_type",
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. Its output must never hold a traceback."""

    code: int
    out: str
    err: str
    """Without the times that a run puts in front of its lines."""


def unstamped(text: str) -> str:
    """The same lines without the times in front of them."""
    return re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", text, flags=re.MULTILINE)


@contextmanager
def _hangups() -> Iterator[None]:
    """Around the start of a command, which hears a hangup then, also where the tests are run by `nohup`."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is not signal.SIG_IGN:
        yield
        return
    signal.signal(hangup, lambda *_: None)  # what is caught is at its default again in a child
    try:
        yield
    finally:
        signal.signal(hangup, signal.SIG_IGN)


class Night:
    """A folder, and the service that the commands started here reach.

    `alone` is an environment without service and key.
    """

    def __init__(self, folder: Path, address: Address | None = None) -> None:
        self.folder = folder
        self._address = address

    @property
    def address(self) -> Address:
        assert self._address is not None
        return self._address

    @property
    def alone(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return kept | {"HOME": str(self.folder), "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": f"{self.folder}.state"}

    @property
    def environment(self) -> dict[str, str]:
        return self.alone | (self._address.environment() if self._address else {})

    def start(
        self, *arguments: object, more: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "batch", *map(str, arguments)]
        with _hangups():
            return subprocess.Popen(
                command,
                env=self.environment | dict(more or {}),
                cwd=cwd or self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )

    def run(self, *arguments: object, more: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ended:
        return end(self.start(*arguments, more=more, cwd=cwd))

    def manifest(
        self, rows: int, *, name: str = "shots.csv", prompt: Callable[[int], str] = "prompt {}".format
    ) -> Path:
        """A manifest of rows with an id, a prompt and an image's URL."""
        path = self.folder / name
        lines = [f"r{n},{prompt(n)},https://example.com/{n}.png,kept {n}\n" for n in range(rows)]
        path.write_text("id,prompt,image,note\n" + "".join(lines), encoding="utf-8")
        return path

    def asked(self, kind: str) -> int:
        """How many requests of a kind the service has seen."""
        return self.address.fault_injector.requests[kind]

    @property
    def accepted(self) -> Counter[str]:
        """How often each prompt was accepted, and so is paid for."""
        return Counter(str(request.input["prompt"]) for request in self.address.queue.requests)

    @property
    def videos(self) -> dict[str, str]:
        """Whose prompt each request of the service is."""
        return {request.id: str(request.input["prompt"]) for request in self.address.queue.requests}


@contextmanager
def service(queue: Queue, faults: str = "", keys: frozenset[str] | None = None) -> Iterator[Address]:
    """A sandbox on an event loop of its own, while the block runs."""
    serving = serve(queue, faults=Faults.parse(faults), keys=keys)
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(serving) as address:
        yield address


@contextmanager
def night(
    folder: Path, *, slots: int = 20, run_seconds: float = 0.05, faults: str = "", keys: frozenset[str] | None = None
) -> Iterator[Night]:
    """A night with a service of its own."""
    with service(Queue(slots, run_seconds), faults, keys) as address:
        yield Night(folder, address)


def end(child: "subprocess.Popen[str]") -> Ended:
    """Waits for a command; none may end in a traceback."""
    try:
        out, err = child.communicate(timeout=PATIENCE)
    finally:
        kill(child)
    assert "Traceback" not in err, err
    return Ended(child.returncode, out, unstamped(err))


def kill(child: "subprocess.Popen[str]") -> None:
    """SIGKILL, and no pipe left open."""
    if child.poll() is None:
        child.send_signal(signal.SIGKILL)
    child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe:
            pipe.close()


@contextmanager
def together() -> Iterator[list["subprocess.Popen[str]"]]:
    """Commands started at the same time; those that are left when the block ends are killed."""
    children: list[subprocess.Popen[str]] = []
    try:
        yield children
    finally:
        for child in children:
            kill(child)


def until(true: Callable[[], object], child: "subprocess.Popen[str] | None" = None) -> None:
    """Waits on a condition of another process or thread, by asking; an ended child ends the wait."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if child is not None and child.poll() is not None:
            return
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.002)


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV table by column; every row must be as long as the header."""
    header, *rows = csv.reader(StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    return [dict(zip(header, row, strict=True)) for row in rows]


def statuses(path: Path) -> Counter[str]:
    return Counter(row["status"] for row in table(path))


def ledger(path: Path, query: str) -> Sequence[tuple[object, ...]]:
    """What the ledger of a table says."""
    try:
        return _asked(f"file:{path}.ledger?mode=ro", query)  # `rw` would take a killed run's log away as it closes
    except sqlite3.OperationalError:  # a run was killed while it closed the ledger: that has to be taken back
        return _asked(f"file:{path}.ledger?mode=rw", query)


def _asked(uri: str, query: str) -> Sequence[tuple[object, ...]]:
    with closing(sqlite3.connect(uri, uri=True)) as db:
        return db.execute(query).fetchall()
