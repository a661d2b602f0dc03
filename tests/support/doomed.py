"""A small whole batch that is struck at any point: manifest, ledger, dispatcher and table on a mock clock, over files.

`Forks` is a process that has imported everything once; every run is a fork of it, so that hundreds of deaths are
cheap. Nothing in the code under test knows of this: SQLite is watched through its own trace, files through Python's
audit events, and commits fail in a subclass of `sqlite3.Connection`.
"""

import functools
import gc
import json
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import anyio
import anyio.to_thread
from anyio import current_time

from batch.api import open_batch
from batch.commands.batch import Batch
from batch.commands.redo import Redo
from batch.commands.run import Surroundings, run
from batch.core.row import RowSelection
from batch.core.run_options import RunOptions
from batch.errors import BatchError
from batch.sandbox.outcomes import Outcome, model_error
from batch.sandbox.recording import Recording
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.simulated import EPOCH, Service, play, service_queue

ROOT = Path(__file__).parents[2]
STRUCK = 77
"""How a run ends that was struck dead."""
RUN_SECONDS = 5.0
FILE_EVENTS = frozenset({"open", "os.rename", "os.remove", "os.chmod", "os.chown", "os.mkdir", "sqlite3.connect"})
PLANS = {"broken once": model_error("internal_server_error"), "flagged": model_error("content_policy_violation")}


def manifest(folder: Path, *more: str) -> Path:
    """A row whose first run breaks, one that is flagged, one that just succeeds; or these rows more."""
    shots = folder / "shots.csv"
    prompts = ["broken once", "flagged", "plain", *more]
    lines = [f"{n},{prompt},https://example.com/{n}.png,kept {n}\n" for n, prompt in enumerate(prompts)]
    if shots.exists():
        with shots.open("a") as file:
            file.writelines(lines[len(prompts) - len(more) :])
    else:
        shots.write_text("id,prompt,image,note\n" + "".join(lines))
    return shots


def whole_run(folder: Path, start: float, lost: int, redo: str = "", takes: int | None = None) -> int:
    """The batch in this folder run once, from a second of the mock clock on; the n-th reply to a submit is lost.

    Args:
        redo: the id of a row of which another take is to be made, and nothing else.
        takes: how many videos each row is to have.
    """
    service = Service(
        service_queue(2, RUN_SECONDS, plan=_planned, recording=Recording(folder / "service")),
        on_submit=lambda nth: "lost" if nth == lost else None,
    )

    @asynccontextmanager
    async def connect(_: Batch) -> AsyncIterator[Service]:
        yield service

    around = Surroundings(
        connect=connect,
        now=lambda: EPOCH + current_time(),
        rand=random.Random(0).random,
        show_progress=False,
    )

    async def night() -> int:
        await anyio.sleep(start)
        batch = open_batch(folder / "shots.csv", job=replace(JOB, typical_seconds=RUN_SECONDS))
        mark = Redo(named=RowSelection(ids=[redo])).mark if redo else None
        options = RunOptions(concurrency=2, takes=takes)
        return (await run(batch, options, lambda _: None, mark, surroundings=around)).exit_code

    return int(play(night))


def _planned(given: Mapping[str, object], nth: int) -> Outcome | None:
    return None if given["prompt"] == "broken once" and nth > 1 else PLANS.get(str(given["prompt"]))


# The process that is forked


class Forks:
    """A process to fork runs from."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.support.doomed"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(
        self,
        folder: Path,
        start: float = 0.0,
        *,
        lost: int = 0,
        strike: str = "",
        at: int = 0,
        redo: str = "",
        takes: int | None = None,
    ) -> tuple[int, str]:
        """One run; its exit code, and what ended it.

        Args:
            strike: what it is struck at the n-th time it does it (`at`), see `_STRIKES`.
            redo, takes: see `whole_run`.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([str(folder), start, lost, strike, at, redo, takes]) + "\n")
        self._process.stdin.flush()
        code, error = json.loads(self._process.stdout.readline())
        return code, error


def _serve() -> None:
    gc.freeze()  # what is imported is not looked through, and so not copied, in every fork
    for line in sys.stdin:
        receiver, sender = os.pipe()
        if not (child := os.fork()):
            _live(sender, *json.loads(line))
        os.close(sender)
        with os.fdopen(receiver) as said:
            error = said.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([code, error]), flush=True)


def _live(
    sender: int, folder: str, start: float, lost: int, strike: str, at: int, redo: str, takes: int | None
) -> None:
    """In the fork: it never returns."""
    code = 1
    try:
        anyio.to_thread.run_sync = _in_line  # type: ignore[assignment]  # the mock clock does not wait for threads
        if strike:
            _STRIKES[strike](at, Path(folder))
        code = whole_run(Path(folder), start, lost, redo, takes)
    except BatchError as error:
        os.write(sender, f"{type(error).__name__}: {error}".encode())
        code = error.exit_code
    except BaseException as error:  # noqa: BLE001 - told to the test, which refuses it
        os.write(sender, f"BUG {error!r}".encode())
    finally:
        os._exit(code)


async def _in_line(call: Callable[[], Any], **_: object) -> Any:
    return call()


def _dies(at: int) -> Callable[[], None]:
    """Called at each point where the process may die; at the n-th it does."""
    seen = 0

    def point() -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            os._exit(STRUCK)

    return point


# Where it can be struck


def _at_statement(at: int, _: Path) -> None:
    """Dies just before the n-th SQL statement that the run puts to its ledger, those of triggers included."""
    point, connect = _dies(at), sqlite3.connect

    def traced(database: str, /, **options: Any) -> sqlite3.Connection:
        connection = connect(database, **options)
        if "mode=ro" not in database:  # what is only read for the table cannot be left half written
            connection.set_trace_callback(lambda _: point())
        return connection

    sqlite3.connect = traced  # type: ignore[assignment]


def _at_file_event(at: int, folder: Path) -> None:
    """Dies just before the n-th thing that is done to a file in the folder, or that is flushed to the disk."""
    point, fsync, inside = _dies(at), os.fsync, str(folder)

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event in FILE_EVENTS and inside in str(arguments[0]):
            point()

    def synced(descriptor: int) -> None:
        point()
        fsync(descriptor)
        point()

    sys.addaudithook(audit)
    os.fsync = synced  # type: ignore[assignment]


class _Liar(sqlite3.Connection):
    """Says at the n-th commit that it failed: before it was made, or after."""

    commits = 0
    fatal = 0
    after = True

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql != "COMMIT":
            return super().execute(sql, *values)
        _Liar.commits += 1
        if _Liar.commits != _Liar.fatal:
            return super().execute(sql, *values)
        if _Liar.after:
            super().execute(sql, *values)
        raise sqlite3.OperationalError("disk I/O error")


def _at_commit(at: int, _: Path, *, after: bool) -> None:
    _Liar.fatal, _Liar.after = at, after
    sqlite3.connect = functools.partial(sqlite3.connect, factory=_Liar)  # type: ignore[assignment]


_STRIKES: dict[str, Callable[[int, Path], None]] = {
    "statement": _at_statement,
    "file event": _at_file_event,
    "commit that is made": functools.partial(_at_commit, after=True),
    "commit that is not made": functools.partial(_at_commit, after=False),
}

if __name__ == "__main__":
    _serve()
