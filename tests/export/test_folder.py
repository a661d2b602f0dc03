"""A folder for the edit: files copied or linked, ours replaced, anybody else's left alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from batch.errors import UsageError
from batch.export.folder import fill_folder
from tests.export.test_clips import CLIP


def clip(folder: Path, name: str, content: bytes) -> object:
    file = folder / f"{name}.mp4"
    file.write_bytes(content)
    return replace(CLIP, file=file, name=name, request_id=f"r-{name}")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("link", [False, True])
def test_files_are_put_there_once_and_follow_the_choice(tmp_path: Path, link: bool) -> None:
    """The second time nothing is new; another take takes the place of the one before."""
    one, two, to = clip(tmp_path, "a", b"one"), clip(tmp_path, "b", b"two"), tmp_path / "cut"
    assert fill_folder(to, [one, two], ["1.mp4", "2.mp4"], link=link) == 2  # type: ignore[list-item]
    assert fill_folder(to, [one, two], ["1.mp4", "2.mp4"], link=link) == 0  # type: ignore[list-item]
    assert names(to) == ["1.mp4", "2.mp4", "cut.csv"]
    assert (to / "1.mp4").samefile(tmp_path / "a.mp4") is link
    assert fill_folder(to, [two], ["1.mp4"], link=link) == 1  # type: ignore[list-item]
    assert (to / "1.mp4").read_bytes() == b"two"
    assert (tmp_path / "a.mp4").read_bytes() == b"one"


def test_what_is_not_ours_is_never_replaced(tmp_path: Path) -> None:
    """Neither a file of one of the names nor a list of another's; nothing is put there then."""
    one, to = clip(tmp_path, "a", b"one"), tmp_path / "cut"
    to.mkdir()
    (to / "1.mp4").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"1\.mp4 exists and was not put there by an export"):
        fill_folder(to, [one], ["1.mp4"], link=False)  # type: ignore[list-item]
    assert names(to) == ["1.mp4"]
    (to / "cut.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"cut\.csv exists and was not written by an export"):
        fill_folder(to, [one], ["2.mp4"], link=False)  # type: ignore[list-item]
    assert names(to) == ["1.mp4", "cut.csv"]


def test_two_clips_of_one_name_are_refused(tmp_path: Path) -> None:
    """Also where only their case differs: some file systems take them for one."""
    one, two = clip(tmp_path, "a", b"one"), clip(tmp_path, "b", b"two")
    with pytest.raises(UsageError, match=r"two clips would be called X\.mp4: add \{row:04\}"):
        fill_folder(tmp_path / "cut", [one, two], ["X.mp4", "x.mp4"], link=False)  # type: ignore[list-item]
    assert not (tmp_path / "cut").exists()
