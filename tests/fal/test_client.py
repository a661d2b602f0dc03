"""Every outcome in a closed set of answers: what fal, the proxies before it, and the disk can say."""

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from batch.core import retry
from batch.core.gateway import (
    Accepted,
    AccountRefused,
    CancelAnswer,
    CancelRequested,
    CollectAnswer,
    Finished,
    NotFound,
    NotSent,
    PollAnswer,
    Prepared,
    Receipt,
    Refused,
    RequestFailed,
    RequestHistory,
    Throttled,
    TooLate,
    Unclear,
    Video,
    Waiting,
)
from batch.errors import MissingKey
from batch.fal import client as fal
from batch.fal import credentials, redact, uploads
from batch.fal import platform_api as records
from batch.fal import transport as guard
from batch.fal.client import FalGateway
from batch.sandbox import Address, Faults, History, Queue, serve
from jobs.kling import KLING_2_1_PRO
from tests.support.wire_service import (
    KEY,
    TUNNEL,
    Act,
    Heard,
    Line,
    Wire,
    accepted,
    answering,
    reply,
    request_id,
    saying,
    the_authority,  # noqa: F401 - a fixture
    the_surroundings,  # noqa: F401 - a fixture
    the_wire,  # noqa: F401 - a fixture
)

SHOT = {"prompt": "a ship", "image_url": "https://example.com/ship.png"}
BASE = "https://queue.fal.run/fal-ai/kling-video/requests"
RECEIPT = Receipt(request_id(1), *(f"{BASE}/{request_id(1)}{end}" for end in ("/status", "", "/cancel")))
LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
NAME, _, SECRET = KEY.partition(":")

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"


def gateway(folder: Path = Path()) -> FalGateway:
    """Cells that start with `file:` are local images in a folder."""
    return FalGateway(KLING_2_1_PRO, local=lambda cell: folder / cell[5:] if cell.startswith("file:") else None)


@pytest.fixture
async def service(wire: Wire) -> AsyncIterator[FalGateway]:
    """A gateway to the service of this test."""
    async with gateway() as service:
        yield service


# Submit: what is refused


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e9"}, 3600.0),
        ({"retry-after": "inf"}, 3600.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
    ],
)
async def test_too_many_requests_is_a_pause_and_no_attempt(
    headers: dict[str, str], after: float | None, wire: Wire, service: FalGateway
) -> None:
    """429 is Throttled after one POST, with as many seconds as the service asks for in a number."""
    wire.act = answering(429, {"detail": "Too many requests"}, headers)
    assert await service.submit(SHOT) == Throttled(after)
    assert len(wire.posts) == 1


@pytest.mark.parametrize(
    ("status", "detail", "kind"),
    [
        (401, "Authentication is required", "http_401"),
        (402, "Payment required", "http_402"),
        (403, LOCKED, "locked"),
        (403, "USER IS LOCKED. Reason: TOS", "locked"),
        (403, "You may not use this application", "http_403"),
    ],
)
async def test_a_refused_account_stops_the_batch(
    status: int, detail: str, kind: str, wire: Wire, service: FalGateway
) -> None:
    """401, 402 and 403 blame no row; the service's own words are kept."""
    wire.act = answering(status, {"detail": detail})
    assert await service.submit(SHOT) == AccountRefused(kind, detail)
    assert len(wire.posts) == 1


@pytest.mark.parametrize("status", [400, 404, 405, 413, 422])
async def test_a_refused_request_is_refused_for_good(status: int, wire: Wire, service: FalGateway) -> None:
    """RowSelection by its type where it has one, in the body or in a header, else by its status."""
    detail = [{"loc": ["body", "duration"], "msg": "not permitted", "type": "literal_error", "url": "u"}]
    said: list[tuple[Act, Refused]] = [
        (answering(status, {"detail": detail}), Refused("literal_error", "duration: not permitted")),
        (answering(status, {"detail": "no", "error_type": "bad_request"}), Refused("bad_request", "no")),
        (answering(status, {"detail": "no"}, {"X-Fal-Error-Type": "bad_request"}), Refused("bad_request", "no")),
        (answering(status, raw=b"<h1>no</h1>"), Refused(f"http_{status}", "<h1>no</h1>")),
        (answering(status, raw=b""), Refused(f"http_{status}", "")),
        (answering(status, {"detail": []}), Refused(f"http_{status}", "")),
        (answering(status, {"detail": [7, None, {}]}), Refused(f"http_{status}", "7; None; None")),
        (answering(status, {"detail": [{"loc": 7, "msg": "m", "type": {}}]}), Refused(f"http_{status}", "m")),
        (answering(status, {"detail": [{"loc": "body", "msg": ["m"]}]}), Refused(f"http_{status}", "['m']")),
    ]
    for act, answer in said:
        wire.act = act
        assert await service.submit(SHOT) == answer
    assert len(wire.posts) == len(said)


