"""Purchases found in the book, and taken into it."""

from pathlib import Path

import pytest

from batch.account.book import AccountBook
from batch.account.purchase_records import (
    bought,
    import_purchase,
    last_purchase,
    let_go,
    own_purchases,
    purchases_of,
    put_aside,
    take_open,
)
from batch.account.witnesses import NOBODYS
from batch.core import states
from tests.support.books import NOW, PRICE, book_of, purchase, receipt


def stands(book: AccountBook) -> list[tuple[object, ...]]:
    return book.db.execute("SELECT ledger, row, state, request_id, cost, video FROM purchase ORDER BY seq").fetchall()


def test_what_was_bought_is_found_by_its_inputs(tmp_path: Path) -> None:
    """Whatever has a video, or may have one."""
    book = book_of(tmp_path)
    for row, prompt in enumerate(("kite", "boat", "fox"), start=1):
        assert book.claim(purchase(row, prompt))
        book.accept(purchase(row, prompt), receipt(f"r{row}"))
    book.note(2, states.succeeded(NOW, "{}", "https://v/2.mp4", PRICE))
    book.note(3, states.failed(NOW, "bad", "no", 0))
    found = bought(book, [b"kite", b"boat", b"fox", b"owl"])
    assert [one.request_id for one in found] == ["r1", "r2"]
    assert [one.request_id for one in own_purchases(book)] == ["r1"]
    assert [one.row for one in purchases_of(book, ["r3", "r9"])] == [3]
    put_aside(book, found[:1])
    assert [one.request_id for one in bought(book, [b"kite", b"boat"])] == ["r2"]


def test_an_open_purchase_changes_hands_or_is_let_go(tmp_path: Path) -> None:
    gone, book = book_of(tmp_path, "gone"), book_of(tmp_path, "a")
    assert gone.claim(purchase(1))
    gone.commit()
    (found,) = bought(book, [b"a kite"])
    take_open(book, found, 5)
    assert stands(book) == [(book.ledger, 5, "open", None, 0, 0)]
    let_go(book, own_purchases(book)[0])
    assert stands(book) == [(book.ledger, -1, "open", None, 0, 0)]


@pytest.mark.parametrize(
    ("request_id", "cost", "video", "expected"),
    [
        ("r1", PRICE, True, ("ended", "r1", PRICE, 1)),
        ("r1", 0, False, ("ended", "r1", 0, 0)),
        ("r1", None, False, ("accepted", "r1", 0, 0)),
        (None, None, False, ("open", None, 0, 0)),
    ],
)
@pytest.mark.parametrize("before", ["unknown", "open", "accepted"])
def test_a_purchase_made_without_the_book_stands_in_it_once(
    request_id: str | None, cost: int | None, video: bool, expected: tuple[object, ...], before: str, tmp_path: Path
) -> None:
    """Whether the book knew nothing of it, its intent, or its id; and twice is as good as once."""
    book = book_of(tmp_path)
    if before != "unknown":
        assert book.claim(purchase())
    if before == "accepted":
        book.accept(purchase(), receipt("r1"))
    for _ in range(2):
        import_purchase(book, purchase(), request_id, cost, set(), video=video)
    if before == "accepted" and request_id is None:
        expected = ("accepted", "r1", 0, 0)  # the book knows more than the ledger
    assert stands(book) == [(book.ledger, 1, *expected)]
    assert last_purchase(book, 1, NOW) is not None
    assert last_purchase(book, 1, NOW + 1) is None
    assert last_purchase(book, 2, NOW) is None


def test_what_another_ledger_bought_is_this_ones_only_where_that_is_gone(tmp_path: Path) -> None:
    other, book = book_of(tmp_path, "other"), book_of(tmp_path, "a")
    assert other.claim(purchase(3))
    other.accept(purchase(3), receipt("r1"))
    other.commit()
    import_purchase(book, purchase(), "r1", PRICE, set(), video=True)
    assert stands(book) == [(other.ledger, 3, "accepted", "r1", 0, 0)]
    import_purchase(book, purchase(), "r1", PRICE, {other.ledger}, video=True)
    assert stands(book) == [(book.ledger, 1, "ended", "r1", PRICE, 1)]


def test_what_has_ended_in_the_book_is_not_made_otherwise(tmp_path: Path) -> None:
    """A ledger that is put back says less of it than it knew."""
    book = book_of(tmp_path)
    assert book.claim(purchase())
    book.accept(purchase(), receipt("r1"))
    book.note(1, states.succeeded(NOW, "{}", "https://v/1.mp4", PRICE))
    import_purchase(book, purchase(), "r1", None, set(), video=False)
    import_purchase(book, purchase(), None, None, set(), video=False)
    assert stands(book) == [(book.ledger, 1, "ended", "r1", PRICE, 1)]


@pytest.mark.parametrize("said", [{}, {"dated": True}, {"dated": False}])
def test_a_purchase_made_without_the_book_stands_in_the_order_of_its_own_ledger(
    said: dict[str, bool], tmp_path: Path
) -> None:
    """Unless its intent was no POST's: then in nobody's."""
    book = book_of(tmp_path)
    import_purchase(book, purchase(), "r1", PRICE, set(), video=True, **said)
    dated = said.get("dated", True)
    assert book.db.execute("SELECT order_of FROM purchase").fetchall() == [(book.ledger if dated else NOBODYS,)]


def test_of_two_purchases_at_one_moment_the_last_counts(tmp_path: Path) -> None:
    """A row that was not sent at first, and then was, within one tick of the clock."""
    book = book_of(tmp_path)
    assert book.claim(purchase())
    book.note(1, states.not_sent(NOW, "no network"))
    assert book.claim(purchase())
    found = last_purchase(book, 1, NOW)
    assert found is not None
    assert (found.seq, found.state) == (2, "open")
