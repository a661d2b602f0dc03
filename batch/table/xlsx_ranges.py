"""Lets a workbook's own ranges follow our columns: an Excel table's, and the name of a filter's. Pure."""

from collections.abc import Sequence

from batch.table.xlsx_references import ExcelTable, Range, as_range, column_letters
from batch.table.xml_scan import attributes, elements, escaped, root_of, text_of, with_attribute

FILTER_NAME = "_xlnm._FilterDatabase"


def grown_table(data: bytes, table: ExcelTable, titles: Sequence[str]) -> bytes:
    """The part of an Excel table with columns of ours at its right end."""
    old = table.range
    wide = Range(old.left, old.top, old.right + len(titles), old.bottom)
    without_totals = Range(wide.left, wide.top, wide.right, wide.bottom - table.totals)
    root = root_of(data)
    prefix = root.name[: -len(root.local)]
    out, at = [data[: root.start], with_attribute(data[root.start : root.content], "ref", str(wide))], root.content
    for child in elements(data, root.content, root.close):
        tag = data[child.start : child.content]
        if child.local == b"autoFilter":
            out += data[at : child.start], with_attribute(tag, "ref", str(without_totals))
            at = child.content
        elif child.local == b"tableColumns":
            inside = list(elements(data, child.content, child.close))
            told = [attributes(one.attributes).get("id", "0") for one in inside]
            highest = max((int(one) for one in told if one.isdecimal()), default=0)
            new = b"".join(
                b'<%stableColumn id="%d" name="%s"/>' % (prefix, highest + 1 + number, _quoted(title))
                for number, title in enumerate(titles)
            )
            out += data[at : child.start], with_attribute(tag, "count", str(len(inside) + len(titles)))
            out += data[child.content : child.close], new
            at = child.close
    return b"".join((*out, data[at:]))


def lengthened_table(data: bytes, table: ExcelTable, rows: int) -> bytes:
    """The part of an Excel table without totals, with so many more rows."""
    old = table.range
    long = str(Range(old.left, old.top, old.right, old.bottom + rows))
    root = root_of(data)
    out, at = [data[: root.start], with_attribute(data[root.start : root.content], "ref", long)], root.content
    for child in elements(data, root.content, root.close):
        if child.local == b"autoFilter":
            out += data[at : child.start], with_attribute(data[child.start : child.content], "ref", long)
            at = child.content
    return b"".join((*out, data[at:]))


def _quoted(title: str) -> bytes:
    return escaped(title).replace(b'"', b"&quot;").replace(b"\n", b"_x000a_")


def with_filter(data: bytes, sheet: int, old: Range, new: Range) -> bytes | None:
    """The workbook's part with the range of a sheet's filter as wide as it is now; None: it has no such name.

    Args:
        sheet: the place of the sheet among all.
    """
    root = root_of(data)
    names = next((one for one in elements(data, root.content, root.close) if one.local == b"definedNames"), None)
    for child in elements(data, names.content, names.close) if names else ():
        told = attributes(child.attributes)
        if told.get("name") != FILTER_NAME or told.get("localSheetId") != str(sheet):
            continue
        text = text_of(data[child.content : child.close])
        sheet_name, _, where = text.rpartition("!")
        if as_range(where.replace("$", "")) == old:
            wide = f"{sheet_name}!${column_letters(new.left)}${new.top}:${column_letters(new.right)}${new.bottom}"
            return data[: child.content] + escaped(wide) + data[child.close :]
    return None
