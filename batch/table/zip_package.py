"""Reads a zip archive within bounds, and copies it entry by entry but for those that change."""

import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO

BLOCK = 1 << 18
MOST_ENTRIES = 60_000
"""Below the 65,535 from which on an archive needs zip64."""
MOST_BYTES = 0xF000_0000
"""Likewise, below 4 GiB."""
_HELD = 8 << 20
"""Bytes of a changed entry that are held in memory, packed, before the rest goes to the disk."""
_UTF8 = 0x800
_ENCRYPTED = 0x1
_EPOCH = (1980, 1, 1, 0, 0, 0)


class PackageError(Exception):
    """An archive that cannot be read or written; the message goes on from the name of the file."""


@dataclass(frozen=True, slots=True)
class _Packed:
    """A changed entry, packed."""

    data: IO[bytes]
    checksum: int
    size: int
    packed: int


class ZipPackage:
    """One archive, as it stood when it was opened."""

    def __init__(self, path: Path) -> None:
        """Read the directory of the archive.

        Raises:
            PackageError: it is damaged, or not made to be read in this way.
            OSError: it cannot be read.
        """
        self._path = path
        self._entries = _entries(path)
        self._ends = _ends(self._entries, path)
        self._by_name = {entry.filename: entry for entry in self._entries}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    @property
    def names(self) -> list[str]:
        """Of the entries, in the order of the directory."""
        return [entry.filename for entry in self._entries]

    def stream(self, name: str, most: int) -> Iterator[bytes]:
        """The content of an entry, piece by piece, with its checksum proven at the end.

        Args:
            most: bytes that it may have; what claims or has more is refused before it is unpacked.

        Raises:
            PackageError: it is not there, too large, or damaged.
        """
        entry = self._by_name.get(name)
        if entry is None:
            raise PackageError(f"is damaged: it has no part {name}")
        if entry.file_size > most:
            raise PackageError(f"holds more than can be read: {name} unpacks to {entry.file_size:,} bytes")
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(entry) as file:
                while block := file.read(BLOCK):
                    yield block
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as fault:
            raise PackageError(f"is damaged: {name} cannot be unpacked ({fault})") from fault

    def read(self, name: str, most: int) -> bytes:
        """The whole content of an entry. Raises as `stream` does."""
        return b"".join(self.stream(name, most))

    def write(self, sink: BinaryIO, changed: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        """The archive with the content of these entries, which are new ones where there are none of that name.

        All others are copied as raw bytes, header, content and descriptor, in their order. The content of each is made
        before the next one is asked for, and all of it before anything is written.

        Raises:
            PackageError: it would be too large, or is damaged.
        """
        directory: list[bytes] = []
        at = 0
        with ExitStack() as spools, self._path.open("rb") as source:
            packed = {name: _pack(content, spools) for name, content in changed}
            for entry, end in sorted(
                zip(self._entries, self._ends, strict=True), key=lambda pair: pair[0].header_offset
            ):
                if (new := packed.pop(entry.filename, None)) is not None:
                    directory.append(_directory_record(entry, at, new))
                    at += _write_entry(sink, entry, new)
                    continue
                directory.append(_directory_record(entry, at, None))
                at += _copy(source, sink, entry.header_offset, end)
            for name, new in packed.items():
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.flag_bits |= 0 if name.isascii() else _UTF8
                directory.append(_directory_record(entry, at, new))
                at += _write_entry(sink, entry, new)
        records = b"".join(directory)
        if at + len(records) > MOST_BYTES or len(directory) > MOST_ENTRIES:
            raise PackageError("would be larger than such a file can be")
        sink.write(records)
        sink.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(directory), len(directory), len(records), at, 0))

    def differs(self, other: "ZipPackage", but: Iterable[str]) -> str | None:
        """The name of an entry that has other raw bytes in another archive, or is not in both; these left aside."""
        left_out = {*but}
        ours, theirs = self._raw_places(left_out), other._raw_places(left_out)
        if name := next(iter(ours.keys() ^ theirs.keys()), None):
            return name
        with self._path.open("rb") as one, other._path.open("rb") as two:
            for name, (start, end) in ours.items():
                start_there, end_there = theirs[name]
                if end - start != end_there - start_there or not _same(one, start, two, start_there, end - start):
                    return name
        return None

    def _raw_places(self, but: set[str]) -> dict[str, tuple[int, int]]:
        places = zip(self._entries, self._ends, strict=True)
        return {entry.filename: (entry.header_offset, end) for entry, end in places if entry.filename not in but}


