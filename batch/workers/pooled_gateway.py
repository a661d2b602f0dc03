"""Plays the gateway with workers, and says what a call means that a worker gave no answer to."""

import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import Any

import anyio

from batch.core.gateway import (
    START_TIMEOUT,
    Accepted,
    AccountRefused,
    CancelAnswer,
    CollectAnswer,
    Finished,
    InDoubt,
    NotSent,
    PollAnswer,
    PrepareAnswer,
    Receipt,
    Refused,
    RequestHistory,
    SubmitAnswer,
    Throttled,
    Unclear,
    UnitPrice,
)
from batch.errors import UsageError
from batch.job import Arguments
from batch.workers.calls import BEGIN_SECONDS, REPLY_SECONDS, WorkerLost
from batch.workers.pool import Asked, WorkerPool

TIMES_ASKED = 2
"""To how many workers a question is put in one go: it may be asked again, a purchase may not."""


class PooledGateway:
    """The gateway of a run whose calls are made by workers.

    Args:
        prepare: has the local images of a row uploaded.
        built_receipt: makes the receipt of a request of which only the id is known.
        clock: seconds since 1970, as the pool's.
        endpoint: of the model that the workers know; "": that is looked after elsewhere.
    """

    def __init__(
        self,
        pool: WorkerPool,
        prepare: Callable[[Arguments], Awaitable[PrepareAnswer]],
        built_receipt: Callable[[str], Receipt],
        clock: Callable[[], float],
        endpoint: str = "",
    ) -> None:
        self._pool = pool
        self._prepare = prepare
        self._built_receipt = built_receipt
        self._clock = clock
        self._endpoint = endpoint
        self._run = secrets.token_hex(8)
        self._numbers = count(1)

    def at(self, endpoint: str) -> "PooledGateway":
        """Itself: workers know the table's own model, and make no calls for another."""
        if self._endpoint and endpoint not in ("", self._endpoint):
            raise UsageError(f"workers make no calls for {endpoint}: a table of several models is run without --on")
        return self

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        """As the gateway's; what a worker did not finish was not sent."""
        return await self._prepare(arguments)

    async def submit(self, arguments: Arguments, start_timeout: float = START_TIMEOUT) -> SubmitAnswer:
        """At most one POST, by at most one worker: one that gives no answer may have sent it."""
        began = self._clock()
        member = await self._pool.choose(submit=True)
        if member is None:
            return NotSent(self._pool.nobody)
        token, latest = f"{self._run}-{next(self._numbers)}", began + BEGIN_SECONDS + member.ahead
        asked = self._pool.begin(member, "submit", token, arguments, start_timeout, latest, submit=True)
        with anyio.move_on_after(REPLY_SECONDS):
            await asked.done.wait()
        if not asked.done.is_set():
            return InDoubt(f"{member.title} gave no answer in {REPLY_SECONDS:.0f} s", partial(_late_receipt, asked))
        if asked.lost is not None:
            return InDoubt(f"{member.title} was lost ({asked.lost}) before it answered")
        match asked.answer:
            case Accepted() as answer:
                member.accepted += 1
                self._pool.note("submitted", member, answer.receipt.request_id)
                return answer
            case NotSent() | Throttled() | Refused() | AccountRefused() | InDoubt() as answer:
                return answer
            case _:
                return InDoubt(f"{member.title} gave an answer of no known kind")

    async def poll(self, receipt: Receipt) -> PollAnswer:
        """As the gateway's; no answer says nothing about the row."""
        answer: PollAnswer = await self._ask("poll", receipt)
        return answer

    async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer:
        """Likewise."""
        answer: CollectAnswer = await self._ask("collect", receipt, finished)
        return answer

    async def cancel(self, receipt: Receipt) -> CancelAnswer:
        """Likewise; to take back what is taken back already does no harm."""
        answer: CancelAnswer = await self._ask("cancel", receipt)
        return answer

    async def request_history(self, since: float) -> RequestHistory | Unclear:
        """Likewise."""
        answer: RequestHistory | Unclear = await self._ask("request_history", since)
        return answer

    async def unit_price(self) -> UnitPrice | Unclear:
        """Likewise."""
        answer: UnitPrice | Unclear = await self._ask("unit_price")
        return answer

    def built_receipt(self, request_id: str) -> Receipt:
        """The receipt of a request of which only the id is known."""
        return self._built_receipt(request_id)

    async def _ask(self, name: str, *arguments: Any) -> Any:
        for _ in range(TIMES_ASKED):
            try:
                return await self._pool.ask(name, *arguments)
            except WorkerLost as lost:
                reason = str(lost)
        return Unclear(reason)


async def _late_receipt(asked: Asked) -> Receipt | None:
    """Of a worker that was taken for dead: nothing else that it says counts any more."""
    await asked.done.wait()
    return asked.answer.receipt if isinstance(asked.answer, Accepted) else None
