"""MP4 files in all that their structure says, with nothing to play in them."""

import random


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def movie_header(seconds: float, *, scale: int = 1000, wide: bool = False) -> bytes:
    units = int(seconds * scale)
    if wide:
        return box(b"mvhd", b"\1\0\0\0", bytes(16), scale.to_bytes(4, "big"), units.to_bytes(8, "big"), bytes(80))
    return box(b"mvhd", bytes(4), bytes(8), scale.to_bytes(4, "big"), units.to_bytes(4, "big"), bytes(80))


def an_mp4(size: int = 4000, seconds: float = 5.04, *, seed: int = 0, wide: bool = False) -> bytes:
    """A whole file of so many bytes, that says it lasts so long."""
    head = box(b"ftyp", b"isom", bytes(4), b"isommp42")
    head += box(b"moov", movie_header(seconds, wide=wide), box(b"trak", bytes(92)))
    rest = size - len(head) - 8
    assert rest > 0
    return head + box(b"mdat", random.Random(seed).randbytes(rest))
