"""The page as people use it, in a real Chromium: from the disk, with the mouse, with the keys, on a phone."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batch.commands.batch import Batch
from batch.commands.marked_clips import marked_clips
from batch.commands.report import write_report
from batch.core import states
from batch.core.gateway import Receipt
from batch.core.review_marks import ClipMark
from batch.ledger.ledger import Ledger
from batch.report_page.page import ShownRow, ShownTake
from batch.report_page.rendering import render
from tests.report_page.test_rendering import EMPTY
from tests.support.browsers import Seen, chromium, page_in
from tests.support.mornings import BEGAN, HOSTILE, a_morning, put_files
from tests.support.sheets import PRICE

KINDS = ["done", "failed", "done", "doubt", "broken", "done", "waiting"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A morning of seven shots, whose videos stand beside the table; the first of them has two takes."""
    folder = tmp_path_factory.mktemp("film")
    return report(with_two_takes(a_morning(folder, 7, ends=KINDS)))


@pytest.fixture
def seen(browser: Any, plain: Path) -> Iterator[Seen]:
    with page_in(browser) as one:
        yield one.open(plain)


def report(given: Batch) -> Path:
    return write_report(given, lambda _: None).path


def with_two_takes(given: Batch) -> Batch:
    """The first row was bought once more."""
    with Ledger.open(given.ledger) as ledger:
        put_files(given, ledger)
        ledger.apply(1, states.again(states.State.SUCCEEDED, BEGAN + 9000))
        ledger.apply(1, states.claimed(BEGAN + 9001, None, PRICE))
        receipt = Receipt("req-again", "https://s", "https://r", "https://c")
        ledger.apply(1, states.accepted(BEGAN + 9002, receipt))
        ledger.apply(1, states.succeeded(BEGAN + 9300, "{}", "https://v3.fal.media/files/req-again.mp4", PRICE))
        put_files(given, ledger)
    return given


def saved(seen: Seen) -> str:
    with seen.page.expect_download() as download:
        seen.page.click("#save")
    assert download.value.suggested_filename == "shots.marks.csv"
    return str(Path(download.value.path()).read_text(encoding="utf-8"))


def marked(seen: Seen, name: str) -> str:
    return str(card(seen, name).get_attribute("data-mark"))


def card(seen: Seen, name: str) -> Any:
    return seen.page.locator(f'.card[aria-label^="{name},"]')


def plays(seen: Seen, where: str) -> bool:
    """Whether it gets on."""
    moves = f"() => [...document.querySelectorAll('{where} video')].every((one) => one.currentTime > 0.05)"
    seen.page.wait_for_function(moves)
    return True


def test_the_page_opens_without_a_word_in_the_console_and_asks_nobody_for_anything(seen: Seen) -> None:
    """Its policy is broken nowhere, though all of it was scrolled past."""
    assert seen.cards() == [f"s{n}" for n in range(1, 8)]
    seen.page.locator("footer").scroll_into_view_if_needed()
    seen.press("k", "n", "Escape", "Enter", "Escape")
    assert seen.said == []
    assert seen.wanted == []


def test_what_there_is_to_do_is_on_top_with_commands_to_copy(seen: Seen) -> None:
    """And leads to the rows that it is about."""
    text = seen.page.inner_text("main")
    assert "What to do" in text
    assert "1 failed: content_policy_violation" in text
    assert "reword the prompt or change the image" in text
    seen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = seen.page.locator(".group.is-failed .copy").first
    button.click()
    assert re.match(r"kling-batch rerun .* --kind ", seen.page.evaluate("navigator.clipboard.readText()"))
    seen.page.locator(".group.is-in_doubt .show").click()
    assert seen.cards() == ["s4"]


