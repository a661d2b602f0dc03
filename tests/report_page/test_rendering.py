"""The page as text: whatever stands in a cell, it stays text, and the policy names what may run and load."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from batch.commands.batch import Batch
from batch.commands.status import status
from batch.report_page.gathering import Source, gather
from batch.report_page.page import Command, Page, ShownRow
from batch.report_page.previous_report import Telling
from batch.report_page.rendering import SCRIPTS, policy, render
from batch.report_page.thumbnails import Thumbnails
from tests.support.mornings import BEGAN, HOSTILE, a_morning


def gathered(batch: Batch, before: Telling | None = None) -> tuple[Page, Telling]:
    table = batch.manifest.path.resolve()
    return gather(
        Source(
            ledger=batch.ledger,
            table=table,
            page=table.with_name("shots.report.html"),
            manifest=batch.manifest,
            outcome=status(table, sandbox=False),
            sandbox=False,
            version="1",
            now=BEGAN + 30_000,
            before=before,
            thumbnails=Thumbnails(table.with_name("shots.report"), table),
            say=lambda _: None,
        )
    )


def a_page(folder: Path, *, files: bool = False) -> Page:
    """Of ten rows."""
    return gathered(a_morning(folder, 10, files=files))[0]


class Elements(HTMLParser):
    """The elements of a page, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._in: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._in = dict(attrs) if tag in ("script", "style") else None

    def handle_data(self, data: str) -> None:
        if self._in is not None:
            self.scripts.append((self._in, data))

    def handle_endtag(self, tag: str) -> None:
        self._in = None


def with_rows(page: Page, texts: list[str]) -> Page:
    from dataclasses import replace

    return replace(
        page,
        rows=[
            ShownRow(number=n, n=n, id=one, status="failed", prompt=one, error=one, kind=one)
            for n, one in enumerate(texts)
        ],
    )


def test_a_page_has_no_handler_no_style_attribute_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Its own policy would not let it."""
    elements = Elements(render(a_page(tmp_path)))
    for tag, attributes in elements.found:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        assert tag not in ("link", "iframe", "object", "embed", "base", "script") or "src" not in attributes
        assert not (attributes.get("href") or "#").startswith(("http", "javascript", "//"))


def test_the_policy_allows_these_scripts_and_this_style_by_their_hashes(tmp_path: Path) -> None:
    """And nothing by default."""
    elements = Elements(render(a_page(tmp_path)))
    (rules,) = [attributes["content"] for tag, attributes in elements.found if "http-equiv" in attributes]
    assert rules is not None
    assert rules.startswith("default-src 'none'; ")
    assert "unsafe" not in rules
    for attributes, text in elements.scripts:
        if attributes.get("type") != "application/json":
            assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in rules
    assert len(elements.scripts) == len(SCRIPTS) + 2


def test_hostile_cells_are_data_to_the_letter(tmp_path: Path) -> None:
    """What would move the text or end it is shown as what it is."""
    text = render(with_rows(a_page(tmp_path), list(HOSTILE)))
    elements = Elements(text)
    (data,) = [text for attributes, text in elements.scripts if attributes.get("type") == "application/json"]
    rows = json.loads(data)["rows"]
    assert [row["id"] for row in rows] == list(HOSTILE)
    assert rows[4]["prompt"] == "left \\u202ethgir\\u202c and a\\u0009tab\\u0009and \\u2028 a line".replace(
        "a\\u0009tab", "a tab"
    )
    assert not re.search(r"[<>&]", data)
    assert [tag for tag, _ in elements.found].count("script") == len(SCRIPTS) + 1
    assert not any(tag == "img" for tag, _ in elements.found)


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_no_text_of_a_cell_makes_an_element(texts: list[str]) -> None:
    """The page has the same ones whatever the rows say."""
    page = with_rows(EMPTY, texts)
    elements = Elements(render(page))
    assert [tag for tag, _ in elements.found] == [tag for tag, _ in Elements(render(EMPTY)).found]
    (data,) = [text for attributes, text in elements.scripts if attributes.get("type") == "application/json"]
    assert [row.get("id", "") for row in json.loads(data)["rows"]] == texts


EMPTY = Page(
    table="shots.csv",
    marks_name="shots.marks.csv",
    key="k",
    made_at=0.0,
    made_on="today",
    version="1",
    facts=[],
    counts=[],
    at_work="",
    sandbox=False,
    news="",
    to_do=[],
    groups=[],
    with_marks=[Command("kling-batch redo shots.csv --from shots.marks.csv")],
    night=None,
    nights=[],
    run_times=None,
    rows=[],
)


def test_names_of_tables_are_text_too(tmp_path: Path) -> None:
    """They stand in the title, on top and in the commands."""
    from dataclasses import replace

    name = '"><script>x</script>\u202e.csv'
    text = render(replace(EMPTY, table=name, marks_name=name))
    assert "<script>x" not in text
    assert "\u202e" not in text


def test_the_policy_names_the_hosts_of_videos_only_for_videos() -> None:
    """And those of pictures only for pictures."""
    rules = dict(one.split(" ", 1) for one in policy("", [""], ["https://v"], ["https://p"]).split("; "))
    assert rules["media-src"] == "'self' file: https://v"
    assert rules["img-src"] == "'self' file: https://p"
    assert "connect-src" not in rules
