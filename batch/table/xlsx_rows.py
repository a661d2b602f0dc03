"""Reads a worksheet as a stream of rows in their own bytes, and the cells in such a row."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from batch.table.xlsx_references import COLUMNS, column_number
from batch.table.xlsx_text import rich_text
from batch.table.xml_scan import TOKEN, XmlError, attributes, elements, escaped, guarded, text_of

LONGEST_ROW = 64 << 20
LONGEST_FRAME = 64 << 20
"""Bytes that are held at once: of one row, or of what stands before and behind the rows."""
LAST_ROW = 1_048_576


class NoRows(XmlError):
    """A sheet in which nothing stands."""


@dataclass(slots=True)
class RawRow:
    """A row in its own bytes."""

    gap: bytes
    """What stands between the row before and this one: mostly nothing."""
    tag: bytes
    """`<row …>`, as it stands."""
    content: bytes
    end: bytes
    """`</row>`; nothing where the tag is empty."""
    number: int


class RawCell(NamedTuple):
    """A cell of a row, by its places in the row's content."""

    column: int
    start: int
    end: int
    style: int
    """Its number in the workbook's list; 0 where it has none."""
    kind: bytes
    """The attribute `t`: `n` `s` `str` `inlineStr` `b` `e` `d`."""
    value: bytes | None
    """As stored: a number, the number of a shared text, or the text itself, with XML's own escapes."""
    formula: bytes | None


class SheetStream:
    """A worksheet's bytes, in order: the head, the rows one by one, the tail.

    Joined again they are the part.
    """

    def __init__(self, stream: Iterable[bytes]) -> None:
        """Reads the head. Raises XmlError."""
        self._stream = iter(guarded(stream))
        self._buffer = b""
        self.head = self._read_head()
        """All before the first row, with the tag that opens the rows."""
        root = next(token for token in TOKEN.finditer(self.head) if token["name"] is not None)
        self.prefix = root["name"][: -len(b"worksheet")]
        """Of the names of its elements: mostly nothing, else with its colon."""
        self.tail = b""
        """All behind the last row, once the rows were read."""

    def rows(self) -> Iterator[RawRow]:
        """Once, in order. Raises XmlError."""
        opening = _row_tag(self.prefix)
        closing, last = b"</%srow" % self.prefix, _end_of_rows(self.prefix)
        at, number = 0, 0
        while True:
            found = opening.match(self._buffer, at)
            if found is None:
                if not last.match(self._buffer, at) and self._more(at):
                    at = 0
                    continue
                break
            if found["empty"]:
                content, end, after = b"", b"", found.end()
            else:
                close = self._buffer.find(closing, found.end())
                after = self._buffer.find(b">", close) + 1 if close >= 0 else 0
                if not after:
                    if not self._more(at, LONGEST_ROW):
                        raise XmlError("is no well-formed XML (a row without an end)")
                    at = 0
                    continue
                content = self._buffer[found.end() : close]
                if b"<!" in content or b"<?" in content:  # what looks like its end may stand in a comment
                    close, after = _true_end(self._buffer, found.end())
                    if not after:
                        self._more(at, LONGEST_ROW)
                        at = 0
                        continue
                    content = self._buffer[found.end() : close]
                end = self._buffer[close:after]
            number = _row_number(found, number)
            yield RawRow(found["gap"], self._buffer[found.start("tag") : found.end()], content, end, number)
            at = after
        self.tail = self._rest(at)
        if not last.match(self.tail):
            raise XmlError("holds something else than rows among its rows")

    def _read_head(self) -> bytes:
        opening = re.compile(rb"<(?:[\w.-]+:)?sheetData(?=[\s/>])")
        while True:
            for found in opening.finditer(self._buffer):
                if at := _end_of_head(self._buffer, found.start()):
                    head, self._buffer = self._buffer[:at], self._buffer[at:]
                    return head
            if not self._more(0, LONGEST_FRAME, whole=True):
                raise NoRows("has no rows")

    def _rest(self, at: int) -> bytes:
        held, size = [self._buffer[at:]], 0
        for block in self._stream:
            held.append(block)
            size += len(block)
            if size > LONGEST_FRAME:
                raise XmlError(f"has more than {LONGEST_FRAME >> 20} MB behind its rows")
        return b"".join(held)

    def _more(self, at: int, most: int = LONGEST_ROW, *, whole: bool = False) -> bool:
        """Reads on, without what stands before `at`; False where there is no more."""
        block = next(self._stream, None)
        if block is None:
            return False
        self._buffer = (self._buffer if whole else self._buffer[at:]) + block
        if len(self._buffer) > most:
            raise XmlError(f"has a row, or something beside its rows, of more than {most >> 20} MB")
        return True