# Submit: receipts


@pytest.mark.parametrize(
    "lacking",
    [
        {},
        {"status_url": f"{BASE}/1/status"},
        {"status_url": None, "response_url": None, "cancel_url": None},
        {"status_url": "http://a/", "response_url": "http://b/", "cancel_url": "http://c/"},
        {"status_url": "/status", "response_url": "/", "cancel_url": "/cancel"},
        {"status_url": "https://[", "response_url": "https://a:99999/", "cancel_url": "https://"},
        {"status_url": "https://a/\n", "response_url": "https://a/\ud800", "cancel_url": "https://a/ b"},
        {"status_url": f"https://a/{KEY}", "response_url": f"https://a/{SECRET}", "cancel_url": "https://a/"},
        {"status_url": 1, "response_url": [], "cancel_url": {}},
    ],
)
async def test_a_receipt_without_usable_urls_has_fals_own(
    lacking: dict[str, object], wire: Wire, service: FalGateway
) -> None:
    """The id is enough: the three URLs are built as fal-client builds them, and they work."""
    wire.act = answering(200, {"request_id": request_id(1)} | lacking)
    assert await service.submit(SHOT) == Accepted(RECEIPT)
    wire.act = answering(200, {"status": "IN_QUEUE", "queue_position": 3})
    assert await service.poll(RECEIPT) == Waiting(running=False, position=3)
    assert wire.heard[-1].path == f"/fal-ai/kling-video/requests/{request_id(1)}/status?logs=0"


async def test_the_urls_of_a_receipt_are_kept_as_they_came(wire: Wire, service: FalGateway) -> None:
    """fal says not to build them: another host, another path, a query are all its own business."""
    base = "https://queue.falrun.com/v2/queue/x?region=eu&n=1"
    given = {"status_url": base + "#s", "response_url": base, "cancel_url": base + "&c"}
    wire.act = answering(200, {"request_id": "r"} | given)
    assert await service.submit(SHOT) == Accepted(Receipt("r", base + "#s", base, base + "&c"))


# Poll


@pytest.mark.parametrize(
    ("status", "said", "answer"),
    [
        (202, {"status": "IN_QUEUE", "queue_position": 0}, Waiting(running=False, position=0)),
        (202, {"status": "IN_QUEUE"}, Waiting(running=False)),
        (202, {"status": "IN_QUEUE", "queue_position": "many"}, Waiting(running=False)),
        (202, {"status": "IN_PROGRESS"}, Waiting(running=True)),
        (202, {"status": "IN_PROGRESS", "logs": [{"message": "…"}]}, Waiting(running=True)),
        (200, {"status": "COMPLETED"}, Finished()),
        (200, {"status": "COMPLETED", "metrics": None, "logs": None}, Finished()),
        (200, {"status": "COMPLETED", "metrics": {"inference_time": 3}}, Finished(seconds=3.0)),
        (200, {"status": "COMPLETED", "metrics": {"inference_time": "3"}}, Finished()),
        (200, {"status": "COMPLETED", "metrics": {"inference_time": float("nan")}}, Finished()),
        (200, {"status": "COMPLETED", "metrics": {"inference_time": float("inf")}}, Finished()),
        (200, {"status": "COMPLETED", "metrics": {"inference_time": -1}}, Finished()),
        (200, {"status": "COMPLETED", "metrics": {"inference_time": 10**400}}, Finished()),
        (
            200,
            {"status": "COMPLETED", "error": "it\nbroke", "error_type": "runner_disconnected"},
            Finished(error="it broke", error_type="runner_disconnected"),
        ),
        (200, {"status": "COMPLETED", "error": {"a": 1}}, Finished(error="{'a': 1}")),
        (200, {"status": "SUSPENDED"}, Unclear("unknown status 'SUSPENDED'")),
        (200, {"status": ["COMPLETED"]}, Unclear("unknown status ['COMPLETED']")),
        (200, {}, Unclear("unknown status None")),
        (200, [], Unclear("the status was not a JSON object")),
        (200, "COMPLETED", Unclear("the status was not a JSON object")),
        (404, {"detail": "Request not found"}, NotFound("HTTP 404: Request not found")),
        (401, {"detail": "no"}, Unclear("HTTP 401: no", account=True, answered=True)),
        (403, {"detail": LOCKED}, Unclear(f"HTTP 403: {LOCKED}", account=True, answered=True)),
        (429, {"detail": "slow down"}, Unclear("HTTP 429: slow down", answered=True)),
        (500, {"detail": "oh"}, Unclear("HTTP 500: oh", answered=True)),
        (307, {}, Unclear("HTTP 307: {}", answered=True)),
    ],
)
async def test_a_status_is_understood_or_says_nothing(
    status: int, said: object, answer: PollAnswer, wire: Wire, service: FalGateway
) -> None:
    """Missing and strange fields are no errors; an unknown state and a refusal say nothing about the row."""
    wire.act = answering(status, said)
    assert await service.poll(RECEIPT) == answer
    assert len(wire.heard) == 1


