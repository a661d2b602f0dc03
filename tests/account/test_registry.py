"""Which ledgers a book knows."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.account.registry import (
    as_text,
    enter,
    entry,
    entry_of,
    file_identity,
    from_text,
    note_place,
    other_entries,
    unknown_to,
)
from tests.support.books import book_of, purchase, receipt


def test_each_run_of_a_ledger_has_a_token_of_its_own(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    first = entry(book, book.ledger)
    assert (first.token, first.generation, first.used) == ("token of a", 1, 0)
    generation = enter(book, "id of a", tmp_path / "new.csv", tmp_path / "new.csv.ledger", "second")
    second = entry_of(book, "id of a")
    assert second
    assert (generation, second.previous, second.table) == (2, "token of a", str(tmp_path / "new.csv"))
    assert second.accepts("second")
    assert second.accepts("token of a")  # the ledger's write of the two may be missing
    assert not second.accepts("")
    assert entry_of(book, "another") is None


def test_a_token_that_was_used_is_the_only_one(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    enter(book, "id of a", tmp_path / "a.csv", tmp_path / "a.csv.ledger", "second")
    assert book.claim(purchase())
    found = entry(book, book.ledger)
    assert (found.accepts("second"), found.accepts("token of a")) == (True, False)


def test_what_a_ledger_does_not_know_is_counted(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    for row, name in ((1, "r1"), (2, "r2")):
        book.accept(purchase(row), receipt(name))
    assert unknown_to(book, book.ledger, {"r1"}) == 1
    assert unknown_to(book, book.ledger, {"r1", "r2", "r3"}) == 0


def test_the_others_are_all_but_this_one(tmp_path: Path) -> None:
    one, other = book_of(tmp_path, "a"), book_of(tmp_path, "b")
    assert [found.id for found in other_entries(one)] == ["id of b"]
    assert [found.id for found in other_entries(other)] == ["id of a"]


def test_a_file_is_the_same_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    assert file_identity(tmp_path / "a") == file_identity(tmp_path / "b") != ""
    assert file_identity(tmp_path / "c") == ""


def test_an_inode_that_was_given_to_another_file_is_not_the_same_file(tmp_path: Path) -> None:
    """File systems give them out again at once."""
    path = tmp_path / "a"
    path.write_text("")
    before = file_identity(path)
    os.utime(path, ns=(0, 1))
    assert file_identity(path) != before


@pytest.mark.skipif(sys.platform == "win32", reason="names are letters there")
@given(
    st.binary(min_size=1, max_size=30)
    | st.text(min_size=1, max_size=20).map(lambda text: text.encode("utf-8", "ignore"))
)
def test_a_path_of_any_bytes_is_kept_and_found_again(name: bytes) -> None:
    """Names of files are bytes; a database takes letters only, and the same name is the same text in every locale."""
    path = Path(os.fsdecode(name.replace(b"\0", b"_")))
    assert as_text(path).encode()
    if not any(0xF780 <= ord(one) <= 0xF7FF for one in str(path)):
        assert from_text(as_text(path)) == path


@pytest.mark.skipif(sys.platform == "win32", reason="names are letters there")
def test_a_table_of_a_name_in_another_code_page_is_entered(tmp_path: Path) -> None:
    """As an old archive unpacks it."""
    book, table = book_of(tmp_path), tmp_path / os.fsdecode(b"M\xf6we.csv")
    enter(book, "id of a", table, tmp_path / os.fsdecode(b"M\xf6we.csv.ledger"), "second")
    found = entry_of(book, "id of a")
    assert found
    assert (found.table, found.path) == (str(table), f"{table}.ledger")


def test_a_ledger_that_was_moved_stands_at_its_new_place(tmp_path: Path) -> None:
    """Only that one; its token is as it was."""
    other, book = book_of(tmp_path, "b"), book_of(tmp_path, "a")
    (tmp_path / "c.csv").write_text("a\n1\n")
    note_place(book, "id of b", tmp_path / "c.csv", tmp_path / "c.csv.ledger")
    book.commit()
    moved, here = entry_of(book, "id of b"), entry_of(book, "id of a")
    assert moved is not None
    assert here is not None
    assert (moved.table, moved.path) == (str(tmp_path / "c.csv"), str(tmp_path / "c.csv.ledger"))
    assert (moved.table_file, moved.token) == (file_identity(tmp_path / "c.csv"), other.token)
    assert here.table == str(tmp_path / "a.csv")
