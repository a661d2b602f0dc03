"""Claims, receipts and ends of purchases, over all tables of an account."""

import sqlite3
import time
from pathlib import Path

import pytest

from batch.account.book import AIR_SECONDS, AccountBook, TakenOver
from batch.account.book_file import BUSY_SECONDS, open_book_file
from batch.account.registry import enter
from batch.account.witnesses import NOBODYS
from batch.core import states
from batch.core.equality import Equality
from batch.core.money import AccountCap
from batch.core.row import InDoubtRow
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
    with pytest.raises(
        TakenOver,
        match=r"^row 1 .* was bought meanwhile.* paid twice\. Run it again: it brings home .*there$",
    ):
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


def test_a_book_that_was_opened_knows_no_run_yet(tmp_path: Path) -> None:
    """What only a run has: its ledger, its token, and that it has bought something."""
    book_of(tmp_path).close()
    book = AccountBook(open_book_file(tmp_path / "an.book"), Equality({}), lambda: NOW)
    assert (book.ledger, book.token, book.taken_over) == (0, "", 0)
    assert book.meta("nothing of the kind") == ""
    book.set_meta("trusted_from", "12.5")
    assert book.in_transaction
    book.commit()
    assert (book.meta("trusted_from"), book.trusted_from) == ("12.5", 12.5)
    book.set_meta("trusted_from", "13")
    assert book.trusted_from == 13.0


def test_its_periods_are_local_ones_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night is noon to noon by the clock on the wall."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        book = AccountBook(open_book_file(tmp_path / "an.book"), Equality({}), lambda: NOW)
        assert book.period_end("day", NOW) % 86_400 == 15 * 3600
        assert book.period_end("night", NOW) % 86_400 == 3 * 3600
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("period", "seconds"), [("night", 43_200.0), ("day", 0.0)])
def test_a_period_ends_as_periods_do(period: str, seconds: float, tmp_path: Path) -> None:
    end = book_of(tmp_path).period_end(period, NOW)
    assert NOW < end <= NOW + 86_400
    assert end % 86_400 == seconds


def test_who_tries_waits_for_nobody_and_waits_again_afterwards(tmp_path: Path) -> None:
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    assert one.try_begin()
    assert one.try_begin()  # it is its turn still
    began = time.monotonic()
    assert not other.try_begin()
    assert time.monotonic() - began < BUSY_SECONDS / 2
    assert other.db.execute("PRAGMA busy_timeout").fetchone() == (BUSY_SECONDS * 1000,)
    one.undo()
    assert other.try_begin()
    assert other.in_transaction


def test_a_book_that_cannot_be_read_is_no_other_runs_turn() -> None:
    """Only a lock is waited out; anything else is an error, and known as one."""
    broken = AccountBook.__new__(AccountBook)
    broken.db = Unreadable()  # type: ignore[assignment]
    with pytest.raises(sqlite3.OperationalError, match="disk"):
        broken.try_begin()


class Unreadable:
    """A database whose disk is gone."""

    in_transaction = False

    def execute(self, statement: str) -> None:
        if statement.startswith("BEGIN"):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
            raise error


@pytest.mark.parametrize("extended", [sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_SNAPSHOT])
def test_every_kind_of_busy_is_another_runs_turn(extended: int) -> None:
    """SQLite says it in several ways."""

    class Busy(Unreadable):
        def execute(self, statement: str) -> None:
            if statement.startswith("BEGIN"):
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorcode = extended
                raise error

    book = AccountBook.__new__(AccountBook)
    book.db = Busy()  # type: ignore[assignment]
    assert not book.try_begin()


def test_a_request_that_was_found_is_its_rows_as_if_it_had_been_claimed(tmp_path: Path) -> None:
    """With price, inputs and time; but when its POST left, nobody knows."""
    book = book_of(tmp_path)
    book.accept(purchase(3), receipt("r1"))
    book.commit()
    columns = "ledger, row, fingerprint, sent, price, intent_at, state, request_id, order_of"
    assert book.db.execute(f"SELECT {columns} FROM purchase").fetchall() == [
        (book.ledger, 3, b"a kite", book.equality.digest({"prompt": "a kite"}), PRICE, NOW, "accepted", "r1", NOBODYS)
    ]
    assert book.committed("day", NOW) == PRICE
    assert book.claim(purchase(4))
    assert book.db.execute("SELECT order_of FROM purchase WHERE row = 4").fetchone() == (None,)


def test_a_receipt_that_is_told_twice_is_one(tmp_path: Path) -> None:
    """By the book, then by the ledger."""
    book = book_of(tmp_path)
    bought(book)
    book.accept(purchase(), receipt("r1"))
    assert states_of(book) == [("accepted", "r1", 0, 0)]


@pytest.mark.parametrize("row", [1, 2])
def test_a_request_of_another_row_or_one_that_has_ended_is_nobodys_to_have(row: int, tmp_path: Path) -> None:
    book = book_of(tmp_path)
    bought(book)
    if row == 1:
        book.note(1, states.failed(NOW, "bad", "no", 0))
    with pytest.raises(RequestTaken, match="the id of another request of this account"):
        book.accept(purchase(row), receipt("r1"))


def test_the_row_of_another_ledger_with_the_same_number_is_another_row(tmp_path: Path) -> None:
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    bought(one)
    one.commit()
    with pytest.raises(RequestTaken):
        other.accept(purchase(), receipt("r1"))


