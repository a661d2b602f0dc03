"""`export`: the kept takes in the order of the table; what lacks is told, what stands there is not overwritten."""

import csv
from pathlib import Path

import pytest

from batch.commands.batch import Batch
from batch.commands.choose_take import TakeChoice, choose
from batch.commands.export import ExportOptions, export
from batch.core.row import RowSelection
from batch.core.run_options import RunOptions
from batch.errors import LedgerError, UsageError
from batch.ledger.ledger import Ledger
from batch.ledger.takes import takes_of
from tests.commands.test_redo import SHOTS, write_marks
from tests.support.mp4_files import a_video
from tests.support.runs import a_service, run_through
from tests.support.sheets import batch

otio = pytest.importorskip("opentimelineio")


@pytest.fixture
def given(tmp_path: Path) -> Batch:
    """Three rows with two takes each, on the disk."""
    made = batch(tmp_path, SHOTS)
    run_through(made, a_service(), RunOptions(concurrency=4, takes=2))
    bring_down(made)
    return made


def bring_down(given: Batch, *but: int) -> None:
    """Each take as a file, but for those of these rows of the ledger."""
    folder = given.manifest.path.parent / "shots.csv.videos"
    folder.mkdir(exist_ok=True)
    with Ledger.open(given.ledger) as ledger:
        for row, takes in takes_of(ledger).items():
            for take in takes if row not in but else ():
                name = f"{'abc'[row - 1]}{'' if take.number == 1 else f'_take{take.number}'}.mp4"
                (folder / name).write_bytes(a_video(100 + 10 * row + take.number, seed=row))
                path = f"shots.csv.videos/{name}"
                ledger.db.execute(
                    "INSERT INTO video_file (request_id, row, path, name_key, done_at) VALUES (?, ?, ?, ?, 1)",
                    (take.request_id, row, path, path),
                )


def clips(path: Path) -> list[tuple[str, int, str]]:
    found = otio.adapters.read_from_file(str(path)).find_clips()
    return [(one.name, one.duration().value, Path(one.media_reference.target_url).name) for one in found]


def test_the_chosen_takes_are_handed_over_in_the_order_of_the_table(given: Batch, tmp_path: Path) -> None:
    """With the length of their files, to the frame; nothing of table and ledger is touched."""
    choose(given, TakeChoice(named=RowSelection(ids=["b"]), use=1))
    lines = given.manifest.path.read_text().splitlines(keepends=True)
    given.manifest.path.write_text("".join([lines[0], lines[3], lines[1], lines[2]]))
    before = {path: path.read_bytes() for path in (given.manifest.path, given.ledger)}
    assert export(given, ExportOptions(to=tmp_path / "cut.otio")) == [
        f"3 clips, 15.2 s, in {tmp_path / 'cut.otio'}",
    ]
    assert clips(tmp_path / "cut.otio") == [("c", 132, "c_take2.mp4"), ("a", 112, "a_take2.mp4"), ("b", 121, "b.mp4")]
    assert {path: path.read_bytes() for path in before} == before


def test_only_what_is_marked_is_kept_and_of_it_the_take_that_was_looked_at(given: Batch, tmp_path: Path) -> None:
    """The note is a marker."""
    marks = write_marks(tmp_path, "b,3,1,keep,hold on the tree,", "a,2,,keep,,", "c,4,,redo,,")
    export(given, ExportOptions(to=tmp_path / "cut.otio", marks=marks))
    assert clips(tmp_path / "cut.otio") == [("a", 112, "a_take2.mp4"), ("b", 121, "b.mp4")]
    made = list(otio.adapters.read_from_file(str(tmp_path / "cut.otio")).find_clips())
    assert [mark.name for mark in made[1].markers] == ["tree", "hold on the tree"]


