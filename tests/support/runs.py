"""Whole runs on a mock clock in this process: real table, ledger and results; the service simulated."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from anyio import current_time, sleep_forever

from batch.commands.batch import Batch
from batch.commands.run import Mark, Surroundings, run
from batch.commands.session import Connect
from batch.core.gateway import Unclear, UnitPrice
from batch.core.run_options import RunOptions
from batch.reports.outcome import Outcome
from tests.support.simulated import EPOCH, Service, play, service_queue


def play_in_line(night: Callable[[], Awaitable[Any]]) -> Any:
    """On the mock clock, which does not wait for threads: what is meant for one is done at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("anyio.to_thread.run_sync", _in_line)
        return play(night)


async def _in_line(call: Callable[[], Any], **_: object) -> Any:
    return call()


def reaching(service: Service) -> Connect:
    """Opens this service, however often it is asked to."""

    @asynccontextmanager
    async def connect(_: Batch) -> AsyncIterator[Service]:
        yield service

    return connect


def a_service(slots: int = 4, run_seconds: float = 60.0, **how: Any) -> Service:
    """A service that makes a video a minute in each slot. The rest as for `Service`."""
    return Service(service_queue(slots, run_seconds, plan=how.pop("plan", None)), **how)


@dataclass
class PricedService(Service):
    """A service that tells its price; None: it never answers."""

    price: UnitPrice | Unclear | None = None

    async def unit_price(self) -> UnitPrice | Unclear:
        self.asked["price"] += 1
        return self.price or await sleep_forever()  # type: ignore[func-returns-value]


def told(amount: str, unit: str = "second", currency: str = "USD") -> UnitPrice:
    """A price as fal tells it."""
    return UnitPrice(Decimal(amount), unit, currency)


def run_through(
    batch: Batch,
    service: Service,
    options: RunOptions | None = None,
    *,
    mark: Mark | None = None,
    say: Callable[[str], None] = lambda _: None,
    connect: Connect | None = None,
    agreed: int | None = None,
) -> Outcome:
    """One run of a batch to its end."""
    around = Surroundings(
        connect=connect or reaching(service),
        now=lambda: EPOCH + current_time(),
        rand=random.Random(0).random,
        show_progress=False,
        agreed=agreed,
    )

    async def night() -> Outcome:
        return await run(batch, options or RunOptions(concurrency=4), say, mark, around)

    outcome: Outcome = play_in_line(night)
    return outcome
