"""Positions of the requests that wait, however many they are."""

from hypothesis import given
from hypothesis import strategies as st

from batch.sandbox.queue import State
from batch.sandbox.queue_positions import QueuePositions
from tests.support.loopback import PRO
from tests.support.queues import a_queue


def test_a_hundred_thousand_requests_are_no_burden() -> None:
    """Nothing walks the line: cancels from the middle, positions and all runs of a long night take seconds."""
    queue, clock = a_queue(40, 1.0)
    requests = [queue.submit(PRO, {"prompt": str(number), "image_url": "u"}) for number in range(100_000)]
    for request in requests[50_000:60_000]:
        queue.cancel(request.id)
    assert queue.status(requests[-1].id).position == 100_000 - 10_000 - 40 - 1
    clock.now += 90_000 / 40
    assert queue.status(requests[-1].id).state is State.COMPLETED
    assert requests[-1].ended_at == clock.now


@given(st.lists(st.tuples(st.sampled_from(["add", "take", "discard"]), st.integers(0, 20))))
def test_the_line_is_the_numbers_in_order(calls: list[tuple[str, int]]) -> None:
    """Against a plain sorted list, whatever is asked."""
    positions, line = QueuePositions(), list[int]()
    for what, number in calls:
        if what == "add" and number not in line:
            positions.add(number)
            line = sorted([*line, number])
        elif what == "take" and line:
            assert positions.take() == line.pop(0)
        elif what == "discard":
            positions.discard(number)
            line = [each for each in line if each != number]
        assert [positions.position(each) for each in line] == list(range(len(line)))
        assert len(positions) == len(line)
