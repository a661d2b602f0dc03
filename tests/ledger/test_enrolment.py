"""What reading a manifest writes: new rows, edited inputs, and nothing that is so already."""

from collections.abc import Callable

import pytest

from batch.core.states import State, Status
from batch.ledger.enrolment import last_findings
from batch.ledger.matching import Findings
from tests.support.enrolled_tables import EnrolledTable
from tests.support.matched_sheets import Batch, Record, print_of, ran
from tests.support.statements import steps, traced


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("saved", [True, False])
def test_reading_again_changes_nothing(state: State, saved: bool) -> None:
    """Resuming is just running again."""
    batch = ran(Record("A", "1"), Record("B"), Record("B"), Record("C", "2"), state=state, saved=saved)
    batch.read()
    before = batch.query("SELECT * FROM row"), batch.stands()
    batch.read()
    assert batch.enrolled == 0
    assert (batch.query("SELECT * FROM row"), batch.stands()) == before


def test_a_deleted_row_is_not_bought_and_comes_back_as_it_was() -> None:
    """Pending rows without a record wait outside of the sheet."""
    batch = ran(Record("A", "1"), Record("B"), state=State.PENDING)
    gone, batch.sheet = batch.sheet, []
    batch.read()
    assert batch.pending_rows() == []
    batch.sheet = gone
    batch.read()
    assert batch.enrolled == 0
    assert batch.pending_rows() == ["A", "B"]


@pytest.mark.parametrize("state", [State.SUBMITTING, State.SUBMITTED, State.IN_DOUBT])
def test_an_edited_row_under_way_finishes_as_it_was_sent(state: State) -> None:
    """Its inputs stay what fal was given."""
    batch = ran(Record("A", "s1"), state=state)
    batch.sheet[0].prompt = "B"
    batch.read()
    assert batch.query("SELECT arguments, state FROM row") == [('{"prompt":"A"}', state)]
    assert batch.pending_rows() == []


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED, State.CANCELLED])
def test_an_edited_row_that_has_no_video_takes_its_new_inputs(state: State) -> None:
    """A mended row is run with what it says now; its state is not changed by that."""
    batch = ran(Record("A", "s1"), state=state)
    batch.sheet[0].prompt = "B"
    batch.read()
    assert batch.query("SELECT arguments, fingerprint, state FROM row") == [('{"prompt":"B"}', print_of("B"), state)]
    assert batch.pending_rows() == (["B"] if state is State.PENDING else [])


def test_a_row_that_cannot_be_run_keeps_its_state_and_is_not_claimable() -> None:
    """Until it is mended; then it is the row that it was."""
    batch = ran(Record("A", "s1"), Record("B"), state=State.PENDING)
    for one in batch.sheet:
        one.prompt = ""
    found = batch.read()
    assert (found.rows, found.invalid, batch.pending_rows()) == (2, 2, [])
    batch.sheet[0].prompt, batch.sheet[1].prompt = "A", "B"
    batch.read()
    assert batch.enrolled == 0
    assert batch.pending_rows() == ["A", "B"]


def test_without_leave_nothing_new_is_enrolled() -> None:
    """`resolve` and `cancel` look at what is there."""
    batch = ran(Record("A"))
    batch.sheet.append(Record("B"))
    batch.read(new=False)
    assert batch.enrolled == 0
    assert batch.pending_rows() == []
    assert batch.stands() == [(1, Status.SUCCEEDED), (None, Status.PENDING)]


# What grows with the rows


@pytest.mark.parametrize("anew", [False, True])
def test_enrolling_takes_one_statement_a_row(make: Callable[..., EnrolledTable], anew: bool) -> None:
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


def test_enrolling_takes_as_many_steps_for_each_row_of_a_long_table(make: Callable[..., EnrolledTable]) -> None:
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


def touched(batch: EnrolledTable) -> int:
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


def test_reading_a_table_again_writes_only_what_changed(make: Callable[..., EnrolledTable]) -> None:
    """Nothing for the same table; for one edited record its row alone."""
    batch = make(50)
    batch.read()
    batch.succeed(1)
    batch.save()
    assert touched(batch) == 0
    batch.path.write_text(batch.path.read_text().replace("shot 20,", "another,"))
    batch.read(anew=True)
    assert batch.ledger.db.execute("SELECT what FROM touched").fetchall() == [("row",)]


# What is remembered


def test_what_was_found_at_the_last_reading_is_counted_from_the_sheet() -> None:
    """Without the lists: records, and those among them that cannot be run."""
    batch = Batch(Record("A"), Record(""), Record("B"), Record(""))
    found = batch.read()
    known = last_findings(batch.ledger)
    assert (known.rows, known.invalid) == (found.rows, found.invalid) == (4, 2)
    batch.sheet.pop()
    batch.read()
    assert last_findings(batch.ledger) == Findings(3, 1)
