"""Keeps the event log of a run up to date: while it is on, and at its end."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import anyio

from batch.commands.messages import Say
from batch.errors import UsageError
from batch.ledger.ledger import Ledger
from batch.reports.event_log import EventLog

SECONDS = 0.5
"""How late the log may be: many changes are written at once."""


class EventKeeper:
    """Writes what happens into the log; where that fails it is said once, and the run goes on."""

    def __init__(self, log: EventLog, ledger: Path, say: Say) -> None:
        self._log = log
        self._ledger = ledger
        self._say = say
        self._lost = False
        self._notes: deque[tuple[str, float, Mapping[str, object]]] = deque()

    def note(self, kind: str, at: float, told: Mapping[str, object]) -> None:
        """Has something written that is no event of the ledger: soon, or lost with the run."""
        self._notes.append((kind, at, told))

    async def keep(self) -> None:
        """Until cancelled; what has been begun is finished."""
        with Ledger.read(self._ledger) as reader:
            while True:
                await anyio.sleep(SECONDS)
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(lambda: self.catch_up(reader))

    def catch_up(self, ledger: Ledger) -> None:
        """All that there is by now."""
        if self._lost:
            return
        try:
            self._log.catch_up(ledger)
            while self._notes:
                kind, at, told = self._notes.popleft()
                self._log.note(kind, at, **told)
        except UsageError as error:
            self._lost = True
            self._say(f"{error}; nothing is lost: the next run writes it from the ledger")


@contextmanager
def event_log(path: str, ledger: Ledger, now: float, say: Say) -> Iterator[EventKeeper]:
    """The log of a run, begun with what it lacks, and brought to the end however the run ends.

    Raises:
        UsageError: it cannot be written, or holds something else.
    """
    if ledger.path is None:
        raise ValueError("a ledger in memory has no log")
    log = EventLog(Path(path), ledger.path)
    try:
        log.begin(now)
        log.catch_up(ledger)
        keeper = EventKeeper(log, ledger.path, say)
        try:
            yield keeper
        finally:
            keeper.catch_up(ledger)
    finally:
        log.close()
