"""A run put together and ended: real table, ledger and results; the service simulated on a mock clock."""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xlsxwriter

from batch.commands.batch import Batch, open_batch
from batch.commands.manifest_reading import READS
from batch.commands.rerun import Selection
from batch.core import states
from batch.core.gateway import Gateway, Unclear
from batch.core.run_options import RunOptions
from batch.core.states import Status
from batch.errors import Exit, LedgerLost, ManifestError, MissingKey, UsageError
from batch.files.atomic import Replacement
from batch.ledger.ledger import Ledger
from batch.manifest.loader import Manifest
from batch.results_writer.autosave import Autosave
from batch.sandbox.outcomes import model_error
from batch.table import Table, open_table
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.runs import PricedService, a_service, reaching, run_through, told
from tests.support.sheets import COLUMN_LINES, PRICE, SHOTS, batch
from tests.support.simulated import Service


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each time that a manifest is opened."""
    found: list[Path] = []
    really = Manifest.open

    def counted(manifest: Manifest) -> Table:
        found.append(manifest.path)
        return really(manifest)

    monkeypatch.setattr(Manifest, "open", counted)
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each SQL statement is put to any ledger, and how often one is opened for reading."""
    found: Counter[str] = Counter()
    really = sqlite3.connect

    def traced(database: str, **options: Any) -> sqlite3.Connection:
        connection = really(database, **options)
        found["opened for reading"] += "mode=ro" in database
        connection.set_trace_callback(lambda text: found.update([text]))
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return found


def summed_up(asked: Counter[str]) -> int:
    """How often the whole ledger was counted by state."""
    return sum(times for text, times in asked.items() if text.startswith("SELECT state, COUNT(*), SUM(EXISTS"))


# What is read how often


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_manifest_is_opened_once_before_anything_is_submitted(
    tmp_path: Path, opened: list[Path], elsewhere: bool
) -> None:
    """Also where results go elsewhere, and it is looked through for columns of the user's first."""
    given = batch(tmp_path, SHOTS)
    given = replace(given, target=tmp_path / "out.csv" if elsewhere else None)
    service = a_service()
    seen: list[int] = []

    @asynccontextmanager
    async def connect(_: Batch) -> AsyncIterator[Service]:
        seen.append(len(opened))
        yield service

    assert run_through(given, service, connect=connect).exit_code is Exit.DONE
    assert seen == [1]


def test_the_ledger_is_summed_up_once_before_the_run_and_once_after(tmp_path: Path, asked: Counter[str]) -> None:
    """There may be a million rows; once more only where fal's price changed what they cost."""
    run_through(batch(tmp_path, SHOTS), a_service())
    assert summed_up(asked) == 2
    asked.clear()
    run_through(batch(tmp_path, SHOTS, "priced.csv"), PricedService(a_service().queue, price=told("0.2")))
    assert summed_up(asked) == 3


def test_a_run_with_nothing_to_do_reads_the_ledger_once_more_and_asks_nobody(
    tmp_path: Path, asked: Counter[str], opened: list[Path]
) -> None:
    """The table is known by its bytes: it is neither matched nor written, and no gateway is opened."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service())
    stamp = given.manifest.path.stat().st_mtime_ns
    asked.clear()
    opened.clear()

    def connect(_: Batch) -> Any:
        pytest.fail("a gateway was opened")

    outcome = run_through(given, a_service(), connect=connect)
    assert (outcome.exit_code, outcome.spent_now) == (Exit.DONE, 0)
    assert (asked["opened for reading"], len(opened)) == (1, 3)
    assert not [text for text in asked if "temp.incoming" in text]
    assert given.manifest.path.stat().st_mtime_ns == stamp


# What is refused before anything is spent


@pytest.mark.parametrize(
    ("text", "numbers"), [("prompt\na\n", ()), (SHOTS, (99,)), ("prompt,image,status\na,https://x.y/1,mine\n", ())]
)
def test_a_first_run_that_is_refused_leaves_no_ledger_behind(
    tmp_path: Path, text: str, numbers: tuple[int, ...]
) -> None:
    """A column that lacks, a row that is not there, a value of the user's: the next run begins from nothing."""
    given, service = batch(tmp_path, text), a_service()
    with pytest.raises((ManifestError, UsageError)):
        run_through(given, service, mark=Selection(numbers=numbers).mark if numbers else None)
    assert not [path for path in tmp_path.iterdir() if path.suffix not in (".csv", ".lock")]
    assert (given.manifest.path.read_text(), service.asked.total()) == (text, 0)


