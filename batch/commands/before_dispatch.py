"""What a run does before it dispatches: settles earlier purchases, tells the price, makes settings."""

from collections.abc import Callable
from functools import partial

import anyio
from anyio import current_time

from batch.account.book import AccountBook
from batch.commands.batch import Batch
from batch.commands.caps import Caps
from batch.commands.manifest_watch import ManifestWatch
from batch.commands.messages import Say
from batch.commands.slot_sharing import slots_before
from batch.core.gateway import Gateways, Unclear, UnitPrice
from batch.core.money import dollars
from batch.core.run_options import RunOptions
from batch.dispatch.settings import Settings
from batch.errors import UsageError
from batch.fal.pricing import difference, live_prices
from batch.job import Job
from batch.ledger.endpoints import endpoints_to_run
from batch.ledger.ledger import Ledger
from batch.ledger.summary import LedgerSummary, summarize, takes_of_first
from batch.ledger.twins import find_twins, told_twins
from batch.reports.outcome import counted

PRICE_SECONDS = 2.0
"""How long fal's price of today is waited for; without it the published one counts."""


async def settle_before(
    batch: Batch,
    ledger: Ledger,
    summary: LedgerSummary,
    book: AccountBook | None,
    gateways: Gateways,
    options: RunOptions,
    now: Callable[[], float],
    say: Say,
) -> LedgerSummary:
    """What was bought before, as the account's book and fal's records show; where the batch stands then."""
    adopt, buy = options.adopt_known, options.buy_again
    changed = book is not None and book.taken_over > 0
    if summary.to_run or adopt or buy:
        from batch.commands.bought_before import settle_bought_before  # only where something is bought
        from batch.commands.known_purchases import settle_known_purchases

        if book:
            settle = partial(settle_known_purchases, batch, ledger, book, gateways, now(), say, adopt=adopt, buy=buy)
            changed |= await anyio.to_thread.run_sync(settle)  # it waits for the other runs of the account
        changed |= await settle_bought_before(batch, ledger, gateways, now(), say, adopt=adopt, buy=buy)
    return summarize(ledger) if changed else summary


async def announce_price(
    batch: Batch, ledger: Ledger, summary: LedgerSummary, gateways: Gateways, caps: Caps, say: Say
) -> LedgerSummary:
    """Before anything is spent: fal's price of today where nobody said another and fal tells it soon."""
    for note in batch.notes:
        say(f"note: {note}")
    jobs = [batch.manifest.jobs.at(one) for one in endpoints_to_run(ledger)]
    asked = [job for job in jobs if not batch.price_told_of(job)]
    told: dict[str, UnitPrice | Unclear] = {}
    with anyio.move_on_after(PRICE_SECONDS):
        async with anyio.create_task_group() as tasks:
            for job in asked:
                tasks.start_soon(_ask_price, gateways, job, told, name="price")
    for job in asked:
        if changed := _reprice(ledger, job, told.get(job.endpoint), named=len(jobs) > 1):
            say(changed)
    summary = summarize(ledger) if any(isinstance(one, UnitPrice) for one in told.values()) else summary
    for line in told_twins([] if ledger.marks.only else find_twins(ledger)):
        say(line)
    say(caps.announced(ledger, summary, batch.manifest.jobs))
    if short := caps.short_of_time(batch.typical_seconds):
        say(short)
    if caps.options.stop_after and (error_type := ledger.stopped_for()):
        say(f"an earlier run stopped for {error_type}: one row is tried before the rest, until one succeeds")
    return summary


async def _ask_price(gateways: Gateways, job: Job, told: dict[str, UnitPrice | Unclear]) -> None:
    told[job.endpoint] = await gateways.at(job.endpoint).unit_price()


def _reprice(ledger: Ledger, job: Job, told: UnitPrice | Unclear | None, *, named: bool) -> str | None:
    """A model's rows take fal's price of today, where it is told and understood; what to say of it."""
    if not isinstance(told, UnitPrice):
        return None
    whose = f"{job.name}: " if named else ""
    live = live_prices(job, told)
    if live is None:
        unit = f"{told.amount} {told.currency} a {told.unit}"
        return f"{whose}fal's price is now {unit}: not understood, so the published one counts"
    ledger.reprice(job, live)
    changed = difference(job, live)
    return None if changed is None else whose + changed


def require_agreed(summary: LedgerSummary, agreed: int | None) -> None:
    """Refuses to buy for more than a person has agreed to.

    Raises:
        UsageError: it costs more by now, or nobody knows what.
    """
    if agreed is not None and (summary.to_run_price > agreed or summary.unpriced):
        now = "a price that is not known" if summary.unpriced else dollars(summary.to_run_price)
        raise UsageError(
            f"it costs {now} by now, and {dollars(agreed)} was agreed: nothing was bought. Ask again, or say --yes"
        )


def videos_to_make(ledger: Ledger, summary: LedgerSummary, limit: int | None) -> int:
    """How many this run comes to, with those under way."""
    new = summary.to_make if limit is None or limit >= summary.to_run else takes_of_first(ledger, limit)
    return new + summary.at_fal + summary.more_takes_under_way


def settings_of(
    batch: Batch,
    ledger: Ledger,
    book: AccountBook | None,
    summary: LedgerSummary,
    caps: Caps,
    watch: ManifestWatch,
    *,
    now: Callable[[], float],
    rand: Callable[[], float],
) -> Settings:
    """How the dispatcher is to go about it.

    Raises:
        UsageError: a budget is to be kept, and the price of a row is not known.
    """
    options, budget = caps.options, caps.budget
    if (budget.capped or options.max_spend_account) and summary.unpriced:
        raise UsageError(
            f"the price of {counted(summary.unpriced)} is not known, so no budget can be kept: give it with --price"
        )
    return Settings(
        options=options,
        now=now,
        rand=rand,
        typical_seconds=batch.typical_seconds,
        slots_before=slots_before(book),
        rows=videos_to_make(ledger, summary, options.limit),
        in_rows=not (summary.more_takes or summary.more_takes_under_way),
        group_of=batch.group_of,
        typical_of=batch.typical_of,
        budget=budget,
        deadline=current_time() + (float("inf") if options.max_seconds is None else options.max_seconds),
        may_submit=watch.may_submit,
    )
