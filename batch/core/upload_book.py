"""Pictures that have gone up, and what a file goes up as: the seam to the account's book. Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from batch.core.media_type import Judged


class KnownUpload(NamedTuple):
    """A picture that fal has. Times are seconds since 1970."""

    url: str
    proven_at: float
    """When it was last known to be there."""
    expires_at: float | None
    """None: never."""


class UploadBook(Protocol):
    """What this host ever uploaded with one key. Called from threads; it may wait for other runs."""

    def known(self, digest: str, now: float) -> KnownUpload | None:
        """The picture of these bytes, if fal still has it long enough for a request."""

    def claim(self, digest: str, now: float) -> bool:
        """Whether this run is to upload it; False while another one is at it, or where it is there by now."""

    def keep(self, digest: str, url: str, now: float, expires_at: float | None) -> None:
        """It is there now."""

    def prove(self, digest: str, now: float) -> None:
        """It is still there."""

    def forget(self, digest: str) -> None:
        """It is there no more, or could not be uploaded."""


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What a picture's file goes up as, by its bytes at the moment it does: they may have changed since `check`."""

    judged: Judged = field(default_factory=Judged)
    """An empty media type: whatever the first bytes tell."""

    converted: bytes | None = None
    """None: the file as it is."""
