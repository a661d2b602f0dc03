"""Texts of a workbook: escapes, rich text, the strings that cells share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.table.xlsx_text import LONGEST, SharedStrings, decoded, rich_text, storable, text_element
from batch.table.xml_scan import XmlError, guarded, text_of

TEXTS = st.text(max_size=30) | st.from_regex(r"(_x[0-9a-fA-F]{4}_){1,2}", fullmatch=True)
PART = '<?xml version="1.0"?><sst xmlns="x" count="3" uniqueCount="2"><si><t>a</t></si><si><r><t>b</t></r></si></sst>'


@given(TEXTS)
def test_any_text_can_be_stored_and_read(text: str) -> None:
    """Well-formed, whatever is in it; halves of letters apart, which nobody can store."""
    kept = storable(text)
    element = text_element(kept, b"")
    assert b"".join(guarded([b"<a>", element, b"</a>"]))
    assert decoded(text_of(element)) == kept
    assert storable(kept) == kept
    if text.isascii():
        assert kept == text


def test_a_cell_holds_so_much() -> None:
    """The rest is cut off, as no cell could hold it."""
    assert len(storable("x" * 40_000)) == LONGEST


def test_pairs_of_halves_are_letters() -> None:
    """Written by their numbers, as some programs do; half of one is none."""
    assert decoded("_xD83D__xDC26_") == "🐦"
    assert decoded("_xD83D_") == "\ufffd"


def test_rich_text_is_its_text() -> None:
    """Without formats, and without how it is pronounced."""
    data = b'<r><rPr/><t>one </t></r><r><t>two</t></r><rPh sb="0" eb="1"><t>no</t></rPh>'
    assert rich_text(data, 0, len(data)) == "one two"


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=9))
def test_new_texts_are_appended_once(texts: list[str]) -> None:
    """Those that are there already are used, but not those with formats; what was there stays as it was."""
    strings = SharedStrings(PART.encode())
    texts = list(map(storable, texts))
    numbers = [strings.number(text) for text in texts]
    assert [strings.texts[number] for number in numbers] == texts
    assert 1 not in numbers
    data = b"".join(strings.written())
    assert strings.grown is bool({*texts} - {"a"})
    again = SharedStrings(b"".join(guarded([data])))
    assert again.texts == strings.texts
    assert f'uniqueCount="{len(again.texts)}"'.encode() in data
    start = data.index(b"<si>")
    assert data[start:].startswith(PART.encode()[PART.index("<si>") :].removesuffix(b"</sst>"))
    assert [again.number(text) for text in texts] == numbers
    assert not again.grown
    strings.forget_new()
    assert strings.texts == ["a", "b"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ('<sst xmlns="x"/>', '<sst xmlns="x"><si><t>n</t></si></sst>'),
        (
            "<sst><si><t>a</t></si><extLst><ext/></extLst></sst>",
            "<sst><si><t>a</t></si><si><t>n</t></si><extLst><ext/></extLst></sst>",
        ),
        (
            "<s:sst xmlns:s='y'><s:si><s:t>extLst</s:t></s:si></s:sst>",
            "<s:sst xmlns:s='y'><s:si><s:t>extLst</s:t></s:si><s:si><s:t>n</s:t></s:si></s:sst>",
        ),
    ],
)
def test_new_texts_stand_behind_the_others(part: str, expected: str) -> None:
    """Also where there were none, and where something stands behind them; with the prefix of the part."""
    strings = SharedStrings(part.encode())
    strings.number("n")
    assert b"".join(strings.written()).decode() == expected


def test_a_part_of_something_else_is_refused() -> None:
    """It holds no texts."""
    with pytest.raises(XmlError, match="holds no texts"):
        SharedStrings(b"<other/>")
