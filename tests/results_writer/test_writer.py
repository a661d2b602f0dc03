"""Results beside the user's rows: real tables, a real ledger, no service."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.errors import LedgerError, ManifestError
from batch.manifest.loader import Manifest
from batch.manifest.result_columns import ONLY_WITH_TAKES, RESULT_COLUMNS
from batch.results_writer.overwrite_checks import require_ours
from batch.results_writer.writer import ResultsWriter, Saved
from batch.table import open_table
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.sheets import SHOTS, Sheet

NAMES = [name for name in RESULT_COLUMNS if name not in ONLY_WITH_TAKES]

# The table


def test_every_cell_of_the_users_stays_as_it_was(make: Callable[..., Sheet]) -> None:
    """Byte for byte: ours stand behind each record, blank rows get none, quotes and line ends are kept."""
    text = 'note;prompt;image\r\n"00123";"say ""hi"";\n\nbye";https://x.y/1\r\n;;\r\n\r\n1e5;b;https://x.y/2\r\n'
    batch = make(text)
    batch.succeed(batch.rows()[0])
    assert batch.save() == Saved(batch.path)
    ours = "succeeded;https://v/1;;;r1;1;0.49;2001-09-09T01:46:40Z;2001-09-09T01:47:40Z;;;"
    assert batch.path.read_bytes().decode() == (
        f"note;prompt;image;{';'.join(NAMES)}\r\n"
        f'"00123";"say ""hi"";\n\nbye";https://x.y/1;{ours}\r\n'
        ";;;;;;;;;;;;;;\r\n\r\n"
        "1e5;b;https://x.y/2;pending;;;;;;;;;;;\r\n"
    )


def test_saving_again_changes_no_byte_and_does_not_touch_the_file(make: Callable[..., Sheet]) -> None:
    """The second save finds its columns, and that nothing is new."""
    batch = make(SHOTS)
    batch.succeed(1)
    batch.save()
    before, stamp = batch.path.read_bytes(), batch.path.stat().st_mtime_ns
    batch.read()
    batch.save()
    assert batch.path.read_bytes() == before
    assert batch.path.stat().st_mtime_ns == stamp


def test_our_columns_are_filled_where_the_user_moved_them(make: Callable[..., Sheet]) -> None:
    """In place, each under its name, none added."""
    batch = make("status,prompt,video_url,image\n,a,,https://x.y/1\n")
    batch.succeed(1)
    batch.save()
    batch.save()
    assert batch.path.read_text().splitlines()[1].startswith("succeeded,a,https://v/1,https://x.y/1,")
    assert open_table(batch.path).columns.count("status") == 1


def test_each_video_stands_beside_its_own_row_after_edits_during_the_run(make: Callable[..., Sheet]) -> None:
    """Sorted, with a row inserted and one deleted while the batch runs; the edits are kept."""
    batch = make(SHOTS + "d,https://x.y/4,fourth\n")
    for row in batch.rows():
        batch.succeed(row)
    lines = SHOTS.splitlines()
    edited = [lines[0], "d,https://x.y/4,fourth", "new,https://x.y/5,fifth", lines[3], lines[1]]
    batch.path.write_text("\n".join(edited) + "\n")
    batch.save()
    assert batch.column("note") == ["fourth", "fifth", "third", "first"]
    assert batch.column("video_url") == ["https://v/4", "", "https://v/3", "https://v/1"]
    assert batch.column("status") == ["succeeded", "pending", "succeeded", "succeeded"]


def test_identical_takes_keep_their_videos_when_the_sheet_is_sorted(make: Callable[..., Sheet]) -> None:
    """They differ in the user's own column only; the request id beside them says which is which."""
    batch = make("prompt,image,take\na,https://x.y/1,1\na,https://x.y/1,2\n")
    for row in batch.rows():
        batch.succeed(row)
    batch.save()
    header, one, two = batch.path.read_text().splitlines()
    batch.path.write_text("\n".join([header, two, one]) + "\n")
    before = batch.path.read_bytes()
    batch.read()
    batch.save()
    assert batch.path.read_bytes() == before


