"""Runs a batch's calls to fal on workers of a cluster: `run --on`."""

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from batch.commands.batch import Batch
from batch.commands.media_sources import media_source
from batch.commands.messages import Say
from batch.core.gateway import Gateways, NotSent, Prepared
from batch.core.paths import sandbox_home
from batch.core.upload_book import UploadBook
from batch.errors import UsageError
from batch.fal.client import FalGateway
from batch.fal.credentials import find_credentials
from batch.fal.receipts import Receipts
from batch.fal.redact import Redactor, secrets_in
from batch.fal.uploads import UPLOADS_AT_ONCE, FailedElsewhere, UploadBody, Uploads
from batch.job import Job
from batch.manifest.upload_forms import upload_form
from batch.workers.calls import PREPARE_SECONDS, WorkerLost, WorkerPlan
from batch.workers.pool import Member, Note, WorkerPool
from batch.workers.pooled_gateway import PooledGateway
from batch.workers.ray_cluster import joined
from batch.workers.row_worker import RowWorker

if TYPE_CHECKING:
    from batch.commands.event_keeping import EventKeeper

SHOWN = 10
"""Workers of which it is told what they did, at most."""
LEAST_WORKERS = 2
"""Where nobody says how many: one for each node, and so many at least, so that there is one when another dies."""
OTHER_WAYS = ("ALL_PROXY", "FAL_FORCE_AUTH_BY_USER", "FAL_QUEUE_RUN_HOST", "FAL_RUN_HOST", "HTTP_PROXY", "SSL_CERT_DIR")
"""Ways to a service that a worker takes from its own machine, but for one that is played."""


@dataclass(slots=True)
class Fleet:
    """The workers of one run.

    Args:
        where: `ray`, or `ray://HOST:PORT`.
        size: how many; None: one for each node, and two at least.
        shared: a folder that all machines see under the same path.
    """

    where: str
    size: int | None = None
    shared: Path | None = None
    say: Say = field(default=lambda _: None)
    note: Note = field(default=lambda _what, _member, _request_id: None)
    pool: WorkerPool | None = None
    """While they are at work."""

    @asynccontextmanager
    async def at_work(self, plan: WorkerPlan, environment: Mapping[str, str]) -> AsyncIterator[WorkerPool]:
        """While the block runs.

        Args:
            environment: what the workers are to have of ours: the key, and the way to a service that is played.

        Raises:
            MissingExtra, UsageError: there is no Ray, no cluster or no worker.
        """
        async with joined(self.where, open_worker, plan, environment) as cluster:
            nodes = await cluster.nodes()
            size = self.size or max(LEAST_WORKERS, len(nodes))
            say, note = (lambda line: self.say(line)), (lambda *what: self.note(*what))
            async with WorkerPool(cluster, size, time.time, say, note).at_work() as pool:
                self.say(f"{size} worker{'' if size == 1 else 's'} on {hosts(pool)}")
                self.pool = pool
                try:
                    yield pool
                finally:
                    self.pool = None
                    for line in told(pool):
                        self.say(line)

    def told_by(self, say: Say, events: "EventKeeper | None", now: Callable[[], float]) -> None:
        """Where it is said, and noted, what the workers do."""
        self.say = say
        if events:
            self.note = partial(_noted, events, now)

    def is_shared(self, path: Path) -> bool:
        """Whether the other machines see a file where it stands."""
        return self.shared is not None and path.resolve().is_relative_to(self.shared.resolve())


def _noted(events: "EventKeeper", now: Callable[[], float], what: str, member: Member, request_id: str | None) -> None:
    told = {"worker": member.name, "host": member.remote.host, "what": what, "request_id": request_id}
    events.note("worker", now(), told)


def hosts(pool: WorkerPool) -> str:
    """Where the workers are."""
    names = sorted({member.remote.host for member in pool.members})
    return names[0] if len(names) == 1 else f"{len(names)} machines"


def told(pool: WorkerPool) -> list[str]:
    """Which worker did what, for a person."""
    every = [*pool.former, *pool.members]
    busy = [one for one in every if one.done]
    lines = [f"{one.title}: {one.accepted:,} submitted, {one.done:,} calls" for one in busy[:SHOWN]]
    if len(busy) > SHOWN:
        rest = busy[SHOWN:]
        accepted, done = sum(one.accepted for one in rest), sum(one.done for one in rest)
        lines.append(f"{len(rest):,} other workers: {accepted:,} submitted, {done:,} calls")
    return lines


