"""Bodies of replies have an end: whoever sends more, packed or not, is not listened to."""

import gzip
import resource
import sys
import zlib

import pytest

from batch.core.gateway import Finished, InDoubt, Receipt, RequestHistory, Unclear, Video
from batch.fal.client import FalGateway
from batch.fal.reply_body import MOST, MOST_OF_A_RESULT, Unreadable, decoded
from jobs.kling import KLING_2_1_PRO
from tests.support.wire_service import (
    Act,
    Heard,
    Line,
    Wire,
    accepted,
    answering,
    request_id,
    the_authority,  # noqa: F401 - a fixture
    the_surroundings,  # noqa: F401 - a fixture
    the_wire,  # noqa: F401 - a fixture
)

SHOT = {"prompt": "a ship", "image_url": "https://example.com/ship.png"}
BASE = "https://queue.fal.run/fal-ai/kling-video/requests"
RECEIPT = Receipt(request_id(1), *(f"{BASE}/{request_id(1)}{end}" for end in ("/status", "", "/cancel")))
BLOCK = bytes(1 << 20)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"


def gateway() -> FalGateway:
    return FalGateway(KLING_2_1_PRO, local=lambda cell: None)


def flood(head: bytes, piece: bytes = BLOCK) -> Act:
    """A body longer than any may be; `head` says how it is sent."""

    async def act(line: Line, heard: Heard) -> None:
        await line.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + head + b"\r\n")
        for _ in range(40):
            await line.send(piece)
        await line.close()

    return act


CHUNK = b"100000\r\n" + BLOCK + b"\r\n"
BOMB = gzip.compress(bytes(300 << 20), 9)
LONG: dict[str, Act] = {
    "1 GB as it says": flood(b"content-length: 1073741824\r\n"),
    "chunks for ever": flood(b"transfer-encoding: chunked\r\n", CHUNK),
    "no length at all": flood(b"connection: close\r\n"),
    "300 MB of nothing, packed": answering(200, raw=BOMB, headers={"content-encoding": "gzip"}),
    "the same, deflated": answering(
        200, raw=zlib.compress(bytes(300 << 20), 9), headers={"content-encoding": "deflate"}
    ),
}


def peak() -> int:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform != "darwin" else 1 << 20)


@pytest.mark.parametrize("act", LONG.values(), ids=LONG)
async def test_a_reply_that_is_too_long_is_a_lost_one(act: Act, wire: Wire) -> None:
    """Of a POST: in doubt, never unsent. Of a question: nothing is learned. Memory stays where it was."""
    wire.act = act
    async with gateway() as service:
        before = peak()
        answer = await service.submit(SHOT)
        assert isinstance(answer, InDoubt)
        assert "longer than 8 MB" in answer.reason
        status = await service.poll(RECEIPT)
        result = await service.collect(RECEIPT, Finished())
        listing = await service.request_history(0.0)
        assert peak() - before < 150
    for said in (status, result, listing):
        assert isinstance(said, Unclear)
        assert "longer than" in said.reason
    assert isinstance(result, Unclear)
    assert result.answered  # or a run would wait for it for ever
    assert len(wire.posts) == 1


async def test_a_long_result_is_read_and_a_long_status_is_not(wire: Wire) -> None:
    """Between 8 and 32 MB."""
    wire.act = answering(200, {"video": {"url": "https://v3.fal.media/a.mp4"}, "status": "x" * (9 << 20)})
    async with gateway() as service:
        assert isinstance(await service.collect(RECEIPT, Finished()), Video)
        assert isinstance(await service.poll(RECEIPT), Unclear)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "nonsense"])
async def test_an_encoding_that_was_not_asked_for_is_not_guessed_at(encoding: str, wire: Wire) -> None:
    """A POST's is a lost reply; what is asked for is gzip and deflate."""
    wire.act = answering(200, accepted(1), {"content-encoding": encoding})
    async with gateway() as service:
        assert isinstance(await service.submit(SHOT), InDoubt)
        assert isinstance(await service.poll(RECEIPT), Unclear)
    assert {one.headers["accept-encoding"] for one in wire.heard} == {"gzip, deflate"}


async def test_a_packed_reply_is_unpacked(wire: Wire) -> None:
    """A page of the listing, say."""
    raw = gzip.compress(b'{"items": [], "next_cursor": null, "has_more": false}')
    wire.act = answering(200, raw=raw, headers={"content-encoding": "gzip"})
    async with gateway() as service:
        assert isinstance(await service.request_history(0.0), RequestHistory)


def test_unpacking_ends_where_it_has_to() -> None:
    """At the limit exactly, and at a body that was cut or damaged."""
    for size in (MOST - 1, MOST):
        assert len(decoded(gzip.compress(bytes(size)), "GZIP ", MOST)) == size
    for body in (gzip.compress(bytes(MOST + 1)), gzip.compress(b"x" * 100)[:-9], b"", b"nonsense"):
        with pytest.raises(Unreadable):
            decoded(body, "gzip", MOST)
    assert decoded(b"as it is", "identity", MOST) == b"as it is"
    assert MOST < MOST_OF_A_RESULT


async def test_what_follows_a_long_reply_is_not_taken_for_the_next_one(wire: Wire) -> None:
    """The connection is given up with the rest of it unread."""
    calm = answering(200, {"status": "COMPLETED"})
    wire.act = flood(b"content-length: 1073741824\r\n")
    async with gateway() as service:
        assert isinstance(await service.poll(RECEIPT), Unclear)
        wire.act = calm
        assert await service.poll(RECEIPT) == Finished()
    assert [one.line for one in wire.heard] == [0, 1]
