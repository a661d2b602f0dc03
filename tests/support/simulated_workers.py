"""Workers on the mock clock: each does its calls as a real one, and dies, freezes or drains when it is told to."""

import random
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio import current_time

from batch.core.gateway import PrepareAnswer
from batch.errors import UsageError
from batch.job import Arguments
from batch.workers.calls import WorkerLost
from batch.workers.pool import WorkerPool
from batch.workers.pooled_gateway import PooledGateway
from batch.workers.row_worker import RowWorker
from tests.support.simulated import EPOCH, Service

WAY = 0.02
"""Seconds that a call takes to its worker, and its answer back."""


def now() -> float:
    return EPOCH + current_time()


class NoMedia:
    """Nothing is fetched."""

    def get(self, url: str, *, start: int = 0, validator: str | None = None) -> Any:
        raise AssertionError("nothing is fetched here")


class SimulatedWorker:
    """One worker; `skew` is its clock less everybody's."""

    def __init__(self, name: str, service: Service, skew: float = 0.0, media: Any = None) -> None:
        self.name = name
        self.host = f"host of {name}"
        self.draining = False
        self.dead = False
        self.asked: list[str] = []
        self.submits = self.most_submits = 0
        self._thawed: anyio.Event | None = None
        self._at_work: set[anyio.CancelScope] = set()
        self._worker = RowWorker(service, media or NoMedia(), lambda: now() + skew, lambda: self.draining)

    async def call(self, name: str, *arguments: Any) -> Any:
        """As a real one does it; WorkerLost as soon as it has died."""
        answer: Any = WorkerLost
        with anyio.CancelScope() as scope:
            if self.dead:
                raise WorkerLost("it has died")
            self._at_work.add(scope)
            self.submits += name == "submit"
            self.most_submits = max(self.most_submits, self.submits)
            try:
                await self._way()
                self.asked.append(name)
                done = await getattr(self._worker, name)(*arguments)
                await self._way()
                answer = done
            finally:
                self._at_work.discard(scope)
                self.submits -= name == "submit"
        if answer is WorkerLost:
            raise WorkerLost("it has died")
        return answer

    async def _way(self) -> None:
        await anyio.sleep(WAY)
        if self._thawed:
            await self._thawed.wait()

    def kill(self) -> None:
        self.dead = True
        for scope in list(self._at_work):
            scope.cancel()

    def freeze(self) -> None:
        self._thawed = anyio.Event()

    def thaw(self) -> None:
        assert self._thawed
        self._thawed.set()
        self._thawed = None


@dataclass
class SimulatedHost:
    """Starts them; `refuse` says why the n-th cannot be started, if it cannot."""

    service: Service
    refuse: Callable[[int], Exception | None] = lambda _: None
    start_seconds: float = 1.0
    workers: list[SimulatedWorker] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    tried: int = 0
    skew: float = 0.0
    media: Any = None

    async def start(self, name: str) -> SimulatedWorker:
        self.tried += 1
        await anyio.sleep(self.start_seconds)
        if refused := self.refuse(self.tried):
            raise refused
        worker = SimulatedWorker(name, self.service, self.skew, self.media)
        self.workers.append(worker)
        return worker

    async def stop(self, worker: SimulatedWorker) -> None:
        self.stopped.append(worker.name)

    def named(self, name: str) -> SimulatedWorker:
        return next(worker for worker in self.workers if worker.name == name)

    @property
    def alive(self) -> list[SimulatedWorker]:
        return [worker for worker in self.workers if not worker.dead and worker.name not in self.stopped]


@asynccontextmanager
async def pooled(host: SimulatedHost, size: int, said: list[str] | None = None) -> Any:
    """A pool at work, and the gateway in front of it; local images are as they are."""
    lines = said if said is not None else []
    async with WorkerPool(host, size, now, lines.append).at_work() as pool:

        async def prepare(arguments: Arguments) -> PrepareAnswer:
            return await host.service.prepare(arguments)

        yield pool, PooledGateway(pool, prepare, host.service.built_receipt, now)


async def die_each(host: SimulatedHost, seconds: float, seed: int = 0) -> None:
    """Until cancelled, one worker after another, whichever chance says."""
    chance = random.Random(seed)
    while True:
        await anyio.sleep(seconds)
        if host.alive:
            chance.choice(host.alive).kill()


def refusing(*which: int, error: Exception | None = None) -> Callable[[int], Exception | None]:
    """The n-th ones cannot be started."""
    return lambda nth: (error or UsageError("mend it")) if nth in which else None
