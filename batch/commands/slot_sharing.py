"""Shares the account's slots with the other runs at work, and hands on what was learnt of them."""

import anyio

from batch.account.book import AccountBook
from batch.account.learnt import NOTED_SECONDS, end_run, learn, learnt, note_run, other_runs
from batch.core.fair_share import RunAtWork, fair_share
from batch.dispatch.dispatcher import Dispatcher
from batch.ledger.async_ledger import AsyncLedger
from batch.ledger.ledger import Ledger, booking


def slots_before(book: AccountBook | None) -> int | None:
    """How many requests fal ran at once for an earlier run of this account and endpoint, where that is known."""
    if not book:
        return None
    with booking():
        found = learnt(book)
    return found.running if found else None


async def share_slots(dispatcher: Dispatcher, store: AsyncLedger, ledger: Ledger, book: AccountBook) -> None:
    """Until cancelled: notes how this run stands, and leaves the others theirs; no longer where the book is lost."""
    try:
        while True:
            await store.call(lambda: _note(dispatcher, ledger, book))
            await anyio.sleep(NOTED_SECONDS)
    finally:
        with anyio.CancelScope(shield=True):
            await store.call(lambda: _end(ledger, book))


def _note(dispatcher: Dispatcher, ledger: Ledger, book: AccountBook) -> None:
    demand = dispatcher.demand
    if ledger.book is not book:
        dispatcher.hold_to(None)
        return
    with booking():
        note_run(book, demand.in_air, demand.waiting, hungry=demand.hungry)
        others = other_runs(book)
        if demand.slots and not others:  # of several runs each knows its own part only
            learn(book, demand.slots, demand.wait_seconds)
    dispatcher.hold_to(fair_share(RunAtWork(book.ledger, demand.in_air, demand.waiting, demand.hungry), others))


def _end(ledger: Ledger, book: AccountBook) -> None:
    if ledger.book is book:
        with booking():
            end_run(book)