def test_a_first_run_without_a_key_leaves_no_ledger_behind(tmp_path: Path) -> None:
    """Nor does anything else that is in its way before it submits; a ledger that was there is kept."""
    given = batch(tmp_path, SHOTS)

    @asynccontextmanager
    async def keyless(_: Batch) -> AsyncIterator[Gateway]:
        raise MissingKey("no fal key")
        yield  # type: ignore[unreachable]

    def left() -> list[str]:
        return sorted(path.name for path in tmp_path.iterdir())

    with pytest.raises(MissingKey):
        run_through(given, a_service(), connect=keyless)
    assert left() == ["shots.csv", "shots.csv.ledger.lock"]
    run_through(given, a_service(), RunOptions(limit=1))
    with pytest.raises(MissingKey):
        run_through(given, a_service(), connect=keyless)
    assert left() == ["shots.csv", "shots.csv.ledger", "shots.csv.ledger.lock"]


@pytest.mark.parametrize(
    "selection", [Selection(), Selection(error_types=["generation_timeout"]), Selection(numbers=[2])]
)
def test_a_rerun_of_a_table_that_was_never_run_buys_nothing(tmp_path: Path, selection: Selection) -> None:
    """There is nothing to run again; and `run --stale` is a run."""
    given, service = batch(tmp_path, SHOTS), a_service()
    with pytest.raises(UsageError, match="nothing of this table was run yet"):
        run_through(given, service, mark=selection.mark)
    assert service.asked.total() == 0
    assert not given.ledger.exists()
    assert run_through(given, service, mark=Selection(failed=False, stale=True).mark).exit_code is Exit.DONE


def kept(path: Path) -> list[list[tuple[Any, ...]]]:
    """What a ledger has of its rows, their requests and all that happened to them."""
    with Ledger.read(path) as ledger:
        return [ledger.db.execute(f"SELECT * FROM {name}").fetchall() for name in ("row", "request", "event")]


