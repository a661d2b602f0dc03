"""The ledger: what the database itself refuses, what survives a kill, and what a million rows cost."""

import re
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.money import Budget, Cap, Money
from batch.core.states import TRANSITIONS, State
from batch.core.store import RequestTaken
from batch.ledger.ledger import Ledger, StateConflict
from batch.ledger.summary import prices_to_run, summarize
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.ledgers import PRICE, RECEIPT, add, brought, contents
from tests.support.simulated import Service, ledger_of, night, play, service_queue, shots
from tests.support.statements import TABLES, plans, steps, traced

# Edges and conflicts


def test_the_trigger_knows_the_edges_that_are_drawn(ledger: Ledger) -> None:
    """One set, in Python and in the database."""
    assert {(State(old), State(new)) for old, new in ledger.db.execute("SELECT old, new FROM edge")} == TRANSITIONS


@pytest.mark.parametrize("old", State)
def test_every_edge_that_is_not_drawn_is_refused_by_the_database(ledger: Ledger, old: State) -> None:
    """Even with all that the new state's checks ask for, and from whatever code."""
    row = brought(ledger, old)
    before = contents(ledger)
    everything = "request_id='x', submitted_at=1, finished_at=1, intent_at=1, result='{}', video_url='u', kind='k'"
    for new in State:
        if (old, new) in TRANSITIONS:
            continue
        with pytest.raises(sqlite3.IntegrityError, match="no such edge"):
            ledger.db.execute(f"UPDATE row SET state = ?, {everything} WHERE id = ?", (new, row))
    assert contents(ledger) == before


@pytest.mark.parametrize("state", State)
def test_a_move_from_another_state_changes_nothing(ledger: Ledger, state: State) -> None:
    """Of two writers the second one is told, and its receipt is not kept either."""
    row = brought(ledger, state)
    before = contents(ledger)
    other = Receipt("r2", "https://q/r2", "https://q/r2", "https://q/r2")
    moves = [
        states.claimed(9.0, None, 1),
        states.accepted(9.0, other),
        states.found_at_fal(9.0, other),
        states.failed(9.0, "k", "m", 1),
        states.again(State.FAILED, 9.0),
        states.again(State.SUCCEEDED, 9.0),
        states.again(State.CANCELLED, 9.0),
    ]
    for move in moves:
        if move.old is state:
            continue
        with pytest.raises(StateConflict, match=f"row {row} "), ledger.transaction():
            ledger.apply(row, move)
    assert contents(ledger) == before


def test_a_move_of_a_row_that_is_not_there_is_a_conflict(ledger: Ledger) -> None:
    """It is not taken for done."""
    with pytest.raises(StateConflict):
        ledger.apply(99, states.claimed(1.0, None, 1))


@pytest.mark.parametrize("state", [state for state in State if state is not State.PENDING])
def test_a_row_starts_as_pending(ledger: Ledger, state: State) -> None:
    """No insert makes a row that was never sent look paid for, or the other way round."""
    with pytest.raises(sqlite3.IntegrityError, match="starts as pending"):
        ledger.db.execute(
            "INSERT INTO row (key, fingerprint, arguments, state, changed_at) VALUES ('k',x'','{}',?,0)",
            (state,),
        )


@pytest.mark.parametrize(
    ("state", "change"),
    [
        (State.SUBMITTING, "intent_at = NULL"),
        (State.SUBMITTED, "request_id = NULL"),
        (State.SUBMITTED, "submitted_at = NULL"),
        (State.SUCCEEDED, "request_id = NULL"),
        (State.SUCCEEDED, "result = NULL"),
        (State.SUCCEEDED, "video_url = NULL"),
        (State.SUCCEEDED, "finished_at = NULL"),
        (State.FAILED, "kind = NULL"),
        (State.FAILED, "finished_at = NULL"),
        (State.IN_DOUBT, "kind = NULL"),
        (State.CANCELLED, "finished_at = NULL"),
        (State.SUBMITTED, "tries = -1"),
        (State.SUBMITTED, "attempts = 0"),
        (State.SUBMITTED, "spent = -1"),
    ],
)
def test_a_state_without_what_it_stands_for_is_refused(ledger: Ledger, state: State, change: str) -> None:
    """Submitted has its id, succeeded its result, failed its kind, whoever writes."""
    row = brought(ledger, state)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        ledger.db.execute(f"UPDATE row SET {change} WHERE id = ?", (row,))


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM row", "DELETE FROM request", "UPDATE request SET row = 7", "UPDATE request SET request_id = 'x'"],
)
def test_rows_and_requests_are_kept_for_good(ledger: Ledger, statement: str) -> None:
    """What was paid for cannot be made undone."""
    brought(ledger, State.SUCCEEDED)
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        ledger.db.execute(statement)


# Requests


