"""Rows planned for the Kling job out of cells, as a test writes them down."""

from collections.abc import Sequence
from dataclasses import dataclass

from batch.core.row import PlannedRow
from batch.manifest.columns import find_columns
from batch.manifest.planner import ImageCheck, Planner
from batch.manifest.validation import checker
from jobs.kling import KLING_2_1_PRO as JOB

CHECK = checker(JOB.schema)
INPUTS = tuple(JOB.schema["properties"])


@dataclass(frozen=True)
class Line:
    """A record of a table."""

    number: int
    cells: Sequence[str]
    extra: Sequence[str] = ()
    misquoted: Sequence[tuple[int, str]] = ()


def plans(header: Sequence[str], *records: Sequence[str], own: Sequence[str] = ()) -> list[PlannedRow]:
    columns = find_columns(header, JOB, {}, {name: name for name in own})
    planner = Planner(job=JOB, columns=columns, prices=JOB.prices, check=CHECK, look=ImageCheck)
    return list(planner.plan(Line(number, cells) for number, cells in enumerate(records, 2)))


def plan(**cells: str) -> PlannedRow:
    """One row with a prompt and an image, and these cells."""
    given = {"prompt": "a boat", "image": "https://example.com/a.png", **cells}
    (found,) = plans(list(given), list(given.values()))
    return found


def problem(**cells: str) -> tuple[str, str]:
    """The column and message of the only problem."""
    (found,) = plan(**cells).problems
    return found.column, found.message
