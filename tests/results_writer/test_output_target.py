"""Results go into a file that is for them, and into no other: seen from the command line, before anything is spent."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from batch.api import open_batch
from batch.cli.main import main
from batch.commands.manifest_reading import enrol_table
from batch.errors import BatchError
from batch.ledger.ledger import Ledger
from batch.results_writer.overwrite_checks import note_target
from batch.results_writer.writer import ResultsWriter

MINE = "id,prompt,image,note\ns1,a boat,https://x.y/1,x\ns2,a kite,https://x.y/2,\n"
OTHER = MINE.replace("a boat", "a train").replace("s2", "s9")


def with_results(path: Path, text: str, output: Path | None = None) -> None:
    """A table as a run leaves it: our columns in it, its ledger beside it."""
    path.write_text(text)
    batch = open_batch(path, output=output)
    batch.checked_table()
    with Ledger.open(batch.ledger) as ledger:
        note_target(ledger, batch.target)
        enrol_table(batch.manifest, ledger, batch.manifest.open(), 1e9, anew=False)
    ResultsWriter(batch.manifest, batch.ledger, batch.target).save()


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    path = tmp_path / "shots.csv"
    path.write_text(MINE)
    return path


def link(folder: Path) -> Path:
    (folder / "link.csv").symlink_to(folder / "gone" / "x.csv")
    return folder / "link.csv"


def other_without_ledger(folder: Path) -> Path:
    with_results(folder / "other.csv", OTHER)
    (folder / "other.csv.ledger").unlink()
    return folder / "other.csv"


def other_with_ledger(folder: Path) -> Path:
    with_results(folder / "other.csv", MINE)  # the same rows even
    return folder / "other.csv"


def longer(folder: Path) -> Path:
    path = other_without_ledger(folder)
    path.write_text(path.read_text().replace("a train", "a boat").replace("s9", "s2") + "s3,mine,https://x.y/3,y\n")
    return path


def plain(folder: Path) -> Path:
    (folder / "plain.csv").write_text(OTHER)
    return folder / "plain.csv"


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "another manifest with results and a ledger": (other_with_ledger, "ledger of its own"),
    "another manifest whose ledger is lost": (other_without_ledger, "rows are not those of"),
    "results with a row more of the user's": (longer, "rows are not those of"),
    "a table without results": (plain, "holds no results"),
    "a file in a folder that is not there": (lambda folder: folder / "none" / "out.csv", "no folder"),
    "a link into a folder that is not there": (link, "no folder"),
    "a folder": (lambda folder: folder, "is a folder"),
    "the ledger": (lambda folder: folder / "shots.csv.ledger", "the ledger"),
    "the ledger's log": (lambda folder: folder / "shots.csv.ledger-wal", "the ledger"),
    "its lock": (lambda folder: folder / "x" / ".." / "shots.csv.ledger.lock", "the ledger"),
    "a ledger to be": (lambda folder: folder / "next.csv.ledger", "the ledger"),
    "a device": (lambda _: Path(os.devnull), "pipe or device"),
}


@pytest.mark.parametrize("command", ["run", "rerun", "check", "resolve", "cancel"])
@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_not_for_these_results_is_refused_before_anything_is_spent(
    what: str, command: str, shots: Path
) -> None:
    """Exit 2 in a line that says why, and not a byte of anything is changed."""
    make, why = REFUSED[what]
    if command in ("resolve", "cancel"):
        with_results(shots, MINE)
    target = make(shots.parent)
    before = {path: path.read_bytes() for path in shots.parent.iterdir() if path.is_file()}
    ended = CliRunner().invoke(main, [command, str(shots), "--output", str(target)])
    assert (ended.exit_code, why in ended.stderr) == (2, True), ended.stderr
    assert {path: path.read_bytes() for path in shots.parent.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("way", ["symlink", "hard link", "relative"])
def test_the_manifest_by_another_name_is_the_manifest(way: str, shots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results go into it as they do without the option, its own cells are not taken for foreign ones."""
    other = shots.with_name("other.csv")
    if way == "symlink":
        other.symlink_to(shots)
    elif way == "hard link":
        other.hardlink_to(shots)
    else:
        monkeypatch.chdir(shots.parent)
        other = Path("x") / ".." / "shots.csv"
        Path("x").mkdir()
    assert open_batch(shots, output=other).target is None


def test_results_may_be_written_again_whatever_became_of_the_manifest(shots: Path, tmp_path: Path) -> None:
    """The ledger knows its file: rows may have come and gone since; without the note, the same records do."""
    out = tmp_path / "out.csv"
    with_results(shots, MINE, out)
    open_batch(shots, output=out).checked_table()
    shots.write_text(OTHER)
    open_batch(shots, output=out).checked_table()
    shots.with_name("shots.csv.ledger").unlink()
    with pytest.raises(BatchError, match="rows are not those of"):
        open_batch(shots, output=out).checked_table()
    shots.write_text(MINE)
    open_batch(shots, output=out).checked_table()


@pytest.mark.parametrize("text", ["prompt,image,x\na,https://x.y/1\nb,https://x.y/2,c,d,e\n\n", "prompt;image\n=a;b\n"])
def test_ragged_records_are_known_again_among_our_columns(text: str, tmp_path: Path) -> None:
    """Ours stand behind the longest record, so the header has blank names before them."""
    shots, out = tmp_path / "shots.csv", tmp_path / "out.csv"
    with_results(shots, text, out)
    (tmp_path / "shots.csv.ledger").unlink()
    open_batch(shots, output=out).checked_table()


def test_an_empty_name_for_the_results_is_refused_in_python_too(shots: Path) -> None:
    """It would be the manifest in silence."""
    with pytest.raises(BatchError, match="--output"):
        open_batch(shots, output="")
