"""Takes: the videos that a row has had made, each by a request of its own; one of them is shown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from batch.core.row_numbers import row_numbers


@dataclass(frozen=True, slots=True)
class Take:
    """A video that was made for a row. Times are seconds since 1970 (UTC), money is in millionths of a dollar."""

    row: int
    """In the ledger: the same for good, wherever the row stands in the table."""
    number: int
    """Among those of its row; 1 is the first."""
    request_id: str
    video_url: str
    path: str | None
    """Of its video's file, from the table's folder, with `/`; None: it has not come down."""
    cost: int | None
    """None: not known, made before takes were kept."""
    submitted_at: float | None
    """None: not known, likewise."""
    finished_at: float
    chosen: bool
    """It is the one that the table shows: the newest, unless a person has said otherwise."""


def short_of_takes(numbers: Sequence[int]) -> list[str]:
    """What to say of rows that ask for more takes than they have, and have their video: nothing is bought by itself."""
    if not numbers:
        return []
    rows, one = row_numbers(numbers), len(numbers) == 1
    has = "has its video and asks" if one else "have their videos and ask"
    return [
        f"row{'' if one else 's'} {rows} {has} for more takes than there are: `kling-batch redo TABLE --row "
        f"{','.join(map(str, numbers[:20]))}{',…' if len(numbers) > 20 else ''}` buys another one"
    ]