def test_a_later_run_that_is_refused_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    """It knows what was paid for."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service())
    before = kept(given.ledger)
    whole = given.manifest.path.read_text()
    given.manifest.path.write_text(whole.replace("prompt,image", "text,picture"))
    with pytest.raises(ManifestError):
        run_through(given, a_service())
    given.manifest.path.write_text(whole)
    with pytest.raises(UsageError, match="the row has its video"):
        run_through(given, a_service(), mark=Selection(numbers=[2]).mark)
    assert kept(given.ledger) == before


def test_results_that_would_overwrite_something_are_refused_before_the_ledger_is_made(tmp_path: Path) -> None:
    """And before the lock."""
    given = batch(tmp_path, SHOTS)
    (tmp_path / "mine.csv").write_text("precious\n1\n")
    with pytest.raises(ManifestError, match="holds no results"):
        run_through(replace(given, target=tmp_path / "mine.csv"), a_service())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.csv", "shots.csv"]


@pytest.mark.parametrize("changes", [1, READS - 1, READS])
def test_a_table_that_is_saved_while_it_is_read_is_read_again_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: int
) -> None:
    """What stands there in the end counts; one that never stands still is refused, and nothing is bought."""
    given, service = batch(tmp_path, SHOTS), a_service()
    saves = iter(range(changes))
    really = Manifest.open

    def meddle(manifest: Manifest) -> Table:
        table = really(manifest)
        if (nth := next(saves, None)) is not None:
            manifest.path.write_text(f"prompt,image\n{'x' * (nth + 1)},https://x.y/1\n")
        return table

    monkeypatch.setattr(Manifest, "open", meddle)
    if changes < READS:
        assert run_through(given, service).exit_code is Exit.DONE
        assert [one.input["prompt"] for one in service.queue.requests] == ["x" * changes]
    else:
        with pytest.raises(ManifestError, match="is being written by another program all the time"):
            run_through(given, service)
        assert service.asked.total() == 0
        assert not given.ledger.exists()


# Proven before spending


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("name", ["shots.csv", "shots.parquet", "shots.xlsx"])
def test_the_table_is_written_and_read_back_before_the_first_submit(tmp_path: Path, name: str, elsewhere: bool) -> None:
    """Every row is pending in it by then, of any form of table, and where results go elsewhere."""
    given = proving(tmp_path, name, elsewhere)
    seen: list[list[str]] = []

    def on_submit(_: int) -> None:
        table = open_table(given.table)
        at = table.columns.index("status")
        seen.append([record.cells[at] for record in table.records()])

    assert run_through(given, a_service(on_submit=on_submit)).exit_code is Exit.DONE
    assert seen == [["pending"] * 3] * 3


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("name", ["shots.csv", "shots.parquet"])
def test_what_cannot_be_written_back_is_not_bought(
    tmp_path: Path, name: str, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is as it was, nothing stands beside it but a lock, and nothing was asked of the service."""
    given = proving(tmp_path, name, elsewhere)
    before = given.manifest.path.read_bytes()
    really = Replacement.write

    def harmed(self: Replacement, data: Any) -> int:
        return really(self, bytes(data).replace(b"pending", b"pendant"))

    monkeypatch.setattr(Replacement, "write", harmed)
    service = a_service()
    with pytest.raises(ManifestError, match=r"cannot be read back as it was .*Nothing was submitted$"):
        run_through(given, service)
    assert service.asked["submit"] == 0
    assert given.manifest.path.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {name, f"{name}.ledger.lock"}
    assert not given.target or not given.target.exists()
    monkeypatch.undo()
    assert run_through(given, service).exit_code is Exit.DONE
    assert service.asked["submit"] == 3


def test_a_table_that_is_locked_is_proven_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results that go beside the table are no reason to refuse a night; where is said before the first submit."""
    given = batch(tmp_path, SHOTS)
    monkeypatch.setattr("batch.files.atomic.os.access", lambda path, _: Path(path).name != "shots.csv")
    said: list[str] = []
    told: list[int] = []
    service = a_service(on_submit=lambda _: told.append(sum("shots.results.csv" in line for line in said)))
    assert run_through(given, service, say=said.append).exit_code is Exit.DONE
    assert told == [1] * 3


def test_a_run_that_has_only_to_bring_home_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is paid for is brought home whatever the table is like."""
    given, service = batch(tmp_path, SHOTS), a_service(run_seconds=500.0)
    given = replace(given, manifest=replace(given.manifest, job=replace(JOB, typical_seconds=5.0)))
    run_through(given, service, RunOptions(concurrency=4, max_seconds=100.0))
    assert service.asked["submit"] == 3
    monkeypatch.setattr(Autosave, "first", lambda _: pytest.fail("nothing is to be bought"))
    assert run_through(given, service).exit_code is Exit.DONE


def proving(folder: Path, name: str, elsewhere: bool) -> Batch:
    """A batch of this form of table, the results in it or elsewhere."""
    given = batch(folder, SHOTS)
    if name.endswith(".parquet"):
        frame = pd.read_csv(given.manifest.path)
        given.manifest.path.unlink()
        frame.to_parquet(folder / name)
    if name.endswith(".xlsx"):
        write_workbook(pd.read_csv(given.manifest.path), folder / name)
        given.manifest.path.unlink()
    target = folder / f"out{Path(name).suffix}" if elsewhere else None
    manifest = replace(given.manifest, path=folder / name, reads_own=not elsewhere)
    return replace(given, manifest=manifest, ledger=folder / f"{name}.ledger", target=target)


def write_workbook(frame: pd.DataFrame, path: Path) -> None:
    """The frame as the one sheet of a workbook."""
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, list(frame.columns))
    for number, row in enumerate(frame.itertuples(index=False), 1):
        sheet.write_row(number, 0, row)
    book.close()


