"""Submits one row: its intent, the POST and what came of it, each on disk before the next."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import anyio
from anyio import current_time

from batch.core import states
from batch.core.gateway import Gateways, InDoubt, SubmitAnswer
from batch.core.money import Cap
from batch.core.row import PendingRow
from batch.core.store import ClaimRefused, RequestTaken, RowStore
from batch.dispatch import transitions
from batch.dispatch.settings import Settings
from batch.dispatch.stopping import Stop
from batch.dispatch.transitions import SubmitOutcome
from batch.job import Arguments, encoded
from batch.pacing.poller import Poller


class Posted(NamedTuple):
    """A POST that left, or may have: what came of it, and a time when it had not left yet."""

    outcome: SubmitOutcome
    start_timeout: float
    """Seconds after `sent` when fal gives it up, if no runner has started it."""
    sent: float
    intent_at: float
    """As the ledger has it."""


@dataclass(frozen=True, slots=True)
class NoRoom:
    """A cap has none: nothing was sent."""

    cap: Cap


class Submission:
    """The only way of a row to fal.

    Args:
        poller: tells how long a request submitted now will take at most, and how long it may wait.
        stop: told why nothing more is to be submitted.
        claimed: called as soon as an intent is on disk: from then on its price counts.
    """

    def __init__(
        self,
        store: RowStore,
        gateways: Gateways,
        settings: Settings,
        poller: Poller,
        *,
        stop: Callable[[Stop], None],
        claimed: Callable[[], None],
    ) -> None:
        self._store = store
        self._gateways = gateways
        self._settings = settings
        self._poller = poller
        self._stop = stop
        self._claimed = claimed

    async def post(self, pending: PendingRow, arguments: Arguments) -> Posted | NoRoom | None:
        """None where the row is not to be submitted in this run."""
        if current_time() + self._poller.longest() > self._settings.deadline:
            self._stop(Stop("time", "stopped submitting: what is submitted now could not be home in time"))
            return None
        if not await self._still_wanted(pending):
            return None
        gateway = self._gateways.at(pending.endpoint)
        # From the intent to the receipt nothing may come between: a reply that is not written down is lost.
        with anyio.CancelScope(shield=True):
            different = None if arguments == pending.arguments else encoded(arguments)
            start_timeout = self._poller.start_deadline.seconds
            intent = states.claimed(self._settings.now(), different, pending.price, start_timeout)
            try:
                reached = await self._store.claim(pending.row, intent, self._settings.budget)
            except ClaimRefused as refused:
                self._stop(Stop("book", f"stopped submitting: {refused}; what is under way is brought home"))
                return None
            if reached:
                return NoRoom(reached)
            self._claimed()
            sent = current_time()
            outcome = await self._record(pending.row, await gateway.submit(arguments, start_timeout))
        return Posted(outcome, start_timeout, sent, intent.at)

    async def _record(self, row: int, answer: SubmitAnswer) -> SubmitOutcome:
        """What came of a POST, on disk; a receipt that is another request's is as good as none."""
        outcome = transitions.of_submit(answer, self._settings.now())
        try:
            await self._store.apply(row, outcome.transition)
        except RequestTaken as taken:
            outcome = transitions.of_submit(InDoubt(str(taken)), self._settings.now())
            await self._store.apply(row, outcome.transition)
        return outcome

    async def _still_wanted(self, pending: PendingRow) -> bool:
        """A row that is not waits, as it is, for the next run to read the manifest."""
        wanted = await self._settings.may_submit(pending)
        if isinstance(wanted, Stop):
            self._stop(wanted)
        return wanted is True
