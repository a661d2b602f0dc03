"""Results beside the user's rows, and which rows are run again: real tables, a real ledger, no service."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import anyio
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.commands.rerun import Selection
from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State
from batch.errors import LedgerError, ManifestError, UsageError
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.manifest.loader import Manifest
from batch.manifest.result_columns import RESULT_COLUMNS
from batch.results_writer.autosave import Autosave
from batch.results_writer.overwrite_checks import refuse_foreign_columns, require_ours
from batch.results_writer.writer import ResultsWriter, Saved
from batch.table import open_table
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.simulated import play

PRICE = 490_000
NAMES = list(RESULT_COLUMNS)


class Batch:
    """A table and its ledger beside it."""

    def __init__(self, table: Path, target: Path | None = None, prefix: str = "") -> None:
        self.path = table
        self.target = target
        self.manifest = Manifest(path=table, job=JOB, prices=JOB.prices, prefix=prefix, reads_own=target is None)
        self.at = table.with_name(table.name + ".ledger")
        self.ledger = Ledger.open(self.at)
        self.requests = count(1)

    def read(self) -> None:
        match(self.ledger, self.manifest.plan(self.manifest.open()))
        enrol(self.ledger, 1.0, new=True)

    def rows(self) -> list[int]:
        return [row for (row,) in self.ledger.db.execute("SELECT row FROM sheet ORDER BY place")]

    def succeed(self, row: int) -> None:
        name = f"r{next(self.requests)}"
        self.ledger.apply(row, states.claimed(1e9, None, PRICE))
        self.ledger.apply(row, states.accepted(1e9, Receipt(name, "https://s", "https://r", "https://c")))
        self.ledger.apply(row, states.succeeded(1e9 + 60, "{}", f"https://v/{row}", PRICE))

    def fail(self, row: int, kind: str = "content_policy_violation", message: str = "no") -> None:
        self.ledger.apply(row, states.claimed(1e9, None, PRICE))
        self.ledger.apply(row, states.refused(1e9, kind, message))

    def save(self) -> Saved:
        return ResultsWriter(self.manifest, self.at, self.target).save()

    def column(self, name: str, path: Path | None = None) -> list[str]:
        table = open_table(path or self.path)
        at = table.columns.index(name)
        return [record.cells[at] for record in table.records()]

    def mark(self, selection: Selection) -> None:
        with self.ledger.transaction():
            selection.mark(self.ledger, 2e9)

    def pending(self) -> list[int]:
        return [work.number for work in self.ledger.pending_rows(-1, 99)]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Batch]]:
    made: list[Batch] = []

    def batch(text: str, name: str = "shots.csv", **more: object) -> Batch:
        path = tmp_path / name
        path.write_bytes(text.encode())
        made.append(Batch(path, **more))  # type: ignore[arg-type]
        made[-1].read()
        return made[-1]

    yield batch
    for one in made:
        one.ledger.close()


SHOTS = "prompt,image,note\na,https://x.y/1,first\nb,https://x.y/2,second\nc,https://x.y/3,third\n"

# The table


def test_every_cell_of_the_users_stays_as_it_was(make: Callable[..., Batch]) -> None:
    """Byte for byte: ours stand behind each record, blank rows get none, quotes and line ends are kept."""
    text = 'note;prompt;image\r\n"00123";"say ""hi"";\n\nbye";https://x.y/1\r\n;;\r\n\r\n1e5;b;https://x.y/2\r\n'
    batch = make(text)
    batch.succeed(batch.rows()[0])
    assert batch.save() == Saved(batch.path)
    ours = "succeeded;https://v/1;;;r1;1;0.49;2001-09-09T01:46:40Z;2001-09-09T01:47:40Z"
    assert batch.path.read_bytes().decode() == (
        f"note;prompt;image;{';'.join(NAMES)}\r\n"
        f'"00123";"say ""hi"";\n\nbye";https://x.y/1;{ours}\r\n'
        ";;;;;;;;;;;\r\n\r\n"
        "1e5;b;https://x.y/2;pending;;;;;;;;\r\n"
    )


def test_saving_again_changes_no_byte_and_does_not_touch_the_file(make: Callable[..., Batch]) -> None:
    """The second save finds its columns, and that nothing is new."""
    batch = make(SHOTS)
    batch.succeed(1)
    batch.save()
    before, stamp = batch.path.read_bytes(), batch.path.stat().st_mtime_ns
    batch.read()
    batch.save()
    assert batch.path.read_bytes() == before
    assert batch.path.stat().st_mtime_ns == stamp


def test_our_columns_are_filled_where_the_user_moved_them(make: Callable[..., Batch]) -> None:
    """In place, each under its name, none added."""
    batch = make("status,prompt,video_url,image\n,a,,https://x.y/1\n")
    batch.succeed(1)
    batch.save()
    batch.save()
    assert batch.path.read_text().splitlines()[1].startswith("succeeded,a,https://v/1,https://x.y/1,")
    assert open_table(batch.path).columns.count("status") == 1


def test_each_video_stands_beside_its_own_row_after_edits_during_the_run(make: Callable[..., Batch]) -> None:
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


def test_identical_takes_keep_their_videos_when_the_sheet_is_sorted(make: Callable[..., Batch]) -> None:
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


def test_an_edited_row_says_that_it_is_stale(make: Callable[..., Batch]) -> None:
    """With its video still beside it and what to do."""
    batch = make(SHOTS)
    batch.succeed(1)
    batch.save()
    batch.path.write_text(batch.path.read_text().replace("\na,", "\nanother,"))
    batch.read()
    batch.save()
    assert batch.column("status")[0] == "stale"
    assert batch.column("video_url")[0] == "https://v/1"
    assert "run --stale" in batch.column("error")[0]


def test_every_state_has_its_word_and_its_reason(make: Callable[..., Batch]) -> None:
    """What may have been paid for counts as cost, and what an earlier try left behind is not shown."""
    prompts = ["pending", "submitting", "submitted", "in_doubt", "succeeded", "failed", "cancelled", "again"]
    batch = make("prompt,image\n" + "".join(f"{prompt},https://x.y/1\n" for prompt in prompts) + ",https://x.y/1\n")
    apply = batch.ledger.apply
    for row in (2, 3, 4, 8):
        apply(row, states.claimed(1e9, None, PRICE))
    for row in (3, 8):
        apply(row, states.accepted(1e9, Receipt(f"q{row}", "https://s", "https://r", "https://c")))
    apply(8, states.another_try(1e9, "internal_server_error", "broke", 0))
    apply(4, states.reply_lost(1e9, "the reply was lost"))
    batch.succeed(5)
    batch.fail(6, message="a hat")
    apply(7, states.cancelled(State.PENDING, 1e9, 0))
    batch.save()
    assert batch.column("status") == [
        *("pending", "submitted", "submitted", "in_doubt", "succeeded", "failed", "cancelled", "pending", "invalid")
    ]
    assert batch.column("error") == [
        *("", "", "", "it may have been paid for: the reply was lost", "", "a hat", "taken back", ""),
        "prompt: is empty: a row needs a text here",
    ]
    assert batch.column("error_type")[3:7] == ["reply_lost", "", "content_policy_violation", "cancelled"]
    assert batch.column("request_id") == ["", "", "q3", "", "r1", "", "", "", ""]
    assert batch.column("cost_usd") == ["", "", "", "0.49", "0.49", "0.00", "0.00", "", ""]
    assert batch.column("attempts") == ["", "1", "1", "1", "1", "1", "", "1", ""]


def test_a_formula_in_a_message_is_made_harmless(make: Callable[..., Batch]) -> None:
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
    batch = Batch(path)
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


def test_results_that_go_to_another_file_leave_the_manifest_alone(make: Callable[..., Batch], tmp_path: Path) -> None:
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


def test_a_file_that_holds_no_results_of_ours_is_not_replaced(make: Callable[..., Batch], tmp_path: Path) -> None:
    """`--output` names it by mistake."""
    batch = make(SHOTS)
    other = tmp_path / "mine.csv"
    other.write_text("precious,status\n1,2\n")
    with pytest.raises(ManifestError, match=r"mine\.csv exists and holds no results .* --output"):
        require_ours(other, batch.manifest)


def test_columns_of_our_names_with_values_are_refused_where_results_go_to_a_copy(make: Callable[..., Batch]) -> None:
    """They would be missing in the copy; those of an earlier run, and empty ones, are no hindrance."""
    batch = make(SHOTS)
    batch.save()
    refuse_foreign_columns(batch.manifest, batch.manifest.open())
    batch.path.write_text("prompt,image,status,error\na,https://x.y/1,,\nb,https://x.y/1,,too dark\n")
    with pytest.raises(ManifestError, match="row 3, column error: 'too dark'"):
        refuse_foreign_columns(batch.manifest, batch.manifest.open())


def test_a_prefix_names_our_columns_otherwise(make: Callable[..., Batch]) -> None:
    """And the user's columns of those names are the user's."""
    batch = make("prompt,image,status,error\na,https://x.y/1,approved,too dark\n", prefix="kling_")
    batch.succeed(1)
    batch.save()
    assert (batch.column("status"), batch.column("error")) == (["approved"], ["too dark"])
    assert batch.column("kling_status") == ["succeeded"]


@pytest.mark.parametrize("column", [name for name in NAMES if name != "status"])
def test_a_column_of_the_users_that_has_our_name_is_never_overwritten(
    make: Callable[..., Batch], column: str, tmp_path: Path
) -> None:
    """Whichever of ours it is, and whether or not the row asks for anything: refused before anything is spent."""
    for number, line in enumerate(["a,https://x.y/1,mine", ",,mine"]):
        with pytest.raises(ManifestError, match=rf"row 3, column {column}: "):
            make(f"prompt,image,{column}\nfirst,https://x.y/1,\n{line}\n", name=f"{number}.csv")
        assert "mine" in (tmp_path / f"{number}.csv").read_text()


def test_a_table_that_cannot_be_written_is_left_and_said_so(make: Callable[..., Batch]) -> None:
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
def test_a_read_only_table_is_left_alone(make: Callable[..., Batch]) -> None:
    """A rename would not mind; the person who made it so would."""
    batch = make(SHOTS)
    batch.path.chmod(0o444)
    assert batch.save().path.name == "shots.results.csv"


def test_a_file_of_the_users_beside_the_table_is_not_overwritten(make: Callable[..., Batch]) -> None:
    """Where even the results' own place is taken, that is said; the ledger has everything."""
    batch = make(SHOTS)
    beside = batch.path.with_name("shots.results.csv")
    beside.write_text("my,own\n1,2\n")
    batch.path.with_name(f".{batch.path.name}.kling-batch.tmp").mkdir()
    with pytest.raises(ManifestError, match="Nothing is lost"):
        batch.save()
    assert beside.read_text() == "my,own\n1,2\n"


