"""The run that is at work on a ledger, as its note there says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that holds a ledger."""

    pid: int
    host: str
    since: float
    """Seconds since 1970."""
    born: str | None = None
    """What tells the process from a later one of that number, where the system says it."""
