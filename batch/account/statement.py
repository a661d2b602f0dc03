"""Tells what stands in the book: spend by table and period, what is under way or in doubt."""

from dataclasses import dataclass

from batch.account.book import AccountBook
from batch.core.money import PERIODS


@dataclass(frozen=True, slots=True)
class TableSpend:
    """What one table has bought. Money is in millionths of a dollar."""

    table: str
    requests: int
    """That fal accepted, as far as is known."""
    spent: int
    under_way: int
    """The price of what was accepted and has not ended."""
    in_doubt: int
    """The price of what may have been accepted."""


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """What stands in the book of an account."""

    tables: list[TableSpend]
    committed: dict[str, int]
    """Period → what may have been spent since it began."""


def statement(book: AccountBook, now: float) -> AccountStatement:
    """Every table that ever bought with the key on this host, the largest spender first."""
    found = book.db.execute(
        "SELECT table_path, COUNT(request_id), SUM(cost), "
        "SUM(IIF(state = 'accepted', COALESCE(price, 0), 0)), SUM(IIF(state = 'open', COALESCE(price, 0), 0)) "
        "FROM purchase JOIN ledger ON n = purchase.ledger GROUP BY table_path ORDER BY 3 DESC, 1"
    )
    tables = [TableSpend(*one) for one in found]
    return AccountStatement(tables, {period: book.committed(period, now) for period in PERIODS})
