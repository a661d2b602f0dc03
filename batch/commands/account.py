"""`account`: says what this host has bought with the key, over all tables, from the account's book."""

import time
from typing import Any

from batch.account.book import AccountBook
from batch.account.book_file import book_path, open_book_file
from batch.account.statement import AccountStatement, statement
from batch.core.equality import Equality
from batch.core.money import dollars
from batch.core.plain_text import one_line
from batch.errors import UsageError
from batch.fal.credentials import find_credentials


def account_statement() -> AccountStatement:
    """What the book of the key in the environment holds; asks nobody, spends nothing.

    Raises:
        MissingKey, UsageError: there is no key, or nothing was bought with it here.
    """
    path = book_path(find_credentials().token)
    if not path.exists():
        raise UsageError("nothing was bought with this key on this machine yet")
    book = AccountBook(open_book_file(path), Equality({}), time.time)
    try:
        return statement(book, time.time())
    finally:
        book.close()


def shown(account: AccountStatement) -> str:
    """For a person."""
    lines = [f"this {period}: {dollars(spent)}" for period, spent in account.committed.items()]
    for one in account.tables:
        more = f", {dollars(one.under_way)} under way" if one.under_way else ""
        more += f", {dollars(one.in_doubt)} in doubt" if one.in_doubt else ""
        lines.append(f"{one.table}: {dollars(one.spent)} for {one.requests} requests{more}")
    return "\n".join(map(one_line, lines))


def as_json(account: AccountStatement) -> dict[str, Any]:
    """The same for a program; money in US dollars."""
    return {
        "committed_usd": {period: spent / 1_000_000 for period, spent in account.committed.items()},
        "tables": [
            {
                "table": one.table,
                "requests": one.requests,
                "spent_usd": one.spent / 1_000_000,
                "under_way_usd": one.under_way / 1_000_000,
                "in_doubt_usd": one.in_doubt / 1_000_000,
            }
            for one in account.tables
        ],
    }
