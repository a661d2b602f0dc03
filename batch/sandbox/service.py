"""Answers the HTTP requests of fal clients from the queue and the files, by path under any host.

Facts: fal docs, "Queue API", "List requests by endpoint", "Pricing"; uploads as fal-client 1.0.3 makes them.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from batch.sandbox.authorization import Authorization
from batch.sandbox.history import Query, iso
from batch.sandbox.media import MEDIA_HOST, PLACEHOLDER, Media
from batch.sandbox.models import app_of, prices
from batch.sandbox.outcomes import JSON
from batch.sandbox.queue import Queue, Request, Snapshot, State, UnknownEndpoint, UnknownRequest

COMMENT_EVERY = 15.0  # seconds between comments on a status stream (fal docs)
LOOK_EVERY = 0.1  # seconds between looks at the queue for a status stream
TOKEN_LASTS = 3600.0


class Service:
    """The endpoints over one queue. `accepted` is called with the id of each request accepted."""

    def __init__(
        self, queue: Queue, media: Media, authorization: Authorization, accepted: Callable[[str], None]
    ) -> None:
        self._queue = queue
        self._media = media
        self._authorization = authorization
        self._accepted = accepted
        self._pending_uploads: set[str] = set()
        queue.output = media.describe

    def app(self) -> Starlette:
        request = "/{app:path}/requests/{request_id}"
        return Starlette(
            routes=[
                Route(f"{request}/status", self.status, methods=["GET"]),
                Route(f"{request}/status/stream", self.stream, methods=["GET"]),
                Route(f"{request}/cancel", self.cancel, methods=["PUT"]),
                Route("/v1/models/requests/by-endpoint", self.history, methods=["GET"]),
                Route("/v1/models/pricing", self.pricing, methods=["GET"]),
                Route("/v1/account/billing", self.billing, methods=["GET"]),
                Route("/storage/auth/token", self.token, methods=["POST"]),
                Route("/storage/upload/initiate", self.initiate, methods=["POST"]),
                Route("/storage/upload/{path:path}", self.put, methods=["PUT"]),
                Route("/files/upload", self.upload, methods=["POST"]),
                Route("/files/{path:path}", self.file, methods=["GET"]),
                Route(request, self.result, methods=["GET"]),
                Route("/{endpoint:path}", self.submit, methods=["POST"]),
            ]
        )

    # -- the queue

    async def submit(self, http_request: HttpRequest) -> Response:
        if refused := self._refused(http_request, spends=True):
            return refused
        try:
            given = json.loads(await http_request.body())
            deadline = http_request.headers.get("x-fal-request-timeout")
            start_timeout = None if deadline is None else float(deadline)
        except ValueError as error:
            return JSONResponse({"detail": f"Invalid request: {error}"}, 400)
        if not isinstance(given, dict):
            return JSONResponse({"detail": "Invalid request: the body must be a JSON object"}, 400)
        endpoint = http_request.path_params["endpoint"]
        try:
            request = self._queue.submit(endpoint, given, start_timeout)
        except UnknownEndpoint:
            return JSONResponse({"detail": f"Application {endpoint!r} not found"}, 404)
        self._accepted(request.id)
        return self._about(request, 200, self._status(self._queue.status(request.id), http_request, submitted=True))

    async def status(self, http_request: HttpRequest) -> Response:
        if refused := self._refused(http_request):
            return refused
        try:
            seen = self._snapshot(http_request)
        except UnknownRequest:
            return _not_found()
        return self._about(
            seen.request, 200 if seen.state is State.COMPLETED else 202, self._status(seen, http_request)
        )

    async def stream(self, http_request: HttpRequest) -> Response:
        if refused := self._refused(http_request):
            return refused
        try:
            self._snapshot(http_request)
        except UnknownRequest:
            return _not_found()
        return StreamingResponse(self._events(http_request), media_type="text/event-stream")

    async def result(self, http_request: HttpRequest) -> Response:
        if refused := self._refused(http_request):
            return refused
        try:
            request = self._snapshot(http_request).request
        except UnknownRequest:
            return _not_found()
        reply = self._queue.result(request.id)
        made = request.state is State.COMPLETED and request.outcome.makes_video
        body = self._media.describe(request.id, _media_host(http_request)) if made else reply.body
        return self._about(request, reply.code, body, dict(reply.headers))

    async def cancel(self, http_request: HttpRequest) -> Response:
        if refused := self._refused(http_request):
            return refused
        reply = self._queue.cancel(http_request.path_params["request_id"])
        return JSONResponse(reply.body, reply.code, {"X-Fal-Request-Id": http_request.path_params["request_id"]})

    # -- asking afterwards, and prices

    async def history(self, http_request: HttpRequest) -> Response:
        code = self._queue.history.refuse
        refusal = self._authorization.refusal(http_request.headers.get("authorization", ""), spends=False)
        if refusal or code:
            return _api_error(*(refusal or (code or 500, "The listing is not available")))
        try:
            return JSONResponse(
                self._queue.history_page(_query(http_request)), headers={"date": formatdate(usegmt=True)}
            )
        except (KeyError, ValueError) as error:
            return _api_error(400, f"Invalid query: {error}")

    async def billing(self, http_request: HttpRequest) -> Response:
        """fal tells it to admin keys; here every key is one. A locked account has nothing left."""
        if refused := self._authorization.refusal(http_request.headers.get("authorization", ""), spends=False):
            return _api_error(*refused)
        balance = 0.0 if self._authorization.locked is not None else 100.0
        told = {"credits": {"current_balance": balance, "currency": "USD"}}
        expanded = http_request.query_params.get("expand") == "credits"
        return JSONResponse({"username": "sandbox"} | (told if expanded else {}))

    async def pricing(self, http_request: HttpRequest) -> Response:
        if refusal := self._authorization.refusal(http_request.headers.get("authorization", ""), spends=False):
            return _api_error(*refusal)
        wanted = [name for value in http_request.query_params.getlist("endpoint_id") for name in value.split(",")]
        found = prices(wanted)
        if len(found) < len(wanted):
            return _api_error(404, "No pricing for some of the endpoints")
        return JSONResponse({"prices": found, "next_cursor": None, "has_more": False})

    # -- files

    async def token(self, http_request: HttpRequest) -> Response:
        if refused := self._refused(http_request):
            return refused
        base, expires = f"https://{_media_host(http_request)}", iso(time.time() + TOKEN_LASTS)
        # fal-client 1.0.3 reads the time with datetime.fromisoformat, which knows "Z" only from Python 3.11 on
        expires = expires.replace("Z", "+00:00")
        return JSONResponse({"token": "sandbox", "token_type": "Bearer", "base_url": base, "expires_at": expires})

    async def upload(self, http_request: HttpRequest) -> Response:
        if refused := self._refused(http_request):
            return refused
        path = self._media.new_path(http_request.headers.get("x-fal-file-name", "upload.bin"))
        self._media.keep(path, await http_request.body())
        return JSONResponse({"access_url": f"https://{_media_host(http_request)}/files/{path}"})

    async def initiate(self, http_request: HttpRequest) -> Response:
        if refused := self._refused(http_request):
            return refused
        try:
            path = self._media.new_path(str((await http_request.json())["file_name"]))
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"detail": "file_name is required"}, 422)
        self._pending_uploads.add(path)
        host = _media_host(http_request)
        return JSONResponse(
            {"upload_url": f"https://{host}/storage/upload/{path}", "file_url": f"https://{host}/files/{path}"}
        )

    async def put(self, http_request: HttpRequest) -> Response:
        path = http_request.path_params["path"]
        if path not in self._pending_uploads:
            return _not_found()
        self._media.keep(path, await http_request.body())
        return JSONResponse({})

    async def file(self, http_request: HttpRequest) -> Response:
        path = http_request.path_params["path"]
        found = self._media.find(path)
        if found is not None:
            return FileResponse(found)
        with contextlib.suppress(UnknownRequest):
            request = self._queue.request(path.removeprefix("videos/").removesuffix(".mp4"))
            if request.state is State.COMPLETED and request.outcome.makes_video:
                return Response(PLACEHOLDER, media_type="video/mp4")
        return _not_found()

    # -- small things

    def _refused(self, http_request: HttpRequest, *, spends: bool = False) -> Response | None:
        refusal = self._authorization.refusal(http_request.headers.get("authorization", ""), spends=spends)
        return None if refusal is None else JSONResponse({"detail": refusal[1]}, refusal[0])

    def _snapshot(self, http_request: HttpRequest) -> Snapshot:
        seen = self._queue.status(http_request.path_params["request_id"])
        if app_of(seen.request.endpoint) != http_request.path_params["app"]:
            raise UnknownRequest(seen.request.id)
        return seen

    def _about(self, request: Request, code: int, body: JSON, headers: dict[str, str] | None = None) -> Response:
        return JSONResponse(body, code, {"X-Fal-Request-Id": request.id, **(headers or {})})

    def _status(self, seen: Snapshot, http_request: HttpRequest, *, submitted: bool = False) -> JSON:
        """The status object. A submit is always answered IN_QUEUE; the URLs drop the model's path (fal docs)."""
        request = seen.request
        host = http_request.headers.get("host", "queue.fal.run")
        url = f"https://{host}/{app_of(request.endpoint)}/requests/{request.id}"
        state = State.IN_QUEUE if submitted else seen.state
        body: JSON = {"status": state.value, "request_id": request.id}
        body |= {"response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}
        if state is State.IN_QUEUE:
            return {**body, "queue_position": seen.position or 0}
        body["logs"] = _logs(request) if http_request.query_params.get("logs", "0").lower() in ("1", "true") else None
        return {**body, **_ending(request)} if state is State.COMPLETED else body

    async def _events(self, http_request: HttpRequest) -> AsyncIterator[str]:
        """The status as server-sent events: one for each change, a comment every 15 s, closed after COMPLETED."""
        last, quiet = "", 0.0
        while True:
            seen = self._snapshot(http_request)
            event = json.dumps(self._status(seen, http_request))
            if event != last:
                last, quiet = event, 0.0
                yield f"data: {event}\n\n"
            elif quiet >= COMMENT_EVERY:
                quiet = 0.0
                yield ": ping\n\n"
            if seen.state is State.COMPLETED:
                return
            await asyncio.sleep(LOOK_EVERY)
            quiet += LOOK_EVERY


def _ending(request: Request) -> JSON:
    """What COMPLETED adds: the metrics of a run, and why it failed."""
    ran = request.started_at is not None and request.ended_at is not None
    took = request.ended_at - request.started_at if request.ended_at and request.started_at else 0.0
    body: JSON = {"metrics": {"inference_time": took} if ran else {}}
    if request.outcome.error is not None:
        body["error"] = request.outcome.error
        body["error_type"] = request.outcome.error_type
    return body


def _logs(request: Request) -> list[JSON]:
    if request.started_at is None:
        return []
    return [{"message": "Run started", "level": "INFO", "source": "RUNNER", "timestamp": iso(request.started_at)}]


def _query(http_request: HttpRequest) -> Query:
    given = http_request.query_params
    return Query(
        endpoint=given["endpoint_id"],
        start=_seconds(given.get("start")),
        end=_seconds(given.get("end")),
        cursor=given.get("cursor") or None,
        limit=int(given.get("limit", "50")),
        payloads="payloads" in given.getlist("expand"),
    )


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return at.timestamp()


def _media_host(http_request: HttpRequest) -> str:
    """fal's own names lead to its CDN; under any other name (localhost) the files stay where they were asked for."""
    host = http_request.headers.get("host", MEDIA_HOST)
    return MEDIA_HOST if host.endswith((".fal.run", ".fal.ai", ".falrun.com")) or host == "fal.run" else host


def _not_found() -> Response:
    return JSONResponse({"detail": "Not found"}, 404)


def _api_error(code: int, message: str) -> Response:
    kinds = {
        400: "validation_error",
        401: "authorization_error",
        403: "forbidden",
        404: "not_found",
        429: "rate_limited",
    }
    return JSONResponse({"error": {"type": kinds.get(code, "server_error"), "message": message}}, code)