def test_what_is_taken_over_comes_in_place_of_what_the_row_had_open(tmp_path: Path) -> None:
    """One purchase at a time; the open one bought nothing."""
    gone, book = book_of(tmp_path, "gone"), book_of(tmp_path, "a")
    bought(gone, 3, "r0")
    bought(gone, 4, "r1")
    gone.commit()
    assert book.claim(purchase(7))
    book.may_take({"r1": (2, gone.ledger)})
    book.accept(purchase(7), receipt("r1"))
    found = book.db.execute("SELECT ledger, row, state FROM purchase ORDER BY seq").fetchall()
    assert found == [(gone.ledger, 3, "accepted"), (book.ledger, 7, "accepted"), (book.ledger, 7, "absent")]
    assert book.committed("day", NOW) == 2 * PRICE


def test_what_may_be_taken_is_added_to_what_already_may(tmp_path: Path) -> None:
    gone, book = book_of(tmp_path, "gone"), book_of(tmp_path, "a")
    bought(gone, 1, "r1")
    bought(gone, 2, "r2", "a boat")
    gone.commit()
    book.may_take({"r1": (1, gone.ledger)})
    book.may_take({"r2": (2, gone.ledger)})
    for row, name in ((1, "r1"), (2, "r2")):
        book.accept(purchase(row), receipt(name))
    assert [name for _, name, *_ in states_of(book)] == ["r1", "r2"]


def test_a_request_that_is_asked_after_again_is_under_way_again(tmp_path: Path) -> None:
    """The last one of that row that has ended, and its price counts as it did."""
    book = book_of(tmp_path)
    for name in ("r1", "r2"):
        bought(book, 1, name)
        book.note(1, states.failed(NOW, "request_not_found", "no", 0))
    bought(book, 2, "r3", "a boat")
    book.note(2, states.failed(NOW, "bad", "no", 0))
    book.note(1, states.taken_up_again(NOW, 0))
    assert [state for state, *_ in states_of(book)] == ["ended", "accepted", "ended"]
    assert book.committed("day", NOW) == PRICE


def test_the_end_of_a_row_is_that_of_its_own_purchase(tmp_path: Path) -> None:
    """Not of another row's, nor of the row of that number in another table, nor of one that has ended."""
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    bought(other, 1, "r1")
    other.commit()
    bought(one, 1, "r2")
    bought(one, 2, "r3", "a boat")
    one.note(1, states.succeeded(NOW, "{}", "https://v/1.mp4", PRICE))
    one.note(1, states.failed(NOW, "bad", "no", 7))
    assert states_of(one) == [("accepted", "r1", 0, 0), ("ended", "r2", PRICE, 1), ("accepted", "r3", 0, 0)]


def test_a_request_whose_end_is_known_before_its_id_was_given_up(tmp_path: Path) -> None:
    """The book has an open purchase, and the ledger says that it has ended: nothing shows what it was."""
    book = book_of(tmp_path)
    assert book.claim(purchase())
    book.note(1, states.cancelled(State.SUBMITTED, NOW, 5))
    assert states_of(book) == [("given_up", None, 5, 0)]


@pytest.mark.parametrize(
    "transition", [states.claimed(NOW, None, PRICE), states.never_accepted(NOW), states.held(NOW, "bought before")]
)
def test_what_says_nothing_of_a_purchase_begins_no_transaction(transition: Transition, tmp_path: Path) -> None:
    """All but what closes one: the other tables are not held up for it."""
    book = book_of(tmp_path)
    book.note(1, transition)
    assert book.in_transaction is (transition.step < 0)


def test_other_tables_doubts_are_known_by_what_was_sent(tmp_path: Path) -> None:
    """Their inputs are not kept; each has its place in the order of all intents, and no row of this table's number."""
    other, book = book_of(tmp_path, "b"), book_of(tmp_path, "a", now=NOW + AIR_SECONDS)
    assert other.claim(purchase(5))
    other.commit()
    (found,) = book.in_doubt_elsewhere()
    expected = InDoubtRow(
        -1, {}, NOW, 1, open_elsewhere=True, shared=False, digest=book.equality.digest({"prompt": "a kite"})
    )
    assert found == expected


def test_a_ledger_is_known_by_its_id(tmp_path: Path) -> None:
    book = book_of(tmp_path, "a")
    assert book.has_ledger("id of a")
    assert not book.has_ledger("id of b")


def test_a_run_that_bought_something_says_so_once(tmp_path: Path) -> None:
    """The token of the run before is good no longer from then on."""
    book = book_of(tmp_path)
    used = "SELECT used FROM ledger WHERE n = ?"
    assert book.db.execute(used, (book.ledger,)).fetchone() == (0,)
    assert book.claim(purchase(1))
    book.commit()
    assert book.db.execute(used, (book.ledger,)).fetchone() == (1,)
    changes = book.db.total_changes
    assert book.claim(purchase(2))
    assert book.db.total_changes - changes == 2  # the purchase, and what it may cost


def test_a_purchase_under_a_book_that_is_not_there_any_more_is_refused(tmp_path: Path) -> None:
    """Its place may have been taken by an older one; a person is told what to do."""
    book = book_of(tmp_path)
    (tmp_path / "an.book").rename(tmp_path / "moved.book")
    with pytest.raises(TakenOver, match=r"put back under this run: nothing more is submitted here\. Run again: what"):
        book.claim(purchase())


def test_only_what_the_last_transaction_claimed_is_taken_back(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    for row in (1, 2):
        assert book.claim(purchase(row))
        book.commit()
    book.unclaim()
    assert [state for state, *_ in states_of(book)] == ["open", "not_sent"]
