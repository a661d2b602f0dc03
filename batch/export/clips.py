"""What is handed to the edit: one clip for each kept take, in the order of the table."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

MADE_BY = "kling-batch export"
"""Stands near the beginning, or at the end, of every file that is written: what bears it may be replaced."""
LOOKED_AT = 4096
"""So many bytes of both are looked at for it."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A kept take and its file."""

    name: str
    """As the edit is to call it: the row's id, or its number."""
    file: Path
    number: int
    """Of the row, as the spreadsheet numbers it."""
    id: str
    take: int
    request_id: str
    prompt: str
    note: str
    """From a review."""
    frames: int | None
    """None: its file does not say."""
    rate: Fraction | None
    """Frames a second; None: likewise."""
    seconds: float | None