@asynccontextmanager
async def open_worker(plan: WorkerPlan, environment: Mapping[str, str]) -> AsyncIterator[RowWorker]:
    """In a worker's own process: what it does its calls with.

    Raises:
        BatchError: the key, or what the machine's environment says of the way to fal, cannot be used.
    """
    take_environment(environment, alone=plan.played is not None)
    job, played = plan.job, plan.played is not None
    async with (
        FalGateway(
            job, local=_path, played=played, form=upload_form, lifecycle=plan.lifecycle, logs=plan.logs
        ) as gateway,
        media_source(Path(plan.played) if plan.played else None) as media,
    ):
        yield RowWorker(gateway, media, is_there=gateway.is_there)


def _path(cell: str) -> Path | None:
    """Local files are named to a worker by their paths, and by nothing else."""
    return Path(cell) if cell else None


def take_environment(environment: Mapping[str, str], *, alone: bool) -> None:
    """Has this process reach what the run reaches, with the run's key.

    Args:
        alone: it reaches a service that is played, and nothing else.
    """
    for name in ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"):
        os.environ.pop(name, None)
    if alone:
        for name in [name for name in os.environ if name.upper() in OTHER_WAYS]:
            del os.environ[name]
    os.environ.update(environment)


@asynccontextmanager
async def connect_workers(
    batch: Batch, fleet: Fleet, book: UploadBook | None = None, played: Mapping[str, str] | None = None
) -> AsyncIterator[Gateways]:
    """The gateway whose calls workers make.

    Args:
        book: what was uploaded before.
        played: the environment that points to the service played on this machine; None: the real one.

    Raises:
        MissingKey, MissingExtra, UsageError: it cannot be opened.
    """
    if played is not None and not _is_here(fleet.where):
        raise UsageError("--sandbox plays on this machine, where no other one reaches it: say --on ray with it")
    token = own_key()
    environment = played if played is not None else {"FAL_KEY": token}
    home = str(sandbox_home(batch.manifest.path)) if played is not None else None
    plan = WorkerPlan(job=batch.manifest.job, played=home, lifecycle=batch.keep, logs=batch.logs)
    redact = Redactor(secrets_in(token))
    async with fleet.at_work(plan, environment) as pool:
        remote = RemoteUploads(pool, batch.manifest.job, fleet.is_shared)
        uploads = Uploads(
            batch.manifest.job,
            batch.manifest.local,
            remote.upload,
            redact,
            is_there=remote.is_there,
            book=book,
            lifecycle=batch.keep,
            at_once=UPLOADS_AT_ONCE * len(pool.members),
        )
        receipts = Receipts(batch.manifest.job.endpoint, redact)
        yield PooledGateway(pool, uploads.prepare, receipts.built, time.time, batch.manifest.job.endpoint)


def _is_here(where: str) -> bool:
    host = where.removeprefix("ray://").rpartition(":")[0].strip("[]")
    return where == "ray" or host in ("127.0.0.1", "::1", "localhost")


def own_key() -> str:
    """The key that the workers get.

    Raises:
        UsageError: there is a login of fal's own in its place, which is this machine's.
    """
    credentials = find_credentials()
    if credentials.scheme.casefold() != "key":
        raise UsageError("--on needs a key, for fal's own login is this machine's only: set FAL_KEY")
    return credentials.token


class RemoteUploads:
    """Uploads that workers make: of bytes that travel to them, or of files that they see as well.

    Args:
        is_shared: whether they see a file where it stands.
    """

    def __init__(self, pool: WorkerPool, job: Job, is_shared: Callable[[Path], bool]) -> None:
        self._pool = pool
        self._job = job
        self._is_shared = is_shared

    async def upload(self, body: UploadBody) -> str:
        """The address of one file; what it goes up as is the worker's to make.

        Raises:
            FailedElsewhere: there is none, for a reason of the file's, the account's or the worker's.
        """
        if not isinstance(body.source, Path):
            raise TypeError("a file is read where it is uploaded")
        name = self._job.images[0] if body.picture else self._job.files[0]
        path = body.source.resolve()
        picture = path if self._is_shared(path) else await anyio.to_thread.run_sync(path.read_bytes)
        try:
            answer = await self._pool.ask("prepare", name, str(body.source), picture, seconds=PREPARE_SECONDS)
        except WorkerLost as lost:
            raise FailedElsewhere(NotSent(str(lost))) from lost
        if not isinstance(answer, Prepared):
            raise FailedElsewhere(answer)
        return str(answer.arguments[name])

    async def is_there(self, url: str) -> bool:
        """Whether a file that was uploaded is so still; where nobody says so it is uploaded anew."""
        try:
            return bool(await self._pool.ask("is_there", url))
        except WorkerLost:
            return False
