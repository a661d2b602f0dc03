"""A request is followed to its end: found soon, whatever the answers on the way were."""

import pytest

from tests.support.paced_nights import Night, played


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slots", [2, 10])
def test_with_few_slots_an_end_is_found_soon_too(slots: int, seed: int) -> None:
    """When each request began is worked out from the others' ends: an error must not be handed on from row to row."""
    lags = Night(30 * slots, slots, 300.0, 15.0, seed=seed).service.lags
    assert lags[len(lags) * 9 // 10] <= 0.15 * 300.0


@pytest.mark.parametrize(("slots", "concurrency"), [(10, 40), (2, 10)])
def test_a_long_line_at_fal_is_not_asked_after_row_by_row(slots: int, concurrency: int) -> None:
    """More requests than slots: the position of the last one tells of all before it."""
    service, _ = played(20 * slots, slots, 300, 15, concurrency=concurrency)
    assert service.requests / (20 * slots) <= 11
    assert service.lags[10 * slots] <= 0.04 * 300
