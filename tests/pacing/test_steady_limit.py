"""Known slots stay busy, however long requests wait before they run: whole nights on a mock clock."""

import random
from collections.abc import Callable

import pytest

from tests.support.simulated import (
    Service,
    assert_nothing_bought_twice,
    count,
    ledger_of,
    service_queue,
    shots,
    simulate,
)


def makespan(
    slots: int, wait: float, *, holds: bool, rounds: int = 10, seed: int = 7, wait_spread: float = 0.0
) -> tuple[float, Service]:
    """How much longer a night takes than with all rows at fal at once, and the service after it."""
    chance, run = random.Random(seed), 300.0
    seconds: list[float] = []

    def run_seconds(_: object) -> float:
        seconds.append(max(1.0, chance.gauss(run, 0.1 * run)))
        return seconds[-1]

    def wait_seconds(_: object) -> float:
        return max(0.0, chance.gauss(wait * run, wait_spread * wait * run)) if wait_spread else wait * run

    queue = service_queue(slots, run_seconds, queue_seconds=wait_seconds, wait_takes_slot=holds)
    service, ledger = Service(queue, tells=True), ledger_of(shots(rounds * slots))
    _, took = simulate(ledger, service, concurrency=None)
    assert count(ledger, "succeeded") == rounds * slots
    assert_nothing_bought_twice(ledger, queue)
    free = [0.0 if holds else wait * run] * slots
    for each in seconds:
        free[free.index(min(free))] += each + (wait * run if holds else 0.0)
    return took / max(free), service


@pytest.mark.parametrize("holds", [False, True], ids=["line", "starting runner"])
@pytest.mark.parametrize("wait", [0.0, 0.05, 0.3, 1.0, 3.0])
@pytest.mark.parametrize(("slots", "most"), [(2, 1.15), (10, 1.1)])
def test_a_night_takes_little_longer_than_it_must(slots: int, most: float, wait: float, holds: bool) -> None:
    """The wait is a share of the run; it takes a slot meanwhile, or does not."""
    took, _ = makespan(slots, wait, holds=holds)
    assert took <= most


@pytest.mark.parametrize(("wait", "most"), [(0.0, 9.0), (0.3, 9.0), (1.0, 9.0), (3.0, 9.3)])
def test_requests_a_row_stay_few(wait: float, most: float) -> None:
    """Over a night of 45 rounds, submit and result included; no image is uploaded."""
    _, service = makespan(10, wait, holds=False, rounds=45, seed=1)
    asked: Callable[[str], int] = service.asked.__getitem__
    assert (asked("submit") + asked("poll") + asked("collect")) / 450 <= most


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_few_that_begin_first_are_not_taken_for_all_slots(seed: int) -> None:
    """A runner takes fifteen minutes to start, more or less: two begin long before the others."""
    took, _ = makespan(40, 3.0, holds=True, seed=seed, wait_spread=0.3)
    assert took <= 1.25
