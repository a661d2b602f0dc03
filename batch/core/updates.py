"""What changes about a row while a run is on, as a program that runs it is told. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RowUpdate:
    """Something has changed about a row."""

    row: int
    """As the spreadsheet numbers it; 0 where the table no longer has it."""
    id: str = ""
    """Of the row, where it has one."""
    request_id: str = ""
    """Of its request, where there is one."""

    @property
    def label(self) -> str:
        """`row 17 (s17)`."""
        return f"row {self.row}{f' ({self.id})' if self.id else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued(RowUpdate):
    """Its request waits at fal."""

    position: int | None = None
    """How many requests are before it, where fal says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InProgress(RowUpdate):
    """Its request runs, or has just ended: what its runner has written since the last update."""

    logs: Sequence[Mapping[str, Any]] = ()
    """As fal-client gives them: `message`, `level`, `timestamp` of each line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed(RowUpdate):
    """Its request is over."""

    state: str
    """`succeeded`, `failed`, `cancelled`, `in_doubt`, or `pending` where it is going to be tried again."""
    video_url: str | None = None
    error: str | None = None
    error_type: str | None = None