def _entries(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as fault:
        raise PackageError(
            f'is an Excel workbook or another zip archive, and damaged ({fault}): save it as "CSV UTF-8" or .xlsx anew'
        ) from fault
    if not entries or len(entries) > MOST_ENTRIES:
        raise PackageError(f"is a zip archive of {len(entries):,} entries, and no workbook")
    names = [entry.filename.casefold() for entry in entries]
    if len({*names}) < len(names):
        raise PackageError("is damaged: two of its parts have one name")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise PackageError("is encrypted; save it without a password")
    return entries


def _ends(entries: list[zipfile.ZipInfo], path: Path) -> list[int]:
    """Where each entry ends with all that belongs to it: at the next one, or at the directory."""
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir
    starts = sorted({*(entry.header_offset for entry in entries), directory})
    following = dict(pairwise(starts))
    ends = [following.get(entry.header_offset, -1) for entry in entries]
    for entry, end in zip(entries, ends, strict=True):
        # Two entries over the same bytes unpack to far more than the file holds.
        if entry.header_offset + 30 + entry.compress_size > end or directory > MOST_BYTES:
            raise PackageError("is a damaged zip archive (its parts overlap, or it is too large)")
    if len({entry.header_offset for entry in entries}) < len(entries):
        raise PackageError("is a damaged zip archive (two of its parts stand in the same place)")
    return ends


def _pack(content: Iterable[bytes], spools: ExitStack) -> _Packed:
    # Packed before its header is written, which then can tell how long it is: not all readers take that afterwards.
    spool = spools.enter_context(SpooledTemporaryFile(_HELD))  # noqa: SIM115 - this is one
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    checksum = size = packed = 0
    for block in content:
        checksum, size = zlib.crc32(block, checksum), size + len(block)
        packed += spool.write(deflate.compress(block))
    packed += spool.write(deflate.flush())
    if max(size, packed) > MOST_BYTES:
        raise PackageError("would be larger than such a file can be")
    spool.seek(0)
    return _Packed(spool, checksum, size, packed)


def _write_entry(sink: BinaryIO, entry: zipfile.ZipInfo, new: _Packed) -> int:
    name = _encoded(entry)
    flags = entry.flag_bits & _UTF8
    header = struct.pack(
        "<4s5H3L2H",
        *(b"PK\3\4", 20, flags, zipfile.ZIP_DEFLATED, *_dos_time(entry)),
        *(new.checksum, new.packed, new.size, len(name), 0),
    )
    sink.write(header + name)
    shutil.copyfileobj(new.data, sink, BLOCK)
    return len(header) + len(name) + new.packed


def _directory_record(entry: zipfile.ZipInfo, at: int, new: _Packed | None) -> bytes:
    name = _encoded(entry)
    what: tuple[Any, ...]
    if new:
        extra, what = b"", (20, 0, entry.flag_bits & _UTF8, zipfile.ZIP_DEFLATED)
        sizes = new.checksum, new.packed, new.size
    else:
        extra = _without_zip64(entry.extra)
        what = entry.extract_version, entry.reserved, entry.flag_bits, entry.compress_type
        sizes = entry.CRC, entry.compress_size, entry.file_size
    return (
        struct.pack(
            "<4s4B4H3L5H2L",
            *(b"PK\1\2", entry.create_version, entry.create_system, *what, *_dos_time(entry), *sizes),
            *(len(name), len(extra), len(entry.comment), 0, entry.internal_attr, entry.external_attr, at),
        )
        + name
        + extra
        + entry.comment
    )


def _encoded(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else "cp437")


def _dos_time(entry: zipfile.ZipInfo) -> tuple[int, int]:
    year, month, day, hour, minute, second = entry.date_time
    return hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day


def _without_zip64(extra: bytes) -> bytes:
    """Extra fields without the one that holds large sizes: they are all small here."""
    kept, at = b"", 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind != 1:
            kept += extra[at : at + 4 + length]
        at += 4 + length
    return kept


def _copy(source: BinaryIO, sink: BinaryIO, start: int, end: int) -> int:
    source.seek(start)
    left = end - start
    while left:
        block = source.read(min(BLOCK, left))
        if not block:
            raise PackageError("is a damaged zip archive (it ends too early)")
        sink.write(block)
        left -= len(block)
    return end - start


def _same(one: BinaryIO, start: int, two: BinaryIO, start_there: int, length: int) -> bool:
    one.seek(start)
    two.seek(start_there)
    while length:
        block = one.read(min(BLOCK, length))
        if not block or two.read(len(block)) != block:
            return False
        length -= len(block)
    return True
