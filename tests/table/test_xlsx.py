"""Workbooks are read as a person sees them, and get our columns in place: every other byte is the user's."""

import shutil
import subprocess
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.errors import ManifestError, UsageError
from batch.files.atomic import TargetLocked
from batch.table import Column, ColumnType, ReadingOptions, TableChanged, open_table
from batch.table.xlsx_text import storable
from tests.support.csv_files import DONE
from tests.support.workbooks import (
    COLUMNS,
    DONE_TEXTS,
    MAIN,
    OFFICE,
    contents,
    parts,
    put,
    relations,
    sheet,
    shots,
    text,
)

HEAD = f'<row r="1">{text("A1", "prompt")}{text("B1", "image")}{text("C1", "id")}</row>'

TORTURE: dict[str, tuple[str, str]] = {
    "shared text": ('<c r="C2" t="s"><v>0</v></c>', "00123"),
    "a text of runs": ('<c r="C2" t="s"><v>1</v></c>', "bold and not"),
    "how it is pronounced": ('<c r="C2" t="s"><v>2</v></c>', "東京"),
    "an empty text": ('<c r="C2" t="s"><v>3</v></c>', ""),
    "blanks at the ends": ('<c r="C2" t="s"><v>4</v></c>', "  a  "),
    "a text with a break": ('<c r="C2" t="s"><v>5</v></c>', "two\nlines"),
    "an escaped return": ('<c r="C2" t="s"><v>6</v></c>', "a\r\nb"),
    "an escape that is a text": ('<c r="C2" t="s"><v>7</v></c>', "_x0041_"),
    "XML's own signs": ('<c r="C2" t="s"><v>8</v></c>', 'a < b & c > "d"'),
    "a CDATA section": ('<c r="C2" t="s"><v>9</v></c>', "a <b> & c"),
    "signs by number": ('<c r="C2" t="s"><v>10</v></c>', "é🐦"),
    "text in the cell": ('<c r="C2" t="inlineStr"><is><t>00123</t></is></c>', "00123"),
    "text in the cell, in runs": ('<c r="C2" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c>', "ab"),
    "text in the cell, kept blanks": (
        '<c r="C2" t="inlineStr"><is><t xml:space="preserve"> a </t></is></c>',
        " a ",
    ),
    "text like a number": (text("C2", "1E5"), "1E5"),
    "text like a truth": (text("C2", "TRUE"), "TRUE"),
    "text like nothing": (text("C2", "NA"), "NA"),
    "text like a formula": (text("C2", "=1+1"), "=1+1"),
    "a whole number": ('<c r="C2"><v>5</v></c>', "5"),
    "a whole number with a point": ('<c r="C2"><v>5.0</v></c>', "5"),
    "a number by its kind": ('<c r="C2" t="n"><v>5</v></c>', "5"),
    "a fraction": ('<c r="C2"><v>0.1</v></c>', "0.1"),
    "what binary fractions leave": ('<c r="C2"><v>0.30000000000000004</v></c>', "0.3"),
    "a long number": ('<c r="C2"><v>123456789012345</v></c>', "123456789012345"),
    "an exponent": ('<c r="C2"><v>1E+16</v></c>', "10000000000000000"),
    "a small number": ('<c r="C2"><v>1.5E-5</v></c>', "0.000015"),
    "less than nothing": ('<c r="C2"><v>-0.5</v></c>', "-0.5"),
    "an id with zeros": ('<c r="C2" s="4"><v>42</v></c>', "00042"),
    "money": ('<c r="C2" s="7"><v>1234.5</v></c>', "1234.5"),
    "a percentage": ('<c r="C2" s="9"><v>0.5</v></c>', "0.5"),
    "a day": ('<c r="C2" s="1"><v>45413</v></c>', "2024-05-01"),
    "a day by a code": ('<c r="C2" s="5"><v>45413</v></c>', "2024-05-01"),
    "a day and a time": ('<c r="C2" s="2"><v>45413.5</v></c>', "2024-05-01T12:00:00"),
    "a day and a time by a code": ('<c r="C2" s="8"><v>45413.75</v></c>', "2024-05-01T18:00:00"),
    "a time": ('<c r="C2" s="3"><v>0.5</v></c>', "12:00:00"),
    "minutes and seconds": ('<c r="C2" s="11"><v>5.7870370370370366E-5</v></c>', "00:00:05"),
    "hours beyond a day": ('<c r="C2" s="6"><v>1.5</v></c>', "36:00:00"),
    "the day that never was": ('<c r="C2" s="1"><v>60</v></c>', "1900-02-29"),
    "a day in ISO": ('<c r="C2" t="d"><v>2024-05-01</v></c>', "2024-05-01"),
    "true": ('<c r="C2" t="b"><v>1</v></c>', "TRUE"),
    "false": ('<c r="C2" t="b"><v>0</v></c>', "FALSE"),
    "an error": ('<c r="C2" t="e"><v>#REF!</v></c>', "#REF!"),
    "an error that comes and goes": ('<c r="C2" t="e"><v>#GETTING_DATA</v></c>', "#GETTING_DATA"),
    "a formula's text": ('<c r="C2" t="str"><f>A2&amp;"!"</f><v>a_x000D_!</v></c>', "a\r!"),
    "a formula's number": ('<c r="C2"><f>2+3</f><v>5</v></c>', "5"),
    "a formula's empty text": ('<c r="C2" t="str"><f>""</f><v></v></c>', ""),
    "a formula never computed": ('<c r="C2"><f>A2&amp;B2</f><v></v></c>', "=A2&B2"),
    "a formula without a value": ('<c r="C2"><f>A2&lt;5</f></c>', "=A2<5"),
    "a shared formula": ('<c r="C2"><f t="shared" si="0"/><v>7</v></c>', "7"),
    "a shared formula never computed": ('<c r="C2"><f t="shared" si="0"/></c>', "={shared}"),
    "an array formula": ('<c r="C2" t="str"><f t="array" ref="C2:C3">A2:A3</f><v>x</v></c>', "x"),
    "nothing but a style": ('<c r="C2" s="4"/>', ""),
    "nothing, in two tags": ('<c r="C2"></c>', ""),
    "attributes in another order": ("<c  t='n'\n s='4' r='C2' ><v>7</v></c>", "00007"),
    "a comment inside": ('<c r="C2"><!-- </c></row> --><v>7</v></c>', "7"),
    "a cell that counts itself": ("<c><v>7</v></c>", "7"),
    "more than it needs": ('<c r="C2" cm="1" vm="2"><v>7</v><extLst><ext uri="x"><y v="1"/></ext></extLst></c>', "7"),
}
STRINGS = [
    "<si><t>00123</t></si>",
    '<si><r><rPr><b/></rPr><t>bold</t></r><r><t xml:space="preserve"> and not</t></r></si>',
    '<si><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh><phoneticPr fontId="1"/></si>',
    "<si><t/></si>",
    '<si><t xml:space="preserve">  a  </t></si>',
    "<si><t>two\nlines</t></si>",
    "<si><t>a_x000D_\nb</t></si>",
    "<si><t>_x005F_x0041_</t></si>",
    "<si><t>a &lt; b &amp; c &gt; &quot;d&quot;</t></si>",
    "<si><t><![CDATA[a <b> & c]]></t></si>",
    "<si><t>&#233;&#x1F426;</t></si>",
]