def test_a_formula_in_a_message_is_made_harmless(make: Callable[..., Sheet]) -> None:
    """What the service says must not run in a spreadsheet, nor break the lines of the file."""
    batch = make(SHOTS)
    batch.fail(1, message='=HYPERLINK("https://evil")\nand more')
    batch.save()
    assert batch.column("error")[0].startswith("'=HYPERLINK")
    assert len(batch.path.read_text().splitlines()) == 4


def test_parquet_gets_typed_columns_and_keeps_its_own(tmp_path: Path) -> None:
    """The user's types, values and metadata come back; ours are numbers and times."""
    path = tmp_path / "shots.parquet"
    mine = pa.table(
        {"prompt": ["a", "b"], "image": ["https://x.y/1", "https://x.y/2"], "n": pa.array([1, None], pa.int8())},
        metadata={"author": "me"},
    )
    pq.write_table(mine, path)
    batch = Sheet(path)
    batch.read()
    batch.succeed(1)
    for _ in range(2):
        batch.save()
        there = pq.read_table(path)
        assert there.select(mine.column_names).equals(mine)
        assert there.schema.metadata[b"author"] == b"me"
        assert there.column("status").to_pylist() == ["succeeded", "pending"]
        assert there.column("attempts").to_pylist() == [1, None]
        assert str(there.column("cost_usd")[0].as_py()).startswith("0.49")
        assert there.column("finished_at")[0].as_py().timestamp() == 1e9 + 60
        batch.read()
    batch.ledger.close()


# Elsewhere


def test_results_that_go_to_another_file_leave_the_manifest_alone(make: Callable[..., Sheet], tmp_path: Path) -> None:
    """Not a byte, not its time."""
    target = tmp_path / "out.csv"
    batch = make(SHOTS, target=target)
    before, stamp = batch.path.read_bytes(), batch.path.stat().st_mtime_ns
    batch.succeed(2)
    for _ in range(2):
        assert batch.save() == Saved(target)
        require_ours(target, batch.manifest)
    assert batch.path.read_bytes() == before
    assert batch.path.stat().st_mtime_ns == stamp
    assert batch.column("video_url", target) == ["", "https://v/2", ""]


def test_a_prefix_names_our_columns_otherwise(make: Callable[..., Sheet]) -> None:
    """And the user's columns of those names are the user's."""
    batch = make("prompt,image,status,error\na,https://x.y/1,approved,too dark\n", prefix="kling_")
    batch.succeed(1)
    batch.save()
    assert (batch.column("status"), batch.column("error")) == (["approved"], ["too dark"])
    assert batch.column("kling_status") == ["succeeded"]


@pytest.mark.parametrize("column", [name for name in NAMES if name != "status"])
def test_a_column_of_the_users_that_has_our_name_is_never_overwritten(
    make: Callable[..., Sheet], column: str, tmp_path: Path
) -> None:
    """Whichever of ours it is, and whether or not the row asks for anything: refused before anything is spent."""
    for number, line in enumerate(["a,https://x.y/1,mine", ",,mine"]):
        with pytest.raises(ManifestError, match=rf"row 3, column {column}: "):
            make(f"prompt,image,{column}\nfirst,https://x.y/1,\n{line}\n", name=f"{number}.csv")
        assert "mine" in (tmp_path / f"{number}.csv").read_text()


