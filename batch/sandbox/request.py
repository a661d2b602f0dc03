"""Defines an accepted request and its states, and what the queue answers about it."""

import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from batch.sandbox.outcomes import JSON, Outcome


class State(StrEnum):
    """The three states there are (fal docs)."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"


class UnknownEndpoint(LookupError):
    """No such endpoint: nothing was accepted."""


class UnknownRequest(LookupError):
    """No request of that id."""


@dataclass(slots=True, eq=False)
class Request:
    """One accepted request. Times are unix seconds; `held` runs end only when released: their video is being made."""

    id: str
    number: int
    endpoint: str
    input: JSON
    sent_at: float
    run_seconds: float
    outcome: Outcome
    restarts: int
    held: bool
    queue_seconds: float = 0.0
    """So long it waits though slots are free."""
    wait_takes_slot: bool = False
    """It has its slot meanwhile."""
    starting: bool = False
    """It has its slot, and its runner is not there yet."""
    started_at: float | None = None
    ended_at: float | None = None
    overdue: bool = False

    @property
    def line_ends_at(self) -> float:
        """When no request of others is before it."""
        return self.sent_at + (0.0 if self.wait_takes_slot else self.queue_seconds)

    @property
    def code(self) -> int:
        return self.outcome.code

    @property
    def state(self) -> State:
        if self.ended_at is not None:
            return State.COMPLETED
        return State.IN_QUEUE if self.started_at is None else State.IN_PROGRESS


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A request as a status read shows it; `position` only while IN_QUEUE (0 is next)."""

    request: Request
    state: State
    position: int | None


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status, a body and headers: what a result or a cancel is answered with."""

    code: int
    body: JSON
    headers: Mapping[str, str]


def request_ids(seed: int) -> Iterator[str]:
    """UUIDs, the same ones for the same seed."""
    source = random.Random(seed)  # noqa: S311  (names of simulated requests, not secrets)
    while True:
        yield str(uuid.UUID(int=source.getrandbits(128), version=4))
