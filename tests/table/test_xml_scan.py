"""XML is read as the bytes it is, once it is proven well-formed and harmless."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.table.xml_scan import (
    XmlError,
    attributes,
    elements,
    escaped,
    guarded,
    root_of,
    text_of,
    unescaped,
    with_attribute,
)

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"))


def guard(data: bytes) -> bytes:
    return b"".join(guarded([data[:3], data[3:]]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        (b"<a><b></a>", "no well-formed XML"),
        (b"<a>&lol;</a>", "no well-formed XML"),
        (b"<a", "no well-formed XML"),
        (b"", "no well-formed XML"),
        (b"<a><x:b/></a>", "no well-formed XML"),
        (b'<?xml version="1.0" encoding="windows-1252"?><a/>', "written in windows-1252"),
        ("<a/>".encode("utf-16"), "UTF-16"),
        ("<a/>".encode("utf-16-le"), "UTF-16"),
    ],
)
def test_what_may_do_harm_is_refused(data: bytes, message: str) -> None:
    """Entities, other encodings, and whatever could be read in two ways."""
    with pytest.raises(XmlError, match=message):
        guard(data)


def test_what_is_harmless_passes_as_it_is() -> None:
    """Byte for byte."""
    data = b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?><!-- x --><a b="&lt;">\xc3\xa9<![CDATA[<]]></a>'
    assert guard(data) == data


def test_elements_are_found_where_they_stand() -> None:
    """Whatever looks like a tag in comments, CDATA and attributes is none."""
    data = (
        b"""<r><!-- <a> --><x:a t="a>b" u='</r>'><a/>1</x:a> <b/><![CDATA[<c>]]><?p <d>?><e>2<!--</e>--></e></r>tail"""
    )
    root = next(elements(data))
    found = list(elements(data, root.content, root.close))
    assert [one.local for one in found] == [b"a", b"b", b"e"]
    assert data[found[0].content : found[0].close] == b"<a/>1"
    assert attributes(found[0].attributes) == {"t": "a>b", "u": "</r>"}
    assert (found[1].empty, found[2].empty) == (True, False)
    assert data[root.start : root.end] == data[:-4]


def test_the_root_is_found_from_both_ends() -> None:
    """And in the plain way where something stands behind it."""
    for data in (b"<?xml version='1.0'?>\n<a b='c'><d/></a>\n", b"<a><d/></a><!-- </x> -->", b"<a/>"):
        assert root_of(data) == next(elements(data))


@given(st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=4), max_leaves=12))
def test_elements_are_those_that_a_parser_finds(tree: str | list[object]) -> None:
    """In any tree: the same names, the same texts."""
    root = ET.Element("r")

    def fill(at: ET.Element, node: str | list[object]) -> None:
        if isinstance(node, str):
            ET.SubElement(at, "t", {"v": node}).text = node
            return
        inside = ET.SubElement(at, "l")
        for one in node:
            fill(inside, one)  # type: ignore[arg-type]

    fill(root, tree)
    data = ET.tostring(root)

    def same(found: bytes, element: ET.Element) -> None:
        children = list(elements(found))
        assert [one.local.decode() for one in children] == [one.tag for one in element]
        for one, other in zip(children, element, strict=True):
            inside = found[one.content : one.close]
            if other.tag == "t":
                assert text_of(inside) == (other.text or "")
                assert attributes(one.attributes) == other.attrib
            else:
                same(inside, other)

    whole = next(elements(data))
    same(data[whole.content : whole.close], root)


@given(TEXTS)
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    """Escapes and all."""
    assert unescaped(escaped(text)) == text
    assert ET.fromstring(b"<a>" + escaped(text) + b"</a>").text == (text or None)


@given(TEXTS)
def test_an_attribute_is_set_whether_it_was_there_or_not(text: str) -> None:
    """And nothing else of the tag changes."""
    for tag in (b'<a b="1" ref="A1" c="2">', b"<a b='1' ref = 'A1' c='2'/>", b'<a b="1" c="2"/>', b'<a b="1" c="2">'):
        data = with_attribute(tag, "ref", text)
        told = attributes(next(elements(data + (b"" if data.endswith(b"/>") else b"</a>"))).attributes)
        assert told == {"b": "1", "ref": text, "c": "2"}
        assert data.endswith(tag[-2:] if tag.endswith(b"/>") else b">")
