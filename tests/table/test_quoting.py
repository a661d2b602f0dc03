"""Quotes that do not enclose their cell, and files in which quotes are text."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.table import open_table
from batch.table.quoting import misquoted, never_quotes
from tests.support.csv_files import DONE, OURS, count, opened, put


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ('"O P E N" on a sign,x', [(0, '"O P E N" on a sign')]),
        (r'a,"The sign says \"OPEN\"",b', [(1, r'"The sign says \"OPEN\""')]),
        (r'"He said \"go, now\" loudly",b', [(0, r'"He said \"go')]),
        ('1, "A boat, drifting",b', [(1, ' "A boat')]),
        ('"a"b"c",2', [(0, '"a"b"c"')]),
    ],
)
def test_a_cell_that_its_quotes_do_not_enclose_is_found(raw: str, found: list[tuple[int, str]]) -> None:
    """With its raw text: what was meant can be told from it."""
    assert misquoted(raw + "\r\n", ",") == tuple(found)


@pytest.mark.parametrize(
    "raw",
    [
        *("a,b", '"a",b', '"a, b",c', '"say ""hi""",b', '"""",b', '""', '"two\nlines",b', '"a" ,b', 'say "hi",x"y"z'),
        *(' "2" ,b', ' "O P E N" on a sign,b', '5",b', '"a"\t,b'),
    ],
)
def test_a_cell_that_is_read_as_it_is_written_is_not(raw: str) -> None:
    """Quotes inside a text without outer ones are text, and a blank behind the closing one does no harm."""
    assert misquoted(raw + "\n", ",") == ()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from('",; a\t\n'), max_size=6), min_size=1, max_size=4), st.sampled_from(",;\t|"))
def test_whatever_a_csv_writer_writes_is_sound(cells: list[str], delimiter: str) -> None:
    """No false alarm over a file that was written by the rules."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerow(cells)
    assert misquoted(text.getvalue(), delimiter) == ()


TEXT_QUOTES = b'prompt\timage\tnote\n"O P E N" on a sign\ta.png\t\n"whole"\tb.png\n"never closed\tc.png\tx\n'


def test_in_a_tab_separated_file_that_never_quotes_quotes_are_text(tmp_path: Path) -> None:
    """Every one of them is sent, and a text that begins with one swallows no row."""
    table = opened(tmp_path, TEXT_QUOTES)
    assert [record.cells[0] for record in table.records()] == ['"O P E N" on a sign', '"whole"', '"never closed']
    assert all(record.misquoted == () for record in table.records())


def test_our_cells_in_a_file_that_never_quotes_need_no_quotes(tmp_path: Path) -> None:
    """What would need them is written otherwise; the file is read as before, and settles."""
    path = put(tmp_path, TEXT_QUOTES)
    columns, rows = OURS, [(f'"{name}"\tsays\n"x"', *DONE[1:]) for name in "abc"]
    open_table(path).write(path, columns, rows, proof=rows)
    again = open_table(path)
    assert [record.cells[0] for record in again.records()] == ['"O P E N" on a sign', '"whole"', '"never closed']
    assert [record.cells[3] for record in again.records()] == [f"'{name}' says 'x'" for name in "abc"]
    before = path.read_bytes()
    again.write(path, columns, rows, proof=rows)
    assert (path.read_bytes(), count(open_table(path))) == (before, 3)


@pytest.mark.parametrize(
    "text",
    [
        "prompt\timage\na\tb\n",
        '"prompt"\timage\n"a"\tb\n',
        'prompt\timage\n"a ""b"""\tc\n"d" e\tf\n',
        'prompt\timage\n"two\nlines"\tc\n"d" e\tf\n',
        'prompt\timage\na\t"two\nlines"\n"d" e\tf\n',
        'prompt\timage\n"with\ta tab"\tc\n"d" e\tf\n',
        'prompt\timage\n"never closed\tc\n',
        'prompt\t"two\nlines"\n"d" e\tf\n',
    ],
)
def test_a_file_that_quotes_anywhere_quotes(text: str) -> None:
    """A single cell that needs its quotes shows it; so a wrong quote in such a file is told, not sent."""
    assert not never_quotes(io.StringIO(text, newline=""))


def test_a_record_tells_which_of_its_cells_are_misquoted(tmp_path: Path) -> None:
    """Also one that is shorter or longer than the header."""
    table = opened(tmp_path, b'a,b\n"x" y\n1,"x" y,"z" w\n"ok",2\n')
    assert [record.misquoted for record in table.records()] == [
        ((0, '"x" y'),),
        ((1, '"x" y'), (2, '"z" w')),
        (),
    ]