async def test_a_question_may_go_to_the_backup_host(wire: Wire, service: FalGateway) -> None:
    """Where the first host cannot be reached; asked in the same words, without a body."""
    wire.on_connect = lambda host: b"" if host == "queue.fal.run" else TUNNEL
    wire.act = answering(200, {"status": "COMPLETED"})
    assert await service.poll(RECEIPT) == Finished()
    assert await service.cancel(RECEIPT) == CancelRequested()
    assert [one.host for one in wire.heard] == ["queue.falrun.com"] * 2
    assert all(one.headers["host"] == "queue.falrun.com" and not one.body for one in wire.heard)


GARBAGE: dict[str, Act] = {
    "HTML": answering(200, raw=b"<html>welcome to the hotel</html>"),
    "nothing": answering(200, raw=b""),
    "another encoding": answering(200, raw=b'{"status": "\xff\xfe"}'),
    "half": answering(200, raw=b'{"status": "COMPLETED", "metr'),
    "nested without end": answering(200, raw=b"[" * 200_000),
    "a number without end": answering(200, raw=b'{"status": ' + b"9" * 10_000 + b"}"),
    "502 of nginx": answering(502, raw=b"<center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center>"),
    "broken gzip": answering(200, raw=b"{}", headers={"content-encoding": "gzip"}),
    "no HTTP": saying(b"220 smtp.example.com ESMTP\r\n\r\n"),
    "cut": saying(reply(200, {"status": "COMPLETED"})[:-4]),
    "closed": saying(),
}