def tortured(folder: Path, cell: str) -> Path:
    """A workbook with one row, and this cell in its third column."""
    row = f'<row r="2">{text("A2", "a boat")}{text("B2", "a.png")}{cell}</row>'
    return put(folder / "shots.xlsx", parts({"Shots": sheet(HEAD + row)}, strings=STRINGS))


@pytest.mark.parametrize("name", TORTURE)
def test_cells_are_read_as_a_person_sees_them(name: str, tmp_path: Path) -> None:
    """Each is also kept byte for byte when our columns come in beside it, and read as before."""
    cell, expected = TORTURE[name]
    path = tortured(tmp_path, cell)
    (record,) = open_table(path).records()
    assert record.cells == ("a boat", "a.png", expected)
    open_table(path).write(path, COLUMNS, [DONE], [DONE])
    (record,) = open_table(path).records()
    assert record.cells == ("a boat", "a.png", expected, *DONE_TEXTS)
    assert cell.encode() in contents(path)["xl/worksheets/sheet1.xml"]


@pytest.mark.parametrize(
    "name", [name for name in TORTURE if name not in ("a cell that counts itself", "more than it needs")]
)
def test_another_reader_sees_our_cells_beside_them(name: str, tmp_path: Path) -> None:
    """openpyxl reads what stands there, ours with their types."""
    path = tortured(tmp_path, TORTURE[name][0])
    open_table(path).write(path, COLUMNS, [DONE])
    row = [cell.value for cell in openpyxl.load_workbook(path)["Shots"][2]]
    assert row[:2] == ["a boat", "a.png"]
    assert row[3:] == ["succeeded", "https://v3.fal.media/a.mp4", 1, 0.49, "2026-11-22T18:54:31Z"]


