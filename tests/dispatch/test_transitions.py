"""Each answer of the service means one thing, and every answer means something."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.gateway import (
    Accepted,
    AccountRefused,
    InDoubt,
    NotSent,
    Receipt,
    Refused,
    RequestFailed,
    SubmitAnswer,
    Throttled,
    Video,
)
from batch.core.retry import FINAL, WORTH_ANOTHER_TRY, Retry
from batch.core.row import AskedInVain, NeverRan, Unheard
from batch.core.states import TRANSITIONS, State
from batch.dispatch.stopping import Stop
from batch.dispatch.transitions import Pause, SubmitOutcome, of_end, of_submit, of_unheard
from batch.pacing.poller import End
from batch.sandbox.outcomes import Outcome
from tests.support.simulated import Service, ledger_of, service_queue, shots, simulate

NOW = 1_800_000_000.0
PRICE = 490_000
RECEIPT = Receipt("r", "s", "u", "c")

SUBMITS: list[tuple[SubmitAnswer, State, dict[str, object]]] = [
    (Accepted(RECEIPT), State.SUBMITTED, {"receipt": RECEIPT, "reached": True}),
    (NotSent("no route"), State.PENDING, {"again": True, "pause": Pause("fal cannot be reached (no route)")}),
    (Throttled(None), State.PENDING, {"again": True, "pause": Pause("fal asks for a pause (429)")}),
    (Throttled(0.0), State.PENDING, {"again": True, "pause": Pause("fal asks for a pause (429)", 0.0)}),
    (Throttled(7.0), State.PENDING, {"again": True, "pause": Pause("fal asks for a pause (429)", 7.0)}),
    (AccountRefused("locked", "no money"), State.PENDING, {"stop": Stop("locked", "no money", recall=True)}),
    (Refused("missing", "no prompt"), State.FAILED, {"failure": "missing", "reached": True}),
    (InDoubt("lost"), State.IN_DOUBT, {"failure": "in doubt: lost"}),
]
"""Answer to a submit → the state of its row, and all else that it means."""

ENDS: list[tuple[End, State, int]] = [
    (Video("{}", "https://v"), State.SUCCEEDED, PRICE),
    (RequestFailed("image_too_small", "no", 422), State.FAILED, PRICE),
    (RequestFailed("internal_server_error", "oh", 500), State.PENDING, 0),
    (RequestFailed("downstream_service_error", "oh", 400), State.PENDING, PRICE),
    (RequestFailed("unheard_of", "oh", 499), State.FAILED, PRICE),
    (RequestFailed("unheard_of", "oh", 500), State.PENDING, 0),
    (RequestFailed("image_too_small", "no", 422, retryable=True), State.PENDING, PRICE),
    (RequestFailed("internal_server_error", "oh", 500, retryable=False), State.FAILED, 0),
    (NeverRan("no runner took it"), State.PENDING, 0),
]
"""End of a request → the state of its row after its first try, and what it is counted at."""


@pytest.mark.parametrize(("answer", "state", "means"), SUBMITS)
def test_an_answer_to_a_submit_means_this_and_nothing_more(
    answer: SubmitAnswer, state: State, means: dict[str, object]
) -> None:
    """For its row, for the rows behind it, and for the run."""
    outcome = of_submit(answer, NOW)
    assert outcome == SubmitOutcome(transition=outcome.transition, **means)
    flags = {name for name in ("again", "reached") if getattr(outcome, name)}
    assert flags == {name for name in ("again", "reached") if means.get(name)}
    transition = outcome.transition
    assert (transition.old, transition.new, transition.at, transition.cost) == (State.SUBMITTING, state, NOW, 0)
    assert transition.receipt == means.get("receipt")


def test_every_answer_to_a_submit_has_its_outcome() -> None:
    """The table above leaves none of the union out, and every edge is one that the ledger knows."""
    assert {type(answer) for answer, _, _ in SUBMITS} == set(get_args(SubmitAnswer))
    assert all((State.SUBMITTING, state) in TRANSITIONS for _, state, _ in SUBMITS)


@pytest.mark.parametrize("answer", [answer for answer, _, _ in SUBMITS])
def test_a_try_counts_unless_nothing_can_have_been_bought(answer: SubmitAnswer) -> None:
    """The step that the intent added is taken off again for a row that is as it was, and for no other."""
    transition = of_submit(answer, NOW).transition
    assert transition.step == (-1 if transition.new is State.PENDING else 0)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (NotSent("no route"), None, "no route"),
        (Throttled(7.0), None, "fal asked to come again later (429)"),
        (AccountRefused("locked", "no money"), None, "no money"),
        (Refused("missing", "no prompt"), "missing", "no prompt"),
        (InDoubt("cut"), "reply_lost", "cut"),
    ],
)
def test_a_row_says_what_the_service_answered(answer: SubmitAnswer, kind: str | None, message: str) -> None:
    """In the service's words, or those of the network; a kind only where the row itself went wrong."""
    changes = of_submit(answer, NOW).transition.changes
    assert (changes.get("kind"), changes["message"]) == (kind, message)


