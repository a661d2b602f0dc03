"""Reconciles rows in doubt with fal's request history, and says how long a run waits for it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from math import inf

import anyio

from batch.core import states
from batch.core.gateway import Gateways, RequestHistory, Unclear
from batch.core.row import InDoubtRow
from batch.core.store import RequestTaken, RowStore
from batch.reconcile.evidence import Verdicts, earliest, merged, reconcile, strangers

LISTING_SECONDS = 120.0
"""The longest that one look at the records may take; a run starts with one."""
BUSY_SECONDS = 60.0
"""How often rows in doubt are looked up while others are under way."""
IDLE_SECONDS, IDLE_SHARE = 5.0, 0.05
"""The same with nothing else to do: at first, and as a share of the time waited so far."""
LEAST_PATIENCE = 20.0
PROOF_MARGIN = 900.0
"""How long after the last start deadline a listing may still catch up."""
UNREADABLE_TIMES = 3
"""After so many looks at unreadable records, a run does not wait for them any longer."""


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Settles what fal's records allow.

    Args:
        now: seconds since 1970.
        start_timeout: the start deadline, in seconds, of rows whose own is not known.
    """

    store: RowStore
    gateways: Gateways
    now: Callable[[], float]
    start_timeout: float

    async def round(self) -> Verdicts | Unclear:
        """One look at the records of each endpoint; what it settles is in the ledger when it returns.

        The records of one endpoint say nothing of rows of another.
        """
        rows = [row for row in await self.store.in_doubt_rows() if not row.open_elsewhere]
        histories: dict[str, RequestHistory | Unclear] = {}
        async with anyio.create_task_group() as tasks:
            for endpoint, group in groupby(sorted(rows, key=_endpoint), key=_endpoint):
                tasks.start_soon(self._read, endpoint, earliest(group), histories, name="request history")
        settled = [
            history if isinstance(history, Unclear) else await self._settle(endpoint, history)
            for endpoint, history in sorted(histories.items())
        ]
        unread = [one for one in settled if isinstance(one, Unclear)]
        if unread and len(unread) == len(settled):
            return unread[0]
        return merged([one for one in settled if isinstance(one, Verdicts)], [one.reason for one in unread])

    async def _read(self, endpoint: str, since: float, histories: dict[str, RequestHistory | Unclear]) -> None:
        histories[endpoint] = Unclear("fal's request history takes too long")
        with anyio.move_on_after(LISTING_SECONDS):
            histories[endpoint] = await self.gateways.at(endpoint).request_history(since)

    async def _settle(self, endpoint: str, history: RequestHistory) -> Verdicts:
        # What is sent meanwhile, here or by another run, may be listed already.
        rows = [row for row in await self.store.in_doubt_rows() if _may_be_at(row, endpoint)]
        own = await self.store.known_requests([one.request_id for one in history.items])
        sent = await self.store.requests_since_doubt(endpoint)
        others = await self.store.asked_by_others([one.input for one in strangers(rows, history, own)])
        verdicts = reconcile(rows, history, own, sent, self.now(), self.start_timeout, others=others)
        for row, request_id in list(verdicts.found.items()):
            receipt = self.gateways.at(endpoint).built_receipt(request_id)
            try:
                await self.store.apply(row, states.found_at_fal(self.now(), receipt))
            except RequestTaken:  # meanwhile, by the reply to another row's POST
                del verdicts.found[row]
        for row in verdicts.absent:
            await self.store.apply(row, states.never_accepted(self.now()))
        return verdicts


def _endpoint(row: InDoubtRow) -> str:
    return row.endpoint


def _may_be_at(row: InDoubtRow, endpoint: str) -> bool:
    """Of one that is open elsewhere it may not be known where: its digest is equal to none of another endpoint."""
    return row.endpoint == endpoint or (row.open_elsewhere and not row.endpoint)


@dataclass(slots=True)
class Patience:
    """How long a run goes on for nothing but rows in doubt, and how often it looks.

    As long as it has taken so far, 20 s at least: a night is worth an hour's wait for a proof, a trial of three
    rows is not. What fal lists later, the next run finds. Times are seconds on the caller's clock.
    """

    start_timeout: float
    began: float = 0.0
    in_doubt: int = 0
    """Rows in doubt still."""
    _unreadable: int = 0
    _idle_since: float = inf

    def looked(self, verdicts: Verdicts | Unclear, in_doubt: int) -> None:
        """After each look: what it brought, and how many rows are in doubt still."""
        self.in_doubt = in_doubt
        if isinstance(verdicts, Unclear):
            self._unreadable += UNREADABLE_TIMES if verdicts.account else 1
        else:
            self._unreadable = 0

    def lasts(self, now: float, *, busy: bool) -> bool:
        """Whether rows in doubt are worth going on for."""
        if busy:
            self._idle_since = inf
        elif self._idle_since == inf:
            self._idle_since = now
        if not self.in_doubt or self._unreadable >= UNREADABLE_TIMES:
            return False
        longest = min(max(LEAST_PATIENCE, self._idle_since - self.began), self.start_timeout + PROOF_MARGIN)
        return busy or now - self._idle_since < longest

    def pause(self, now: float, *, busy: bool) -> float:
        """Seconds until the next look."""
        return BUSY_SECONDS if busy else min(BUSY_SECONDS, max(IDLE_SECONDS, IDLE_SHARE * (now - self._idle_since)))