@cache
def _row_tag(prefix: bytes) -> re.Pattern[bytes]:
    return re.compile(
        rb"(?P<gap>(?:\s|<!--.*?-->|<\?.*?\?>)*+)(?P<tag><%srow(?P<attributes>(?:\s[^\"'>/]*+(?:\"[^\"]*+\"[^\"'>/]*+"
        rb"|'[^']*+'[^\"'>/]*+)*+)?)(?P<empty>/?)>)" % re.escape(prefix),
        re.DOTALL,
    )


@cache
def _end_of_rows(prefix: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?:\s|<!--.*?-->|<\?.*?\?>)*+</%ssheetData\s*>" % re.escape(prefix), re.DOTALL)


_R = re.compile(rb"""\sr\s*=\s*["']([0-9]+)["']""")


def _row_number(tag: re.Match[bytes], last: int) -> int:
    told = _R.search(tag["attributes"])
    number = int(told[1]) if told else last + 1
    if not last < number <= LAST_ROW:
        raise XmlError(f"has its rows out of order (row {number} behind row {last})")
    return number


def _end_of_head(data: bytes, at: int) -> int | None:
    """Where the tag ends that opens the rows, if it is the one that begins at `at`: a child of the root."""
    depth = end = 0
    for token in TOKEN.finditer(data):
        if token.start() > at or b"<" in data[end : token.start()]:  # behind what is not complete yet
            return None
        end = token.end()
        if token["name"] is None:
            continue
        if token.start() == at:
            if depth != 1:
                return None
            if token["empty"]:
                raise NoRows("has no rows")
            return token.end()
        depth += 0 if token["empty"] else -1 if token["end"] else 1
    return None


def _true_end(data: bytes, at: int) -> tuple[int, int]:
    """Where the row really ends in which `at` is; nothing where that is not in these bytes yet."""
    depth = 0
    for token in TOKEN.finditer(data, at):
        if token["name"] is None or token["empty"]:
            continue
        if token["end"] and not depth:
            return token.start(), token.end()
        depth += -1 if token["end"] else 1
    return 0, 0


@cache
def _column(letters: bytes) -> int:
    return column_number(letters.decode())


def cells(row: RawRow, prefix: bytes, at: int = 0) -> list[RawCell]:
    """The cells of a row, from left to right, or those from a place in its content on. Raises XmlError."""
    content, last = row.content, -1
    match_next, digits, before = _cell(prefix).match, b"%d" % row.number, 6 + len(prefix)
    found: list[RawCell] = []
    while True:
        match = match_next(content, at)
        if match is None:
            cell = _any_cell(content, at, last, row.number)
            if cell is None:
                return found
        else:
            letters, row_digits, style, kind, formula, value, text = match.groups()
            if row_digits != digits:
                raise XmlError(f"has a cell {letters.decode()}{row_digits.decode()} in row {row.number}")
            cell = RawCell(
                _column(letters),
                match.start(1) - before,
                match.end(),
                int(style) if style else 0,
                kind or b"n",
                value if text is None else text,
                formula,
            )
        if not last < cell.column < COLUMNS:
            raise XmlError(f"has the cells of row {row.number} out of order")
        last, at = cell.column, cell.end
        found.append(cell)


@cache
def _cell(prefix: bytes) -> re.Pattern[bytes]:
    """A cell as nearly all programs write it."""
    p = re.escape(prefix)
    return re.compile(
        rb'\s*+<%sc r="([A-Z]{1,3})([1-9][0-9]{0,6})"(?: s="([0-9]{1,7})")?(?: t="(\w+)")?\s*+(?:/>|>'
        rb"(?:<%sf>([^<]*+)</%sf>)?"
        rb'(?:<%sv>([^<]*+)</%sv>|<%sis><%st(?: xml:space="preserve")?>([^<]*+)</%st></%sis>)?</%sc>)' % ((p,) * 10)
    )


def _any_cell(content: bytes, at: int, last: int, row: int) -> RawCell | None:
    """The next cell, however it is written; None: there is none."""
    opened = next((one for one in elements(content, at) if one.local == b"c"), None)
    if opened is None:
        return None
    told = attributes(opened.attributes)
    place = re.fullmatch(r"([A-Z]{1,3})([0-9]+)", told.get("r", ""))
    if "r" in told and (not place or int(place[2]) != row):
        raise XmlError(f"has a cell {told['r']} in row {row}")
    kind = told.get("t", "n").encode()
    value = formula = None
    for child in elements(content, opened.content, opened.close):
        if child.local == b"f":
            formula = escaped(text_of(content[child.content : child.close])) or b"{shared}"
        elif child.local == b"v":
            value = escaped(text_of(content[child.content : child.close]))
        elif child.local == b"is" and kind == b"inlineStr":
            value = escaped(_escaped_again(rich_text(content, child.content, child.close)))
    style = told.get("s", "0")
    column = column_number(place[1]) if place else last + 1
    return RawCell(column, opened.start, opened.end, int(style) if style.isdecimal() else 0, kind, value, formula)


def _escaped_again(text: str) -> str:
    """As it is stored: what looks like an escape in a text that was read is none."""
    return re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)
