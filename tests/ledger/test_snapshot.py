"""A million rows: what is done for each is done once, out of indexes, and not again for a table that is known."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count as numbers
from pathlib import Path

import pytest
from PIL import Image

from batch.commands.run import enrol_table
from batch.core import states
from batch.core.gateway import Receipt
from batch.ledger.ledger import Ledger
from batch.ledger.snapshot import ManifestSnapshot, load_snapshot
from batch.ledger.summary import prices_to_run, summarize
from batch.manifest.loader import Manifest
from batch.results_writer.writer import ResultsWriter
from batch.table.csv_reader import read_records
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.simulated import Service, ledger_of, night, play, service_queue, shots

TABLES = r"(row|event|request|sheet)"


@contextmanager
def traced(ledger: Ledger) -> Iterator[list[str]]:
    """The statements that the ledger executes meanwhile, those of triggers left out."""
    said: list[str] = []
    ledger.db.set_trace_callback(lambda sql: None if sql.startswith("--") else said.append(sql))
    try:
        yield said
    finally:
        ledger.db.set_trace_callback(None)


def steps(ledger: Ledger, call: Callable[[], object]) -> int:
    """Instructions of SQLite's machine that a call takes."""
    done = numbers()
    ledger.db.set_progress_handler(lambda: next(done) and None, 1)
    call()
    ledger.db.set_progress_handler(None, 1)
    return next(done)


def plans(ledger: Ledger, statements: list[str]) -> dict[str, list[str]]:
    """What SQLite does for each kind of statement, a line each."""
    kinds = {re.sub(r"'[^']*'|\b\d+(\.\d+)?\b", "?", sql): sql for sql in statements}
    asked = {kind: sql for kind, sql in kinds.items() if re.match("SELECT|UPDATE|INSERT|DELETE", sql)}
    return {kind: [line for *_, line in ledger.db.execute(f"EXPLAIN QUERY PLAN {sql}")] for kind, sql in asked.items()}


class Batch:
    """A table of shots and its ledger, read as a run reads them."""

    def __init__(self, folder: Path, rows: int, image: str = "https://x.y/1.png") -> None:
        self.path = folder / "shots.csv"
        self.path.write_text("id,prompt,image\n" + "".join(f"s{n},shot {n},{image}\n" for n in range(rows)))
        self.manifest = Manifest(path=self.path, job=JOB, prices=JOB.prices)
        self.at = folder / "shots.csv.ledger"
        self.ledger = Ledger.open(self.at)

    def read(self, *, anew: bool = False) -> None:
        enrol_table(self.manifest, self.ledger, self.manifest.open(), 1.0, anew=anew)

    def known(self, manifest: Manifest | None = None) -> ManifestSnapshot | None:
        """The reading that stands for the table as it is now."""
        manifest = manifest or self.manifest
        reading = load_snapshot(self.ledger, manifest.settings)
        return reading if reading and reading.digest == manifest.open().digest() else None

    def submit(self, row: int) -> None:
        self.ledger.apply(row, states.claimed(1e9, None, 1))
        self.ledger.apply(row, states.accepted(1e9, Receipt(f"r{row}", "https://s", "https://r", "https://c")))

    def succeed(self, row: int) -> None:
        self.submit(row)
        self.ledger.apply(row, states.succeeded(1e9 + 60, "{}", f"https://v/{row}", 1))

    def save(self) -> None:
        """The save at the end of a run."""
        results = ResultsWriter(self.manifest, self.at)
        results.save()
        results.save_snapshot(self.ledger)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Batch]]:
    made: list[Batch] = []

    def batch(rows: int, **how: str) -> Batch:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Batch(folder, rows, **how))
        return made[-1]

    yield batch
    for one in made:
        one.ledger.close()


# What grows with the rows


