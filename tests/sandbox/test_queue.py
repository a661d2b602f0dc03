"""The queue as a function of its calls and of time: no sockets, no waiting."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batch.sandbox import Outcome, Queue, Recording
from batch.sandbox.queue import State, UnknownEndpoint, UnknownRequest
from tests.support.loopback import PRO
from tests.support.queues import START, Clock, a_queue, shot


class Night(RuleBasedStateMachine):
    """Submits, cancels, changes of the slots and restarts of the sandbox, in any order, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.queue = self.opened(2)
        self.submitted: list[str] = []
        self.running_before = 0

    def opened(self, slots: int) -> Queue:
        return Queue(
            slots, lambda given: float(str(given["seconds"])), clock=self.clock, recording=Recording(self.folder)
        )

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(seconds=st.integers(0, 20), deadline=st.none() | st.integers(1, 30))
    def submit(self, seconds: int, deadline: int | None) -> None:
        request = self.queue.submit(PRO, shot(seconds=seconds), deadline)
        self.submitted.append(request.id)

    @rule(seconds=st.floats(0, 25))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.queue.status(self.submitted[0]) if self.submitted else None

    @precondition(lambda self: self.submitted)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.queue.cancel(data.draw(st.sampled_from(self.submitted)))

    @rule(slots=st.integers(0, 4))
    def change_slots(self, slots: int) -> None:
        self.queue.set_slots(slots)

    @rule(half=st.sampled_from([b"", b"{", b'{"do":"submit","at":17']))
    def die_and_start_again(self, half: bytes) -> None:
        before = self.answers(self.queue)
        with (self.folder / "requests.jsonl").open("ab") as recording:
            recording.write(half)
        self.queue = self.opened(self.queue.slots)
        assert self.answers(self.queue) == before

    def answers(self, queue: Queue) -> list[object]:
        seen = [queue.status(name) for name in self.submitted]
        return [(each.state, each.position, queue.result(each.request.id)) for each in seen]

    @invariant()
    def never_more_than_the_slots_run(self) -> None:
        running = sum(request.state is State.IN_PROGRESS for request in self.queue.requests)
        assert running == self.queue.running <= max(self.queue.slots, self.running_before)
        self.running_before = running

    @invariant()
    def no_slot_idles_while_a_request_waits(self) -> None:
        assert not self.queue.waiting or self.queue.running >= self.queue.slots

    @invariant()
    def first_come_first_served(self) -> None:
        waiting = [request.number for request in self.queue.requests if request.state is State.IN_QUEUE]
        behind = self.queue.requests[waiting[0] :] if waiting else []
        assert all(request.started_at is None for request in behind)
        times = [request.started_at for request in self.queue.requests if request.started_at is not None]
        assert times == sorted(times)

    @invariant()
    def positions_are_the_line(self) -> None:
        seen = [self.queue.status(name).position for name in self.submitted]
        assert [position for position in seen if position is not None] == list(range(self.queue.waiting))

    @invariant()
    def every_submission_is_one_request(self) -> None:
        assert [request.id for request in self.queue.requests] == self.submitted
        assert len(set(self.submitted)) == self.queue.accepted

    @invariant()
    def every_run_takes_its_time(self) -> None:
        for request in self.queue.requests:
            if request.code == 200 and request.started_at is not None and request.ended_at is not None:
                assert request.ended_at == request.started_at + request.run_seconds


TestNight = Night.TestCase
TestNight.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.integers(1, 90), st.none() | st.integers(2, 60), st.integers(0, 50)), max_size=25
    ),
    st.booleans(),
    st.data(),
)
@settings(deadline=None)
def test_how_often_one_asks_changes_nothing(
    calls: list[tuple[float, int, int | None, int]], takes_slot: bool, data: st.DataObject
) -> None:
    """The state is a function of the calls and of time: a queue polled all night ends as one never asked."""

    def night(*, polled: bool) -> list[object]:
        queue, clock = a_queue(2, wait_takes_slot=takes_slot)
        queue.run_seconds = lambda given: float(str(given["seconds"]))
        queue.queue_seconds = lambda given: float(str(given["waits"]))
        for pause, seconds, deadline, waits in calls:
            queue.submit(PRO, shot(seconds=seconds, waits=waits), deadline)
            if polled:
                queue.status(queue.requests[0].id, now=clock.now + data.draw(st.floats(0, pause)))
            clock.now += pause
        clock.now += 10_000
        told = [queue.result(request.id) for request in queue.requests]
        assert (queue.running, queue.waiting) == (0, 0)
        return [told, [(r.id, r.started_at, r.ended_at) for r in queue.requests]]

    assert night(polled=True) == night(polled=False)


