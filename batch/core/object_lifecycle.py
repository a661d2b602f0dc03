"""How long fal is to keep files: as typed, and as its headers say it. Pure."""

import re
from dataclasses import dataclass

from batch.errors import UsageError
from batch.job import canonical

REQUEST_HEADER = "X-Fal-Object-Lifecycle-Preference"
"""fal docs: on a request, and where an upload is begun at its storage."""
UPLOAD_HEADER = "X-Fal-Object-Lifecycle"
"""fal-client 1.0: what an upload to its CDN is told by; it sends both."""
_SECONDS = {"h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_TYPED = re.compile(r"([1-9][0-9]{0,3})([hdwy])", re.ASCII)


@dataclass(frozen=True, slots=True)
class ObjectLifecycle:
    """How long files live after they were made; None: for ever."""

    seconds: int | None

    @classmethod
    def read(cls, text: str) -> "ObjectLifecycle":
        """`30d`, `12h`, `2w`, `1y`, `forever`.

        Raises:
            UsageError: it is none of these.
        """
        if text.strip().casefold() == "forever":
            return cls(None)
        if not (typed := _TYPED.fullmatch(text.strip())):
            raise UsageError(f"{text!r} is no time that files can be kept: write 12h, 30d, 2w, 1y or forever")
        return cls(int(typed[1]) * _SECONDS[typed[2]])

    @property
    def value(self) -> str:
        """Of the header."""
        return canonical({"expiration_duration_seconds": self.seconds})

    @property
    def request_headers(self) -> dict[str, str]:
        return {REQUEST_HEADER: self.value}

    @property
    def upload_headers(self) -> dict[str, str]:
        return {REQUEST_HEADER: self.value, UPLOAD_HEADER: self.value}
