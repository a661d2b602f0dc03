"""An Excel table, and the name of a filter's range, grow with our columns."""

from batch.table.xlsx_ranges import grown_table, with_filter
from batch.table.xlsx_references import ExcelTable, Range


def test_a_table_gets_columns_with_ids_of_their_own() -> None:
    """All else in its part stays as it is."""
    data = (
        b'<x:table xmlns:x="y" id="1" ref="B2:C9" totalsRowCount="1"><x:autoFilter ref="B2:C8"><x:f/></x:autoFilter>'
        b'<x:tableColumns count="2"><x:tableColumn id="4" name="a"/>'
        b'<x:tableColumn id="2" name="b"><x:f/></x:tableColumn>'
        b"</x:tableColumns><x:style/></x:table>"
    )
    table = ExcelTable("t.xml", Range(1, 2, 2, 9), ("a", "b"), has_titles=True, totals=1, growable=True)
    assert grown_table(data, table, ["one", 'a "b" & c']) == (
        b'<x:table xmlns:x="y" id="1" ref="B2:E9" totalsRowCount="1"><x:autoFilter ref="B2:E8"><x:f/></x:autoFilter>'
        b'<x:tableColumns count="4"><x:tableColumn id="4" name="a"/>'
        b'<x:tableColumn id="2" name="b"><x:f/></x:tableColumn>'
        b'<x:tableColumn id="5" name="one"/><x:tableColumn id="6" name="a &quot;b&quot; &amp; c"/>'
        b"</x:tableColumns><x:style/></x:table>"
    )


def test_the_name_of_a_filter_follows() -> None:
    """That of this sheet, where it is the range that grew; another one stays, and is told by None."""

    def workbook(name: str) -> bytes:
        return f"<w><s/><definedNames><definedName name='N'>A!$A$1</definedName>{name}</definedNames></w>".encode()

    name = "<definedName name='_xlnm._FilterDatabase' localSheetId='{}' hidden='1'>'My, sheet'!{}</definedName>"
    old, new = Range(0, 1, 2, 9), Range(0, 1, 6, 9)
    assert with_filter(workbook(name.format(1, "$A$1:$C$9")), 1, old, new) == workbook(name.format(1, "$A$1:$G$9"))
    assert with_filter(workbook(name.format(0, "$A$1:$C$9")), 1, old, new) is None
    assert with_filter(workbook(name.format(1, "$A$1:$D$9")), 1, old, new) is None
    assert with_filter(b"<w><s/></w>", 1, old, new) is None
