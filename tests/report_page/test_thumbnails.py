"""Small pictures: made once, small, upright, without notes; of what is no picture there is none."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from batch.report_page.thumbnails import SIDE, Thumbnails, shrunk, shrunk_file
from tests.support.mornings import a_picture


@pytest.fixture
def thumbnails(tmp_path: Path) -> Callable[[], Thumbnails]:
    (tmp_path / "shots.csv").write_text("prompt\n")
    return lambda: Thumbnails(tmp_path / "shots.report", tmp_path / "shots.csv")


def small(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_a_picture_becomes_a_small_jpeg(kind: str) -> None:
    """In its own shape."""
    one = small(shrunk(io.BytesIO(encoded(Image.new("RGB", (1600, 800), (200, 30, 30)), kind))))
    assert (one.format, one.size) == ("JPEG", (SIDE, SIDE // 2))


def test_notes_turn_it_and_go_no_further() -> None:
    """Where it was taken is nobody's business."""
    notes = Image.Exif()
    notes[0x0112], notes[0x010E] = 6, "taken at home"
    data = encoded(Image.new("RGB", (800, 400)), "JPEG", exif=notes)
    made = shrunk(io.BytesIO(data))
    assert small(made).size == (SIDE // 2, SIDE)
    assert b"at home" not in (made or b"")


def test_what_is_see_through_is_shown_on_grey() -> None:
    """A JPEG knows no holes."""
    one = small(shrunk(io.BytesIO(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG"))))
    assert one.getpixel((5, 5)) == (128, 128, 128)


@pytest.mark.parametrize(
    "data", [b"", b"no picture", a_picture(0)[:400], b"\x89PNG\r\n\x1a\n" + bytes(99), b"%!PS-Adobe"]
)
def test_what_is_no_picture_has_no_small_one(tmp_path: Path, data: bytes) -> None:
    """Nor has what is cut short; a folder and what is not there have none either."""
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    assert shrunk_file(path) is None
    assert shrunk_file(tmp_path) is None
    assert shrunk_file(tmp_path / "gone.jpg") is None


def test_each_is_made_once(tmp_path: Path, thumbnails: Callable[[], Thumbnails]) -> None:
    """The next report makes none, until the picture is another one; copies of equal pictures are one file."""
    made: list[Path] = []

    def shrink(path: Path) -> bytes | None:
        made.append(path)
        return shrunk_file(path)

    def report(*names: str) -> Thumbnails:
        now = thumbnails()
        for name in names:
            now.ask(tmp_path / name, shrink)
        now.make()
        return now

    (tmp_path / "a.jpg").write_bytes(a_picture(0))
    (tmp_path / "b.jpg").write_bytes(a_picture(0))
    (tmp_path / "c.jpg").write_bytes(b"none")
    first = report("a.jpg", "b.jpg", "c.jpg", "gone.jpg")
    assert len(made) == 3
    assert first.name(tmp_path / "a.jpg") == first.name(tmp_path / "b.jpg") != ""
    assert first.name(tmp_path / "c.jpg") == first.name(tmp_path / "gone.jpg") == ""
    report("a.jpg", "b.jpg", "c.jpg")
    assert len(made) == 3
    (tmp_path / "a.jpg").write_bytes(a_picture(1))
    assert report("a.jpg", "b.jpg", "c.jpg").name(tmp_path / "a.jpg") != first.name(tmp_path / "a.jpg")
    assert len(made) == 4
    (first.folder / first.name(tmp_path / "b.jpg")).unlink()
    report("b.jpg")
    assert len(made) == 5


def test_what_nothing_asks_for_any_more_goes(tmp_path: Path, thumbnails: Callable[[], Thumbnails]) -> None:
    """Only copies of ours: the folder may hold something of somebody else's."""
    (tmp_path / "a.jpg").write_bytes(a_picture(0))
    one = thumbnails()
    one.ask(tmp_path / "a.jpg", shrunk_file)
    one.make()
    (one.folder / "mine.jpg").write_bytes(b"mine")
    two = thumbnails()
    two.make()
    assert sorted(path.name for path in one.folder.iterdir()) == ["index.json", "mine.jpg"]


@pytest.mark.parametrize(
    "index", [b"", b"[]", b'{"rules": 1, "files": {"a": [1, 2, "../../x.jpg"]}}', b'{"rules": 1, "files": 3}']
)
def test_a_damaged_index_is_made_anew(tmp_path: Path, thumbnails: Callable[[], Thumbnails], index: bytes) -> None:
    """It names no file outside of the folder."""
    (tmp_path / "shots.report").mkdir()
    (tmp_path / "shots.report" / "index.json").write_bytes(index)
    (tmp_path / "a.jpg").write_bytes(a_picture(0))
    one = thumbnails()
    assert one.name("a") == ""
    one.ask(tmp_path / "a.jpg", shrunk_file)
    one.make()
    assert one.name(tmp_path / "a.jpg").endswith(".jpg")


def test_a_picture_at_hand_is_made_small_too(thumbnails: Callable[[], Thumbnails]) -> None:
    """From a data URI."""
    one = thumbnails()
    one.ask_bytes("data:1", a_picture(2))
    one.make()
    assert small((one.folder / one.name("data:1")).read_bytes()).width == SIDE