def test_a_table_that_cannot_be_written_is_left_and_said_so(make: Callable[..., Sheet]) -> None:
    """The results stand beside it, all of them, and in it as soon as that is possible again."""
    batch = make(SHOTS)
    batch.succeed(1)
    before = batch.path.read_bytes()
    batch.path.with_name(f".{batch.path.name}.kling-batch.tmp").mkdir()  # refuses root, too
    saved = batch.save()
    beside = batch.path.with_name("shots.results.csv")
    assert saved.path == beside
    assert "cannot be written" in (saved.trouble or "")
    assert batch.path.read_bytes() == before
    assert batch.column("video_url", beside) == ["https://v/1", "", ""]
    batch.path.with_name(f".{batch.path.name}.kling-batch.tmp").rmdir()
    assert batch.save() == Saved(batch.path)


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anything"
)
def test_a_read_only_table_is_left_alone(make: Callable[..., Sheet]) -> None:
    """A rename would not mind; the person who made it so would."""
    batch = make(SHOTS)
    batch.path.chmod(0o444)
    assert batch.save().path.name == "shots.results.csv"


def test_a_file_of_the_users_beside_the_table_is_not_overwritten(make: Callable[..., Sheet]) -> None:
    """Where even the results' own place is taken, that is said; the ledger has everything."""
    batch = make(SHOTS)
    beside = batch.path.with_name("shots.results.csv")
    beside.write_text("my,own\n1,2\n")
    batch.path.with_name(f".{batch.path.name}.kling-batch.tmp").mkdir()
    with pytest.raises(ManifestError, match="Nothing is lost"):
        batch.save()
    assert beside.read_text() == "my,own\n1,2\n"


def test_a_remark_typed_into_our_columns_during_the_run_is_kept(make: Callable[..., Sheet]) -> None:
    """The table is left as it is, the night's results stand beside it, and the reason is told."""
    batch = make(SHOTS)
    batch.save()
    batch.succeed(1)
    typed = batch.path.read_text().replace("second,pending", "second,approved")
    batch.path.write_text(typed)
    saved = batch.save()
    assert "row 3, column status: 'approved'" in (saved.trouble or "")
    assert batch.path.read_text() == typed
    assert batch.column("video_url", saved.path) == ["https://v/1", "", ""]


def test_a_table_that_is_gone_is_said_in_one_line(make: Callable[..., Sheet]) -> None:
    """With the comfort that nothing is lost."""
    batch = make(SHOTS)
    batch.path.unlink()
    with pytest.raises(ManifestError, match=r"cannot be read .*Nothing is lost"):
        batch.save()


def test_a_table_that_changes_while_it_is_merged_is_merged_again(
    make: Callable[..., Sheet], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's save between our reading and our writing wins, and our cells come on top."""
    batch = make(SHOTS)
    batch.succeed(1)
    edits = iter(["FIRST", "First"])

    def meddle(real: Callable[[Manifest], object]) -> Callable[[Manifest], object]:
        def opened(manifest: Manifest) -> object:
            table = real(manifest)
            if (word := next(edits, None)) is not None:
                manifest.path.write_text(SHOTS.replace("first", word))
                os.utime(manifest.path, ns=(1, len(word)))
            return table

        return opened

    monkeypatch.setattr(Manifest, "open", meddle(Manifest.open))
    assert batch.save() == Saved(batch.path)
    assert batch.column("note")[0] == "First"
    assert batch.column("video_url")[0] == "https://v/1"


def test_a_damaged_ledger_is_said_in_one_line_and_the_table_left(make: Callable[..., Sheet]) -> None:
    """No traceback, no half-filled table."""
    batch = make(SHOTS)
    batch.ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    batch.ledger.close()
    whole = batch.at.read_bytes()
    batch.at.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(LedgerError, match="cannot be used"):
        batch.save()
    assert batch.path.read_text() == SHOTS


def test_a_ledger_that_is_not_there_yet_shows_every_row_as_waiting(tmp_path: Path) -> None:
    """Saving needs none."""
    path = tmp_path / "shots.csv"
    path.write_text(SHOTS)
    manifest = Manifest(path=path, job=JOB, prices=JOB.prices)
    ResultsWriter(manifest, tmp_path / "none").save()
    assert [record.cells[3] for record in open_table(path).records()] == ["pending"] * 3
    assert not (tmp_path / "none").exists()