def test_a_workbook_that_is_open_elsewhere_gets_its_results_when_it_is_closed(tmp_path: Path) -> None:
    """Until then they stand beside it, and both is said, once."""
    given, said = proving(tmp_path, "shots.xlsx", elsewhere=False), list[str]()
    mark = tmp_path / "~$shots.xlsx"
    mark.touch()
    beside = tmp_path / "shots.results.xlsx"
    before = given.manifest.path.read_bytes()

    def on_submit(number: int) -> None:
        if not number:
            assert given.manifest.path.read_bytes() == before
            assert "pending" in {record.cells[-9] for record in open_table(beside).records()}
        mark.unlink(missing_ok=True)

    assert run_through(given, a_service(on_submit=on_submit), say=said.append).exit_code is Exit.DONE
    table = open_table(given.manifest.path)
    assert [record.cells[table.columns.index("status")] for record in table.records()] == ["succeeded"] * 3
    told = [line for line in said if "shots.xlsx" in line]
    assert len(told) == 2
    assert "is open in Excel" in told[0]
    assert told[0].endswith(f"the results are in {beside}")
    assert told[1] == f"{given.manifest.path} can be written again: the results are in it, and {beside} is not needed"


def test_edits_of_a_workbook_during_a_run_are_kept(tmp_path: Path) -> None:
    """As in a CSV: what the user saves meanwhile stands there in the end, with every video beside its own row."""
    given = proving(tmp_path, "shots.xlsx", elsewhere=False)
    path = given.manifest.path

    def on_submit(number: int) -> None:
        if number == 1:
            frame = pd.DataFrame(
                [[record.cells[0], record.cells[1], "mine"] for record in open_table(path).records()][::-1],
                columns=["prompt", "image", "note"],
            )
            write_workbook(frame, path)

    assert run_through(given, a_service(on_submit=on_submit)).exit_code is Exit.DONE
    table = open_table(path)
    rows = [dict(zip(table.columns, record.cells, strict=True)) for record in table.records()]
    assert [row["prompt"] for row in rows] == ["c", "b", "a"]
    assert {row["note"] for row in rows} == {"mine"}
    assert {row["status"] for row in rows} == {"succeeded"}
    with Ledger.read(given.ledger) as ledger:
        made = dict(ledger.db.execute("SELECT json_extract(arguments, '$.prompt'), video_url FROM row").fetchall())
    assert {row["prompt"]: row["video_url"] for row in rows} == made


# How it ends


def test_a_run_is_told_as_it_ended(tmp_path: Path) -> None:
    """What it spent, where the results are, and what to type next."""
    shots = tmp_path / "shots.csv"
    shots.write_text(SHOTS)
    given, service = open_batch(shots, JOB), a_service()
    outcome = run_through(given, service, RunOptions(limit=1, concurrency=1))
    assert (outcome.spent_now, outcome.table, outcome.unwritten) == (PRICE, str(shots), False)
    again = f"kling-batch run {shots} --concurrency 1 --limit 1"
    assert (outcome.exit_code, outcome.next_command) == (Exit.STOPPED_EARLY, again)
    assert outcome.standing.count(Status.SUCCEEDED) == 1
    again = run_through(given, service)
    assert (again.exit_code, again.spent_now, again.standing.spent) == (Exit.DONE, 2 * PRICE, 3 * PRICE)


@pytest.mark.parametrize(
    ("how", "options", "code", "remedy"),
    [
        ({}, RunOptions(max_spend=PRICE), "budget", "raise --max-spend to go on"),
        (
            {"plan": lambda *_: model_error("no_media_generated")},
            RunOptions(stop_after=2, concurrency=1),
            "failures",
            "--stop-after sets how many are too many",
        ),
        ({"locked": lambda _: True}, RunOptions(), "locked", "https://fal.ai/dashboard/billing"),
    ],
)
def test_a_run_that_stops_by_itself_says_why_and_what_helps(
    tmp_path: Path, how: dict[str, Any], options: RunOptions, code: str, remedy: str
) -> None:
    """Rows are left, and the exit code says so; a program is told by a code."""
    shots = SHOTS + "d,https://x.y/4,\ne,https://x.y/5,\nf,https://x.y/6,\n"
    outcome = run_through(batch(tmp_path, shots), a_service(**how), options)
    assert outcome.exit_code is Exit.STOPPED_EARLY
    assert remedy in (outcome.stopped or "")
    assert outcome.stop_code == code
    assert outcome.standing.to_run


