"""New rows come below the last one of a sheet; all else stays as it is."""

from pathlib import Path

import openpyxl
import pytest

from batch.errors import ManifestError
from batch.table import open_table
from tests.support.workbooks import MAIN, contents, parts, put, relations, sheet, shots, text

HEAD = f'<row r="1">{text("A1", "prompt")}{text("B1", "image")}</row>'
NEW = [{0: "a & b", 1: "00123"}, {1: "=x"}]


def test_rows_come_below_the_last_one(tmp_path: Path) -> None:
    """In the format of that one, into rows that are blank and have a height; what was there stays byte for byte."""
    blank = '<row r="3" ht="40" spans="1:2"/><row r="4"><c r="B4" s="9"/><c r="C4" s="2"/></row><row r="9"/>'
    last = f'<row r="2"><c r="A2" s="10" t="inlineStr"><is><t>x</t></is></c>{text("B2", "y")}</row>'
    path = shots(tmp_path, HEAD + last + blank, before='<dimension ref="A1:B2"/>')
    open_table(path).append(NEW)
    records = [(record.number, record.cells) for record in open_table(path).records()]
    assert records == [(2, ("x", "y")), (3, ("a & b", "00123")), (4, ("", "=x"))]
    data = contents(path)["xl/worksheets/sheet1.xml"].decode()
    assert HEAD + last + '<row r="3" ht="40"><c r="A3" s="10" t="inlineStr">' in data
    assert '<c r="B4" s="9" t="inlineStr"><is><t>=x</t></is></c><c r="C4" s="2"/></row><row r="9"/>' in data
    assert '<dimension ref="A1:B4"/>' in data
    assert openpyxl.load_workbook(path)["Shots"]["A3"].value == "a & b"


def test_shared_strings_take_their_texts(tmp_path: Path) -> None:
    """Where the workbook has them."""
    path = put(tmp_path / "shots.xlsx", parts({"Shots": sheet(HEAD)}, strings=["<si><t>=x</t></si>"]))
    open_table(path).append(NEW)
    assert contents(path)["xl/sharedStrings.xml"].count(b"<si>") == 3
    assert [record.cells for record in open_table(path).records()] == [("a & b", "00123"), ("", "=x")]


@pytest.mark.parametrize(("totals", "note"), [(0, ""), (1, ""), (0, f'<row r="4">{text("A4", "a note")}</row>')])
def test_an_excel_table_grows_with_them(totals: int, note: str, tmp_path: Path) -> None:
    """Where nothing stands in their way: neither its totals nor notes below it."""
    table = (
        f'<table xmlns="{MAIN}" id="1" name="T" displayName="T" ref="A1:B2" totalsRowCount="{totals}">'
        '<autoFilter ref="A1:B2"/><tableColumns count="2"><tableColumn id="1" name="prompt"/>'
        '<tableColumn id="2" name="image"/></tableColumns></table>'
    )
    more = {"xl/worksheets/_rels/sheet1.xml.rels": relations(("table", "../tables/t.xml")), "xl/tables/t.xml": table}
    made = sheet(HEAD + f'<row r="2">{text("A2", "x")}</row>' + note)
    path = put(tmp_path / "shots.xlsx", parts({"Shots": made}, more=more))
    saved = path.read_bytes()
    if totals or note:
        with pytest.raises(ManifestError, match="2 new rows would come over what stands below the table"):
            open_table(path).append(NEW)
        assert path.read_bytes() == saved
        return
    open_table(path).append(NEW)
    assert [record.number for record in open_table(path).records()] == [2, 3, 4]
    assert contents(path)["xl/tables/t.xml"].decode() == table.replace("A1:B2", "A1:B4")
