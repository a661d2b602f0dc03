"""Says what columns of ours are: their names, the types of their cells, where they stand in a header."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from itertools import count

Cell = str | int | Decimal | datetime | None


class ColumnType(Enum):
    """What stands in a column of ours; the comment is the Python type of its cells, None for an empty one."""

    TEXT = auto()  # str
    INTEGER = auto()  # int
    MONEY = auto()  # Decimal, US dollars
    TIME = auto()  # aware datetime


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ours."""

    name: str
    type: ColumnType
    repeats: bool = False
    """Its cells are few different ones."""
    link: bool = False
    """Its cells are addresses or paths, which a workbook can open."""


def column_positions(names: Sequence[str], header: Sequence[str], width: int) -> list[int]:
    """The position of each of our columns: where the header last has its name, or appended from `width` on."""
    if len(set(names)) < len(names) or not all(names):
        raise ValueError(f"columns need distinct names that are not empty: {names}")
    last = {name: position for position, name in enumerate(header)}
    appended = count(width)
    return [last[name] if name in last else next(appended) for name in names]
