"""What the account's book has to know of a ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.core import states
from batch.core.states import State
from batch.ledger.booking import booked_row, doubts, ledger_id_at, past_purchases, request_ids, row_number, wanted
from batch.ledger.ledger import LEDGER_ID, Ledger
from tests.support.books import receipt
from tests.support.simulated import EPOCH, ledger_of, shots


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """Four rows: one with its video, one under way, one in doubt, one that waits."""
    opened = ledger_of(shots(4))
    with opened.transaction():
        for row in (1, 2, 3):
            opened.apply(row, states.claimed(EPOCH + row, None, 490_000))
        for row in (1, 2):
            opened.apply(row, states.accepted(EPOCH + row, receipt(f"r{row}")))
        opened.apply(1, states.succeeded(EPOCH + 9, "{}", "https://v/1.mp4", 490_000))
        opened.apply(3, states.reply_lost(EPOCH + 9, "gone"))
    yield opened
    opened.close()


def test_all_that_was_bought_is_told(ledger: Ledger) -> None:
    found = {one.purchase.row: (one.request_id, one.cost, one.video) for one in past_purchases(ledger)}
    assert found == {1: ("r1", 490_000, True), 2: ("r2", None, False), 3: (None, None, False)}
    assert request_ids(ledger) == {"r1", "r2"}
    assert doubts(ledger) == [(3, EPOCH + 3)]


def test_purchases_are_told_in_the_order_of_their_intents(ledger: Ledger) -> None:
    """Whatever the clock said, and in doubt or not: the book numbers them so."""
    with ledger.transaction():
        ledger.apply(4, states.claimed(EPOCH - 9, None, 490_000))
        ledger.apply(4, states.accepted(EPOCH, receipt("a first name")))
    assert [one.purchase.row for one in past_purchases(ledger)] == [1, 2, 3, 4]


def test_what_waits_is_wanted_and_what_is_marked(ledger: Ledger) -> None:
    assert list(wanted(ledger)) == [4]
    assert booked_row(ledger, 2).state is State.SUBMITTED  # type: ignore[union-attr]
    assert booked_row(ledger, 9) is None
    assert (row_number(ledger, 4), row_number(ledger, 9)) == (5, None)


def test_the_id_of_a_ledger_is_read_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.ledger"
    assert ledger_id_at(path) == ""
    with Ledger.open(path) as opened:
        opened.set_meta(LEDGER_ID, "an id")
    assert ledger_id_at(path) == "an id"
    path.write_bytes(b"no ledger")
    assert ledger_id_at(path) == ""
