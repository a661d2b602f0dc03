"""The states of a row in the ledger, and every transition from one to the next.

     pending ──claim──▶ submitting ──accepted──▶ submitted ──finished──▶ succeeded
        ▲                 │   │                      └──broke──▶ failed, or pending again
        ├──not sent───────┘   ├──refused for good──▶ failed
        │                     └──reply lost, or found so at start──▶ in_doubt ──found at fal──▶ submitted
        └──proven not accepted / decided by a person◀──────────────────┘
     any unfinished ──cancel──▶ cancelled          failed, cancelled, stale ──rerun──▶ pending
     submitted ──taken back or expired before it ran──▶ pending
     submitted ──not heard of, to be taken back──▶ submitted         failed as unknown to fal ──rerun──▶ submitted
     succeeded ──another take is wanted: redo, or several from the start──▶ pending

A `Transition` is a new state with all that changes with it. The functions below make every transition there is; the
ledger applies one only to a row that is in its old state, and its triggers refuse any other edge.
Times are seconds since 1970 (UTC), money is in millionths of a dollar.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from batch.core.gateway import Receipt


class State(StrEnum):
    """Where a row stands."""

    PENDING = "pending"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    IN_DOUBT = "in_doubt"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: frozenset[tuple[State, State]] = frozenset(
    {
        (State.PENDING, State.SUBMITTING),
        (State.PENDING, State.FAILED),  # its image vanished or cannot be uploaded: nothing was sent
        (State.PENDING, State.CANCELLED),
        (State.SUBMITTING, State.PENDING),
        (State.SUBMITTING, State.SUBMITTED),
        (State.SUBMITTING, State.IN_DOUBT),
        (State.SUBMITTING, State.FAILED),
        (State.SUBMITTED, State.SUCCEEDED),
        (State.SUBMITTED, State.FAILED),
        (State.SUBMITTED, State.PENDING),
        (State.SUBMITTED, State.CANCELLED),
        (State.SUBMITTED, State.SUBMITTED),  # a run could not learn its end, or takes it back: written down, no more
        (State.IN_DOUBT, State.SUBMITTED),
        (State.IN_DOUBT, State.PENDING),
        (State.IN_DOUBT, State.FAILED),
        (State.IN_DOUBT, State.CANCELLED),
        (State.FAILED, State.PENDING),
        (State.FAILED, State.SUBMITTED),  # an older version took a 404 for the end of its request
        (State.CANCELLED, State.PENDING),
        (State.SUCCEEDED, State.PENDING),
    }
)
"""Every edge of the drawing above; the ledger's trigger reads the same set."""

UNDER_WAY = (State.SUBMITTING, State.SUBMITTED, State.IN_DOUBT)
"""States whose price may have been paid without a result yet."""


class Status(StrEnum):
    """What the table says of a row: a state, or what keeps it from having one."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    IN_DOUBT = "in_doubt"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INVALID = "invalid"
    STALE = "stale"


def status(state: State | None, *, edited: bool, invalid: bool) -> Status:
    """How a row of the manifest is shown.

    Args:
        state: None where the ledger does not have it.
        edited: its inputs are not those that the ledger has.
        invalid: it cannot be sent as it stands.
    """
    if state is State.SUCCEEDED:
        return Status.STALE if edited else Status.SUCCEEDED
    if state in UNDER_WAY:
        # A row whose POST is on its way may be paid for already: it is not shown as one that waits.
        return Status.IN_DOUBT if state is State.IN_DOUBT else Status.SUBMITTED
    if invalid:
        return Status.INVALID
    return Status(state) if state else Status.PENDING


@dataclass(frozen=True, slots=True)
class Transition:
    """From one state to the next, and what changes with it. `receipt` is kept for good, whatever comes after."""

    old: State
    new: State
    at: float
    changes: Mapping[str, Any]
    cost: int = 0
    """Added to what the row has spent."""
    receipt: Receipt | None = None
    step: int = 0
    """Added to the row's attempts and tries: a POST counts from its intent, and is taken off again where it is proven
    that nothing was bought."""


BOUGHT_BEFORE = "bought_before"
"""The kind of doubt that no record of fal's settles: whether a request that is there already is the row's."""

RECALLING = "fal was asked to take it back while it waited in line"

_NO_FAILURE = {"kind": None, "message": None}


def claimed(at: float, sent: str | None, price: int | None, start_timeout: float | None = None) -> Transition:
    """The intent, committed before the POST: `sent` is the JSON that will leave, None where it is the row's own.

    `start_timeout` is the request's own start deadline in seconds; None where nobody here knows it.
    """
    changes = {"sent": sent, "intent_at": at, "price": price, "start_timeout": start_timeout}
    changes |= {"request_id": None, "finished_at": None, **_NO_FAILURE}
    return Transition(State.PENDING, State.SUBMITTING, at, changes, step=1)


def accepted(at: float, receipt: Receipt) -> Transition:
    """fal took the request: its id is the row's from here on."""
    changes = {"request_id": receipt.request_id, "submitted_at": at}
    return Transition(State.SUBMITTING, State.SUBMITTED, at, changes, receipt=receipt)


