"""Takes: the videos that a row has had made, each by a request of its own; one of them is shown. Pure."""

from dataclasses import dataclass


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
