"""Our columns in the table: their names, their order and their types, told once."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, get_args, get_type_hints

from batch.table.column import ColumnType


class ResultCells(NamedTuple):
    """Our cells of one record; the columns are added in this order, and hold what the annotations say.

    A new column is a field here, and its value in `batch.results_writer.result_cells`.
    """

    status: str
    video_url: str | None = None
    error: str | None = None
    error_type: str | None = None
    request_id: str | None = None
    attempts: int | None = None
    cost_usd: Decimal | None = None
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    video_path: str | None = None
    """Of the file that the video was brought down to, from the folder of the table."""
    video_size: int | None = None
    """In bytes, as fal says."""
    video_type: str | None = None
    take_shown: int | None = None
    """Which of the row's videos all this is about; 1 is the first."""
    takes_made: int | None = None
    """How many there are."""


_TYPES = {str: ColumnType.TEXT, int: ColumnType.INTEGER, Decimal: ColumnType.MONEY, datetime: ColumnType.TIME}

RESULT_COLUMNS: dict[str, ColumnType] = {
    name: _TYPES[next(iter(get_args(hint)), hint)] for name, hint in get_type_hints(ResultCells).items()
}
"""Name → type, in the order they are added."""

REPEATING = frozenset({"status", "error_type", "video_type"})
"""Those with few different cells, however long the table is."""

ONLY_WITH_TAKES = ("take_shown", "takes_made")
"""The last ones, of a table in which a row has several videos, or is to have; other tables are without them."""

LINKS = frozenset({"video_url", "video_path"})
"""Those that lead to a video."""