def test_a_workbook_that_counts_from_1904(tmp_path: Path) -> None:
    """As Excel for Mac once made them."""
    made = parts({"Shots": sheet(HEAD + '<row r="2"><c r="C2" s="1"><v>43951</v></c></row>')})
    made["xl/workbook.xml"] = made["xl/workbook.xml"].replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
    (record,) = open_table(put(tmp_path / "shots.xlsx", made)).records()
    assert record.cells[2] == "2024-05-01"


def rich(path: Path) -> Path:
    """A workbook with much else in it: two sheets, a chart, a comment, formats, a filter, validations, merged cells."""
    book = xlsxwriter.Workbook(str(path))
    first, second = book.add_worksheet("Cover"), book.add_worksheet("Shots")
    first.write(0, 0, "The film")
    bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "dd.mm.yyyy"})
    second.merge_range("A1:D1", "Shots of the second night", bold)
    second.write_row(2, 0, ["prompt", "image", "duration", "shot on"], bold)
    for at in range(3):
        second.write_row(at + 3, 0, [f"a boat {at}", "a.png", 5])
        second.write_datetime(at + 3, 3, datetime(2026, 5, 1 + at), day)  # noqa: DTZ001 - as spreadsheets have it
    second.autofilter(2, 0, 5, 3)
    second.freeze_panes(3, 1)
    second.data_validation("C4:C6", {"validate": "list", "source": ["5", "10"]})
    second.conditional_format("C4:C6", {"type": "cell", "criteria": ">", "value": 5, "format": bold})
    second.write_comment("A4", "the director's favourite")
    second.write_url("B5", "https://example.com/a.png", string="a.png")
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=Shots!$C$4:$C$6"})
    first.insert_chart("B3", chart)
    book.define_name("Durations", "=Shots!$C$4:$C$6")
    book.close()
    return path


def test_all_other_parts_stay_byte_for_byte(tmp_path: Path) -> None:
    """Raw: their headers and their packed bytes too; in the sheet, each cell of the user's."""
    path = rich(tmp_path / "shots.xlsx")
    before, raw = contents(path), path.read_bytes()
    rows = [DONE, DONE, (None,) * 5]
    open_table(path).write(path, COLUMNS, rows, rows)
    after = contents(path)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        "xl/worksheets/sheet2.xml",
        "xl/sharedStrings.xml",
        "xl/workbook.xml",
        "xl/worksheets/_rels/sheet2.xml.rels",
    }
    assert list(after) == list(before)
    with zipfile.ZipFile(path) as archive:
        chart = archive.getinfo("xl/charts/chart1.xml")
    data = path.read_bytes()[chart.header_offset : chart.header_offset + 30 + chart.compress_size]
    assert data in raw
    table = open_table(path)
    assert (table.header_row, table.above) == (3, ("Shots of the second night",))
    assert table.columns[4:] == tuple(column.name for column in COLUMNS)
    assert [record.cells[4:] for record in table.records()] == [DONE_TEXTS, DONE_TEXTS, ("",) * 5]
    assert [record.cells[3] for record in table.records()] == ["2026-05-01", "2026-05-02", "2026-05-03"]