def test_a_request_waits_in_the_line_of_others_though_slots_are_free() -> None:
    """One of the line is taken a second: position 60 a minute before it runs, whoever else has a slot."""
    queue, clock = a_queue(2, queue_seconds=60.0)
    first = queue.submit(PRO, shot())
    assert (queue.status(first.id).state, queue.status(first.id).position) == (State.IN_QUEUE, 60)
    clock.now += 30
    second = queue.submit(PRO, shot())
    assert [queue.status(each.id).position for each in (first, second)] == [30, 61]
    clock.now += 30
    assert queue.status(first.id).state is State.IN_PROGRESS
    clock.now += 30
    assert queue.status(second.id).state is State.IN_PROGRESS
    assert (first.started_at, second.started_at) == (START + 60, START + 90)


def test_a_runner_that_starts_has_its_slot() -> None:
    """One slot: the second waits until the first has started, run and ended, and then starts a runner of its own."""
    queue, clock = a_queue(1, 300.0, queue_seconds=60.0, wait_takes_slot=True)
    first, second = queue.submit(PRO, shot()), queue.submit(PRO, shot())
    assert [queue.status(each.id).position for each in (first, second)] == [0, 0]
    clock.now += 500
    assert queue.status(second.id).state is State.IN_PROGRESS
    assert (first.started_at, second.started_at) == (START + 60, START + 420)


@pytest.mark.parametrize("takes_slot", [False, True])
def test_what_is_taken_back_while_it_waits_leaves_its_place(takes_slot: bool) -> None:
    queue, clock = a_queue(1, 300.0, queue_seconds=60.0, wait_takes_slot=takes_slot)
    first, second = queue.submit(PRO, shot()), queue.submit(PRO, shot())
    clock.now += 10
    queue.cancel(first.id)
    assert (queue.result(first.id).code, queue.waiting) == (499, 1)
    clock.now += 1000
    assert queue.status(second.id).state is State.COMPLETED
    assert second.started_at == START + (70 if takes_slot else 60)
    assert first.started_at is None


def test_a_sandbox_started_again_knows_who_waits(tmp_path: Path) -> None:
    queue, clock = a_queue(1, queue_seconds=60.0, recording=Recording(tmp_path))
    request = queue.submit(PRO, shot())
    again = Queue(1, clock=clock, recording=Recording(tmp_path))
    clock.now += 59
    assert again.status(request.id).position == 1
    clock.now += 2
    assert again.status(request.id).state is State.IN_PROGRESS


def test_the_states_follow_the_slots_and_the_run_time() -> None:
    """One slot: the first runs 300 s while the second waits at position 0; then the second runs."""
    queue, clock = a_queue(1)
    first, second = queue.submit(PRO, shot()), queue.submit(PRO, shot())
    assert queue.status(first.id).state is State.IN_PROGRESS
    assert (queue.status(second.id).state, queue.status(second.id).position) == (State.IN_QUEUE, 0)
    assert queue.result(first.id).body == {"detail": "Request is still in progress"}
    clock.now += 300
    assert queue.status(first.id).state is State.COMPLETED
    assert queue.status(second.id).state is State.IN_PROGRESS
    assert second.started_at == first.ended_at == START + 300
    assert queue.result(first.id).code == 200


def test_a_request_that_no_runner_starts_by_its_deadline_never_runs() -> None:
    """fal docs: X-Fal-Request-Timeout; answered 504 request_timeout."""
    queue, clock = a_queue(1)
    queue.submit(PRO, shot())
    late = queue.submit(PRO, shot(), 60)
    clock.now += 1000
    reply = queue.result(late.id)
    assert (reply.code, reply.body["error_type"], late.started_at) == (504, "request_timeout", None)
    assert late.ended_at == START + 60


