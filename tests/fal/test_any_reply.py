"""Whatever a reply holds, at any endpoint, the gateway's answer is one that there is, and fit to be kept and shown."""

import asyncio
import gzip
import json
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fal_client.auth import AuthCredentials
from fal_client.client import AsyncCDNTokenManager
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.core import gateway as seam
from batch.core.gateway import Accepted, Finished, RequestHistory, UnitPrice, Video, Waiting
from batch.fal import transport
from batch.fal.client import FalGateway
from batch.fal.hosts import FalHosts
from batch.fal.responses import LONGEST_URL, MOST_WAITING, REFUSED_SUBMITS, YEAR
from tests.support.fal_gateway import BASE, RECEIPT, SHOT, check_plain, gateway, item
from tests.support.wire_service import KEY, accepted, request_id

HOSTS = FalHosts()
LISTED = {
    "request_id": request_id(1),
    "endpoint_id": "fal-ai/kling-video/v2.1/pro/image-to-video",
    "sent_at": "2026-11-25T12:00:00Z",
    "started_at": "2026-11-25T12:00:01Z",
    "ended_at": "2026-11-25T12:01:00Z",
    "status_code": 200,
    "duration": 60.0,
    "json_input": SHOT,
}
NEVER = "2099-01-01T00:00:00+00:00"
SHAPES: dict[str, list[Any]] = {
    "submit": [accepted(1)],
    "poll": [
        {"status": "IN_QUEUE", "queue_position": 3, "request_id": request_id(1), "logs": None},
        {"status": "COMPLETED", "metrics": {"inference_time": 2.5}, "error": "oh", "error_type": "bad"},
    ],
    "collect": [{"video": {"url": "https://v3.fal.media/a.mp4", "content_type": "video/mp4", "file_size": 7}}],
    "cancel": [{"status": "CANCELLATION_REQUESTED"}],
    "request_history": [{"items": [LISTED], "next_cursor": None, "has_more": False}],
    "unit_price": [
        {"prices": [{"endpoint_id": LISTED["endpoint_id"], "unit_price": 0.1, "unit": "s", "currency": "USD"}]}
    ],
    "prepare": [
        {
            "token": "t",
            "token_type": "Bearer",
            "base_url": "https://v3.fal.media",
            "expires_at": NEVER,
        },
        {"access_url": "https://v3.fal.media/a.png"},
        {"file_url": "https://v3.fal.media/a.png", "upload_url": "https://v3.fal.media/u"},
    ],
}
"""What each question is answered with when all is well: the fields of these are what is replaced."""
REASONS = [{"detail": [item("internal_server_error")], "error_type": "bad"}, {"detail": "oh"}]
ANSWERS = {
    "submit": seam.SubmitAnswer,
    "poll": seam.PollAnswer,
    "collect": seam.CollectAnswer,
    "cancel": seam.CancelAnswer,
    "request_history": RequestHistory | seam.Unclear,
    "unit_price": UnitPrice | seam.Unclear,
    "prepare": seam.PrepareAnswer,
}
NO_TOKEN = AsyncCDNTokenManager(AuthCredentials("Key", KEY))._token
"""It has to ask for one first."""
NAMES = ("x-fal-error-type", "x-fal-request-id", "x-fal-retryable", "x-fal-needs-retry", "retry-after", "date")


def nested(depth: int) -> Any:
    found: Any = "x"
    for _ in range(depth):
        found = {"a": [found]}
    return found


