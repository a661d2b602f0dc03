"""The ledger as a file: opened, upgraded, refused where it is damaged, and held by one process."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from batch.core import states
from batch.core.states import TRANSITIONS, State
from batch.errors import Exit, LedgerBusy, LedgerError, LedgerLost
from batch.ledger.file import VERSION, locked, write_errors
from batch.ledger.ledger import Ledger
from tests.support.ledgers import RECEIPT, add, brought, contents


def test_a_ledger_opens_again_as_it_was_left(path: Path) -> None:
    """Also by a relative path."""
    with Ledger.open(path) as ledger:
        brought(ledger, State.SUCCEEDED)
        before = contents(ledger)
    with Ledger.open(Path(os.path.relpath(path))) as ledger:
        assert contents(ledger) == before
    with Ledger.read(Path(os.path.relpath(path))) as ledger:
        assert contents(ledger) == before


def first_version(path: Path) -> None:
    """A ledger as the first version made it, with one row."""
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


def test_a_ledger_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    """Nothing that it knows is lost; a reader takes it as it is."""
    first_version(path)
    with Ledger.read(path) as reader:
        assert len(reader.pending_rows(-1, 10)) == 1
    for _ in range(2):
        with Ledger.open(path) as ledger:
            assert [work.price for work in ledger.pending_rows(-1, 10)] == [490_000]
    with Ledger.open(path) as ledger, Ledger.in_memory() as fresh:
        ledger.apply(1, states.claimed(1.0, None, 490_000))
        indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        assert ledger.db.execute(indexes).fetchall() == fresh.db.execute(indexes).fetchall()


def test_an_upgrade_that_fails_leaves_the_ledger_of_the_first_version(path: Path) -> None:
    """Whole, and readable by the program that made it: half of an upgrade is none."""
    first_version(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP INDEX row_under_way")  # the upgrade comes to it behind its first statements
        db.commit()
        before = db.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger.open(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
        assert db.execute("SELECT endpoint FROM row").fetchall() == [("e",)]


def test_what_a_kill_left_of_a_ledger_in_the_making_is_made_anew(path: Path) -> None:
    """It has no name of a ledger yet: nothing was run from it."""
    half = path.with_name(path.name + ".new")
    half.write_bytes(b"half a ledger")
    with Ledger.open(path) as ledger:
        assert contents(ledger) == [[], [], [], [], [], []]
    assert not half.exists()


def test_every_commit_of_a_ledger_waits_for_the_disk(path: Path) -> None:
    """In a log beside it, so that a reader never waits; what refers to a row that is not there is refused."""
    with Ledger.open(path) as ledger:
        pragmas = ("journal_mode", "synchronous", "foreign_keys")
        assert [ledger.db.execute(f"PRAGMA {name}").fetchone() for name in pragmas] == [("wal",), (2,), (1,)]


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


def test_a_ledger_that_was_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    """At every page and a byte before and behind it: what is left of it is never run from, nor written to."""
    whole = whole_ledger(tmp_path)
    page = int.from_bytes(whole[16:18], "big")
    assert len(whole) > 8 * page
    path = tmp_path / "shots.csv.ledger"
    for end in range(0, len(whole), page):
        for length in {max(0, end - 1), end, end + 1}:
            path.write_bytes(whole[:length])
            with pytest.raises(LedgerError):
                Ledger.open(path)
            assert path.read_bytes() == whole[:length]
    path.write_bytes(whole)
    Ledger.open(path).close()


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


def test_a_lock_is_let_go_however_its_run_ends(path: Path) -> None:
    """An error in it is no reason to stop the next run."""
    with pytest.raises(ZeroDivisionError), locked(path):
        raise ZeroDivisionError
    with locked(path):
        pass


def test_two_tables_are_run_at_once(tmp_path: Path) -> None:
    """The lock is the ledger's, not the folder's."""
    with locked(tmp_path / "a.csv.ledger"), locked(tmp_path / "b.csv.ledger"):
        pass


def test_a_lock_that_cannot_be_written_is_no_busy_ledger(tmp_path: Path) -> None:
    """Waiting would not help: the message names the file."""
    (tmp_path / "shots").write_text("no folder")
    path = tmp_path / "shots" / "a.csv.ledger"
    with (
        pytest.raises(LedgerError, match=r"cannot write beside the table: .*a\.csv\.ledger\.lock") as caught,
        locked(path),
    ):
        pass
    assert not isinstance(caught.value, LedgerBusy)


# Lost in the middle of a run


def test_what_sqlite_fails_on_while_a_run_is_on_ends_it_as_stopped_early(path: Path) -> None:
    """Money may have been spent: it says that nothing more was submitted and what to do, and hides no other error."""
    said = r"cannot be written any more \(disk I/O error\).*run again"
    with pytest.raises(LedgerLost, match=said) as caught, write_errors(path):
        raise sqlite3.OperationalError("disk I/O error")
    assert caught.value.exit_code == Exit.STOPPED_EARLY
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    with pytest.raises(ZeroDivisionError), write_errors(path):
        raise ZeroDivisionError