def test_shots_are_found_by_state_kind_mark_and_words(seen: Seen) -> None:
    """In any combination."""
    page = seen.page
    page.select_option("#by-status", "succeeded")
    assert seen.cards() == ["s1", "s3", "s6"]
    page.fill("#find", "LIGHT 2")
    assert seen.cards() == ["s3"]
    page.fill("#find", "#2")
    assert seen.cards() == ["s1"]
    page.fill("#find", "")
    page.select_option("#by-status", "")
    page.select_option("#by-kind", "runner_disconnected")
    assert seen.cards() == ["s5"]
    page.select_option("#by-kind", "")
    seen.press("Escape")
    card(seen, "s3").locator(".keep").click()
    for mark, names in (("keep", ["s3"]), ("redo", []), ("none", ["s1", "s2", "s4", "s5", "s6", "s7"])):
        page.select_option("#by-mark", mark)
        assert seen.cards() == names
    assert page.inner_text("#where") == "1 to 6 of 6"


def test_shots_are_sorted_by_row_cost_and_time(seen: Seen) -> None:
    """The dearest and the slowest first."""
    seen.page.select_option("#sort", "cost")
    assert seen.cards()[0] == "s1"
    seen.page.select_option("#sort", "time")
    assert seen.cards()[:3] == ["s3", "s1", "s6"]
    seen.page.select_option("#sort", "row")
    assert seen.cards() == [f"s{n}" for n in range(1, 8)]


def test_keys_go_from_shot_to_shot_and_mark_them(seen: Seen) -> None:
    """Again takes a mark off; a shot without a video is kept by nobody."""
    seen.press("ArrowRight", "k", "ArrowRight", "r", "ArrowRight", "k")
    assert [marked(seen, f"s{n}") for n in (1, 2, 3, 4)] == ["keep", "redo", "keep", ""]
    seen.press("ArrowRight", "k", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft")
    assert marked(seen, "s4") == ""
    assert seen.current() == "s1"
    columns = len({one["x"] for one in (box.bounding_box() for box in seen.page.locator(".card").all())})
    seen.press("ArrowDown")
    assert seen.current() == f"s{1 + columns}"
    seen.press("ArrowUp")
    assert seen.current() == "s1"
    seen.press("k")
    assert marked(seen, "s1") == ""


def test_a_note_is_written_by_key_and_keys_in_it_are_letters(seen: Seen) -> None:
    """Escape leaves it."""
    seen.press("ArrowRight", "n")
    seen.page.keyboard.type('k r "quoted", more')
    seen.press("Escape")
    row = seen.current()
    assert card(seen, row).locator(".note").input_value() == 'k r "quoted", more'
    assert marked(seen, row) == ""
    seen.press("r")
    assert marked(seen, row) == "redo"
    assert "1 to redo, 1 with a note" in seen.page.inner_text("#tally")


def test_marks_survive_a_reload(seen: Seen) -> None:
    """In the browser, by the ledger's key."""
    card(seen, "s1").locator(".keep").click()
    card(seen, "s3").locator(".redo").click()
    seen.page.reload()
    assert (marked(seen, "s1"), marked(seen, "s3"), marked(seen, "s6")) == ("keep", "redo", "")


def test_marks_leave_the_page_as_csv_and_come_in_again(browser: Any, plain: Path, tmp_path: Path) -> None:
    """Whatever a note holds; another browser knows them then. A spreadsheet may have saved the file meanwhile."""
    note = '=1+1; "so, then"\n\u00fcber 🎬 '
    with page_in(browser) as seen:
        seen.open(plain)
        card(seen, "s1").locator(".takes button").first.click()
        card(seen, "s1").locator(".keep").click()
        card(seen, "s3").locator(".redo").click()
        card(seen, "s4").locator(".add-note").click()
        card(seen, "s4").locator(".note").fill(note)
        text = saved(seen)
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == ["id", "row", "take", "mark", "note", "request_id"]
    assert rows == [
        ["s1", "2", "1", "keep", "", "req-1"],
        ["s3", "4", "1", "redo", "", "req-3"],
        ["s4", "5", "", "", note, ""],
    ]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL).writerows([header, *rows, ["gone", "99", "", "keep", "", ""]])
    (tmp_path / "again.csv").write_text("\ufeff" + out.getvalue(), encoding="utf-8", newline="")
    with page_in(browser) as seen:
        seen.open(plain)
        seen.page.set_input_files("#load", tmp_path / "again.csv")
        seen.page.wait_for_function("document.getElementById('say').textContent !== ''")
        assert seen.page.inner_text("#say") == "Took 3 lines from again.csv; 1 line of no shot here."
        assert (marked(seen, "s1"), marked(seen, "s3")) == ("keep", "redo")
        assert saved(seen) == text
        assert seen.said == []


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\0\0", '"'])
def test_a_file_without_marks_changes_none(seen: Seen, tmp_path: Path, text: str) -> None:
    """It says so."""
    card(seen, "s1").locator(".keep").click()
    (tmp_path / "no.csv").write_text(text)
    seen.page.set_input_files("#load", tmp_path / "no.csv")
    seen.page.wait_for_function("document.getElementById('say').textContent.includes('holds no marks')")
    assert marked(seen, "s1") == "keep"


