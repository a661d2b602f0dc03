"""How a workbook is put together is read from its parts, wherever they stand."""

from pathlib import Path

import pytest

from batch.table.xlsx_references import Range
from batch.table.xlsx_values import ShownAs
from batch.table.xlsx_workbook import excel_tables, read_workbook, relationships, strings_of
from batch.table.zip_package import PackageError, ZipPackage
from tests.support.workbooks import MAIN, parts, put, relations, sheet


def test_parts_are_found_wherever_they_stand(tmp_path: Path) -> None:
    """By their relations: absolute or relative, with other names than usual; sheets that are no worksheets are none."""
    made = parts({"One": sheet(""), "Two": sheet("")}, strings=["<si><t>a</t></si>"])
    made["xl/deep/first.xml"] = made.pop("xl/worksheets/sheet1.xml")
    made["xl/_rels/workbook.xml.rels"] = relations(
        *(("worksheet", "/xl/deep/first.xml"), ("chartsheet", "worksheets/sheet2.xml"), ("styles", "./styles.xml")),
        ("sharedStrings", "sharedStrings.xml"),
    )
    package = ZipPackage(put(tmp_path / "a.xlsx", made))
    workbook = read_workbook(package)
    assert [(one.name, one.part, one.index, one.hidden) for one in workbook.sheets] == [
        ("One", "xl/deep/first.xml", 0, False)
    ]
    assert [one.shown for one in workbook.formats][:4] == [
        ShownAs.NUMBER,
        ShownAs.DATE,
        ShownAs.DATE_AND_TIME,
        ShownAs.TIME,
    ]
    assert not workbook.since_1904
    strings = strings_of(package, workbook)
    assert strings is not None
    assert strings.texts == ["a"]


def test_links_elsewhere_are_no_parts(tmp_path: Path) -> None:
    """Their targets stay as they stand."""
    listed = relations(("hyperlink", "https://example.com/a b")).replace('b"/>', 'b" TargetMode="External"/>')
    made = parts({"One": sheet("")}, more={"xl/worksheets/_rels/sheet1.xml.rels": listed})
    (found,) = relationships(ZipPackage(put(tmp_path / "a.xlsx", made)), "xl/worksheets/sheet1.xml")
    assert (found.target, found.external, found.kind) == ("https://example.com/a b", True, "hyperlink")


def test_an_excel_table_says_where_it_stands(tmp_path: Path) -> None:
    """And what it is made of."""
    table = (
        f'<table xmlns="{MAIN}" ref="B2:C9" totalsRowCount="1" tableType="queryTable"><tableColumns count="2">'
        '<tableColumn id="1" name="a &amp; b"/><tableColumn id="2" name="c"/></tableColumns></table>'
    )
    more = {"xl/worksheets/_rels/sheet1.xml.rels": relations(("table", "../tables/t.xml")), "xl/tables/t.xml": table}
    package = ZipPackage(put(tmp_path / "a.xlsx", parts({"One": sheet("")}, more=more)))
    (found,) = excel_tables(package, read_workbook(package).sheets[0])
    assert (found.range, found.titles, found.totals) == (Range(1, 2, 2, 9), ("a & b", "c"), 1)
    assert (found.has_titles, found.growable) == (True, False)


def test_a_workbook_without_its_part_is_refused(tmp_path: Path) -> None:
    """What is damaged is said by the part's name."""
    made = parts({"One": sheet("")})
    del made["xl/workbook.xml"]
    with pytest.raises(PackageError, match=r"no part xl/workbook\.xml"):
        read_workbook(ZipPackage(put(tmp_path / "a.xlsx", made)))
    made["xl/workbook.xml"] = "<html/>"
    with pytest.raises(PackageError, match="no workbook that can be read"):
        read_workbook(ZipPackage(put(tmp_path / "a.xlsx", made)))
