"""Claims, receipts and ends of purchases, over all tables of an account."""

from pathlib import Path

import pytest

from batch.account.book import AIR_SECONDS, AccountBook, TakenOver
from batch.account.registry import enter
from batch.core import states
from batch.core.money import AccountCap
from batch.core.states import State, Transition
from batch.core.store import RequestTaken
from tests.support.books import NOW, PRICE, book_of, purchase, receipt


def states_of(book: AccountBook) -> list[tuple[str, str | None, int, int]]:
    return book.db.execute("SELECT state, request_id, cost, video FROM purchase ORDER BY seq").fetchall()


def bought(book: AccountBook, row: int = 1, name: str = "r1", prompt: str = "a kite") -> None:
    assert book.claim(purchase(row, prompt))
    book.accept(purchase(row, prompt), receipt(name))


ENDS: dict[str, tuple[Transition, tuple[str, str | None, int, int], int]] = {
    "not sent": (states.not_sent(NOW, "no network"), ("not_sent", None, 0, 0), 0),
    "refused": (states.refused(NOW, "bad", "no"), ("not_sent", None, 0, 0), 0),
    "lost": (states.reply_lost(NOW, "gone"), ("open", None, 0, 0), PRICE),
    "absent": (states.never_accepted(NOW), ("absent", None, 0, 0), 0),
    "bought again": (states.resubmitted(NOW, PRICE), ("given_up", None, PRICE, 0), PRICE),
    "given up": (states.given_up(NOW, "so", PRICE), ("given_up", None, PRICE, 0), PRICE),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_comes_of_a_claim_stands_in_the_book_and_counts(name: str, tmp_path: Path) -> None:
    transition, expected, committed = ENDS[name]
    book = book_of(tmp_path)
    assert book.claim(purchase())
    assert book.committed("day", NOW) == PRICE
    book.note(1, transition)
    book.commit()
    assert states_of(book) == [expected]
    assert book.committed("day", NOW) == committed


@pytest.mark.parametrize(
    ("transition", "video", "cost"),
    [
        (states.succeeded(NOW, "{}", "https://v/1.mp4", PRICE), 1, PRICE),
        (states.failed(NOW, "bad", "no", 0), 0, 0),
        (states.another_try(NOW, "bad", "no", PRICE), 0, PRICE),
        (states.cancelled(State.SUBMITTED, NOW, 0), 0, 0),
    ],
)
def test_an_accepted_request_ends_with_its_cost(transition: Transition, video: int, cost: int, tmp_path: Path) -> None:
    book = book_of(tmp_path)
    bought(book)
    book.note(1, transition)
    book.commit()
    assert states_of(book) == [("ended", "r1", cost, video)]
    assert book.committed("night", NOW) == cost


def test_a_row_has_one_purchase_at_a_time(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    bought(book)
    with pytest.raises(TakenOver, match="bought meanwhile"):
        book.claim(purchase())
    book.note(1, states.failed(NOW, "bad", "no", 0))
    assert book.claim(purchase())


def test_an_id_is_one_rows_over_all_tables(tmp_path: Path) -> None:
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    bought(one)
    one.commit()
    assert set(other.requests(["r1", "r2"])) == {"r1"}
    assert other.claim(purchase())
    with pytest.raises(RequestTaken):
        other.accept(purchase(), receipt("r1"))
    other.undo()
    assert states_of(one) == [("accepted", "r1", 0, 0)]


def test_the_cap_is_kept_to_the_cent_over_all_tables(tmp_path: Path) -> None:
    cap = AccountCap(3 * PRICE, "night")
    one, other = book_of(tmp_path, "a", cap=cap), book_of(tmp_path, "b", cap=cap)
    for book, row in ((one, 1), (other, 1), (one, 2)):
        assert book.claim(purchase(row))
        book.commit()
    assert not other.claim(purchase(2))
    other.undo()
    one.note(1, states.not_sent(NOW, "no network"))
    one.commit()
    assert other.claim(purchase(2))


def test_the_next_night_has_its_own_cap_and_an_unknown_price_none(tmp_path: Path) -> None:
    book = book_of(tmp_path, cap=AccountCap(PRICE, "night"))
    assert book.claim(purchase(1))
    assert not book.claim(purchase(2))
    assert book.claim(purchase(2, at=NOW + 86_400))
    assert not book.claim(purchase(3, at=NOW + 2 * 86_400, price=None))


def test_who_lost_its_turn_buys_nothing_and_its_receipts_still_count(tmp_path: Path) -> None:
    old = book_of(tmp_path)
    assert old.claim(purchase())
    old.commit()
    new = book_of(tmp_path)
    enter(new, "id of a", tmp_path / "a.csv", tmp_path / "a.csv.ledger", "another token")
    new.commit()
    with pytest.raises(TakenOver, match="another run took over"):
        old.claim(purchase(2))
    old.undo()
    old.accept(purchase(), receipt("r1"))
    old.commit()
    assert states_of(new) == [("accepted", "r1", 0, 0)]


def test_what_the_ledger_could_not_keep_was_never_sent(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    assert book.claim(purchase(1))
    assert book.claim(purchase(2))
    book.commit()
    book.unclaim()
    assert [state for state, *_ in states_of(book)] == ["not_sent", "not_sent"]


def test_a_young_purchase_of_another_table_may_have_its_reply_yet(tmp_path: Path) -> None:
    other = book_of(tmp_path, "b")
    assert other.claim(purchase())
    other.commit()
    for age, shared in ((AIR_SECONDS - 1, False), (AIR_SECONDS + 1, True)):
        (found,) = book_of(tmp_path, now=NOW + age).in_doubt_elsewhere()
        assert (found.open_elsewhere, found.shared) == (True, shared)
    assert other.in_doubt_elsewhere() == []


def test_what_may_be_taken_may_be_so_only_while_its_owner_is_the_same(tmp_path: Path) -> None:
    """Two tables want the purchase of one that is gone: the first has it, and the other is told."""
    gone, one, other = (book_of(tmp_path, name) for name in ("gone", "a", "b"))
    bought(gone)
    gone.commit()
    for book in (one, other):
        book.may_take({"r1": (1, gone.ledger)})
    one.accept(purchase(7), receipt("r1"))
    one.commit()
    with pytest.raises(RequestTaken):
        other.accept(purchase(7), receipt("r1"))


def test_an_entry_that_fails_is_taken_back_alone(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    assert book.claim(purchase(1))
    book.savepoint()
    assert book.claim(purchase(2))
    book.undo_to_savepoint()
    book.commit()
    assert len(states_of(book)) == 1
    book.savepoint()
    assert book.claim(purchase(3))
    book.undo_to_savepoint()  # it began with this entry
    assert not book.in_transaction


def test_nothing_in_the_book_is_forgotten_or_renamed(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    bought(book)
    for statement in ("DELETE FROM purchase", "UPDATE purchase SET request_id = 'r9'"):
        with pytest.raises(Exception, match="never"):
            book.db.execute(statement)


def test_no_prompt_stands_in_the_book(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    assert book.claim(purchase(prompt="a very secret kite")._replace(fingerprint=b"16 bytes of hash"))
    book.commit()
    book.close()
    assert b"secret" not in (tmp_path / "an.book").read_bytes()
