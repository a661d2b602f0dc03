"""Our columns come into a worksheet in their places; everything else passes through."""

from collections.abc import Sequence

import pytest

from batch.table import Cell
from batch.table.xlsx_edit import Place, SheetEdit
from batch.table.xlsx_links import MOST_LINKS
from batch.table.xlsx_rows import SheetStream
from batch.table.xlsx_values import NumberFormat, ShownAs
from tests.support.csv_files import DONE
from tests.support.workbooks import COLUMNS, sheet, text

STATUS, VIDEO, ATTEMPTS = COLUMNS[:3]
ROW = f'<row r="2">{text("A2", "a")}{text("D2", "d")}</row>'


def edit(data: str, places: Sequence[Place], rows: Sequence[Sequence[Cell]], **more: object) -> tuple[SheetEdit, str]:
    made = SheetEdit(
        stream=SheetStream([data.encode()]),
        places=places,
        header_row=1,
        is_record=lambda row, found: bool(found),
        strings=None,
        formats=[NumberFormat(), NumberFormat(ShownAs.DATE, plain=False)],
        rows=iter(rows),
        **more,  # type: ignore[arg-type]
    )
    return made, b"".join(made.written()).decode()


def test_cells_come_between_those_of_the_user() -> None:
    """In the order of their columns, also where ours are in another order in the table."""
    places = [Place(STATUS, 4, new=False), Place(ATTEMPTS, 1, new=False)]
    _, data = edit(sheet('<row r="1"/>' + ROW), places, [("failed", 3)])
    assert f'{text("A2", "a")}<c r="B2"><v>3</v></c>{text("D2", "d")}{text("E2", "failed")}</row>' in data


def test_a_row_without_content_and_its_spans_are_opened() -> None:
    """A title comes into a row of one tag."""
    _, data = edit(sheet('<row r="1" spans="1:2" ht="20"/>'), [Place(STATUS, 2, new=True)], [])
    assert f'<row r="1" spans="1:3" ht="20">{text("C1", "status")}</row>' in data


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", '<cols><col min="3" max="3" width="22" customWidth="1"/></cols><sheetData>'),
        (
            '<sheetFormatPr x="1"/>',
            '<sheetFormatPr x="1"/><cols><col min="3" max="3" width="22" customWidth="1"/></cols>',
        ),
        (
            '<cols><col min="1" max="1" width="9"/><col min="5" max="9" width="8"/></cols>',
            '<col min="1" max="1" width="9"/><col min="3" max="3" width="22" customWidth="1"/>'
            '<col min="5" max="9" width="8"/>',
        ),
        ('<cols><col min="2" max="16384" width="9"/></cols>', '<cols><col min="2" max="16384" width="9"/></cols>'),
    ],
)
def test_widths_stand_in_their_order(before: str, expected: str) -> None:
    """Where none of the user's covers ours: two over one column, or in disorder, are a damaged file to Excel."""
    _, data = edit(sheet('<row r="1"/>', before=before), [Place(STATUS, 2, new=True)], [])
    assert expected in data
    _, data = edit(sheet('<row r="1"/>', before=before), [Place(STATUS, 2, new=False)], [])
    assert before + "<sheetData>" in data


def test_the_size_of_the_sheet_is_told() -> None:
    """Wider, never narrower."""
    for told, then in (("A1:B9", "A1:C9"), ("A1", "A1:C1"), ("A1:Z9", "A1:Z9"), ("A5:B9", "A1:C9")):
        _, data = edit(sheet('<row r="1"/>', before=f'<dimension ref="{told}"/>'), [Place(STATUS, 2, new=True)], [])
        assert f'<dimension ref="{then}"/>' in data


@pytest.mark.parametrize(
    "after",
    [
        "{}",
        "{}<pageMargins/>",
        "<sheetProtection/><mergeCells/>{}<printOptions/>",
        "<conditionalFormatting/><dataValidations/>{}<pageMargins/><extLst/>",
        '<sheetProtection/><autoFilter ref="A9:B10"><f/></autoFilter>{}<drawing/>',
    ],
)
def test_links_stand_where_they_belong(after: str) -> None:
    """Another order of these elements is a damaged file to Excel."""
    _, data = edit(
        sheet('<row r="1"/>' + ROW, after=after.format("")), [Place(VIDEO, 5, new=False)], [("https://a/b",)]
    )
    links = '<hyperlinks><hyperlink ref="F2" r:id="klingBatchF2"/></hyperlinks>'
    assert after.format(links) + "</worksheet>" in data


def test_links_of_the_user_stay_and_ours_are_made_anew() -> None:
    """And their relations are told."""
    old = (
        '<hyperlink ref="A1" r:id="r1"/><hyperlink ref="F2" r:id="r2"/><hyperlink ref="F3" location="x"/>'
        '<hyperlink ref="G2" r:id="r3"/>'
    )
    made, data = edit(
        sheet('<row r="1"/>' + ROW, after=f"<hyperlinks>{old}</hyperlinks><pageMargins/>"),
        [Place(VIDEO, 5, new=False)],
        [("https://a/b",)],
    )
    assert made.dropped == {"r2"}
    kept = '<hyperlink ref="A1" r:id="r1"/><hyperlink ref="G2" r:id="r3"/>'
    assert f'<hyperlinks>{kept}<hyperlink ref="F2" r:id="klingBatchF2"/></hyperlinks><pageMargins/>' in data


def test_there_are_no_more_links_than_a_sheet_can_have() -> None:
    """Those of the user's count; the addresses beyond are text."""
    old = '<hyperlink ref="A1" location="x"/>' * (MOST_LINKS - 1)
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in (2, 3))
    data = sheet('<row r="1"/>' + rows, after=f"<hyperlinks>{old}</hyperlinks>")
    made, _ = edit(data, [Place(VIDEO, 5, new=False)], [("https://a/1",), ("https://a/2",)])
    assert [link.address for link in made.links] == ["https://a/1"]


def test_the_filter_of_the_sheet_grows_where_ours_join_it() -> None:
    """Sorting by it moves our cells too; a filter elsewhere stays."""
    for ref, then in (("A1:B9", "A1:C9"), ("A1:A9", "A1:A9"), ("A2:B9", "A2:B9")):
        data = sheet('<row r="1"/>', after=f'<autoFilter ref="{ref}"><filterColumn/></autoFilter>')
        made, new = edit(data, [Place(STATUS, 2, new=True)], [])
        assert f'<autoFilter ref="{then}"><filterColumn/></autoFilter>' in new
        assert (made.filter is not None) is (ref != then)


def test_styles_of_row_and_column_hold_for_our_cells() -> None:
    """But none that shows a count as a day."""
    row = '<row r="2" s="1" customFormat="1"><c r="A2"/></row>'
    places = [Place(STATUS, 1, new=False), Place(ATTEMPTS, 2, new=False)]
    _, data = edit(sheet('<row r="1"/>' + row), places, [("failed", 2)])
    assert '<c r="B2" s="1" t="inlineStr">' in data
    assert '<c r="C2"><v>2</v></c>' in data


def test_as_many_rows_as_records() -> None:
    """Anything else is a fault of ours, and nothing is written."""
    for rows in ([], [DONE, DONE]):
        with pytest.raises(ValueError, match="rows than records"):
            edit(sheet('<row r="1"/>' + ROW), [Place(STATUS, 4, new=True)], rows)