def test_a_request_belongs_to_one_row_only(ledger: Ledger) -> None:
    """The same id for a second row is refused, and that row is left as it was."""
    brought(ledger, State.SUBMITTED)
    second = brought(ledger, State.SUBMITTING, "id:b", 1)
    before = contents(ledger)
    with pytest.raises(RequestTaken), ledger.transaction():
        ledger.apply(second, states.accepted(3.0, RECEIPT))
    assert contents(ledger) == before


urls = st.text("abcr1/:.-_~?#[]@!$&'()*+,;=%019", min_size=1, max_size=40).map("https://queue.fal.run/".__add__)


ids = st.text("abcr1-_0", min_size=1, max_size=20)


@given(st.lists(st.tuples(ids, urls, urls, urls), min_size=1, max_size=5, unique_by=lambda one: one[0]))
def test_the_urls_of_a_receipt_come_back_exactly(said: list[tuple[str, str, str, str]]) -> None:
    """Wherever the id stands in them, and however often."""
    receipts = [Receipt(*one) for one in said]
    with Ledger.in_memory() as ledger:
        for at, receipt in enumerate(receipts):
            row = add(ledger, f"id:{at}", at)
            ledger.apply(row, states.claimed(1.0, None, PRICE))
            ledger.apply(row, states.accepted(2.0 + at, receipt))
        assert [flight.receipt for flight in ledger.submitted_rows()] == receipts


def test_a_flight_knows_its_row_also_where_the_manifest_lost_it(ledger: Ledger) -> None:
    """What is paid for is brought home without a place in the table."""
    row = brought(ledger, State.SUBMITTED)
    ledger.db.execute("UPDATE row SET place = NULL")
    ledger.db.execute("DELETE FROM sheet")
    (flight,) = ledger.submitted_rows()
    assert (flight.row, flight.place, flight.number, flight.receipt, flight.price) == (row, -1, None, RECEIPT, PRICE)
    assert flight.arguments == {"prompt": "id:a"}


def test_pending_rows_are_claimed_in_the_order_of_the_manifest(ledger: Ledger) -> None:
    """From where one stopped; a row without a place is none."""
    for place in (4, 2, 0, 3):
        add(ledger, f"id:{place}", place)
    ledger.db.execute("UPDATE row SET place = NULL WHERE key = 'id:3'")
    assert [(work.place, work.number) for work in ledger.pending_rows(-1, 2)] == [(0, 2), (2, 4)]
    assert [work.place for work in ledger.pending_rows(2, 9)] == [4]


def test_what_was_being_submitted_when_a_run_ended_is_found(ledger: Ledger) -> None:
    """And nothing else."""
    rows = {state: brought(ledger, state, f"id:{state}", at) for at, state in enumerate(State) if state != "submitted"}
    assert ledger.interrupted() == [rows[State.SUBMITTING]]


# Counting and the log


def test_a_post_counts_unless_it_was_certainly_not_sent(ledger: Ledger) -> None:
    """`attempts` for good, `tries` since the row was last asked for."""
    row = add(ledger)
    seen = []
    for move in (
        states.claimed(1.0, None, PRICE),
        states.not_sent(2.0, "no network"),
        states.claimed(3.0, None, PRICE),
        states.accepted(4.0, RECEIPT),
        states.another_try(5.0, "broke", "why", 10),
        states.claimed(6.0, None, PRICE),
        states.reply_lost(7.0, "cut"),
        states.given_up(8.0, "left", PRICE),
        states.again(State.FAILED, 9.0),
        states.claimed(10.0, None, PRICE),
        states.not_sent(11.0, "no network"),
    ):
        ledger.apply(row, move)
        seen.append(ledger.db.execute("SELECT attempts, tries, spent FROM row").fetchone())
    spent = PRICE + 10
    assert seen == [
        (1, 1, 0),
        (0, 0, 0),
        (1, 1, 0),
        (1, 1, 0),
        (1, 1, 10),
        (2, 2, 10),
        (2, 2, 10),
        (2, 2, spent),
        (2, 0, spent),
        (3, 1, spent),
        (2, 0, spent),
    ]


def test_every_change_of_state_is_logged_by_the_database(ledger: Ledger) -> None:
    """No code path can forget it; a video that is bought again stays on record, and so does its request."""
    row = brought(ledger, State.SUCCEEDED)
    ledger.apply(row, states.again(State.SUCCEEDED, 4.0))
    ledger.apply(row, states.claimed(5.0, None, 1))
    ledger.db.execute("UPDATE row SET price = 1")  # no change of state: no event
    assert ledger.db.execute("SELECT row, at, old, new, detail FROM event").fetchall() == [
        (row, 1.0, "pending", "submitting", None),
        (row, 2.0, "submitting", "submitted", None),
        (row, 3.0, "submitted", "succeeded", None),
        (row, 4.0, "succeeded", "pending", '{"video": {"url": "https://v"}}'),
        (row, 5.0, "pending", "submitting", "r1"),
    ]


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger) -> None:
    """And the next one begins afresh."""
    with suppress(sqlite3.OperationalError), ledger.transaction():
        ledger.set_meta("a", "1")
        ledger.db.execute("no SQL")
    with ledger.transaction():
        ledger.set_meta("b", "2")
    assert (ledger.meta("a"), ledger.meta("b")) == (None, "2")


