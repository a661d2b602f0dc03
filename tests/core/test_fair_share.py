"""How an account's slots are shared: alike among those who want as many, the rest of who wants less."""

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.fair_share import RunAtWork, fair_share


def run(ledger: int, in_air: int, waiting: int = 0, *, hungry: bool = True) -> RunAtWork:
    return RunAtWork(ledger, in_air, waiting, hungry)


def shares(runs: list[RunAtWork], slots: int | None = None) -> list[int | None]:
    """What each of them is told, of all others."""
    return [fair_share(one, [other for other in runs if other is not one], slots) for one in runs]


@pytest.mark.parametrize(
    ("runs", "slots", "expected"),
    [
        ([run(1, 12, 2)], None, [None]),
        ([run(1, 10), run(2, 1)], None, [None, None]),
        ([run(1, 12, 2), run(2, 1, 1)], None, [7, 6]),
        ([run(1, 12, 2), run(2, 0, 0)], None, [6, 6]),
        ([run(1, 5, 1), run(2, 5, 1)], 12, [6, 6]),
        ([run(1, 12, 2), run(2, 1, 1, hungry=False)], None, [12, 1]),
        ([run(1, 12, 2), run(2, 0, 0, hungry=False)], None, [11, 1]),
        ([run(1, 12, 2), run(2, 1, 1), run(3, 2, 0, hungry=False)], None, [7, 6, 2]),
        ([run(1, 0, 0), run(2, 0, 0), run(3, 1, 1)], None, [1, 1, 1]),
        ([run(1, 4, 4, hungry=False), run(2, 4, hungry=False)], None, [4, 4]),
    ],
)
def test_runs_have_as_many_as_each_other_or_as_they_want(
    runs: list[RunAtWork], slots: int | None, expected: list[int | None]
) -> None:
    """A lone one as many as it likes; so all of them while nothing waits."""
    assert shares(runs, slots) == expected


at_work = st.builds(
    lambda in_air, waiting, hungry: (in_air, min(in_air, waiting), hungry),
    st.integers(0, 60),
    st.integers(0, 9),
    st.booleans(),
)


@given(st.lists(at_work, min_size=2, max_size=6), st.none() | st.integers(1, 80))
def test_no_run_is_without_a_place_and_all_of_them_have_no_more_than_there_is(
    drawn: list[tuple[int, int, bool]], slots: int | None
) -> None:
    """Together they fill it where anybody wants it; two that want more differ by one at most."""
    runs = [RunAtWork(n, *one) for n, one in enumerate(drawn)]
    told = shares(runs, slots)
    if not any(one.waiting for one in runs):
        assert told == [None] * len(runs)
        return
    found = [share for share in told if share is not None]
    room = max(slots or 0, sum(one.in_air for one in runs), len(runs))
    assert len(found) == len(runs)
    assert min(found) >= 1
    assert sum(found) <= room
    hungry = sorted(share for one, share in zip(runs, found, strict=True) if one.hungry)
    if hungry:
        assert sum(found) == room
        assert hungry[-1] - hungry[0] <= 1
    for one, share in zip(runs, found, strict=True):
        assert one.hungry or share <= max(1, one.in_air)
        assert one.hungry or share >= min(max(1, one.in_air), room // len(runs))


@given(st.lists(at_work, min_size=2, max_size=5), st.integers(0, 4))
def test_who_wants_less_leaves_the_others_no_less(drawn: list[tuple[int, int, bool]], who: int) -> None:
    """A run that has rows no more makes room, and takes none from anybody."""
    runs = [RunAtWork(n, *one) for n, one in enumerate([*drawn, (3, 1, True)])]
    who %= len(runs)
    sated = [*runs]
    sated[who] = RunAtWork(who, runs[who].in_air, runs[who].waiting, hungry=False)
    for n, (before, after) in enumerate(zip(shares(runs), shares(sated), strict=True)):
        assert n == who or (before is not None and after is not None and after >= before)


@pytest.mark.parametrize(("slots", "late", "seconds"), [(10, 900, 60), (10, 900, 45), (4, 300, 60), (33, 900, 60)])
def test_a_run_that_begins_later_soon_has_its_share(slots: int, late: int, seconds: int) -> None:
    """Two runs, one line before the slots, each with as many there as it is told: of the starts since, 40 in 100."""
    starts = {1: 0, 2: 0}
    line: deque[int] = deque()
    running: deque[tuple[int, int]] = deque()
    for now in range(late + 30 * seconds):
        while running and running[0][0] <= now:
            running.popleft()
        at_fal = {one: line.count(one) + sum(other == one for _, other in running) for one in starts}
        there = [run(one, at_fal[one], line.count(one)) for one in starts if one == 1 or now >= late]
        for one, told in zip(there, shares(there, slots + 2), strict=True):
            room = (slots + 2 if told is None else told) - one.in_air
            line.extend([one.ledger] * max(0, min(room, 1 + one.in_air // 5)))
        while line and len(running) < slots:
            starts[line[0]] += now >= late
            running.append((now + seconds, line.popleft()))
    assert 0.4 <= starts[2] / sum(starts.values()) <= 0.5


def test_the_odd_one_is_always_the_same_runs() -> None:
    """Else it would go to and fro, and be begun by both."""
    told = [shares([run(1, 7 + n, 1), run(2, 8 - n, 1)]) for n in range(4)]
    assert all(one == other for one, other in pairwise(told))
