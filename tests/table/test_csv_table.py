"""CSV manifests as they come out of spreadsheets, editors and scripts."""

import codecs
import csv
import io
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from batch.errors import ManifestError
from batch.table import Cell, Column, ColumnType, Record, Table, TableChanged, open_table

STATUS = Column("status", ColumnType.TEXT)
OURS = [
    STATUS,
    Column("video_url", ColumnType.TEXT),
    Column("attempts", ColumnType.INTEGER),
    Column("cost_usd", ColumnType.MONEY),
    Column("finished_at", ColumnType.TIME),
]
DONE: tuple[Cell, ...] = (
    "succeeded",
    "https://v3.fal.media/a.mp4",
    1,
    Decimal("0.49"),
    datetime(2026, 11, 22, 18, 54, 31, 999, UTC),
)
DONE_TEXT = "succeeded,https://v3.fal.media/a.mp4,1,0.49,2026-11-22T18:54:31Z"

# The public cases of csv-spectrum: bytes, header and records.
SPECTRUM: dict[str, tuple[bytes, list[list[str]]]] = {
    "comma_in_quotes": (
        b'first,last,address,city,zip\nJohn,Doe,120 any st.,"Anytown, WW",08123\n',
        [["first", "last", "address", "city", "zip"], ["John", "Doe", "120 any st.", "Anytown, WW", "08123"]],
    ),
    "empty": (b'a,b,c\n1,"",""\n2,3,4\n', [["a", "b", "c"], ["1", "", ""], ["2", "3", "4"]]),
    "empty_crlf": (b'a,b,c\r\n1,"",""\r\n2,3,4\r\n', [["a", "b", "c"], ["1", "", ""], ["2", "3", "4"]]),
    "escaped_quotes": (
        b'a,b\n1,"ha ""ha"" ha"\n3,4\n',
        [["a", "b"], ["1", 'ha "ha" ha'], ["3", "4"]],
    ),
    "json": (
        b'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
        [["key", "val"], ["1", '{"type": "Point", "coordinates": [102.0, 0.5]}']],
    ),
    "location_coordinates": (
        b'Contact Phone Number,Location Coordinates,Cities,Counties\n5554444,"-2.2, 3.3",Paris,Seine\n',
        [
            ["Contact Phone Number", "Location Coordinates", "Cities", "Counties"],
            ["5554444", "-2.2, 3.3", "Paris", "Seine"],
        ],
    ),
    "newlines": (
        b'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
        [["a", "b", "c"], ["1", "2", "3"], ["Once upon \na time", "5", "6"], ["7", "8", "9"]],
    ),
    "newlines_crlf": (
        b'a,b,c\r\n1,2,3\r\n"Once upon \r\na time",5,6\r\n7,8,9\r\n',
        [["a", "b", "c"], ["1", "2", "3"], ["Once upon \r\na time", "5", "6"], ["7", "8", "9"]],
    ),
    "quotes_and_newlines": (
        b'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
        [["a", "b"], ["1", 'ha \n"ha" \nha'], ["3", "4"]],
    ),
    "simple": (b"a,b,c\n1,2,3\n", [["a", "b", "c"], ["1", "2", "3"]]),
    "simple_crlf": (b"a,b,c\r\n1,2,3\r\n", [["a", "b", "c"], ["1", "2", "3"]]),
    "utf8": ("a,b,c\n1,2,3\n4,5,ʤ\n".encode(), [["a", "b", "c"], ["1", "2", "3"], ["4", "5", "ʤ"]]),
}

