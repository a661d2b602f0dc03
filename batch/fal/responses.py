"""Reads replies of the service: JSON, reason, type, headers. Nothing in them is trusted."""

import re
from collections.abc import Mapping
from json import loads
from math import isnan
from typing import Any
from urllib.parse import urlsplit

import httpx

from batch.fal.transport import ErrorResponse

REFUSED_SUBMITS = frozenset({400, 404, 405, 413, 422})
"""Replies to a POST that mean "not enqueued, and not to be repeated as it is"."""


ACCOUNT_REFUSALS = frozenset({401, 402, 403})
"""Replies that mean "not with this key, or this account"."""


MOST_LINES = 10_000
"""Lines of one request that are read, the last ones."""
MOST_WAITING = 10**9
YEAR = 365 * 86_400
_REQUEST_ID = re.compile(r"[A-Za-z0-9][\w.:~-]{0,127}", re.ASCII).fullmatch
_UNFIT = re.compile(r"[\s\\]")
LONGEST_URL = 8000


def is_request_id(value: object) -> bool:
    """Whether it can be the id of a request: short, and nothing in it that means something in an address."""
    return isinstance(value, str) and _REQUEST_ID(value) is not None


def is_https_url(url: str) -> bool:
    """Whether it is an https address that fits into a cell; of a host, not of somebody who shows himself as one."""
    if len(url) >= LONGEST_URL or _UNFIT.search(url):
        return False
    try:
        parsed = urlsplit(url)
    except ValueError:
        return False
    return parsed.scheme == "https" and bool(parsed.hostname) and "@" not in parsed.netloc


def is_playable_url(url: str) -> bool:
    """The same, or a file of the service that is played on this machine."""
    return is_https_url(url) or (len(url) < LONGEST_URL and url.startswith("file:///"))


def position_of(value: object) -> int | None:
    """How many requests are before one, where that is a number that can be; `True` is an int to Python, not to us."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_WAITING else None


def log_lines(value: object) -> list[tuple[str, str, str]]:
    """Message, level and time of each of a request's log lines (fal docs: Queue API); what is none is left out."""
    found = value[-MOST_LINES:] if isinstance(value, list) else []
    return [
        (words(one["message"]), words(one.get("level") or ""), words(one.get("timestamp") or ""))
        for one in found
        if isinstance(one, dict) and one.get("message") is not None
    ]


def seconds_of(value: object) -> float | None:
    """How long a request ran, where that is a number of seconds that can be."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < YEAR else None  # type: ignore[operator,arg-type]  # a number


def id_in(said: object) -> str | None:
    """The id of the request that a body names."""
    found = said.get("request_id") if isinstance(said, dict) else None
    return found if isinstance(found, str) else None


def words(value: object) -> str:
    """Any piece of a reply as a text."""
    try:
        return str(value)
    except (RecursionError, ValueError):  # read it could be, but not be written: nested too deep, a number too long
        return "…"


def json_of(body: bytes) -> Any:
    """The JSON of a body; None where it is none."""
    try:
        return loads(body)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, a number or a nesting without end
        return None


def detail_of(answered: ErrorResponse) -> Any:
    """What fal puts the reason under: a text, or a list of faults."""
    said = json_of(answered.body)
    return said.get("detail") if isinstance(said, dict) else None


def error_types_of(answered: ErrorResponse) -> tuple[object, ...]:
    """Where an error's type may stand: model errors carry it in `detail`, request errors in the body or a header."""
    said, detail = json_of(answered.body), detail_of(answered)
    first = detail[0] if isinstance(detail, list) and detail else None
    return (
        first.get("type") if isinstance(first, dict) else None,
        said.get("error_type") if isinstance(said, dict) else None,
        answered.headers.get("x-fal-error-type"),
    )


def text_of(error: Exception) -> str:
    """What the service said, for a person."""
    if not isinstance(error, ErrorResponse):
        return str(error)
    detail = detail_of(error)
    if isinstance(detail, list):
        return "; ".join(_item(item) for item in detail)
    return words(detail) if detail is not None else error.body.decode("utf-8", "replace")


def _item(item: Any) -> str:
    if not isinstance(item, dict):
        return words(item)
    loc, text = item.get("loc"), words(item.get("msg"))
    place = ".".join(words(part) for part in (loc if isinstance(loc, list) else []) if part != "body")
    return f"{place}: {text}" if place else text


def status_of(error: Exception) -> int | None:
    """The HTTP status that an error of any client tells of."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code
    status = getattr(error, "status", getattr(error, "status_code", None))
    return status if isinstance(status, int) else None


def was_reached(error: Exception) -> bool:
    """Whether an error of any client tells that somebody was reached: whatever is no failure to get through."""
    return not isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError | httpx.PoolTimeout | OSError
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the date form of the header is as good as none."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return None if isnan(seconds) else min(max(seconds, 0.0), 3600.0)


def retryable(headers: Mapping[str, str]) -> bool | None:
    """fal's own word on whether another try is worth it, where it gives one."""
    for name in ("x-fal-retryable", "x-fal-needs-retry"):
        if (said := headers.get(name, "").strip().casefold()) in ("true", "1", "false", "0"):
            return said in ("true", "1")
    return None
