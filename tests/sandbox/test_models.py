"""Inputs that the runners refuse."""

import pytest

from batch.sandbox.queue import State
from tests.support.loopback import PRO
from tests.support.queues import a_queue, shot


@pytest.mark.parametrize(
    ("change", "column", "kind"),
    [
        ({"prompt": None}, "prompt", "string_type"),
        ({"prompt": "x" * 2501}, "prompt", "string_too_long"),
        ({"negative_prompt": "x" * 2501}, "negative_prompt", "string_too_long"),
        ({"duration": 5}, "duration", "literal_error"),
        ({"duration": "7"}, "duration", "literal_error"),
        ({"cfg_scale": 1.01}, "cfg_scale", "less_than_equal"),
        ({"cfg_scale": -0.1}, "cfg_scale", "greater_than_equal"),
        ({"cfg_scale": "much"}, "cfg_scale", "float_type"),
        ({"tail_image_url": 3}, "tail_image_url", "string_type"),
    ],
)
def test_a_wrong_input_is_accepted_and_refused_by_the_runner(change: dict[str, object], column: str, kind: str) -> None:
    """fal docs: submit answers 200, the status is COMPLETED, the result is 422 with where and what."""
    queue, _ = a_queue(1)
    request = queue.submit(PRO, {**shot(), **change})
    assert queue.status(request.id).state is State.COMPLETED
    reply = queue.result(request.id)
    assert reply.code == 422
    assert [(fault["loc"], fault["type"]) for fault in reply.body["detail"]] == [(["body", column], kind)]  # type: ignore[attr-defined]


def test_everything_missing_is_told_at_once() -> None:
    """The 422 lists every fault, not the first."""
    queue, _ = a_queue(1)
    reply = queue.result(queue.submit(PRO, {}).id)
    assert [fault["loc"][1] for fault in reply.body["detail"]] == ["prompt", "image_url"]  # type: ignore[attr-defined]


def test_the_longest_prompt_and_the_ends_of_cfg_scale_are_taken() -> None:
    """2,500 characters, 0 and 1 are within."""
    queue, clock = a_queue(2)
    requests = [queue.submit(PRO, shot("x" * 2500, cfg_scale=scale)) for scale in (0, 1)]
    clock.now += 300
    assert [queue.result(request.id).code for request in requests] == [200, 200]
