"""The line at fal, known from few questions: what is reasoned agrees with a queue that is first in, first out."""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.poll_schedule import RunTimes


class Queue(RuleBasedStateMachine):
    """A queue of our requests alone, and the line that is told of it now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.line = InFlight()
        self.times = RunTimes(300.0, lambda: 0.5)
        self.now = 0.0
        self.slots = 2
        self.running: list[InFlightRequest] = []
        self.waiting: deque[InFlightRequest] = deque()

    @rule(slots=st.integers(1, 5))
    def the_account_has_other_slots(self, slots: int) -> None:
        self.slots = slots
        self._fill()

    @rule(seconds=st.sampled_from([0.0, 50.0, float("inf")]), watched=st.booleans())
    def the_slots_are_thought_to_be_taken(self, seconds: float, watched: bool) -> None:
        self.line.wait_when_full, self.line.watched = seconds, watched

    @rule()
    def another_is_accepted(self) -> None:
        watch = InFlightRequest(self.times, self.now)
        self.line.join(watch)
        self.waiting.append(watch)
        self._fill()

    @rule(seconds=st.floats(0.1, 100))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def one_ends_and_that_is_found(self, data: st.DataObject) -> None:
        watch = data.draw(st.sampled_from(self.running))
        self.running.remove(watch)
        self._fill()
        self.line.ended(watch, self.now)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def one_that_runs_is_asked(self, data: st.DataObject) -> None:
        watch = data.draw(st.sampled_from(self.running))
        self.line.seen_running(watch, self.now)
        before = [each for each in self.line.waiting if each.order <= watch.order]
        assert not before, "whoever runs, all sent before it have begun"

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), tells=st.booleans())
    def one_that_waits_is_asked(self, data: st.DataObject, tells: bool) -> None:
        position = data.draw(st.integers(0, len(self.waiting) - 1))
        watch = self.waiting[position]
        self.line.seen_waiting(watch, position if tells else None, self.now)
        assert watch.queued
        behind = [each for each in self.line.running if each.order > watch.order]
        assert not behind, "whoever waits, all sent after it wait"

    @precondition(lambda self: self.waiting)
    @rule()
    def the_newest_is_asked_until_nothing_is_open(self) -> None:
        """Each answer settles the matter or names the request to ask next."""
        newest = self.waiting[-1]
        news = self.line.seen_waiting(newest, len(self.waiting) - 1, self.now)
        asked = 0
        while suspects := [each for each in news if each.suspected]:
            watch = suspects[0]
            if watch in self.waiting:
                news = self.line.seen_waiting(watch, self.waiting.index(watch), self.now)
            else:
                news = self.line.seen_running(watch, self.now)
            watch.suspected = False
            asked += 1
            assert asked < 50
        assert newest.queued

    @invariant()
    def every_request_is_in_one_place(self) -> None:
        known = [*self.line.running, *self.line.waiting]
        assert len(known) == len(set(known)) == len(self.line)
        assert set(known) == {*self.running, *self.waiting}

    @invariant()
    def those_that_wait_stand_in_their_order_and_know_it(self) -> None:
        orders = [each.order for each in self.line.waiting]
        assert orders == sorted(orders)
        assert all(each.queued for each in self.line.waiting)
        assert not any(each.queued for each in self.line.running)

    @invariant()
    def nothing_begins_in_the_future(self) -> None:
        assert all(each.started <= self.now for each in self.line.running)

    def _fill(self) -> None:
        while self.waiting and len(self.running) < self.slots:
            self.running.append(self.waiting.popleft())


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_request_that_lost_its_runner_waits_behind_the_others() -> None:
    """Seen running, then waiting: fal has put it back, and those behind it are not thought to wait for it."""
    line, times = InFlight(), RunTimes(300.0, lambda: 0.5)
    first, second = InFlightRequest(times, 0.0), InFlightRequest(times, 0.0)
    line.join(first)
    line.join(second)
    line.seen_running(first, 5.0)
    line.seen_waiting(first, 0, 10.0)
    assert list(line.running) == [second]
    assert line.newest is first


def test_where_all_slots_are_taken_the_next_request_waits() -> None:
    """It is not asked for that; an end that is found lets it begin, and never before it was accepted."""
    line, times = InFlight(), RunTimes(300.0, lambda: 0.5)
    line.watched, line.wait_when_full = True, 0.0
    first, second = InFlightRequest(times, 0.0), InFlightRequest(times, 50.0)
    line.join(first)
    line.seen_running(first, 1.0)
    line.join(second)
    assert list(line.waiting) == [second]
    assert line.ended(first, 40.0) == [second]
    assert second.started == 50.0


def test_of_two_sent_together_the_other_one_is_asked_when_one_waits() -> None:
    """Whichever was accepted first may be the one that waits, so that each has to say it for itself; once."""
    line, times = InFlight(), RunTimes(300.0, lambda: 0.5)
    one, other = InFlightRequest(times, 0.1, sent=0.0, joined=0.1), InFlightRequest(times, 0.2, sent=0.05, joined=0.2)
    line.join(one)
    line.join(other)
    assert line.seen_waiting(other, 0, 0.3) == [one]
    one.asked = 1
    assert line.seen_waiting(other, 0, 0.4) == []


def test_the_line_of_others_is_what_a_position_tells_beyond_our_own() -> None:
    """The last of ours to be told says most; nobody told, or none before ours: no line is known."""
    line = InFlight()
    ours = [InFlightRequest(RunTimes(300.0, lambda: 0.5), 0.0, sent=float(at), joined=at + 0.5) for at in range(4)]
    for each in ours:
        line.join(each)
    assert line.ahead == 0
    line.seen_waiting(ours[0], 8411, 5.0)
    assert line.ahead == 8411
    line.seen_waiting(ours[3], 8003, 6.0)
    assert line.ahead == 8000
    line.seen_waiting(ours[3], 3, 7.0)
    assert line.ahead == 0