def test_cancel_takes_a_queued_request_out() -> None:
    """202 CANCELLATION_REQUESTED, the result is 499, and those behind move up."""
    queue, _ = a_queue(1)
    _, second, third = (queue.submit(PRO, shot()) for _ in range(3))
    assert queue.cancel(second.id).body == {"status": "CANCELLATION_REQUESTED"}
    assert (queue.result(second.id).code, queue.result(second.id).body["error_type"]) == (499, "client_cancelled")
    assert queue.status(third.id).position == 0
    assert (queue.cancel(second.id).code, queue.cancel(second.id).body) == (400, {"status": "ALREADY_COMPLETED"})
    assert (queue.cancel("nobody").code, queue.cancel("nobody").body) == (404, {"status": "NOT_FOUND"})


@pytest.mark.parametrize(("stops", "code"), [(False, 200), (True, 499)])
def test_a_running_request_may_complete_although_cancelled(stops: bool, code: int) -> None:
    """fal docs: a running request only gets a signal; both ways can be played."""
    queue, clock = a_queue(1, cancel_stops_runs=stops)
    request = queue.submit(PRO, shot())
    assert queue.cancel(request.id).code == 202
    clock.now += 300
    assert queue.result(request.id).code == code


def test_a_run_whose_runner_died_goes_back_into_the_queue() -> None:
    """fal docs: IN_PROGRESS may become IN_QUEUE again; it keeps its place in front."""
    queue, clock = a_queue(1)
    first, second = queue.submit(PRO, shot("[[restart]]")), queue.submit(PRO, shot())
    clock.now += 299
    assert queue.status(first.id).state is State.IN_PROGRESS
    clock.now += 301
    assert queue.result(first.id).code == 200
    assert first.ended_at == second.started_at == START + 600


def test_a_plan_decides_before_the_prompt_does() -> None:
    """A plan function is given the input and how many times it was submitted."""
    queue, clock = a_queue(2, plan=lambda given, nth: Outcome(503, {"detail": "x"}) if nth == 2 else None)
    requests = [queue.submit(PRO, shot()) for _ in range(2)]
    clock.now += 300
    assert [queue.result(request.id).code for request in requests] == [200, 503]


def test_an_unknown_endpoint_accepts_nothing() -> None:
    """404 at submit; and an unknown id is no request."""
    queue, _ = a_queue()
    with pytest.raises(UnknownEndpoint):
        queue.submit("fal-ai/kling-video/v9/pro", shot())
    with pytest.raises(UnknownRequest):
        queue.status("nobody")
    assert queue.accepted == 0


def test_submissions_are_counted_by_input() -> None:
    """Two submissions of one input are what paying twice looks like, in whatever order its keys stand."""
    queue, _ = a_queue()
    queue.submit(PRO, shot())
    queue.submit(PRO, dict(reversed(shot().items())))
    queue.submit(PRO, shot("another"))
    assert (queue.accepted, queue.times_accepted(shot()), queue.times_accepted(shot("another"))) == (3, 2, 1)


def test_a_held_run_ends_when_it_is_released() -> None:
    """A run whose video is not made yet keeps its slot, so that IN_PROGRESS never exceeds the slots."""
    queue, clock = a_queue(1, holds_runs=True)
    first, second = queue.submit(PRO, shot()), queue.submit(PRO, shot())
    clock.now += 400
    assert queue.status(first.id).state is State.IN_PROGRESS
    assert queue.status(second.id).state is State.IN_QUEUE
    queue.release(first.id)
    assert (first.ended_at, second.started_at) == (START + 400, START + 400)
    queue.release(second.id, Outcome(500, {"detail": "no"}))
    clock.now += 300
    assert queue.result(second.id).code == 500


def test_a_slot_that_comes_free_at_the_very_deadline_still_serves() -> None:
    """The deadline is the last moment to start, not the first one too late."""
    queue, clock = a_queue(1, 60.0)
    queue.submit(PRO, shot())
    request = queue.submit(PRO, shot(), 60)
    clock.now += 60
    assert queue.status(request.id).state is State.IN_PROGRESS


def test_a_clock_that_is_set_back_undoes_nothing() -> None:
    """Time never runs backwards in the queue: what is completed stays so, and a later request is not sent earlier."""
    queue, clock = a_queue(1, 60.0)
    first = queue.submit(PRO, shot())
    clock.now += 60
    assert queue.status(first.id).state is State.COMPLETED
    clock.now -= 3600
    assert queue.status(first.id).state is State.COMPLETED
    assert queue.submit(PRO, shot()).sent_at == START + 60
