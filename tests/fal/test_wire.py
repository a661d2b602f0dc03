"""The wire: a connection is used again, but not one on which replies and requests have come apart."""

import pytest

from batch.core.gateway import Accepted, Finished, InDoubt, Receipt
from batch.fal.client import FalGateway
from jobs.kling import KLING_2_1_PRO
from tests.support.wire_service import (
    Heard,
    Line,
    Wire,
    accepted,
    reply,
    request_id,
    the_authority,  # noqa: F401 - a fixture
    the_surroundings,  # noqa: F401 - a fixture
    the_wire,  # noqa: F401 - a fixture
)

BASE = "https://queue.fal.run/fal-ai/kling-video/requests"
SHOT = {"prompt": "a ship", "image_url": "https://example.com/ship.png"}
OLD = Receipt(request_id(9), *(f"{BASE}/{request_id(9)}{end}" for end in ("/status", "", "/cancel")))
DONE = reply(200, {"status": "COMPLETED", "request_id": request_id(9)})

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"


def gateway() -> FalGateway:
    return FalGateway(KLING_2_1_PRO, local=lambda cell: None)


async def test_posts_go_by_a_kept_connection(wire: Wire) -> None:
    """No handshake for each of a thousand rows."""

    async def act(line: Line, heard: Heard) -> None:
        await line.send(reply(200, accepted(heard.number)))

    wire.act = act
    async with gateway() as service:
        answers = [await service.submit(SHOT) for _ in range(3)]
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert {one.line for one in wire.heard} == {0}


async def test_a_connection_on_which_something_came_unasked_is_not_used_again(wire: Wire) -> None:
    """A reply that was sent twice: the second one would be taken for the next row's."""

    async def act(line: Line, heard: Heard) -> None:
        await line.send(reply(200, accepted(heard.number)) * 2)

    wire.act = act
    async with gateway() as service:
        for number in (1, 2, 3):
            answer = await service.submit(SHOT)
            assert isinstance(answer, Accepted)
            assert answer.receipt.request_id == request_id(number)
    assert [one.line for one in wire.heard] == [0, 1, 2]


@pytest.mark.parametrize("before", ["a submit", "a question about a request of an earlier run"])
async def test_a_receipt_of_a_known_request_is_a_lost_reply_and_ends_its_connection(before: str, wire: Wire) -> None:
    """One reply behind: without an end of it the row after next would be given this one's request."""
    behind: dict[int, list[bytes]] = {}

    async def act(line: Line, heard: Heard) -> None:
        own = reply(200, accepted(heard.number)) if heard.method == "POST" else DONE
        queue = behind.setdefault(line.number, [own] if line.number == 0 else [])
        queue.append(own)
        await line.send(queue.pop(0))

    wire.act = act
    async with gateway() as service:
        if before == "a submit":
            assert isinstance(await service.submit(SHOT), Accepted)
        else:
            assert isinstance(await service.poll(OLD), Finished)
        assert isinstance(await service.submit(SHOT), InDoubt)
        answer = await service.submit(SHOT)
    assert isinstance(answer, Accepted)
    assert answer.receipt.request_id == request_id(3)
    assert [one.line for one in wire.heard] == [0, 0, 1]
