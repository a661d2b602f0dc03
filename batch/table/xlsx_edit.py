"""Puts columns of ours into a worksheet as it streams by: bytes that are not theirs pass through."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from batch.errors import ManifestError
from batch.table.column import Cell, Column, ColumnType
from batch.table.csv_rendering import money_text, time_text
from batch.table.xlsx_links import MOST_LINKS, Link, declared_prefix, hyperlinks, is_ours, link_to, relationship_id
from batch.table.xlsx_references import Range, as_range, column_letters
from batch.table.xlsx_rows import RawCell, RawRow, SheetStream, cells
from batch.table.xlsx_text import SharedStrings, storable, text_element
from batch.table.xlsx_values import NumberFormat, ShownAs
from batch.table.xml_scan import TOKEN, Element, attributes, elements, with_attribute

_WIDTHS = {ColumnType.TEXT: 22, ColumnType.INTEGER: 10, ColumnType.MONEY: 10, ColumnType.TIME: 21}
"""In characters. Set once, when a column is made; from then on it is the user's."""
_BEFORE_LINKS = frozenset(
    {
        *(b"sheetCalcPr", b"sheetProtection", b"protectedRanges", b"scenarios", b"autoFilter", b"sortState"),
        *(b"dataConsolidate", b"customSheetViews", b"mergeCells", b"phoneticPr", b"conditionalFormatting"),
        b"dataValidations",
    }
)
"""What stands between the rows and the links; another order is a damaged file to Excel."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column of ours in a sheet."""

    column: Column
    at: int
    new: bool
    """It has no title yet."""


