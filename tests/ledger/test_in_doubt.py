"""Rows in doubt, and what the ledger knows of the requests that fal lists."""

from pathlib import Path

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.row import KnownRequest
from batch.core.states import State
from batch.ledger import in_doubt as doubts
from batch.ledger.booking import past_purchases
from batch.ledger.ledger import Ledger
from batch.ledger.recovery import hold
from tests.support.books import book_of
from tests.support.ledgers import PRICE, add, brought


def bought(path: Path, request_id: str) -> Ledger:
    """A ledger with one row whose request is at fal."""
    ledger = Ledger.open(path)
    ledger.db.execute(
        "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) VALUES ('id:a', 0, x'00', '{}', 1, 0)"
    )
    with ledger.transaction():
        ledger.apply(1, states.claimed(1.0, None, 1))
        ledger.apply(1, states.accepted(2.0, Receipt(request_id, "https://s", "https://r", "https://c")))
    return ledger


def test_a_request_of_the_table_beside_is_nobodys_to_take(tmp_path: Path) -> None:
    """Two tables with the same rows, run at once: neither takes the other's video for its own lost reply."""
    with bought(tmp_path / "one.csv.ledger", "r1") as one, bought(tmp_path / "two.csv.ledger", "r2") as two:
        (tmp_path / "three.csv.ledger").write_bytes(b"no ledger at all")
        assert set(doubts.known_requests(one, ["r1", "r2", "r3"])) == {"r1", "r2"}
        assert doubts.known_requests(one, ["r1"])["r1"].intent_at == 1.0
        assert doubts.known_requests(two, ["r1"])["r1"].intent_at is None


def lost(ledger: Ledger, row: int, at: float, sent: str | None = None) -> None:
    ledger.apply(row, states.claimed(at, sent, PRICE))
    ledger.apply(row, states.reply_lost(at + 1, "cut"))


def taken(ledger: Ledger, row: int, at: float, request_id: str) -> None:
    ledger.apply(row, states.claimed(at, None, PRICE))
    ledger.apply(row, states.accepted(at + 1, Receipt(request_id, "https://s", "https://r", "https://c")))


def made(ledger: Ledger, row: int, at: float, request_id: str) -> None:
    taken(ledger, row, at, request_id)
    ledger.apply(row, states.succeeded(at + 2, "{}", "https://v", PRICE))


def test_rows_in_doubt_come_in_the_order_they_were_sent_whatever_the_clock_said(ledger: Ledger) -> None:
    """The log knows it: a clock that was set back in the night proves nothing."""
    rows = [add(ledger, f"id:{at}", at) for at in range(3)]
    for row, at in zip(reversed(rows), (30.0, 20.0, 10.0), strict=True):
        lost(ledger, row, at)
    found = doubts.in_doubt_rows(ledger)
    assert [(one.row, one.intent_at) for one in found] == [(3, 30.0), (2, 20.0), (1, 10.0)]
    assert found[0].order < found[1].order < found[2].order
    assert [one.lost_at for one in found] == [31.0, 21.0, 11.0]


def test_a_row_in_doubt_tells_what_was_sent_and_not_what_the_manifest_says(ledger: Ledger) -> None:
    """A local image left as the URL of its upload: by that the request is found among fal's."""
    first, second = add(ledger, "id:a", 0), add(ledger, "id:b", 1)
    lost(ledger, first, 1.0, '{"prompt": "as it left"}')
    lost(ledger, second, 2.0)
    assert [one.sent for one in doubts.in_doubt_rows(ledger)] == [{"prompt": "as it left"}, {"prompt": "id:b"}]


def test_the_last_request_before_the_first_doubt_that_made_a_video_is_told(ledger: Ledger) -> None:
    """What fal lists after it is what may be the lost one; None where nothing of ours was made before."""
    one, two, three, four = (add(ledger, f"id:{at}", at) for at in range(4))
    lost(ledger, two, 10.0)
    assert [found.after for found in doubts.in_doubt_rows(ledger)] == [None]
    ledger.apply(two, states.never_accepted(12.0))
    made(ledger, one, 20.0, "r1")
    made(ledger, three, 30.0, "r3")
    lost(ledger, two, 40.0)
    taken(ledger, four, 50.0, "r4")
    assert [found.after for found in doubts.in_doubt_rows(ledger)] == [30.0]


def test_rows_that_are_not_in_doubt_are_none_of_them(ledger: Ledger) -> None:
    """And one that the manifest no longer has is one all the same: it may be paid for."""
    rows = {
        state: brought(ledger, state, f"id:{state}", at) for at, state in enumerate(State) if state != State.SUCCEEDED
    }
    ledger.db.execute("UPDATE row SET place = NULL")
    ledger.db.execute("DELETE FROM sheet")
    found = [one for one in doubts.in_doubt_rows(ledger) if not one.open_elsewhere]
    assert [one.row for one in found] == [rows[State.IN_DOUBT]]
    assert [one.number for one in doubts.in_doubt_views(ledger)] == [None]


