"""A book of an account, for tests that write into it by hand."""

from datetime import UTC, datetime
from pathlib import Path

from batch.account.book import AccountBook
from batch.account.book_file import open_book_file
from batch.account.registry import enter
from batch.core.equality import Equality
from batch.core.gateway import Receipt
from batch.core.money import AccountCap
from batch.core.store import Purchase

NOW = 1_800_000_000.0
PRICE = 490_000


def book_of(folder: Path, name: str = "a", *, cap: AccountCap | None = None, now: float = NOW) -> AccountBook:
    """The book of that folder, opened for a ledger of that name, which begins a run."""
    book = AccountBook(
        open_book_file(folder / "an.book"), Equality({}), lambda: now, cap, lambda at: datetime.fromtimestamp(at, UTC)
    )
    enter(book, f"id of {name}", folder / f"{name}.csv", folder / f"{name}.csv.ledger", f"token of {name}")
    book.commit()
    return book


def purchase(row: int = 1, prompt: str = "a kite", at: float = NOW, price: int | None = PRICE) -> Purchase:
    return Purchase(row, prompt.encode(), {"prompt": prompt}, price, at)


def receipt(name: str) -> Receipt:
    return Receipt(name, f"https://q/{name}/status", f"https://q/{name}", f"https://q/{name}/cancel")
