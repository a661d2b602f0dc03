"""The run that is at work on a ledger, and what it has at fal, as its notes there say."""

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FalCounts:
    """How many requests of a run are at fal: those that run, and those that wait, for a slot or in a line of others."""

    running: int = 0
    waiting: int = 0
    ahead: int = 0
    """Requests of others before the next of these to run."""

    @property
    def note(self) -> str:
        """As the ledger keeps it."""
        return json.dumps(asdict(self))

    def text(self) -> str:
        """A night that crawls because of a line at fal must not look as if it hung."""
        place = f" (next is {ordinal(self.ahead + 1)} in line)" if self.ahead else ""
        return f"{self.running} running, {self.waiting} waiting at fal{place}"


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that holds a ledger."""

    pid: int
    host: str
    since: float
    """Seconds since 1970."""
    born: str | None = None
    """What tells the process from a later one of that number, where the system says it."""
    at_fal: FalCounts | None = None
    """What it has there, where it says so."""

    @property
    def note(self) -> str:
        """As the ledger keeps it."""
        return json.dumps({"pid": self.pid, "host": self.host, "since": self.since, "born": self.born})


def ordinal(number: int) -> str:
    """`8412` → `8,412th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def read_at_fal(note: object) -> FalCounts | None:
    """What a note says is at fal; None where it says nothing, or no such thing."""
    told = _read(note)
    if told is None or told.keys() != {"running", "waiting", "ahead"}:
        return None
    return FalCounts(**told) if all(type(one) is int and 0 <= one < 10**9 for one in told.values()) else None


def read_note(note: object) -> Worker | None:
    """Who a note names; None where it names nobody.

    A ledger may come from anywhere: a number that is not one process's (0 and below are groups of them) is nobody's,
    for whoever is named may be told to stop.
    """
    told = _read(note)
    if told is None or told.keys() != {"pid", "host", "since", "born"}:
        return None
    pid, since, born = told["pid"], told["since"], told["born"]
    numbers = type(pid) is int and 0 < pid < 2**31 and isinstance(since, int | float) and 0 <= since < 2**33
    texts = isinstance(told["host"], str) and isinstance(born, str | None)
    return Worker(**told) if numbers and texts else None


def _read(note: object) -> dict[str, Any] | None:
    if not isinstance(note, str):
        return None
    try:
        told = json.loads(note)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
