"""Weighs what fal's request history proves of rows in doubt: found, absent, or open. Pure.

A row in doubt is found where the listing has a request, not yet known to be ours, that was sent in its time
with equal values for every key that we sent; identical rows by count. Its absence is proven only when all this holds:

- its start deadline has passed by fal's clock: a request that no runner took until then cannot run any more;
- the listing has caught up: it shows, as ended and with the input that we sent, a request of ours that was sent later;
- the listing begins early enough: it shows a request of ours that was sent before (or there was none before);
- between these two both clocks went alike.

Times are seconds since 1970; ours by this machine's clock, the listing's by fal's. This machine's may be hours off and
set right in mid-run, so what came before and what after is told by the order in the ledger.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from batch.core.gateway import ListedRequest
from batch.core.row import InDoubtRow, KnownRequest

POST_SECONDS = 120.0
"""A POST arrives no later than this after its intent: the longest wait for a reply, and a margin."""
CLOCK_SKEW = 300.0
"""How far the clocks may be apart where no request tells."""
MARGIN = 60.0
TELLING = 4
"""A text so long tells one request from another; a duration does not."""
_MARKS = re.compile(r"\s*(\.{3}|…|[\[<(][^\])>]*(truncated|omitted|more)[^\])>]*[\])>])\s*$", re.IGNORECASE)
"""What is put where a text was cut."""
LOOK_BACK = 2 * 86_400.0
"""How far back the listing is read where no earlier request of ours can show that it begins early enough."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is settled; rows that are in neither stay in doubt."""

    found: dict[int, str] = field(default_factory=dict)
    """Row → the request id that is its own."""
    absent: list[int] = field(default_factory=list)
    """Rows whose POST was never accepted: they may be submitted again."""


def provable_at(intent_at: float, start_timeout: float) -> float:
    """When the absence of a request can be proven at the earliest."""
    return intent_at + POST_SECONDS + start_timeout + MARGIN


def earliest(rows: Sequence[InDoubtRow]) -> float:
    """From when on the listing has to be read."""
    return min(
        row.intent_at - LOOK_BACK if row.after is None else min(row.intent_at, row.after) - 2 * CLOCK_SKEW
        for row in rows
    )


def reconcile(
    rows: Sequence[InDoubtRow],
    listed: Sequence[ListedRequest],
    own: Mapping[str, KnownRequest],
    now: float,
    start_timeout: float,
) -> Verdicts:
    """Settles what the listing allows.

    Args:
        listed: the whole listing since `earliest`, every page of it.
        own: every listed id that is already some row's.
        now: by fal's clock.
        start_timeout: seconds after which fal gives up a request that no runner has started.
    """
    window = _ClockWindow.seen(listed, own)
    unclaimed = sorted((one for one in listed if one.request_id not in own), key=lambda one: one.sent_at)
    found = _found(sorted(rows, key=lambda row: row.intent_at), unclaimed, window)
    adopted = set(found.values())
    unadopted = [one for one in unclaimed if one.request_id not in adopted]
    shown = _Timeline.of(listed, own)
    absent = [
        row.row
        for row in rows
        if row.row not in found
        and now > provable_at(shown.sent_by(row), start_timeout)
        and not any(_alike(row.sent, one) for one in unadopted)
    ]
    return Verdicts(found, absent)


@dataclass(frozen=True, slots=True)
class _SeenRequest:
    """A listed request that is known to be ours."""

    order: int
    intent_at: float
    sent_at: float
    proves: bool
    """Its record shows that the listing is complete and comparable up to there."""

    @property
    def clock_offset(self) -> float:
        """fal's time less ours."""
        return self.sent_at - self.intent_at


