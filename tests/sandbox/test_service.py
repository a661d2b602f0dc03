"""The HTTP face: codes, headers and bodies as the protocol has them."""

import json

import pytest

from batch.sandbox import History, Queue, serve
from tests.support.loopback import PRO, SHOT, browser
from tests.support.queues import Clock

pytestmark = pytest.mark.anyio


async def test_the_states_have_their_codes_and_fields() -> None:
    """202 until COMPLETED, then 200; a position, logs and metrics where they belong; the request's id in a header."""
    clock = Clock()
    async with serve(Queue(1, 300.0, clock=clock)) as address, browser(address) as http:
        first = await http.post(f"/{PRO}", json=SHOT)
        second = (await http.post(f"/{PRO}", json=SHOT)).json()
        body = first.json()
        assert (first.status_code, body["status"], body["queue_position"]) == (200, "IN_QUEUE", 0)
        assert first.headers["x-fal-request-id"] == body["request_id"]
        running, waiting = await http.get(body["status_url"]), await http.get(second["status_url"])
        assert (running.status_code, running.json()["status"], running.json()["logs"]) == (202, "IN_PROGRESS", None)
        assert (waiting.status_code, waiting.json()["status"], waiting.json()["queue_position"]) == (202, "IN_QUEUE", 0)
        early = await http.get(body["response_url"])
        assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})
        clock.now += 300
        done = await http.get(body["status_url"], params={"logs": "1"})
        assert (done.status_code, done.json()["status"]) == (200, "COMPLETED")
        assert done.json()["metrics"] == {"inference_time": 300.0}
        assert done.json()["logs"]
        assert "error" not in done.json()
        result = await http.get(body["response_url"])
        assert (result.status_code, list(result.json())) == (200, ["video"])


async def test_a_failure_shows_in_the_status_and_in_the_result() -> None:
    """`error` and `error_type` in the status; the model's own code, body and headers as the result."""
    clock = Clock()
    async with serve(Queue(5, 1.0, clock=clock)) as address, browser(address) as http:
        urls = {}
        for name in ("generation_timeout", "runner_disconnected", "plain_detail_500"):
            urls[name] = (await http.post(f"/{PRO}", json={**SHOT, "prompt": f"[[{name}]]"})).json()
        clock.now += 1
        model, runner, plain = [await http.get(url["response_url"]) for url in urls.values()]
        assert (model.status_code, model.json()["detail"][0]["type"]) == (504, "generation_timeout")
        assert (runner.status_code, runner.headers["x-fal-error-type"]) == (503, "runner_disconnected")
        assert (plain.status_code, plain.json()["detail"]) == (500, "Something went wrong")
        status = (await http.get(urls["runner_disconnected"]["status_url"])).json()
        assert (status["status"], status["error_type"]) == ("COMPLETED", "runner_disconnected")


async def test_the_start_deadline_travels_in_its_header() -> None:
    """X-Fal-Request-Timeout: answered 504 request_timeout, and marked as the user's own."""
    clock = Clock()
    async with serve(Queue(0, 1.0, clock=clock)) as address, browser(address) as http:
        sent = await http.post(f"/{PRO}", json=SHOT, headers={"X-Fal-Request-Timeout": "60.0"})
        clock.now += 61
        result = await http.get(sent.json()["response_url"])
        assert (result.status_code, result.json()["error_type"]) == (504, "request_timeout")
        assert result.headers["x-fal-request-timeout-type"] == "user"


async def test_what_is_not_there_is_404() -> None:
    """An unknown endpoint, an unknown id, and a known id under another application."""
    async with serve(Queue()) as address, browser(address) as http:
        known = (await http.post(f"/{PRO}", json=SHOT)).json()["request_id"]
        assert (await http.post("/fal-ai/nothing", json=SHOT)).status_code == 404
        for path in ("fal-ai/kling-video/requests/x", f"fal-ai/other/requests/{known}"):
            assert (await http.get(f"/{path}")).status_code == 404
            assert (await http.get(f"/{path}/status")).status_code == 404
        gone = await http.put("/fal-ai/kling-video/requests/x/cancel")
        assert (gone.status_code, gone.json()) == (404, {"status": "NOT_FOUND"})
        assert (await http.post(f"/{PRO}", content=b"{")).status_code == 400
        assert (await http.post(f"/{PRO}", json=[1])).status_code == 400
        assert (await http.get("https://v3.fal.media/files/..%2Fca.key")).status_code == 404
        assert address.queue.accepted == 1


async def test_the_status_streams_until_it_is_complete() -> None:
    """Server-sent events: one for each change, closed after COMPLETED."""
    async with serve(Queue(1, 0.25)) as address, browser(address) as http:
        url = (await http.post(f"/{PRO}", json=SHOT)).json()["status_url"]
        reply = await http.get(f"{url}/stream", params={"logs": "1"})
        states = [json.loads(line[6:])["status"] for line in reply.text.splitlines() if line.startswith("data: ")]
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert states == ["IN_PROGRESS", "COMPLETED"]


async def test_the_history_and_the_prices_are_asked_at_their_own_host() -> None:
    """api.fal.ai: the documented items, a time window, pages, errors in that API's own form."""
    clock = Clock()
    queue = Queue(5, 10.0, clock=clock)
    async with serve(queue) as address, browser(address) as http:
        for number in range(3):
            await http.post(f"/{PRO}", json={**SHOT, "prompt": f"shot {number}"})
            clock.now += 1
        clock.now += 60
        where = "https://api.fal.ai/v1/models/requests/by-endpoint"
        page = (await http.get(where, params={"endpoint_id": PRO, "limit": 2, "expand": "payloads"})).json()
        assert [item["json_input"]["prompt"] for item in page["items"]] == ["shot 0", "shot 1"]
        item = page["items"][0]
        assert (item["sent_at"], item["status_code"]) == ("2025-06-15T15:06:40.000000Z", 200)
        assert {"request_id", "endpoint_id", "started_at", "ended_at", "duration"} <= set(item)
        rest = await http.get(where, params={"endpoint_id": PRO, "cursor": page["next_cursor"]})
        assert ([len(rest.json()["items"]), rest.json()["has_more"]]) == [1, False]
        assert "json_input" not in rest.json()["items"][0]
        window = {"endpoint_id": PRO, "start": "2025-06-15T15:06:41Z", "end": "2025-06-15T15:06:42+00:00"}
        assert len((await http.get(where, params=window)).json()["items"]) == 1
        for wrong in ({}, {"endpoint_id": PRO, "start": "yesterday"}, {"endpoint_id": PRO, "cursor": "x"}):
            reply = await http.get(where, params=wrong)
            assert (reply.status_code, reply.json()["error"]["type"]) == (400, "validation_error")
        queue.history = History(refuse=403)
        assert (await http.get(where, params={"endpoint_id": PRO})).status_code == 403
        price = (await http.get("https://api.fal.ai/v1/models/pricing", params={"endpoint_id": PRO})).json()
        assert price["prices"] == [{"endpoint_id": PRO, "unit_price": 0.098, "unit": "second", "currency": "USD"}]