GERMAN = 'Prompt;Startbild;duration;Notiz\r\n"Ein Hund; läuft";hund.png;5;1,50\r\nMöwe 🐦;möwe.png;10;00123\r\n'
TABBED = 'prompt\timage\tnote\r\nGlück\tglück.png\t"zwei\nZeilen"\r\n\tb.png\tNA\r\n'
EXCEL = {
    "german_with_bom": (codecs.BOM_UTF8 + GERMAN.encode(), ";"),
    "german_cp1252": (GERMAN.replace("🐦", "€").encode("cp1252"), ";"),
    "unicode_text": (codecs.BOM_UTF16_LE + TABBED.encode("utf-16-le"), "\t"),
    "unicode_text_big_endian": (codecs.BOM_UTF16_BE + TABBED.encode("utf-16-be"), "\t"),
    "separator_line": (b"sep=;\r\nprompt;image\r\na, b, c;d.png\r\n", ";"),
    "separator_line_alone_decides": (b"sep=|\nprompt,image\nx,y\n", "|"),
    "treacherous_values": (b"id,a,b,c,d\n00123,NA,1e5,2026-01-02,TRUE\n0,null,-0,1.0,\n", ","),
    "names_twice_and_none": (b"a,,a,\n1,2,3,4\n", ","),
    "optional_quotes": (b'"prompt",image,"duration"\n"plain","b.png",5\nplain,b.png,"5"\n', ","),
    "lone_returns": (b"a,b\r1,2\r3,4\r", ","),
    "mixed_ends": (b"a,b\r\n1,2\n3,4\r5,6", ","),
    "blank_lines": (b"\n\na,b\n\n1,2\n\r\n3,4\n\n", ","),
    "no_last_end": (b"a,b\n1,2", ","),
    "header_only": (b"prompt,image\n", ","),
    "header_only_no_end": (b"prompt,image", ","),
    "ragged": (b"a,b,c\n1\n1,2,3,4,5\n1,2,3\n", ","),
    "quotes_inside": (b'a,b\nsay "hi",x"y"z\n"a"b"c",2\n', ","),
    "spaces": (b' a , b \n 1 , "2" \n', ","),
    "pipes": (b"prompt|image\na, b; c|d\n", "|"),
    "nul": (b"a,b\n1\x002,3\n", ","),
    "one_column": (b"prompt\nA cat, running, fast\nA dog; a bird\n", "\t"),
}
EVERYTHING = {name: data for name, (data, _) in (SPECTRUM | EXCEL).items()}


def put(folder: Path, data: bytes) -> Path:
    path = folder / "shots.csv"
    path.write_bytes(data)
    return path


def opened(folder: Path, data: bytes) -> Table:
    return open_table(put(folder, data))