@pytest.mark.parametrize(
    ("end", "kind", "message"),
    [
        (Video("{}", "https://v"), None, None),
        (RequestFailed("image_too_small", "no", 422), "image_too_small", "no"),
        (RequestFailed("internal_error", "oh", 500), "internal_error", "oh"),
    ],
)
@pytest.mark.parametrize("price", [PRICE, 0, None])
def test_a_row_says_when_and_how_its_request_ended(
    end: Video | RequestFailed, kind: str | None, message: str | None, price: int | None
) -> None:
    """A price that is not known counts as nothing, and so does none."""
    transition = of_end(end, NOW, price, 1, Retry(tries=3))
    assert transition.at == NOW
    assert transition.changes.get("finished_at") == (None if transition.new is State.PENDING else NOW)
    assert (transition.changes["kind"], transition.changes["message"]) == (kind, message)
    assert price or transition.cost == 0


@pytest.mark.parametrize(("end", "state", "spent"), ENDS)
def test_an_end_makes_this_transition_at_this_cost(end: Video | RequestFailed, state: State, spent: int) -> None:
    """On a first try of three."""
    transition = of_end(end, NOW, PRICE, 1, Retry(tries=3))
    assert (transition.old, transition.new, transition.cost) == (State.SUBMITTED, state, spent)


def test_every_end_has_its_transition() -> None:
    """But for one that could not be learned, which leaves the row to the next run."""
    assert {type(end) for end, _, _ in ENDS} == set(get_args(End)) - {Unheard}
    assert all((State.SUBMITTED, state) in TRANSITIONS for _, state, _ in ENDS)


@pytest.mark.parametrize("tries", [0, 1, 2, 3, 9])
def test_a_request_that_no_runner_took_is_no_try(tries: int) -> None:
    """However often it happens: the row waits again, as often tried as before."""
    transition = of_end(NeverRan("no runner took it"), NOW, PRICE, tries, Retry(tries=3))
    assert transition.new is State.PENDING
    assert transition.changes == {"kind": None, "message": "no runner took it", "tries": max(0, tries - 1)}


@pytest.mark.parametrize(
    ("tries", "state"), [(1, State.PENDING), (2, State.PENDING), (3, State.FAILED), (4, State.FAILED)]
)
def test_the_last_try_that_is_worth_another_one_fails(tries: int, state: State) -> None:
    """Three tries are three, whatever a failure is worth; the reason stays with the row."""
    transition = of_end(RequestFailed("internal_error", "oh", 500), NOW, PRICE, tries, Retry(tries=3))
    assert transition.new is state
    assert (transition.changes["kind"], transition.changes["message"]) == ("internal_error", "oh")


def test_what_a_request_ended_in_without_a_video_is_kept() -> None:
    """Where the service gave something: it may hold what was paid for."""
    ended = RequestFailed("no_video_in_result", "no URL", 200, result='{"video": 1}')
    assert of_end(ended, NOW, PRICE, 1, Retry()).changes["result"] == '{"video": 1}'


HOUR = 3600.0
VERDICT = RequestFailed("image_too_small", "too small", 422, result='{"detail": "too small"}')
UNHEARD = Unheard("no_result", "HTTP 422", VERDICT)


