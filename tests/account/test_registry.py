"""Which ledgers a book knows."""

import os
from pathlib import Path

from batch.account.registry import enter, entry, entry_of, file_identity, other_entries, unknown_to
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
