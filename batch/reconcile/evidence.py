"""Weighs what fal's request history proves of rows in doubt: found, absent, or open. Pure.

A row in doubt is **found** where the history has a request, not yet known to be ours, that was sent in its time with
equal arguments, fal's defaults filled in: the nearest by fal's clock, and only where there are no more such requests
than equal rows in doubt, here and in the other tables of the account. More of them are somebody else's too, and nobody
here can tell which: a person chooses. While the reply to an equal request is still waited for, nothing of its kind is
taken. Somebody's who asks for the same from a machine whose book is not here may be listed before ours, or ours may
never have arrived. So what is taken was sent at the moment of its row, as the clocks of both went then, and all of ours
of that time that have ended are shown; one of another moment is taken only once later ones of ours are. Its moment is
from its intent until its reply was given up, a few seconds at most. Where others do ask for what we ask for, only one
of its moment is taken, once the history must show all, as for an absence; and none where they ask for it at the same
moments: a person knows. Two hosts that each ask for one thing once, within the same two seconds, and one of the two
requests never arrived: this alone looks like a lost reply, and the one video is shown by both.

Its **absence** is proven only where all witnesses agree:

- its start deadline has passed, and the time that a history may be late, by fal's clock and by ours: a request that no
  runner took until then cannot run any more;
- two requests of ours, of whichever table, that were sent later are shown, ended, and with the arguments that we sent;
- so are all of ours from the last one before it up to these two: a history that lacks one may lack another;
- between them the clocks went alike;
- nobody's request stands in its time, whatever its arguments: they may have been changed, cut, hashed or hidden; and
  nowhere one with its text.

Times are seconds since 1970; ours by this machine's clock, the history's by fal's. This machine's may be hours off and
set right in mid-run, so what came before and what after is told by the order in the account's book, or in the ledger.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from batch.core.equality import Equality
from batch.core.gateway import ListedRequest, RequestHistory
from batch.core.row import InDoubtRow, KnownRequest
from batch.reconcile.timeline import CLOCK_SKEW, POST_SECONDS, Timeline

NEAR_SECONDS = 5.0
"""A request is sent within so many seconds of its intent, mostly."""
CLOCK_SECONDS = 2.0
"""So inexact is it how the clocks went: fal's own is told in whole seconds, and its machines have more than one."""
TOGETHER_SECONDS = 60.0
"""Who asks for the same within so many seconds has begun with us."""
MARGIN = 60.0
HISTORY_LAG = 3 * 3600.0
"""How late a record may appear: fal documents nothing, and there were incidents of hours."""
TELLING = 4
"""A text so long tells one request from another; a duration does not."""
_MARKS = re.compile(r"\s*(\.{3}|…|[\[<(][^\])>]*(truncated|omitted|more)[^\])>]*[\])>])\s*$", re.IGNORECASE)
"""What is put where a text was cut."""
LOOK_BACK = 2 * 86_400.0
"""How far back the history is read where no earlier request of ours can show that it begins early enough."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is settled; rows that are in none of these stay in doubt."""

    found: dict[int, str] = field(default_factory=dict)
    """Row → the request id that is its own."""
    absent: list[int] = field(default_factory=list)
    """Rows whose POST was never accepted: they may be submitted again."""
    candidates: dict[int, list[str]] = field(default_factory=dict)
    """Row that stays in doubt → the requests that may be its own, the nearest first."""
    unread: Sequence[str] = ()
    """Why the records of some endpoints could not be read, where others could."""


def merged(verdicts: Iterable[Verdicts], unread: Sequence[str] = ()) -> Verdicts:
    """What the records of several endpoints settle, each of its own rows."""
    whole = Verdicts(unread=tuple(unread))
    for one in verdicts:
        whole.found.update(one.found)
        whole.absent.extend(one.absent)
        whole.candidates.update(one.candidates)
    return whole


def provable_at(intent_at: float, start_timeout: float) -> float:
    """When the absence of a request can be proven at the earliest."""
    return intent_at + POST_SECONDS + start_timeout + HISTORY_LAG + MARGIN


def earliest(rows: Iterable[InDoubtRow]) -> float:
    """From when on the history has to be read."""
    return min(
        row.intent_at - LOOK_BACK if row.after is None else min(row.intent_at, row.after) - 2 * CLOCK_SKEW
        for row in rows
    )


