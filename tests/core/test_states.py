"""The states of a row: what is drawn, what the constructors make, and what the table says."""

import inspect

import pytest

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import TRANSITIONS, State, Status, Transition, status

RECEIPT = Receipt("r1", "https://s", "https://r", "https://c")
MOVES = {
    "claimed": [states.claimed(1.0, None, 490_000)],
    "accepted": [states.accepted(1.0, RECEIPT)],
    "not_sent": [states.not_sent(1.0, "no network")],
    "refused": [states.refused(1.0, "kind", "why")],
    "unsendable": [states.unsendable(1.0, "kind", "why")],
    "reply_lost": [states.reply_lost(1.0, "cut")],
    "found_at_fal": [states.found_at_fal(1.0, RECEIPT)],
    "held": [states.held(1.0, "an equal request is there")],
    "never_accepted": [states.never_accepted(1.0)],
    "resubmitted": [states.resubmitted(1.0, 490_000, old) for old in (State.IN_DOUBT, State.SUBMITTED)],
    "given_up": [states.given_up(1.0, "left alone", 490_000, old) for old in (State.IN_DOUBT, State.SUBMITTED)],
    "unheard": [states.unheard(1.0, "no_result", "why")],
    "taken_up_again": [states.taken_up_again(1.0, 490_000)],
    "succeeded": [states.succeeded(1.0, "{}", "https://v", 490_000)],
    "failed": [states.failed(1.0, "kind", "why", 0)],
    "another_try": [states.another_try(1.0, "kind", "why", 0)],
    "cancelled": [states.cancelled(old, 1.0, 0) for old in (State.PENDING, State.SUBMITTED, State.IN_DOUBT)],
    "again": [states.again(old, 1.0) for old in (State.FAILED, State.CANCELLED, State.SUCCEEDED)],
}


def test_every_constructor_of_a_move_makes_an_edge_that_is_drawn() -> None:
    """And all the edges that are drawn are made by one; a new constructor has to be listed here."""
    makers = {
        name
        for name, function in inspect.getmembers(states, inspect.isfunction)
        if inspect.signature(function).return_annotation is Transition
    }
    assert makers == set(MOVES)
    assert {(move.old, move.new) for moves in MOVES.values() for move in moves} == TRANSITIONS


def test_a_receipt_comes_with_every_move_to_submitted_and_with_no_other() -> None:
    """What fal took is never without its id: a row that was submitted before has it already, and keeps it."""
    for moves in MOVES.values():
        for move in moves:
            new_there = move.new is State.SUBMITTED and move.old not in (State.SUBMITTED, State.FAILED)
            assert (move.receipt is not None) == new_there
            assert "request_id" not in move.changes or move.old is not State.SUBMITTED


def test_only_a_person_brings_a_finished_row_back() -> None:
    """No edge leaves a finished state but those that `rerun` takes; one of them buys nothing."""
    finished = {State.SUCCEEDED, State.FAILED, State.CANCELLED}
    again = {(old, State.PENDING) for old in finished} | {(State.FAILED, State.SUBMITTED)}
    assert {(old, new) for old, new in TRANSITIONS if old in finished} == again


def test_a_row_in_doubt_is_never_submitted_without_being_settled() -> None:
    """It goes to pending by proof or decision only, never straight to a new POST."""
    assert (State.IN_DOUBT, State.SUBMITTING) not in TRANSITIONS
    assert {old for old, new in TRANSITIONS if new is State.SUBMITTING} == {State.PENDING}


@pytest.mark.parametrize(
    ("state", "edited", "invalid", "shown"),
    [
        (None, False, False, Status.PENDING),
        (None, False, True, Status.INVALID),
        (State.PENDING, True, False, Status.PENDING),
        (State.PENDING, False, True, Status.INVALID),
        (State.SUBMITTING, True, True, Status.SUBMITTED),
        (State.SUBMITTED, True, True, Status.SUBMITTED),
        (State.IN_DOUBT, True, True, Status.IN_DOUBT),
        (State.SUCCEEDED, False, False, Status.SUCCEEDED),
        (State.SUCCEEDED, True, False, Status.STALE),
        (State.SUCCEEDED, True, True, Status.STALE),
        (State.FAILED, True, False, Status.FAILED),
        (State.FAILED, False, True, Status.INVALID),
        (State.CANCELLED, False, False, Status.CANCELLED),
    ],
)
def test_what_may_be_paid_for_is_shown_before_what_is_wrong(
    state: State | None, edited: bool, invalid: bool, shown: Status
) -> None:
    """A row that is paid for is never shown as one that waits or cannot be run."""
    assert status(state, edited=edited, invalid=invalid) is shown
