"""Rows whose end no run could learn: what the ledger remembers of them, and ledgers of before that was written down."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.row import AskedInVain
from batch.core.states import State
from batch.ledger.file import VERSION
from batch.ledger.ledger import Ledger
from batch.ledger.summary import UnheardGroup, summarize
from tests.support.ledgers import without_takes

PRICE = 490_000


def receipt(name: str) -> Receipt:
    return Receipt(name, f"https://q/{name}/status", f"https://q/{name}", f"https://q/{name}/cancel")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shots.csv.ledger"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as ledger:
        yield ledger


def submitted(ledger: Ledger, place: int, at: float = 2.0) -> int:
    row = ledger.db.execute(
        "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) VALUES (?, ?, x'00', '{}', ?, 0)",
        (f"id:{place}", place, PRICE),
    ).lastrowid
    ledger.db.execute("INSERT INTO sheet VALUES (?, ?, ?, 0, NULL)", (place, place + 2, row))
    assert row
    ledger.apply(row, states.claimed(at - 1, None, PRICE))
    ledger.apply(row, states.accepted(at, receipt(f"r{place}")))
    return row


def in_vain(ledger: Ledger) -> list[AskedInVain | None]:
    return [one.asked_in_vain for one in ledger.submitted_rows()]


def test_each_run_that_asked_in_vain_is_remembered(ledger: Ledger) -> None:
    """How many heard the same as the last one, and since when; the request, its price and its tries stay."""
    row = submitted(ledger, 0)
    assert in_vain(ledger) == [None]
    before = ledger.db.execute("SELECT attempts, tries, spent, request_id FROM row").fetchone()
    ledger.apply(row, states.unheard(10.0, "no_result", "HTTP 503: oh"))
    assert in_vain(ledger) == [AskedInVain("HTTP 503: oh", 1, 10.0)]
    ledger.apply(row, states.unheard(20.0, "no_result", "HTTP 503: oh"))
    assert in_vain(ledger) == [AskedInVain("HTTP 503: oh", 2, 10.0)]
    ledger.apply(row, states.unheard(30.0, "not_found", "HTTP 404: gone"))
    assert in_vain(ledger) == [AskedInVain("HTTP 404: gone", 1, 30.0)]
    assert ledger.db.execute("SELECT attempts, tries, spent, request_id FROM row").fetchone() == before
    assert ledger.money().under_way == PRICE


def test_what_an_earlier_request_of_the_row_was_asked_in_vain_is_another_matter(ledger: Ledger) -> None:
    """A new submit begins anew."""
    row = submitted(ledger, 0)
    ledger.apply(row, states.unheard(10.0, "no_result", "HTTP 503: oh"))
    ledger.apply(row, states.resubmitted(11.0, PRICE, State.SUBMITTED))
    ledger.apply(row, states.claimed(12.0, None, PRICE))
    ledger.apply(row, states.accepted(13.0, receipt("second")))
    assert in_vain(ledger) == [None]
    ledger.apply(row, states.unheard(20.0, "no_result", "HTTP 503: oh"))
    assert in_vain(ledger) == [AskedInVain("HTTP 503: oh", 1, 20.0)]


def test_rows_asked_after_in_vain_are_summed_up_by_what_is_the_matter(ledger: Ledger) -> None:
    """How many, since when, and one of them as an example; those under way as ever are not among them."""
    rows = [submitted(ledger, place) for place in range(4)]
    for at, row in enumerate(rows[1:], 10):
        ledger.apply(row, states.unheard(float(at), "not_found", "HTTP 404: gone"))
    ledger.apply(rows[1], states.unheard(50.0, "not_found", "HTTP 404: gone"))
    now = summarize(ledger)
    assert now.unheard == [UnheardGroup("not_found", 3, 10.0, 3, "HTTP 404: gone")]
    assert now.at_fal == 4


def test_a_ledger_of_the_second_version_is_brought_up_to_date(path: Path) -> None:
    """It lacks the new edges and the index; nothing that it knows is lost, and a reader takes it as it is."""
    with Ledger.open(path) as ledger:
        row = submitted(ledger, 0)
        ledger.db.execute("DELETE FROM edge WHERE new = 'submitted' AND old IN ('submitted', 'failed')")
        ledger.db.execute("DROP INDEX event_unheard")
        without_takes(ledger)
        ledger.db.execute("DROP TRIGGER video_is_logged")
        ledger.db.execute("DROP TABLE video_file")
        ledger.db.execute("DROP TABLE request_log")
        ledger.db.execute("ALTER TABLE row DROP COLUMN start_timeout")
        ledger.db.execute("PRAGMA user_version = 2")
        with pytest.raises(sqlite3.IntegrityError, match="no such edge"):
            ledger.apply(row, states.unheard(10.0, "no_result", "oh"))
    with Ledger.read(path) as reader:
        assert in_vain(reader) == [None]
        assert summarize(reader).unheard == []
    for _ in range(2):
        with Ledger.open(path) as ledger:
            assert ledger.db.execute("PRAGMA user_version").fetchone() == (VERSION,)
            assert [one.receipt for one in ledger.submitted_rows()] == [receipt("r0")]
            ledger.apply(row, states.unheard(10.0, "no_result", "oh"))
    with Ledger.open(path) as ledger, Ledger.in_memory() as fresh:
        for kept in ("SELECT old, new FROM edge ORDER BY 1, 2", "SELECT name FROM sqlite_master ORDER BY name"):
            assert ledger.db.execute(kept).fetchall() == fresh.db.execute(kept).fetchall()
