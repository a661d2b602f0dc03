"""The names of a table: every file that is made beside it finds room, and another name for it is said."""

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from batch.commands.batch import open_batch
from batch.commands.check import check
from batch.commands.status import status
from batch.commands.table_names import name_notes
from batch.core.paths import ledger_path, results_path
from batch.errors import ManifestError
from batch.files.atomic import TargetLocked, replacing
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.night import night, statuses

TEXT = "id,prompt,image\na,a ship,https://example.com/a.png\n"


def named(folder: Path, size: int, suffix: str = ".csv") -> Path:
    """A table whose name has that many bytes, most of them in letters of two."""
    path = folder / ("ü" * ((size - len(suffix)) // 2) + "x" * ((size - len(suffix)) % 2) + suffix)
    assert len(os.fsencode(path.name)) == size
    path.write_text(TEXT)
    return path


pytestmark = pytest.mark.skipif(os.name == "nt", reason="names are counted otherwise there")


@pytest.mark.parametrize(("size", "works"), [(230, True), (236, True), (237, False), (240, False), (255, False)])
def test_a_name_is_refused_from_the_first_byte_that_leaves_no_room(size: int, works: bool, tmp_path: Path) -> None:
    """Up to it a whole night goes through; from there on no command leaves a file or a traceback, and each says why."""
    with night(tmp_path) as now:
        shots = named(tmp_path, size)
        checked, ended = now.run("check", shots), now.run("run", shots)
        told = now.run("status", shots)
        if works:
            assert (checked.code, ended.code, told.code) == (0, 0, 0), ended.err
            assert statuses(shots) == {"succeeded": 1}
            assert ("so long that results cannot be put beside it" in checked.out) == (size > 230)
            assert ("so long that results cannot be put beside it" in ended.err) == (size > 230)
        else:
            for one in (checked, ended, told, now.run("recover", shots), now.run("cancel", shots)):
                assert one.code == 2
                assert "leaves no room for the names of the files that are made beside it (like …" in one.err
                assert f"shorten it by {size - 236} byte" in one.err
                assert one.err.count("\n") == 1
            assert now.address.fault_injector.requests.total() == 0
            assert [path.name for path in tmp_path.iterdir()] == [shots.name]


@pytest.mark.parametrize(("size", "works"), [(230, True), (231, False)])
def test_results_find_room_beside_a_table_that_has_no_note(size: int, works: bool, tmp_path: Path) -> None:
    """Where the table itself cannot be written, they go to a file beside it, which is replaced as it is."""
    shots = named(tmp_path, size)
    assert (list(name_notes(ledger_path(shots), shots)) == []) == works
    with nullcontext() if works else pytest.raises(TargetLocked), replacing(results_path(shots), lambda: None) as file:
        file.write(b"results")
    assert results_path(shots).exists() == works


@pytest.mark.parametrize(("size", "over"), [(238, 0), (239, 1), (250, 12)])
def test_the_file_for_results_needs_room_for_its_own(size: int, over: int, tmp_path: Path) -> None:
    """`--output` may have a longer name than a table, for its ledger is the table's."""
    shots = named(tmp_path, 20)
    output = tmp_path / named(tmp_path, size, ".out.csv").name
    with pytest.raises(ManifestError, match=f"shorten it by {over} byte") if over else nullcontext():
        open_batch(shots, JOB, output=output)


@pytest.mark.parametrize(("size", "works"), [(230, True), (231, False)])
def test_the_sandbox_needs_room_for_its_own_results(size: int, works: bool, tmp_path: Path) -> None:
    """They stand beside the table, by a name that is eight bytes longer."""
    shots = named(tmp_path, size)
    if works:
        assert check(open_batch(shots, JOB, sandbox=True)).findings.rows == 1
    else:
        with pytest.raises(ManifestError, match="leaves no room"):
            open_batch(shots, JOB, sandbox=True)
        with pytest.raises(ManifestError, match="leaves no room"):
            status(shots, sandbox=True)


def test_a_name_that_no_file_can_have_is_said_to_be_one(tmp_path: Path) -> None:
    """Whatever is asked for."""
    path = tmp_path / f"{'x' * 300}.csv"
    for sandbox in (False, True):
        with pytest.raises(ManifestError, match="File name too long"):
            open_batch(path, JOB, sandbox=sandbox)


def test_another_name_for_the_same_file_is_said_before_anything_is_bought(tmp_path: Path) -> None:
    """A hard link: replacing the file parts the two. A symbolic link is followed, and no reason for a word."""
    shots = tmp_path / "shots.csv"
    shots.write_text(TEXT)
    (tmp_path / "link.csv").symlink_to(shots)
    assert list(name_notes(tmp_path / "shots.csv.ledger", tmp_path / "link.csv")) == []
    os.link(shots, tmp_path / "copy.csv")
    with night(tmp_path) as now:
        checked = now.run("check", shots)
        assert checked.code == 0
        assert "note: " in checked.out
        assert "has 1 other name on this disk (hard links)" in checked.out
        ended = now.run("run", shots)
        assert (ended.code, statuses(shots)) == (0, {"succeeded": 1})
        assert "hard links" in ended.err
        assert (tmp_path / "copy.csv").read_text() == TEXT
        assert "hard links" not in now.run("check", shots).out
