"""Every outcome in a closed set of answers: what fal, the proxies before it, and the disk can say."""

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
    LogLine,
    NotFound,
    PollAnswer,
    Receipt,
    Refused,
    RequestFailed,
    Throttled,
    TooLate,
    Unclear,
    Video,
    Waiting,
)
from batch.fal import client as fal
from batch.fal.client import FalGateway
from jobs.kling import KLING_2_1_PRO
from tests.support.fal_gateway import BASE, RECEIPT, SECRET, SHOT, item, result_of
from tests.support.wire_service import KEY, TUNNEL, Act, Heard, Line, Wire, answering, reply, request_id, saying

LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."

pytestmark = pytest.mark.anyio


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
    """Named by its type where it has one, in the body or in a header, else by its status."""
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
        (200, {"status": "SUSPENDED"}, Unclear("unknown status 'SUSPENDED'", answered=True)),
        (200, {"status": ["COMPLETED"]}, Unclear("unknown status ['COMPLETED']", answered=True)),
        (200, {}, Unclear("unknown status None", answered=True)),
        (200, [], Unclear("the status was not a JSON object", answered=True)),
        (200, "COMPLETED", Unclear("the status was not a JSON object", answered=True)),
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
        (Finished(), 422, result_of({"msg": "said"}), ("http_422", False)),
        (Finished(), 500, result_of(item("internal_server_error")), ("internal_server_error", False)),
        (ENDED, 500, result_of(item("internal_server_error")), ("internal_server_error", True)),
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
    """Sure where the model says so below 500, or the status; the words of what gives the results never end a row."""
    wire.act = answering(status, said)
    told = await service.collect(RECEIPT, finished)
    if isinstance(answer, tuple):
        assert isinstance(told, RequestFailed)
        assert (told.error_type, told.sure, told.status) == (*answer, status)
    else:
        assert told == answer


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


async def test_the_lines_of_a_runner_are_asked_for_only_where_they_are_wanted(wire: Wire) -> None:
    """Without the key, and short, whatever stands in them."""
    log = {"message": f"step 1 {SECRET}\n\x1b[31m", "level": "INFO", "timestamp": "2026-01-01T00:00:00"}
    wire.act = answering(202, {"status": "IN_PROGRESS", "logs": [log]})
    for wanted in (True, False):
        wire.heard.clear()
        async with FalGateway(KLING_2_1_PRO, local=lambda _: None, logs=wanted) as service:
            answer = await service.poll(RECEIPT)
        assert wire.heard[0].path.endswith(f"logs={int(wanted)}")
        assert isinstance(answer, Waiting)
        lines = [LogLine("step 1 *** [31m", "INFO", "2026-01-01T00:00:00")] if wanted else []
        assert [*answer.logs] == lines
