"""What one look at the front of the line tells."""

import pytest

from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.look import Look
from batch.pacing.poll_schedule import RunTimes


def look_at(*positions: int | None) -> Look:
    line = InFlight()
    line.watched = True
    for position in positions:
        line.join(InFlightRequest(RunTimes(300.0, lambda: 0.5), 0.0, accepted=10.0, position=position))
    return Look(now=100.0, pause=20.0, first=0.0, begun=[], head=line.head, in_flight=line)


@pytest.mark.parametrize(("position", "others"), [(None, False), (0, False), (1, False), (8411, True)])
def test_others_are_first_where_the_first_of_ours_has_many_before_it(position: int | None, others: bool) -> None:
    assert look_at(position).others_first is others


def test_the_age_is_that_of_the_first_in_line() -> None:
    assert (look_at(None).age, look_at().age) == (90.0, 0.0)


def test_a_look_sees_no_closer_than_its_pause_and_a_fiftieth_of_a_run() -> None:
    assert (look_at().margin(300.0), look_at().margin(None)) == (36.0, 32.0)
