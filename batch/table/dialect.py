"""Finds how a CSV file is written: its encoding, and what stands between its cells."""

import codecs
import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TextIO

from batch.errors import ManifestError
from batch.table.quoting import never_quotes

DELIMITERS = (",", ";", "\t", "|")
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
REMEDY = 'save it again as "CSV UTF-8"'
BLOCK = 1 << 20
SAMPLED_LINES, SAMPLED_CHARACTERS, SAMPLED_RECORDS = 200, 1 << 20, 20

# Names that manifests use; they only tip the scales between delimiters that would do equally well.
FAMILIAR = {
    *("prompt", "image", "imageurl", "tailimage", "tailimageurl", "duration", "negativeprompt", "cfgscale", "id"),
    *("status", "videourl", "error", "errortype", "requestid", "attempts", "costusd", "submittedat", "finishedat"),
}
SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?(\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one file is written."""

    bom: bytes
    codec: str
    preamble: str
    """Excel's line `sep=;` as it stands, or nothing."""
    delimiter: str
    quotes: bool = True
    """Quotes enclose cells; else they are text like any other sign."""

    def expressed(self, text: str) -> str:
        """The text as it will be read again, once written in this codec."""
        return text.encode(self.codec, "backslashreplace").decode(self.codec)

    def open_text(self, path: Path) -> TextIO:
        """The file's text after the preamble; line ends stay as they stand."""
        text = _open_text(path, self.bom, self.codec)
        if self.preamble:
            text.readline()
        return text


def find_dialect(path: Path) -> Dialect:
    """Read the whole file for its encoding and the head of it for its delimiter. Raises ManifestError."""
    with path.open("rb") as file:
        bom, codec = _find_codec(file, path)
    with _open_text(path, bom, codec) as lines:
        first = next(lines, "")
        if named := SEPARATOR_LINE.fullmatch(first):
            dialect = Dialect(bom, codec, first, named[1])
        else:
            dialect = Dialect(bom, codec, "", find_delimiter(chain([first], lines)))
    if dialect.delimiter == "\t":
        with dialect.open_text(path) as lines:
            return replace(dialect, quotes=not never_quotes(lines))
    return dialect


def find_delimiter(lines: Iterable[str]) -> str:
    """The delimiter under which the header splits and the first records have its width."""
    return max(DELIMITERS, key=partial(_fitness, head_of(lines)))


def _open_text(path: Path, bom: bytes, codec: str) -> TextIO:
    text = path.open(encoding=codec, newline="")
    if bom:
        text.read(1)
    return text


def head_of(lines: Iterable[str]) -> list[str]:
    """As many of the first lines as are looked at to find the delimiter."""
    sample: list[str] = []
    held = 0
    for line in islice(lines, SAMPLED_LINES):
        sample.append(line)
        held += len(line)
        if held > SAMPLED_CHARACTERS:
            break
    return sample


def _fitness(sample: list[str], delimiter: str) -> tuple[bool, int, float, int]:
    try:
        rows = list(islice(filter(None, csv.reader(sample, delimiter=delimiter)), 1 + SAMPLED_RECORDS))
    except csv.Error:  # a cell without end: not this delimiter, or found out later with its row
        rows = []
    if not rows:
        return False, 0, 0.0, 0
    header, *records = rows
    width = len(header)
    familiar = sum(re.sub("[ _-]", "", name.casefold()) in FAMILIAR for name in header)
    steady = sum(len(record) == width for record in records) / len(records) if records else 1.0
    return width > 1, familiar, steady, width


def _find_codec(file: BinaryIO, path: Path) -> tuple[bytes, str]:
    start = file.read(3)
    for bom, codec in BOMS:
        if start.startswith(bom):
            if (fault := _first_fault(file, bom, codec)) is not None:
                raise ManifestError(f"{path} begins as {codec.upper()} but byte {fault} is not of it; {REMEDY}")
            return bom, codec
    if (fault := _first_fault(file, b"", "utf-8")) is None:
        return b"", "utf-8"
    plain, line = _before(file, fault)
    # Valid UTF-8 before the fault means a damaged UTF-8 file: read as cp1252 every accent in it would be garbled.
    if plain and _first_fault(file, b"", "cp1252") is None:
        return b"", "cp1252"
    wrong = "neither UTF-8 nor Windows-1252" if plain else "not UTF-8 throughout"
    raise ManifestError(f"{path} is {wrong}: see byte {fault}, in line {line}; {REMEDY}")


def _first_fault(file: BinaryIO, bom: bytes, codec: str) -> int | None:
    """The position of the first byte that the codec cannot read."""
    decoder = codecs.getincrementaldecoder(codec)()
    position = file.seek(len(bom))
    pending = 0
    try:
        for block in iter(partial(file.read, BLOCK), b""):
            pending = len(decoder.getstate()[0])
            decoder.decode(block)
            position += len(block)
        pending = len(decoder.getstate()[0])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as fault:
        return position - pending + fault.start
    return None


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