def test_the_commands_read_what_the_page_saves(seen: Seen, plain: Path, tmp_path: Path) -> None:
    """Each mark as it was set, of the take that was looked at; a redo names the newest."""
    card(seen, "s1").locator(".takes button").first.click()
    card(seen, "s1").locator(".redo").click()
    card(seen, "s3").locator(".keep").click()
    card(seen, "s4").locator(".add-note").click()
    card(seen, "s4").locator(".note").fill('@sum; "it"\nis')
    file = tmp_path / "shots.marks.csv"
    file.write_bytes(saved(seen).encode())
    assert "kling-batch redo " in seen.page.inner_text("#then")
    with Ledger.read(plain.with_name("shots.csv.ledger")) as ledger:
        clips = marked_clips(ledger, file, *ClipMark)
    told = [(clip.row.id, clip.mark.mark, clip.looked_at and clip.looked_at.number, clip.mark.note) for clip in clips]
    assert told == [
        ("s1", ClipMark.REDO, 2, ""),
        ("s3", ClipMark.KEEP, 1, ""),
        ("s4", ClipMark.NONE, None, '@sum; "it"\nis'),
    ]


def test_a_redo_that_was_done_is_no_redo_any_more(browser: Any, tmp_path: Path) -> None:
    """There is a newer take; its note stays."""
    given = a_morning(tmp_path, 1, ends=["done"])
    with page_in(browser) as seen:
        seen.open(report(given))
        card(seen, "s1").locator(".redo").click()
        card(seen, "s1").locator(".add-note").click()
        card(seen, "s1").locator(".note").fill("slower")
        with_two_takes(given)
        seen.open(report(given))
        assert marked(seen, "s1") == ""
        assert card(seen, "s1").locator(".note").input_value() == "slower"


def test_marks_of_another_ledger_that_stood_there_are_not_taken_for_these(browser: Any, tmp_path: Path) -> None:
    """Of a rehearsal, say, that was thrown away and played anew: its requests are others."""
    given = a_morning(tmp_path, 2, ends=["done"])
    with page_in(browser) as seen:
        path = report(given)
        seen.open(path)
        card(seen, "s1").locator(".keep").click()
        path.write_text(path.read_text().replace('"request":"req-1"', '"request":"req-new"'))
        seen.open(path)
        assert marked(seen, "s1") == ""


def test_what_another_window_marks_is_marked_here(seen: Seen) -> None:
    """At once."""
    other = seen.page.context.new_page()
    other.goto(seen.page.url)
    other.locator('.card[aria-label^="s3,"] .keep').click()
    seen.page.wait_for_selector('.card[aria-label^="s3,"][data-mark="keep"]')