@pytest.mark.parametrize("anew", [False, True])
def test_enrolling_takes_one_statement_a_row(make: Callable[..., Batch], anew: bool) -> None:
    """Everything else is said once for all rows, the first time and again."""
    said = {}
    for rows in (10, 300):
        batch = make(rows)
        if anew:
            batch.read()
        with traced(batch.ledger) as statements:
            batch.read(anew=True)
        said[rows] = len(set(statements)) - rows  # a set: one that starts triggers is told once for each of them
    assert said[10] == said[300]


def test_enrolling_takes_as_many_steps_for_each_row_of_a_long_table(make: Callable[..., Batch]) -> None:
    """Nothing is quadratic: four times the rows cost four times the steps, first, again, and once all are home."""

    def costs(rows: int) -> list[int]:
        batch = make(rows)
        first = steps(batch.ledger, batch.read)
        again = steps(batch.ledger, lambda: batch.read(anew=True))
        for work in batch.ledger.pending_rows(-1, rows):
            batch.succeed(work.row)
        batch.save()
        return [first, again, steps(batch.ledger, lambda: batch.read(anew=True))]

    for few, many in zip(costs(250), costs(1000), strict=True):
        assert many < 4.5 * few


def test_a_page_of_waiting_rows_costs_the_same_however_many_wait() -> None:
    """The dispatcher asks for one again and again."""
    few, many = (ledger_of(shots(rows)) for rows in (400, 4000))
    assert steps(few, lambda: few.pending_rows(100, 200)) == steps(many, lambda: many.pending_rows(100, 200))
    assert steps(few, lambda: few.pending_row(300)) == steps(many, lambda: many.pending_row(300))


def test_a_night_asks_the_ledger_nothing_that_reads_a_whole_table() -> None:
    """Every statement of the dispatcher finds its rows by an index, also with replies lost and rows in doubt."""
    ledger = ledger_of(shots(30))
    lost = Service(service_queue(5, 60.0), on_submit=lambda nth: "lost" if nth % 7 == 0 else None)
    with traced(ledger) as statements:
        play(lambda: night(ledger, lost))
    found = plans(ledger, statements)
    assert any("in_doubt" in sql for sql in statements)
    whole = {sql: line for sql, lines in found.items() for line in lines if re.match(rf"SCAN {TABLES}\b", line)}
    assert not whole
    paged = next(lines for sql, lines in found.items() if "row_claimable" in sql)
    assert not [line for line in paged if "TEMP B-TREE" in line]


def test_where_a_batch_stands_is_counted_in_indexes() -> None:
    """No row of a million is read for it, save those that failed; the prices are asked for once in a run."""
    ledger = ledger_of(shots(5))
    with traced(ledger) as statements:
        summarize(ledger)
    found = [line for lines in plans(ledger, statements).values() for line in lines]
    assert not [line for line in found if re.match(rf"SCAN {TABLES}$", line)]
    assert "SCAN row USING COVERING INDEX row_state" in found
    assert "SEARCH row USING COVERING INDEX row_claimable (place>?)" in found
    assert prices_to_run(ledger, JOB).items[0].rows == 5


# A table that is known


def touched(batch: Batch) -> int:
    """Rows of the ledger and lines of its sheet that reading the table again writes."""
    batch.ledger.db.executescript(
        "CREATE TEMP TABLE touched (what TEXT);"
        + "".join(
            f"CREATE TEMP TRIGGER {table}_{verb} AFTER {verb} ON main.{table} "
            f"BEGIN INSERT INTO touched VALUES ('{table}'); END;"
            for table in ("row", "sheet")
            for verb in ("INSERT", "UPDATE", "DELETE")
        )
    )
    batch.read(anew=True)
    return int(batch.ledger.db.execute("SELECT COUNT(*) FROM touched").fetchone()[0])


def test_reading_a_table_again_writes_only_what_changed(make: Callable[..., Batch]) -> None:
    """Nothing for the same table; for one edited record its row alone."""
    batch = make(50)
    batch.read()
    batch.succeed(1)
    batch.save()
    assert touched(batch) == 0
    batch.path.write_text(batch.path.read_text().replace("shot 20,", "another,"))
    batch.read(anew=True)
    assert batch.ledger.db.execute("SELECT what FROM touched").fetchall() == [("row",)]