def test_what_follows_our_columns_follows(tmp_path: Path) -> None:
    """The filter, its name, the size of the sheet; links of the user's stay, and ours lead to the video."""
    path = rich(tmp_path / "shots.xlsx")
    open_table(path).write(path, COLUMNS, [DONE] * 3)
    book = openpyxl.load_workbook(path)
    page = book["Shots"]
    assert page.auto_filter.ref == "A3:I6"
    assert page.dimensions == "A1:I6"
    assert {cell.hyperlink.target for row in page["F4:F6"] for cell in row} == {"https://v3.fal.media/a.mp4"}
    assert page["B5"].hyperlink.target == "https://example.com/a.png"
    assert page["E3"].font.b
    assert page.freeze_panes == "B4"
    assert b"Shots!$A$3:$I$6</definedName>" in contents(path)["xl/workbook.xml"]


@pytest.mark.parametrize("make", [rich, lambda path: tortured(path.parent, TORTURE["money"][0])])
def test_the_same_results_make_the_same_bytes(make: object, tmp_path: Path) -> None:
    """However often they are saved; and other ones come in place of those before."""
    path = make(tmp_path / "shots.xlsx")  # type: ignore[operator]
    count = sum(1 for _ in open_table(path).records())
    open_table(path).write(path, COLUMNS, [DONE] * count)
    first = path.read_bytes()
    open_table(path).write(path, COLUMNS, [DONE] * count)
    assert path.read_bytes() == first
    other = ("failed", None, 3, None, None)
    open_table(path).write(path, COLUMNS, [other] * count, [other] * count)
    assert [record.cells[-5:] for record in open_table(path).records()] == [("failed", "", "3", "", "")] * count
    page = openpyxl.load_workbook(path)["Shots"]
    assert not [cell for row in page for cell in row if cell.hyperlink and "v3.fal" in cell.hyperlink.target]
    assert b"klingBatch" not in contents(path).get("xl/worksheets/_rels/sheet2.xml.rels", b"")
    open_table(path).write(path, COLUMNS, [DONE] * count)
    again = contents(path)
    assert any(b"klingBatch" in data for name, data in again.items() if "sheets/_rels" in name)


TABLE = (
    f'<table xmlns="{MAIN}" id="1" name="T" displayName="T" ref="A1:C4" totalsRowCount="1"><autoFilter ref="A1:C3"/>'
    '<tableColumns count="3"><tableColumn id="1" name="prompt"/><tableColumn id="7" name="image"/>'
    '<tableColumn id="3" name="id"/></tableColumns><tableStyleInfo name="TableStyleMedium2"/></table>'
)


def with_table(folder: Path, table: str = TABLE) -> Path:
    """A workbook with an Excel table: two rows, one of totals, and a note below it."""
    rows = HEAD + "".join(
        f'<row r="{n}">{text(f"A{n}", "a boat")}{text(f"B{n}", "a.png")}<c r="C{n}"><v>{n}</v></c></row>'
        for n in (2, 3)
    )
    rows += f'<row r="4">{text("A4", "Total")}<c r="C4"><v>2</v></c></row><row r="6">{text("A6", "a note")}</row>'
    part = sheet(rows, after='<tableParts count="1"><tablePart r:id="r1"/></tableParts>')
    more = {
        "xl/worksheets/_rels/sheet1.xml.rels": relations(("table", "../tables/table1.xml")),
        "xl/tables/table1.xml": table,
    }
    return put(folder / "shots.xlsx", parts({"Shots": part}, more=more))


def test_an_excel_table_grows_with_our_columns(tmp_path: Path) -> None:
    """Its rows are the manifest: neither its totals nor what stands below it; it knows our columns by their titles."""
    path = with_table(tmp_path)
    assert [record.number for record in open_table(path).records()] == [2, 3]
    open_table(path).write(path, COLUMNS, [DONE, DONE], [DONE, DONE])
    table = openpyxl.load_workbook(path)["Shots"].tables["T"]
    assert (table.ref, table.autoFilter.ref) == ("A1:H4", "A1:H3")
    assert table.column_names == ["prompt", "image", "id", *(column.name for column in COLUMNS)]
    assert [column.id for column in table.tableColumns] == [1, 7, 3, 8, 9, 10, 11, 12]
    assert [record.number for record in open_table(path).records()] == [2, 3]
    saved = path.read_bytes()
    open_table(path).write(path, COLUMNS, [DONE, DONE])
    assert path.read_bytes() == saved