@dataclass(frozen=True, slots=True)
class _Timeline:
    """What the listing shows of requests that are known to be ours."""

    seen: Sequence[_SeenRequest]

    @classmethod
    def of(cls, listed: Sequence[ListedRequest], own: Mapping[str, KnownRequest]) -> "_Timeline":
        ours = [(one, known) for one in listed if (known := own.get(one.request_id))]
        return cls(
            [
                _SeenRequest(known.order, known.intent_at, one.sent_at, _evidence(one, known))
                for one, known in ours
                if known.intent_at is not None
            ]
        )

    def sent_by(self, row: InDoubtRow) -> float:
        """By when it was sent at the latest, on fal's clock; infinite where the listing does not show all that was.

        It has to begin before it, to have caught up with it, and the clocks have to have gone alike between the two;
        where nothing of ours came before, the later request's own time is all there is to go by.
        """
        before = max((one for one in self.seen if one.order < row.order), key=lambda one: one.order, default=None)
        if before is None and row.after is not None:
            return inf
        later = [
            one
            for one in self.seen
            if one.proves and one.order > row.order and one.intent_at > row.intent_at + POST_SECONDS
        ]
        if before is None:
            return min((one.sent_at for one in later), default=inf)
        alike = [
            max(one.clock_offset, before.clock_offset)
            for one in later
            if abs(one.clock_offset - before.clock_offset) <= CLOCK_SKEW
        ]
        return max(row.intent_at, before.intent_at) + min(alike, default=inf)


def _evidence(one: ListedRequest, own: KnownRequest) -> bool:
    return one.ended and one.input is not None and own.sent is not None and _equal(own.sent, one.input)


@dataclass(frozen=True, slots=True)
class _ClockWindow:
    """The least and greatest of fal's time less ours."""

    early: float
    late: float

    @classmethod
    def seen(cls, listed: Sequence[ListedRequest], own: Mapping[str, KnownRequest]) -> "_ClockWindow":
        known = ((one.sent_at, own[one.request_id].intent_at) for one in listed if one.request_id in own)
        clock_offset = [theirs - ours for theirs, ours in known if ours is not None]
        return cls(min([-CLOCK_SKEW, *clock_offset]), max([CLOCK_SKEW, *clock_offset]))

    def holds(self, row: InDoubtRow, one: ListedRequest) -> bool:
        return row.intent_at + self.early <= one.sent_at <= row.intent_at + self.late + POST_SECONDS


def _found(rows: Sequence[InDoubtRow], unclaimed: Sequence[ListedRequest], window: _ClockWindow) -> dict[int, str]:
    taken: set[str] = set()
    found: dict[int, str] = {}
    by_input: dict[frozenset[tuple[str, str]], list[ListedRequest]] = {}
    for row in rows:
        names = tuple(row.sent)
        key = frozenset((name, repr(row.sent[name])) for name in names)
        if key not in by_input:
            by_input[key] = [one for one in unclaimed if one.input is not None and _equal(row.sent, one.input)]
        for one in by_input[key]:
            if one.request_id not in taken and window.holds(row, one):
                found[row.row] = one.request_id
                taken.add(one.request_id)
                break
    return found


def _equal(sent: Mapping[str, Any], listed: Mapping[str, Any]) -> bool:
    """Only the keys that we sent count: fal may fill in the others."""
    return all(name in listed and listed[name] == value for name, value in sent.items())


def _alike(sent: Mapping[str, Any], one: ListedRequest) -> bool:
    """Whether it may be the request after all: no input to compare, or a telling text that is the same or cut short."""
    if one.input is None:
        return True
    texts = {name: value for name, value in sent.items() if isinstance(value, str) and len(value) >= TELLING}
    listed = one.input
    return not texts or any(name not in listed or _cut(value, listed[name]) for name, value in texts.items())


def _cut(sent: str, listed: Any) -> bool:
    """Whether a record holds this text, or what somebody left of it."""
    if not isinstance(listed, str):
        return True
    short, long = sorted((sent.strip(), _MARKS.sub("", listed.strip())), key=len)
    return long.startswith(short)
