"""Nights of which it matters how many requests are at fal at once, and how often each is asked about."""

import random

import anyio
from anyio import current_time

from tests.support.simulated import Service, count, ledger_of, night, play, service_queue, shots


def played(rows: int, slots: int, seconds: float, spread: float = 0.0, **how: object) -> tuple[Service, float]:
    """The service after a night, and how long the night was."""
    chance = random.Random(7)
    service = Service(
        service_queue(slots, lambda _: max(1.0, chance.gauss(seconds, spread))), tells=bool(how.pop("tells", False))
    )
    ledger = ledger_of(shots(rows))

    async def one() -> float:
        await night(ledger, service, **{"concurrency": slots, **how})
        return current_time()

    return service, play(one)


class Night:
    """A night with `--concurrency auto` on an account whose slots may change."""

    def __init__(self, rows: int, slots: int, seconds: float, spread: float = 0.0, **how: object) -> None:
        chance = random.Random(how.pop("seed", 7))
        self.queue = service_queue(slots, lambda _: max(1.0, chance.gauss(seconds, spread)))
        self.service = Service(self.queue, on_submit=self._look, warm_up=float(how.pop("warm_up", 0.0)))
        self.ledger = ledger_of(shots(rows))
        self.most_waiting = 0.0
        """Beyond one request, in slots."""
        self.changes = how.pop("changes", ())
        self.how = how
        self.took = play(self._night)
        assert count(self.ledger, "succeeded") == rows

    def _look(self, _: int) -> None:
        if not self.settled:
            return
        over = max(0, self.queue.waiting - 1) / self.queue.slots
        self.most_waiting = max(self.most_waiting, over)

    @property
    def settled(self) -> bool:
        """Two run times after a change: what is at fal by then cannot be taken back."""
        return all(not at <= current_time() < at + after for at, _, after in self.changes)

    async def _night(self) -> float:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._change)
            await night(self.ledger, self.service, **{"concurrency": None, **self.how})
            tasks.cancel_scope.cancel()
        return current_time()

    async def _change(self) -> None:
        for at, slots, _ in self.changes:
            with anyio.CancelScope(deadline=at):
                await anyio.sleep_forever()
            self.queue.set_slots(slots, now=current_time())