def reconcile(
    rows: Sequence[InDoubtRow],
    history: RequestHistory,
    own: Mapping[str, KnownRequest],
    sent: Mapping[str, KnownRequest],
    now: float,
    start_timeout: float,
    *,
    others: bool = False,
) -> Verdicts:
    """Settles what the history allows.

    Args:
        rows: in doubt, and open elsewhere: those that are only waited for are settled by others.
        history: the whole of it since `earliest`, every page.
        own: every listed id that is already some row's.
        sent: every request of ours that was accepted since the last one before the rows, listed or not: of this
            ledger, and of all tables where there is an account's book.
        now: by this machine's clock.
        start_timeout: the start deadline, in seconds, of rows whose own is not known.
        others: somebody whose requests are not known here asks for what we ask for.
    """
    equality = Equality(history.defaults, history.endpoint)
    window = _ClockWindow.seen(history.items, own)
    unclaimed = [one for one in history.items if one.request_id not in own]
    timeline = Timeline.of(history.items, own, sent, equality)
    together = others and _together(history.items, own, equality)
    heard_at = now if history.heard_at is None else history.heard_at
    clocks = _Clocks(timeline, history.at, now, heard_at, start_timeout, others=others, together=together)
    found, candidates = _found(rows, unclaimed, window, clocks, equality)
    adopted = set(found.values())
    unadopted = [one for one in unclaimed if one.request_id not in adopted]
    absent = [
        row.row
        for row in rows
        if not (row.open_elsewhere or row.row in found)
        and clocks.complete(row)
        and not any(window.holds(row, one) or _alike(row.sent, one) for one in unadopted)
    ]
    return Verdicts(found, absent, candidates)


def strangers(
    rows: Iterable[InDoubtRow], history: RequestHistory, own: Mapping[str, KnownRequest]
) -> list[ListedRequest]:
    """Requests that are nobody's here, and that no row in doubt asks for."""
    equality = Equality(history.defaults, history.endpoint)
    asked = {row.digest or equality.digest(row.sent) for row in rows}
    unclaimed = (one for one in history.items if one.request_id not in own)
    return [one for one in unclaimed if one.input is None or equality.digest(one.input) not in asked]


def _together(listed: Sequence[ListedRequest], own: Mapping[str, KnownRequest], equality: Equality) -> bool:
    """Whether somebody asks for the same as we do at about the same moments."""
    ours: dict[bytes, list[float]] = {}
    for one in listed:
        if one.request_id in own and one.input is not None:
            ours.setdefault(equality.digest(one.input), []).append(one.sent_at)
    return any(
        abs(one.sent_at - at) <= TOGETHER_SECONDS
        for one in listed
        if one.request_id not in own and one.input is not None
        for at in ours.get(equality.digest(one.input), ())
    )


@dataclass(frozen=True, slots=True)
class _ClockWindow:
    """The least and greatest of fal's time less ours."""

    early: float
    late: float

    @classmethod
    def seen(cls, listed: Sequence[ListedRequest], own: Mapping[str, KnownRequest]) -> "_ClockWindow":
        known = ((one.sent_at, own[one.request_id].intent_at) for one in listed if one.request_id in own)
        offsets = [theirs - ours for theirs, ours in known if ours is not None]
        return cls(min([-CLOCK_SKEW, *offsets]), max([CLOCK_SKEW, *offsets]))

    def holds(self, row: InDoubtRow, one: ListedRequest) -> bool:
        return row.intent_at + self.early <= one.sent_at <= row.intent_at + self.late + POST_SECONDS


def _found(
    rows: Sequence[InDoubtRow],
    unclaimed: Sequence[ListedRequest],
    window: _ClockWindow,
    clocks: "_Clocks",
    equality: Equality,
) -> tuple[dict[int, str], dict[int, list[str]]]:
    """Row → its request, and row → the requests that may be its own where that cannot be told."""
    found: dict[int, str] = {}
    candidates: dict[int, list[str]] = {}
    groups = _equal(rows, unclaimed, window, equality)
    # More requests of a kind than rows ask for: others do, and may have asked for the rest as well.
    clocks = replace(
        clocks,
        others=clocks.others or any(len(near) > len(group) for group, near in groups),
        together=clocks.together or any(clocks.crowded(group, near) for group, near in groups),
    )
    for group, near in groups:
        ours = [row for row in group if not row.open_elsewhere]
        # Equal rows are interchangeable, whosever they are: what counts is that there are no more requests than rows.
        if len(near) <= len(group) and all(row.shared for row in group if row.open_elsewhere):
            found |= _nearest([row for row in ours if not row.early], near, window, clocks)
        candidates |= {row.row: _by_nearness(row, near) for row in ours if row.row not in found and near}
    taken = set(found.values())
    left = {row: [one for one in ids if one not in taken] for row, ids in candidates.items()}
    return found, {row: ids for row, ids in left.items() if ids}


