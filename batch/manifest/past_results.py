"""Finds results of ours in a table, whatever prefix their columns bear. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from batch.core.states import Status
from batch.manifest.columns import Row

_TELLING = ("status", "video_url", "request_id")
"""Columns that results of ours always have; a user's table has not all three by one prefix, with our cells in them."""
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)  # fal docs: a UUID
_WITH_VIDEO = frozenset({Status.SUCCEEDED, Status.STALE})
_UNDER_WAY = frozenset({Status.SUBMITTED, Status.IN_DOUBT})
_STATUSES = frozenset(Status)


class PastResult(NamedTuple):
    """A record that shows a purchase; its request id is empty where only its price may have been paid."""

    number: int
    request_id: str


def prefixes(header: Iterable[str]) -> list[str]:
    """Each prefix by which the header has the columns that tell results of ours."""
    names = list(dict.fromkeys(header))
    found = [name.removesuffix("request_id") for name in names if name.endswith("request_id")]
    return [prefix for prefix in found if all(prefix + name in names for name in _TELLING)]


def telling(header: Sequence[str], wanted: Iterable[str]) -> list[int]:
    """The positions of the columns that tell of purchases under these prefixes."""
    names = {prefix + name for prefix in wanted for name in _TELLING}
    return [at for at, name in enumerate(header) if name in names]


def past_results(header: Sequence[str], rows: Iterable[Row], wanted: Iterable[str]) -> Iterator[PastResult]:
    """The records that show a purchase under one of these prefixes."""
    last = {name: at for at, name in enumerate(header)}
    places = [[last[prefix + name] for name in _TELLING] for prefix in wanted]
    for row in rows:
        for at in places:
            own = dict(zip(_TELLING, (row.cells[one] for one in at), strict=True))
            if shows_purchase(own):
                yield PastResult(row.number, own["request_id"])


def shows_purchase(own: Mapping[str, str]) -> bool:
    """Whether the cells of our columns in a record are ours and say that something was, or may have been, paid for."""
    status, request_id = own.get("status", ""), own.get("request_id", "")
    if not request_id:
        return status in _UNDER_WAY
    if not is_request_id(request_id) or status not in _STATUSES:
        return False
    return status not in _WITH_VIDEO or own.get("video_url", "").startswith(("https://", "file://"))


def is_request_id(text: str) -> bool:
    """Whether fal may have given it."""
    return _REQUEST_ID.fullmatch(text) is not None
