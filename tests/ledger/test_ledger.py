"""The ledger: what the database itself refuses, what survives a kill, and what is said of a damaged one."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import TRANSITIONS, State, Transition
from batch.errors import LedgerBusy, LedgerError
from batch.ledger.file import VERSION, locked
from batch.ledger.ledger import Ledger, StateConflict

PRICE = 490_000
RECEIPT = Receipt("r1", "https://q/r1/status", "https://q/r1", "https://q/r1/cancel")

# How a row comes to each state.
ROADS: dict[State, list[Transition]] = {
    State.PENDING: [],
    State.SUBMITTING: [states.claimed(1.0, None, PRICE)],
    State.SUBMITTED: [states.claimed(1.0, None, PRICE), states.accepted(2.0, RECEIPT)],
    State.IN_DOUBT: [states.claimed(1.0, None, PRICE), states.reply_lost(2.0, "cut")],
    State.SUCCEEDED: [
        states.claimed(1.0, None, PRICE),
        states.accepted(2.0, RECEIPT),
        states.succeeded(3.0, '{"video": {"url": "https://v"}}', "https://v", PRICE),
    ],
    State.FAILED: [states.claimed(1.0, None, PRICE), states.refused(2.0, "bad", "why")],
    State.CANCELLED: [states.cancelled(State.PENDING, 1.0, 0)],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shots.csv.ledger"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as opened:
        yield opened


def add(ledger: Ledger, key: str = "id:a", place: int = 0) -> int:
    row = ledger.db.execute(
        "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) "
        "VALUES (?, ?, x'00', ?, ?, 0) RETURNING id",
        (key, place, json.dumps({"prompt": key}), PRICE),
    ).fetchone()[0]
    ledger.db.execute("INSERT INTO sheet VALUES (?, ?, ?, 0, NULL)", (place, place + 2, row))
    return int(row)


def brought(ledger: Ledger, state: State, key: str = "id:a", place: int = 0) -> int:
    """A row in this state."""
    row = add(ledger, key, place)
    for move in ROADS[state]:
        ledger.apply(row, move)
    return row


def contents(ledger: Ledger) -> list[object]:
    return [
        ledger.db.execute(f"SELECT * FROM {name}").fetchall() for name in ("row", "request", "event", "sheet", "meta")
    ]


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
    with pytest.raises(sqlite3.IntegrityError), ledger.transaction():
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


# Opening


def test_a_ledger_opens_again_as_it_was_left(path: Path) -> None:
    """Also by a relative path."""
    with Ledger.open(path) as ledger:
        brought(ledger, State.SUCCEEDED)
        before = contents(ledger)
    with Ledger.open(Path(os.path.relpath(path))) as ledger:
        assert contents(ledger) == before
    with Ledger.read(Path(os.path.relpath(path))) as ledger:
        assert contents(ledger) == before


def test_a_ledger_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    """Nothing that it knows is lost; a reader takes it as it is."""
    schema = (Path(__file__).parents[1] / "support" / "version_1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as db:
        db.executescript(schema)
        db.executemany("INSERT INTO edge VALUES (?, ?)", sorted(TRANSITIONS))
        db.execute(
            "INSERT INTO row (key, place, endpoint, fingerprint, arguments, price, changed_at) "
            "VALUES ('id:a', 0, 'e', x'00', '{}', 490000, 0)"
        )
        db.execute("INSERT INTO sheet VALUES (0, 2, 1, 0, NULL)")
        db.execute("PRAGMA application_id = 0x6B6C6E67")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    with Ledger.read(path) as reader:
        assert len(reader.pending_rows(-1, 10)) == 1
    for _ in range(2):
        with Ledger.open(path) as ledger:
            assert [work.price for work in ledger.pending_rows(-1, 10)] == [490_000]
    with Ledger.open(path) as ledger, Ledger.in_memory() as fresh:
        ledger.apply(1, states.claimed(1.0, None, 490_000))
        indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        assert ledger.db.execute(indexes).fetchall() == fresh.db.execute(indexes).fetchall()


TORN = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = DELETE")
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9999) SELECT i FROM n"
db.execute(f"CREATE TABLE torn AS {numbers}")
os._exit(9)
"""


def test_a_ledger_that_was_being_closed_when_its_run_was_killed_can_be_read(path: Path) -> None:
    """What was half written is taken back, as the next run would do it: `status` must not call it damaged."""
    with Ledger.open(path) as ledger:
        brought(ledger, State.SUCCEEDED)
        before = contents(ledger)
    killed = subprocess.run([sys.executable, "-c", TORN, path], check=False)
    assert killed.returncode == 9
    assert path.with_name(path.name + "-journal").exists()
    with Ledger.read(path) as ledger:
        assert contents(ledger) == before
        assert not ledger.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'torn'").fetchall()