def written(folder: Path, data: bytes, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> bytes:
    """The file after our columns were written into it."""
    path = put(folder, data)
    open_table(path).write(path, columns, rows)
    return path.read_bytes()


def count(table: Table) -> int:
    return sum(1 for _ in table.records())


@pytest.mark.parametrize("name", SPECTRUM)
def test_reads_the_public_cases_as_they_are_meant(name: str, tmp_path: Path) -> None:
    """Header and cells of csv-spectrum come out as its authors list them."""
    data, (header, *records) = SPECTRUM[name]
    table = opened(tmp_path, data)
    assert table.columns == tuple(header)
    assert [list(record.cells) for record in table.records()] == records


@pytest.mark.parametrize("name", EXCEL)
def test_finds_the_delimiter_that_csv_reader_needs(name: str, tmp_path: Path) -> None:
    """Every dialect is recognised: the cells are those of csv.reader under the right encoding and delimiter."""
    data, delimiter = EXCEL[name]
    text = data.decode("utf-16" if "unicode" in name else "cp1252" if "cp1252" in name else "utf-8-sig")
    if name.startswith("separator"):
        text = text.split("\n", 1)[1]
    header, *records = filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    table = opened(tmp_path, data)
    assert table.columns == tuple(header)
    assert [
        [*record.cells, *record.extra][: len(want)] for record, want in zip(table.records(), records, strict=True)
    ] == records


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


def test_our_cells_stand_at_the_end_of_each_record(tmp_path: Path) -> None:
    """The user's raw text comes first, optional quotes and line ends included; blank lines stay blank."""
    data = b'"prompt",image\r\n"plain",b.png\r\n\r\n"two\r\nlines","x"\n'
    assert written(tmp_path, data, [STATUS], [("succeeded",), ("failed",)]) == (
        b'"prompt",image,status\r\n"plain",b.png,succeeded\r\n\r\n"two\r\nlines","x",failed\n'
    )


def test_ours_stand_right_of_the_longest_record(tmp_path: Path) -> None:
    """Short records are padded, the header gets blank names, and nothing of the user's comes under our name."""
    data = b"a,b\n1\n1,2,3,4\n"
    assert written(tmp_path, data, [STATUS], [("x",), ("y",)]) == b"a,b,,,status\n1,,,,x\n1,2,3,4,y\n"


def test_an_existing_column_is_filled_where_it_stands(tmp_path: Path) -> None:
    """The last of two columns of our name is ours, the rest of the record keeps its raw text."""
    data = b'status,"status",note\nmine,old,"n"\nmine\n'
    expected = b'status,"status",note,cost_usd\nmine,new,"n",0.49\nmine,newer,,0.98\n'
    columns = [STATUS, Column("cost_usd", ColumnType.MONEY)]
    assert written(tmp_path, data, columns, [("new", Decimal("0.49")), ("newer", Decimal("0.98"))]) == expected


def test_a_lone_column_of_ours_never_becomes_a_blank_line(tmp_path: Path) -> None:
    """An emptied cell stays a record."""
    assert written(tmp_path, b"status\nx\ny\n", [STATUS], [("",), (None,)]) == b'status\n""\n""\n'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("a, b", '"a, b"'),
        ('say "x"', '"say ""x"""'),
        ("two\r\nlines\nmore\rend", "two lines more end"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@sum(a,b)", '"\'@sum(a,b)"'),
        ("\t=1", "'\t=1"),
        ("\r=1", "' =1"),
        ("a\0b", "a b"),
        ("", ""),
        ("\ud800", "\\ud800"),
        ("é🐦", "é🐦"),
    ],
)
def test_text_of_ours_is_one_harmless_cell(text: str, shown: str, tmp_path: Path) -> None:
    """Quoted only where needed, on one line, and no formula."""
    assert written(tmp_path, b"a,b\n1,2\n", [STATUS], [(text,)]) == f"a,b,status\n1,2,{shown}\n".encode()


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.49", "0.49"), ("1", "1.00"), ("1E+2", "100.00"), ("0.5", "0.50"), ("0.4905", "0.4905")]
)
def test_money_has_two_decimals_and_no_exponent(amount: str, shown: str, tmp_path: Path) -> None:
    """However the Decimal was made."""
    columns = [Column("cost_usd", ColumnType.MONEY)]
    assert written(tmp_path, b"a\n1\n", columns, [(Decimal(amount),)]).endswith(f"1,{shown}\n".encode())


def test_times_are_written_in_utc(tmp_path: Path) -> None:
    """A time of another zone is converted, one without a zone is refused."""
    columns = [Column("at", ColumnType.TIME)]
    local = datetime(2026, 11, 22, 20, 0, 1, tzinfo=timezone(timedelta(hours=2)))
    assert written(tmp_path, b"a\n1\n", columns, [(local,)]) == b"a,at\n1,2026-11-22T18:00:01Z\n"
    with pytest.raises(ValueError, match="zone"):
        written(tmp_path, b"a\n1\n", columns, [(local.replace(tzinfo=None),)])


def test_what_the_codec_cannot_express_is_escaped(tmp_path: Path) -> None:
    """Our text in a cp1252 file; an own column name that cannot be expressed is found again."""
    columns = [Column("状态", ColumnType.TEXT)]
    once = written(tmp_path, "name\nMöwe\n".encode("cp1252"), columns, [("é 🐦",)])
    assert once == b"name,\\u72b6\\u6001\nM\xf6we,\xe9 \\U0001f426\n"
    assert written(tmp_path, once, columns, [("é 🐦",)]) == once