def test_reading_a_ledger_that_is_not_there_makes_none(path: Path) -> None:
    """`check` and `status` leave no files behind."""
    with Ledger.read(path) as ledger:
        assert contents(ledger) == [[], [], [], [], [], []]
    assert list(path.parent.iterdir()) == []


# Killed at every statement


HISTORY = """
import os, sys
from pathlib import Path
from batch.ledger import file as module
from batch.core import states
from batch.ledger.ledger import Ledger
from batch.core.states import Receipt, State

path, fatal = Path(sys.argv[1]), int(sys.argv[2])
seen = 0

def trace(statement):
    global seen
    seen += 1
    if seen == fatal:
        os.kill(os.getpid(), 9)

connect = module.connect
def traced(uri):
    connection = connect(uri)
    connection.set_trace_callback(trace)
    return connection
module.connect = traced

def told():
    os.write(1, b".")

with Ledger.open(path) as ledger:
    told()
    with ledger.transaction():
        for at in range(2):
            ledger.db.execute(
                "INSERT INTO row (key, place, fingerprint, arguments, changed_at) "
                "VALUES (?, ?, x'', '{}', 0)",
                (f"id:{at}", at),
            )
    told()
    steps = [
        (1, states.claimed(1.0, None, 1)),
        (2, states.claimed(1.0, None, 1)),
        (1, states.accepted(2.0, Receipt("r1", "https://q/r1", "https://q/r1", "https://q/r1"))),
        (2, states.reply_lost(2.0, "cut")),
        (1, states.succeeded(3.0, "{}", "https://v", 5)),
        (2, states.never_accepted(3.0)),
    ]
    for row, move in steps:
        with ledger.transaction():
            ledger.apply(row, move)
        told()
os.write(1, b"!" + str(seen).encode())
"""


PREFIXES = [
    [],
    [("pending", 0), ("pending", 0)],
    [("submitting", 0), ("pending", 0)],
    [("submitting", 0), ("submitting", 0)],
    [("submitted", 0), ("submitting", 0)],
    [("submitted", 0), ("in_doubt", 0)],
    [("succeeded", 5), ("in_doubt", 0)],
    [("succeeded", 5), ("pending", 0)],
]


def history(path: Path, fatal: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", HISTORY, path, str(fatal)], capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.stdout


def test_a_kill_at_any_statement_leaves_what_was_committed(tmp_path: Path) -> None:
    """Every commit that was reported is there, at most the one under way beyond it, and the log tells the same."""
    (tmp_path / "whole").mkdir()
    told, _, statements = history(tmp_path / "whole" / "ledger", 0).partition("!")
    assert len(told) == len(PREFIXES)

    def killed(fatal: int) -> tuple[Path, int]:
        path = tmp_path / f"{fatal}.ledger"
        return path, len(history(path, fatal))

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(killed, range(1, int(statements) + 1)))
    for path, committed in runs:
        with Ledger.open(path) as ledger:
            assert ledger.db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            found = PREFIXES.index(ledger.db.execute("SELECT state, spent FROM row ORDER BY id").fetchall())
            assert found in {max(0, committed - 1), committed}, path
            assert ledger.db.execute("SELECT COUNT(*) FROM event").fetchone() == (max(0, found - 1),)
            kept = [("r1",)] if found >= 4 else []
            assert ledger.db.execute("SELECT request_id FROM request").fetchall() == kept


# What grows with the rows


def test_a_page_of_waiting_rows_costs_the_same_however_many_wait() -> None:
    """The dispatcher asks for one again and again."""
    few, many = (ledger_of(shots(rows)) for rows in (400, 4000))
    assert steps(few, lambda: few.pending_rows(100, 200)) == steps(many, lambda: many.pending_rows(100, 200))
    assert steps(few, lambda: few.pending_row(300)) == steps(many, lambda: many.pending_row(300))


def test_a_night_asks_the_ledger_nothing_that_reads_a_whole_table() -> None:
    """Every statement of the dispatcher finds its rows by an index, also with replies lost and rows in doubt."""
    ledger = ledger_of(shots(30))
    lost = Service(service_queue(5, 60.0), on_submit=lambda nth: "lost" if nth % 7 == 0 else None)
    with traced(ledger) as statements:
        play(lambda: night(ledger, lost))
    found = plans(ledger, statements)
    assert any("in_doubt" in sql for sql in statements)
    whole = {sql: line for sql, lines in found.items() for line in lines if re.match(rf"SCAN {TABLES}\b", line)}
    assert not whole
    paged = next(lines for sql, lines in found.items() if "row_claimable" in sql)
    assert not [line for line in paged if "TEMP B-TREE" in line]


