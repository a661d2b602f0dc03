"""Puts requests of ours in the order of their intents, beside what fal's records show of them. Pure.

Times are seconds since 1970; ours by this machine's clock, the records' by fal's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from batch.core.equality import Equality
from batch.core.gateway import ListedRequest
from batch.core.row import InDoubtRow, KnownRequest

POST_SECONDS = 120.0
"""A POST arrives no later than this after its intent: the longest wait for a reply, and a margin."""
CLOCK_SKEW = 300.0
"""How far the clocks may be apart where no request tells."""
WITNESSES = 2
"""So many later requests of ours have to be shown."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A request of ours that was accepted; `sent_at` is None where the history does not show it as it was sent."""

    order: int
    intent_at: float
    sent_at: float | None
    ended: bool

    @property
    def clock_offset(self) -> float:
        """fal's time less ours."""
        return inf if self.sent_at is None else self.sent_at - self.intent_at


@dataclass(frozen=True, slots=True)
class Timeline:
    """Requests of ours in the order of their intents, as far as the history shows them."""

    witnesses: Sequence[Witness]

    @classmethod
    def of(
        cls,
        listed: Sequence[ListedRequest],
        own: Mapping[str, KnownRequest],
        sent: Mapping[str, KnownRequest],
        equality: Equality,
    ) -> "Timeline":
        by_id = {one.request_id: one for one in listed}
        found = [
            Witness(known.order, known.intent_at, *_shown(by_id.get(name), known, equality))
            for name, known in {**own, **sent}.items()
            if known.intent_at is not None
        ]
        return cls(sorted(found, key=lambda one: one.order))

    def sent_by(self, row: InDoubtRow) -> float:
        """By when it was sent at the latest, on fal's clock; infinite where the witnesses do not agree."""
        before, later = self._around(row)
        if len(later) < WITNESSES or (before is None and row.after is not None):
            return inf
        offsets = [one.clock_offset for one in ([before] if before else []) + later]
        if max(offsets) - min(offsets) > CLOCK_SKEW:
            return inf
        bound = max(one.sent_at or inf for one in later)
        return bound if before is None else min(bound, max(row.intent_at, before.intent_at) + max(offsets))

    def now(self, row: InDoubtRow, told: float | None, now: float) -> float:
        """fal's clock, no later than this machine's shows by what is known of the two; a lone `Date` proves nothing."""
        _, later = self._around(row)
        return min(told if told is not None else -inf, now + max((one.clock_offset for one in later), default=-inf))

    def caught_up(self, row: InDoubtRow) -> bool:
        """Whether a later request of ours is shown, and all of ours up to it."""
        return bool(self._around(row)[1])

    def shows_all(self, row: InDoubtRow) -> bool:
        """Whether all of ours that were sent in its time, and are known to have ended, are shown."""
        return all(
            one.sent_at is not None
            for one in self.witnesses
            if abs(one.intent_at - row.intent_at) <= CLOCK_SKEW + POST_SECONDS
        )

    def offsets(self, row: InDoubtRow) -> list[float]:
        """fal's time less ours, by the last request of ours before a row that is shown, and the first one after it."""
        shown = [one for one in self.witnesses if one.sent_at is not None]
        before = next((one for one in reversed(shown) if one.order < row.order), None)
        after = next((one for one in shown if one.order > row.order), None)
        return [one.clock_offset for one in (before, after) if one]

    def _around(self, row: InDoubtRow) -> tuple[Witness | None, list[Witness]]:
        """The last witness before a row, and the first ones after it that have ended; none where one is missing."""
        before = next((one for one in reversed(self.witnesses) if one.order < row.order), None)
        later: list[Witness] = []
        for one in self.witnesses:
            if one.order <= row.order:
                continue
            if one.sent_at is None:
                return before, []
            if one.ended and one.intent_at > row.intent_at + POST_SECONDS:
                later.append(one)
            if len(later) == WITNESSES:
                break
        return (before, later) if before is None or before.sent_at is not None else (before, [])


def _shown(one: ListedRequest | None, known: KnownRequest, equality: Equality) -> tuple[float | None, bool]:
    """When it was sent and whether it has ended, if the history shows it with the arguments that we sent."""
    if one is None or one.input is None or equality.digest(one.input) != _digest(known, equality):
        return None, False
    return one.sent_at, one.ended


def _digest(known: KnownRequest, equality: Equality) -> bytes:
    return known.digest or (b"" if known.sent is None else equality.digest(known.sent))
