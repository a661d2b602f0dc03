"""Reads replies of the service: JSON, reason, type, headers. Nothing in them is trusted."""

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


def is_https(url: str) -> bool:
    """Whether it is a URL that can be asked safely."""
    try:
        parsed = urlsplit(url)
    except ValueError:
        return False
    return parsed.scheme == "https" and bool(parsed.hostname) and " " not in url


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
    return str(detail) if detail is not None else error.body.decode("utf-8", "replace")


def _item(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    loc = item.get("loc")
    place = ".".join(str(part) for part in (loc if isinstance(loc, list) else []) if part != "body")
    return f"{place}: {item.get('msg')}" if place else str(item.get("msg"))


def status_of(error: Exception) -> int | None:
    """The HTTP status that an error of any client tells of."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code
    status = getattr(error, "status", getattr(error, "status_code", None))
    return status if isinstance(status, int) else None


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
