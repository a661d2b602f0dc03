"""CSV files as spreadsheets, editors and scripts write them, and columns of ours to write into them."""

import codecs
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from batch.table import Cell, Column, ColumnType, Table, open_table

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