@pytest.mark.parametrize(
    "table",
    [TABLE.replace('name="id"/>', 'name="Status"/>'), TABLE.replace("<table ", '<table tableType="queryTable" ')],
)
def test_an_excel_table_that_cannot_grow_stays(table: str, tmp_path: Path) -> None:
    """Excel drops a table with two columns of one name; one that a query fills lists its columns elsewhere too."""
    path = with_table(tmp_path, table)
    open_table(path).write(path, COLUMNS, [DONE, DONE], [DONE, DONE])
    assert contents(path)["xl/tables/table1.xml"].decode() == table


def test_ours_stand_right_of_everything_where_there_is_no_room(tmp_path: Path) -> None:
    """Notes beside the table, merged cells: nothing of the user's comes under our titles."""
    row = f'<row r="2">{text("A2", "a boat")}{text("B2", "a.png")}{text("F2", "a note far right")}</row>'
    path = shots(tmp_path, HEAD + row, after='<mergeCells count="1"><mergeCell ref="G5:H6"/></mergeCells>')
    open_table(path).write(path, COLUMNS, [DONE], [DONE])
    page = openpyxl.load_workbook(path)["Shots"]
    assert [page["F2"].value, page["I1"].value, page["M1"].value] == ["a note far right", "status", "finished_at"]
    (record,) = open_table(path).records()
    assert record.cells[8:] == DONE_TEXTS
    assert record.extra == ()


def test_rows_that_are_blank_are_none(tmp_path: Path) -> None:
    """Also those that have a format, or texts of no letters; ours come to the right ones."""
    rows = f'<row r="2"><c r="A2" s="4"/></row><row r="4" ht="30">{text("A4", "a boat")}</row><row r="5"/>'
    path = shots(tmp_path, HEAD + rows + f"<row>{text('A6', 'another')}</row>")
    assert [record.number for record in open_table(path).records()] == [4, 6]
    other = ("failed", None, 1, None, None)
    open_table(path).write(path, COLUMNS, [DONE, other], [DONE, other])
    page = openpyxl.load_workbook(path)["Shots"]
    assert [page[f"D{n}"].value for n in range(1, 7)] == ["status", None, None, "succeeded", None, "failed"]


def test_styles_of_the_user_are_kept_and_none_makes_a_date_of_money(tmp_path: Path) -> None:
    """A cell's own style stays, a row's holds for ours; a number takes none that would show it as a day."""
    row = f'<row r="2" s="1" customFormat="1">{text("A2", "a boat")}<c r="G2" s="7"/></row>'
    path = shots(tmp_path, HEAD.replace("</row>", '<c r="D1" s="9" t="inlineStr"><is><t>note</t></is></c></row>') + row)
    open_table(path).write(path, COLUMNS, [DONE], [DONE])
    page = openpyxl.load_workbook(path)["Shots"]
    assert page["G2"].number_format == "#,##0.00 [$€-407]"
    assert page["E1"].number_format == "0%"  # the style of the title beside it
    assert page["H2"].number_format == "General"
    assert page["H2"].value == 0.49


def test_a_style_that_shows_numbers_as_they_are_is_kept(tmp_path: Path) -> None:
    """The user has formatted our column of costs as money: so it stays, whatever is written there."""
    path = shots(tmp_path, HEAD + f'<row r="2">{text("A2", "a boat")}</row>')
    open_table(path).write(path, COLUMNS, [DONE])
    made = {name: data.decode() for name, data in contents(path).items()}
    part = "xl/worksheets/sheet1.xml"
    made[part] = made[part].replace('<c r="G2"', '<c r="G2" s="7"')
    put(path, made)
    open_table(path).write(path, COLUMNS, [DONE], [DONE])
    assert '<c r="G2" s="7"><v>0.49</v></c>' in contents(path)[part].decode()


