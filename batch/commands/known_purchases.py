"""Finds rows that the account's book shows as bought before: takes them over, or holds them."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from batch.account.book import AccountBook
from batch.account.purchase_records import BoughtBefore, bought, purchases_of, put_aside, take_open
from batch.account.registry import LedgerEntry, entry
from batch.commands.account_book import is_alive, same_table, take_over
from batch.commands.batch import Batch
from batch.commands.messages import Say
from batch.core.gateway import Gateways
from batch.core.money import dollars
from batch.core.states import State
from batch.ledger.booking import booked_row, row_number, wanted
from batch.ledger.ledger import Ledger
from batch.ledger.recovery import held_rows, hold
from batch.ledger.takes import is_old_take
from batch.reports.outcome import counted

SHOWN = 20


class KnownPurchase(NamedTuple):
    """A row about to be bought, what was bought for it before, and by which ledger."""

    row: int
    purchase: BoughtBefore
    by: LedgerEntry
    own: bool
    """Provably this table's."""


def settle_known_purchases(
    batch: Batch,
    ledger: Ledger,
    book: AccountBook,
    gateways: Gateways,
    now: float,
    say: Say,
    *,
    adopt: bool,
    buy: bool,
) -> bool:
    """Takes over what provably is this table's, and holds the rest unless a person has said what to do with it.

    Args:
        adopt: they are taken over, all of them.
        buy: they are bought again, all of them.

    Returns: whether any row stands otherwise now.
    """
    with ledger.transaction():
        book.begin()  # nobody else takes what is found meanwhile
        before = _unheld(ledger, book, purchases_of(book, (name for _, name in held_rows(ledger))))
        known = list(_known(batch, ledger, book))
        if buy:
            put_aside(book, [*before, *(one.purchase for one in known)])
            return False
        found = [*before, *(one.purchase for one in known)]
        book.may_take({one.request_id: (one.seq, one.ledger) for one in found if one.request_id})
        own = [one for one in known if adopt or one.own]
        others = [] if adopt else [one for one in known if not one.own]
        for one in own:
            if one.purchase.request_id is None:
                take_open(book, one.purchase, one.row)
            take_over(ledger, one.row, one.purchase, gateways, now)
        for one in others:
            message = f"bought before by {one.by.table}, which is not there any more"
            hold(ledger, one.row, one.purchase.price, one.purchase.request_id or "", message, now)
    if own:
        say(f"{_rows(ledger, own)} had been bought before, as the account's book shows: taken over, nothing was paid")
    if others:
        for line in _told(batch, ledger, others):
            say(line)
    return bool(known)


def _known(batch: Batch, ledger: Ledger, book: AccountBook) -> Iterator[KnownPurchase]:
    """Rows in the table's order, each with a purchase of its inputs that no living row holds.

    This table's own come first, then the newest.
    """

    @cache
    def by(n: int) -> LedgerEntry:
        return entry(book, n)

    @cache
    def own(n: int) -> bool:
        return n == book.ledger or same_table(batch, by(n))

    rows = wanted(ledger)
    unheld: dict[bytes, list[BoughtBefore]] = {}
    for purchase in _unheld(ledger, book, bought(book, rows.values())):
        unheld.setdefault(purchase.fingerprint, []).append(purchase)
    for purchases in unheld.values():
        purchases.sort(key=lambda one: (own(one.ledger), one.seq), reverse=True)
    for row, fingerprint in rows.items():
        purchases = unheld.get(fingerprint, [])
        if found := next((one for one in purchases if _may_be_of(ledger, row, one)), None):
            purchases.remove(found)
            yield KnownPurchase(row, found, by(found.ledger), own(found.ledger))


def _may_be_of(ledger: Ledger, row: int, purchase: BoughtBefore) -> bool:
    """A request that was ever a row's here is no other row's: who asks for its text anew gets a video anew.

    So does who asks for another take.
    """
    if purchase.request_id is None:
        return True
    return ledger.row_of(purchase.request_id) in (None, row) and not is_old_take(ledger, row, purchase.request_id)


def _unheld(ledger: Ledger, book: AccountBook, purchases: Iterable[BoughtBefore]) -> list[BoughtBefore]:
    @cache
    def alive(n: int) -> bool:
        return is_alive(entry(book, n))

    return [
        one for one in purchases if not (_held_here(ledger, one) if one.ledger == book.ledger else alive(one.ledger))
    ]


def _held_here(ledger: Ledger, purchase: BoughtBefore) -> bool:
    """Whether it is the current purchase of its row."""
    row = booked_row(ledger, purchase.row)
    if row is None or row.fingerprint != purchase.fingerprint or row.state is State.PENDING:
        return False
    return row.request_id == purchase.request_id if purchase.request_id else row.state is State.IN_DOUBT


def _told(batch: Batch, ledger: Ledger, known: list[KnownPurchase]) -> list[str]:
    tables = sorted({one.by.table for one in known})
    where = f"{tables[0]}{f' and {len(tables) - 1} other tables' if len(tables) > 1 else ''}"
    price = dollars(sum(one.purchase.price or 0 for one in known))
    ids = [f"  row {row_number(ledger, one.row)}: {one.purchase.request_id or 'in doubt'}" for one in known[:SHOWN]]
    return [
        f"{_rows(ledger, known)} had been bought before, for {price}, by {where}, which is not there any more: not "
        "bought now",
        *ids,
        *([f"  … and {len(known) - SHOWN} more"] if len(known) > SHOWN else []),
        f"next: {batch.run_command} --adopt-known   (takes the videos over; --buy-again in its place pays again)",
    ]


def _rows(ledger: Ledger, known: list[KnownPurchase]) -> str:
    numbers = sorted(number for one in known if (number := row_number(ledger, one.row)))
    shown = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
    return f"{counted(len(known))} ({shown})" if numbers else counted(len(known))
