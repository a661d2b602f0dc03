"""The states of a row: what is drawn, what the constructors make, and what the table says."""

import inspect

import pytest

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import TRANSITIONS, UNDER_WAY, State, Status, Transition, status
from tests.support.simulated import ledger_of

RECEIPT = Receipt("r1", "https://s", "https://r", "https://c")
AT = 7.0


def moves() -> dict[str, list[Transition]]:
    """Every move that there is, by the name of its constructor."""
    return {
        "claimed": [states.claimed(AT, "{}", 490_000)],
        "accepted": [states.accepted(AT, RECEIPT)],
        "not_sent": [states.not_sent(AT, "no network")],
        "refused": [states.refused(AT, "kind", "why")],
        "unsendable": [states.unsendable(AT, "kind", "why")],
        "reply_lost": [states.reply_lost(AT, "cut")],
        "found_at_fal": [states.found_at_fal(AT, RECEIPT)],
        "held": [states.held(AT, "an equal request is there")],
        "never_accepted": [states.never_accepted(AT)],
        "resubmitted": [states.resubmitted(AT, 490_000), states.resubmitted(AT, 490_000, State.SUBMITTED)],
        "given_up": [states.given_up(AT, "left alone", 490_000, old) for old in (State.IN_DOUBT, State.SUBMITTED)],
        "unheard": [states.unheard(AT, "no_result", "why")],
        "taken_up_again": [states.taken_up_again(AT, 490_000)],
        "succeeded": [states.succeeded(AT, "{}", "https://v", 490_000)],
        "failed": [states.failed(AT, "kind", "why", 490_000)],
        "another_try": [states.another_try(AT, "kind", "why", 490_000)],
        "recalling": [states.recalling(AT)],
        "never_ran": [states.never_ran(AT, "no runner took it", 0)],
        "cancelled": [states.cancelled(old, AT, 490_000) for old in (State.PENDING, State.SUBMITTED, State.IN_DOUBT)],
        "again": [states.again(old, AT) for old in (State.FAILED, State.CANCELLED, State.SUCCEEDED)],
    }


def every_move() -> list[Transition]:
    return [move for made in moves().values() for move in made]


def test_every_constructor_of_a_move_makes_an_edge_that_is_drawn() -> None:
    """And all the edges that are drawn are made by one; a new constructor has to be listed here."""
    makers = {
        name
        for name, function in inspect.getmembers(states, inspect.isfunction)
        if inspect.signature(function).return_annotation is Transition and "mutmut" not in name
    }
    assert makers == set(moves())
    assert {(move.old, move.new) for move in every_move()} == TRANSITIONS


def test_a_receipt_comes_with_every_move_to_submitted_and_with_no_other() -> None:
    """What fal took is never without its id: a row that was submitted before has it already, and keeps it."""
    for move in every_move():
        new_there = move.new is State.SUBMITTED and move.old not in (State.SUBMITTED, State.FAILED)
        given = (RECEIPT, RECEIPT.request_id) if new_there else (None, None)
        assert (move.receipt, move.changes.get("request_id")) == given
        assert "request_id" not in move.changes or move.old is not State.SUBMITTED


def test_every_move_says_when_it_was_made() -> None:
    """And an intent, a submit and an end are kept at that time, each in its own place."""
    times = {
        State.SUBMITTING: "intent_at",
        State.SUBMITTED: "submitted_at",
        State.SUCCEEDED: "finished_at",
        State.FAILED: "finished_at",
        State.CANCELLED: "finished_at",
    }
    for move in every_move():
        assert move.at == AT
        kept = {name for name, value in move.changes.items() if name.endswith("_at") and value is not None}
        had_already = move.new is State.SUBMITTED and move.receipt is None
        assert kept == ({times[move.new]} if move.new in times and not had_already else set())
        assert all(move.changes[name] == AT for name in kept)


def test_what_is_changed_is_a_column_of_the_ledger() -> None:
    """Under no other name: a change that went nowhere would be lost money."""
    ledger = ledger_of([])
    columns = {name for (name,) in ledger.db.execute("SELECT name FROM pragma_table_info('row')")}
    assert {name for move in every_move() for name in move.changes} <= columns


