"""The encoding and the delimiter of a file, found and kept."""

import csv
import io
from pathlib import Path

import pytest

from batch.table import Column, ColumnType
from tests.support.csv_files import EXCEL, opened, written


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


def test_what_the_codec_cannot_express_is_escaped(tmp_path: Path) -> None:
    """Our text in a cp1252 file; an own column name that cannot be expressed is found again."""
    columns = [Column("状态", ColumnType.TEXT)]
    once = written(tmp_path, "name\nMöwe\n".encode("cp1252"), columns, [("é 🐦",)])
    assert once == b"name,\\u72b6\\u6001\nM\xf6we,\xe9 \\U0001f426\n"
    assert written(tmp_path, once, columns, [("é 🐦",)]) == once
