"""The book as a file: named, made, opened, kept aside."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from batch.account.book_file import VERSION, BookFailed, NoBook, _connect, book_path, open_book_file

KEY = "an-id:a-secret"


def test_the_name_is_the_keys_and_holds_nothing_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = book_path(KEY)
    assert path.parent == tmp_path / "kling-batch"
    assert path == book_path(f" {KEY}\n") != book_path("another")
    assert "secret" not in path.name


def test_a_relative_state_home_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert book_path(KEY).parent == tmp_path / ".local" / "state" / "kling-batch"


def test_it_is_made_for_its_owner_alone_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "kling-batch" / "an.book"
    first = open_book_file(path)
    born = first.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir() if one.name.endswith(".new")] == []
    second = open_book_file(path)
    assert second.execute("SELECT value FROM meta WHERE name = 'id'").fetchone() == born


def test_a_damaged_one_is_kept_aside_and_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "an.book"
    for n in (1, 2):
        path.write_bytes(b"no database at all" * 100)
        open_book_file(path).close()
        assert (tmp_path / f"an.book.damaged-{n}").read_bytes().startswith(b"no database")


def test_the_log_of_a_damaged_one_is_kept_with_it(tmp_path: Path) -> None:
    """It would be read into the new one."""
    path = tmp_path / "an.book"
    path.write_bytes(b"no database at all" * 100)
    Path(f"{path}-wal").write_bytes(b"its log")
    open_book_file(path).close()
    assert Path(f"{path}.damaged-1-wal").read_bytes() == b"its log"


def test_one_that_cannot_be_made_is_no_book(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoBook, match="cannot be written"):
        open_book_file(tmp_path / "file" / "an.book")


def test_a_newer_one_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "an.book"
    connection = open_book_file(path)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(NoBook, match="newer"):
        open_book_file(path)


def test_one_of_the_version_before_is_brought_up_to_date_and_keeps_every_fact(tmp_path: Path) -> None:
    """What it knew was not told by whose numbers are the order of intents: of their own ledger, at least."""
    path = tmp_path / "an.book"
    older = open_book_file(path)
    older.executescript(
        "ALTER TABLE purchase DROP COLUMN endpoint; ALTER TABLE purchase DROP COLUMN order_of; PRAGMA user_version = 1;"
        "DROP TABLE learnt; DROP TABLE run; DROP TABLE upload;"
        "INSERT INTO ledger VALUES (1, 'an id', '/a.csv', '/a.csv.ledger', '', 'token', '', 1, 0);"
        "INSERT INTO purchase (ledger, row, fingerprint, sent, price, intent_at) "
        "VALUES (1, 7, x'01', x'02', 490000, 900)"
    )
    older.close()
    for _ in range(2):
        newer = open_book_file(path)
        assert newer.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert newer.execute("SELECT row, price, state, endpoint, order_of FROM purchase").fetchall() == [
            (7, 490_000, "open", b"", 1)
        ]
        assert newer.execute("SELECT * FROM spend").fetchall() == [(1, 490_000)]
        newer.close()
    made, tables = open_book_file(tmp_path / "new.book"), "SELECT name FROM pragma_table_list ORDER BY 1"
    columns = (
        "SELECT t.name, c.name, c.type, c.pk FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c "
        "ORDER BY 1, 2"
    )
    upgraded = open_book_file(path)
    for one in (tables, columns):
        assert upgraded.execute(one).fetchall() == made.execute(one).fetchall()


def test_what_sqlite_says_of_it_is_known_as_the_books(tmp_path: Path) -> None:
    """With SQLite's own code; a broken constraint is a fault of ours, and stays one."""
    book = open_book_file(tmp_path / "an.book")
    with pytest.raises(sqlite3.IntegrityError) as broken:
        book.execute("INSERT INTO meta VALUES ('id', 'another')")
    assert not isinstance(broken.value, BookFailed)
    book.execute("PRAGMA query_only = 1")
    for write in (
        lambda: book.execute("DELETE FROM meta"),
        lambda: book.executemany("DELETE FROM meta WHERE name = ?", [("id",)]),
    ):
        with pytest.raises(BookFailed, match="readonly") as told:
            write()
        assert isinstance(told.value, sqlite3.OperationalError)
        assert (told.value.sqlite_errorcode, told.value.sqlite_errorname) == (
            sqlite3.SQLITE_READONLY,
            "SQLITE_READONLY",
        )


def test_damage_that_is_met_later_is_known_as_the_books_too(tmp_path: Path) -> None:
    """And is no disk that has to be waited for."""
    path = tmp_path / "an.book"
    with closing(open_book_file(path)) as book:
        (page,) = book.execute("SELECT rootpage FROM sqlite_master WHERE name = 'meta'").fetchone()
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 4096)
    with closing(_connect(path)) as book, pytest.raises(BookFailed) as told:
        book.execute("INSERT INTO meta VALUES ('a', 'b')")
    assert not isinstance(told.value, sqlite3.OperationalError)
    assert told.value.sqlite_errorcode == sqlite3.SQLITE_CORRUPT