def test_a_table_that_is_as_it_was_is_not_matched_again(make: Callable[..., Batch]) -> None:
    """Resuming asks as much of the ledger for 300 rows as for 10; what the run itself wrote is known, too."""
    said = {}
    for rows in (10, 300):
        batch = make(rows)
        batch.read()
        for saved in (False, True):
            if saved:
                batch.save()
            with traced(batch.ledger) as statements:
                batch.read()
            said[rows, saved] = len(statements)
    assert len(set(said.values())) == 1
    assert said[300, True] < 5


def test_a_save_is_known_by_the_last_event_that_it_shows(make: Callable[..., Batch]) -> None:
    """With nothing new the file is not touched; one row more at home and it is written."""
    batch = make(3)
    batch.read()
    batch.succeed(1)
    batch.save()
    before = batch.path.stat().st_ino
    batch.save()
    assert batch.path.stat().st_ino == before
    batch.succeed(2)
    batch.save()
    assert batch.path.read_text().count("succeeded") == 2


def test_the_first_save_knows_how_wide_the_table_is(
    make: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its records are read once more, to be written, and not before that to be measured; ours stand right of them."""
    batch = make(3)
    batch.path.write_text(batch.path.read_text() + "s3,shot 3,https://x.y/1.png,a remark\n")
    batch.read()
    batch.succeed(1)
    read = []

    def counted(lines: Iterable[str], *more: str) -> Iterator[tuple[int, str, list[str]]]:
        for record in read_records(lines, *more):
            read.append(record[0])
            yield record

    monkeypatch.setattr("batch.table.csv_table.read_records", counted)
    batch.save()
    assert read.count(2) == 1
    header, *_, last = batch.path.read_text().splitlines()
    assert header.startswith("id,prompt,image,,status,")
    assert last.startswith("s3,shot 3,https://x.y/1.png,a remark,pending,")


def test_any_edit_and_any_other_way_to_read_makes_a_table_unknown(make: Callable[..., Batch]) -> None:
    """One character is enough, also where size and time of change stay; so are prices, mappings and a prefix."""
    batch = make(3)
    batch.read()
    assert batch.known()
    prices = {name: price + 1 for name, price in JOB.prices.items()}
    for other in ({"prefix": "k_"}, {"prices": prices}, {"mapped": {"id": "id"}}, {"reads_own": False}):
        assert not batch.known(replace(batch.manifest, **other))
    batch.path.write_text(batch.path.read_text().replace("shot 1", "Shot 1"))
    assert not batch.known()


def test_a_table_of_local_images_is_read_again_each_time(make: Callable[..., Batch]) -> None:
    """An image may become another one while the table's bytes stay."""
    batch = make(2, image="a.png")
    Image.new("RGB", (400, 400)).save(batch.path.with_name("a.png"))
    batch.read()
    assert batch.known() is None
    batch.succeed(1)
    Image.new("RGB", (400, 400), "red").save(batch.path.with_name("a.png"))
    batch.read()
    assert batch.ledger.db.execute("SELECT edited FROM sheet").fetchall() == [(1,), (0,)]


def test_a_row_edited_while_it_is_under_way_keeps_its_table_from_being_final(make: Callable[..., Batch]) -> None:
    """Once it has failed, the next run has to give it the inputs that the table says."""
    batch = make(2)
    batch.read()
    batch.submit(1)
    batch.path.write_text(batch.path.read_text().replace("shot 0", "mended"))
    batch.read()
    known = batch.known()
    assert known is not None
    assert not known.final
    batch.ledger.apply(1, states.failed(1e9, "content_policy_violation", "no", 0))
    batch.read()
    (arguments,) = batch.ledger.db.execute("SELECT arguments FROM row WHERE id = 1").fetchone()
    assert "mended" in arguments
    known = batch.known()
    assert known is not None
    assert known.final