def test_where_a_batch_stands_is_counted_in_indexes() -> None:
    """No row of a million is read for it, save those that failed; the prices are asked for once in a run."""
    ledger = ledger_of(shots(5))
    with traced(ledger) as statements:
        summarize(ledger)
    found = [line for lines in plans(ledger, statements).values() for line in lines]
    assert not [line for line in found if re.match(rf"SCAN {TABLES}$", line)]
    assert "SCAN row USING COVERING INDEX row_state" in found
    assert "SEARCH row USING COVERING INDEX row_claimable (place>?)" in found
    assert prices_to_run(ledger, JOB).items[0].rows == 5


# Money and prices


def test_a_claim_is_made_to_the_last_millionth_of_the_budget(ledger: Ledger) -> None:
    """What is under way counts with what is spent; a claim without room changes nothing."""
    first, second = add(ledger, "id:a", 0), add(ledger, "id:b", 1)
    budget = Budget(run=2 * PRICE - 1)
    assert ledger.claim(first, states.claimed(1.0, None, PRICE), budget) is None
    before = contents(ledger)
    assert ledger.claim(second, states.claimed(2.0, None, PRICE), budget) is Cap.RUN
    assert contents(ledger) == before
    assert ledger.claim(second, states.claimed(3.0, None, PRICE - 1), budget) is None
    assert ledger.money() == Money(0, 2 * PRICE - 1)


@pytest.mark.parametrize("state", State)
def test_money_is_what_the_rows_say(ledger: Ledger, state: State) -> None:
    """The record that the database keeps of it agrees with the rows themselves, in every state and back."""
    for at, one in enumerate({state, State.IN_DOUBT}):
        brought(ledger, one, f"id:{at}", at)
    summed = (
        "SELECT SUM(spent), SUM(CASE WHEN state IN ('submitting', 'submitted', 'in_doubt') THEN price ELSE 0 END) "
        "FROM row"
    )
    assert ledger.money() == Money(*ledger.db.execute(summed).fetchone())
    assert ledger.money().under_way == PRICE * (1 + (state in {State.SUBMITTING, State.SUBMITTED}))


def test_only_rows_that_wait_take_a_new_price_and_only_for_their_duration(ledger: Ledger) -> None:
    """What is under way or paid for keeps its price; fal's own duration counts where none is given."""
    waiting = [add(ledger, f"id:{at}", at) for at in range(3)]
    for row, arguments in zip(waiting, ("{}", '{"duration": "5"}', '{"duration": "10"}'), strict=True):
        ledger.db.execute("UPDATE row SET arguments = ? WHERE id = ?", (arguments, row))
    paid = brought(ledger, State.SUBMITTED, "id:paid", 3)
    ledger.reprice(JOB, {"5": 7})
    found = dict(ledger.db.execute("SELECT id, price FROM row").fetchall())
    assert [found[row] for row in (*waiting, paid)] == [7, 7, PRICE, PRICE]


# Copies and questions


def test_a_copy_to_try_things_on_leaves_the_ledger_alone(ledger: Ledger) -> None:
    """It has all that the ledger has, and nothing of what is done to it comes back."""
    row = add(ledger)
    before = contents(ledger)
    with Ledger.scratch(ledger) as copy:
        assert contents(copy) == before
        copy.apply(row, states.claimed(1.0, None, PRICE))
        assert copy.path is None
    assert contents(ledger) == before


def test_a_request_is_its_rows_also_after_the_row_was_sent_again(ledger: Ledger) -> None:
    """For good; one that was never ours is nobody's."""
    row = brought(ledger, State.SUBMITTED)
    ledger.apply(row, states.another_try(3.0, "internal_error", "broke", 0))
    assert ledger.row_of("r1") == row
    assert ledger.row_of("r2") is None


def test_a_row_is_asked_for_by_itself_only_while_it_waits_and_the_manifest_has_it(ledger: Ledger) -> None:
    """Neither one that was sent, nor one without a place, nor the next one in its stead."""
    first, second = add(ledger, "id:a", 0), add(ledger, "id:b", 1)
    found = ledger.pending_row(second)
    assert found is not None
    assert (found.row, found.place, found.number) == (second, 1, 3)
    ledger.apply(first, states.claimed(1.0, None, PRICE))
    assert ledger.pending_row(first) is None
    ledger.db.execute("UPDATE row SET place = NULL WHERE id = ?", (second,))
    assert ledger.pending_row(second) is None
    assert ledger.pending_row(99) is None
