"""The slots are counted: ever more is sent, until no more begin."""

from batch.pacing.estimate import Estimate
from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.look import Look
from batch.pacing.poll_schedule import RunTimes
from batch.pacing.running import Running
from batch.pacing.slot_count import SlotCount

TIMES = RunTimes(300.0, lambda: 0.5)


def look_at(line: InFlight, now: float) -> Look:
    begun, line.begun = line.begun, []
    return Look(now=now, pause=0.1, first=0.0, begun=begun, head=line.head, in_flight=line)


def test_two_at_first_then_ever_more_and_a_fifth_of_the_rows_at_most() -> None:
    line = InFlight()
    line.watched = True
    line.join(InFlightRequest(TIMES, 0.0))
    count, sizes = SlotCount(Estimate(300.0), Running(line), lambda: 100), []
    for now in (0.05, 1.0, 2.0, 1e6):
        assert not count.looked(look_at(line, now), late=lambda: True)
        sizes.append(count.size)
    assert sizes[0] == 2.0
    assert sizes == sorted(sizes)
    assert sizes[-1] == 20.0


def test_all_slots_are_taken_where_the_first_in_line_is_late_and_none_begins() -> None:
    """Four run, the fifth waits: while it is not late there may be more slots."""
    line, estimate = InFlight(), Estimate(300.0)
    line.watched = True
    for _ in range(5):
        line.join(InFlightRequest(TIMES, 0.0))
    for each in list(line.waiting)[:4]:
        line.seen_running(each, 1.0)
    count = SlotCount(estimate, Running(line), lambda: 100)
    assert not count.looked(look_at(line, 1.0), late=lambda: False)
    assert count.looked(look_at(line, 20.0), late=lambda: True)
    assert estimate.slots == 4