def test_a_formula_in_one_of_our_columns_is_not_overwritten(tmp_path: Path) -> None:
    """It is no value of ours, and would leave a dead entry in the list of what is to be calculated."""
    head = HEAD.replace("</row>", f"{text('D1', 'status')}</row>")
    path = shots(tmp_path, head + f'<row r="2">{text("A2", "a")}<c r="D2" t="str"><f>A2</f><v>succeeded</v></c></row>')
    saved = path.read_bytes()
    with pytest.raises(ManifestError, match="row 2, column status holds a formula"):
        open_table(path).write(path, COLUMNS, [DONE])
    assert path.read_bytes() == saved


def test_the_sheet_with_the_most_of_our_names_is_read(tmp_path: Path) -> None:
    """Another one by its name, in any case; what was chosen among several is said, and hidden ones are not."""
    row = f'<row r="2">{text("A2", "a boat")}</row>'
    cover = sheet(f'<row r="1">{text("A1", "The film")}</row>')
    empty = sheet("").replace("<sheetData></sheetData>", "<sheetData/>")
    hidden = sheet(HEAD + f'<row r="2">{text("A2", "hidden")}</row>')
    made = parts({"Old": hidden, "Cover": cover, "Shots": sheet(HEAD + row), "More": sheet(HEAD + row), "None": empty})
    made["xl/workbook.xml"] = made["xl/workbook.xml"].replace('sheetId="1"', 'sheetId="1" state="hidden"')
    path = put(tmp_path / "shots.xlsx", made)
    table = open_table(path)
    assert [record.cells[0] for record in table.records()] == ["a boat"]
    assert list(table.notes([0])) == [
        "read from the sheet 'Shots'; for another one say --sheet NAME (there are 'More')"
    ]
    (record,) = open_table(path, ReadingOptions(sheet="old")).records()
    assert record.cells[0] == "hidden"
    with pytest.raises(UsageError, match=r"--sheet Shot: .* no sheet of that name; it has: 'Old', 'Cover', "):
        open_table(path, ReadingOptions(sheet="Shot"))


def test_titles_stand_where_a_person_says(tmp_path: Path) -> None:
    """--header-row is for workbooks too."""
    path = shots(tmp_path, f'<row r="1">{text("A1", "x")}</row><row r="3">{text("B3", "prompt")}</row>')
    table = open_table(path, ReadingOptions(header_row=3))
    assert (table.columns, table.header_row) == (("", "prompt"), 3)
    with pytest.raises(UsageError, match="--header-row 2"):
        open_table(path, ReadingOptions(header_row=2))
    with pytest.raises(UsageError, match=r"--encoding: .* is an Excel workbook"):
        open_table(path, ReadingOptions(encoding="utf-8"))


@pytest.mark.parametrize(("mark", "program"), [("~$shots.xlsx", "Excel"), (".~lock.shots.xlsx#", "LibreOffice")])
def test_a_workbook_that_is_open_elsewhere_is_left_alone(mark: str, program: str, tmp_path: Path) -> None:
    """A program that holds its own copy would undo ours; the message names the mark that it has left."""
    path = shots(tmp_path, HEAD)
    saved = path.read_bytes()
    (tmp_path / mark).touch()
    with pytest.raises(TargetLocked, match=f"open in {program}, as {mark[0]}"):
        open_table(path).write(path, COLUMNS, [])
    assert path.read_bytes() == saved
    (tmp_path / mark).unlink()
    open_table(path).write(path, COLUMNS, [])
    assert path.read_bytes() != saved


