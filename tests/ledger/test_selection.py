"""Rows that a person names: each of them, once, and none that was not named."""

import pytest

from batch.core.row import RowSelection
from batch.core.states import State
from batch.errors import UsageError
from batch.ledger.ledger import Ledger
from batch.ledger.selection import SelectedRow, SheetRow, selected_rows, sheet_rows
from tests.support.matched_sheets import PRICE, Batch, Record, ran


@pytest.fixture
def every_state() -> Batch:
    """Row n stands in line n + 1 and has the n-th state; its prompt and its id are the state's name."""
    batch = Batch(*(Record(state, state) for state in State))
    batch.read()
    for work, state in zip(batch.ledger.pending_rows(-1, 99), State, strict=True):
        batch.bring(work.row, state)
    batch.read()
    return batch


def finished(ledger: Ledger, *numbers: int, ids: tuple[str, ...] = (), **how: object) -> list[tuple[int, State]]:
    asked = {"failed": True, "stale": True, "error_types": (), **how}
    ledger.marks.clear()
    ledger.marks.add(RowSelection(numbers, ids), **asked)  # type: ignore[arg-type]
    states = dict(ledger.db.execute("SELECT id, state FROM row"))
    return [(work.row, State(states[work.row])) for work in ledger.marks.rows(-1, 99)]


# Rows that are named


def test_a_row_is_found_by_its_number_and_by_its_id(every_state: Batch) -> None:
    """With the state that it is in and what it would cost; spaces around an id do not count."""
    found = selected_rows(every_state.ledger, RowSelection([3], [" failed "]))
    assert found == [SelectedRow(2, 3, State.SUBMITTING, PRICE), SelectedRow(6, 7, State.FAILED, PRICE)]


def test_a_row_that_is_named_twice_is_selected_once(every_state: Batch) -> None:
    """By number and id, or by the same one again: it would be acted upon twice."""
    found = selected_rows(every_state.ledger, RowSelection([2, 2], ["pending"]))
    assert [one.row for one in found] == [1]


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (RowSelection([1]), "--row 1:"),
        (RowSelection([2, 9]), "--row 9:"),
        (RowSelection(ids=["pending", "lost"]), "--id lost:"),
        (RowSelection(ids=[""]), "--id :"),
    ],
)
def test_a_name_that_is_no_rows_ends_in_an_error(every_state: Batch, selection: RowSelection, said: str) -> None:
    """The first of them; the header is no row, and nothing is done for the others."""
    with pytest.raises(UsageError, match=f"^{said} the ledger has no such row"):
        selected_rows(every_state.ledger, selection)


def test_a_row_that_the_manifest_no_longer_has_is_not_found() -> None:
    """Its number is another row's now."""
    batch = ran(Record("A", "1"), Record("B", "2"))
    del batch.sheet[0]
    batch.read()
    assert [one.row for one in selected_rows(batch.ledger, RowSelection([2]))] == [2]
    with pytest.raises(UsageError, match="--id 1:"):
        selected_rows(batch.ledger, RowSelection(ids=["1"]))


# Records of the sheet


def test_a_record_says_what_became_of_its_row() -> None:
    """No row yet, a problem, an edit after the video: whatever it is, by number and by id."""
    batch = ran(Record("A", "a"), Record("B", "b"))
    batch.sheet[1].prompt = "C"
    batch.sheet += [Record("new", "n"), Record("", "bad")]
    batch.read(new=False)
    for column, values in (("number", [2, 3, 4, 5]), ("id", ["a", "b", "n", "bad"])):
        found = [sheet_rows(batch.ledger, column, value) for value in values]  # type: ignore[arg-type]
        assert found == [
            [SheetRow("succeeded", None, 0)],
            [SheetRow("succeeded", None, 1)],
            [SheetRow(None, None, 0)],
            [SheetRow(None, "prompt: is empty", 0)],
        ]
    assert sheet_rows(batch.ledger, "number", 6) == []


def test_every_record_of_a_doubled_id_is_given() -> None:
    """Which of them is meant is for whoever asks to refuse."""
    batch = ran(Record("A", "x"), Record("B", "x"))
    batch.read()
    assert len(sheet_rows(batch.ledger, "id", "x")) == 2


# Rows that can be run again


def test_only_what_has_ended_without_a_video_can_be_run_again_by_itself(every_state: Batch) -> None:
    """A row under way or in doubt, or with the video that its record asks for, never."""
    assert finished(every_state.ledger) == [(6, State.FAILED), (7, State.CANCELLED)]
    assert finished(every_state.ledger, failed=False) == []


def test_a_video_is_bought_again_only_where_its_record_was_edited(every_state: Batch) -> None:
    """And only where that was asked for."""
    every_state.sheet[4].prompt = "edited"
    every_state.read()
    assert finished(every_state.ledger, failed=False) == [(5, State.SUCCEEDED)]
    assert finished(every_state.ledger) == [(5, State.SUCCEEDED), (6, State.FAILED), (7, State.CANCELLED)]
    assert (5, State.SUCCEEDED) not in finished(every_state.ledger, stale=False)


def test_a_row_that_is_named_is_run_again_only_if_it_has_ended(every_state: Batch) -> None:
    """By number or id, and no other with it."""
    assert finished(every_state.ledger, 7) == [(6, State.FAILED)]
    assert finished(every_state.ledger, ids=(" cancelled ",)) == [(7, State.CANCELLED)]
    assert finished(every_state.ledger, 7, ids=("cancelled",)) == [(6, State.FAILED), (7, State.CANCELLED)]
    assert finished(every_state.ledger, *range(2, 7)) == []


def test_an_error_type_narrows_what_failed_and_not_what_is_stale(every_state: Batch) -> None:
    """Exactly that type; a cancelled row has its own."""
    every_state.sheet[4].prompt = "edited"
    every_state.read()
    stale, failed, cancelled = (5, State.SUCCEEDED), (6, State.FAILED), (7, State.CANCELLED)
    assert finished(every_state.ledger, error_types=["content_policy_violation"]) == [stale, failed]
    assert finished(every_state.ledger, error_types=["content"]) == [stale]
    assert finished(every_state.ledger, error_types=["cancelled", "content_policy_violation"]) == [
        stale,
        failed,
        cancelled,
    ]


def test_a_failed_row_whose_record_cannot_be_sent_is_left_out(every_state: Batch) -> None:
    """It has to be mended first."""
    every_state.sheet[5].prompt = ""
    every_state.read()
    assert finished(every_state.ledger) == [(7, State.CANCELLED)]
