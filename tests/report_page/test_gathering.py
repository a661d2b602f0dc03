"""What comes onto the page: every row as `status` counts it, its videos where they are, and nothing is written."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from batch.commands.batch import Batch
from batch.commands.status import each_row, status
from batch.core import states
from batch.ledger.ledger import Ledger
from batch.report_page.page import Page
from batch.report_page.previous_report import Telling
from batch.report_page.rendering import render
from tests.report_page.test_rendering import gathered
from tests.support.mornings import BEGAN, a_morning


def page_of(given: Batch, before: Telling | None = None) -> Page:
    return gathered(given, before)[0]


def test_the_rows_stand_as_status_tells_them(tmp_path: Path) -> None:
    """In the table's order, with the same states, costs and kinds."""
    given = a_morning(tmp_path, 30, pictures=False)
    page = page_of(given)
    told = list(each_row(given.manifest.path, sandbox=False))
    assert [(row.number, row.id, row.status) for row in page.rows] == [
        (one["row"], one["id"], one["status"]) for one in told
    ]
    assert [row.cost for row in page.rows] == [round((one["cost_usd"] or 0) * 1e6) for one in told]
    counted = Counter(one["status"] for one in told)
    assert {one.status: one.rows for one in page.counts} == counted
    summary = status(given.manifest.path, sandbox=False)
    assert [one.text for one in page.to_do] == [command for command, _ in summary.to_do]
    assert page.facts[0].value == str(counted["succeeded"])


def test_the_night_is_what_happened(tmp_path: Path) -> None:
    """From its first submit to its last end, with what its run wrote down."""
    page = page_of(a_morning(tmp_path, 30, pictures=False))
    assert page.night is not None
    assert [panel.title for panel in page.night.panels] == ["At fal", "Rows", "Spent"]
    assert [curve.label for curve in page.night.panels[0].curves] == ["waiting at fal", "running"]
    assert page.run_times is not None
    (night,) = page.nights
    assert (night.done, night.failed) == (18, 6)


def test_a_night_that_stopped_says_why(tmp_path: Path) -> None:
    """In the plots and in the list of nights."""
    given = a_morning(tmp_path, 8, pictures=False)
    with Ledger.open(given.ledger) as ledger:
        note = ledger.meta("run_1") or ""
        ledger.set_meta("run_1", note.replace('"stopped": ""', '"stopped": "stopped: the budget is used up"'))
    page = page_of(given)
    assert page.night is not None
    assert "the budget is used up" in page.night.stops[0]
    assert page.nights[0].end == "stopped: the budget is used up"


def test_videos_are_played_from_the_disk_first(tmp_path: Path) -> None:
    """By their place from the page; where the file is gone, from the web. A poster is made of a file."""
    given = a_morning(tmp_path, 3, files=True)
    first, second, _ = page_of(given).rows
    (take,) = first.takes
    assert take.sources == ["./shots.csv.videos/req-1.mp4", "https://v3.fal.media/files/req-1.mp4"]
    assert take.poster.startswith("./shots.report/")
    (tmp_path / "shots.csv.videos" / "req-2.mp4").unlink()
    page = page_of(given)
    assert page.rows[1].takes[0].sources == ["https://v3.fal.media/files/req-2.mp4"]
    assert second.takes[0].poster
    assert page.rows[1].takes[0].poster == ""
    assert page.media_origins == ["https://v3.fal.media"]


@pytest.mark.parametrize("url", ["javascript:alert(1)//{}", "file:///etc/passwd?{}", "https://u:p@h/{}", "//x.y/{}"])
def test_an_address_of_a_video_that_is_none_is_no_source(tmp_path: Path, url: str) -> None:
    """Whatever a ledger says."""
    page = page_of(a_morning(tmp_path, 1, pictures=False, urls=url))
    assert page.rows[0].takes[0].sources == []
    assert page.media_origins == []


def test_very_many_hosts_are_not_named_one_by_one(tmp_path: Path) -> None:
    """A policy stays readable."""
    page = page_of(a_morning(tmp_path, 40, ends=["done"], pictures=False, urls="https://{}.fal.media/a.mp4"))
    assert page.media_origins == ["https:"]


def test_what_changed_since_the_report_before_is_new(tmp_path: Path) -> None:
    """And only that."""
    given = a_morning(tmp_path, 10, pictures=False)
    page, telling = gathered(given)
    assert page.news == ""
    assert not any(row.is_new for row in page.rows)
    with Ledger.open(given.ledger) as ledger:
        ledger.apply(7, states.given_up(BEGAN, "given up", 0))
    page, telling = gathered(given, telling)
    assert [row.number for row in page.rows if row.is_new] == [8]
    assert "1 failed" in page.news
    again, _ = gathered(given, telling)
    assert again.news == page.news


def test_a_table_of_very_many_rows_is_shown_in_part_and_counted_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it says so."""
    given = a_morning(tmp_path, 30, pictures=False)
    whole = page_of(given)
    monkeypatch.setattr("batch.report_page.gathering.MOST_ROWS", 10)
    page = page_of(given)
    assert (len(page.rows), page.left_out) == (10, 20)
    assert (page.counts, page.facts[:2]) == (whole.counts, whole.facts[:2])
    assert "The first 10 rows; 20 more are too many for one page." in render(page)


def test_a_run_at_work_loses_nothing_to_a_report(tmp_path: Path) -> None:
    """The ledger is only read."""
    given = a_morning(tmp_path, 10, pictures=False)
    before = given.ledger.read_bytes()
    with closing(sqlite3.connect(given.ledger)) as other:
        other.execute("BEGIN IMMEDIATE")
        page_of(given)
        other.execute("ROLLBACK")
    assert given.ledger.read_bytes() == before


def test_a_row_that_cannot_be_run_says_why(tmp_path: Path) -> None:
    """It has no row in the ledger; its picture is found by the table."""
    page = page_of(a_morning(tmp_path, 1, prompts=["", "x"], ends=["done"]))
    (row,) = page.rows
    assert (row.status, row.n) == ("invalid", None)
    assert "prompt" in row.error
    assert row.first is not None
    assert row.first.thumbnail
