"""Finds in which encoding a text file is written: told, marked, or guessed where that reads well."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from batch.errors import ManifestError, UsageError

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
REMEDY = 'save it again as "CSV UTF-8"'
GUESS = "cp1252"
BLOCK = 1 << 20
JUDGED = 1 << 16
"""Bytes of lines with signs outside ASCII by which a guess is judged."""

_MARKED = {"utf-8": {"utf-8", "utf-8-sig"}, "utf-16-le": {"utf-16", "utf-16-le"}, "utf-16-be": {"utf-16", "utf-16-be"}}
_UNMARKED = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
"""Python's names that stand for a mark too, and what they mean in a file without one."""
SURE = 4
"""Signs outside ASCII from which on bytes that are UTF-8 are hardly anything else."""
_SIGN = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_LINE = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*[\r\n]*")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the text of one file becomes bytes."""

    bom: bytes
    codec: str
    guessed: bool = False
    """Nothing in the file says it."""


def find_encoding(path: Path, told: str | None, *, before: bool = False) -> Encoding:
    """Read the whole file for its encoding; `told` is what a person says of it.

    Args:
        before: that was said of the table as it stood in another night.

    Raises:
        ManifestError: it is written in no encoding known, in one that can only be guessed, or in one that would not
            give the same bytes again; or it seems to be another one than before.
        UsageError: the file says that it is written in another encoding than was told.
    """
    with path.open("rb") as file:
        start = file.read(3)
        for bom, codec in BOMS:
            if start.startswith(bom):
                return _marked(file, path, bom, codec, told)
        if told is not None and before:
            _require_as_before(file, path, told)
        if told is not None:
            return _told(file, path, told)
        if (fault := _first_fault(file, b"", "utf-8")) is None:
            return Encoding(b"", "utf-8")
        return _guessed(file, path, fault)


def _marked(file: BinaryIO, path: Path, bom: bytes, codec: str, told: str | None) -> Encoding:
    if told is not None and codecs.lookup(told).name not in _MARKED[codec]:
        raise UsageError(f"--encoding {told}: {path} begins with the mark of {codec.upper()}: say --encoding {codec}")
    if (fault := _first_fault(file, bom, codec)) is not None:
        raise ManifestError(f"{path} begins as {codec.upper()} but byte {fault} is not of it; {REMEDY}")
    return Encoding(bom, codec)


def _require_as_before(file: BinaryIO, path: Path, told: str) -> None:
    """A table that was saved as UTF-8 since would be read as other letters, and all of its rows as edited ones."""
    if codecs.lookup(told).name in _MARKED["utf-8"] or _first_fault(file, b"", "utf-8") is not None:
        return
    if len(_SIGN.findall(_foreign_lines(file))) >= SURE:
        raise ManifestError(
            f"{path} is written in UTF-8 now, and was read in {told} before: say which one holds, --encoding utf-8 or "
            f"--encoding {told}"
        )


def _told(file: BinaryIO, path: Path, told: str) -> Encoding:
    name = codecs.lookup(told).name
    codec = _UNMARKED.get(name, name)
    if (fault := _first_fault(file, b"", codec)) is not None:
        _, line = _before(file, fault)
        raise ManifestError(
            f"{path} is not written in {told}: see byte {fault}, in line {line}; name another --encoding"
            f"{_named(file)}, or {REMEDY}"
        )
    if (changed := _first_changed(file, codec)) is not None:
        raise ManifestError(
            f"{path} cannot be kept byte for byte in {told}: what stands from byte {changed} on is written in more "
            f"than one way there; {REMEDY}"
        )
    return Encoding(b"", codec)


def _guessed(file: BinaryIO, path: Path, fault: int) -> Encoding:
    from batch.table.code_pages import PLAUSIBLE, WINDOWS_1252, plausibility, sample  # few files need it

    plain, line = _before(file, fault)
    if not plain:
        # Valid UTF-8 before the fault means a damaged UTF-8 file: read as cp1252 every accent in it would be garbled.
        wrong = f"not UTF-8 throughout: see byte {fault}, in line {line}"
    elif _first_fault(file, b"", GUESS) is not None:
        wrong = f"neither UTF-8 nor Windows-1252: see byte {fault}, in line {line}"
    else:
        text = _foreign_lines(file).decode(GUESS)
        if plausibility(text, WINDOWS_1252)[0] >= PLAUSIBLE:
            return Encoding(b"", GUESS, guessed=True)
        wrong = f"not UTF-8, and as Windows-1252 it makes no sense ({sample(text)!r} in line {line})"
    raise ManifestError(f"{path} is {wrong}; {REMEDY}, or name its code page with --encoding{_named(file)}")


def _named(file: BinaryIO) -> str:
    """The likely code pages, each with what it makes of the first text outside ASCII."""
    from batch.table.code_pages import candidates, sample

    found = [f"{codec} ({sample(text)!r})" for codec, text in candidates(_foreign_lines(file))]
    return f" ({'likely are ' if len(found) > 1 else 'perhaps '}{', '.join(found)})" if found else ""


def _foreign_lines(file: BinaryIO) -> bytes:
    """Lines with bytes outside ASCII, as many as are judged; whole ones, but for one that is longer than all that."""
    found: list[bytes] = []
    held = 0
    file.seek(0)
    for line in file:
        if not line.isascii():
            found += _LINE.findall(line)
            held += len(line)
        if held > JUDGED:
            break
    return b"".join(found)


def _first_fault(file: BinaryIO, bom: bytes, codec: str) -> int | None:
    """The position of the first byte that the codec cannot read."""
    decoder = codecs.getincrementaldecoder(codec)()
    position = file.seek(len(bom))
    pending = 0
    try:
        for block in _blocks(file):
            pending = len(decoder.getstate()[0])
            decoder.decode(block)
            position += len(block)
        pending = len(decoder.getstate()[0])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as fault:
        return position - pending + fault.start
    return None


def _first_changed(file: BinaryIO, codec: str) -> int | None:
    """The position from which on the text would be written in other bytes than it was read from."""
    decoder, encoder = codecs.getincrementaldecoder(codec)(), codecs.getincrementalencoder(codec)()
    file.seek(0)
    position, left = 0, b""
    try:
        for block in _ended(file):
            left += block or b""
            written = encoder.encode(decoder.decode(block or b"", final=block is None), final=block is None)
            if not left.startswith(written):
                return position + next(at for at, byte in enumerate(written) if left[at : at + 1] != bytes([byte]))
            left = left[len(written) :]
            position += len(written)
    except UnicodeError:
        return position
    return position if left else None


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.read, BLOCK), b"")


def _ended(file: BinaryIO) -> Iterator[bytes | None]:
    yield from _blocks(file)
    yield None


def _before(file: BinaryIO, position: int) -> tuple[bool, int]:
    """Whether all bytes before the position are ASCII, and the line it stands in."""
    plain, feeds, returns = True, 0, 0
    file.seek(0)
    for start in range(0, position, BLOCK):
        block = file.read(min(BLOCK, position - start))
        plain = plain and block.isascii()
        feeds += block.count(b"\n")
        returns += block.count(b"\r")
    return plain, max(feeds, returns) + 1
