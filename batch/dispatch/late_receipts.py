"""Takes a receipt that comes when its row is in doubt already: it wins, if that is its doubt still."""

from collections.abc import Callable

import anyio

from batch.core import states
from batch.core.gateway import LateReceipt
from batch.core.store import RequestTaken, RowStore


class LateReceipts:
    """Receipts of submits that were given up.

    Args:
        settling: held by whoever settles rows in doubt: the row must not become another one's meanwhile.
        now: seconds since 1970.
    """

    def __init__(self, store: RowStore, settling: anyio.Lock, now: Callable[[], float]) -> None:
        self._store = store
        self._settling = settling
        self._now = now

    async def take(self, row: int, intent_at: float, late: LateReceipt) -> bool:
        """Waits for it; whether the row is submitted by it now. What is not taken is left to fal's records.

        Args:
            intent_at: of the submit that was given up: a row that was submitted anew since is in another doubt.
        """
        receipt = await late()
        if receipt is None:
            return False
        async with self._settling:
            doubts = [one for one in await self._store.in_doubt_rows() if one.row == row and not one.open_elsewhere]
            if not doubts or doubts[0].intent_at != intent_at:
                return False
            with anyio.CancelScope(shield=True):
                try:
                    await self._store.apply(row, states.found_at_fal(self._now(), receipt))
                except RequestTaken:  # fal's records were quicker, and gave it to an equal row
                    return False
        return True
