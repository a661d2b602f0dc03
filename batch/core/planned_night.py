"""Says what is run when: a table's command, its time and its days. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time

from batch.core.suggestions import did_you_mean
from batch.errors import UsageError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = tuple(range(7))
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class PlannedNight:
    """A table that is run by itself.

    Args:
        table: its file, whole and without links.
        at: by the clock of this machine.
        days: 0 is Monday.
        folder: where the command is run.
        command: the interpreter and all that follows it.
        environment: what the command needs of it, beyond what every process has.
    """

    table: str
    at: time
    days: Sequence[int] = EVERY_DAY
    folder: str = "/"
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """Names the table in a crontab and in the name of a unit: the same for the same table."""
        return tag_of(self.table)


def tag_of(table: str) -> str:
    """Twelve hexadecimal digits."""
    return hashlib.sha256(table.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def read_time(text: str) -> time:
    """`22:00`, `7:30`.

    Raises:
        UsageError: not a time of day.
    """
    found = _TIME.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} is not a time of day: write it like 22:00")
    return time(int(found[1]), int(found[2]))


def read_days(text: str) -> tuple[int, ...]:
    """`mon-fri`, `sat,sun`, `fri-mon` → days, 0 being Monday.

    Raises:
        UsageError: not days of the week.
    """
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = part.strip().partition("-")
        begin = _day(first)
        end = _day(last) if dash else begin
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return tuple(sorted(found))


def _day(text: str) -> int:
    short = text.strip()[:3]
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    if short in DAYS and full[DAYS.index(short)].startswith(text.strip()):
        return DAYS.index(short)
    raise UsageError(f"{text!r} is no day: write them like mon-fri or sat,sun{did_you_mean(text, DAYS)}")


def shown_days(days: Sequence[int]) -> str:
    """`mon-fri`, `mon,wed`, `every day`."""
    if tuple(days) == EVERY_DAY:
        return "every day"
    parts: list[list[int]] = []
    for day in days:
        if parts and parts[-1][-1] == day - 1:
            parts[-1].append(day)
        else:
            parts.append([day])
    spans = [part if len(part) > 2 else [] for part in parts]
    texts = [
        f"{DAYS[span[0]]}-{DAYS[span[-1]]}" if span else ",".join(DAYS[day] for day in part)
        for part, span in zip(parts, spans, strict=True)
    ]
    return ",".join(texts)
