"""What a ledger tells of purchases that were made without it, and how it takes them in."""

import pytest

from batch.core import states
from batch.core.row import PlannedRow
from batch.core.states import State
from batch.ledger.ledger import Ledger
from batch.ledger.recovery import (
    PAGE,
    add_row,
    all_pending,
    has_sent,
    held_rows,
    hold,
    is_unasked,
    known_row,
    last_move,
    note_asked,
    note_other_inputs,
    take_inputs,
    unknown_requests,
)
from tests.support.simulated import EPOCH, Service, ledger_of, service_queue, shot, shots

RECEIPT = Service(service_queue(1, 1.0)).built_receipt


@pytest.fixture
def ledger() -> Ledger:
    return ledger_of(shots(3))


def test_requests_that_no_row_ever_had_are_unknown(ledger: Ledger) -> None:
    """Also those of earlier tries are known."""
    assert not has_sent(ledger)
    assert last_move(ledger) is None
    ledger.apply(1, states.claimed(EPOCH, None, 1))
    ledger.apply(1, states.accepted(EPOCH + 1, RECEIPT("r1")))
    ledger.apply(1, states.another_try(EPOCH + 2, "internal_error", "broke", 0))
    assert unknown_requests(ledger, ["r1", "r2", "r2"]) == {"r2"}
    assert has_sent(ledger)
    assert last_move(ledger) == EPOCH + 2


def test_all_pending_rows_are_read_page_by_page() -> None:
    """In the manifest's order, each once."""
    ledger = ledger_of(shots(PAGE + 5))
    assert [row.place for row in all_pending(ledger)] == list(range(PAGE + 5))


def test_a_held_row_is_in_doubt_with_the_request_that_seems_its_own(ledger: Ledger) -> None:
    """Once settled it is held no more."""
    row = next(iter(all_pending(ledger)))
    with ledger.transaction():
        hold(ledger, row.row, row.price, "r1", "it is there", EPOCH)
    assert held_rows(ledger) == [(row.row, "r1")]
    assert known_row(ledger, row.row).state is State.IN_DOUBT
    assert unknown_requests(ledger, ["r1"]) == {"r1"}
    ledger.apply(row.row, states.found_at_fal(EPOCH, RECEIPT("r1")))
    assert held_rows(ledger) == []


def test_a_question_that_was_answered_is_not_open_any_more(ledger: Ledger) -> None:
    """A ledger in memory has none."""
    assert not is_unasked(ledger)
    ledger.set_meta("unasked", "1")
    assert is_unasked(ledger)
    note_asked(ledger)
    assert not is_unasked(ledger)


def test_a_purchase_without_a_record_gets_a_row_that_nothing_is_bought_for(ledger: Ledger) -> None:
    """With its inputs where they are known: put back, they find it."""
    row = add_row(ledger, shot(7, "gone"), "r7", EPOCH)
    empty = add_row(ledger, PlannedRow(8, 10, "", {}, None, None, None), "r8", EPOCH)
    assert known_row(ledger, row).fingerprint == shot(7, "gone").fingerprint
    assert known_row(ledger, empty).fingerprint != known_row(ledger, row).fingerprint
    assert {one.row for one in all_pending(ledger)} == {1, 2, 3}


def test_the_inputs_of_a_purchase_are_its_record_s_or_unknown(ledger: Ledger) -> None:
    """Unknown ones are no record's: the row is stale."""
    take_inputs(ledger, 1, shot(0, "another"))
    assert known_row(ledger, 1).fingerprint == shot(0, "another").fingerprint
    take_inputs(ledger, 1, PlannedRow(0, 2, "", {}, None, None, None))
    assert known_row(ledger, 1).fingerprint == shot(0, "another").fingerprint
    note_other_inputs(ledger, 1, "r1")
    assert known_row(ledger, 1).fingerprint not in {one.fingerprint for one in shots(3)}