def test_names_that_mean_something_in_an_address_are_names(browser: Any, tmp_path: Path) -> None:
    """Of folders, tables, pictures and videos."""
    folder = tmp_path / 'Schnee & Eis 100% "neu" #1?'
    folder.mkdir()
    given = a_morning(folder, 2, ends=["done"], files=True, name="a;b%20'c'#.csv")
    with page_in(browser) as seen:
        seen.open(report(given))
        seen.page.wait_for_selector(".card video")
        seen.press("ArrowRight", " ")
        assert plays(seen, ".card.current")
        loaded = "[...document.images].every((one) => one.complete && one.naturalWidth > 0)"
        seen.page.wait_for_function(loaded)
        assert seen.page.locator(".card .ends img").count() == 2
        assert seen.said == []


def test_a_video_plays_on_hover_and_by_key(seen: Seen) -> None:
    """One at a time, from the disk."""
    card(seen, "s3").locator(".media").hover()
    assert plays(seen, ".card:has(.media:hover)")
    seen.page.mouse.move(0, 0)
    seen.page.wait_for_function("[...document.querySelectorAll('video')].every((one) => one.paused)")
    seen.press("ArrowRight", " ")
    assert plays(seen, ".card.current")
    seen.press(" ")
    seen.page.wait_for_function("[...document.querySelectorAll('video')].every((one) => one.paused)")
    assert seen.said == []


def test_videos_on_the_web_come_only_when_they_are_played(browser: Any, tmp_path: Path) -> None:
    """And from the hosts that the policy names; where they cannot be had, that is said."""
    path = report(a_morning(tmp_path, 3, ends=["done"]))
    with page_in(browser) as seen:
        seen.open(path)
        seen.page.wait_for_selector(".card video")
        assert seen.wanted == []
        seen.press("ArrowRight", " ")
        seen.page.wait_for_selector(".card .lost")
        assert set(seen.wanted) == {"https://v3.fal.media/files/req-1.mp4"}
        assert card(seen, "s1").locator(".lost a").get_attribute("href") == "https://v3.fal.media/files/req-1.mp4"
        assert not [line for line in seen.said if "Policy" in line]


def test_two_takes_play_side_by_side_in_step(seen: Seen) -> None:
    """The one that is kept there is kept."""
    seen.press("ArrowRight", "Enter")
    page = seen.page
    assert page.locator("#sides video").count() == 2
    assert plays(seen, "#sides")
    seen.press("Space")
    times = "[...document.querySelectorAll('#sides video')].map((one) => one.currentTime)"
    page.wait_for_function(f"(([one, other]) => Math.abs(one - other) < 0.1)({times})")
    page.fill("#seek", "500")
    page.wait_for_function(f"{times}.every((one) => Math.abs(one - 0.5) < 0.1)")
    page.locator("#sides .side").first.locator(".keep").click()
    seen.press("Escape")
    assert saved(seen).splitlines()[1] == "s1,2,1,keep,,req-1"
    assert seen.said == []


def test_in_the_large_view_keys_go_on_and_mark(seen: Seen) -> None:
    """Escape leads back to the shot that was seen last."""
    seen.press("ArrowRight", "Enter", "ArrowRight", "r", "ArrowRight", "k", "Escape")
    assert (seen.current(), marked(seen, "s2"), marked(seen, "s3")) == ("s3", "redo", "keep")


def test_another_take_is_looked_at_by_its_number(seen: Seen) -> None:
    """And kept."""
    seen.press("ArrowRight", "1")
    pressed = card(seen, "s1").locator('.takes [aria-pressed="true"]').inner_text()
    seen.press("k")
    assert (pressed, card(seen, "s1").locator(".keep").inner_text()) == ("Take 1", "Keep 1")


def test_hostile_cells_stay_text(browser: Any, tmp_path: Path) -> None:
    """In every place where they are shown, with the page's policy and without."""
    path = report(a_morning(tmp_path, len(HOSTILE), ends=["done", "failed"], prompts=HOSTILE))
    for text in (path.read_text(), re.sub(r"<meta http-equiv[^>]*>", "", path.read_text())):
        path.write_text(text)
        with page_in(browser) as seen:
            seen.open(path)
            seen.press("ArrowRight", "Enter", "Escape")
            assert "run" not in seen.page.title().split()
            assert seen.page.locator(".card .prompt").first.inner_text() == HOSTILE[0]
            assert seen.page.locator(".prompt *").count() == 0
            assert "\u202e" not in seen.page.locator("#cards").inner_text()
            assert not [line for line in seen.said if "ERR_NAME_NOT_RESOLVED" not in line]


