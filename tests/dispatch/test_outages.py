"""Outages on a mock clock: what cannot be asked after stays under way, is not bought again, and holds up no run."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import pytest
from anyio import current_time

from batch.core.gateway import (
    CollectAnswer,
    Finished,
    NotFound,
    PollAnswer,
    Receipt,
    RequestFailed,
    Unclear,
    Waiting,
)
from batch.dispatch.dispatcher import Dispatcher
from batch.ledger.ledger import Ledger
from tests.support.simulated import Service, count, ledger_of, night, play, service_queue, shots

PRICE = 490_000
TYPED_503 = RequestFailed("runner_connection_error", "Runner connection error", 503, sure=False)
REFUSED = Unclear("HTTP 403: User is locked", account=True, answered=True)


@dataclass
class Troubled(Service):
    """Answers otherwise where `status` or `result` say so, by the time; counts the questions about each request."""

    status: Callable[[float], PollAnswer | None] = lambda _: None
    result: Callable[[float], CollectAnswer | None] = lambda _: None
    about: Counter[str] = field(default_factory=Counter)

    async def poll(self, receipt: Receipt) -> PollAnswer:
        self.about[receipt.request_id] += 1
        answer = await super().poll(receipt)
        return self.status(current_time()) or answer

    async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer:
        self.about[receipt.request_id] += 1
        answer = await super().collect(receipt, finished)
        return self.result(current_time()) or answer


def simulate(ledger: Ledger, service: Service, start: float = 0.0, **how: object) -> tuple[Dispatcher, float]:
    async def one() -> tuple[Dispatcher, float]:
        await anyio.sleep(start)
        dispatcher = await night(ledger, service, **how)
        return dispatcher, current_time() - start

    told: tuple[Dispatcher, float] = play(one)
    return told


def require_paid_once(service: Service, rows: int) -> None:
    prompts = Counter(str(request.input["prompt"]) for request in service.queue.requests)
    assert set(prompts.values()) == {1}
    assert len(prompts) == rows


@pytest.mark.parametrize("seconds", [100.0, 550.0])
def test_a_typed_5xx_in_place_of_a_result_buys_nothing_again(seconds: float) -> None:
    """Thirty rows, and results of type runner_connection_error for a while: all videos come home in the same run."""
    ledger = ledger_of(shots(30))
    service = Troubled(service_queue(30, 60.0), result=lambda now: TYPED_503 if now < 60 + seconds else None)
    simulate(ledger, service, concurrency=30)
    require_paid_once(service, 30)
    assert count(ledger, "succeeded") == 30


def test_a_typed_5xx_that_lasts_is_left_to_the_next_run_and_stays_in_the_sum() -> None:
    """The rows stay submitted, their price is under way for every cap, and the next run brings them home."""
    ledger = ledger_of(shots(6))
    service = Troubled(service_queue(10, 60.0), result=lambda now: TYPED_503 if now < 3600 else None)
    dispatcher, took = simulate(ledger, service)
    assert (dispatcher.tally.left, count(ledger, "submitted")) == (6, 6)
    assert took < 900
    assert (ledger.money().spent, ledger.money().under_way) == (0, 6 * PRICE)
    simulate(ledger, service, start=4000.0)
    assert count(ledger, "succeeded") == 6
    require_paid_once(service, 6)


def test_a_404_for_every_status_is_no_end() -> None:
    """Sixteen minutes of 404: nothing fails, the rows are left, and the next run brings their videos home."""
    ledger = ledger_of(shots(6))
    service = Troubled(service_queue(10, 60.0), status=lambda now: NotFound("HTTP 404: <html>") if now < 1000 else None)
    dispatcher, _ = simulate(ledger, service)
    assert (dispatcher.tally.left, count(ledger, "submitted"), count(ledger, "failed")) == (6, 6, 0)
    assert ledger.db.execute("SELECT DISTINCT kind, message FROM row").fetchall() == [("not_found", "HTTP 404: <html>")]
    simulate(ledger, service, start=1100.0)
    assert count(ledger, "succeeded") == 6
    assert ledger.db.execute("SELECT DISTINCT kind, message FROM row").fetchall() == [(None, None)]
    require_paid_once(service, 6)


def in_turn(*answers: PollAnswer) -> Callable[[float], PollAnswer]:
    return lambda now: answers[int(now * 10) % len(answers)]


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        (lambda _: NotFound("HTTP 404: gone"), 1000),
        (lambda _: REFUSED, 1000),
        (lambda _: Unclear("HTTP 503: <html>", answered=True), 4500),
        (lambda _: Unclear("the answer was not JSON", answered=True), 4500),
        (in_turn(NotFound("HTTP 404: gone"), REFUSED, Unclear("HTTP 500: {", answered=True)), 4500),
    ],
    ids=["404", "403", "503", "garbage", "in turn"],
)
def test_a_status_that_is_never_to_be_had_ends_the_wait(status: Callable[[float], PollAnswer], seconds: float) -> None:
    """Whatever comes in its place, in the end the row is left; asked less and less often, about once a minute."""
    ledger = ledger_of(shots(4))
    service = Troubled(service_queue(10, 60.0), status=status)
    dispatcher, took = simulate(ledger, service)
    assert (dispatcher.tally.left, count(ledger, "submitted")) == (4, 4)
    assert took < seconds
    assert max(service.about.values()) <= 10 + seconds / 45
    require_paid_once(service, 4)


RESULTS: dict[str, CollectAnswer] = {
    "still in progress": Waiting(running=True),
    "404": NotFound("HTTP 404: gone"),
    "403": REFUSED,
    "503": Unclear("HTTP 503: <html>", answered=True),
    "garbage": Unclear("the answer was not JSON", answered=True),
    "typed 503": TYPED_503,
    "no video": RequestFailed("no_video_in_result", "the result holds no video: {}", 200, sure=False),
    "plain 422": RequestFailed("http_422", "oh", 422, sure=False),
}


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_result_that_is_never_to_be_had_ends_the_wait(result: CollectAnswer) -> None:
    """Ten minutes, some thirty questions a row, and the row stays under way; the others were not held up."""
    ledger = ledger_of(shots(4))
    service = Troubled(service_queue(10, 60.0), result=lambda _: result)
    dispatcher, took = simulate(ledger, service)
    assert (dispatcher.tally.left, count(ledger, "submitted")) == (4, 4)
    assert took < 900
    assert max(service.about.values()) <= 40
    require_paid_once(service, 4)


def test_one_request_that_answers_nothing_does_not_hold_up_the_run() -> None:
    """While fal answers for the others, silence about one is a trouble of that one."""
    ledger = ledger_of(shots(30))
    queue = service_queue(2, 300.0)

    class Mute(Troubled):
        async def poll(self, receipt: Receipt) -> PollAnswer:
            answer = await super().poll(receipt)
            return Unclear("no answer in 30 s") if receipt.request_id == queue.requests[0].id else answer

    service = Mute(queue)
    dispatcher, _ = simulate(ledger, service, concurrency=3)
    assert (dispatcher.tally.left, count(ledger, "succeeded")) == (1, 29)
    assert ledger.db.execute("SELECT kind FROM row WHERE state = 'submitted'").fetchall() == [("no_status",)]
    assert service.about[queue.requests[0].id] < 100


@pytest.mark.parametrize("hours", [3, 9])
def test_a_dead_network_is_waited_for_however_long(hours: int) -> None:
    """Where nothing at all answers, no row is left for it."""
    ledger = ledger_of(shots(20))
    service = Troubled(service_queue(10, 60.0), offline=lambda now: 30 < now < hours * 3600)
    dispatcher, _ = simulate(ledger, service)
    assert (dispatcher.tally.left, count(ledger, "succeeded")) == (0, 20)
    require_paid_once(service, 20)


def test_a_request_that_fal_never_finishes_is_left_after_some_hours() -> None:
    """It says that it is at work on it, for ever."""
    ledger = ledger_of(shots(2))
    service = Troubled(service_queue(10, 1e9))
    dispatcher, took = simulate(ledger, service)
    assert (dispatcher.tally.left, count(ledger, "submitted")) == (2, 2)
    assert took < 8 * 3600


def test_ten_rows_that_are_left_alike_stop_the_submitting() -> None:
    """What cannot be asked after is paid for: no more is bought until it can be."""
    ledger = ledger_of(shots(60))
    service = Troubled(service_queue(10, 60.0), status=lambda _: NotFound("HTTP 404: gone"))
    dispatcher, _ = simulate(ledger, service, concurrency=5)
    assert dispatcher.stopped
    assert dispatcher.stopped.code == "failures"
    assert len(service.queue.requests) <= 15
    service.status = lambda _: None
    simulate(ledger, service, start=50_000.0)
    assert count(ledger, "succeeded") == 60
    require_paid_once(service, 60)


def test_rows_that_earlier_runs_left_do_not_stop_the_submitting_of_others() -> None:
    """Twelve whose results cannot be had for good, and twelve new ones: these get their videos."""
    ledger = ledger_of(shots(24))
    queue = service_queue(12, 60.0)

    class Lossy(Troubled):
        async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer:
            answer = await super().collect(receipt, finished)
            return TYPED_503 if receipt.request_id in {one.id for one in queue.requests[:12]} else answer

    service = Lossy(queue)
    simulate(ledger, service, limit=12, concurrency=12, stop_after=0)
    assert count(ledger, "submitted") == 12
    dispatcher, _ = simulate(ledger, service, start=5000.0, concurrency=12)
    assert dispatcher.stopped is None
    assert (count(ledger, "submitted"), count(ledger, "succeeded")) == (12, 12)
    require_paid_once(service, 24)


def test_a_failure_that_nothing_backs_is_believed_after_hours_and_several_runs() -> None:
    """The third run that hears it, three hours later: failed, at the full price, and never bought again by itself."""
    ledger = ledger_of(shots(2))
    service = Troubled(service_queue(10, 60.0), result=lambda _: TYPED_503)
    seen = []
    for start in (0.0, 6000.0, 9000.0, 13_000.0, 20_000.0):
        simulate(ledger, service, start=start)
        seen.append((count(ledger, "submitted"), count(ledger, "failed"), ledger.money().spent))
    assert seen == [(2, 0, 0), (2, 0, 0), (2, 0, 0), (0, 2, 2 * PRICE), (0, 2, 2 * PRICE)]
    assert ledger.db.execute("SELECT DISTINCT kind FROM row").fetchall() == [("runner_connection_error",)]
    require_paid_once(service, 2)


@pytest.mark.parametrize("result", [RESULTS["404"], RESULTS["503"], RESULTS["still in progress"]])
def test_what_is_no_failure_is_never_believed_to_be_one(result: CollectAnswer) -> None:
    """Six runs over a week: the row is as it was, and its price is still under way."""
    ledger = ledger_of(shots(1))
    service = Troubled(service_queue(10, 60.0), result=lambda _: result)
    for day in range(6):
        simulate(ledger, service, start=day * 86_400.0)
    assert count(ledger, "submitted") == 1
    assert (ledger.money().spent, ledger.money().under_way) == (0, PRICE)
    require_paid_once(service, 1)


def test_another_failure_each_time_is_not_the_same_one_heard_again() -> None:
    """Believed is only what all runs were told alike."""
    ledger = ledger_of(shots(1))
    service = Troubled(service_queue(10, 60.0))
    for n in range(5):
        service.result = lambda _, n=n: RequestFailed(f"runner_{n}", "oh", 503, sure=False)
        simulate(ledger, service, start=n * 20_000.0)
    assert count(ledger, "submitted") == 1
