"""Makes the cells of our columns from a result row. Pure."""

import json
import posixpath
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache

from batch.core.money import MICROS
from batch.core.row import ResultRow
from batch.core.states import State, Status, status
from batch.manifest.result_columns import ResultCells

_EXPLAINED = frozenset({Status.INVALID, Status.STALE, Status.IN_DOUBT, Status.FAILED, Status.CANCELLED})


def result_cells(row: ResultRow, between: tuple[str, str] | None = None) -> ResultCells:
    """Our cells of the record.

    Args:
        between: the manifest's folder and that of the results, where it is another one.
    """
    shown = _status(row.state, row.edited, row.problem is not None)
    waits = shown is Status.PENDING  # what an earlier try left behind would only mislead
    error, error_type = _error(shown, row) if shown in _EXPLAINED else (None, None)
    cost = (row.spent or 0) + ((row.price or 0) if shown is Status.IN_DOUBT else 0)
    size, media_type = _file(row.result, row.video_url) if row.result and row.video_url else (None, None)
    return ResultCells(
        status=shown,
        video_url=row.video_url,
        error=error,
        error_type=error_type,
        request_id=None if waits and not row.video_url else row.request_id,
        attempts=row.attempts or None,
        cost_usd=_dollars(cost) if cost or row.finished_at else None,
        submitted_at=None if waits else _time(row.submitted_at),
        finished_at=_time(row.finished_at),
        video_path=_path(row.video_path, between) if row.video_url and row.video_path else None,
        video_size=size,
        video_type=media_type,
        take_shown=row.take,
        takes_made=row.takes,
    )


@cache
def _status(state: str | None, edited: int, invalid: bool) -> Status:
    return status(State(state) if state else None, edited=bool(edited and state), invalid=invalid)


def _error(shown: Status, row: ResultRow) -> tuple[str | None, str | None]:
    match shown:
        case Status.INVALID:
            return row.problem, "invalid"
        case Status.STALE if row.problem:
            return f"its inputs were changed after this video was made, and cannot be run: {row.problem}", "stale"
        case Status.STALE:
            return "its inputs were changed after this video was made; `run --stale` buys a new one", "stale"
        case Status.IN_DOUBT:
            return f"it may have been paid for: {row.message}", row.error_type
        case Status.FAILED | Status.CANCELLED:
            return row.message, row.error_type
        case _:
            return None, None


def _file(result: str, url: str) -> tuple[int | None, str | None]:
    """Size and media type, as the object that holds the video's URL says (fal docs: `File`)."""
    try:
        waiting = [json.loads(result)]
    except (ValueError, RecursionError):
        return None, None
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict) and one.get("url") == url:
            size, media_type = one.get("file_size"), one.get("content_type")
            fits = isinstance(size, int) and not isinstance(size, bool) and 0 < size < 1 << 62
            known = isinstance(media_type, str) and _MEDIA_TYPE.fullmatch(media_type)
            return size if fits else None, media_type if known else None
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return None, None


_MEDIA_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)


def _path(path: str, between: tuple[str, str] | None) -> str:
    if between is None or posixpath.isabs(path):
        return path
    manifest, results = between
    return posixpath.relpath(posixpath.join(manifest, path), results)


@lru_cache
def _dollars(micros: int) -> Decimal:
    return Decimal(micros) / MICROS


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(round(seconds), UTC)
