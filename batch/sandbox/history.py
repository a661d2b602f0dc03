"""Lists the requests sent, page by page, as fal's request history does, and as late as one likes.

Facts: fal docs, "List requests by endpoint": `GET /v1/models/requests/by-endpoint`. How late the listing is, and
whether a queued request is in it, is not documented: these are switches.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from batch.sandbox.outcomes import JSON

DAY = 86_400.0


class Listed(Protocol):
    """What the listing needs to know of a request."""

    @property
    def id(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def input(self) -> JSON: ...
    @property
    def sent_at(self) -> float: ...
    @property
    def started_at(self) -> float | None: ...
    @property
    def ended_at(self) -> float | None: ...
    @property
    def code(self) -> int: ...


@dataclass(frozen=True, slots=True)
class History:
    """How the listing behaves. `lag`: seconds until an event shows. `lists_queued`: whether requests that no runner has
    started are shown. `page`: most items a page. `refuse`: an HTTP status given instead of any listing."""

    lag: float = 0.0
    lists_queued: bool = False
    page: int = 100
    refuse: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One question: times in unix seconds, `end` exclusive, `start` 24 hours ago unless given."""

    endpoint: str
    start: float | None = None
    end: float | None = None
    cursor: str | None = None
    limit: int = 50
    payloads: bool = False


def history_page(
    requests: Sequence[Listed], query: Query, history: History, now: float, output: Callable[[str], JSON | None]
) -> JSON:
    """One page, oldest first; `requests` in the order they were sent. ValueError for a cursor that is none."""
    seen_at = now - history.lag
    first = bisect_left(
        requests, now - DAY if query.start is None else query.start, key=lambda request: request.sent_at
    )
    position = max(first, _position(query.cursor))
    items: list[JSON] = []
    size = max(1, min(query.limit, history.page))
    while position < len(requests) and (query.end is None or requests[position].sent_at < query.end):
        request = requests[position]
        if request.endpoint == query.endpoint and _shows(request, history, seen_at):
            if len(items) == size:
                return {"items": items, "next_cursor": f"c{position}", "has_more": True}
            items.append(_item(request, seen_at, query.payloads, output))
        position += 1
    return {"items": items, "next_cursor": None, "has_more": False}


def iso(at: float) -> str:
    """Unix seconds as ISO 8601 in UTC, as fal writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.startswith("c"):
        raise ValueError(f"Invalid cursor: {cursor}")
    return int(cursor[1:])


def _shows(request: Listed, history: History, seen_at: float) -> bool:
    if history.lists_queued:
        return request.sent_at <= seen_at
    return request.started_at is not None and request.started_at <= seen_at


def _item(request: Listed, seen_at: float, payloads: bool, output: Callable[[str], JSON | None]) -> JSON:
    started = _if_seen(request.started_at, seen_at)
    ended = _if_seen(request.ended_at, seen_at)
    item: JSON = {
        "request_id": request.id,
        "endpoint_id": request.endpoint,
        "sent_at": iso(request.sent_at),
        "started_at": None if started is None else iso(started),
        "ended_at": None if ended is None else iso(ended),
        "status_code": None if ended is None else request.code,
        "duration": None if started is None or ended is None else ended - started,
    }
    if payloads:
        item["json_input"] = request.input
        item["json_output"] = None if ended is None else output(request.id)
    return item


def _if_seen(at: float | None, seen_at: float) -> float | None:
    return at if at is not None and at <= seen_at else None
