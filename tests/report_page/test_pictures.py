"""Pictures of rows: files, addresses and data; which become links, and which only words."""

from base64 import b64encode
from pathlib import Path

import pytest

from batch.report_page.page import Picture
from batch.report_page.pictures import PictureFinder
from batch.report_page.thumbnails import Thumbnails
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.mornings import a_picture


def ends(folder: Path, first: str, last: str = "") -> tuple[Picture | None, Picture | None]:
    thumbnails = Thumbnails(folder / "shots.report", folder / "shots.csv")
    finder = PictureFinder(folder, folder, thumbnails)
    found = finder.ends(JOB, {"image_url": first} | ({"tail_image_url": last} if last else {}))
    thumbnails.make()
    shown = [one and one.shown(thumbnails) for one in found]
    return shown[0], shown[1]


def test_files_are_found_as_a_run_finds_them_and_named_from_the_page(tmp_path: Path) -> None:
    """By the table's folder."""
    (tmp_path / "my pics").mkdir()
    (tmp_path / "my pics" / "a#1.jpg").write_bytes(a_picture(0))
    first, last = ends(tmp_path, "my pics/a#1.jpg", "gone.jpg")
    assert first is not None
    assert last is not None
    assert first.href == "./my%20pics/a%231.jpg"
    assert first.thumbnail.startswith("./shots.report/")
    assert (last.thumbnail, last.name, last.href) == ("", "gone.jpg", "")


def test_what_is_on_the_web_is_linked_and_not_fetched(tmp_path: Path) -> None:
    """There is no small one of it."""
    first, last = ends(tmp_path, "https://x.y/a.png")
    assert first == Picture(name="https://x.y/a.png", href="https://x.y/a.png", is_online=True)
    assert last is None


def test_a_picture_inside_of_a_cell_is_shown_small(tmp_path: Path) -> None:
    """Its text is not."""
    first, _ = ends(tmp_path, "data:image/jpeg;base64," + b64encode(a_picture(0)).decode())
    assert first is not None
    assert (first.name, first.href) == ("image/jpeg in the cell", "")
    assert first.thumbnail


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "https://u:p@x.y/a.png", "data:text/html,<script>", "file:", "\0"]
)
def test_what_is_no_picture_is_words(tmp_path: Path, text: str) -> None:
    """Never an address."""
    first, _ = ends(tmp_path, text)
    assert first is not None
    assert not first.thumbnail
    assert first.href == ""


def test_a_model_with_a_list_of_pictures_shows_its_ends(tmp_path: Path) -> None:
    """The first and the last of all."""
    thumbnails = Thumbnails(tmp_path / "shots.report", tmp_path / "shots.csv")
    finder = PictureFinder(tmp_path, tmp_path, thumbnails)
    first, last = finder.ends(JOB, {"image_url": ["https://x.y/1", "https://x.y/2", "https://x.y/3"]})
    assert first is not None
    assert last is not None
    assert (first.href, last.href) == ("https://x.y/1", "https://x.y/3")
    assert finder.ends(JOB, {"image_url": 7}) == (None, None)
