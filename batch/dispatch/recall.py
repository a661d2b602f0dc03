"""Takes back from fal's line what has not begun: it is free until a runner takes it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from batch.core import states
from batch.core.gateway import CancelRequested, Gateways
from batch.core.retry import Retry, backoff
from batch.core.store import RowStore
from batch.pacing.in_flight import InFlightRequest
from batch.pacing.poller import Poller

RECALL_SECONDS = 30.0
"""Nobody who wants to end waits for longer; what is not proven taken back by then stays under way."""
AT_ONCE = 16
LOOK_AGAIN = Retry(base=0.25, ceiling=4.0)


class Recall:
    """Taking requests back: each is asked for once. Which of them never ran is told by how they end.

    The ledger knows of the wish before fal does: a run that ends in between leaves rows of which the next one knows
    that they waited, and whose cancelled end is no failure.

    Args:
        now: seconds since 1970.
        rand: gives numbers from 0 to 1.
    """

    def __init__(
        self,
        store: RowStore,
        gateways: Gateways,
        poller: Poller,
        now: Callable[[], float],
        rand: Callable[[], float],
    ) -> None:
        self.rows: dict[str, int] = {}
        """Request id → its row, of those that are followed."""
        self._store = store
        self._gateways = gateways
        self._poller = poller
        self._now = now
        self._rand = rand
        self._asked: set[InFlightRequest] = set()
        self._at_once = anyio.CapacityLimiter(AT_ONCE)
        self._posting = 0
        self._posted = anyio.Event()

    async def all(self) -> None:
        """Until all that only waits is taken back, or `RECALL_SECONDS` have passed; what was sent last comes first."""
        with anyio.move_on_after(RECALL_SECONDS):
            while (waiting := [each for each in self._poller.in_line() if each not in self._asked]) or self._posting:
                if not waiting:
                    await self._posted.wait()
                self._asked.update(waiting)
                async with anyio.create_task_group() as tasks:
                    for each in waiting:
                        tasks.start_soon(self._one, each, name="recall")

    @contextmanager
    def posting(self) -> Iterator[None]:
        """A submit is on its way: what comes of it is waited for, as it may be one more to take back."""
        self._posting += 1
        try:
            yield
        finally:
            self._posting -= 1
            self._posted.set()
            self._posted = anyio.Event()

    async def _one(self, request: InFlightRequest) -> None:
        async with self._at_once:
            if not await self._poller.waits(request):
                return
            receipt = self._poller.receipt(request)
            with anyio.CancelScope(shield=True):
                await self._store.apply(self.rows[receipt.request_id], states.recalling(self._now()))
            request.recalled = True
            if isinstance(await self._gateways.at(receipt.endpoint).cancel(receipt), CancelRequested):
                await self._ended(request, receipt.request_id)

    async def _ended(self, request: InFlightRequest, request_id: str) -> None:
        """Until its end is written down, or it is seen to run after all."""
        looks = 0
        while request_id in self.rows and request not in self._poller.in_flight.running:
            await self._poller.waits(request)  # where it has ended, its own polling asks at once
            looks += 1
            await anyio.sleep(backoff(LOOK_AGAIN, looks, self._rand))