def _equal(
    rows: Sequence[InDoubtRow], unclaimed: Sequence[ListedRequest], window: _ClockWindow, equality: Equality
) -> list[tuple[list[InDoubtRow], list[ListedRequest]]]:
    """The rows that ask for the same, and the requests of nobody's that do so in their time."""
    listed: dict[bytes, list[ListedRequest]] = {}
    for one in unclaimed:
        if one.input is not None:
            listed.setdefault(equality.digest(one.input), []).append(one)
    digests = {row.row: row.digest or equality.digest(row.sent) for row in rows}
    ordered = sorted(rows, key=lambda row: (digests[row.row], row.intent_at, row.order))
    groups = [(digest, list(equal)) for digest, equal in groupby(ordered, key=lambda row: digests[row.row])]
    return [
        (group, [one for one in listed.get(digest, []) if any(window.holds(row, one) for row in group)])
        for digest, group in groups
    ]


def _nearest(
    rows: Sequence[InDoubtRow], near: Sequence[ListedRequest], window: _ClockWindow, clocks: "_Clocks"
) -> dict[int, str]:
    """Each request to the row that it is nearest to, the nearest pairs first; equal rows are interchangeable."""
    pairs = sorted(
        (
            (abs(one.sent_at - row.intent_at), row.order, row.row, one.request_id)
            for row in rows
            for one in near
            if window.holds(row, one) and clocks.allow(row, one)
        ),
    )
    found: dict[int, str] = {}
    for _, _, row, request_id in pairs:
        if row not in found and request_id not in found.values():
            found[row] = request_id
    return found


def _by_nearness(row: InDoubtRow, near: Sequence[ListedRequest]) -> list[str]:
    return [one.request_id for one in sorted(near, key=lambda one: abs(one.sent_at - row.intent_at))]


@dataclass(frozen=True, slots=True)
class _Clocks:
    """What the clocks say of a row: when a request of its was sent, and whether the history must show it by now.

    Args:
        told: what fal's clock showed as the history was read; None: nothing.
        now: what this machine's shows.
        heard_at: what it showed as fal's was told.
        start_timeout: the start deadline, in seconds, of rows whose own is not known.
    """

    timeline: Timeline
    told: float | None
    now: float
    heard_at: float
    start_timeout: float
    others: bool
    together: bool

    def allow(self, row: InDoubtRow, one: ListedRequest) -> bool:
        """Whether a request that may be a row's own can be taken for it."""
        if not self._near(row, one):
            return self.timeline.caught_up(row) and not self.others
        late = self.complete(row) or self._long_ago(row)
        return late and not self.together if self.others else late or self.timeline.shows_all(row)

    def complete(self, row: InDoubtRow) -> bool:
        """Whether all witnesses agree that the history shows the whole of the row's time."""
        by = self._provable_at(row, self.timeline.sent_by(row))
        return self.timeline.now(row, self.told, self.now) > by

    def crowded(self, group: Sequence[InDoubtRow], near: Sequence[ListedRequest]) -> bool:
        """Whether more requests than there are rows were sent at about the moments of these."""
        together = [one for one in near if any(self._together(row, one) for row in group)]
        return len(together) > len(group)

    def _together(self, row: InDoubtRow, one: ListedRequest) -> bool:
        return any(abs(delay) <= TOGETHER_SECONDS for delay, _ in self._delays(row, one))

    def _near(self, row: InDoubtRow, one: ListedRequest) -> bool:
        """Whether it was sent as the row's intent was written, and before its reply was given up."""
        waited = NEAR_SECONDS if row.lost_at is None or row.lost_at < row.intent_at else row.lost_at - row.intent_at
        latest = min(NEAR_SECONDS, waited + CLOCK_SECONDS)
        return any(-earlier <= delay <= latest for delay, earlier in self._delays(row, one))

    def _delays(self, row: InDoubtRow, one: ListedRequest) -> list[tuple[float, float]]:
        """How long after the row's intent it was sent, by the clocks of then, or else of now.

        With each, how much less it may seem to be: a request that tells how the clocks went was late itself.
        """
        apart = one.sent_at - row.intent_at
        if offsets := self.timeline.offsets(row):
            return [(apart - offset, NEAR_SECONDS) for offset in offsets]
        return [] if self.told is None else [(apart - (self.told - self.heard_at), CLOCK_SECONDS)]

    def _long_ago(self, row: InDoubtRow) -> bool:
        return self.told is not None and min(self.told, self.now) > self._provable_at(row, row.intent_at)

    def _provable_at(self, row: InDoubtRow, sent_at: float) -> float:
        return provable_at(sent_at, row.start_timeout or self.start_timeout)


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
    ours, theirs = (unicodedata.normalize("NFC", text) for text in (sent, listed))
    short, long = sorted((ours.strip(), _MARKS.sub("", theirs.strip())), key=len)
    return long.startswith(short)
