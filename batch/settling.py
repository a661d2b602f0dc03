"""Rows in doubt asked after in fal's own records: at the start of a run, now and then, and once more at its end."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import anyio

from batch import answers as a
from batch import states
from batch.settle import Doubt, Listed, Own, Verdicts, earliest, settle
from batch.states import Move, Receipt

LISTING_SECONDS = 120.0
"""The longest that one look at the records may take; a run starts with one."""


class Book(Protocol):
    """What settling needs of the ledger."""

    async def apply(self, row: int, move: Move) -> None: ...
    async def doubts(self) -> list[Doubt]: ...
    async def own(self, request_ids: Iterable[str]) -> dict[str, Own]: ...


class Records(Protocol):
    """fal's own records."""

    async def listing(self, since: float) -> list[Listed] | a.Unclear: ...
    def built_receipt(self, request_id: str) -> Receipt: ...


@dataclass(frozen=True, slots=True)
class Settler:
    """Settles what fal's records allow.

    Args:
        now: seconds since 1970.
        start_timeout: seconds after which fal gives up a request that no runner has started.
    """

    book: Book
    records: Records
    now: Callable[[], float]
    start_timeout: float

    async def round(self) -> Verdicts | a.Unclear:
        """One look at the records; what it settles is in the ledger when it returns."""
        doubts = await self.book.doubts()
        if not doubts:
            return Verdicts()
        listed: list[Listed] | a.Unclear = a.Unclear("fal's request history takes too long")
        with anyio.move_on_after(LISTING_SECONDS):
            listed = await self.records.listing(earliest(doubts))
        if isinstance(listed, a.Unclear):
            return listed
        own = await self.book.own([one.request_id for one in listed])
        verdicts = settle(doubts, listed, own, self.now(), self.start_timeout)
        for row, request_id in verdicts.found.items():
            await self.book.apply(row, states.found_at_fal(self.now(), self.records.built_receipt(request_id)))
        for row in verdicts.absent:
            await self.book.apply(row, states.never_accepted(self.now()))
        return verdicts
