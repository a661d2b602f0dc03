"""What the book tells of requests and of the order of their intents."""

from pathlib import Path

import pytest

from batch.account.book import AccountBook
from batch.account.purchase_records import bought, import_purchase, take_open
from batch.core import states
from batch.core.equality import Equality
from batch.core.row import KnownRequest
from tests.support.books import NOW, PRICE, book_of, purchase, receipt


def made(book: AccountBook, row: int, name: str, at: float = NOW) -> None:
    """A purchase that ended with a video."""
    assert book.claim(purchase(row, at=at))
    book.accept(purchase(row, at=at), receipt(name))
    book.note(row, states.succeeded(at, "{}", "https://v/1.mp4", PRICE))
    book.commit()


def lost(book: AccountBook, row: int, at: float = NOW) -> int:
    """A purchase whose reply was lost; its place in the order of intents."""
    assert book.claim(purchase(row, at=at))
    book.commit()
    return book.orders()[row]


def test_requests_of_all_tables_stand_in_the_order_of_their_intents(tmp_path: Path) -> None:
    """Whatever the clock said: the last one before, and as many later ones as are asked for."""
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    made(other, 1, "r1", NOW + 500)
    made(one, 1, "r2", NOW)
    place = lost(one, 2)
    made(other, 2, "r3", NOW - 500)
    made(one, 3, "r4")
    made(other, 3, "r5")
    around = one.requests_around(place, 2, "")
    assert list(around) == ["r2", "r3", "r4"]
    assert [known.intent_at for known in around.values()] == [NOW, NOW - 500, NOW]
    orders = [known.order for known in around.values()]
    assert orders[0] < place < orders[1] < orders[2]
    assert one.requests(["r1", "r3", "r9"]).keys() == {"r1", "r3"}
    assert one.requests(["r3"])["r3"] == around["r3"]
    assert around["r3"].digest == one.equality.digest({"prompt": "a kite"})


def test_only_what_has_made_a_video_has_to_be_listed(tmp_path: Path) -> None:
    """What never ran, or has not ended, may not be."""
    book = book_of(tmp_path)
    place = lost(book, 1)
    assert book.claim(purchase(2))
    book.accept(purchase(2), receipt("r2"))
    assert book.claim(purchase(3))
    book.accept(purchase(3), receipt("r3"))
    book.note(3, states.failed(NOW, "bad", "no", 0))
    assert book.requests_around(place, 9, "") == {}
    assert book.requests(["r2", "r3"])["r2"].intent_at == NOW


def test_requests_to_another_endpoint_stand_in_another_history(tmp_path: Path) -> None:
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    other.equality = Equality({}, "another/endpoint")
    place = lost(one, 1)
    made(other, 1, "r1")
    assert one.requests_around(place, 9, "") == {}
    assert other.requests_around(place, 9, "").keys() == {"r1"}


@pytest.mark.parametrize("dated", [True, False])
def test_what_was_bought_without_the_book_has_a_place_among_those_of_its_own_ledger(
    dated: bool, tmp_path: Path
) -> None:
    """When it was bought as others see it, nobody knows; and nothing at all where its intent was no POST's."""
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    places = [lost(book, 1) for book in (one, other)]
    import_purchase(one, purchase(2), "r1", PRICE, set(), video=True, dated=dated)
    one.commit()
    assert one.requests_around(places[0], 9, "").keys() == ({"r1"} if dated else set())
    assert other.requests_around(places[1], 9, "") == {}
    assert other.requests(["r1"]) == {"r1": KnownRequest()}
    assert (one.requests(["r1"])["r1"] == KnownRequest()) is not dated


def test_a_request_that_was_found_in_fals_records_tells_nothing_of_clocks(tmp_path: Path) -> None:
    """Its row's intent was written when it was found."""
    book = book_of(tmp_path)
    book.accept(purchase(), receipt("r1"))
    assert book.requests(["r1"]) == {"r1": KnownRequest()}


def test_a_doubt_that_was_taken_from_a_ledger_without_a_book_has_no_place(tmp_path: Path) -> None:
    gone, book = book_of(tmp_path, "gone"), book_of(tmp_path, "a")
    import_purchase(gone, purchase(1), None, None, set(), video=False)
    gone.commit()
    assert gone.orders() == {1: 1}
    take_open(book, bought(book, [b"a kite"])[0], 5)
    assert book.orders() == {}
