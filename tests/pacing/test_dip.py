"""Fewer run than did although some wait: a longer line, or fewer slots."""

from batch.pacing.dip import Dip
from batch.pacing.estimate import Estimate
from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.look import Look
from batch.pacing.poll_schedule import RunTimes
from batch.pacing.running import Running

TIMES = RunTimes(300.0, lambda: 0.5)


def line_of(running: int, waiting: int, position: int | None) -> InFlight:
    """So many have run since long ago, those before them ended one by one; the first that waits is at a position."""
    line = InFlight()
    line.watched = True
    for _ in range(running + waiting):
        line.join(InFlightRequest(TIMES, 0.0, position=position))
    for each in list(line.waiting)[:running]:
        line.seen_running(each, 0.0)
    return line


def look_at(line: InFlight, now: float) -> Look:
    return Look(now=now, pause=20.0, first=0.0, begun=[], head=line.head, in_flight=line)


def ends_and_begins(line: InFlight, at: float, times: int) -> None:
    for _ in range(times):
        line.ended(next(iter(line.running)), at)
        line.join(InFlightRequest(TIMES, at, position=0))
        head = line.head
        assert head
        line.seen_running(head, at)


def test_where_no_others_are_first_and_beginnings_go_on_it_is_fewer_slots() -> None:
    line, estimate = line_of(5, 5, 0), Estimate(300.0, 10, 0.0, 300.0)
    running = Running(line)
    dip = Dip(look_at(line, 300.0), running, 0.0)
    assert not dip.looked(look_at(line, 310.0), 5.0, estimate, 0.0)
    ends_and_begins(line, 400.0, 4)
    assert dip.looked(look_at(line, 900.0), 5.0, estimate, 0.0)


def test_where_others_are_first_more_is_tried_before_anything_is_believed() -> None:
    line, estimate = line_of(5, 5, 8411), Estimate(300.0, 10, 0.0, 300.0)
    dip = Dip(look_at(line, 300.0), Running(line), 0.0)
    ends_and_begins(line, 400.0, 4)
    assert look_at(line, 900.0).others_first
    assert not dip.looked(look_at(line, 900.0), 5.0, estimate, 0.0)
    assert dip.size(look_at(line, 900.0), estimate) > 10