@pytest.mark.parametrize("act", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_says_nothing_about_a_row(act: Act, wire: Wire, service: FalGateway) -> None:
    """Unclear from poll, collect and cancel, never an exception and never an end."""
    wire.act = act
    assert isinstance(await service.poll(RECEIPT), Unclear)
    assert isinstance(await service.collect(RECEIPT, Finished()), Unclear)
    assert isinstance(await service.cancel(RECEIPT), Unclear | CancelRequested)


async def test_a_question_without_an_answer_is_unclear(
    wire: Wire, service: FalGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait for an answer has an end."""

    async def silent(line: Line, heard: Heard) -> None:
        await line.client_gone()

    monkeypatch.setattr(fal, "ASK_SECONDS", 0.1)
    wire.act = silent
    assert isinstance(await service.poll(RECEIPT), Unclear)


async def test_a_header_in_another_alphabet_is_no_trouble(wire: Wire, service: FalGateway) -> None:
    """HTTP headers may hold any byte; the answer is read all the same."""
    wire.act = answering(200, {"status": "COMPLETED"}, {"x-runner": "Zürich"})
    assert await service.poll(RECEIPT) == Finished()


# Collect


def result_of(*items: object) -> dict[str, object]:
    return {"detail": list(items)}


def item(kind: str) -> dict[str, object]:
    return {"loc": ["body", "image_url"], "msg": "said", "type": kind, "url": "https://docs.fal.ai/errors"}


async def test_a_video_comes_with_the_whole_result(wire: Wire, service: FalGateway) -> None:
    """The result is kept word for word, whatever else stands in it."""
    body = '{ "video": {"url": "https://v3.fal.media/ü.mp4", "new": [1]}, "seed": 7 }'
    wire.act = answering(200, raw=body.encode())
    assert await service.collect(RECEIPT, Finished()) == Video(body, "https://v3.fal.media/ü.mp4")


@pytest.mark.parametrize(
    "said", [{}, [], "video", {"video": None}, {"video": {"url": ""}}, {"video": {"url": "\n"}}, {"video": "u"}]
)
async def test_a_result_without_a_video_has_to_be_heard_again(said: object, wire: Wire, service: FalGateway) -> None:
    """It may be a passing fault: to believe it at once would lose a video that is paid for."""
    wire.act = answering(200, said)
    answer = await service.collect(RECEIPT, Finished())
    assert isinstance(answer, RequestFailed)
    assert (answer.error_type, answer.status, answer.sure) == ("no_video_in_result", 200, False)
    assert not retry.worth_another_try(answer)


async def test_a_result_that_is_too_early_is_a_request_under_way(wire: Wire, service: FalGateway) -> None:
    """400 "still in progress": back to waiting."""
    wire.act = answering(400, {"detail": "Request is still in progress"})
    assert await service.collect(RECEIPT, Finished()) == Waiting(running=True)


ENDED = Finished(error="it broke", error_type="generation_timeout")


@pytest.mark.parametrize(
    ("finished", "status", "said", "answer"),
    [
        # the model's own words
        (
            Finished(),
            422,
            result_of(item("image_load_error")),
            RequestFailed("image_load_error", "image_url: said", 422),
        ),
        (Finished(), 422, result_of({"msg": "said"}), RequestFailed("http_422", "said", 422)),
        (ENDED, 422, result_of(item("image_load_error")), RequestFailed("image_load_error", "image_url: said", 422)),
        (ENDED, 504, result_of({"msg": "said"}), RequestFailed("generation_timeout", "said", 504)),
        (Finished(), 403, result_of(item("x")), RequestFailed("x", "image_url: said", 403)),
        # fal's words, backed by the status or not
        (Finished(), 500, {"detail": "oh", "error_type": "runner_server_error"}, ("runner_server_error", False)),
        (ENDED, 500, {"detail": "oh", "error_type": "runner_server_error"}, ("runner_server_error", True)),
        (ENDED, 504, {"detail": "oh"}, ("generation_timeout", True)),
        (Finished(error="it broke"), 504, {"detail": "oh"}, ("http_504", True)),
        (Finished(error_type="internal_error"), 500, {"detail": "oh"}, ("internal_error", True)),
        (Finished(), 422, {"detail": "oh"}, ("http_422", False)),
        (Finished(), 499, {"detail": "Request was cancelled"}, ("http_499", False)),
        (ENDED, 404, {"detail": "gone"}, ("generation_timeout", True)),
        # nothing about the row
        (Finished(), 404, {"detail": "gone"}, NotFound("HTTP 404: gone")),
        (Finished(), 408, {"detail": "oh"}, Unclear("HTTP 408: oh", answered=True)),
        (Finished(), 429, {"detail": "oh"}, Unclear("HTTP 429: oh", answered=True)),
        (Finished(), 401, {"detail": "oh"}, Unclear("HTTP 401: oh", account=True, answered=True)),
        (Finished(), 402, {"detail": "oh"}, Unclear("HTTP 402: oh", account=True, answered=True)),
        (Finished(), 403, {"detail": LOCKED}, Unclear(f"HTTP 403: {LOCKED}", account=True, answered=True)),
        (
            Finished(),
            403,
            {"detail": "oh", "error_type": "user_locked"},
            Unclear("HTTP 403: oh", account=True, answered=True),
        ),
        (Finished(), 429, {"detail": "oh", "error_type": "rate_limited"}, Unclear("HTTP 429: oh", answered=True)),
        (Finished(), 500, {"detail": "oh"}, Unclear("HTTP 500: oh", answered=True)),
        (Finished(), 503, {"detail": "oh"}, Unclear("HTTP 503: oh", answered=True)),
        (Finished(), 503, {"message": "upstream"}, Unclear('HTTP 503: {"message": "upstream"}', answered=True)),
        (Finished(), 307, {}, Unclear("HTTP 307: {}", answered=True)),
    ],
)
async def test_a_result_that_is_an_error_is_believed_as_far_as_it_is_known(
    finished: Finished,
    status: int,
    said: object,
    answer: CollectAnswer | tuple[str, bool],
    wire: Wire,
    service: FalGateway,
) -> None:
    """Sure where the model or the status says so; an account's or a gateway's words never end a row."""
    wire.act = answering(status, said)
    told = await service.collect(RECEIPT, finished)
    if isinstance(answer, tuple):
        assert isinstance(told, RequestFailed)
        assert (told.error_type, told.sure, told.status) == (*answer, status)
    else:
        assert told == answer


@pytest.mark.parametrize(
    ("headers", "retryable"),
    [
        ({}, None),
        ({"X-Fal-Retryable": "true"}, True),
        ({"x-fal-retryable": " False "}, False),
        ({"X-Fal-Needs-Retry": "1"}, True),
        ({"X-Fal-Needs-Retry": "0"}, False),
        ({"X-Fal-Retryable": "perhaps"}, None),
        ({"X-Fal-Retryable": "false", "X-Fal-Needs-Retry": "1"}, False),
    ],
)
@pytest.mark.parametrize(("kind", "status"), [("content_policy_violation", 422), ("internal_server_error", 500)])
async def test_fals_own_word_on_trying_again_is_passed_on(
    kind: str, status: int, headers: dict[str, str], retryable: bool | None, wire: Wire, service: FalGateway
) -> None:
    """The headers, where they say yes or no, overrule the table."""
    wire.act = answering(status, result_of(item(kind)), headers)
    told = await service.collect(RECEIPT, Finished())
    assert isinstance(told, RequestFailed)
    assert told.retryable is retryable
    assert retry.worth_another_try(told) is (kind in retry.WORTH_ANOTHER_TRY if retryable is None else retryable)


# Cancel


@pytest.mark.parametrize(
    ("status", "said", "answer"),
    [
        (202, {"status": "CANCELLATION_REQUESTED"}, CancelRequested()),
        (200, {"status": "OK"}, CancelRequested()),
        (400, {"status": "ALREADY_COMPLETED"}, TooLate()),
        (400, {"detail": "no"}, Unclear("HTTP 400: no", answered=True)),
        (404, {"status": "NOT_FOUND"}, NotFound('HTTP 404: {"status": "NOT_FOUND"}')),
        (403, {"detail": LOCKED}, Unclear(f"HTTP 403: {LOCKED}", account=True, answered=True)),
        (500, {"detail": "oh"}, Unclear("HTTP 500: oh", answered=True)),
    ],
)
async def test_a_cancellation_is_answered(
    status: int, said: object, answer: CancelAnswer, wire: Wire, service: FalGateway
) -> None:
    """One PUT to the receipt's own URL."""
    wire.act = answering(status, said)
    assert await service.cancel(RECEIPT) == answer
    assert [(one.method, one.path) for one in wire.heard] == [("PUT", httpx.URL(RECEIPT.cancel_url).path)]


# Secrets, and what a terminal or a file would stumble over

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


def check_plain(answer: object) -> None:
    assert NAME not in repr(answer)
    assert SECRET[-20:] not in repr(answer)
    for name in answer.__dataclass_fields__:  # type: ignore[attr-defined]
        value = getattr(answer, name)
        if name == "receipt":
            check_plain(value)
        elif isinstance(value, str):
            value.encode()
            assert name == "result" or value.isprintable()


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


# The key


@pytest.mark.parametrize("key", ["", " ", "\n", "a b", f"{KEY}\n{KEY}", "schlüssel", "a\u0000b", "a\tb", "a\u00a0b"])
async def test_a_key_that_cannot_be_one_is_told_without_showing_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key at all, a newline or a space within: MissingKey, with where to get one or what to do."""
    if "\0" in key:
        monkeypatch.setattr(credentials, "fetch_auth_credentials", lambda: credentials.AuthCredentials("Key", key))
    else:
        monkeypatch.setenv("FAL_KEY", key)
    with pytest.raises(MissingKey, match="FAL_KEY") as told:
        gateway()
    assert not key.strip() or key not in str(told.value)


@pytest.mark.parametrize("key", [f"{KEY}\n", f"  {KEY}", f"{KEY}\r\n"])
async def test_a_key_with_space_around_it_is_taken(key: str, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from a file, a key ends in a newline."""
    monkeypatch.setenv("FAL_KEY", key)
    async with gateway() as service:
        await service.submit(SHOT)
    assert wire.posts[0].headers["authorization"] == f"Key {KEY}"


async def test_a_key_may_come_in_two_halves(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAL_KEY_ID and FAL_KEY_SECRET."""
    monkeypatch.delenv("FAL_KEY")
    name, _, secret = KEY.partition(":")
    monkeypatch.setenv("FAL_KEY_ID", name)
    monkeypatch.setenv("FAL_KEY_SECRET", secret)
    async with gateway() as service:
        await service.submit(SHOT)
    assert wire.posts[0].headers["authorization"] == f"Key {KEY}"


async def test_no_key_and_no_login_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where to get a key, and that the sandbox needs none."""
    monkeypatch.delenv("FAL_KEY")
    with pytest.raises(MissingKey, match=r"fal\.ai/dashboard/keys.*--sandbox"):
        gateway()


def log_in(home: Path, monkeypatch: pytest.MonkeyPatch, *tokens: str) -> None:
    """As `fal auth login` leaves it: a refresh token, and perhaps an access token."""
    monkeypatch.delenv("FAL_KEY")
    monkeypatch.setenv("FAL_HOME_DIR", str(home))
    (home / "auth0_token").write_text("\n".join(tokens))


async def test_a_login_is_sent_as_what_it_is(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Bearer`, for submits and uploads alike."""
    token = "e30.eyJleHAiOiA5OTk5OTk5OTk5fQ.c2ln"  # {"exp": 9999999999}
    log_in(tmp_path, monkeypatch, "refresh", token)
    (tmp_path / "a.png").write_bytes(b"png")
    wire.act = answering(500, {"detail": "oh"})
    async with gateway(tmp_path) as service:
        await service.submit(SHOT)
        await service.prepare(SHOT | {"image_url": "file:a.png"})
    assert len(wire.heard) > 2
    assert {one.headers["authorization"] for one in wire.heard} == {f"Bearer {token}"}


async def test_a_login_that_cannot_be_renewed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network to renew it by: a line, not a traceback."""
    log_in(tmp_path, monkeypatch, "refresh")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(MissingKey, match="FAL_KEY"):
        gateway()


async def test_the_key_is_in_no_description_of_anything(wire: Wire, service: FalGateway) -> None:
    """repr() and str() of the gateway, its parts, its answers and its errors."""
    wire.act = answering(401, {"detail": KEY})
    answers = [await service.submit(SHOT), await service.poll(RECEIPT)]
    parts = [service, service._client, service._http, service._http.headers, *answers]
    assert all(SECRET not in repr(part) + str(part) for part in parts)


# Prepare


@pytest.fixture
async def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Address]:
    """The sandbox's upload endpoints."""
    async with serve(Queue(slots=1, run_seconds=1.0), folder=tmp_path / "sandbox") as address:
        for name, value in address.environment().items():
            monkeypatch.setenv(name, value)
        yield address


async def test_fals_records_come_whole_and_with_fals_own_time(sandbox: Address, tmp_path: Path) -> None:
    """Every page of them; the clock that an absence is proven by is the service's, as its replies tell it."""
    sandbox.queue.history = History(lists_queued=True, page=2)
    async with gateway(tmp_path) as service:
        for n in range(5):
            assert isinstance(await service.submit(SHOT | {"prompt": f"ship {n}"}), Accepted)
        listing = await service.request_history(time.time() - 3600)
        assert isinstance(listing, RequestHistory)
        assert sorted(one.input["prompt"] for one in listing.items if one.input) == [f"ship {n}" for n in range(5)]
        assert listing.at is not None
        assert abs(listing.at - time.time()) < 600
        sandbox.fault_injector.plan(Faults.parse("history:2=500"))
        assert isinstance(await service.request_history(time.time() - 3600), Unclear)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Thu, 99 Foo 2026 00:00:00 GMT"])
async def test_a_reply_that_does_not_tell_the_time_tells_none(date: str | None) -> None:
    """Nothing is made up for it."""

    async def ask(url: str, query: Mapping[str, str]) -> object:
        guard.last_date.set(date)
        return {"items": [], "next_cursor": None, "has_more": False}

    assert await records.request_history(ask, KLING_2_1_PRO.endpoint, 0.0) == RequestHistory([], None)


async def test_an_image_is_uploaded_once_for_many_rows(sandbox: Address, tmp_path: Path) -> None:
    """At the same time and one after the other; a changed file is another image."""
    image = tmp_path / "a.png"
    image.write_bytes(b"one")
    row = SHOT | {"image_url": "file:a.png", "tail_image_url": "file:a.png"}
    async with gateway(tmp_path) as service:
        prepared = await asyncio.gather(*(service.prepare(row) for _ in range(20)))
        prepared.append(await service.prepare(row))
        assert sandbox.fault_injector.requests["upload"] == 1
        ready = [one.arguments for one in prepared if isinstance(one, Prepared)]
        assert len(ready) == 21
        urls = {str(arguments[name]) for arguments in ready for name in ("image_url", "tail_image_url")}
        assert len(urls) == 1
        image.write_bytes(b"another")
        again = await service.prepare(row)
        assert sandbox.fault_injector.requests["upload"] == 2
    assert isinstance(again, Prepared)
    assert again.arguments["image_url"] not in urls
    assert again.arguments["prompt"] == "a ship"
    assert row["image_url"] == "file:a.png"


@pytest.mark.parametrize("name", ["Hafenmöwe.jpg", "船.PNG", "a b'\";.webp", "kein-suffix", "ö.jpög", "a.j\npg", "🚢"])
async def test_an_image_may_have_any_name(name: str, sandbox: Address, tmp_path: Path) -> None:
    """Headers take no umlauts; the name is not sent."""
    (tmp_path / name).write_bytes(b"image")
    async with gateway(tmp_path) as service:
        answer = await service.prepare(SHOT | {"image_url": f"file:{name}"})
    assert isinstance(answer, Prepared)
    assert re.fullmatch(r"https://\S+", str(answer.arguments["image_url"]))


async def test_an_address_and_a_data_uri_go_as_they_are(wire: Wire, service: FalGateway) -> None:
    """Nothing is uploaded where nothing is local."""
    row = SHOT | {"tail_image_url": "data:image/png;base64,AAAA"}
    assert await service.prepare(row) == Prepared(row)
    assert wire.heard == []


async def test_an_image_that_vanished_refuses_its_row(wire: Wire, tmp_path: Path) -> None:
    """Gone, a folder in its place, a file in place of its folder: Refused with the path; nothing is sent."""
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("")
    async with gateway(tmp_path) as service:
        for cell in ("file:gone.png", "file:folder.png", "file:file/a.png"):
            answer = await service.prepare(SHOT | {"image_url": cell})
            assert isinstance(answer, Refused)
            assert answer.error_type == "image_unreadable"
            assert str(tmp_path / cell[5:]) in answer.message
    assert wire.heard == []


async def test_an_upload_without_a_network_is_put_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NotSent: the row waits, and is none the worse for it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    (tmp_path / "a.png").write_bytes(b"image")
    async with gateway(tmp_path) as service:
        assert isinstance(await service.prepare(SHOT | {"image_url": "file:a.png"}), NotSent)


@pytest.mark.parametrize(
    ("faults", "answer"),
    [
        ("token=401 initiate=401", AccountRefused),
        ("token=403_locked initiate=403_locked", AccountRefused),
        ("token=500 initiate=500", NotSent),
        ("token=503 initiate=cut_after", NotSent),
        ("token=503 initiate=garbage", NotSent),
        ("token=503 put=400", Refused),
        ("token=503 initiate=413", Refused),
        ("upload=400 initiate=422", Refused),
        ("token=503", Prepared),
        ("upload=400", Prepared),
    ],
)
async def test_a_refused_upload_has_its_answer(faults: str, answer: type, sandbox: Address, tmp_path: Path) -> None:
    """The account stops the batch, the service's troubles pass, the file's own refusal ends the row."""
    sandbox.fault_injector.plan(Faults.parse(faults))
    (tmp_path / "a.png").write_bytes(b"image")
    async with gateway(tmp_path) as service:
        assert isinstance(await service.prepare(SHOT | {"image_url": "file:a.png"}), answer)
    assert sandbox.fault_injector.requests["submit"] == 0


async def test_an_upload_that_hangs_holds_nobody_up_for_ever(
    sandbox: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fal-client sets no limit to one of its ways: ours ends it, and the next row may try."""
    monkeypatch.setattr(uploads, "UPLOAD_SECONDS", 0.3)
    sandbox.fault_injector.plan(Faults.parse("token=503 put:1=silent"))
    (tmp_path / "a.png").write_bytes(b"image")
    row = SHOT | {"image_url": "file:a.png"}
    async with gateway(tmp_path) as service:
        assert isinstance(await service.prepare(row), NotSent)
        monkeypatch.setattr(uploads, "UPLOAD_SECONDS", 30.0)
        assert isinstance(await service.prepare(row), Prepared)


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
