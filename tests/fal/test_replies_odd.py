"""Fields of replies that are of another type, sign or size than they should be: none of them is an error of ours."""

import json

import pytest

from batch.core import states
from batch.core.gateway import Accepted, Finished, InDoubt, Receipt, RequestFailed, Unclear, Video, Waiting
from batch.core.retry import Retry
from batch.core.states import State
from batch.dispatch import transitions
from batch.fal.client import FalGateway
from batch.ledger.ledger import Ledger
from jobs.kling import KLING_2_1_PRO
from tests.support.simulated import EPOCH, ledger_of, shots
from tests.support.wire_service import (
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

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"


def gateway(*, played: bool = False) -> FalGateway:
    return FalGateway(KLING_2_1_PRO, local=lambda cell: None, played=played)


def nested(depth: int) -> object:
    found: object = "x"
    for _ in range(depth):
        found = [found]
    return found


ODD = [-1, -(10**30), True, False, 10**30, 1.5, float("nan"), float("inf"), "7", "", None, [], {}, nested(900)]


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
async def test_a_position_that_cannot_be_is_unsaid(value: object, wire: Wire) -> None:
    """It goes into reckonings about the queue, where a negative one once ended the run."""
    wire.act = answering(200, {"status": "IN_QUEUE", "queue_position": value})
    async with gateway() as service:
        assert await service.poll(RECEIPT) == Waiting(running=False)


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
async def test_a_field_of_any_kind_is_no_error(value: object, wire: Wire) -> None:
    """Every field of a status, of a result and of an error, in turn."""
    said = {"status": "COMPLETED", "error": value, "error_type": value, "metrics": {"inference_time": value}}
    async with gateway() as service:
        wire.act = answering(200, said)
        answer = await service.poll(RECEIPT)
        assert isinstance(answer, Finished)
        assert answer.seconds in (None, 1.5)
        for body in ({"detail": value}, {"detail": [value]}, {"detail": [{"msg": value, "type": value, "loc": value}]}):
            wire.act = answering(422, body)
            assert isinstance(await service.collect(RECEIPT, Finished()), RequestFailed | Unclear)
        for odd in ({"status": value}, {"video": value}, {"video": {"url": value}}, value):
            wire.act = answering(200, odd)
            assert isinstance(await service.poll(RECEIPT), Unclear)
            assert not isinstance(await service.collect(RECEIPT, Finished()), Video)
            assert isinstance(await service.submit(SHOT), InDoubt)


NO_ID = ["../../../x", "a b", "a/b", "a?b", "a#b", "", ".", "..", "x" * 200, "ä", "a\x00", "{id}", 7, True, ["r"], None]


@pytest.mark.parametrize("name", NO_ID, ids=lambda value: repr(value)[:20])
async def test_an_id_that_means_something_in_an_address_is_none(name: object, wire: Wire) -> None:
    """The row is in doubt: what was accepted is looked up in fal's records, not at an address that a reply made."""
    wire.act = answering(200, accepted(1) | {"request_id": name})
    async with gateway() as service:
        assert isinstance(await service.submit(SHOT), InDoubt)


@pytest.mark.parametrize("name", ["r", request_id(1), "req_01HZX.7:a~b-c", "x" * 128])
async def test_an_id_of_another_form_is_one(name: str, wire: Wire) -> None:
    """fal says nowhere that ids are UUIDs."""
    wire.act = answering(200, {"request_id": name})
    async with gateway() as service:
        answer = await service.submit(SHOT)
    assert isinstance(answer, Accepted)
    assert answer.receipt.request_id == name


UNUSABLE = [
    "http://v3.fal.media/a.mp4",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "ftp://x/a.mp4",
    "https://",
    "https:///a.mp4",
    "//v3.fal.media/a.mp4",
    "a.mp4",
    "https://v3.fal.media@evil.example.net/a.mp4",
    "https://v3.fal.media/a b.mp4",
    "https://v3.fal.media/" + "x" * 8000,
]


@pytest.mark.parametrize("url", UNUSABLE, ids=lambda url: url[:30])
async def test_a_video_at_an_address_that_nobody_should_open_is_said_and_kept(url: str, wire: Wire) -> None:
    """The row fails and says why; the whole result is in the ledger; nobody buys it again by himself."""
    wire.act = answering(200, {"video": {"url": url, "file_size": 7}})
    async with gateway() as service:
        answer = await service.collect(RECEIPT, Finished())
    assert isinstance(answer, RequestFailed)
    assert (answer.error_type, answer.sure) == ("unusable_video_url", False)  # heard again before it is believed
    assert "is no https address" in answer.message
    assert answer.result is not None
    assert json.loads(answer.result)["video"]["url"] == url
    assert ended(answer) == (State.FAILED, answer.result, 490_000, "unusable_video_url")


def ended(answer: RequestFailed) -> tuple[object, ...]:
    """The row of a ledger whose request ended so."""
    ledger: Ledger = ledger_of(shots(1))
    with ledger.transaction():
        ledger.apply(1, states.claimed(EPOCH, None, 490_000))
        ledger.apply(1, states.accepted(EPOCH, RECEIPT))
        ledger.apply(1, transitions.of_end(answer, EPOCH, 490_000, 1, Retry()))
    found: tuple[object, ...] = ledger.db.execute("SELECT state, result, spent, kind FROM row").fetchone()
    return found


async def test_a_file_is_a_video_only_where_the_service_is_played_here(wire: Wire) -> None:
    """The sandbox's videos are files of this machine; a real service has none."""
    wire.act = answering(200, {"video": {"url": "file:///shots.csv.sandbox/videos/1.mp4"}})
    async with gateway(played=True) as service:
        assert isinstance(await service.collect(RECEIPT, Finished()), Video)
    async with gateway() as service:
        assert isinstance(await service.collect(RECEIPT, Finished()), RequestFailed)