def test_a_workbook_that_was_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Whoever writes reads it again first."""
    path = shots(tmp_path, HEAD)
    table = open_table(path)
    path.write_bytes(rich(tmp_path / "other.xlsx").read_bytes())
    with pytest.raises(TableChanged):
        table.write(path, COLUMNS, [])


def test_results_of_a_workbook_are_a_workbook(tmp_path: Path) -> None:
    """By another name no program would open them."""
    path = shots(tmp_path, HEAD)
    with pytest.raises(ManifestError, match=r"give it a name that ends in \.xlsx"):
        open_table(path).write(tmp_path / "results.csv", COLUMNS, [])


def test_formulas_and_protection_are_told(tmp_path: Path) -> None:
    """What counts is their last value."""
    rows = HEAD + "".join(f'<row r="{n}"><c r="A{n}" t="str"><f>B{n}</f><v>a</v></c></row>' for n in range(2, 9))
    table = open_table(shots(tmp_path, rows, after='<sheetProtection sheet="1"/>'))
    assert list(table.notes([0, 1])) == [
        "column 'prompt' holds formulas (row 2, 3, 4, 5, 6 and 2 more): what counts is what they gave when the "
        "workbook was last saved",
        "the sheet 'Shots' is protected against typing; it stays so, and gets our columns",
    ]


def test_a_prefix_in_the_names_of_elements_is_kept(tmp_path: Path) -> None:
    """As some programs write them: ours have it too, and links declare what they need."""
    cells = "".join(
        f'<x:c r="{place}" t="str"><x:v>{words}</x:v></x:c>' for place, words in (("A1", "prompt"), ("B1", "image"))
    )
    rows = f'<x:row r="1">{cells}</x:row><x:row r="2"><x:c r="A2" t="str"><x:v>a boat</x:v></x:c></x:row>'
    part = f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>{rows}</x:sheetData></x:worksheet>'
    path = put(tmp_path / "shots.xlsx", parts({"Shots": part}))
    open_table(path).write(path, COLUMNS, [DONE], [DONE])
    data = contents(path)["xl/worksheets/sheet1.xml"].decode()
    assert f'<x:hyperlinks><x:hyperlink xmlns:r="{OFFICE}" ref="D2" r:id="klingBatchD2"/></x:hyperlinks>' in data
    page = openpyxl.load_workbook(path)["Shots"]
    assert [cell.value for cell in page[2]][2:] == ["succeeded", "https://v3.fal.media/a.mp4", 1, 0.49, DONE_TEXTS[-1]]


REFUSED = {
    "a document type": (
        {"xl/worksheets/sheet1.xml": '<!DOCTYPE x [<!ENTITY a "b">]>' + sheet(HEAD)[55:]},
        "document type",
    ),
    "broken XML": ({"xl/worksheets/sheet1.xml": sheet(HEAD)[:-20]}, "no well-formed XML"),
    "another encoding": (
        {"xl/worksheets/sheet1.xml": sheet(HEAD).replace("UTF-8", "ISO-8859-1")},
        "written in ISO-8859-1",
    ),
    "UTF-16": ({"xl/worksheets/sheet1.xml": sheet(HEAD).replace("UTF-8", "UTF-16").encode("utf-16")}, "UTF-16"),
    "rows out of order": ({"xl/worksheets/sheet1.xml": sheet(HEAD + '<row r="1"/>')}, "rows out of order"),
    "cells out of order": (
        {"xl/worksheets/sheet1.xml": sheet(HEAD + f'<row r="2">{text("B2", "a")}{text("A2", "b")}</row>')},
        "out of order",
    ),
    "a cell of another row": (
        {"xl/worksheets/sheet1.xml": sheet(HEAD + f'<row r="2">{text("A3", "a")}</row>')},
        "has a cell A3 in row 2",
    ),
    "a text that is not there": (
        {"xl/worksheets/sheet1.xml": sheet(HEAD + '<row r="2"><c r="A2" t="s"><v>9</v></c></row>')},
        "a text that is not there",
    ),
    "no sheet": ({"xl/worksheets/sheet1.xml": sheet("")}, "holds no header"),
    "signed": ({"_xmlsignatures/origin.sigs": ""}, "digitally signed"),
    "binary": ({"xl/workbook.bin": ""}, r"Excel binary workbook \(.xlsb\)"),
    "OpenDocument": ({"content.xml": ""}, r"OpenDocument table \(.ods\)"),
    "Numbers": ({"Index/Document.iwa": ""}, "Numbers document"),
    "strict": (
        {"xl/workbook.xml": '<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"/>'},
        "Strict Open XML",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_edited_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """Which says what it is, and what to save it as."""
    more, message = REFUSED[name]
    path = put(tmp_path / "shots.xlsx", parts({"Shots": sheet(HEAD)}) | more)
    with pytest.raises(ManifestError, match=message) as caught:
        list(open_table(path).records())
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_zip_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    """Also one that is none."""
    with pytest.raises(ManifestError, match="zip archive and no workbook"):
        open_table(put(tmp_path / "shots.xlsx", {"a.txt": "b"}))
    (tmp_path / "cut.xlsx").write_bytes(rich(tmp_path / "rich.xlsx").read_bytes()[:3000])
    with pytest.raises(ManifestError, match="zip archive, and damaged"):
        open_table(tmp_path / "cut.xlsx")


def test_a_sheet_that_unpacks_to_more_than_anybody_has_is_refused(tmp_path: Path) -> None:
    """By what it says of itself, before it is unpacked; and what it says is not exceeded."""
    path = put(tmp_path / "shots.xlsx", parts({"Shots": sheet(HEAD)}))
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        name = b"xl/worksheets/sheet1.xml"
        entry = archive.getinfo(name.decode())
    at = data.rindex(name) - 46
    data[at + 24 : at + 28] = (2 << 30).to_bytes(4, "little")
    (tmp_path / "bomb.xlsx").write_bytes(data)
    with pytest.raises(ManifestError, match="holds more than can be read"):
        open_table(tmp_path / "bomb.xlsx")
    data[at + 24 : at + 28] = (entry.file_size - 40).to_bytes(4, "little")
    (tmp_path / "liar.xlsx").write_bytes(data)
    with pytest.raises(ManifestError, match="damaged"):
        open_table(tmp_path / "liar.xlsx")


VALUES = st.text(st.characters(codec="utf-8"), max_size=40) | st.from_regex(r"_x[0-9a-fA-F]{4}_", fullmatch=True)


@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4), shared=st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_we_write_is_read_again(rows: list[tuple[str, str]], shared: bool, tmp_path: Path) -> None:
    """Any text, in the cells themselves and in the strings they share; openpyxl reads it too, but for escapes."""
    body = "".join(f'<row r="{n}">{text(f"A{n}", "a")}</row>' for n in range(2, len(rows) + 2))
    path = put(tmp_path / "shots.xlsx", parts({"Shots": sheet(HEAD + body)}, strings=[] if shared else None))
    columns = [Column("one", ColumnType.TEXT), Column("two", ColumnType.TEXT)]
    open_table(path).write(path, columns, rows, rows)
    assert [record.cells[3:] for record in open_table(path).records()] == [tuple(map(storable, row)) for row in rows]
    if all(one.isprintable() and "_x" not in one for row in rows for one in row):
        page = openpyxl.load_workbook(path)["Shots"]
        read = [tuple(cell.value or "" for cell in row[3:5]) for row in page.iter_rows(min_row=2)]
        assert [row + ("",) * (2 - len(row)) for row in read] == rows


def shown_by_libreoffice(path: Path) -> list[list[str]]:
    """The cells of the sheet, as LibreOffice shows them."""
    import csv

    home = path.parent / "profile"
    subprocess.run(
        [
            *("soffice", f"-env:UserInstallation=file://{home}", "--headless", "--convert-to"),
            *("csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1", "--outdir"),
            *(str(path.parent / "shown"), str(path)),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with (path.parent / "shown" / f"{path.stem}-Shots.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice (apt-get install libreoffice-calc)")
def test_libreoffice_shows_our_cells(tmp_path: Path) -> None:
    """It opens the workbook as it is, and shows what we wrote beside what was there."""
    path = rich(tmp_path / "shots.xlsx")
    open_table(path).write(path, COLUMNS, [DONE] * 3)
    rows = shown_by_libreoffice(path)
    assert rows[2][4:9] == [column.name for column in COLUMNS]
    assert [row[4:9] for row in rows[3:6]] == [list(DONE_TEXTS)] * 3
    assert [row[0] for row in rows[3:6]] == ["a boat 0", "a boat 1", "a boat 2"]
