"""Asks fal's request history, before a purchase, what was bought without this ledger."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import anyio

from batch.commands.batch import Batch
from batch.commands.messages import Say
from batch.core import states
from batch.core.gateway import Gateway, Gateways, ListedRequest, RequestHistory, Unclear
from batch.core.money import dollars
from batch.core.row import PendingRow
from batch.core.store import RequestTaken
from batch.job import Job
from batch.ledger.endpoints import endpoints_to_run
from batch.ledger.in_doubt import known_requests, open_everywhere
from batch.ledger.ledger import Ledger
from batch.ledger.recovery import all_pending, held_rows, hold, is_unasked, last_move, note_asked
from batch.manifest.fingerprint import defaults
from batch.reconcile.purchases import Purchases, WantedRow
from batch.reconcile.reconciler import LISTING_SECONDS
from batch.reports.outcome import counted

DAY = 86_400.0
NEW_LEDGER_DAYS, OLDEST_DAYS = 7, 30
"""How far back fal's records are read for a ledger that knows nothing, and at most: fal keeps inputs no longer."""
MARGIN = 3600.0
LOCAL_SECONDS = 6 * 3600.0
"""How far back for rows with images of this machine, which cannot be compared: shorter than from night to night."""
PAUSES, PAUSES_OF_NEW = (5.0, 5.0), (0.5,)
"""Seconds before the records are asked again that did not answer; a ledger that nothing ever left waits less."""
SHOWN = 20

Found = tuple[PendingRow, ListedRequest]


class Answered(NamedTuple):
    """What fal's records show of the rows about to be bought; `unread` where some of them could not be read."""

    found: list[Found]
    unread: Unclear | None = None


async def settle_bought_before(
    batch: Batch, ledger: Ledger, gateways: Gateways, now: float, say: Say, *, adopt: bool, buy: bool
) -> bool:
    """Holds the rows that fal's records show as bought, unless a person has said what to do with them.

    Args:
        adopt: they are taken over, those held by an earlier run too (`--adopt-known`).
        buy: they are bought again (`--buy-again`).

    Returns: whether any row stands otherwise now.
    """
    held = False
    if is_unasked(ledger):
        found, unread = Answered([]) if buy else await ask(batch, ledger, gateways, now)
        if unread:
            say(f"fal's records do not say what was bought before ({unread.reason}): this run goes by its ledger alone")
        if found:
            held = True
            hold_rows(ledger, found, now)
            if not adopt:
                for line in _told(batch, found):
                    say(line)
        if unread is None or unread.account:
            note_asked(ledger)
    return _decided(ledger, gateways, now, buy=buy) or held if adopt or buy else held


def _decided(ledger: Ledger, gateways: Gateways, now: float, *, buy: bool) -> bool:
    """Carries out a person's word on the rows that are held; whether there were any."""
    held = held_rows(ledger)
    with ledger.transaction():
        for row, request_id in held:
            if buy:
                ledger.apply(row, states.never_accepted(now))
            elif request_id and (ledger.book or not known_requests(ledger, [request_id], with_table=True)):
                gateway = gateways.at(ledger.endpoint_of(row))
                with suppress(RequestTaken):  # a living table has it: the row stays held
                    ledger.apply(row, states.found_at_fal(now, gateway.built_receipt(request_id)))
    return bool(held)


def hold_rows(ledger: Ledger, found: Sequence[Found], now: float) -> None:
    """None of these rows is bought until a person says so."""
    with ledger.transaction():
        for row, request in found:
            hold(ledger, row.row, row.price, request.request_id, _message(request), now)


async def ask(batch: Batch, ledger: Ledger, gateways: Gateways, now: float) -> Answered:
    """The rows about to be bought of which fal's records show a request that no ledger here knows.

    Each endpoint has records of its own; where some cannot be read, the others still count.
    """
    last = last_move(ledger)
    since = now - NEW_LEDGER_DAYS * DAY if last is None else max(last - MARGIN, now - OLDEST_DAYS * DAY)
    found: list[Found] = []
    unread: Unclear | None = None
    for endpoint in endpoints_to_run(ledger):
        history = await _history(gateways.at(endpoint), since, PAUSES_OF_NEW if last is None else PAUSES)
        if isinstance(history, Unclear):
            unread = history
        else:
            found += _bought(batch, ledger, endpoint, history, now)
    return Answered(sorted(found, key=lambda one: one[0].place), unread)


def _bought(batch: Batch, ledger: Ledger, endpoint: str, history: RequestHistory, now: float) -> list[Found]:
    # In this order: what a run beside this one has sent meanwhile is open there, or has its receipt by the next line.
    doubts = open_everywhere(ledger, endpoint)
    known = known_requests(ledger, [one.request_id for one in history.items], with_table=True)
    unclaimed = [one for one in history.items if one.request_id not in known]
    if not unclaimed:
        return []
    job = batch.manifest.jobs.at(endpoint)
    purchases = Purchases(unclaimed, doubts, defaults(job), now - LOCAL_SECONDS)
    pending = {row.row: row for row in all_pending(ledger) if row.endpoint == endpoint}
    return [(pending[one.row], request) for one, request in purchases.of(_wanted(batch, job, pending.values()))]


async def _history(gateway: Gateway, since: float, pauses: Sequence[float]) -> RequestHistory | Unclear:
    """A question that no answer came to is asked again: before a purchase there is time."""
    history = await _asked(gateway, since)
    for pause in pauses:
        if isinstance(history, RequestHistory) or history.account:
            break
        await anyio.sleep(pause)
        history = await _asked(gateway, since)
    return history


async def _asked(gateway: Gateway, since: float) -> RequestHistory | Unclear:
    with anyio.move_on_after(LISTING_SECONDS):
        return await gateway.request_history(since)
    return Unclear("they take too long")


def _wanted(batch: Batch, job: Job, pending: Iterable[PendingRow]) -> Iterator[WantedRow]:
    for row in pending:
        local = frozenset(name for name in job.local if _is_local(batch, row, name))
        yield WantedRow(row.row, row.arguments, local)


def _is_local(batch: Batch, row: PendingRow, name: str) -> bool:
    value = row.arguments.get(name) or ""
    return any(batch.manifest.local(cell) is not None for cell in (value if isinstance(value, list) else [value]))


def _message(request: ListedRequest) -> str:
    return f"fal's records show an equal request, {request.request_id}, which no ledger here knows"


def _told(batch: Batch, found: list[Found]) -> list[str]:
    price = dollars(sum(row.price or 0 for row, _ in found))
    lines = [f"  row {row.number}: {request.request_id}" for row, request in found[:SHOWN]]
    lines += [f"  … and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    jobs = batch.manifest.jobs
    blind = any(_is_local(batch, row, name) for row, _ in found for name in jobs.at(row.endpoint).local)
    return [
        f"{counted(len(found))} for {price} seem to have been bought before, by a ledger that is not here: "
        "fal's records show equal requests. They are not bought now:",
        *lines,
        *(["(images of this machine were not compared: each upload has another address)"] if blind else []),
        f"next: {batch.run_command} --adopt-known   (takes the videos over; --buy-again in its place pays again)",
    ]
