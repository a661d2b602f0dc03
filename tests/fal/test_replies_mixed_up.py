"""Replies that are about another request: nothing in them is believed, and the connection they came by is left."""

import asyncio
import json

import pytest

from batch.core.gateway import Accepted, Finished, Receipt, RequestFailed, Unclear, Video, Waiting
from batch.fal.client import FalGateway
from jobs.kling import KLING_2_1_PRO
from tests.support.wire_service import (
    Act,
    Heard,
    Line,
    Wire,
    answering,
    queue_of,
    request_id,
    the_authority,  # noqa: F401 - a fixture
    the_surroundings,  # noqa: F401 - a fixture
    the_wire,  # noqa: F401 - a fixture
)

BASE = "https://queue.fal.run/fal-ai/kling-video/requests"
ID, OTHER = request_id(1), request_id(2)
RECEIPT = Receipt(ID, *(f"{BASE}/{ID}{end}" for end in ("/status", "", "/cancel")))
VIDEO = {"video": {"url": "https://v3.fal.media/a.mp4"}}

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"


def gateway() -> FalGateway:
    return FalGateway(KLING_2_1_PRO, local=lambda cell: None)


ABOUT_ANOTHER: dict[str, Act] = {
    "in the body": answering(200, {"status": "COMPLETED", "request_id": OTHER} | VIDEO),
    "in the header": answering(200, {"status": "COMPLETED"} | VIDEO, {"x-fal-request-id": OTHER}),
    "of an error": answering(422, {"detail": [{"type": "missing", "msg": "m"}]}, {"x-fal-request-id": OTHER}),
    "of a 404": answering(404, {"detail": "not found"}, {"X-Fal-Request-Id": OTHER}),
    "a result without a status": answering(200, VIDEO, {"X-Fal-Request-Id": OTHER}),
    "in another's words": answering(200, {"request_id": OTHER, "status": "IN_QUEUE", "queue_position": 0}),
}


@pytest.mark.parametrize("act", ABOUT_ANOTHER.values(), ids=ABOUT_ANOTHER)
async def test_an_answer_about_another_request_says_nothing(act: Act, wire: Wire) -> None:
    """Not its status, not its result, not its end; asked twice, each time by a connection of its own."""
    wire.act = act
    async with gateway() as service:
        for answer in (await service.poll(RECEIPT), await service.collect(RECEIPT, Finished())):
            assert answer == Unclear("the answer was about another request", answered=True)
    assert len({one.line for one in wire.heard}) == len(wire.heard) == 4


@pytest.mark.parametrize("act", ABOUT_ANOTHER.values(), ids=ABOUT_ANOTHER)
async def test_one_answer_mixed_up_is_asked_for_again_at_once(act: Act, wire: Wire) -> None:
    """By a fresh connection; the old one is used for nothing any more."""
    wire.act = act

    async def once(line: Line, heard: Heard) -> None:
        wire.act = answering(200, {"status": "IN_PROGRESS", "request_id": ID}, {"x-fal-request-id": ID})
        await act(line, heard)

    wire.act = once
    async with gateway() as service:
        assert await service.poll(RECEIPT) == Waiting(running=True)
        assert await service.poll(RECEIPT) == Waiting(running=True)
    assert [one.line for one in wire.heard] == [0, 1, 1]


async def test_an_id_of_the_models_own_is_no_trouble(wire: Wire) -> None:
    """What stands in a result is the model's; the header tells whose result it is."""
    wire.act = answering(200, VIDEO | {"request_id": "the model's"}, {"X-Fal-Request-Id": ID})
    async with gateway() as service:
        assert isinstance(await service.collect(RECEIPT, Finished()), Video)
        wire.act = answering(200, {"request_id": 7, "status": "IN_PROGRESS"})
        assert await service.poll(RECEIPT) == Waiting(running=True)


def repeating(wire: Wire, times: int) -> Act:
    """A proxy that sends every n-th reply twice: whatever comes next on that connection is one behind."""
    calm, behind = queue_of(wire), {}

    async def act(line: Line, heard: Heard) -> None:
        held: list[bytes] = []

        class Tap:
            async def send(self, *parts: bytes) -> None:
                held.extend(parts)

        await calm(Tap(), heard)  # type: ignore[arg-type]  # all that it is asked for
        text = b"".join(held)
        number = (
            heard.number if heard.method == "POST" else int(heard.path.partition("?")[0].split("-")[-1].split("/")[0])
        )
        text = text.replace(b"\r\n\r\n", f"\r\nx-fal-request-id: {request_id(number)}\r\n\r\n".encode(), 1)
        queue = behind.setdefault(line.number, [])
        queue.append(text)
        await line.send(queue.pop(0))
        if len(queue) == 0 and heard.number % times == 0:
            queue.append(text)

    return act


@pytest.mark.parametrize("times", [2, 3, 5])
async def test_a_proxy_that_repeats_replies_gives_no_row_anothers_video(times: int, wire: Wire) -> None:
    """30 rows on kept connections: each ends with the video of its own prompt."""
    wire.act = repeating(wire, times)
    shots = [{"prompt": f"shot-{n}", "image_url": "https://example.com/a.png"} for n in range(30)]

    async def one(service: FalGateway, shot: dict[str, str]) -> None:
        answer = await service.submit(shot)
        assert isinstance(answer, Accepted)
        for _ in range(100):
            if isinstance(await service.poll(answer.receipt), Finished):
                break
        told: object = None
        while not isinstance(told, Video):
            told = await service.collect(answer.receipt, Finished())
            assert not isinstance(told, RequestFailed)
        assert json.loads(told.result)["video"]["url"] == f"https://v3.fal.media/{shot['prompt']}.mp4"

    async with gateway() as service, asyncio.TaskGroup() as tasks:
        for shot in shots:
            tasks.create_task(one(service, shot))
    assert len(wire.posts) == 30
