"""Asks fal's platform API: the history of our requests, and the price list.

fal docs: `GET /v1/models/requests/by-endpoint` and `GET /v1/models/pricing`, with an ordinary API key.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from batch.core.gateway import ListedRequest, RequestHistory, Unclear, UnitPrice
from batch.fal.responses import ACCOUNT_REFUSALS
from batch.fal.transport import ErrorResponse, last_date
from batch.job import Job

API = "https://api.fal.ai/v1/models"
PAGE = 100
MOST_PAGES = 2000
"""A listing that never ends is a broken one."""

Ask = Callable[[str, Mapping[str, str]], Awaitable[Any]]


async def request_history(ask: Ask, job: Job, since: float) -> RequestHistory | Unclear:
    """Every request of ours to a job's endpoint that was sent after `since`; all pages of it, or nothing.

    Args:
        ask: gives the JSON of a GET, an `ErrorResponse`, or an `Unclear`.
        since: seconds since 1970.
    """
    query = {"endpoint_id": job.endpoint, "start": _iso(since), "expand": "payloads", "limit": str(PAGE)}
    found: list[ListedRequest] = []
    began: float | None = None
    cursors: set[str] = set()
    for _ in range(MOST_PAGES):
        said = await ask(f"{API}/requests/by-endpoint", query)
        if isinstance(said, Unclear):
            return said
        if isinstance(said, ErrorResponse):
            reason = f"fal's request history answered HTTP {said.status}"
            return Unclear(reason, account=said.status in ACCOUNT_REFUSALS)
        page = _page(said, job.endpoint)
        if page is None:
            return Unclear("fal's request history is of an unknown form")
        items, cursor = page
        found += items
        began = _http_date(last_date.get()) if began is None else began
        if cursor is None:
            return RequestHistory(found, began, {name: job.default(name) for name in job.schema["properties"]})
        if cursor in cursors:
            break
        cursors.add(cursor)
        query["cursor"] = cursor
    return Unclear("fal's request history does not end")


def _page(said: Any, endpoint: str) -> tuple[list[ListedRequest], str | None] | None:
    items = said.get("items") if isinstance(said, dict) else None
    if not isinstance(items, list):
        return None
    found = [_listed(item, endpoint) for item in items if not _of_another(item, endpoint)]
    cursor = said.get("next_cursor")
    if None in found or not (cursor is None or isinstance(cursor, str)) or (said.get("has_more") and not cursor):
        return None
    return [one for one in found if one], cursor or None


def _of_another(item: Any, endpoint: str) -> bool:
    """A history that ignores its filter lists other models too: a sibling's request is none of ours."""
    said = item.get("endpoint_id") if isinstance(item, dict) else None
    return isinstance(said, str) and said != endpoint


def _listed(item: Any, endpoint: str) -> ListedRequest | None:
    if not isinstance(item, dict) or not isinstance(item.get("request_id"), str):
        return None
    sent_at = _seconds(item.get("sent_at"))
    # What does not say whose endpoint it is of may be ours, and can be compared with nothing.
    given = item.get("json_input") if item.get("endpoint_id") == endpoint else None
    if sent_at is None:
        return None
    return ListedRequest(
        item["request_id"], sent_at, bool(item.get("ended_at")), given if isinstance(given, dict) else None
    )


def _http_date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except ValueError:
        return None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _seconds(text: Any) -> float | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


async def unit_price(ask: Ask, endpoint: str) -> UnitPrice | Unclear:
    """What fal charges for the endpoint now."""
    said = await ask(f"{API}/pricing", {"endpoint_id": endpoint})
    if isinstance(said, Unclear):
        return said
    if isinstance(said, ErrorResponse):
        return Unclear(f"fal's price list answered HTTP {said.status}")
    return _unit_price(said, endpoint) or Unclear("fal's price list is of an unknown form")


def _unit_price(said: Any, endpoint: str) -> UnitPrice | None:
    items = said.get("prices") if isinstance(said, dict) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("endpoint_id") == endpoint:
            amount = item.get("unit_price")
            if isinstance(amount, int | float) and not isinstance(amount, bool):
                return UnitPrice(Decimal(str(amount)), str(item.get("unit")), str(item.get("currency")))
    return None