def test_rows_are_numbered_as_a_spreadsheet_does(tmp_path: Path) -> None:
    """Blank lines count, quoted newlines and the separator line do not."""
    table = opened(tmp_path, b'sep=,\na,b\n1,"x\ny"\n\n2,z\n')
    assert list(table.records()) == [Record(2, ("1", "x\ny")), Record(4, ("2", "z"))]


def test_cells_beyond_the_header_are_extra(tmp_path: Path) -> None:
    """Short records are padded, long ones keep what is too much apart."""
    table = opened(tmp_path, b"a,b\n1\n1,2,3,4\n")
    assert list(table.records()) == [Record(2, ("1", "")), Record(3, ("1", "2"), ("3", "4"))]


def test_a_width_that_is_told_wrong_writes_nothing(tmp_path: Path) -> None:
    """The user's own cells would come to stand under our names."""
    data = b"a,b\n1,2,3\n"
    table = opened(tmp_path, data)
    table.width = 2
    with pytest.raises(ValueError, match="3 cells in a table of 2"):
        table.write(table.path, [STATUS], [("succeeded",)])
    assert table.path.read_bytes() == data


def test_a_cell_may_be_megabytes_long(tmp_path: Path) -> None:
    """An image as a data URI is a cell like any other."""
    image = "data:image/png;base64," + "A" * 5_000_000
    table = opened(tmp_path, f'prompt,image\n"a, b","{image}"\n'.encode())
    assert [record.cells for record in table.records()] == [("a, b", image)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n\r\n\n", "holds no header"),
        (codecs.BOM_UTF8, "holds no header"),
        (b"sep=;\n", "holds no header"),
        (b'a,b\n1,2\n\n3,"4\n5,6\n', "row 4: a quote is opened"),
        (b'a,"b\n', "row 1: a quote is opened"),
        (b"a,b\n1,\x81\n", "neither UTF-8 nor Windows-1252: see byte 6, in line 2; save it again"),
        ("é,b\n".encode() + b"\xe9,1\n", "not UTF-8 throughout: see byte 5, in line 2"),
        (codecs.BOM_UTF8 + b"a\n\xff\n", "begins as UTF-8 but byte 5"),
        (codecs.BOM_UTF16_LE + "a\nb".encode("utf-16-le")[:-1], "begins as UTF-16-LE but byte 6"),
        ("prompt,image\n".encode("utf-16-le"), "NUL"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"\x1f\x8brest", "gzip"),
        (b"PAR1 but no Parquet", "is damaged"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(data: bytes, message: str, tmp_path: Path) -> None:
    """The line names the file, the place and the remedy."""
    path = put(tmp_path, data)
    with pytest.raises(ManifestError) as caught:
        list(open_table(path).records())
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths_that_are_no_file_are_refused(tmp_path: Path) -> None:
    """Missing, a folder, a pipe, a device, an impossible name: none hangs, none is a traceback."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    for path in (tmp_path / "none.csv", tmp_path, pipe, Path("/dev/null"), loop, tmp_path / ("n" * 300), Path("a\0b")):
        with pytest.raises(ManifestError):
            open_table(path)


def test_a_quote_left_open_does_not_read_the_whole_file_into_one_cell(tmp_path: Path) -> None:
    """Beyond the longest cell it is an error of the row in which the quote was opened."""
    table = opened(tmp_path, b'a,b\n1,2\n"3,4\n' + b"x" * (33 << 20) + b'",5\n')
    with pytest.raises(ManifestError, match="row 3"):
        list(table.records())


def test_reading_notices_that_the_file_was_replaced(tmp_path: Path) -> None:
    """Records never come from another file than the one that was opened."""
    table = opened(tmp_path, b"a,b\n1,2\n")
    assert table.unchanged()
    put(tmp_path, b"a,b\n1,2\n3,4\n")
    assert not table.unchanged()
    with pytest.raises(TableChanged):
        list(table.records())


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