def not_sent(at: float, message: str) -> Transition:
    """Nothing left this machine, or the service refused it for now: the row is as it was, the try does not count."""
    return Transition(State.SUBMITTING, State.PENDING, at, {"message": message}, step=-1)


def refused(at: float, error_type: str, message: str) -> Transition:
    """The service refused the request for good, before it cost anything."""
    changes = {"kind": error_type, "message": message, "finished_at": at}
    return Transition(State.SUBMITTING, State.FAILED, at, changes)


def unsendable(at: float, error_type: str, message: str) -> Transition:
    """The row cannot be sent any more (its image is gone); it never left `pending`."""
    return Transition(State.PENDING, State.FAILED, at, {"kind": error_type, "message": message, "finished_at": at})


def reply_lost(at: float, message: str) -> Transition:
    """It may be paid for, and nobody here knows: left alone until it is settled."""
    return Transition(State.SUBMITTING, State.IN_DOUBT, at, {"kind": "reply_lost", "message": message})


def held(at: float, message: str) -> Transition:
    """It seems to have been bought before, by a ledger that is not here: left alone until a person says."""
    return Transition(State.SUBMITTING, State.IN_DOUBT, at, {"kind": BOUGHT_BEFORE, "message": message})


def found_at_fal(at: float, receipt: Receipt) -> Transition:
    """The request in doubt is in fal's own records."""
    changes = {"request_id": receipt.request_id, "submitted_at": at, **_NO_FAILURE}
    return Transition(State.IN_DOUBT, State.SUBMITTED, at, changes, receipt=receipt)


def never_accepted(at: float) -> Transition:
    """Proven absent from fal's records: it may be submitted again."""
    return Transition(State.IN_DOUBT, State.PENDING, at, _NO_FAILURE, step=-1)


def resubmitted(at: float, cost: int, old: State = State.IN_DOUBT) -> Transition:
    """A person decided that a row in doubt, or one that no run can learn the end of, is to be bought again.

    What may have been paid counts as spent.
    """
    return Transition(old, State.PENDING, at, {"tries": 0, **_NO_FAILURE}, cost)


def given_up(at: float, message: str, cost: int, old: State = State.IN_DOUBT) -> Transition:
    """A person decided to leave a row in doubt, or one that no run can learn the end of; it counts as spent."""
    changes = {"kind": "given_up", "message": message, "finished_at": at}
    return Transition(old, State.FAILED, at, changes, cost)


def unheard(at: float, error_type: str, message: str) -> Transition:
    """This run could not learn how the request ended: it stays where it is, and the next run asks again."""
    return Transition(State.SUBMITTED, State.SUBMITTED, at, {"kind": error_type, "message": message})


def taken_up_again(at: float, counted: int) -> Transition:
    """A request that an older version failed as unknown to fal is asked after again; what it counted is taken back."""
    return Transition(State.FAILED, State.SUBMITTED, at, {"finished_at": None, **_NO_FAILURE}, -counted)


def succeeded(at: float, result: str, video_url: str, cost: int) -> Transition:
    """The whole result (JSON), kept word for word, and the URL in it."""
    changes = {"result": result, "video_url": video_url, "finished_at": at, **_NO_FAILURE}
    return Transition(State.SUBMITTED, State.SUCCEEDED, at, changes, cost)


def failed(at: float, error_type: str, message: str, cost: int, result: str | None = None) -> Transition:
    """The request ended without a video, and another try would end the same; what it ended in is kept."""
    changes = {"kind": error_type, "message": message, "finished_at": at} | ({"result": result} if result else {})
    return Transition(State.SUBMITTED, State.FAILED, at, changes, cost)


def another_try(at: float, error_type: str, message: str, cost: int) -> Transition:
    """The request ended without a video, and another try is worth it."""
    return Transition(State.SUBMITTED, State.PENDING, at, {"kind": error_type, "message": message}, cost)


def recalling(at: float) -> Transition:
    """fal is about to be asked to take the request back while it waits in line: known before it is asked."""
    return Transition(State.SUBMITTED, State.SUBMITTED, at, {"kind": None, "message": RECALLING})


def never_ran(at: float, message: str, tries: int) -> Transition:
    """No runner took the request, which has ended: it cost nothing, and is none of the row's tries.

    `tries` are those before it.
    """
    changes = {"kind": None, "message": message, "tries": tries}
    return Transition(State.SUBMITTED, State.PENDING, at, changes)


def cancelled(old: State, at: float, cost: int) -> Transition:
    """Taken back."""
    changes = {"kind": "cancelled", "message": "taken back", "finished_at": at}
    return Transition(old, State.CANCELLED, at, changes, cost)


def again(old: State, at: float) -> Transition:
    """A person asked for a finished row to be run again."""
    changes = {"tries": 0, "finished_at": None, "video_url": None, "result": None, **_NO_FAILURE}
    return Transition(old, State.PENDING, at, changes)
