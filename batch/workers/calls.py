"""What a worker is told, what it tells of itself, and how long it is waited for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from batch.core.object_lifecycle import ObjectLifecycle
from batch.job import Job

SUBMITS_EACH = 4
"""Submits that one worker has in the air at most: so many rows are in doubt when it dies."""
CHOOSE_SECONDS = 15.0
"""So long a call waits for a worker that is free."""
BEGIN_SECONDS = 45.0
"""A POST leaves no later than this after it was asked for, whatever held it up: a worker that was frozen lets it be.

With the longest wait for a reply (`fal/client.py`) it stays below the time in which reconciling expects a POST to
arrive (`reconcile/timeline.py`).
"""
REPLY_SECONDS = 110.0
"""So long the answer to a submit is waited for: then its row is in doubt, and the answer counts whenever it comes."""
ASK_SECONDS = 45.0
"""So long that to a question is."""
PREPARE_SECONDS = 660.0
"""And that to an upload."""
WORKERS_MOST = 1000


class WorkerLost(Exception):
    """A worker gives no answer to a call, and may have done anything: died, or never begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """What a worker has to know to do calls for one run; nothing of it is secret."""

    job: Job
    played: str | None = None
    """The folder of the service that is played on this machine; None: the real one."""
    lifecycle: ObjectLifecycle | None = None
    logs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """What a worker tells of itself as it begins."""

    host: str
    pid: int
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of what has to be the same everywhere: name → version."""
    trouble: str = ""
    """Why it cannot work, where it cannot."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """A worker is alive: what its clock shows, and whether its machine is about to go."""

    clock: float
    draining: bool = False


@dataclass(frozen=True, slots=True)
class MediaHead:
    """The head of a reply with media, without its body; see `MediaReply`."""

    status: int
    start: int
    total: int | None
    validator: str | None
    media_type: str


@dataclass(frozen=True, slots=True)
class MediaFault:
    """Why media could not be fetched; `refused` where another try would be in vain."""

    message: str
    refused: bool = False


class RemoteWorker(Protocol):
    """A worker from afar. Its calls are the methods of `RowWorker`, by name."""

    @property
    def host(self) -> str:
        """The machine that it is on."""

    async def call(self, name: str, *arguments: Any) -> Any:
        """Done at most once. Raises WorkerLost: nobody knows whether it was done."""


class WorkerHost(Protocol):
    """Where workers are started."""

    async def start(self, name: str) -> RemoteWorker:
        """A new one, ready for calls.

        Raises:
            WorkerLost: not now, for a reason that may pass.
            UsageError: none can be, until a person mends something.
        """

    async def stop(self, worker: RemoteWorker) -> None:
        """It is not needed any more, or taken for dead."""


def versions_apart(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Which versions are not the same, in words; empty where all are."""
    apart = [
        f"{name} {there.get(name, 'none')} there and {version} here"
        for name, version in here.items()
        if there.get(name) != version
    ]
    return ", ".join(apart)
