"""Asks fal's platform API: the history of our requests, and the price list.

fal docs: `GET /v1/models/requests/by-endpoint` and `GET /v1/models/pricing`, with an ordinary API key.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from math import inf
from time import time
from typing import Any, TypeGuard

from batch.core.gateway import ListedRequest, RequestHistory, Unclear, UnitPrice
from batch.fal.responses import ACCOUNT_REFUSALS, is_request_id
from batch.fal.transport import ErrorResponse, last_body, last_date
from batch.job import Job

API = "https://api.fal.ai/v1/models"
PAGE = 100
MOST_PAGES = 2000
"""A listing that never ends is a broken one."""
MOST_BYTES = 256 << 20
"""Of all pages together; a longer listing would not fit into memory."""
MOST_IDLE_PAGES = 50
"""So many pages in a row may show nothing that was not shown before."""
CLOCKS_APART = 2 * 86_400.0
"""Seconds; no clock is further off, ours or fal's. A time that is, is none: it would prove what it likes."""
LATE = 300.0
"""Seconds by which a request may seem to be sent after the reply that lists it: fal has more clocks than one."""
MOST_DOLLARS = 1_000_000
NAME_LENGTH, CURSOR_LENGTH = 40, 4096

Ask = Callable[[str, Mapping[str, str]], Awaitable[Any]]


async def request_history(ask: Ask, job: Job, since: float) -> RequestHistory | Unclear:
    """Every request of ours to a job's endpoint that was sent after `since`; all pages of it, or nothing.

    Args:
        ask: gives the JSON of a GET, an `ErrorResponse`, or an `Unclear`.
        since: seconds since 1970.
    """
    query = {"endpoint_id": job.endpoint, "start": _iso(since), "expand": "payloads", "limit": str(PAGE)}
    listing = _Listing()
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
        listing.add(items, cursor)
        if cursor is None:
            return listing.history(job)
        if listing.stuck:
            break
        query["cursor"] = cursor
    return Unclear("fal's request history does not end")


class _Listing:
    """The pages read so far."""

    def __init__(self) -> None:
        self._found: dict[str, ListedRequest] = {}
        self._cursors: set[str] = set()
        self._began: float | None = None
        self._heard_at: float | None = None
        self._bytes = self._idle = 0
        self.stuck = False
        """It goes in a circle, or shows nothing new, or is longer than any may be."""

    def add(self, items: list[ListedRequest], cursor: str | None) -> None:
        before = len(self._found)
        for one in items:  # a request that was sent meanwhile moves the others to the next page: shown twice
            self._found.setdefault(one.request_id, one)
        if self._began is None and (told := _http_date(last_date.get())) is not None:
            self._began, self._heard_at = told, time()
        self._idle = 0 if len(self._found) > before else self._idle + 1
        self._bytes += len(last_body.get() or b"")
        self.stuck = cursor in self._cursors or self._idle > MOST_IDLE_PAGES or self._bytes > MOST_BYTES
        self._cursors.add(cursor or "")

    def history(self, job: Job) -> RequestHistory | Unclear:
        """What it shows, if it can be true: one request of the future would prove the absence of all others."""
        items = list(self._found.values())
        latest = max((one.sent_at for one in items), default=-inf)
        if latest > (time() + CLOCKS_APART if self._began is None else self._began + LATE):
            return Unclear("fal's request history shows a request of the future")
        defaults = {name: job.default(name) for name in job.schema["properties"]}
        return RequestHistory(items, self._began, defaults, job.endpoint, self._heard_at)


def _page(said: Any, endpoint: str) -> tuple[list[ListedRequest], str | None] | None:
    items = said.get("items") if isinstance(said, dict) else None
    if not isinstance(items, list):
        return None
    found = [_listed(item, endpoint) for item in items if not _of_another(item, endpoint)]
    cursor = said.get("next_cursor")
    if None in found or not (cursor is None or _is_cursor(cursor)) or (said.get("has_more") and not cursor):
        return None
    return [one for one in found if one], cursor or None


def _is_cursor(value: Any) -> bool:
    """It goes into an address."""
    return isinstance(value, str) and len(value) <= CURSOR_LENGTH and value.isascii() and value.isprintable()


def _of_another(item: Any, endpoint: str) -> bool:
    """A history that ignores its filter lists other models too: a sibling's request is none of ours."""
    said = item.get("endpoint_id") if isinstance(item, dict) else None
    return isinstance(said, str) and said != endpoint


def _listed(item: Any, endpoint: str) -> ListedRequest | None:
    if not isinstance(item, dict) or not is_request_id(item.get("request_id")):
        return None
    sent_at, ended_at = _seconds(item.get("sent_at")), _seconds(item.get("ended_at"))
    # What does not say whose endpoint it is of may be ours, and can be compared with nothing.
    given = item.get("json_input") if item.get("endpoint_id") == endpoint else None
    if sent_at is None:
        return None
    ended, code = ended_at is not None, item.get("status_code")
    failed = ended and isinstance(code, int) and code >= 400
    return ListedRequest(item["request_id"], sent_at, ended, given if isinstance(given, dict) else None, failed)


def _http_date(text: str | None) -> float | None:
    try:
        seconds = parsedate_to_datetime(text or "").timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if abs(seconds - time()) <= CLOCKS_APART else None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _seconds(text: Any) -> float | None:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


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
            amount, unit, currency = item.get("unit_price"), item.get("unit"), item.get("currency")
            if _is_amount(amount) and _is_name(unit) and _is_name(currency):
                return UnitPrice(Decimal(str(amount)), unit, currency)
    return None


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MOST_DOLLARS


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= NAME_LENGTH and value.isprintable()
