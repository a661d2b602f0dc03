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


def a_video(frames: int = 121, rate: tuple[int, int] = (24, 1), *, seed: int = 0, size: int = 4000) -> bytes:
    """A whole file that says how many frames it has, and how many of them there are in so many seconds."""
    scale, each = rate
    media_header = box(
        b"mdhd", bytes(4), bytes(8), scale.to_bytes(4, "big"), (frames * each).to_bytes(4, "big"), bytes(4)
    )
    handler = box(b"hdlr", bytes(8), b"vide", bytes(13))
    times = box(b"stts", bytes(4), (1).to_bytes(4, "big"), frames.to_bytes(4, "big"), each.to_bytes(4, "big"))
    media = box(b"mdia", media_header, handler, box(b"minf", box(b"stbl", times)))
    sound = box(b"trak", box(b"mdia", media_header, box(b"hdlr", bytes(8), b"soun", bytes(13)), box(b"minf", bytes(0))))
    head = box(b"ftyp", b"isom", bytes(4), b"isommp42")
    head += box(b"moov", movie_header(frames * each / scale), sound, box(b"trak", media))
    return head + box(b"mdat", random.Random(seed).randbytes(size - len(head) - 8))
