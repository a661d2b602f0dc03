"""Finds rows that the account's book shows as bought before: takes them over, or holds them."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from batch.account.book import AccountBook, BoughtBefore
from batch.account.registry import LedgerEntry, entry
from batch.commands.account_book import is_alive, same_table, take_over
from batch.commands.batch import Batch
from batch.commands.messages import Say
from batch.core.gateway import Gateway
from batch.core.money import dollars
from batch.core.states import State
from batch.ledger.booking import booked_row, row_number, wanted
from batch.ledger.ledger import Ledger
from batch.ledger.recovery import held_rows, hold
from batch.reports.outcome import counted


class KnownPurchase(NamedTuple):
    """A row about to be bought, what was bought for it before, and by which ledger."""

    row: int
    purchase: BoughtBefore
    by: LedgerEntry


def settle_known_purchases(
    batch: Batch,
    ledger: Ledger,
    book: AccountBook,
    gateway: Gateway,
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
    book.may_take(_unheld(ledger, book, book.purchases_of(name for _, name in held_rows(ledger))))
    known = list(_known(ledger, book))
    if not known:
        return False
    own = [one for one in known if adopt or one.purchase.ledger == book.ledger or same_table(batch, one.by)]
    others = [one for one in known if one not in own]
    book.may_take(one.purchase for one in known)
    with ledger.transaction():
        if buy:
            book.put_aside(one.purchase for one in known)
            return False
        for row, purchase, _ in own:
            if purchase.request_id is None:
                book.take_open(purchase.seq, row)
            take_over(ledger, row, purchase, gateway, now)
        for one in others:
            hold(
                ledger,
                one.row,
                one.purchase.price,
                one.purchase.request_id or "",
                f"bought before by {one.by.table}",
                now,
            )
    if own:
        say(f"{_rows(ledger, own)} had been bought before, as the account's book shows: taken over, nothing was paid")
    if others:
        say(_told(ledger, others))
    return True


def _known(ledger: Ledger, book: AccountBook) -> Iterator[KnownPurchase]:
    """Rows in the table's order, each with the newest purchase of its inputs that no living row holds."""
    rows = wanted(ledger)
    unheld: dict[bytes, list[BoughtBefore]] = {}
    for purchase in _unheld(ledger, book, book.bought(rows.values())):
        unheld.setdefault(purchase.fingerprint, []).append(purchase)
    for row, fingerprint in rows.items():
        if purchases := unheld.get(fingerprint):
            purchase = purchases.pop()
            yield KnownPurchase(row, purchase, entry(book, purchase.ledger))


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


def _told(ledger: Ledger, known: list[KnownPurchase]) -> str:
    tables = sorted({one.by.table for one in known})
    where = f"{tables[0]}{f' and {len(tables) - 1} other tables' if len(tables) > 1 else ''}"
    price = dollars(sum(one.purchase.price or 0 for one in known))
    return (
        f"{_rows(ledger, known)} had been bought before, for {price}, by {where}, which is not there any more: held. "
        "--adopt-known takes the videos over and pays nothing; --buy-again pays again"
    )


def _rows(ledger: Ledger, known: list[KnownPurchase]) -> str:
    numbers = sorted(number for one in known if (number := row_number(ledger, one.row)))
    shown = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
    return f"{counted(len(known))} ({shown})" if numbers else counted(len(known))
