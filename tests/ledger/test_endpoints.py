"""Each row of a ledger says to which endpoint its request goes, also of a ledger that did not know of several."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from batch.core import states
from batch.core.row import PlannedRow
from batch.errors import LedgerError
from batch.ledger.endpoints import endpoints_at_work, endpoints_to_run, endpoints_under_way
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from tests.support.ledgers import without_endpoints


def plan(place: int, endpoint: str, prompt: str = "a") -> PlannedRow:
    arguments = {"prompt": prompt}
    digest = f"{endpoint} {prompt}".encode().ljust(16)
    return PlannedRow(place, place + 2, f"s{place}", {}, arguments, digest, 100, endpoint=endpoint)


def read(ledger: Ledger, *plans: PlannedRow) -> None:
    match(ledger, plans)
    enrol(ledger, 1.0, new=True)


def test_each_row_keeps_the_endpoint_that_it_was_enrolled_for() -> None:
    """Pending, marked or submitted, it is given out with it; of which there are rows can be told."""
    with Ledger.in_memory() as ledger:
        read(ledger, plan(0, "a/one"), plan(1, "a/two"), plan(2, "a/one", "b"))
        assert [row.endpoint for row in ledger.pending_rows(-1, 9)] == ["a/one", "a/two", "a/one"]
        assert endpoints_to_run(ledger) == ["a/one", "a/two"]
        ledger.apply(2, states.claimed(1.0, None, 100))
        assert (endpoints_to_run(ledger), endpoints_under_way(ledger)) == (["a/one"], ["a/two"])
        assert endpoints_at_work(ledger) == ["a/one", "a/two"]
        assert ledger.endpoint_of(2) == "a/two"


def test_a_row_whose_model_is_edited_takes_the_new_one_only_before_it_is_sent() -> None:
    """What is under way stays where it was sent to."""
    with Ledger.in_memory() as ledger:
        read(ledger, plan(0, "a/one"), plan(1, "a/one"))
        ledger.apply(1, states.claimed(1.0, None, 100))
        read(ledger, plan(0, "a/two"), plan(1, "a/two"))
        assert [ledger.endpoint_of(row) for row in (1, 2)] == ["a/one", "a/two"]


def test_rows_of_an_older_ledger_are_for_the_model_that_it_was_run_with(tmp_path: Path) -> None:
    """Which it says only where that is not the first one: whoever opens it gives them that name."""
    for noted, before in (("a/noted", "a/noted"), (None, "")):
        path = tmp_path / f"{noted is None}.csv.ledger"
        with Ledger.open(path) as ledger:
            read(ledger, plan(0, "x"))
            without_endpoints(ledger)
            ledger.db.execute("PRAGMA user_version = 7")
            if noted:
                ledger.set_meta("endpoint", noted)
        with Ledger.read(path) as reader:
            assert reader.pending_rows(-1, 9)[0].endpoint == ""
        with Ledger.open(path) as ledger:
            assert ledger.endpoint_of(1) == before
            ledger.name_endpoint("a/first")
            assert ledger.endpoint_of(1) == (noted or "a/first")


def test_naming_the_rows_of_an_older_ledger_joins_those_that_are_named_already() -> None:
    """Both are one endpoint's then."""
    with Ledger.in_memory() as ledger:
        read(ledger, plan(0, ""), plan(1, "a/first"))
        ledger.name_endpoint("a/first")
        assert endpoints_to_run(ledger) == ["a/first"]
        assert [row.endpoint for row in ledger.pending_rows(-1, 9)] == ["a/first", "a/first"]


def test_a_row_for_no_endpoint_that_the_ledger_knows_is_damage(tmp_path: Path) -> None:
    """A ledger may come from anywhere: nothing is sent to where nobody said."""
    path = tmp_path / "shots.csv.ledger"
    with Ledger.open(path) as ledger:
        read(ledger, plan(0, "a/one"))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE row SET endpoint_id = 9")
        db.execute("UPDATE meta SET value = '1' WHERE name = 'closed'")
    with pytest.raises(LedgerError, match="in the column endpoint_id of its table row"):
        Ledger.open(path)


def test_a_row_that_somebody_has_turned_to_another_endpoint_is_turned_back_as_the_table_is_read() -> None:
    """What the table asks for holds, though fingerprint and arguments are equal."""
    with Ledger.in_memory() as ledger:
        read(ledger, plan(0, "a/one"), plan(1, "a/dear"))
        ledger.db.execute("UPDATE row SET endpoint_id = (SELECT id FROM endpoint WHERE name = 'a/dear') WHERE id = 1")
        read(ledger, plan(0, "a/one"), plan(1, "a/dear"))
        assert ledger.endpoint_of(1) == "a/one"