def test_a_remark_typed_into_our_columns_during_the_run_is_kept(make: Callable[..., Batch]) -> None:
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


def test_a_table_that_is_gone_is_said_in_one_line(make: Callable[..., Batch]) -> None:
    """With the comfort that nothing is lost."""
    batch = make(SHOTS)
    batch.path.unlink()
    with pytest.raises(ManifestError, match=r"cannot be read .*Nothing is lost"):
        batch.save()


def test_a_table_that_changes_while_it_is_merged_is_merged_again(
    make: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
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


def test_a_damaged_ledger_is_said_in_one_line_and_the_table_left(make: Callable[..., Batch]) -> None:
    """No traceback, no half-filled table."""
    batch = make(SHOTS)
    batch.ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    batch.ledger.close()
    whole = batch.at.read_bytes()
    batch.at.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(LedgerError, match="cannot be used"):
        batch.save()
    assert batch.path.read_text() == SHOTS


# Which rows are run again

MIXED = "prompt,image,id\n" + "".join(
    f"{one},https://x.y/1,{one}\n" for one in ("ok", "bad", "worse", "off", "doubt", "new")
)


@pytest.fixture
def mixed(make: Callable[..., Batch]) -> Batch:
    """Rows 2 to 7: with its video, failed, failed otherwise, cancelled, in doubt, pending."""
    batch = make(MIXED)
    batch.succeed(1)
    batch.fail(2)
    batch.fail(3, "image_too_small")
    batch.ledger.apply(4, states.cancelled(State.PENDING, 1e9, 0))
    batch.ledger.apply(5, states.claimed(1e9, None, PRICE))
    batch.ledger.apply(5, states.reply_lost(1e9, "cut"))
    batch.read()
    return batch


@pytest.mark.parametrize(
    ("selection", "pending"),
    [
        (Selection(), [3, 4, 5, 7]),
        (Selection(error_types=["image_too_small"]), [4, 7]),
        (Selection(error_types=["image_too_small", "cancelled"]), [4, 5, 7]),
        (Selection(error_types=["no such kind"]), [7]),
        (Selection(numbers=[3]), [3, 7]),
        (Selection(ids=["worse", " off "]), [4, 5, 7]),
        (Selection(ids=["worse"], numbers=[3]), [3, 4, 7]),
        (Selection(numbers=[7]), [7]),
        (Selection(failed=False, stale=True), [7]),
    ],
)
def test_what_is_asked_for_is_run_again_and_nothing_else(
    mixed: Batch, selection: Selection, pending: list[int]
) -> None:
    """All that failed, by kind, by row or by id."""
    mixed.mark(selection)
    assert mixed.pending() == pending


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(numbers=[2]), "--row 2: the row has its video"),
        (Selection(numbers=[3, 6]), "--row 6: the row is in_doubt: it may be paid for already"),
        (Selection(numbers=[3, 99]), "--row 99: the table has no such row"),
        (Selection(numbers=[1]), "--row 1: the table has no such row"),
        (Selection(ids=["bad", "ok"]), "--id ok: the row has its video"),
        (Selection(ids=["bad", "nobody"]), "--id nobody: the table has no such row"),
        (Selection(numbers=[2], stale=True), "--row 2: the row has its video"),
    ],
)
def test_a_named_row_that_cannot_be_run_again_stops_it_all(mixed: Batch, selection: Selection, said: str) -> None:
    """A slip of the finger buys nothing; the other named rows stay as they were, too."""
    before = mixed.ledger.db.execute("SELECT * FROM row").fetchall()
    with pytest.raises(UsageError) as caught:
        mixed.mark(selection)
    assert str(caught.value).startswith(said)
    assert mixed.ledger.db.execute("SELECT * FROM row").fetchall() == before


