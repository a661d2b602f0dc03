"""Whole runs on a mock clock in this process: real table, ledger and results; the service simulated."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anyio import current_time

from batch.commands.batch import Batch
from batch.commands.run import Mark, Surroundings, run
from batch.commands.session import Connect
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


def run_through(
    batch: Batch,
    service: Service,
    options: RunOptions | None = None,
    *,
    mark: Mark | None = None,
    say: Callable[[str], None] = lambda _: None,
    connect: Connect | None = None,
) -> Outcome:
    """One run of a batch to its end."""
    around = Surroundings(
        connect=connect or reaching(service),
        now=lambda: EPOCH + current_time(),
        rand=random.Random(0).random,
        show_progress=False,
    )

    async def night() -> Outcome:
        return await run(batch, options or RunOptions(concurrency=4), say, mark, around)

    outcome: Outcome = play_in_line(night)
    return outcome
