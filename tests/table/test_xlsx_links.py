"""Links of a sheet: ours are made anew, the user's stay as they are."""

import pytest

from batch.table.xlsx_links import (
    Link,
    declared_prefix,
    hyperlinks,
    is_ours,
    link_to,
    relationship_id,
    with_relationships,
)
from batch.table.xml_scan import elements
from tests.support.workbooks import OFFICE, relations


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://v3.fal.media/a.mp4", "https://v3.fal.media/a.mp4"),
        ("https://example.com/é.mp4?a=1&b=%20", "https://example.com/%C3%A9.mp4?a=1&b=%20"),
        ("file:///home/me/a.mp4", "file:///home/me/a.mp4"),
        ("shots.videos/my boat #1.mp4", "shots.videos/my%20boat%20%231.mp4"),
        (r"shots.videos\möwe.mp4", "shots.videos/m%C3%B6we.mp4"),
        ("javascript:alert(1)", "javascript%3Aalert(1)"),
        ("ftp://example.com/a.mp4", None),
        ("https://example.com/a b", None),
        ("   ", None),
        ("https://example.com/" + "a" * 2079, None),
    ],
)
def test_addresses_and_paths_become_links(text: str, address: str | None) -> None:
    """Paths as addresses beside the workbook; nothing else, and nothing that would run."""
    found = link_to("F2", text)
    assert (found.address if found else None) == address


def test_ours_are_in_one_cell_of_our_columns() -> None:
    """Those of the user's beside them, over several cells, or in a title are not."""
    tags = [b'<hyperlink ref="F2"/>', b'<hyperlink ref="F1"/>', b'<hyperlink ref="G2"/>', b'<hyperlink ref="F2:F9"/>']
    found = [is_ours(next(elements(tag)), {5}, 1) for tag in tags]
    assert found == [True, False, False, False]
    assert relationship_id(b' ref="F2" rel:id="r7"') == "r7"


def test_links_declare_what_the_root_does_not() -> None:
    """By its prefix where it does; an empty list is none."""
    links = [Link("F2", "x")]
    assert declared_prefix(f' xmlns:o="{OFFICE}"'.encode()) == b"o"
    assert (
        hyperlinks(b"", b"o", [b"<u/>"], links)
        == b'<hyperlinks><u/><hyperlink ref="F2" o:id="klingBatchF2"/></hyperlinks>'
    )
    assert f'xmlns:r="{OFFICE}"'.encode() in hyperlinks(b"", None, (), links)
    assert hyperlinks(b"", None, (), ()) == b""


def test_relations_of_ours_come_in_and_go() -> None:
    """The others stay in their own bytes, and what was made anew is the same again."""
    part = relations(("drawing", "../drawings/drawing1.xml")).encode()
    one, two = Link("F2", "https://a/?b&c"), Link("F3", "https://d")
    first = with_relationships(part, (), [one, two])
    assert first is not None
    assert b'Target="https://a/?b&amp;c" TargetMode="External"/>' in first
    assert with_relationships(first, {one.id, two.id}, [one, two]) == first
    assert with_relationships(first, {one.id, two.id}, []) == part
    assert with_relationships(None, (), []) is None
    fresh = with_relationships(None, (), [one])
    assert fresh is not None
    assert fresh.count(b"<Relationship ") == 1
    assert with_relationships(b'<Relationships xmlns="x"/>', (), [two]).startswith(b'<Relationships xmlns="x"><Rel')  # type: ignore[union-attr]
