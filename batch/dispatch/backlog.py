"""The rows that wait to be submitted: read page by page, or put back for another try."""

import heapq
from collections import deque
from itertools import count

from anyio import current_time

from batch.core.row import PendingRow
from batch.core.store import RowStore

PAGE = 500
"""Rows read from the ledger at a time: a million waiting rows do not come into memory."""


class Backlog:
    """Gives rows in the table's order; one that is put back comes again when it is due, before any new one.

    Args:
        limit: how many rows are begun at most.
    """

    def __init__(self, store: RowStore, limit: int | None) -> None:
        self.limited = False
        """Rows were left because of the limit."""
        self._store = store
        self._limit = limit
        self._begun = 0
        self._page: deque[PendingRow] = deque()
        self._place = -1
        self._read_all = False
        self._later: list[tuple[float, int, PendingRow]] = []
        self._order = count()
        self._held: set[int] = set()

    @property
    def due(self) -> float:
        """When the next row that was put back is due, on anyio's clock."""
        return self._later[0][0] if self._later else float("inf")

    @property
    def none_left(self) -> bool:
        return self._read_all and not (self._page or self._later)

    def hold(self, row: int) -> None:
        """It is brought further by somebody: should it be read as pending meanwhile, it is not begun a second time."""
        self._held.add(row)

    def holds(self, row: int) -> bool:
        return row in self._held

    def put_back(self, pending: PendingRow, seconds: float) -> None:
        self._held.add(pending.row)
        heapq.heappush(self._later, (current_time() + seconds, next(self._order), pending))

    async def read_ahead(self) -> None:
        """While there is time: when many slots come free at once, the ledger is busy with other things."""
        if len(self._page) < PAGE and not self._read_all:
            found = await self._store.pending_rows(self._place, PAGE)
            self._page.extend(found)
            self._place = found[-1].place if found else self._place
            self._read_all = len(found) < PAGE

    async def next(self) -> PendingRow | None:
        """None where no row is due now."""
        if self.due <= current_time():
            return heapq.heappop(self._later)[2]
        while not self._read_all or self._page:
            if not self._page:
                await self.read_ahead()
                continue
            pending = self._page.popleft()
            if pending.row in self._held:
                continue  # it came back to pending in this run, and is to come again later
            if self._begun == self._limit:
                self._page.clear()
                self._read_all = self.limited = True
                return None
            self._begun += 1
            self._held.add(pending.row)
            return pending
        return None