@dataclass(kw_only=True)
class SheetEdit:
    """One worksheet with columns of ours, made once.

    Args:
        places: of our columns.
        order: our columns from left to right, by their places in a row of `rows`.
        is_record: whether the cells of a row below the titles are a record.
        strings: where texts go; None: into the cells themselves.
        formats: the number formats of the workbook's styles.
    """

    stream: SheetStream
    places: Sequence[Place]
    header_row: int
    is_record: Callable[[RawRow, Sequence[RawCell]], bool]
    strings: SharedStrings | None
    formats: Sequence[NumberFormat]
    rows: Iterator[Sequence[Cell]]
    links: list[Link] = field(default_factory=list)
    """Ours, once the rows are written."""
    dropped: set[str] = field(default_factory=set)
    """The ids of earlier ones, once the tail is written."""
    filter: tuple[Range, Range] | None = None
    """The sheet's own filter, as it was and as it is now, where it grew."""

    def __post_init__(self) -> None:
        self._prefix = self.stream.prefix
        self._ordered = sorted(enumerate(self.places), key=lambda pair: pair[1].at)
        self._letters = [column_letters(place.at) for place in self.places]
        self._first, self._last = self._ordered[0][1].at, self._ordered[-1][1].at
        self._new = [place for place in self.places if place.new]
        self._column_styles: list[tuple[int, int, int]] = []
        self._makers = [self._maker(place.column) for place in self.places]

    def written(self) -> Iterator[bytes]:
        """The part, piece by piece. Raises XmlError, ManifestError."""
        yield self._head()
        held: list[bytes] = []
        size = 0
        for row in self.stream.rows():
            one = self._row(row)
            held.append(one)
            size += len(one)
            if size > 1 << 18:
                yield b"".join(held)
                held, size = [], 0
        if next(self.rows, None) is not None:
            raise ValueError("more rows than records")
        yield b"".join(held)
        yield self._tail()

    def _head(self) -> bytes:
        """What stands before the rows, with the width of the sheet and of our columns."""
        head = self.stream.head
        root = next(token for token in TOKEN.finditer(head) if token["name"] is not None)
        rows_at = head.rfind(b"<")
        out, at, listed = [head[: root.end()]], root.end(), False
        for child in elements(head, at, rows_at):
            tag = head[child.start : child.content]
            if child.local == b"dimension":
                out += head[at : child.start], self._dimension(tag)
                at = child.content
            elif child.local == b"cols":
                listed = True
                out += head[at : child.content], self._cols(head, child)
                at = child.close
        out.append(head[at:rows_at])
        if not listed and (made := b"".join(self._new_cols(self._new))):
            out.append(b"<%scols>%s</%scols>" % (self._prefix, made, self._prefix))
        return b"".join((*out, head[rows_at:]))

    def _dimension(self, tag: bytes) -> bytes:
        told = as_range(attributes(tag).get("ref", ""))
        if told is None or (told.right >= self._last and told.top <= self.header_row):
            return tag
        wide = Range(told.left, min(told.top, self.header_row), max(told.right, self._last), told.bottom)
        return with_attribute(tag, "ref", str(wide))

    def _cols(self, head: bytes, cols: Element) -> bytes:
        """The widths of the columns: ours in their places, where none of the user's covers them."""
        children = []
        for child in elements(head, cols.content, cols.close):
            told = attributes(child.attributes)
            first, last, style = (int(told.get(name) or 0) for name in ("min", "max", "style"))
            children.append((first - 1, last - 1, head[child.start : child.end]))
            self._column_styles.append((first - 1, last - 1, style))
        covered = [pair[:2] for pair in children]
        new = [one for one in self._new if not any(first <= one.at <= last for first, last in covered)]
        if not new:
            return head[cols.content : cols.close]
        made = [(one.at, one.at, raw) for one, raw in zip(new, self._new_cols(new), strict=True)]
        return b"".join(raw for _, _, raw in sorted([*children, *made], key=lambda one: one[0]))

    def _new_cols(self, new: Sequence[Place]) -> Iterator[bytes]:
        for place in sorted(new, key=lambda one: one.at):
            number = place.at + 1
            yield b'<%scol min="%d" max="%d" width="%d" customWidth="1"/>' % (
                *(self._prefix, number, number, _WIDTHS[place.column.type]),
            )

    def _row(self, row: RawRow) -> bytes:
        if row.number < self.header_row:
            return _joined(row)
        found = cells(row, self._prefix)
        if row.number == self.header_row:
            return self._merged(row, found, self._titles(row, found)) if self._new else _joined(row)
        if not self.is_record(row, found):
            return _joined(row)
        values = next(self.rows, None)
        if values is None:
            raise ValueError("fewer rows than records")
        return self._merged(row, found, self._made(row, found, values))

    def _titles(self, row: RawRow, found: Sequence[RawCell]) -> dict[int, bytes]:
        """The titles that are new, in the style of the last one there."""
        last = next((cell.style for cell in reversed(found) if cell.value and cell.column < self._first), 0)
        here = {cell.column: cell.style for cell in found}
        made = {}
        for place in self._new:
            style = here.get(place.at) or last
            made[place.at] = self._cell(place.at, row.number, style, *self._text(place.column.name))
        return made

    def _made(self, row: RawRow, found: Sequence[RawCell], values: Sequence[Cell]) -> dict[int, bytes]:
        """Our cells of a record, by column; nothing where none is needed."""
        here = {cell.column: cell for cell in found if self._first <= cell.column <= self._last}
        of_row: int | None = None
        made = {}
        for at, place in self._ordered:
            value, old = values[at], here.get(place.at)
            if old is not None:
                if old.formula is not None:
                    raise ManifestError(
                        f"row {row.number}, column {place.column.name} holds a formula of yours, which would be "
                        "overwritten: move it elsewhere, or name ours otherwise with --prefix PREFIX"
                    )
                style = old.style
            else:
                if of_row is None:
                    of_row = _row_style(row.tag)
                style = of_row or self._column_style(place.at)
            if value is None or value == "":
                made[place.at] = self._cell(place.at, row.number, style, b"", b"") if old and style else b""
                continue
            kind, content = self._makers[at](value)
            if not kind and style and not self._shows_numbers(style):
                style = 0
            made[place.at] = self._cell(place.at, row.number, style, kind, content)
            if place.column.link and len(self.links) < MOST_LINKS:
                self._link(f"{self._letters[at]}{row.number}", str(value))
        return made

    def _link(self, cell: str, text: str) -> None:
        if link := link_to(cell, text):
            self.links.append(link)

    def _shows_numbers(self, style: int) -> bool:
        """Whether a number looks like itself in a style, and is read again as it was written."""
        of = self.formats[style] if style < len(self.formats) else NumberFormat()
        return of.shown is ShownAs.NUMBER and not of.zeros

    def _column_style(self, at: int) -> int:
        style = next((style for first, last, style in self._column_styles if first <= at <= last), 0)
        return style if style and style < len(self.formats) and self.formats[style].plain else 0

    def _maker(self, column: Column) -> Callable[..., tuple[bytes, bytes]]:
        match column.type:
            case ColumnType.TEXT:
                return self._text
            case ColumnType.TIME:
                return lambda moment: self._text(time_text(moment))
            case ColumnType.MONEY:
                return lambda amount: (b"", self._value(money_text(amount)))
            case ColumnType.INTEGER:
                return lambda number: (b"", self._value(str(number)))

    def _text(self, text: str) -> tuple[bytes, bytes]:
        """The attributes and the content of a cell with a text."""
        text = storable(text)
        if self.strings is None:
            p = self._prefix
            return b' t="inlineStr"', b"<%sis>%s</%sis>" % (p, text_element(text, p), p)
        return b' t="s"', self._value(str(self.strings.number(text)))

    def _value(self, text: str) -> bytes:
        return b"<%sv>%s</%sv>" % (self._prefix, text.encode(), self._prefix)

    def _cell(self, at: int, row: int, style: int, kind: bytes, content: bytes) -> bytes:
        p = self._prefix
        styled = b' s="%d"' % style if style else b""
        head = b'<%sc r="%s%d"%s%s' % (p, column_letters(at).encode(), row, styled, kind)
        return head + b">%s</%sc>" % (content, p) if content else head + b"/>"

    def _merged(self, row: RawRow, found: Sequence[RawCell], made: dict[int, bytes]) -> bytes:
        """The row with these cells in their places."""
        content, at, index, count = row.content, 0, 0, len(found)
        out: list[bytes] = []
        for column in sorted(made):
            while index < count and found[index].column < column:
                index += 1
            if index < count and found[index].column == column:
                start, end = found[index].start, found[index].end
            else:
                start = end = found[index].start if index < count else found[-1].end if count else 0
            out += content[at:start], made[column]
            at = end
        inside = b"".join((*out, content[at:]))
        tag = self._with_spans(row.tag, made)
        if not row.end:
            if not inside:
                return row.gap + tag
            tag = tag.removesuffix(b"/>").rstrip() + b">"
            return row.gap + tag + inside + b"</%srow>" % self._prefix
        return row.gap + tag + inside + row.end

    def _with_spans(self, tag: bytes, made: dict[int, bytes]) -> bytes:
        if b"spans=" not in tag:
            return tag
        first, _, last = attributes(tag)["spans"].rpartition(":")
        right = max(made) + 1
        return with_attribute(tag, "spans", f"{first}:{right}") if last.isdecimal() and int(last) < right else tag

    def _tail(self) -> bytes:
        """What stands behind the rows, with the filter as wide as our columns, and our links."""
        tail = self.stream.tail
        root = next(token for token in TOKEN.finditer(self.stream.head) if token["name"] is not None)
        columns = {place.at for place in self.places if place.column.link}
        after_rows = next(token.end() for token in TOKEN.finditer(tail) if token["name"] is not None)
        make = partial(hyperlinks, self._prefix, declared_prefix(root["attributes"]))
        out: list[bytes] = []
        at, links_at, done = 0, after_rows, False
        kept: list[bytes] = []
        for child in elements(tail, after_rows):
            if child.local in _BEFORE_LINKS:
                links_at = child.end
            if child.local == b"autoFilter":
                out += tail[at : child.start], self._filter(tail[child.start : child.content])
                at = child.content
            elif child.local == b"hyperlinks":
                done = True
                kept = list(self._users_links(tail, child, columns))
                out += tail[at : child.start], make(kept, self._within_limit(len(kept)))
                at = child.end
        if not done:
            out += tail[at:links_at], make((), self.links)
            at = links_at
        return b"".join((*out, tail[at:]))

    def _within_limit(self, kept: int) -> list[Link]:
        del self.links[max(0, MOST_LINKS - kept) :]
        return self.links

    def _users_links(self, tail: bytes, listed: Element, columns: set[int]) -> Iterator[bytes]:
        """The links that are not ours in their own bytes; those that are, are noted as dropped."""
        at = listed.content
        for child in elements(tail, listed.content, listed.close):
            if is_ours(child, columns, self.header_row):
                if tail[at : child.start].strip():
                    yield tail[at : child.start]
                at = child.end
                if found := relationship_id(child.attributes):
                    self.dropped.add(found)
            else:
                yield tail[at : child.end]
                at = child.end

    def _filter(self, tag: bytes) -> bytes:
        """The sheet's own filter: sorting by it must move our cells with the rest of their rows."""
        told = as_range(attributes(tag).get("ref", ""))
        new = sorted(place.at for place in self._new)
        if told is None or told.top != self.header_row or not new or new[0] != told.right + 1:
            return tag
        wide = Range(told.left, told.top, new[-1], told.bottom)
        self.filter = told, wide
        return with_attribute(tag, "ref", str(wide))


def _joined(row: RawRow) -> bytes:
    return b"".join((row.gap, row.tag, row.content, row.end))


def _row_style(tag: bytes) -> int:
    """The style that a row has as a whole; 0 where it has none."""
    if b"customFormat" not in tag:
        return 0
    told = attributes(tag)
    style = told.get("s", "0")
    return int(style) if told.get("customFormat") in ("1", "true") and style.isdecimal() else 0
