"""A ledger whose log was taken away: refused where something stood in it, and told apart from every kill of our own."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from batch.errors import LedgerError
from batch.ledger.ledger import Ledger

LIFE = """
import os, signal, sqlite3, sys
from pathlib import Path
from batch.core import states
from batch.core.gateway import Receipt
from batch.ledger.ledger import Ledger

path, fatal, seen, connect = Path(sys.argv[1]), int(sys.argv[2]), 0, sqlite3.connect

def point(_):
    global seen
    seen += 1
    if seen == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

def traced(database, /, **options):
    connection = connect(database, **options)
    connection.set_trace_callback(point)
    return connection

sqlite3.connect = traced
for life in range(2):
    with Ledger.open(path) as ledger:
        for place in range(2 * life, 2 * life + 2):
            with ledger.transaction():
                ledger.db.execute(
                    "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) "
                    "VALUES (?, ?, ?, '{}', 1, 1)",
                    (f"k{place}", place, bytes(16)),
                )
                row = ledger.db.execute("SELECT MAX(id) FROM row").fetchone()[0]
                ledger.apply(row, states.claimed(1.0, None, 1))
            with ledger.transaction():
                ledger.apply(row, states.accepted(2.0, Receipt(f"r{place}", "https://s", "https://r", "https://c")))
print(seen)
"""


def live(path: Path, fatal: int = 0) -> int:
    """Two runs of two purchases each, killed before their n-th statement; how many statements there were."""
    done = subprocess.run([sys.executable, "-c", LIFE, path, str(fatal)], capture_output=True, text=True, check=False)
    assert done.returncode == (-signal.SIGKILL if fatal else 0), done.stderr
    return 0 if fatal else int(done.stdout)


def bought(path: Path) -> list[tuple[str, str]]:
    with Ledger.open(path) as ledger:
        return ledger.db.execute("SELECT key, state FROM row ORDER BY id").fetchall()


def copied(path: Path, harm: Callable[[Path], object]) -> Path:
    """The ledger and what is beside it, in a folder of its own, after something was done to its log."""
    folder = path.with_name(f"{path.name} copied {len(list(path.parent.iterdir()))}")
    folder.mkdir()
    for one in path.parent.glob(f"{path.name}*"):
        if one.is_file() and not one.name.endswith("-shm"):
            shutil.copy(one, folder)
    harm(folder / f"{path.name}-wal")
    return folder / path.name


HARMS: dict[str, Callable[[Path], object]] = {
    "missing": lambda log: log.unlink(missing_ok=True),
    "empty": lambda log: log.write_bytes(b"") if log.exists() else None,
}


def test_a_log_that_was_taken_away_is_missed_after_a_kill_at_any_statement(tmp_path: Path) -> None:
    """Whenever it held something, and never otherwise: what opens without it knows as much as with it."""
    statements = live(tmp_path / "whole" if (tmp_path / "whole").mkdir() else tmp_path / "whole" / "ledger")

    def killed(fatal: int) -> Path:
        folder = tmp_path / str(fatal)
        folder.mkdir()
        live(folder / "ledger", fatal)
        return folder / "ledger"

    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(killed, range(1, statements + 1, 5)))
    refused = opened = 0
    for path in filter(Path.exists, paths):
        known = bought(copied(path, lambda _: None))
        for harm in HARMS.values():
            bare = copied(path, harm)
            with suppress(LedgerError):
                assert bought(bare) == known, path
                opened += 1
                continue
            refused += 1
    assert refused > 5
    assert opened > 5


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A run that was killed while it had bought something."""
    path = tmp_path / "shots.csv.ledger"
    live(path, live(tmp_path / "counted") - 5)
    assert (tmp_path / "shots.csv.ledger-wal").stat().st_size
    return path


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("opening", [Ledger.open, Ledger.read])
def test_a_lost_log_is_named_with_the_way_back_and_nothing_is_made_worse(
    killed: Path, harm: str, opening: Callable[[Path], Ledger]
) -> None:
    """Neither by `run` nor by `status`: not a byte changes, no file is made, and the log put back is all it takes."""
    log = killed.with_name(f"{killed.name}-wal")
    kept, known = log.read_bytes(), bought(copied(killed, lambda _: None))
    killed.with_name(f"{killed.name}-shm").unlink()
    HARMS[harm](log)
    before = {one: one.read_bytes() for one in killed.parent.iterdir() if one.is_file()}
    with pytest.raises(
        LedgerError, match=rf"log shots\.csv\.ledger-wal is {harm}.*`kling-batch recover \S+/shots\.csv`"
    ):
        opening(killed)
    assert {one: one.read_bytes() for one in killed.parent.iterdir() if one.is_file()} == before
    log.write_bytes(kept)
    assert bought(killed) == known


def test_a_clean_end_needs_no_log(tmp_path: Path) -> None:
    """Everything is in the file, whose header says so, also where a reader came by."""
    path = tmp_path / "ledger"
    live(path)
    with Ledger.read(path) as reader:
        assert reader.db.execute("SELECT COUNT(*) FROM request").fetchone() == (4,)
    assert path.read_bytes()[18:20] == b"\1\1"
    assert [one.name for one in tmp_path.iterdir()] == ["ledger"]


def test_a_reader_that_stays_to_the_end_leaves_the_log_or_nothing_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log cannot be given up while somebody reads: then it stays, and without it nothing opens unseen."""
    path = tmp_path / "ledger"
    live(path)
    with Ledger.open(path) as ledger:
        ledger.db.execute("PRAGMA busy_timeout = 10")
        with Ledger.read(path) as reader, closing(reader.db.execute("SELECT * FROM event")) as rows:
            rows.fetchone()
            ledger.set_meta("last", "words")
            ledger.close()
    known = sqlite3.connect(copied(path, lambda _: None)).execute("SELECT value FROM meta WHERE name = 'last'")
    assert known.fetchone() == ("words",)
    with pytest.raises(LedgerError, match="its log"):
        Ledger.open(copied(path, HARMS["missing"]))


def test_a_ledger_of_two_names_is_refused(tmp_path: Path) -> None:
    """A run under each of them would keep a log of its own; with one name left all is well."""
    path, other = tmp_path / "shots.csv.ledger", tmp_path / "elsewhere.csv.ledger"
    live(path)
    os.link(path, other)
    for one in (path, other):
        with pytest.raises(LedgerError, match="has 2 names"):
            Ledger.open(one)
    other.unlink()
    assert len(bought(path)) == 4


def test_a_ledger_that_was_not_the_last_to_be_used_asks(tmp_path: Path) -> None:
    """New, killed, put back from a copy, also in place: fal is asked once. One that just goes on does not ask."""
    path, kept = tmp_path / "ledger", tmp_path / "kept"

    def asks() -> bool:
        with Ledger.open(path) as ledger:
            asking = bool(ledger.meta("unasked"))
            ledger.db.execute("DELETE FROM meta WHERE name = 'unasked'")
            return asking

    live(path)
    assert [asks(), asks()] == [True, False]
    kept.write_bytes(path.read_bytes())
    path.write_bytes(kept.read_bytes())
    with closing(sqlite3.connect(path)) as db, db:  # put back later than a second after it was closed
        db.execute("UPDATE meta SET value = CAST(value AS REAL) - 10 WHERE name = 'closed'")
    assert [asks(), asks()] == [True, False]