@pytest.mark.parametrize("width", [360, 820, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_any_screen(browser: Any, tmp_path: Path, width: int, scheme: str) -> None:
    """Nothing sticks out, long words included; the large view as well."""
    given = a_morning(tmp_path, 5, ends=KINDS, prompts=["w" * 300, *HOSTILE], slots=1)
    with page_in(browser, width, color_scheme=scheme) as seen:
        seen.open(report(given))
        there, window = seen.widths()
        assert there <= window
        seen.press("ArrowRight", "Enter")
        there, window = seen.widths()
        assert there <= window
        ground = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(21, 24, 27)") is (scheme == "dark")


def test_ten_thousand_rows_are_turned_over_by_pages(browser: Any, tmp_path: Path) -> None:
    """So many cards at a time, by button and by key; marks of all of them are kept and saved."""
    rows = [ShownRow(number=n + 1, n=n, id=f"s{n}", status="succeeded", takes=TAKES) for n in range(1, 10_001)]
    path = tmp_path / "shots.report.html"
    path.write_text(render(replace(EMPTY, rows=rows)))
    with page_in(browser) as seen:
        seen.open(path)
        assert seen.page.locator(".card").count() == 60
        assert seen.page.inner_text("#where") == "1 to 60 of 10,000"
        seen.page.click("#after")
        assert seen.cards()[0] == "s61"
        seen.press("k", "ArrowLeft", "ArrowLeft")
        assert seen.current() == "s60"
        seen.page.fill("#find", "s10000")
        assert seen.cards() == ["s10000"]
        seen.page.fill("#find", "")
        assert saved(seen).splitlines()[1].startswith("s61,62,1,keep")


TAKES = [ShownTake(number=1, request_id="r", sources=["https://v3.fal.media/a.mp4"])]


def test_with_little_motion_nothing_starts_by_itself(browser: Any, plain: Path) -> None:
    """Neither under the mouse nor in the large view."""
    with page_in(browser, reduced_motion="reduce") as seen:
        seen.open(plain)
        card(seen, "s3").locator(".media").hover()
        seen.press("ArrowRight", "Enter")
        assert seen.page.evaluate("[...document.querySelectorAll('video')].every((one) => one.paused)")


def test_all_shots_are_printed(browser: Any, tmp_path: Path) -> None:
    """Not only those of the page that is looked at; and then it is as before."""
    path = report(a_morning(tmp_path, 130, pictures=False))
    with page_in(browser) as seen:
        seen.open(path)
        counts = seen.page.evaluate(
            "['beforeprint', 'afterprint'].map((name) => "
            "{ window.dispatchEvent(new Event(name)); return document.querySelectorAll('.card').length; })"
        )
        assert counts == [130, 60]


def test_the_focus_is_seen_and_the_keys_reach_everything(seen: Seen) -> None:
    """By Tab alone, from the top into the cards."""
    reached = set()
    for _ in range(60):
        seen.press("Tab")
        reached.add(seen.page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert {"skip", "find", "by-status", "sort", "load", "keys", "copy", "show", "keep", "redo"} <= reached
    assert seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_browser_that_keeps_nothing_says_so(browser: Any, plain: Path) -> None:
    """The marks are there until the page is left."""
    with page_in(browser) as seen:
        seen.page.add_init_script("Storage.prototype.setItem = () => { throw new Error('full'); };")
        seen.open(plain)
        card(seen, "s1").locator(".keep").click()
        assert "This browser keeps nothing" in seen.page.inner_text("#tally")
        assert "keep" in saved(seen)
