"""Which files are tables, and in which form; the others are refused."""

import codecs
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.errors import ManifestError
from batch.table import open_table
from tests.support.csv_files import (
    put,
)


def test_the_first_bytes_decide_and_not_the_name(tmp_path: Path) -> None:
    """Parquet under .csv is Parquet, CSV under .parquet is CSV."""
    wrong = tmp_path / "wrong.csv"
    pq.write_table(pa.table({"a": ["x"]}), wrong)
    assert open_table(wrong).columns == ("a",)
    (tmp_path / "right.parquet").write_text("a,b\n1,2\n")
    assert open_table(tmp_path / "right.parquet").columns == ("a", "b")


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
        (b"PK\x03\x04rest", "zip archive, and damaged"),
        (b"PK\x05\x06" + bytes(18), "empty zip archive"),
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