def test_a_named_row_that_is_invalid_says_what_is_wrong_with_it(make: Callable[..., Batch]) -> None:
    """Also one that was never fit to be sent."""
    batch = make("prompt,image,id\n,https://x.y/1,s1\n")
    for selection in (Selection(numbers=[2]), Selection(ids=["s1"])):
        with pytest.raises(UsageError, match=r"cannot be run as it is \(prompt: is empty"):
            batch.mark(selection)


def test_a_stale_row_is_bought_with_what_it_says_now(make: Callable[..., Batch]) -> None:
    """Not with the inputs of the video that it has; and only where that is asked for."""
    batch = make("prompt,image,id,duration\nold,https://x.y/1,s1,5\n")
    batch.succeed(1)
    batch.path.write_text("prompt,image,id,duration\nnew,https://x.y/1,s1,10\n")
    batch.read()
    batch.mark(Selection())
    assert batch.pending() == []
    with pytest.raises(UsageError, match="edited since: add --stale"):
        batch.mark(Selection(numbers=[2]))
    batch.mark(Selection(failed=False, stale=True))
    (work,) = batch.ledger.pending_rows(-1, 9)
    assert work.arguments == {"prompt": "new", "image_url": "https://x.y/1", "duration": "10"}
    assert work.price == 980_000
    batch.save()
    assert (batch.column("status"), batch.column("video_url")) == (["pending"], [""])
    assert batch.ledger.db.execute("SELECT edited FROM sheet").fetchall() == [(0,)]


