"""Prepares rows: their images are uploaded without a slot, and nobody waits for those of others."""

from collections import deque
from collections.abc import Callable

import anyio
from anyio import current_time

from batch.core.gateway import AccountRefused, Gateways, NotSent, PrepareAnswer, Prepared, Refused
from batch.core.row import PendingRow
from batch.dispatch.image_waits import Again, Blamed, ImageWaits, Left
from batch.dispatch.stopping import Stop
from batch.dispatch.tally import Tally
from batch.pacing.poller import Poller

PREPARING_MOST = 256
"""Rows whose images are being uploaded while others are at fal."""
REACHED_SECONDS = 300.0
"""So long after an answer fal counts as reachable."""


class Preparation:
    """The rows that have no slot yet: those whose images are being uploaded, and those that wait for one then.

    `tally.preparing` counts them.

    Args:
        free: whether a slot is free.
        wake: called when a row begins that takes no slot yet.
    """

    def __init__(
        self,
        gateways: Gateways,
        tally: Tally,
        poller: Poller,
        rand: Callable[[], float],
        free: Callable[[], bool],
        wake: Callable[[], None],
    ) -> None:
        self._gateways = gateways
        self._free = free
        self._ready: deque[anyio.Event] = deque()
        self._tally = tally
        self._poller = poller
        self._waits = ImageWaits(rand)
        self._wake = wake
        self._closed = False
        self._at_work: set[anyio.CancelScope] = set()
        self._left = 0
        self._trouble = ""

    @property
    def room(self) -> bool:
        """Whether another row may begin: not before those that are ready."""
        return not self._ready and self._tally.preparing < PREPARING_MOST

    @property
    def notice(self) -> str:
        """What rows wait for, empty where none waits for its image."""
        return self._waits.notice

    @property
    def stop(self) -> Stop | None:
        """Why rows were left, where some were."""
        if not self._left:
            return None
        what = f"rows were left whose images could not be uploaded for an hour ({self._left} of them: {self._trouble})"
        return Stop("images", f"{what}; the next run tries again")

    async def prepare(self, pending: PendingRow) -> Prepared | Again | Left | Refused | AccountRefused:
        """The arguments as they will leave, and a slot; or what becomes of the row without its image."""
        self._tally.preparing += 1
        self._wake()
        answer = await self._upload(pending)
        if isinstance(answer, Prepared):
            self._waits.prepared(pending.row, current_time(), uploaded=answer.uploaded)
            await self._slot()
            return answer
        self._tally.preparing -= 1
        if answer is None:
            return Left()
        return self._failed(pending.row, answer) if isinstance(answer, NotSent) else answer

    async def _upload(self, pending: PendingRow) -> PrepareAnswer | None:
        """None where it was not waited for."""
        answer: PrepareAnswer | None = None
        with anyio.CancelScope() as scope:
            self._at_work.add(scope)
            try:
                answer = await self._gateways.at(pending.endpoint).prepare(pending.arguments)
            finally:
                self._at_work.discard(scope)
        return answer

    async def _slot(self) -> None:
        ready = anyio.Event()
        self._ready.append(ready)
        self.fill_slots()
        await ready.wait()

    def fill_slots(self) -> None:
        """Slots that are free go to the rows that have been ready for longest."""
        while self._ready and (self._closed or self._free()):
            self._ready.popleft().set()
            self._tally.preparing -= 1  # at once, though its task goes on later: the slot is taken

    def _failed(self, row: int, failed: NotSent) -> Again | Left | Refused:
        now = current_time()
        reached = failed.reached or self._poller.heard_at > now - REACHED_SECONDS
        end = self._waits.failed(row, now, failed.reason, reached=reached)
        if isinstance(end, Blamed):
            message = f"{failed.reason}; tried {end.tries} times, while the images of other rows were uploaded"
            return Refused("upload_failed", message)
        if isinstance(end, Left):
            self._left += 1
            self._trouble = failed.reason
        return end

    def close(self) -> None:
        """Nothing is submitted any more: no upload is waited for, and no slot."""
        self._closed = True
        for scope in self._at_work:
            scope.cancel()
        self.fill_slots()