def test_the_request_of_an_earlier_try_is_known_without_a_time(ledger: Ledger) -> None:
    """It is ours and no lost reply; what the row sends now is not what that request was sent with."""
    row = add(ledger)
    taken(ledger, row, 1.0, "r1")
    ledger.apply(row, states.another_try(3.0, "internal_error", "broke", 0))
    taken(ledger, row, 4.0, "r2")
    found = doubts.known_requests(ledger, ["r1", "r2", "never ours"])
    assert set(found) == {"r1", "r2"}
    assert found["r1"] == KnownRequest()
    assert (found["r2"].sent, found["r2"].intent_at) == ({"prompt": "id:a"}, 4.0)


def test_a_row_in_doubt_is_shown_as_a_person_knows_it(ledger: Ledger) -> None:
    """By its number and its own id, where it has one, with what it asked for, its price, and why nobody knows."""
    named, unnamed = add(ledger, "id:s1", 5), add(ledger, "0123abcd:1", 2)
    lost(ledger, named, 1.0)
    lost(ledger, unnamed, 2.0)
    assert doubts.in_doubt_views(ledger) == [
        doubts.InDoubtView(unnamed, 4, "", "0123abcd:1", 2.0, PRICE, "cut"),
        doubts.InDoubtView(named, 7, "s1", "id:s1", 1.0, PRICE, "cut"),
    ]


def test_a_request_that_a_held_row_took_tells_nothing_of_clocks(ledger: Ledger) -> None:
    """It was sent at another time than the row's intent was written, days before perhaps."""
    doubt, row = add(ledger, "id:a", 0), add(ledger, "id:b", 1)
    lost(ledger, doubt, 1.0)
    with ledger.transaction():
        hold(ledger, row, PRICE, "r1", "fal's records show an equal request", 500_000.0)
        ledger.apply(row, states.found_at_fal(500_001.0, Receipt("r1", "https://s", "https://r", "https://c")))
        ledger.apply(row, states.succeeded(500_002.0, "{}", "https://v", PRICE))
    assert doubts.known_requests(ledger, ["r1"]) == {"r1": KnownRequest()}
    assert doubts.requests_since_doubt(ledger, "") == {}
    assert [one.dated for one in past_purchases(ledger) if one.request_id] == [False]
    made(ledger, add(ledger, "id:c", 2), 600_000.0, "r2")
    assert set(doubts.requests_since_doubt(ledger, "")) == {"r2"}


def test_others_ask_for_the_same_where_a_strange_request_has_a_text_of_ours(ledger: Ledger, tmp_path: Path) -> None:
    """Bought or not; one whose input is hidden may have. Without a book, whose any request is, nobody knows."""
    add(ledger, "id:a", 0)
    assert not doubts.asked_by_others(ledger, [])
    assert doubts.asked_by_others(ledger, [{"prompt": "somebody's"}])
    ledger.book = book_of(tmp_path)
    assert not doubts.asked_by_others(ledger, [])
    assert not doubts.asked_by_others(ledger, [{"prompt": "somebody's"}, {}])
    assert doubts.asked_by_others(ledger, [{"prompt": "somebody's"}, {"prompt": "id:a"}])
    assert doubts.asked_by_others(ledger, [None])


def test_a_row_in_doubt_has_the_start_deadline_that_was_sent_with_it(ledger: Ledger) -> None:
    """None for one of a version that did not write it down; for a person the same is shown."""
    for place, deadline in enumerate((None, 14_400.0)):
        row = add(ledger, f"id:{place}", place)
        ledger.apply(row, states.claimed(1.0, None, PRICE, deadline))
        ledger.apply(row, states.reply_lost(2.0, "cut"))
    assert [row.start_timeout for row in doubts.in_doubt_rows(ledger)] == [None, 14_400.0]
    assert {view.start_timeout for view in doubts.in_doubt_views(ledger)} == {None, 14_400.0}


def test_a_ledger_beside_of_the_version_before_is_read_all_the_same(tmp_path: Path) -> None:
    """Nobody upgrades it: another run may be at work on it. What is open there still keeps its requests."""
    with bought(tmp_path / "one.csv.ledger", "r1") as one, bought(tmp_path / "two.csv.ledger", "r2") as two:
        lost(one, add(one, "id:b", 1), 5.0)
        lost(two, add(two, "id:b", 1), 5.0)
        two.db.execute("ALTER TABLE row DROP COLUMN start_timeout")
        two.db.execute("PRAGMA user_version = 3")
        assert [row.open_elsewhere for row in doubts.in_doubt_rows(one)] == [False, True]
