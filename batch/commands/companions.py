"""What goes on beside the dispatching of a run: videos come down, updates, the event log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from batch.core.gateway import Gateways
from batch.ledger.async_ledger import AsyncLedger
from batch.ledger.ledger import Ledger
from batch.ledger.run_history import RunHistory

if TYPE_CHECKING:
    from batch.commands.event_keeping import EventKeeper
    from batch.commands.messages import Say
    from batch.commands.row_updates import OnUpdate, RowUpdates
    from batch.commands.video_downloads import VideoDownloads

UPDATE_SECONDS = 10.0
"""How long whoever takes updates is waited for when the run is over."""


@dataclass(slots=True)
class Companions:
    """Those that a run was asked for; by default there are none."""

    videos: "VideoDownloads | None" = None
    events: "EventKeeper | None" = None
    on_update: "OnUpdate | None" = None
    logs: bool = False
    """Log lines are shown."""
    history: RunHistory | None = None
    """Where it is written down how the run goes."""
    _updates: "RowUpdates | None" = None

    @property
    def state(self) -> object:
        """While it stays the same, the table has nothing new to show of them."""
        return self.videos and self.videos.brought

    def overheard(self, ledger: Ledger, store: AsyncLedger, gateways: Gateways, say: "Say") -> Gateways:
        """The gateways that the dispatcher is to go through."""
        if not (self.logs or self.on_update):
            return gateways
        from batch.commands.row_updates import RowUpdates

        self._updates = RowUpdates(ledger, store, say, self.on_update, say if self.logs else None)
        return self._updates.overhear(gateways)

    @asynccontextmanager
    async def at_work(self, store: AsyncLedger) -> AsyncIterator[None]:
        """While the block runs; at its end the videos are waited for, and updates for a while."""
        async with anyio.create_task_group() as tasks:
            if self.events:
                tasks.start_soon(self.events.keep, name="events")
            if self._updates:
                tasks.start_soon(self._updates.follow, name="updates")
            async with self.videos.beside(store) if self.videos else nullcontext():
                yield
            if self._updates:
                with anyio.move_on_after(UPDATE_SECONDS):
                    await self._updates.finish()
            tasks.cancel_scope.cancel()
