"""Reads the body of a reply, no further than it may go, also after it is taken out of its encoding."""

import zlib
from typing import Protocol

MOST = 8 << 20
"""Bytes of a reply; a longer one is of no use to anybody. A result may be longer."""
MOST_OF_A_RESULT = 32 << 20
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Unreadable(Exception):
    """A body that is too long, or encoded in a way that nobody asked for."""


class Stream(Protocol):
    """Where a body comes from, piece by piece; an empty piece is its end."""

    async def readany(self) -> bytes: ...


async def read_body(stream: Stream, most: int) -> bytes:
    """All of it.

    Raises:
        Unreadable: it is longer than that.
    """
    pieces, length = [], 0
    while piece := await stream.readany():
        length += len(piece)
        if length > most:
            raise Unreadable(f"the reply is longer than {most >> 20} MB")
        pieces.append(piece)
    return b"".join(pieces)


def decoded(body: bytes, encoding: str, most: int) -> bytes:
    """The body out of its `Content-Encoding`.

    Raises:
        Unreadable: an unknown encoding, a damaged body, or one that is longer than that when it is unpacked.
    """
    name = encoding.strip().casefold()
    if name in ("", "identity"):
        return body
    if name not in _WINDOWS:
        raise Unreadable(f"the reply is encoded as {name[:20]!r}, which was not asked for")
    unpacking = zlib.decompressobj(_WINDOWS[name])
    try:
        plain = unpacking.decompress(body, most + 1)
    except zlib.error as error:
        raise Unreadable(f"the reply is damaged ({error})") from error
    if len(plain) > most:
        raise Unreadable(f"the reply is longer than {most >> 20} MB")
    if not unpacking.eof:
        raise Unreadable("the reply is cut short")
    return plain
