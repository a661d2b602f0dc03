"""The seam to the ledger: what a run asks of it and writes into it."""

from collections.abc import Iterable
from typing import Protocol

from batch.core.money import Budget
from batch.core.row import InDoubtRow, KnownRequest, PendingRow, SubmittedRow
from batch.core.states import Transition
from batch.errors import BatchError


class RequestTaken(BatchError):
    """The id in a receipt is known as that of another request. Nothing was changed."""


class RowStore(Protocol):
    """The rows of one manifest; each call returns when what it writes is on disk.

    `apply` raises `RequestTaken` where a transition's receipt is that of another request.
    """

    async def apply(self, row: int, transition: Transition) -> None: ...
    async def claim(self, row: int, transition: Transition, budget: Budget) -> bool: ...
    async def pending_rows(self, after: int, limit: int) -> list[PendingRow]: ...
    async def pending_row(self, row: int) -> PendingRow | None: ...
    async def submitted_rows(self) -> list[SubmittedRow]: ...
    async def in_doubt_rows(self) -> list[InDoubtRow]: ...
    async def requests_since_doubt(self) -> dict[str, KnownRequest]: ...
    async def known_requests(self, request_ids: Iterable[str]) -> dict[str, KnownRequest]: ...
