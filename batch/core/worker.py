"""The run that is at work on a ledger, as its note there says."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that holds a ledger."""

    pid: int
    host: str
    since: float
    """Seconds since 1970."""
    born: str | None = None
    """What tells the process from a later one of that number, where the system says it."""

    @property
    def note(self) -> str:
        """As the ledger keeps it."""
        return json.dumps(asdict(self))


def read_note(note: object) -> Worker | None:
    """Who a note names; None where it names nobody.

    A ledger may come from anywhere: a number that is not one process's (0 and below are groups of them) is nobody's,
    for whoever is named may be told to stop.
    """
    if not isinstance(note, str):
        return None
    try:
        told = json.loads(note)
    except ValueError:
        return None
    if not isinstance(told, dict) or told.keys() != {"pid", "host", "since", "born"}:
        return None
    pid, since, born = told["pid"], told["since"], told["born"]
    numbers = type(pid) is int and 0 < pid < 2**31 and isinstance(since, int | float) and 0 <= since < 2**33
    texts = isinstance(told["host"], str) and isinstance(born, str | None)
    return Worker(**told) if numbers and texts else None