def test_a_try_counts_from_its_intent_and_is_taken_off_only_where_nothing_was_bought() -> None:
    """Every other move leaves the count alone."""
    steps = {"claimed": 1, "not_sent": -1, "never_accepted": -1}
    for name, made in moves().items():
        assert {move.step for move in made} == {steps.get(name, 0)}, name


def test_what_a_move_costs_is_what_it_was_told_and_nothing_where_nothing_can_be_billed() -> None:
    """An end, a decision and a cancel know their price; the rest has none."""
    costs = dict.fromkeys(["resubmitted", "given_up", "succeeded", "failed", "another_try", "cancelled"], 490_000)
    costs["taken_up_again"] = -490_000  # what was counted for it is taken back
    for name, made in moves().items():
        assert {move.cost for move in made} == {costs.get(name, 0)}, name


SAYS = {
    "held": {"kind": "bought_before", "message": "an equal request is there"},
    "not_sent": {"message": "no network"},
    "refused": {"kind": "kind", "message": "why"},
    "unsendable": {"kind": "kind", "message": "why"},
    "reply_lost": {"kind": "reply_lost", "message": "cut"},
    "unheard": {"kind": "no_result", "message": "why"},
    "given_up": {"kind": "given_up", "message": "left alone"},
    "failed": {"kind": "kind", "message": "why"},
    "another_try": {"kind": "kind", "message": "why"},
    "recalling": {"kind": None, "message": states.RECALLING},
    "never_ran": {"kind": None, "message": "no runner took it"},
    "cancelled": {"kind": "cancelled", "message": "taken back"},
}
"""Move → what the row says of it from then on; after every other, but for `accepted`, it says nothing any more."""


def test_a_row_says_what_went_wrong_last_and_nothing_once_it_goes_well() -> None:
    """An old failure never stands beside a video, nor beside a row that was asked for again."""
    for name, made in moves().items():
        well = {} if name == "accepted" else {"kind": None, "message": None}  # the intent has wiped it off already
        for move in made:
            said = {key: value for key, value in move.changes.items() if key in ("kind", "message")}
            assert said == SAYS.get(name, well), name


def test_an_intent_keeps_what_will_leave_and_its_price() -> None:
    """The price of the moment, and the JSON where it is not the row's own; the request before it is not its own."""
    changes = states.claimed(AT, "{}", 490_000).changes
    assert (changes["sent"], changes["price"]) == ("{}", 490_000)
    assert changes["request_id"] is changes["finished_at"] is None
    assert states.claimed(AT, None, None).changes | {"sent": "{}", "price": 490_000} == changes


def test_a_video_is_kept_with_its_whole_result() -> None:
    """Word for word."""
    changes = states.succeeded(AT, '{"video": {}}', "https://v", 0).changes
    assert (changes["result"], changes["video_url"]) == ('{"video": {}}', "https://v")


def test_a_result_that_is_no_video_is_kept_where_there_is_one() -> None:
    """What was there before is not wiped off by one that is not known."""
    assert states.failed(AT, "kind", "why", 0, '{"video": null}').changes["result"] == '{"video": null}'
    assert "result" not in states.failed(AT, "kind", "why", 0).changes


def test_a_row_that_is_asked_for_again_starts_anew() -> None:
    """Its tries count from nothing, whether it had finished or was in doubt; of a video nothing is left."""
    for move in (*moves()["again"], *moves()["resubmitted"]):
        assert move.changes["tries"] == 0
    assert states.taken_up_again(AT, 0).changes["finished_at"] is None
    for move in moves()["again"]:
        assert [move.changes[name] for name in ("finished_at", "video_url", "result")] == [None, None, None]


def test_only_a_person_brings_a_finished_row_back() -> None:
    """No edge leaves a finished state but those that `rerun` takes; one of them buys nothing."""
    finished = {State.SUCCEEDED, State.FAILED, State.CANCELLED}
    again = {(old, State.PENDING) for old in finished} | {(State.FAILED, State.SUBMITTED)}
    assert {(old, new) for old, new in TRANSITIONS if old in finished} == again


def test_what_may_have_been_paid_for_is_all_between_an_intent_and_an_end() -> None:
    """Each of these counts against a cap."""
    assert set(UNDER_WAY) == {State.SUBMITTING, State.SUBMITTED, State.IN_DOUBT}


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