def test_a_run_ends_when_its_time_is_up_and_the_next_one_brings_home_what_was_under_way(tmp_path: Path) -> None:
    """A request that takes longer than it should holds nobody up."""
    given, service = batch(tmp_path, SHOTS), a_service(run_seconds=500.0)
    given = replace(given, manifest=replace(given.manifest, job=replace(JOB, typical_seconds=5.0)))
    outcome = run_through(given, service, RunOptions(concurrency=4, max_seconds=100.0))
    assert (outcome.stopped or "").startswith("stopped: the time is up (--max-runtime 2 min)")
    assert outcome.stop_code == "deadline"
    assert (outcome.exit_code, outcome.standing.at_fal) == (Exit.STOPPED_EARLY, 3)
    assert run_through(given, service).exit_code is Exit.DONE
    assert len(service.queue.requests) == 3


def test_invalid_rows_are_counted_before_the_run_and_hold_up_no_other(tmp_path: Path) -> None:
    """Where to look is said with it."""
    said: list[str] = []
    given = batch(tmp_path, SHOTS + ",https://x.y/4,no prompt\n")
    outcome = run_through(given, a_service(), say=said.append)
    assert said[COLUMN_LINES] == "1 row cannot be run: `kling-batch check` lists why"
    assert (outcome.exit_code, outcome.standing.count(Status.SUCCEEDED)) == (Exit.ROWS_FAILED, 3)


def test_how_the_columns_are_read_is_said_before_anything_else(tmp_path: Path) -> None:
    """With what holds where there is none, and what is not read at all."""
    said: list[str] = []
    run_through(batch(tmp_path, SHOTS), a_service(), say=said.append)
    assert said[0] == "columns: prompt, image"
    assert "no duration column: every row 5 s" in said[1]
    assert said[2] == "left alone: 'note'"


def test_a_column_that_may_be_meant_for_an_input_stops_the_run_before_it_spends(tmp_path: Path) -> None:
    """Every one of them is asked about at once; nothing is left behind, and the answer is an option."""
    given, service = batch(tmp_path, "prompt,image,durration,Endbild\na,https://x.y/1,10,\n"), a_service()
    with pytest.raises(ManifestError) as caught:
        run_through(given, service)
    assert "column `durration`: did you mean `duration`? --map duration=durration, or --ignore durration" in str(
        caught.value
    )
    assert "`Endbild`: did you mean `tail_image`?" in str(caught.value)
    assert (service.asked["submit"], given.ledger.exists()) == (0, False)
    answered = replace(given, manifest=replace(given.manifest, mapped={"duration": "durration"}, ignored=("Endbild",)))
    assert run_through(answered, service).spent_now == 2 * PRICE


def test_what_a_dead_run_left_in_the_air_is_asked_after_and_not_sent_again(tmp_path: Path) -> None:
    """Its POST may have arrived."""
    given, service = batch(tmp_path, SHOTS), a_service(unreadable=True)
    run_through(given, service, RunOptions(limit=1, concurrency=1))
    with Ledger.open(given.ledger) as ledger:
        ledger.apply(2, states.claimed(1e9, None, PRICE))
    outcome = run_through(given, service)
    assert (outcome.exit_code, outcome.standing.in_doubt) == (Exit.IN_DOUBT, 1)
    assert sorted(str(one.input["prompt"]) for one in service.queue.requests) == ["a", "c"]
    assert service.asked["listing"]


def test_marks_are_made_before_the_rows_are_chosen(tmp_path: Path) -> None:
    """A failed row waits for `rerun`, and is bought by it with what the table says then."""
    given = batch(tmp_path, SHOTS)
    flagged = model_error("content_policy_violation")
    service = a_service(plan=lambda given_, _: flagged if given_["prompt"] == "b" else None)
    assert run_through(given, service).exit_code is Exit.ROWS_FAILED
    assert run_through(given, service).spent_now == 0
    given.manifest.path.write_text(given.manifest.path.read_text().replace("\nb,", "\nmended,"))
    assert run_through(given, service, mark=Selection().mark).exit_code is Exit.DONE
    assert [one.input["prompt"] for one in service.queue.requests][3:] == ["mended"]