odd = st.sampled_from(
    [
        *(-1, 0, 10**30, -(10**400), float("nan"), float("inf"), -0.0, "", "x" * 9000, nested(400), KEY),
        *("\x1b[2J", "a\x00b", "\ud800", "\u202e", "https://evil.example.net/requests/1", "../../x", request_id(2)),
        *("https://queue.fal.run@evil.example.net/x", "http://queue.fal.run/x", "IN_QUEUE", "COMPLETED", "IN_PROGRESS"),
        *("2099-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "https://v3.fal.media/\n.mp4", "file:///etc/passwd"),
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | odd,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoiled(draw: st.DrawFn, whole: Any) -> Any:
    """One JSON value, in which any field may be another, or missing."""
    if draw(st.integers(0, 7)) == 0:
        return draw(values)
    if isinstance(whole, dict):
        kept = {name: draw(spoiled(value)) for name, value in whole.items() if draw(st.integers(0, 9))}
        return kept | draw(st.dictionaries(st.sampled_from(["status", "detail", "error", "request_id"]), values))
    if isinstance(whole, list):
        return [draw(spoiled(one)) for one in whole for _ in range(draw(st.integers(0, 2)))]
    return whole


@dataclass
class Reply:
    """One reply of the service."""

    status: int
    headers: list[tuple[str, bytes]]
    content: bytes


@st.composite
def replies(draw: st.DrawFn, asked: str) -> Reply:
    body = draw(spoiled(draw(st.sampled_from([*SHAPES[asked], *SHAPES[asked], *REASONS]))))
    try:
        content = json.dumps(body).encode()
    except (RecursionError, ValueError):  # a number that Python itself does not write
        content = b"[" * 10_000 + b"9" * 10_000
    content = draw(st.sampled_from([content] * 6 + [content[:-1], b"\xff\xfe" + content, b"", gzip.compress(content)]))
    headers = draw(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=20) | odd.filter(is_text), max_size=3))
    known = [200] * 6 + [201, 202, 204, 206, 301, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 422]
    status = draw(st.sampled_from([*known, 425, 429, 429, 451, 499, 500, 500, 502, 503, 504, 520, 599]))
    # The bytes of a header may be any but these: the wire itself takes them for the end of it.
    return Reply(status, [(name, _header(value)) for name, value in headers.items()], content)


def is_text(value: object) -> bool:
    return isinstance(value, str)


def _header(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass").translate(None, b"\r\n\0")[:4000]


class Played(httpx.AsyncBaseTransport):
    """The network: every exchange is answered with the next reply, the last one for ever."""

    replies: list[Reply]
    asked: list[httpx.Request]

    def __init__(self, *_: object, **__: object) -> None:
        pass

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        Played.asked.append(request)
        if len(Played.asked) > 60:
            raise AssertionError("it asks without end")
        reply = Played.replies.pop(0) if len(Played.replies) > 1 else Played.replies[0]
        headers = [(name.encode(), value) for name, value in reply.headers]
        return httpx.Response(reply.status, headers=headers, content=reply.content, request=request)


Ask = Callable[[str, list[Reply]], Any]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Puts one question to a gateway whose network answers so."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.MonkeyPatch.context() as patched, asyncio.Runner() as runner:
        patched.setenv("FAL_KEY", KEY)
        patched.setattr(transport, "_wire", lambda **_: Played())
        patched.setattr("fal_client.client.MAX_ATTEMPTS", 2)
        patched.setattr("asyncio.sleep", _at_once)
        patched.setattr("anyio.sleep", _at_once)
        service = runner.run(_made(folder))

        def one(asked: str, answers: list[Reply]) -> Any:
            Played.replies, Played.asked = answers, []
            return runner.run(_question(service, folder, asked))

        yield one


async def _at_once(*_: object) -> None:
    """What waits before it asks again asks at once."""


async def _made(folder: Path) -> FalGateway:
    return gateway(folder)


def _question(service: FalGateway, folder: Path, asked: str) -> Coroutine[Any, Any, Any]:
    service._uploads._uploaded.clear()
    service._client._tokens._token = NO_TOKEN
    given: dict[str, tuple[Any, ...]] = {
        "submit": (SHOT,),
        "poll": (RECEIPT,),
        "collect": (RECEIPT, Finished()),
        "cancel": (RECEIPT,),
        "request_history": (0.0,),
        "unit_price": (),
        "prepare": ({**SHOT, "image_url": "file:a.png"},),
    }
    found: Coroutine[Any, Any, Any] = getattr(service, asked)(*given[asked])
    return found


def check(asked: str, answer: Any, told: list[Reply]) -> None:
    """What no answer may be, whatever was told."""
    assert isinstance(answer, ANSWERS[asked]), answer
    if not isinstance(answer, RequestHistory | UnitPrice):
        check_plain(answer)
    posts = [one for one in Played.asked if one.method == "POST"]
    if asked == "submit":
        assert len(posts) == 1, "one POST, whatever is answered"
        if isinstance(answer, seam.Refused | seam.AccountRefused | seam.Throttled):
            assert told[0].status in (401, 402, 403, 429, *REFUSED_SUBMITS)
        assert not isinstance(answer, seam.NotSent)
    match answer:
        case Accepted(receipt):
            assert told[0].status // 100 == 2
            assert len(receipt.request_id) <= 128
            for url in (receipt.status_url, receipt.response_url, receipt.cancel_url):
                assert HOSTS.about(url, receipt.request_id)
        case Waiting(position=position):
            assert position is None or 0 <= position <= MOST_WAITING
        case Finished(seconds):
            assert seconds is None or 0 <= seconds < YEAR
        case Video(url=url):
            assert url.startswith("https://")
            assert len(url) < LONGEST_URL
        case seam.Throttled(after):
            assert after is None or 0 <= after <= 3600
        case seam.Prepared(arguments):
            assert str(arguments["image_url"]).startswith("https://")
        case RequestHistory(items):
            assert len({one.request_id for one in items}) == len(items)
            assert all(one.sent_at == one.sent_at and abs(one.sent_at) < sys.float_info.max for one in items)
        case UnitPrice(amount):
            assert 0 <= amount < 10**6


@pytest.mark.parametrize("asked", ANSWERS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_no_reply_to_any_question_is_an_error_of_ours(asked: str, ask: Ask, data: st.DataObject) -> None:
    """Every field of any type, any status, any header; the key goes nowhere but to fal, and is in no answer."""
    told = data.draw(st.lists(replies(asked), min_size=1, max_size=3))
    check(asked, ask(asked, list(told)), told)


@pytest.mark.parametrize("asked", ANSWERS)
def test_what_is_answered_when_all_is_well_is_understood(asked: str, ask: Ask) -> None:
    """The replies whose fields are replaced are replies that mean something."""
    shapes = SHAPES[asked]
    told = [Reply(200, [("date", b"Wed, 25 Nov 2026 13:00:00 GMT")], json.dumps(one).encode()) for one in shapes]
    answer = ask(asked, told)
    check(asked, answer, told)
    assert not isinstance(answer, seam.Unclear | seam.NotSent | seam.InDoubt), answer
    assert str(BASE) in str(Played.asked[0].url) or asked not in ("poll", "collect", "cancel")
