"""What the book says of the account."""

from pathlib import Path

from batch.account.statement import TableSpend, statement
from batch.core import states
from tests.support.books import NOW, PRICE, book_of, purchase, receipt


def test_spend_is_told_by_table_and_period(tmp_path: Path) -> None:
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    for row, name in ((1, "r1"), (2, "r2")):
        one.accept(purchase(row), receipt(name))
    one.note(1, states.succeeded(NOW, "{}", "https://v/1.mp4", PRICE))
    one.commit()
    assert other.claim(purchase())
    other.commit()
    found = statement(one, NOW)
    assert found.tables == [
        TableSpend(str(tmp_path / "a.csv"), 2, PRICE, PRICE, 0),
        TableSpend(str(tmp_path / "b.csv"), 0, 0, 0, PRICE),
    ]
    assert found.committed == dict.fromkeys(("night", "day", "month"), 3 * PRICE)
