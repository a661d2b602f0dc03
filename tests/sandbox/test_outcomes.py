"""Failures that a prompt asks for."""

import pytest

from batch.sandbox.outcomes import MODEL_ERRORS, REQUEST_ERRORS
from tests.support.loopback import PRO
from tests.support.queues import a_queue, shot


@pytest.mark.parametrize("name", [*MODEL_ERRORS, *REQUEST_ERRORS])
def test_a_prompt_can_ask_for_every_documented_failure(name: str) -> None:
    """`[[type]]` in the prompt fails the run with that type, in fal's form."""
    queue, clock = a_queue(1)
    request = queue.submit(PRO, shot(f"a ship [[{name}]]"))
    clock.now += 300
    reply = queue.result(request.id)
    detail = reply.body["detail"]
    assert reply.code >= 400
    assert (detail[0]["type"] if isinstance(detail, list) else reply.body["error_type"]) == name


def test_a_prompt_can_fail_only_its_first_times() -> None:
    """`[[type*2]]` fails the first two submissions of the same input."""
    queue, clock = a_queue(3)
    requests = [queue.submit(PRO, shot("[[internal_server_error*2]]")) for _ in range(3)]
    clock.now += 300
    assert [queue.result(request.id).code for request in requests] == [500, 500, 200]
