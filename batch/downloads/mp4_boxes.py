"""Reads the boxes of an MP4 file to its end: whether it is a whole video, and how long it lasts."""

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from batch.core.media_type import ENOUGH, sniff

_MOST_TIMES = 1 << 20
"""Bytes of a table of times that are read: of an hour whose frames all last differently."""
MOST_BOXES = 10_000
"""At the top of a file, or in its header; a video has a dozen."""


class NotAVideo(Exception):
    """The file is no whole MP4; `str()` says what it is, in a sentence after `it`."""


class _Box(NamedTuple):
    kind: bytes
    start: int
    """Of what is in it."""
    end: int


def read_mp4(file: BinaryIO) -> float | None:
    """How many seconds a video lasts, None where its header does not say.

    The boxes of ISO 14496-12: each begins with its length and its kind, and together they are the whole file. No frame
    is decoded, and no more than their heads is read.

    Raises:
        NotAVideo: it is something else, cut short, or damaged in its structure.
        OSError: it cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    start = file.read(ENOUGH)
    if start[4:8] != b"ftyp":
        found = sniff(start)
        raise NotAVideo(f"is {found.what}, and no video" if found else "is no MP4 video")
    boxes = list(_boxes(file, 0, size))
    kinds = [box.kind for box in boxes]
    if b"moov" not in kinds or not any(box.kind == b"mdat" and box.end > box.start for box in boxes):
        raise NotAVideo("is an MP4 without pictures: it is cut short")
    movie = boxes[kinds.index(b"moov")]
    inside = {box.kind: box for box in _boxes(file, movie.start, movie.end)}
    if b"trak" not in inside or b"mvhd" not in inside:
        raise NotAVideo("is an MP4 whose header is damaged")
    return _seconds(file, inside[b"mvhd"])


def video_frames(file: BinaryIO) -> tuple[int, float] | None:
    """How many frames the first track of pictures has, and how many seconds they last; None where it does not say.

    After `read_mp4` has found it to be whole.

    Raises:
        NotAVideo: it is damaged in its structure.
        OSError: it cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    for movie in _of_kind(file, 0, size, b"moov"):
        for track in _of_kind(file, movie.start, movie.end, b"trak"):
            for media in _of_kind(file, track.start, track.end, b"mdia"):
                inside = {box.kind: box for box in _boxes(file, media.start, media.end)}
                if b"minf" in inside and b"mdhd" in inside and _handler(file, inside.get(b"hdlr")) == b"vide":
                    return _frames(file, inside[b"mdhd"], inside[b"minf"])
    return None


def _of_kind(file: BinaryIO, start: int, end: int, kind: bytes) -> list[_Box]:
    return [box for box in _boxes(file, start, end) if box.kind == kind]


def _handler(file: BinaryIO, box: _Box | None) -> bytes:
    """`hdlr`: four bytes of version, four of nothing, then the kind of the track."""
    return b"" if box is None else _read(file, box, 12)[8:]


def _frames(file: BinaryIO, header: _Box, inside: _Box) -> tuple[int, float] | None:
    """`mdhd` has the units of a second; `stts` how many frames last how many of them each."""
    wide = _read(file, header, 1) == b"\1"
    scale = int.from_bytes(_read(file, header, 32)[20:24] if wide else _read(file, header, 24)[12:16], "big")
    tables = _of_kind(file, inside.start, inside.end, b"stbl")
    times = [box for table in tables for box in _of_kind(file, table.start, table.end, b"stts")]
    if not scale or not times:
        return None
    data = _read(file, times[0], min(times[0].end - times[0].start, _MOST_TIMES))[8:]
    pairs = [
        (int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big"))
        for at in range(0, len(data) - 7, 8)
    ]
    frames, units = sum(count for count, _ in pairs), sum(count * each for count, each in pairs)
    return (frames, units / scale) if frames and units else None


def _read(file: BinaryIO, box: _Box, most: int) -> bytes:
    file.seek(box.start)
    return file.read(min(most, box.end - box.start))


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[_Box]:
    for _ in range(MOST_BOXES):
        if at == end:
            return
        file.seek(at)
        head = file.read(16)
        length, kind, body = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if length == 1:
            length, body = int.from_bytes(head[8:16], "big"), at + 16
        elif length == 0:  # to the end
            length = end - at
        if len(head) < 8 or body > end:
            raise NotAVideo("is an MP4 that is cut short")
        if length < body - at or not kind.isascii() or not kind.decode("ascii", "replace").isprintable():
            raise NotAVideo(f"is an MP4 that is damaged at byte {at:,}")
        if at + length > end:
            raise NotAVideo(f"is an MP4 that is cut short: {at + length - end:,} bytes are missing")
        yield _Box(kind, body, at + length)
        at += length
    raise NotAVideo("is an MP4 of too many boxes")


def _seconds(file: BinaryIO, header: _Box) -> float | None:
    """`mvhd`: its version, two times, the units of a second, and how many of these the video lasts."""
    file.seek(header.start)
    data = file.read(min(32, header.end - header.start))
    wide = data[:1] == b"\1"
    at, size = (20, 8) if wide else (12, 4)
    if len(data) < at + 4 + size:
        raise NotAVideo("is an MP4 whose header is damaged")
    scale, units = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 4 + size]
    if not scale or units in (b"\0" * size, b"\xff" * size):  # a video that is made of fragments need not say
        return None
    return int.from_bytes(units, "big") / scale
