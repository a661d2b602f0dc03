"""What the table shows is read from the ledger: every field from its own column, a row for each record."""

import pytest

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.row import ResultRow
from batch.core.states import State
from batch.ledger import result_rows
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.ledger.result_rows import enrolled_rows, matched_rows
from tests.support.ledgers import PRICE, RECEIPT, add
from tests.support.matched_sheets import Batch, Record, planned, ran


@pytest.mark.parametrize("statement", ["_ENROLLED", "_MATCHED"])
def test_the_columns_that_are_read_are_the_fields_of_a_result_row(statement: str) -> None:
    """In number, name and order: they are taken by position. Only `edited` is worked out in one of the two."""
    batch = ran(Record("A"))
    names = [name for name, *_ in batch.ledger.db.execute(getattr(result_rows, statement)).description]
    assert tuple(names) == ResultRow._fields


def test_every_field_comes_from_its_own_column(ledger: Ledger) -> None:
    """Each has another value, so none can stand for another."""
    row = add(ledger, place=4)
    for move in (
        states.claimed(10.0, None, PRICE),
        states.accepted(20.0, RECEIPT),
        states.succeeded(30.0, "{}", "https://v", 7),
        states.again(State.SUCCEEDED, 31.0),
        states.claimed(32.0, None, PRICE),
        states.accepted(33.0, Receipt("r2", "https://s", "https://r", "https://c")),
        states.succeeded(34.0, '{"of": "r2"}', "https://v/2", 8),
        states.again(State.SUCCEEDED, 40.0),
        states.claimed(50.0, None, PRICE + 1),
        states.refused(60.0, "bad", "why"),
    ):
        ledger.apply(row, move)
    ledger.db.execute("UPDATE sheet SET edited = 1, problem = 'prompt: is empty'")
    ledger.db.execute(
        "INSERT INTO video_file (request_id, row, path, name_key, done_at) VALUES ('r2', ?, 'v/a.mp4', 'v/a.mp4', 70)",
        (row,),
    )
    ledger.db.execute("UPDATE row SET request_id = 'r3'")
    assert list(enrolled_rows(ledger)) == [
        ResultRow(
            place=4,
            problem="prompt: is empty",
            state="failed",
            edited=1,
            video_url="https://v/2",
            message="why",
            error_type="bad",
            request_id="r3",
            attempts=3,
            spent=15,
            price=PRICE + 1,
            submitted_at=33.0,
            finished_at=60.0,
            result='{"of": "r2"}',
            video_path="v/a.mp4",
            take=2,
            takes=2,
        )
    ]


@pytest.mark.parametrize("state", State)
def test_a_manifest_that_was_not_edited_is_shown_alike_whether_it_is_read_again_or_not(state: State) -> None:
    """Both ways to ask give the same rows."""
    batch = ran(Record("A", "1"), Record(""), Record("B"), Record("B"), state=state)
    batch.read()
    enrolled = list(enrolled_rows(batch.ledger))
    match(batch.ledger, planned(batch.sheet))
    assert list(matched_rows(batch.ledger)) == enrolled
    assert [(one.place, one.state) for one in enrolled] == [(0, state), (1, None), (2, state), (3, state)]


def test_a_manifest_that_was_edited_since_is_shown_as_it_is_now() -> None:
    """A new record has no row yet, a sorted one its own, an edited one the video of before; a lost one is gone."""
    batch = ran(Record("A", "a"), Record("B", "b"), Record("C", "c"))
    gone = batch.sheet.pop(0)
    batch.sheet.reverse()
    batch.sheet[0].prompt = "edited"
    batch.sheet.insert(0, Record("new"))
    match(batch.ledger, planned(batch.sheet))
    found = list(matched_rows(batch.ledger))
    assert [(one.place, one.state, bool(one.edited)) for one in found[1:]] == [
        (1, "succeeded", True),
        (2, "succeeded", False),
    ]
    assert [one.video_url for one in found] == [None, "https://v/3", "https://v/2"]
    assert found[0].state is None
    assert gone.id == "a"
    assert len(list(enrolled_rows(batch.ledger))) == 3


def test_a_record_without_a_row_has_nothing_but_its_place_and_its_problem() -> None:
    """It is shown all the same: one result for each record."""
    batch = Batch(Record(""), Record("A"))
    batch.read(new=False)
    rest = (None,) * (len(ResultRow._fields) - 4)
    assert list(enrolled_rows(batch.ledger)) == [(0, "prompt: is empty", None, 0, *rest), (1, None, None, 0, *rest)]
