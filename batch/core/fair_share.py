"""Shares an account's slots among the runs at work: who wants less leaves others the rest. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunAtWork:
    """A run, and its requests at fal that have not ended."""

    ledger: int
    """What tells it from the others; the order of these decides who has the odd one."""
    in_air: int
    waiting: int = 0
    """Of these, those in line before the slots."""
    hungry: bool = True
    """Rows of its wait for room."""


def fair_share(own: RunAtWork, others: Sequence[RunAtWork], slots: int | None = None) -> int | None:
    """How many requests of a run may be at fal at once, so that the others have as many; None: as many as it likes.

    What there is to share is what all of them have there, or the slots that the account is known to have, whichever is
    more: while nothing waits in line there is room for everybody, and nobody is held back.

    Args:
        own: the run that asks.
        others: all others at work with the same account.
        slots: what the account is known to run at once, with what waits before them.
    """
    runs = [own, *others]
    if not others or not any(one.waiting for one in runs):
        return None
    room = max(slots or 0, sum(one.in_air for one in runs), len(runs))
    wants = {one.ledger: room if one.hungry else min(room, max(1, one.in_air)) for one in runs}
    return _shared(room, wants)[own.ledger]


def _shared(room: int, wants: dict[int, int]) -> dict[int, int]:
    """Each what it wants, or as much as every other that wants more; from the smallest on, the rest is shared anew."""
    shares: dict[int, int] = {}
    left = room
    waiting = sorted(wants, key=lambda ledger: (wants[ledger], -ledger))
    for done, ledger in enumerate(waiting):
        shares[ledger] = min(wants[ledger], left // (len(waiting) - done))
        left -= shares[ledger]
    return shares
