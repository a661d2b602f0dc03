"""Positions of the requests that wait, however many they are."""

from batch.sandbox.queue import State
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
