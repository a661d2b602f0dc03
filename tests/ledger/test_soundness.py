"""Ledgers in which something stands that we never wrote: refused in a line, or put right."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State
from batch.errors import LedgerError
from batch.ledger import file as ledger_file
from batch.ledger.in_doubt import in_doubt_rows, in_doubt_views, requests_since_doubt
from batch.ledger.ledger import Ledger
from batch.ledger.result_rows import enrolled_rows
from batch.ledger.soundness import _LARGE, _SMALL, require_sound
from batch.ledger.summary import summarize
from batch.results_writer.result_cells import result_cells
from tests.support.ledgers import PRICE, add, brought

COLUMNS = [(table, column) for table, columns in {**_SMALL, **_LARGE}.items() for column in columns]
odd = st.one_of(
    st.text(max_size=9),
    st.binary(max_size=9),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.sampled_from(
        ["[]", "null", '{"prompt":', "9" * 400, "\x1b[2J", "succeeded", -1, 2**62, math.inf, b"", "x" * 9**5]
    ),
)


def fill(ledger: Ledger) -> None:
    """Rows that have ended, are under way, in doubt, failed and pending; an entry in every table."""
    for n, state in enumerate((State.SUCCEEDED, State.IN_DOUBT, State.FAILED, State.PENDING)):
        brought(ledger, state, f"id:{n}", n)
    row = add(ledger, "id:under way", 4)
    ledger.apply(row, states.claimed(1.0, None, PRICE))
    ledger.apply(row, states.accepted(2.0, Receipt("r2", "https://s", "https://r", "https://c")))
    ledger.set_meta("closed", "1")


def filled(path: Path) -> None:
    """The same as a file, closed a while ago."""
    with Ledger.open(path) as ledger:
        fill(ledger)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = '1' WHERE name = 'closed'")


def change(db: sqlite3.Connection, table: str, column: str, value: Any) -> bool:
    """Writes a value as somebody else would, who heeds no rule of ours; whether SQLite itself took it."""
    db.execute("PRAGMA ignore_check_constraints = 1")
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    try:
        db.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (value,))
    except (sqlite3.Error, UnicodeEncodeError):
        return False
    return True


def changed(path: Path, table: str, column: str, value: Any) -> bool:
    """The same in a file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return change(db, table, column, value)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(COLUMNS), odd)
def test_whatever_stands_in_a_column_a_ledger_is_refused_or_can_be_read(at: tuple[str, str], value: Any) -> None:
    """Its rows, their requests, the log, the sums: what is let through is no surprise to whoever reads it."""
    with Ledger.in_memory() as ledger:
        fill(ledger)
        if not change(ledger.db, *at, value):
            return
        try:
            require_sound(ledger.db, whole=True)
        except sqlite3.DatabaseError as error:
            assert str(error).isprintable()  # noqa: PT017 - or it is let through
            return
        summarize(ledger)
        in_doubt_views(ledger)
        doubts = in_doubt_rows(ledger)
        assert all(row.intent_at + 1 > row.intent_at for row in doubts)
        requests_since_doubt(ledger, "")
        for row in (*ledger.submitted_rows(), *ledger.pending_rows(-1, 9)):
            assert isinstance(row.arguments, dict)
        for result in enrolled_rows(ledger):
            result_cells(result)
        assert isinstance(ledger.money().spent + ledger.money().under_way, int)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("row", "arguments", "[]"),
        ("row", "arguments", '{"a"'),
        ("row", "price", -1),
        ("row", "price", "0.49"),
        ("row", "spent", 1.5),
        ("row", "state", "bought"),
        ("row", "intent_at", math.inf),
        ("row", "submitted_at", "now"),
        ("row", "result", b"{}"),
        ("request", "row", "x"),
        ("route", "cancel_url", b"x"),
        ("event", "at", "x"),
        ("sheet", "number", "two"),
        ("meta", "value", b"7"),
        ("money", "spent", "none"),
    ],
)
def test_what_cannot_stand_in_a_column_is_named_with_it(table: str, column: str, value: Any, tmp_path: Path) -> None:
    """Before a run makes anything of it."""
    path = tmp_path / "shots.csv.ledger"
    filled(path)
    assert changed(path, table, column, value)
    with pytest.raises(LedgerError, match=f"in the column {column} of its table {table} stands what cannot stand"):
        Ledger.open(path)


@pytest.mark.parametrize(("column", "apart"), [("spent", 1), ("spent", -1), ("under_way", 1), ("under_way", -1)])
def test_sums_that_are_not_those_of_the_rows_are_refused(column: str, apart: int, tmp_path: Path) -> None:
    """A cap would be kept by them."""
    path = tmp_path / "shots.csv.ledger"
    filled(path)
    with Ledger.read(path) as ledger:
        money = ledger.money()
    assert (money.spent, money.under_way) == (PRICE, 2 * PRICE)
    assert changed(path, "money", column, getattr(money, column) + apart)
    with pytest.raises(LedgerError, match="what it has spent is not the sum of what its rows have spent"):
        Ledger.open(path)


HOSTILE = [
    "CREATE TRIGGER again AFTER UPDATE OF state ON row WHEN NEW.state = 'submitted' "
    "BEGIN UPDATE row SET state = 'pending' WHERE id = NEW.id; END",
    "DROP TRIGGER state_has_edge",
    "DROP TRIGGER money_is_counted",
    "INSERT INTO edge VALUES ('succeeded', 'submitting')",
    "DELETE FROM edge",
    'CREATE VIEW "odd ""name" AS SELECT 1',
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_ledgers_rules_are_ours_whatever_it_brings(statement: str, tmp_path: Path) -> None:
    """It keeps its facts, and every rule is that of a new ledger."""
    path, new = tmp_path / "shots.csv.ledger", tmp_path / "new.csv.ledger"
    filled(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)
    rules = (
        "SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view') UNION ALL SELECT * FROM edge ORDER BY 1"
    )
    with Ledger.open(path) as ledger, Ledger.open(new) as fresh:
        assert ledger.db.execute(rules).fetchall() == fresh.db.execute(rules).fetchall()
        assert ledger.db.execute("SELECT state FROM row ORDER BY id").fetchall()[0] == (State.SUCCEEDED,)


def test_a_ledger_that_nobody_has_changed_is_not_looked_through_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million rows take seconds. One that was changed, copied or killed over is; its own word does not count."""
    path = tmp_path / "shots.csv.ledger"
    filled(path)
    looked: list[bool] = []
    really = ledger_file.require_sound

    def noted(connection: sqlite3.Connection, *, whole: bool) -> None:
        looked.append(whole)
        really(connection, whole=whole)

    monkeypatch.setattr(ledger_file, "require_sound", noted)
    Ledger.open(path).close()
    Ledger.open(path).close()
    assert looked == [True, False]
    for closed_at in ("9e99", "1", "", "x", "nan"):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE meta SET value = ? WHERE name = 'closed'", (closed_at,))
        Ledger.open(path).close()
        assert looked[-1]
    Ledger.open(path).close()
    assert not looked[-1]
