"""What a person says of how a text table is to be read."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.errors import UsageError
from batch.table import ReadingOptions, open_table


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "windows-1252", "cp932", "latin1", "mac_roman", "utf-16", "iso2022_jp"]
)
def test_any_name_that_python_knows_will_do(name: str) -> None:
    """In any of the ways to write it."""
    assert ReadingOptions(encoding=name).encoding == name


@pytest.mark.parametrize("name", ["utf-9", "Japanese", "rot13", "hex", "base64", "undefined", "a\0b", "ä", ""])
def test_a_name_that_stands_for_no_encoding_of_texts_is_refused(name: str) -> None:
    """With names to choose from, before any file is opened."""
    with pytest.raises(
        UsageError, match=r"--encoding .* there is no such encoding; names are like utf-8, windows-1252"
    ):
        ReadingOptions(encoding=name)


def test_rows_are_numbered_from_one() -> None:
    """As in the spreadsheet."""
    with pytest.raises(UsageError, match="--header-row 0: rows are numbered from 1"):
        ReadingOptions(header_row=0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (ReadingOptions(encoding="cp932"), "^--encoding: "),
        (ReadingOptions(header_row=2), "^--header-row: "),
        (ReadingOptions(encoding="cp932", header_row=2), "^--encoding and --header-row: "),
    ],
)
def test_a_parquet_file_takes_no_such_option(options: ReadingOptions, said: str, tmp_path: Path) -> None:
    """Its texts and its titles are what they are; names to look for do no harm."""
    path = tmp_path / "shots.parquet"
    pq.write_table(pa.table({"prompt": ["x"]}), path)
    with pytest.raises(UsageError, match=said + ".*is a Parquet file"):
        open_table(path, options)
    assert open_table(path, ReadingOptions(titles=["x"])).columns == ("prompt",)