def test_what_was_spent_on_a_row_is_kept_when_it_is_run_again(mixed: Batch) -> None:
    """Its tries begin anew, its cost does not."""
    mixed.ledger.db.execute("UPDATE row SET spent = 7 WHERE id = 2")
    mixed.mark(Selection(numbers=[3]))
    assert mixed.ledger.db.execute("SELECT spent, tries, attempts, kind FROM row WHERE id = 2").fetchone() == (
        7,
        0,
        1,
        None,
    )


def test_a_ledger_that_is_not_there_yet_shows_every_row_as_waiting(tmp_path: Path) -> None:
    """Saving needs none."""
    path = tmp_path / "shots.csv"
    path.write_text(SHOTS)
    manifest = Manifest(path=path, job=JOB, prices=JOB.prices)
    ResultsWriter(manifest, tmp_path / "none").save()
    assert [record.cells[3] for record in open_table(path).records()] == ["pending"] * 3
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("rows", "seconds"), [(3, 30.0), (1_000_000, 1000.0)])
def test_the_longer_a_table_the_later_it_is_saved_first(make: Callable[..., Batch], rows: int, seconds: float) -> None:
    """A million rows take twenty seconds to write, which is to be a fiftieth of the time from the beginning."""
    batch = make(SHOTS)
    batch.succeed(1)
    saver = Autosave(ResultsWriter(batch.manifest, batch.at), pytest.fail)

    async def run(until: float) -> None:
        with anyio.move_on_after(until):
            await saver.keep(lambda: 1, rows)

    play(partial(run, seconds - 1))
    assert batch.path.read_text() == SHOTS
    play(partial(run, seconds + 1))
    assert "https://v/1" in batch.path.read_text()
