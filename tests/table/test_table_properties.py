"""What holds for every CSV file."""

import csv
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from batch.errors import ManifestError
from batch.table import Cell, Column, ColumnType, open_table
from batch.table.csv_reader import raw_cells, read_records
from batch.table.csv_table import CsvTable

OURS = [Column("status", ColumnType.TEXT), Column("error", ColumnType.TEXT), Column("attempts", ColumnType.INTEGER)]
NAMES = [column.name for column in OURS]
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# A soup of what CSV is made of finds more than random bytes do.
pieces = st.sampled_from(
    [
        *(b",", b";", b"\t", b"|", b'"', b'""', b"\r", b"\n", b"\r\n", b" ", b"\0", b"a", b"sep=;", b"=1", b"PAR1"),
        *("é".encode(), b"\xe9", b"\x81", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"status"),
    ]
)
soup = st.one_of(st.binary(max_size=60), st.lists(pieces, max_size=30).map(b"".join))
cells = st.text(st.one_of(st.sampled_from(",;\t|\"\r\n '=0a"), st.characters(exclude_categories=["Cs"])), max_size=8)
results = st.lists(
    st.tuples(st.none() | st.text(max_size=12), st.none() | cells, st.none() | st.integers(0, 9)),
    min_size=30,
    max_size=30,
)


@dataclass(frozen=True)
class Sheet:
    """A generated table and how it is written."""

    data: bytes
    delimiter: str


@st.composite
def sheets(draw: st.DrawFn, names: st.SearchStrategy[str] = cells) -> Sheet:
    """A table as some program might write it: any dialect, ragged, with needless quotes and blank lines."""
    delimiter = draw(st.sampled_from(",;\t|"))
    width = draw(st.integers(1, 5))
    header = draw(st.lists(names, min_size=width, max_size=width))
    records = draw(st.lists(st.lists(cells, max_size=width + 2), max_size=6))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    preamble = f"sep={delimiter}{end}" if draw(st.booleans()) else ""

    def raw(cell: str) -> str:
        if any(sign in cell for sign in (delimiter, '"', "\r", "\n")) or draw(st.booleans()):
            return '"' + cell.replace('"', '""') + '"' + draw(st.sampled_from(["", "", "", " ", 'x"']))
        return cell

    lines = [delimiter.join(map(raw, record)) for record in [header, *records]]
    text = preamble + end.join(lines) + draw(st.sampled_from(["", end]))
    codec = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    try:
        return Sheet(text.encode(codec), delimiter)
    except UnicodeEncodeError:
        return Sheet(text.encode("utf-8-sig"), delimiter)


def put(folder: str, data: bytes) -> Path:
    path = Path(folder, "shots.csv")
    path.write_bytes(data)
    return path


def plain(path: Path) -> tuple[CsvTable, list[list[str]]]:
    """The table, and all its records as csv.reader reads the file in one piece."""
    table = open_table(path)
    assert isinstance(table, CsvTable)
    dialect = table.dialect
    text = path.read_bytes()[len(dialect.encoding.bom) :].decode(dialect.encoding.codec).removeprefix(dialect.preamble)
    quoting = csv.QUOTE_MINIMAL if dialect.quotes else csv.QUOTE_NONE
    lines = io.StringIO(text, newline="")
    return table, [row for row in csv.reader(lines, delimiter=dialect.delimiter, quoting=quoting) if row]


@quick
@given(soup)
@example(b"PAR1")
@example(b'"')
@example(b"\xff\xfea")
def test_no_bytes_raise_anything_but_a_manifest_error(data: bytes) -> None:
    """And what can be opened can be read, and copied byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        path = put(folder, data)
        try:
            table = open_table(path)
            list(table.records())
        except ManifestError:
            return
        copy = Path(folder, "copy.csv")
        table.write(copy, [], [])
        assert copy.read_bytes() == data


@quick
@given(soup, results)
def test_any_bytes_that_open_keep_the_users_cells_and_settle(data: bytes, rows: list[tuple[Cell, ...]]) -> None:
    """After our cells were added the user's are as before, and a second write changes nothing."""
    assume(b"status" not in data)
    with tempfile.TemporaryDirectory() as folder:
        check_keeps_and_settles(put(folder, data), rows)


@quick
@given(sheets(), results)
def test_any_table_keeps_the_users_cells_and_settles(sheet: Sheet, rows: list[tuple[Cell, ...]]) -> None:
    """As above, for tables as programs write them."""
    with tempfile.TemporaryDirectory() as folder:
        check_keeps_and_settles(put(folder, sheet.data), rows)


def check_keeps_and_settles(path: Path, rows: list[tuple[Cell, ...]]) -> None:
    try:
        table, before = plain(path)
        count = sum(1 for _ in table.records())
        assume(not set(NAMES) & set(table.columns))
        table.write(path.with_name("plain.csv"), OURS, rows[:count])
    except ManifestError:
        return
    # What is written can be read back, whatever is in it: the proof never refuses a good file.
    table.write(path, OURS, rows[:count], rows[:count])
    assert path.read_bytes() == path.with_name("plain.csv").read_bytes()
    again, after = plain(path)
    width = max(map(len, before))
    assert [row[:width] for row in after] == [row + [""] * (width - len(row)) for row in before]
    assert after[0][width:] == NAMES
    assert all(len(row) == width + 3 for row in after)
    state = path.stat()
    again.write(path, OURS, rows[:count])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (state.st_ino, state.st_mtime_ns)


@quick
@given(sheets(st.sampled_from(["a", "b c", "status", "error", ""])), results)
def test_cells_are_replaced_where_our_columns_stand(sheet: Sheet, rows: list[tuple[Cell, ...]]) -> None:
    """Wherever ours stand, every other cell keeps its raw text, and a second write changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = put(folder, sheet.data)
        try:
            table, before = plain(path)
            old = raws(path, table)
            cut = [row[:2] for row in rows[: len(before) - 1]]
            table.write(path, OURS[:2], cut, cut)
        except ManifestError:
            return
        again, after = plain(path)
        assume(again.dialect == table.dialect)  # else what showed that it never quotes stood in a column of ours
        ours = {len(again.columns) - 1 - again.columns[::-1].index(name) for name in NAMES[:2]}
        assert len(after) == len(before)
        for was, now in zip(old, raws(path, again), strict=True):
            assert all(raw == now[i] for i, raw in enumerate(was) if i not in ours)
        state = path.stat()
        again.write(path, OURS[:2], [row[:2] for row in rows[: len(before) - 1]])
        assert path.stat().st_mtime_ns == state.st_mtime_ns


def raws(path: Path, table: CsvTable) -> list[list[str]]:
    """The raw cells of every record, sliced out by the reader."""
    delimiter, quotes = table.dialect.delimiter, table.dialect.quotes
    with table.dialect.open_text(path) as text:
        records = read_records(text, delimiter, "", quotes=quotes)
        return [raw_cells(raw.rstrip("\r\n"), delimiter, quotes=quotes) for _, raw, row in records if row]
