"""CSV manifests, read and written again."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from batch.errors import ManifestError
from batch.table import Cell, Column, ColumnType, Record, csv_table, open_table
from tests.support.csv_files import (
    DONE,
    DONE_TEXT,
    EVERYTHING,
    OURS,
    SPECTRUM,
    STATUS,
    TABBED,
    count,
    opened,
    put,
    written,
)


@pytest.mark.parametrize("name", SPECTRUM)
def test_reads_the_public_cases_as_they_are_meant(name: str, tmp_path: Path) -> None:
    """Header and cells of csv-spectrum come out as its authors list them."""
    data, (header, *records) = SPECTRUM[name]
    table = opened(tmp_path, data)
    assert table.columns == tuple(header)
    assert [list(record.cells) for record in table.records()] == records


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_write_without_columns_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    """Nothing asked for, nothing changed."""
    table = opened(tmp_path, EVERYTHING[name])
    table.write(tmp_path / "copy.csv", [], [])
    assert (tmp_path / "copy.csv").read_bytes() == EVERYTHING[name]


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_second_write_of_the_same_cells_leaves_the_file_alone(name: str, tmp_path: Path) -> None:
    """Not even its time of modification changes, and our cells are read where they were written."""
    path = put(tmp_path, EVERYTHING[name])
    rows = [DONE] * count(open_table(path))
    open_table(path).write(path, OURS, rows)
    before = path.stat()
    again = open_table(path)
    assert again.columns[-5:] == tuple(column.name for column in OURS)
    assert {record.cells[-5:] for record in again.records()} <= {tuple(DONE_TEXT.split(","))}
    again.write(path, OURS, rows)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(tmp_path.iterdir()) == [path]


def test_cells_beyond_the_header_are_extra(tmp_path: Path) -> None:
    """Short records are padded, long ones keep what is too much apart."""
    table = opened(tmp_path, b"a,b\n1\n1,2,3,4\n")
    assert list(table.records()) == [Record(2, ("1", "")), Record(3, ("1", "2"), ("3", "4"))]


def test_rows_that_do_not_fit_the_records_are_refused(tmp_path: Path) -> None:
    """Too few, too many, too narrow: the file stays as it was and nothing is left beside it."""
    table = opened(tmp_path, b"a\n1\n2\n")
    for rows in ([("x",)], [("x",)] * 3, [("x", "y")] * 2):
        with pytest.raises(ValueError, match=r"rows than records|a row of"):
            table.write(table.path, [STATUS], rows)
    with pytest.raises(ValueError, match="distinct names"):
        table.write(table.path, [STATUS, STATUS], [("x", "y")] * 2)
    assert table.path.read_bytes() == b"a\n1\n2\n"
    assert list(tmp_path.iterdir()) == [table.path]


def test_an_error_of_the_rows_own_source_passes_through(tmp_path: Path) -> None:
    """A fault of the ledger while it is read is not taken for one of the table."""
    table = opened(tmp_path, b"a\n1\n")

    def rows() -> Iterator[Sequence[Cell]]:
        raise sqlite3.OperationalError("disk I/O error")
        yield ()

    with pytest.raises(sqlite3.OperationalError):
        table.write(table.path, [STATUS], rows())
    assert list(tmp_path.iterdir()) == [table.path]


def test_a_delimiter_that_would_not_be_found_again_is_an_error(tmp_path: Path) -> None:
    """When our texts would make another delimiter as likely, the user is told to name his."""
    data = b"a,b;c;d\n1,2\n"
    table = opened(tmp_path, data)
    with pytest.raises(ManifestError, match="sep="):
        table.write(table.path, [Column("b;c;d", ColumnType.TEXT)], [("x;y;z",)])
    assert table.path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [table.path]
    assert written(tmp_path, b"sep=,\n" + data, [Column("b;c;d", ColumnType.TEXT)], [("x;y;z",)]).endswith(b"1,x;y;z\n")


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_is_read_back_before_it_takes_the_place_is_the_same_file(name: str, tmp_path: Path) -> None:
    """The proof changes nothing in what is written, on the first write and where our columns stand already."""
    path = put(tmp_path, EVERYTHING[name])
    rows = [DONE] * count(open_table(path))
    open_table(path).write(tmp_path / "plain.csv", OURS, rows)
    for _ in range(2):
        open_table(path).write(path, OURS, rows, proof=rows)
        assert path.read_bytes() == (tmp_path / "plain.csv").read_bytes()


HARMS = {
    "a cell of the user's": lambda text: text.replace("zwei", "drei"),
    "a name of the user's": lambda text: text.replace("prompt", "promt"),
    "a cell of ours": lambda text: text.replace("succeeded", "pending"),
    "a name of ours": lambda text: text.replace("status", "state"),
    "a cell of the user's that slips under ours": lambda text: text.replace("Gl", "\tGl", 1),
    "a row lost": lambda text: text[: text.index("\tb.png")],
    "a row added": lambda text: text + "more\r\n",
    "another row number": lambda text: text.replace("\tb.png", "\r\n\tb.png"),
    "a quote left open": lambda text: text.replace("b.png", '"b.png'),
    "nothing at all": lambda _: "",
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_file_that_would_be_read_otherwise_never_takes_the_place(
    harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with what was written is told with the table's name; the table is as it was."""
    data = TABBED.encode("utf-16")
    path = put(tmp_path, data)
    table = open_table(path)
    really = csv_table._blocks
    monkeypatch.setattr(csv_table, "_blocks", lambda texts: [HARMS[harm]("".join(really(texts)))])
    with pytest.raises(
        ManifestError, match=r"shots\.csv: with our columns in it, the table cannot be read back as it was \(.+\)"
    ) as told:
        table.write(path, OURS, [DONE] * 2, proof=[DONE] * 2)
    assert ".tmp" not in str(told.value)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]