def test_a_list_and_a_folder_hold_the_same(given: Batch, tmp_path: Path) -> None:
    """Paths in the list count from where it stands; names follow the template."""
    export(given, ExportOptions(to=tmp_path / "cut.csv"))
    with (tmp_path / "cut.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["id"], row["take"], row["seconds"]) for row in rows] == [
        ("shots.csv.videos/a_take2.mp4", "a", "2", "4.667"),
        ("shots.csv.videos/b_take2.mp4", "b", "2", "5.083"),
        ("shots.csv.videos/c_take2.mp4", "c", "2", "5.5"),
    ]
    to = tmp_path / "edit"
    assert export(given, ExportOptions(to=to, name="{row:04}_{id}"))[0].startswith(f"3 clips in {to} (3 new)")
    assert sorted(path.name for path in to.iterdir()) == ["0002_a.mp4", "0003_b.mp4", "0004_c.mp4", "cut.csv"]
    assert export(given, ExportOptions(to=to, name="{row:04}_{id}"))[0].startswith(f"3 clips in {to} (0 new)")


@pytest.mark.parametrize("name", ["cut.otio", "cut.edl", "cut.fcpxml", "cut.csv"])
def test_a_file_of_somebody_elses_is_not_overwritten_and_one_of_ours_is(
    given: Batch, tmp_path: Path, name: str
) -> None:
    """Exporting again is what an edit does all day."""
    to = tmp_path / name
    to.write_text("mine")
    with pytest.raises(UsageError, match="exists and was not written by an export"):
        export(given, ExportOptions(to=to))
    assert to.read_text() == "mine"
    to.unlink()
    export(given, ExportOptions(to=to))
    choose(given, TakeChoice(named=RowSelection(ids=["a"]), use=1))
    before = to.read_bytes()
    export(given, ExportOptions(to=to))
    assert to.read_bytes() != before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("cut")) == [name]


def test_a_video_that_is_not_on_the_disk_is_told_with_the_command_that_brings_it(tmp_path: Path) -> None:
    """Nothing is written: a cut with a hole in it is none."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service(), RunOptions(concurrency=4))
    bring_down(given, 2)
    with pytest.raises(UsageError, match=r"the video of row 3 \(b\) is not on the disk, .* `kling-batch download"):
        export(given, ExportOptions(to=tmp_path / "cut.otio"))
    (tmp_path / "shots.csv.videos" / "a.mp4").unlink()
    with pytest.raises(UsageError, match=r"the video of row 2 \(a\), row 3 \(b\) is not"):
        export(given, ExportOptions(to=tmp_path / "edit"))
    assert not (tmp_path / "cut.otio").exists()
    assert not (tmp_path / "edit").exists()


def test_rows_without_a_video_are_left_out_and_told(tmp_path: Path) -> None:
    """A night that is not over can be handed over as far as it has come."""
    given = batch(tmp_path, SHOTS)
    with pytest.raises(LedgerError, match="has no ledger yet"):
        export(given, ExportOptions(to=tmp_path / "cut.otio"))
    run_through(given, a_service(), RunOptions(concurrency=4, limit=1))
    bring_down(given)
    assert export(given, ExportOptions(to=tmp_path / "cut.otio"))[1:] == ["left out: rows 3, 4, without a video"]
    with pytest.raises(UsageError, match="marked to be kept, and without a video"):
        export(given, ExportOptions(to=tmp_path / "x.otio", marks=write_marks(tmp_path, "b,3,,keep,,")))
    with pytest.raises(UsageError, match="nothing is kept"):
        export(given, ExportOptions(to=tmp_path / "x.otio", marks=write_marks(tmp_path, "b,3,,,,")))


@pytest.mark.parametrize(
    ("to", "more", "told"),
    [
        ("cut.mov", {}, "write .otio, .edl, .fcpxml, .csv, or a folder's name"),
        ("none/cut.otio", {}, "there is no folder"),
        ("cut.otio", {"link": True}, "--name and --link are for a folder"),
        ("cut.otio", {"name": "{id}"}, "--name and --link are for a folder"),
        ("edit", {"name": "same"}, "would all be called same"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    given: Batch, tmp_path: Path, to: str, more: dict[str, object], told: str
) -> None:
    """Before anything is written."""
    with pytest.raises(UsageError) as error:
        export(given, ExportOptions(to=tmp_path / to, **more))  # type: ignore[arg-type]
    assert told in str(error.value)
    assert not (tmp_path / to).exists()
