"""A worksheet streams by as rows in their own bytes; joined again they are the sheet."""

import re
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.table.xlsx_rows import RawRow, SheetStream, cells
from batch.table.xml_scan import XmlError
from tests.support.workbooks import sheet, text

CELLS = st.sampled_from(
    [
        '<c r="{}"/>',
        '<c r="{}" s="3"/>',
        '<c r="{}" s="3" t="s"><v>1</v></c>',
        '<c r="{}"><f>A1&lt;2</f><v>1</v></c>',
        '<c r="{}" t="inlineStr"><is><t>&lt;/row&gt;</t></is></c>',
        '<c r="{}"><!-- </row> --><v>2</v></c>',
        '<c r="{}" t="inlineStr"><is><t><![CDATA[</c></row>]]></t></is></c>',
        "<c r='{}'  ><v>3</v ></c >",
    ]
)


@st.composite
def sheets(draw: st.DrawFn) -> tuple[str, list[tuple[int, list[str]]]]:
    """XML, and the cells of each row by its number."""
    rows, expected = [], []
    for number in sorted(draw(st.sets(st.integers(1, 40), max_size=5))):
        letters = sorted(draw(st.sets(st.sampled_from("ABCDEF"), max_size=4)))
        inside = [draw(CELLS).format(f"{letter}{number}") for letter in letters]
        gap = draw(st.sampled_from(["", "\n  ", "<!-- <row r='9'> -->"]))
        attributes = draw(st.sampled_from(["", ' spans="1:4"', " ht='15' x:dyDescent=\"0.2\""]))
        tag = f'{gap}<row r="{number}"{attributes}'
        rows.append(f"{tag}/>" if not inside and draw(st.booleans()) else f"{tag}>{''.join(inside)}</row>")
        expected.append((number, inside))
    root = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:x="y"'
    before = draw(st.sampled_from(["", "<!-- <sheetData> -->", '<dimension ref="A1"/>']))
    return sheet("".join(rows), before=before, after="<pageMargins/>", root=root), expected


@given(sheets(), st.integers(1, 60))
def test_rows_are_found_and_joined_again_are_the_sheet(
    made: tuple[str, list[tuple[int, list[str]]]], size: int
) -> None:
    """However the bytes come in, and whatever looks like a row in comments and texts."""
    data, expected = made[0].encode(), made[1]
    stream = SheetStream(data[at : at + size] for at in range(0, len(data), size))
    joined, found = stream.head, []
    for row in stream.rows():
        joined += row.gap + row.tag + row.content + row.end
        inside = [row.content[cell.start : cell.end].decode() for cell in cells(row, stream.prefix)]
        found.append((row.number, inside))
    assert joined + stream.tail == data
    assert found == expected


def test_what_counts_itself_is_counted() -> None:
    """Rows and cells without their place stand behind the one before."""
    data = sheet(f'<row/><row><c/><c><v>1</v></c></row><row r="7">{text("C7", "a")}<c><v>2</v></c></row><row/>')
    stream = SheetStream([data.encode()])
    found = [(row.number, [cell.column for cell in cells(row, b"")]) for row in stream.rows()]
    assert found == [(1, []), (2, [0, 1]), (7, [2, 3]), (8, [])]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('<row r="2"/><row r="1"/>', "out of order"),
        ('<row r="1048577"/>', "out of order"),
        ("<row><c r='B1'/><c r='A1'/></row>", "out of order"),
        ("<row><c r='XFE1'/></row>", "out of order"),
        ("<row r='3'><c r='A2'/></row>", "has a cell A2 in row 3"),
        ("<other/>", "something else than rows"),
    ],
)
def test_what_is_damaged_is_refused(rows: str, message: str) -> None:
    """Nobody could tell where our cells would come to stand."""
    stream = SheetStream([sheet(rows).encode()])
    with pytest.raises(XmlError, match=message):
        list(map(cells, stream.rows(), repeat(b"")))


def test_a_sheet_without_rows_is_refused() -> None:
    """There is no header in it."""
    for data in (
        sheet("").replace("<sheetData></sheetData>", "<sheetData/>"),
        "<worksheet><a><sheetData></sheetData></a></worksheet>",
    ):
        with pytest.raises(XmlError, match="has no rows"):
            SheetStream([data.encode()])


def test_a_row_that_never_ends_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at once is bounded."""
    monkeypatch.setattr("batch.table.xlsx_rows.LONGEST_ROW", 1000)
    data = sheet(f'<row r="1">{"<c/>" * 2000}</row>').encode()
    stream = SheetStream(data[at : at + 100] for at in range(0, len(data), 100))
    with pytest.raises(XmlError, match="has a row, or something beside its rows"):
        list(stream.rows())


def test_cells_can_be_read_from_a_place_on() -> None:
    """As those behind the user's own."""
    content = b'<c r="A1"/><c r="B1"/><c r="C1" s="2"><v>5</v></c>'
    row = RawRow(b"", b"<row>", content, b"</row>", 1)
    (cell,) = cells(row, b"", re.search(b'<c r="C1"', content).start())  # type: ignore[union-attr]
    assert (cell.column, cell.style, cell.kind, cell.value) == (2, 2, b"n", b"5")