def test_a_table_that_cannot_be_written_leaves_the_results_in_the_ledger(tmp_path: Path) -> None:
    """That is said, and the run after it writes them."""
    given, said = batch(tmp_path, SHOTS), []
    service = a_service()
    whole = given.manifest.path.read_bytes()
    service.before_poll = lambda _: given.manifest.path.unlink(missing_ok=True)
    outcome = run_through(given, service, say=said.append)
    assert (outcome.unwritten, outcome.table) == (True, str(given.ledger))
    assert outcome.exit_code is Exit.STOPPED_EARLY
    assert "Nothing is lost" in said[-1]
    given.manifest.path.write_bytes(whole)
    assert run_through(given, service).exit_code is Exit.DONE
    assert len(service.queue.requests) == 3


def test_a_ledger_that_is_lost_in_mid_run_ends_it_with_that_said(tmp_path: Path) -> None:
    """Money may have been spent: it is no bad ledger that was found, but one that broke."""
    given, service = batch(tmp_path, SHOTS), a_service()

    def break_it(nth: int) -> None:
        if nth == 1:
            with sqlite3.connect(given.ledger) as other:
                other.execute("DROP TABLE request")
            other.close()

    service.on_submit = break_it  # type: ignore[assignment]
    with pytest.raises(LedgerLost, match=r"cannot be written any more .* Nothing more was submitted") as caught:
        run_through(given, service)
    assert caught.value.exit_code is Exit.STOPPED_EARLY
    with Ledger.read(given.ledger) as ledger:
        assert len(ledger.interrupted()) == len(service.queue.requests)


def test_what_is_at_fal_is_brought_home_by_a_run_that_has_nothing_to_submit(tmp_path: Path) -> None:
    """The gateway is opened for that alone, no price is asked for, and after it there is nothing to open it for."""
    given = batch(tmp_path, "prompt,image\na,https://x.y/1\n")
    given = replace(given, manifest=replace(given.manifest, job=replace(JOB, typical_seconds=5.0)))
    service = PricedService(a_service(run_seconds=500.0).queue, price=Unclear("no answer"))
    assert run_through(given, service, RunOptions(max_seconds=100.0)).standing.at_fal == 1
    connects: list[int] = []

    def connect(of: Batch) -> Any:
        connects.append(1)
        return reaching(service)(of)

    for _ in range(2):
        assert run_through(given, service, connect=connect).exit_code is Exit.DONE
    assert len(connects) == 1
    assert (service.asked["price"], service.asked["submit"]) == (1, 1)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_table_in_another_code_page_below_a_title_is_run_and_keeps_its_bytes(tmp_path: Path, elsewhere: bool) -> None:
    """Every opening of it knows how it is read, and what was written of it: before, during and after the run."""
    shots, data = (
        tmp_path / "shots.csv",
        "運河の映画\r\n\r\nprompt;image;備考\r\n紙の船;https://x.y/1;夜\r\n".encode("cp932"),
    )
    shots.write_bytes(data)
    given = open_batch(shots, JOB, encoding="cp932", header_row=3, output=tmp_path / "out.csv" if elsewhere else None)
    service = a_service()
    for _ in range(2):
        outcome = run_through(given, service)
        assert (outcome.exit_code, service.asked["submit"]) == (Exit.DONE, 1)
    assert [one.input["prompt"] for one in service.queue.requests] == ["紙の船"]
    written = given.table.read_bytes()
    above, header, record = data.partition(b"prompt")[0], *data.partition(b"prompt")[2].splitlines()
    assert written.startswith(above + b"prompt" + header + b";status;")
    assert record + b";succeeded;" in written
    given.ledger.unlink()
    with pytest.raises(ManifestError, match="row 4"):
        run_through(given, service)