@pytest.mark.parametrize(
    ("end", "before", "believed"),
    [
        (UNHEARD, AskedInVain("HTTP 422", 2, NOW - 3 * HOUR), True),
        (UNHEARD, AskedInVain("HTTP 422", 9, NOW - 90 * HOUR), True),
        (UNHEARD, AskedInVain("HTTP 422", 1, NOW - 90 * HOUR), False),
        (UNHEARD, AskedInVain("HTTP 422", 9, NOW - 3 * HOUR + 1), False),
        (UNHEARD, AskedInVain("HTTP 422", 9, NOW + HOUR), False),
        (UNHEARD, AskedInVain("HTTP 404", 9, NOW - 90 * HOUR), False),
        (UNHEARD, None, False),
        (Unheard("no_result", "HTTP 422"), AskedInVain("HTTP 422", 9, NOW - 90 * HOUR), False),
    ],
)
def test_a_failure_that_nothing_backs_is_believed_in_the_third_run_and_after_three_hours(
    end: Unheard, before: AskedInVain | None, believed: bool
) -> None:
    """Where it was told every time, and it is a failure at all; until then the row stays where it is."""
    transition = of_unheard(end, NOW, PRICE, before)
    assert (transition.old, transition.at) == (State.SUBMITTED, NOW)
    assert transition.new is (State.FAILED if believed else State.SUBMITTED)
    said = ("image_too_small", "too small") if believed else ("no_result", "HTTP 422")
    assert (transition.changes["kind"], transition.changes["message"]) == said
    assert transition.changes.get("result") == (VERDICT.result if believed else None)


@pytest.mark.parametrize(("price", "counted"), [(PRICE, PRICE), (0, 0), (None, 0)])
def test_a_failure_believed_at_last_counts_at_its_full_price(price: int | None, counted: int) -> None:
    """It may have been billed; what nobody knows an end of costs nothing yet."""
    believed = of_unheard(UNHEARD, NOW, price, AskedInVain("HTTP 422", 2, NOW - 3 * HOUR))
    assert believed.cost == counted
    assert of_unheard(UNHEARD, NOW, price, None).cost == 0


@given(
    st.sampled_from(sorted(WORTH_ANOTHER_TRY | FINAL | {"unheard_of"})),
    st.integers(400, 599),
    st.none() | st.booleans(),
    st.none() | st.integers(0, 10**9),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_no_failure_is_bought_again_beyond_its_tries_and_none_costs_more_than_its_price(
    kind: str, status: int, retryable: bool | None, price: int | None, tries: int, most: int
) -> None:
    """Whatever the service says; a price that is not known counts as nothing."""
    transition = of_end(RequestFailed(kind, "m", status, retryable), NOW, price, tries, Retry(tries=most))
    assert transition.new in (State.PENDING, State.FAILED)
    assert transition.new is State.FAILED or tries < most
    assert transition.cost in (0, price or 0)


def test_failures_worth_another_try_are_tried_three_times_at_most() -> None:
    """Two bad runs cost two more requests; a third bad one ends the row."""
    broken = Outcome(code=500, body={"detail": "x"})
    queue = service_queue(10, 60.0, plan=lambda given, nth: broken if given["prompt"] == "shot 1" or nth < 3 else None)
    ledger = ledger_of(shots(3))
    simulate(ledger, Service(queue))
    states = dict(ledger.db.execute("SELECT json_extract(arguments, '$.prompt'), state || ' ' || attempts FROM row"))
    assert states == {"shot 0": "succeeded 3", "shot 1": "failed 3", "shot 2": "succeeded 3"}


def test_final_failures_are_not_tried_again_and_count_as_spent() -> None:
    """A 422 may have been billed."""
    queue = service_queue(10, 60.0, plan=lambda given, nth: Outcome(code=422, body={"detail": "x"}))
    ledger = ledger_of(shots(3))
    dispatcher, _ = simulate(ledger, Service(queue))
    assert ledger.db.execute("SELECT state, attempts, spent FROM row").fetchall() == [("failed", 1, 490_000)] * 3
    assert dispatcher.tally.spent == 3 * 490_000
