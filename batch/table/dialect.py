"""Finds how a CSV file is written: its encoding, what stands between its cells, and whether it quotes."""

import codecs
import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from batch.table.encoding import Encoding, find_encoding
from batch.table.header import INPUTS, RESULTS, find_header, simplified
from batch.table.quoting import never_quotes
from batch.table.reading_options import ReadingOptions

DELIMITERS = (",", ";", "\t", "|")
FAMILIAR = INPUTS | RESULTS
"""Names that tip the scales between delimiters that would do equally well."""
SAMPLED_LINES, SAMPLED_CHARACTERS, SAMPLED_RECORDS = 200, 1 << 20, 20

SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?(\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one file is written."""

    encoding: Encoding
    preamble: str
    """Excel's line `sep=;` as it stands, or nothing."""
    delimiter: str
    quotes: bool = True
    """Quotes enclose cells; else they are text like any other sign."""

    def expressed(self, text: str) -> str:
        """The text as it will be read again, once written in this codec."""
        codec = self.encoding.codec
        return text.encode(codec, "backslashreplace").decode(codec)

    def encoder(self) -> codecs.IncrementalEncoder:
        """For one file from its start, after its mark; what cannot be expressed is escaped."""
        return codecs.getincrementalencoder(self.encoding.codec)("backslashreplace")

    def open_text(self, path: Path) -> TextIO:
        """The file's text after the preamble; line ends stay as they stand."""
        text = _open_text(path, self.encoding)
        if self.preamble:
            text.readline()
        return text


def find_dialect(path: Path, options: ReadingOptions) -> Dialect:
    """Read the whole file for its encoding and the head of it for its delimiter.

    Raises:
        ManifestError, UsageError: the encoding cannot be told, or is not the one that was.
    """
    encoding = find_encoding(path, options.encoding, before=options.said_before)
    with _open_text(path, encoding) as lines:
        first = next(lines, "")
        if named := SEPARATOR_LINE.fullmatch(first):
            dialect = Dialect(encoding, first, named[1])
        else:
            dialect = Dialect(encoding, "", find_delimiter(chain([first], lines), options))
    if dialect.delimiter == "\t":
        with dialect.open_text(path) as lines:
            return replace(dialect, quotes=not never_quotes(lines))
    return dialect


def find_delimiter(lines: Iterable[str], options: ReadingOptions) -> str:
    """The delimiter under which the header splits and the first records have its width."""
    return max(DELIMITERS, key=partial(_fitness, head_of(lines, options), options))


def _open_text(path: Path, encoding: Encoding) -> TextIO:
    text = path.open(encoding=encoding.codec, newline="")
    if encoding.bom:
        text.read(1)
    return text


def head_of(lines: Iterable[str], options: ReadingOptions) -> list[str]:
    """As many of the first lines as are looked at to find the delimiter."""
    sample: list[str] = []
    held = 0
    for line in islice(lines, SAMPLED_LINES + (options.header_row or 0)):
        sample.append(line)
        held += len(line)
        if held > SAMPLED_CHARACTERS:
            break
    return sample


def _fitness(sample: list[str], options: ReadingOptions, delimiter: str) -> tuple[bool, int, float, int]:
    try:
        rows = list(enumerate(csv.reader(sample, delimiter=delimiter), 1))
    except csv.Error:  # a cell without end: not this delimiter, or found out later with its row
        rows = []
    found = find_header(rows, options.header_row, options.titles)
    if not found:
        return False, 0, 0.0, 0
    number, header = found
    records = [cells for _, cells in rows[number:] if cells][:SAMPLED_RECORDS]
    width = len(header)
    familiar = sum(simplified(name) in FAMILIAR for name in header)
    steady = sum(len(record) == width for record in records) / len(records) if records else 1.0
    return width > 1, familiar, steady, width
