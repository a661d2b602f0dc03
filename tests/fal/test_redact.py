"""No key and no control character in what is shown and kept, whoever echoes them."""

import json
import logging
from pathlib import Path

import pytest

from batch.core.gateway import Finished, Refused, Video
from batch.fal import redact
from batch.fal.client import FalGateway
from tests.support.fal_gateway import NAME, RECEIPT, SECRET, SHOT, check_plain, gateway, result_of
from tests.support.wire_service import KEY, Wire, accepted, answering

pytestmark = pytest.mark.anyio

ECHOES = [
    KEY,
    SECRET,
    NAME,
    f"Key {KEY}",
    f"a\u001b[31m{KEY}",
    f"{'x' * 70}{KEY}",
    f"{'x' * 480}{KEY}",
    f"{'x' * 1980}{KEY}",
]
TROUBLE = "\u0000\u001b[2J\u0007\ud800\u202e\r\n\t\u0085\u2028"


@pytest.mark.parametrize("echo", [*ECHOES, TROUBLE], ids=range(len(ECHOES) + 1))
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422, 429, 500, 503])
async def test_no_answer_holds_the_key_or_a_control_character(
    status: int, echo: str, wire: Wire, service: FalGateway
) -> None:
    """Echoed anywhere in a reply, by the service or a proxy: in messages, types, results, URLs, headers."""
    header = {"X-Fal-Error-Type": "".join(c for c in echo if c.isprintable())}
    bodies = [
        answering(status, {"detail": echo, "error_type": echo}),
        answering(status, {"detail": "oh"}, header),
        answering(status, result_of({"loc": ["body", echo], "msg": echo, "type": echo})),
        answering(status, raw=echo.encode("utf-8", "surrogatepass")),
        answering(status, {"status": echo}),
        answering(status, {"status": "COMPLETED", "error": echo, "error_type": echo}),
        answering(status, {"status": "IN_QUEUE", "queue_position": echo}),
        answering(status, {"video": {"url": f"https://v3.fal.media/{echo}.mp4"}}),
        answering(status, accepted(1) | {"status_url": f"https://a/{echo}"}),
        answering(status, {"request_id": echo}),
    ]
    finished = Finished()
    for act in bodies:
        wire.act = act
        polled = await service.poll(RECEIPT)
        finished = polled if isinstance(polled, Finished) else finished
        for answer in (
            polled,
            await service.submit(SHOT),
            await service.collect(RECEIPT, finished),
            await service.cancel(RECEIPT),
        ):
            check_plain(answer)


async def test_the_result_of_a_sandbox_is_not_taken_for_a_secret(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that serves as key where any key does is not cut out of texts and paths."""
    monkeypatch.setenv("FAL_KEY", "sandbox")
    body = '{"video": {"url": "file:///shots.csv.sandbox/1.mp4"}}'
    wire.act = answering(200, raw=body.encode())
    async with gateway() as service:
        assert await service.collect(RECEIPT, Finished()) == Video(body, "file:///shots.csv.sandbox/1.mp4")


async def test_a_long_answer_is_cut_and_a_long_address_is_not(wire: Wire, service: FalGateway) -> None:
    """Messages are for a table's cell; the URL of a video is worthless when cut."""
    wire.act = answering(422, {"detail": "x" * 100_000})
    answer = await service.submit(SHOT)
    assert isinstance(answer, Refused)
    assert len(answer.message) == redact.MESSAGE_LENGTH
    url = "https://v3.fal.media/" + "x" * 5000
    wire.act = answering(200, {"video": {"url": url}})
    told = await service.collect(RECEIPT, Finished())
    assert isinstance(told, Video)
    assert told.url == url


async def test_the_key_is_in_no_description_of_anything(wire: Wire, service: FalGateway) -> None:
    """repr() and str() of the gateway, its parts, its answers and its errors."""
    wire.act = answering(401, {"detail": KEY})
    answers = [await service.submit(SHOT), await service.poll(RECEIPT)]
    parts = [service, service._client, service._http, service._http.headers, *answers]
    assert all(SECRET not in repr(part) + str(part) for part in parts)


async def test_fal_clients_own_log_holds_no_key(wire: Wire, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What it warns of goes to the screen: troubles of an upload that echo the key included."""
    wire.act = answering(400, {"detail": KEY})
    (tmp_path / "a.png").write_bytes(b"image")
    with caplog.at_level(logging.DEBUG):
        async with gateway(tmp_path) as service:
            answer = await service.prepare(SHOT | {"image_url": "file:a.png"})
            await service.submit(SHOT)
    check_plain(answer)
    assert caplog.text
    assert SECRET not in caplog.text
    assert json.dumps(KEY) not in repr(answer)
