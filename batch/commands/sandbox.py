"""`sandbox`: a run against the service played on this machine, or that service on its own."""

import os
import textwrap
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio

from batch.commands import signals
from batch.commands.batch import SANDBOX_RUN_SECONDS, Batch
from batch.core.gateway import Gateways
from batch.core.paths import sandbox_home
from batch.errors import UsageError

SLOTS = 10


@asynccontextmanager
async def connect_sandbox(batch: Batch) -> AsyncIterator[Gateways]:
    """The gateways to a sandbox of the manifest's own, which goes on where an earlier one was killed.

    Raises:
        MissingExtra: the sandbox is not installed.
    """
    from batch.sandbox import Faults, Queue, Recording, request_ids, serve
    from batch.sandbox.media import Makes
    from batch.sandbox.models import DOLLARS_PER_SECOND, PRO, refusals
    from batch.sandbox.played import SUFFIXES, TYPES, preview, refusals_of, result_of

    require_extra()
    jobs = batch.manifest.jobs
    endpoints = {job.endpoint for job in batch.at_work or [batch.manifest.job]}
    faults = Faults.parse(batch.faults)
    folder = sandbox_home(batch.manifest.path)
    videos = folder / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    queue = Queue(
        *(SLOTS, SANDBOX_RUN_SECONDS),
        ids=request_ids(_seed()),
        recording=Recording(folder),
        endpoints={*DOLLARS_PER_SECOND, *endpoints},
        refuse=lambda endpoint, given: refusals(given) if endpoint == PRO else refusals_of(jobs.at(endpoint), given),
    )

    @cache
    def makes(endpoint: str) -> Makes:
        job = jobs.at(endpoint)
        return Makes(SUFFIXES[job.makes], TYPES[job.makes], partial(result_of, job.makes), preview(job))

    async with serve(
        queue, folder=folder, faults=faults, render=preview(batch.manifest.job), media_base=videos, makes=makes
    ) as address:
        with _pointed_at(address.environment()):
            async with _gateways(batch, address.environment()) as gateways:
                yield gateways


def _gateways(batch: Batch, environment: dict[str, str]) -> AbstractAsyncContextManager[Gateways]:
    if batch.fleet:
        from batch.commands.on_cluster import connect_workers

        return connect_workers(batch, batch.fleet, played=environment)
    from batch.fal.client import FalGateway  # reads the environment
    from batch.manifest.upload_forms import upload_form

    return FalGateway(
        batch.manifest.job,
        local=batch.manifest.local,
        played=True,
        form=upload_form,
        lifecycle=batch.keep,
        logs=batch.logs,
        job_at=batch.manifest.jobs.at,
    )


def require_extra() -> None:
    """Raises MissingExtra at once: not after the first request."""
    lacking = [name for name in ("av", "numpy", "starlette", "trustme", "uvicorn") if find_spec(name) is None]
    if lacking:
        from batch.sandbox.extra import lacking_extra

        raise lacking_extra(lacking)


def fault_help() -> str:
    """What can be said of a fault, and every name that a run can end in."""
    from batch.sandbox import faults
    from batch.sandbox.outcomes import names

    described = (faults.__doc__ or "").partition("\n\n")[2]
    outcomes = textwrap.fill(f"Outcomes: {' '.join(names())}", 100, subsequent_indent="  ", break_long_words=False)
    return f"{described}\n{outcomes}\nA prompt that holds [[OUTCOME]] ends so; [[OUTCOME*2]] the first two times only."


def with_faults(batch: Batch, faults: Iterable[str]) -> Batch:
    """A rehearsal in which these things go wrong, told before anything is begun.

    Raises:
        UsageError: a fault that cannot be meant, or none of a rehearsal.
    """
    from batch.sandbox import Faults

    text = " ".join(faults)
    if text and not batch.sandbox:
        raise UsageError("--fault: the real service has its own; give --sandbox, too")
    Faults.parse(text)
    return replace(batch, faults=text)


def _seed() -> int:
    """Fresh request ids each time: those of an earlier sandbox may still be in the ledger."""
    return int.from_bytes(os.urandom(8), "big")


@contextmanager
def _pointed_at(environment: dict[str, str]) -> Iterator[None]:
    """This process reaches the sandbox and nothing else, whatever its proxies and key are; it has them again after.

    A program may rehearse a table and then run it, and messages go out when a rehearsal is over.
    """
    names = {name for name in os.environ if name.upper() in _OTHER_WAYS} | environment.keys()
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


_OTHER_WAYS = frozenset(
    {
        "ALL_PROXY",
        "FAL_FORCE_AUTH_BY_USER",
        "FAL_KEY_ID",
        "FAL_KEY_SECRET",
        "FAL_QUEUE_RUN_HOST",
        "FAL_RUN_HOST",
        "HTTP_PROXY",
        "SSL_CERT_DIR",
    }
)


def serve_alone(
    port: int,
    slots: int,
    run_seconds: float,
    folder: Path | None,
    faults: Iterable[str],
    history: Mapping[str, Any],
    *,
    queue_seconds: float,
) -> None:
    """Serves until interrupted (KeyboardInterrupt); prints the environment that points a fal client here.

    Args:
        history: how the request history behaves (`batch.sandbox.History`).

    Raises:
        UsageError: a fault that cannot be meant, or a port that is taken.
        MissingExtra: the sandbox is not installed.
    """
    from batch.sandbox import History, standalone
    from batch.sandbox.render import render

    require_extra()

    faults_text, settings = " ".join(faults), History(**history)

    async def serve() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_signal, tasks.cancel_scope, name="signals")
            await standalone.serve_alone(
                port,
                slots,
                run_seconds,
                folder,
                faults_text,
                queue_seconds=queue_seconds,
                history=settings,
                render=render,
            )

    try:
        anyio.run(serve)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    raise KeyboardInterrupt


async def _until_signal(scope: anyio.CancelScope) -> None:
    """What it has on the disk is put away before it ends."""
    with signals.listening() as first_signal:
        await first_signal()
        scope.cancel()
