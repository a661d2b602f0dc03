"""Files found by the paths of cells: as written, or as they are understood; what is only near is named."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.image_files import ImageFile, ImageFinder

CASE_COUNTS = pytest.mark.skipif(os.name == "nt", reason="names are the same in any case here")
NFD = unicodedata.normalize("NFD", "Küste bei Ærø.jpg")
NFC = unicodedata.normalize("NFC", NFD)


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def find(folder: Path, text: str) -> ImageFile:
    return ImageFinder().find(text, folder)


def test_paths_count_from_the_tables_folder(tmp_path: Path) -> None:
    """Absolute ones stand for themselves; `~` is an ordinary character."""
    put(tmp_path, "images/a.png", "~/b.png")
    for text in ("images/a.png", str(tmp_path / "images/a.png"), "~/b.png", "./images/../images/a.png"):
        assert find(tmp_path, text) == ImageFile(tmp_path / text, text)


@pytest.mark.skipif(os.sep != "/", reason="backslashes are separators here")
def test_backslashes_are_understood(tmp_path: Path) -> None:
    """A table made on Windows; a file that has one in its name is found first."""
    put(tmp_path, "images/day/kite.jpg")
    assert find(tmp_path, "images\\day\\kite.jpg") == ImageFile(tmp_path / "images/day/kite.jpg", "images/day/kite.jpg")
    put(tmp_path, "images\\day\\kite.jpg")
    assert find(tmp_path, "images\\day\\kite.jpg").text == "images\\day\\kite.jpg"


@pytest.mark.parametrize(("there", "written"), [(NFD, NFC), (NFC, NFD)])
def test_another_unicode_form_is_the_same_name(there: str, written: str, tmp_path: Path) -> None:
    """In folders too; the text to write is the name that is there."""
    assert there != written
    put(tmp_path, f"{there}.d/{there}")
    found = find(tmp_path, f"{written}.d\\{written}")
    assert found.problem is None
    assert found.path.read_bytes() == b"x"
    assert found.text in (f"{there}.d/{there}", f"{written}.d/{written}")  # a Mac's disk knows no difference


@CASE_COUNTS
@pytest.mark.parametrize(
    ("there", "written"),
    [
        ("images/Kite.jpg", "images/kite.jpg"),
        ("Images/KITE.JPG", "images\\kite.jpg"),
        ("images/my kite.jpg", "images/my%20kite.jpg"),
        ("images/my kite.jpg", "images/my  kite.jpg"),
        ("images/Shot 10.00\u202fPM.png", "images/Shot 10.00 PM.png"),
        ("images/kite.jpg", "images/kite"),
        ("images/Kite.jpg", "images/kite"),
        ("images/kite.jpg", "images/kite.jpeg"),
        ("images/kite.png", "images/kite.jpg"),
        ("images/kite.jpg.jpg", "images/kite.jpg"),
        ("images/kite", "images/kite.jpg"),
        ("images/kite.jpg", "kite.jpg"),
        ("images/kite.jpg", "film/images/kite.jpg"),
        ("images/kite.jpg", "/Users/anna/film/images/kite.jpg"),
        ("images/kite.jpg", "C:\\Users\\anna\\film\\images\\Kite.jpg"),
        ("images/kite.jpg", "\\\\server\\film\\images\\kite.jpg"),
        ("images/kite.jpg", "../images/kite.jpg"),
        ("kite.jpg", "images/kite.jpg"),
    ],
)
def test_what_is_near_is_named_and_not_taken(there: str, written: str, tmp_path: Path) -> None:
    """In case, spaces, encoding, suffix or folder: nothing is guessed in silence."""
    folder = tmp_path / "film"
    put(folder, there, "images/boat.jpg")
    found = find(folder, written)
    if found.path.exists():  # a disk that knows no case
        pytest.skip("these are one name on this disk")
    assert found.problem == f"does not exist, but there is `{there}`: write it so"


def test_several_that_are_near_are_all_named(tmp_path: Path) -> None:
    """Up to three."""
    put(tmp_path, "kite.jpg", "kite.png")
    assert find(tmp_path, "kite").problem == ("does not exist, but there are `kite.jpg`, `kite.png`: write one of them")
    put(tmp_path, "kite.gif", "kite.webp")
    assert find(tmp_path, "kite").problem == (
        "does not exist, but there are `kite.gif`, `kite.jpg`, `kite.png` …: write one of them"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("images/none.png", None),
        ("none", None),
        ("example.com/pictures/z.png", "if it is a web address, write https:// in front of it"),
        ("example.com/boats/boat.jpg", "if it is a web address, write https:// in front of it"),
        ("example.raw/boat.jpg", "there is `boat.jpg`"),
        ("C:\\pictures\\z.png", "is a path of a Windows computer"),
        ("n/a", None),
        ("-", None),
        ("", None),
        ("/", None),
        ("..", None),
    ],
)
@pytest.mark.skipif(os.sep != "/", reason="Windows' paths are at home there")
def test_what_is_nowhere_near_has_no_advice_but_for_its_form(text: str, said: str | None, tmp_path: Path) -> None:
    """Whoever looks at the file says that it is not there."""
    put(tmp_path, "boat.jpg", "images/A.PNG")
    found = find(tmp_path, text)
    assert (found.problem is None) if said is None else said in str(found.problem)
    assert found.text == text


def test_a_folder_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    """A finder lives as long as a run, and pictures may come meanwhile."""
    finder = ImageFinder()
    put(tmp_path, "boat.jpg")
    assert finder.find("kite", tmp_path).problem is None
    put(tmp_path, "kite.jpg")
    os.utime(tmp_path, ns=(1, 1))
    assert "kite.jpg" in str(finder.find("kite", tmp_path).problem)
    assert finder.find("kite.jpg", tmp_path).problem is None


def test_a_folder_is_read_once_for_all_that_is_missing_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet of a hundred thousand missing pictures takes no more."""
    finder, read, listdir = ImageFinder(), [], os.listdir
    put(tmp_path, *(f"images/{n}.jpg" for n in range(20)))
    monkeypatch.setattr(os, "listdir", lambda path: read.append(path) or listdir(path))
    for number in range(20, 120):
        assert finder.find(f"images/{number}.jpg", tmp_path).problem is None
    assert sorted(map(str, read)) == [str(tmp_path), str(tmp_path / "images")]


@given(st.text(st.sampled_from("ab./\\%20 üü~C:\0é"), max_size=20))
def test_any_text_is_looked_for(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Total, and what is found is there."""
    folder = tmp_path_factory.getbasetemp() / "any"
    put(folder, "a.b", "b/a")
    found = find(folder, text)
    assert found.problem is None or found.text == text
