"""Notes in the ledger which run works on it, tells others whether it still does, and stops it."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from batch.commands.messages import Say
from batch.core.worker import Worker, read_at_fal, read_note
from batch.errors import LedgerBusy
from batch.ledger.file import is_locked
from batch.ledger.ledger import Ledger

_NOTE = "at_work"
AT_FAL = "at_fal"
"""What the run that is at work has at fal: its own note, every now and then."""
STOPPING_SECONDS = 120.0
"""How long a run is waited for that was told to stop: a submit that is on its way may take a minute."""
_PAUSE = 0.05


@contextmanager
def noted(ledger: Ledger, now: float) -> Iterator[None]:
    """While it lasts, whoever asks is told that this process works on the ledger; a kill leaves a note of nobody."""
    worker = Worker(os.getpid(), _host(), now, _born(os.getpid()))
    ledger.set_meta(AT_FAL, "")
    ledger.set_meta(_NOTE, worker.note)
    yield
    ledger.set_meta(_NOTE, "")


def worker_at(ledger: Path) -> Worker | None:
    """The run that works on a ledger now; None where none does, or none that says so.

    Raises:
        LedgerError: the ledger cannot be used.
    """
    if not ledger.exists():
        return None
    with Ledger.read(ledger) as opened:
        worker = read_note(opened.meta(_NOTE))
        at_fal = read_at_fal(opened.meta(AT_FAL))
    # The lock is asked last: who only asks must not be in the way of a run that begins.
    return replace(worker, at_fal=at_fal) if worker and _may_be_alive(worker) and is_locked(ledger) else None


def stop_worker(worker: Worker, ledger: Path, say: Say) -> None:
    """Tells a run to stop in good order, as Ctrl-C does, and waits until it has.

    Raises:
        LedgerBusy: it is on another machine, cannot be told, or does not stop.
    """
    if worker.host != _host() or sys.platform == "win32":
        raise LedgerBusy(f"the run on {worker.host} (process {worker.pid}) cannot be stopped from here: stop it there")
    try:
        os.kill(worker.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has just ended
    except PermissionError as error:
        raise LedgerBusy(f"process {worker.pid} belongs to somebody else: have them stop the run") from error
    say(f"told the run (process {worker.pid}) to stop, and wait for it: a submit on its way may take up to a minute")
    deadline = time.monotonic() + STOPPING_SECONDS
    while is_locked(ledger):
        if time.monotonic() > deadline:
            raise LedgerBusy(f"the run (process {worker.pid}) has not stopped in {STOPPING_SECONDS:.0f} s: try again")
        time.sleep(_PAUSE)


def _may_be_alive(worker: Worker) -> bool:
    """Whether the process may be there; of another machine, and on Windows, only the lock can tell."""
    if worker.host != _host() or sys.platform == "win32":
        return True
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return worker.born == _born(worker.pid)


def _host() -> str:
    return os.environ.get("COMPUTERNAME", "") if sys.platform == "win32" else os.uname().nodename


def _born(pid: int) -> str | None:
    """When a process began, in ticks since the system did (proc(5)); None where there is no such file."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
