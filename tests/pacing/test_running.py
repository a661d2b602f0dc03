"""How many ran at once, over any time."""

from hypothesis import given
from hypothesis import strategies as st

from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.poll_schedule import RunTimes
from batch.pacing.running import Running

TIMES = RunTimes(300.0, lambda: 0.5)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 50)), max_size=20), st.floats(0, 50), st.floats(1, 100))
def test_the_mean_is_the_time_that_all_ran_together(runs: list[tuple[float, float]], since: float, long: float) -> None:
    line = InFlight()
    line.runs.extend((begin, begin + seconds) for begin, seconds in runs)
    until = since + long
    ran = sum(max(0.0, min(begin + s, until) - max(begin, since)) for begin, s in runs)
    assert Running(line).mean(since, until) * long == ran or abs(Running(line).mean(since, until) * long - ran) < 1e-6


def test_what_is_forgotten_still_counts_as_ended() -> None:
    line, running = InFlight(), None
    running = Running(line)
    line.runs.extend([(0.0, 10.0), (5.0, 20.0)])
    running.forget(15.0)
    assert (running.ended, running.begun, list(line.runs)) == (2, 2, [(5.0, 20.0)])


def test_those_that_may_have_ended_run_for_no_certain() -> None:
    """At 280 s of 300 one has most likely ended unless it was just seen alive; a young one has not."""
    line = InFlight()
    old, seen, young = (InFlightRequest(TIMES, started, alive=alive) for started, alive in ((0, 0), (0, 270), (200, 0)))
    for each in (old, seen, young):
        line.join(each)
    assert Running(line).surely(280.0, 300.0) == 2
