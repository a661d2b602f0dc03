"""A request is followed to its end: found soon, whatever the answers on the way were."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import pytest
from anyio import current_time

from batch.core.gateway import (
    Accepted,
    CollectAnswer,
    Finished,
    NotFound,
    PollAnswer,
    Receipt,
    RequestFailed,
    Unclear,
    Video,
    Waiting,
)
from batch.core.row import Unheard
from batch.pacing.in_flight import InFlightRequest
from batch.pacing.poller import ASK_AGAIN, HEARD_SECONDS, TROUBLE_SECONDS, End, Poller
from tests.support.paced_nights import Night, played
from tests.support.simulated import Service, play, service_queue

SHOT = {"prompt": "a ship", "image_url": "https://example.com/a.png", "duration": "5"}
LONGEST_PAUSE = 1.5 * ASK_AGAIN.ceiling


@dataclass
class Saying(Service):
    """Says what it is told to say, where it is told something; else what the queue does."""

    polled: Callable[[float], PollAnswer | None] = lambda _: None
    collected: Callable[[float], CollectAnswer | None] = lambda _: None
    slow: float = 0.0
    """Seconds until it says anything of a result."""

    async def poll(self, receipt: Receipt) -> PollAnswer:
        return self.polled(current_time()) or await super().poll(receipt)

    async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer:
        await anyio.sleep(self.slow)
        return self.collected(current_time()) or await super().collect(receipt, finished)


def poller_of(service: Service) -> Poller:
    return Poller(service, 300.0, random.Random(0).random)


async def submitted(service: Service) -> Receipt:
    answer = await service.submit(SHOT)
    assert isinstance(answer, Accepted)
    return answer.receipt


def followed(service: Service, *, resumed: bool = False) -> tuple[End, float]:
    """One request from its submit to its end, and when that was known."""

    async def one() -> tuple[End, float]:
        receipt = await submitted(service)
        end = await poller_of(service).end(receipt, "5", 0.0, resumed=resumed)
        return end, current_time()

    found: tuple[End, float] = play(one)
    return found


def said_until(seconds: float, answer: PollAnswer) -> Callable[[float], PollAnswer | None]:
    return lambda now: answer if now < seconds else None


@pytest.mark.parametrize("slots", [2, 10])
def test_with_few_slots_an_end_is_found_soon_too(slots: int) -> None:
    """When each request began is worked out from the others' ends: an error must not be handed on from row to row."""
    nights = [Night(30 * slots, slots, 300.0, 15.0, seed=seed) for seed in range(5)]
    lags = sorted(lag for one in nights for lag in one.service.lags)
    assert lags[len(lags) * 9 // 10] <= 0.15 * 300.0


@pytest.mark.parametrize(("slots", "concurrency"), [(10, 40), (2, 10)])
def test_a_long_line_at_fal_is_not_asked_after_row_by_row(slots: int, concurrency: int) -> None:
    """More requests than slots: the position of the last one tells of all before it."""
    service, _ = played(20 * slots, slots, 300, 15, concurrency=concurrency)
    assert service.requests / (20 * slots) <= 12
    assert service.lags[10 * slots] <= 0.04 * 300


@pytest.mark.parametrize("seconds", [1.0, 60.0, 3600.0])
def test_a_request_is_followed_to_its_video(seconds: float) -> None:
    """The first of its kind, however long it runs: found within a third of its run time."""
    service = Service(service_queue(1, seconds))
    end, took = followed(service)
    assert isinstance(end, Video)
    assert service.queue.requests[0].id in end.url
    assert took <= 1.33 * seconds + 1.0


def test_a_request_that_ends_without_a_video_is_believed_at_once() -> None:
    """Where the model itself says so."""
    failed = RequestFailed("image_too_small", "no", 422)
    end, took = followed(Saying(service_queue(1, 60.0), collected=lambda _: failed))
    assert end == failed
    assert took <= 80.0


def test_nothing_but_404_for_long_leaves_the_request_to_the_next_run() -> None:
    """Ten minutes of it, not less; it is no end of the request."""
    end, took = followed(Saying(service_queue(1, 60.0), polled=said_until(float("inf"), NotFound("HTTP 404"))))
    assert end == Unheard("not_found", "HTTP 404")
    assert HEARD_SECONDS <= took <= HEARD_SECONDS + LONGEST_PAUSE + 1.0


def test_a_404_that_passes_in_time_is_no_end() -> None:
    """A service that forgets a request for almost ten minutes: the video comes home."""
    end, _ = followed(Saying(service_queue(1, 60.0), polled=said_until(HEARD_SECONDS - LONGEST_PAUSE, NotFound("404"))))
    assert isinstance(end, Video)


@pytest.mark.parametrize("between", [Waiting(running=True), Unclear("no network")])
def test_any_other_answer_begins_the_ten_minutes_anew(between: PollAnswer) -> None:
    """Twenty minutes of 404 with another word in their middle prove nothing yet."""

    def said(now: float) -> PollAnswer | None:
        return None if now > 1000 else between if 450 < now < 550 else NotFound("HTTP 404")

    end, _ = followed(Saying(service_queue(1, 60.0), polled=said))
    assert isinstance(end, Video)


@pytest.mark.parametrize(
    ("trouble", "seconds"), [(Unclear("no network"), 10_800.0), (Unclear("HTTP 503", answered=True), 3400.0)]
)
def test_a_service_in_trouble_is_waited_for(trouble: Unclear, seconds: float) -> None:
    """Hours without a network are no end, nor an hour of nonsense; afterwards the video is found within a pause."""
    end, took = followed(Saying(service_queue(1, 60.0), polled=said_until(seconds, trouble)))
    assert isinstance(end, Video)
    assert took <= seconds + LONGEST_PAUSE + 1.0


def test_a_service_in_trouble_for_more_than_an_hour_leaves_the_request_to_the_next_run() -> None:
    """It answers, but never to the question."""
    trouble = Unclear("HTTP 503", answered=True)
    end, took = followed(Saying(service_queue(1, 60.0), polled=said_until(float("inf"), trouble)))
    assert end == Unheard("no_status", "HTTP 503")
    assert TROUBLE_SECONDS <= took <= TROUBLE_SECONDS + LONGEST_PAUSE + 60.0


def test_a_refused_account_leaves_the_request_to_the_next_run() -> None:
    """After ten minutes of nothing else: it is not the request that is refused."""
    refused = Unclear("HTTP 403", account=True, answered=True)
    end, took = followed(Saying(service_queue(1, 60.0), polled=said_until(float("inf"), refused)))
    assert end == Unheard("account_refused", "HTTP 403")
    assert HEARD_SECONDS <= took <= HEARD_SECONDS + LONGEST_PAUSE + 1.0


def test_a_result_that_cannot_be_had_for_long_is_left_to_the_next_run() -> None:
    """The service answers, but not with it; where it does not answer at all, it is waited for."""
    gone = Unclear("HTTP 503", answered=True)
    end, took = followed(Saying(service_queue(1, 60.0), collected=lambda _: gone))
    assert end == Unheard("no_result", "HTTP 503")
    assert HEARD_SECONDS <= took <= HEARD_SECONDS + LONGEST_PAUSE + 90.0
    silent = Unclear("no network")
    end, took = followed(Saying(service_queue(1, 60.0), collected=lambda now: silent if now < 10_800 else None))
    assert isinstance(end, Video)
    assert took >= 10_800


def test_a_failure_that_nothing_backs_is_handed_on_and_not_believed() -> None:
    """Heard for ten minutes: the next run asks again, and knows what this one was told."""
    doubtful = RequestFailed("no_video_in_result", "no", 200, sure=False)
    heard: list[float] = []

    def said(now: float) -> CollectAnswer:
        heard.append(now)
        return doubtful

    end, _ = followed(Saying(service_queue(1, 60.0), collected=said))
    assert end == Unheard("no_result", "no_video_in_result: no", doubtful)
    assert heard[-2] - heard[0] < HEARD_SECONDS <= heard[-1] - heard[0]
    assert len(heard) <= 40


def test_two_slow_answers_are_not_three() -> None:
    """A minute and more between two equal ones proves no more than one: the third is the video."""
    doubtful = RequestFailed("no_video_in_result", "no", 200, sure=False)
    answers = iter([doubtful, doubtful])
    end, _ = followed(Saying(service_queue(1, 60.0), collected=lambda _: next(answers, None), slow=90.0))
    assert isinstance(end, Video)


@pytest.mark.parametrize("other", [RequestFailed("http_500", "oh", 500, sure=False), Waiting(running=True), None])
def test_a_failure_that_passes_costs_no_video(other: CollectAnswer | None) -> None:
    """Heard for some minutes, or with something else between: it is asked again, and the video is there."""
    doubtful = RequestFailed("no_video_in_result", "no", 200, sure=False)
    began: list[float] = []

    def said(now: float) -> CollectAnswer | None:
        began.append(now)
        after = now - began[0]
        if other is None:
            return doubtful if after < HEARD_SECONDS / 2 else None
        return None if after > HEARD_SECONDS / 2 else other if len(began) % 3 == 0 else doubtful

    end, _ = followed(Saying(service_queue(1, 60.0), collected=said))
    assert isinstance(end, Video)


def test_its_slot_is_told_to_be_free_before_the_result_is_fetched() -> None:
    """The next row need not wait for a slow download."""
    order: list[str] = []

    def said(_: float) -> None:
        order.append("fetched")

    async def one() -> None:
        service = Saying(service_queue(1, 60.0), collected=said)
        poller = poller_of(service)
        receipt = await submitted(service)

        def freed() -> None:
            assert len(poller.in_flight) == 0
            order.append("freed")

        await poller.end(receipt, "5", 0.0, resumed=False, freed=freed)

    play(one)
    assert order == ["freed", "fetched"]


def test_a_request_of_an_earlier_run_is_asked_after_at_once() -> None:
    """Its end may lie anywhere since."""
    end, took = followed(Service(service_queue(1, 0.01)), resumed=True)
    assert isinstance(end, Video)
    assert took <= 1.0 + 4 * 0.05


def test_a_request_that_is_given_up_leaves_no_trace() -> None:
    """Cancelled in mid-wait: it counts for no slot and for nobody's questions."""

    async def one() -> None:
        service = Service(service_queue(1, 3600.0))
        poller = poller_of(service)
        receipt = await submitted(service)
        with anyio.move_on_after(100):
            await poller.end(receipt, "5", 0.0, resumed=False)
        assert len(poller.in_flight) == 0
        asked = service.asked["poll"]
        await anyio.sleep(1000)
        assert service.asked["poll"] == asked

    play(one)


def test_run_times_are_the_jobs_word_until_one_is_known() -> None:
    """How long a request takes at most, and how long it runs."""

    async def one() -> None:
        service = Service(service_queue(1, 60.0), tells=True)
        poller = poller_of(service)
        assert (poller.longest(), poller.typical()) == (300.0, None)
        await poller.end(await submitted(service), "5", 0.0, resumed=False)
        assert poller.longest() == poller.typical() == pytest.approx(60.0, abs=0.1)

    play(one)


def test_the_longest_run_is_that_of_the_slowest_group() -> None:
    """Videos of ten seconds take longer: a deadline has to hold for them too."""

    async def one() -> None:
        chosen = iter([60.0, 600.0])
        service = Service(service_queue(2, lambda _: next(chosen)), tells=True)
        poller = poller_of(service)
        await poller.end(await submitted(service), "5", 0.0, resumed=False)
        await poller.end(await submitted(service), "10", 0.0, resumed=False)
        assert poller.longest() == pytest.approx(600.0, abs=0.1)

    play(one)


@pytest.mark.parametrize(
    ("answer", "told"),
    [(Waiting(running=True), True), (Waiting(running=False, position=0), True), (Unclear("no"), False)],
)
def test_a_question_out_of_turn_says_whether_it_told_anything(answer: PollAnswer, told: bool) -> None:
    """Running or waiting is an answer; anything else is left to the request's own polling."""

    async def one() -> None:
        service = Saying(service_queue(1, 3600.0), polled=lambda _: answer)
        poller = poller_of(service)

        async def follow() -> None:
            await poller.end(await submitted(service), "5", 0.0, resumed=False)

        await beside(follow, lambda: look(poller))

    async def look(poller: Poller) -> None:
        request = poller.in_flight.newest
        assert isinstance(request, InFlightRequest)
        assert await poller.look(request) is told
        assert request.queued is (answer == Waiting(running=False, position=0))

    play(one)


async def beside(life: Callable[[], Awaitable[None]], check: Callable[[], Awaitable[None]]) -> None:
    """Checks something while a request is followed, which is then given up."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(life)
        await anyio.sleep(0.2)
        await check()
        tasks.cancel_scope.cancel()
