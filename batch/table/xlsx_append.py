"""Puts new rows of the user's below the last one of a worksheet, in the format of that row."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batch.table.xlsx_references import Range, as_range, column_letters
from batch.table.xlsx_rows import LAST_ROW, RawRow, SheetStream, cells
from batch.table.xlsx_text import SharedStrings, storable, text_element
from batch.table.xml_scan import TOKEN, XmlError, attributes, elements, with_attribute


@dataclass(kw_only=True)
class SheetAppend:
    """One worksheet with more rows.

    Args:
        after: the row below which they stand; all below that is blank.
        rows: column → text.
        strings: where texts go; None: into the cells themselves.
    """

    stream: SheetStream
    after: int
    rows: Sequence[Mapping[int, str]]
    strings: SharedStrings | None

    def written(self) -> Iterator[bytes]:
        """The part, piece by piece. Raises XmlError."""
        yield self._head()
        styles: dict[int, int] = {}
        waiting = list(enumerate(self.rows, self.after + 1))
        if waiting and waiting[-1][0] > LAST_ROW:
            raise XmlError(f"would have more than {LAST_ROW:,} rows")
        for row in self.stream.rows():
            while waiting and waiting[0][0] < row.number:
                yield self._new_row(*waiting.pop(0), styles)
            if waiting and waiting[0][0] == row.number:
                yield self._filled(row, waiting.pop(0)[1], styles)
                continue
            if row.number == self.after:
                styles = {cell.column: cell.style for cell in cells(row, self.stream.prefix)}
            yield _joined(row)
        for number, texts in waiting:
            yield self._new_row(number, texts, styles)
        yield self.stream.tail

    def _new_row(self, number: int, texts: Mapping[int, str], styles: Mapping[int, int]) -> bytes:
        p = self.stream.prefix
        inside = b"".join(self._cell(at, number, texts[at], styles.get(at, 0)) for at in sorted(texts) if texts[at])
        return b'<%srow r="%d">%s</%srow>' % (p, number, inside, p)

    def _filled(self, row: RawRow, texts: Mapping[int, str], styles: Mapping[int, int]) -> bytes:
        """A row that is there and blank: it keeps its height, and its cells their formats."""
        made = {cell.column: row.content[cell.start : cell.end] for cell in cells(row, self.stream.prefix)}
        kept = {cell.column: cell.style for cell in cells(row, self.stream.prefix)}
        for at, text in texts.items():
            if text:
                made[at] = self._cell(at, row.number, text, kept.get(at, 0) or styles.get(at, 0))
        tag = row.tag if row.end else row.tag.removesuffix(b"/>").rstrip() + b">"
        tag = re.sub(rb"\sspans\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", tag)  # a hint only, and no longer true
        return row.gap + tag + b"".join(made[at] for at in sorted(made)) + (row.end or b"</%srow>" % self.stream.prefix)

    def _cell(self, at: int, row: int, text: str, style: int) -> bytes:
        p, text = self.stream.prefix, storable(text)
        place = b'<%sc r="%s%d"' % (p, column_letters(at).encode(), row) + (b' s="%d"' % style if style else b"")
        if self.strings is None:
            return place + b' t="inlineStr"><%sis>%s</%sis></%sc>' % (p, text_element(text, p), p, p)
        return place + b' t="s"><%sv>%d</%sv></%sc>' % (p, self.strings.number(text), p, p)

    def _head(self) -> bytes:
        """With the size of the sheet."""
        head = self.stream.head
        root = next(token for token in TOKEN.finditer(head) if token["name"] is not None)
        for child in elements(head, root.end(), head.rfind(b"<")):
            told = as_range(attributes(child.attributes).get("ref", "")) if child.local == b"dimension" else None
            if told:
                right = max([told.right, *(at for row in self.rows for at in row)])
                wide = Range(told.left, told.top, right, max(told.bottom, self.after + len(self.rows)))
                return (
                    head[: child.start]
                    + with_attribute(head[child.start : child.content], "ref", str(wide))
                    + head[child.content :]
                )
        return head


def _joined(row: RawRow) -> bytes:
    return b"".join((row.gap, row.tag, row.content, row.end))
