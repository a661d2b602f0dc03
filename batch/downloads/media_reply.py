"""The head of a reply with media, its body block by block, and why there may be none."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

BLOCK = 1 << 18
"""Bytes that are handed on at once, at most."""


class MediaError(Exception):
    """It could not be fetched; `str()` says why."""


class RefusedAddress(MediaError):
    """An address that nothing is fetched from: another try would be refused as well."""


@dataclass(frozen=True, slots=True)
class MediaReply:
    """The head of a reply, and its body. Sizes are bytes."""

    status: int
    start: int
    """Where in the file the body begins."""
    total: int | None
    """How large the whole file is, where that is said."""
    validator: str | None
    """A strong ETag: the same while the file stays the same, byte for byte."""
    media_type: str
    blocks: AsyncIterator[bytes]
    """The body, decoded. Raises MediaError where it breaks off, stalls or cannot be read."""
