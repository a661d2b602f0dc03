"""Videos as files: what is wanted, what stands there, and the seam to the ledger. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedVideo:
    """A video that there is at fal, and what is known of it."""

    request_id: str
    row: int
    number: int | None
    """Of the row, as the spreadsheet numbers it; None: the table no longer has it."""
    url: str
    id: str | None
    """Of the row, where it has one."""
    planned: str | None
    """The name of its file, as far as it was planned; None: the table no longer has the row."""
    take: int = 1
    """Which one of the row's it is; 1 is the first."""
    makes: str = "video"
    """What it is: `video`, `image`, `audio`, or `file` for anything else."""
    size: int | None = None
    """In bytes, where fal says so."""
    seconds: float | None = None
    """How long it was bought to last; None: not known, as of a take whose row was sent again since."""
    path: str | None = None
    """Of its file, where one was chosen: from the table's folder, with `/`."""
    validator: str | None = None
    """The ETag of what has come of it so far."""


class VideoFile(NamedTuple):
    """A video's file that is whole."""

    size: int
    sha256: str


class KeptVideo(NamedTuple):
    """A file that was brought down, as it was then."""

    request_id: str
    row: int
    number: int | None
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideosBrought:
    """What came of bringing videos down."""

    folder: str
    brought: int = 0
    bytes: int = 0
    missing: int = 0
    """Videos that there are, and that have not come down."""
    reasons: Sequence[str] = ()
    """Why, of the first ones that were tried."""


class VideoStore(Protocol):
    """What is asked of the ledger about videos and their files; what is written is on disk when a call returns."""

    async def rows_without_file(self, after: int, limit: int) -> list[int]:
        """Rows behind this one of whose videos one has not come down yet."""

    async def videos_of(self, row: int) -> list[str]:
        """The requests of its videos that have not come down yet, the newest first."""

    async def wanted_video(self, request_id: str) -> WantedVideo | None:
        """None where it made no video, or that is there as a file."""

    async def reserve_path(self, video: WantedVideo, path: str, name_key: str) -> bool:
        """Keeps a path for a video for good; False where it is another one's."""

    async def note_validator(self, request_id: str, validator: str | None) -> None:
        """What is in the `.part` file from now on."""

    async def note_file(self, request_id: str, file: VideoFile) -> None:
        """It stands there, whole."""

    async def note_failure(self, request_id: str, reason: str) -> None:
        """Why it could not be brought down."""