def test_reading_a_ledger_that_is_not_there_makes_none(path: Path) -> None:
    """`check` and `status` leave no files behind."""
    with Ledger.read(path) as ledger:
        assert contents(ledger) == [[], [], [], [], []]
    assert list(path.parent.iterdir()) == []


def test_a_reader_changes_nothing(path: Path, ledger: Ledger) -> None:
    """The database refuses its writes."""
    with Ledger.read(path) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.set_meta("a", "1")


def test_a_reader_sees_what_is_committed_while_a_writer_is_at_work(path: Path, ledger: Ledger) -> None:
    """Neither waits for the other."""
    row = brought(ledger, State.SUBMITTING)
    with Ledger.read(path) as reader, ledger.transaction():
        ledger.apply(row, states.accepted(2.0, RECEIPT))
        assert reader.db.execute("SELECT state FROM row").fetchall() == [("submitting",)]
    with Ledger.read(path) as reader:
        assert reader.db.execute("SELECT state FROM row").fetchall() == [("submitted",)]


def test_a_newer_ledger_is_refused(path: Path) -> None:
    """With what to do; an older program would not know what it says."""
    with Ledger.open(path) as ledger:
        ledger.db.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    for opening in (Ledger.open, Ledger.read):
        with pytest.raises(LedgerError, match=r"newer kling-batch.*update it"):
            opening(path)
    assert path.read_bytes() == before


def whole_ledger(folder: Path) -> bytes:
    """A ledger of some pages, all of it in its file."""
    path = folder / "whole"
    with Ledger.open(path) as ledger:
        for at in range(200):
            add(ledger, f"id:{at}" + "x" * 300, at)
        ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def other_database(folder: Path) -> bytes:
    with sqlite3.connect(folder / "other") as connection:
        connection.execute("CREATE TABLE shots (id)")
    connection.close()
    return (folder / "other").read_bytes()


DAMAGED: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda _: b"",
    "garbage": lambda _: b"garbage" * 1000,
    "cut in its header": lambda folder: whole_ledger(folder)[:60],
    "cut in half": lambda folder: (whole := whole_ledger(folder))[: len(whole) // 2],
    "overwritten inside": lambda folder: (whole := whole_ledger(folder))[:8192] + b"\xff" * 8192 + whole[16384:],
    "another database": other_database,
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_ledger_is_refused_in_one_clear_line_and_left_alone(tmp_path: Path, damage: str) -> None:
    """It is never replaced by a new one: without it nobody knows what was paid for."""
    (tmp_path / "made").mkdir()
    path = tmp_path / "shots.csv.ledger"
    bad = DAMAGED[damage](tmp_path / "made")
    path.write_bytes(bad)
    with pytest.raises(LedgerError) as caught:
        Ledger.open(path)
    text = str(caught.value)
    assert str(path) in text
    assert "put a copy of it back" in text.lower()
    assert "\n" not in text
    assert path.read_bytes() == bad


def test_damage_that_a_reader_comes_across_later_is_said_as_clearly(tmp_path: Path) -> None:
    """`status` of a damaged ledger is one line, no traceback."""
    whole = whole_ledger(tmp_path)
    path = tmp_path / "shots.csv.ledger"
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(LedgerError, match="cannot be used"), Ledger.read(path) as ledger:
        contents(ledger)


def test_a_ledger_of_0_bytes_keeps_its_log(path: Path) -> None:
    """SQLite would throw away the log of an empty database, and with it the last that is known."""
    with Ledger.open(path) as ledger:
        brought(ledger, State.SUBMITTED)
        log = path.with_name(path.name + "-wal")
        kept = log.read_bytes()
    path.write_bytes(b"")
    log.write_bytes(kept)
    for opening in (Ledger.open, Ledger.read):
        with pytest.raises(LedgerError, match="0 bytes"):
            opening(path)
    assert log.read_bytes() == kept


def test_a_log_without_its_ledger_makes_no_new_one(path: Path) -> None:
    """It would be read into the new ledger, and it says that something was run."""
    log = path.with_name(path.name + "-wal")
    log.write_bytes(b"what a killed run left")
    with pytest.raises(LedgerError, match="is missing, but its log"):
        Ledger.open(path)
    assert log.read_bytes() == b"what a killed run left"
    assert not path.exists()


def test_a_folder_in_the_ledgers_place_is_refused(path: Path) -> None:
    """As clearly as any other fault."""
    path.mkdir()
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger.open(path)


# Two processes

HOLD = """
import sys, time
from pathlib import Path
from batch.ledger.file import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_at_once_and_a_killed_one_holds_nothing(path: Path) -> None:
    """Overlapping cron runs cannot both submit; a dead one stops no later one."""
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(LedgerBusy, match=r"another run is at work on shots\.csv"), locked(path):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
        with locked(path):
            pass


def test_one_process_does_not_hold_a_ledger_twice(path: Path) -> None:
    """Two threads of the Python API are two runs."""
    with locked(path), pytest.raises(LedgerBusy), locked(path):
        pass


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
