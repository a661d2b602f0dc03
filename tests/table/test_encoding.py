"""In which encoding a file is written: told, marked, UTF-8, or guessed where that reads well."""

import codecs
from pathlib import Path

import pytest

from batch.errors import ManifestError, UsageError
from batch.table import ReadingOptions, open_table
from batch.table.encoding import BLOCK
from tests.support.csv_files import STATUS, opened, put

RUSSIAN = "prompt,image\nБумажная лодка медленно плывёт,a.png\n"
JAPANESE = "prompt,image\n紙の船が運河をゆっくりと流れていく。,a.png\n"
POLISH = "prompt,image\nŁódź płynie przez kanał i żółte światło,a.png\n"


@pytest.mark.parametrize(
    ("text", "codec", "reading"),
    [(RUSSIAN, "cp1251", "'Бумажная лодка"), (JAPANESE, "cp932", "'紙の船が"), (POLISH, "cp1250", "'Łódź płynie")],
)
def test_a_guess_that_gives_nonsense_is_not_taken_but_asked(
    text: str, codec: str, reading: str, tmp_path: Path
) -> None:
    """With the option, and what the likely code pages make of the text; with the option it is read."""
    path = put(tmp_path, text.encode(codec))
    with pytest.raises(ManifestError) as caught:
        open_table(path)
    assert f"{codec} ({reading}" in str(caught.value)
    assert "name its code page with --encoding" in str(caught.value)
    (record,) = open_table(path, ReadingOptions(encoding=codec)).records()
    assert record.cells[0] == text.splitlines()[1].partition(",")[0]


def test_a_guess_that_reads_well_is_taken_and_told(tmp_path: Path) -> None:
    """What is marked, told or UTF-8 is no guess."""
    assert opened(tmp_path, "name\nMöwe\n".encode("cp1252")).guessed == "Windows-1252"
    assert opened(tmp_path, "name\nMöwe\n".encode()).guessed is None
    path = put(tmp_path, "name\nMöwe\n".encode("cp1252"))
    assert open_table(path, ReadingOptions(encoding="latin-1")).guessed is None


@pytest.mark.parametrize(
    "codec",
    [
        "cp932",
        "euc_jp",
        "iso2022_jp",
        "gbk",
        "big5",
        "cp949",
        "cp1251",
        "koi8_r",
        "utf-16-le",
        "utf-32-be",
        "utf-7",
        "hz",
    ],
)
def test_a_file_in_any_encoding_keeps_its_bytes_beside_ours(codec: str, tmp_path: Path) -> None:
    """Also one whose signs hang together from line to line; what it lacks is escaped in our cells."""
    text = {
        "cp1251": RUSSIAN,
        "koi8_r": RUSSIAN,
        "gbk": "prompt,image\n一只纸船,a\n",
        "hz": "prompt,image\n一只纸船,a\n",
    }.get(
        codec,
        JAPANESE
        if "jp" in codec or codec == "cp932"
        else "prompt,image\n종이배,a\n"
        if codec == "cp949"
        else "prompt,image\n紙,a\n",
    )
    path, options = put(tmp_path, text.encode(codec)), ReadingOptions(encoding=codec)
    before = [record.cells for record in open_table(path, options).records()]
    open_table(path, options).write(tmp_path / "copy.csv", [], [])
    assert (tmp_path / "copy.csv").read_bytes() == text.encode(codec)
    for _ in range(2):
        open_table(path, options).write(path, [STATUS], [("done 🐦",)], proof=[("done 🐦",)])
        (record,) = open_table(path, options).records()
        assert record.cells[:2] == before[0]
        assert "done " in record.cells[2]
    header, line = path.read_bytes().decode(codec).splitlines()
    assert (header, line.rpartition(",")[0]) == (f"{text.splitlines()[0]},status", text.splitlines()[1])


def test_bytes_that_would_not_be_the_same_again_are_refused(tmp_path: Path) -> None:
    """Code page 932 has signs that are written in two ways; which one it was is lost in the reading."""
    path = put(tmp_path, b"prompt,image\n\x81\xbe,a\n\x87\x9c,b\n")  # one sign, twice
    with pytest.raises(ManifestError, match=r"cannot be kept byte for byte in cp932: what stands from byte 18 on"):
        open_table(path, ReadingOptions(encoding="cp932"))


def test_bytes_that_the_encoding_does_not_have_are_told_with_their_line(tmp_path: Path) -> None:
    """And with what it may be instead."""
    path = put(tmp_path, RUSSIAN.encode("cp1251"))
    with pytest.raises(ManifestError, match=r"not written in utf-8: see byte 13, in line 2; name another .*cp1251"):
        open_table(path, ReadingOptions(encoding="utf-8"))


@pytest.mark.parametrize(
    ("mark", "codec", "told"),
    [(codecs.BOM_UTF8, "utf-8", "utf8"), (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"), (b"", "utf-16-le", "utf-16")],
)
def test_a_mark_and_what_was_told_may_agree(mark: bytes, codec: str, told: str, tmp_path: Path) -> None:
    """The mark is not part of the first title; a file without one is read in the usual order of bytes."""
    path = put(tmp_path, mark + "é\nx\n".encode(codec))
    assert open_table(path, ReadingOptions(encoding=told)).columns == ("é",)


def test_a_mark_is_believed_before_what_was_told(tmp_path: Path) -> None:
    """The file knows better."""
    path = put(tmp_path, codecs.BOM_UTF8 + b"a\nx\n")
    with pytest.raises(UsageError, match="begins with the mark of UTF-8: say --encoding utf-8"):
        open_table(path, ReadingOptions(encoding="cp1252"))


def test_a_long_file_is_judged_block_by_block(tmp_path: Path) -> None:
    """A sign may lie across the end of a block."""
    text = "prompt,image\n" + "x" * (BLOCK - 14) + JAPANESE * 3
    path = put(tmp_path, text.encode("cp932"))
    assert open_table(path, ReadingOptions(encoding="cp932")).columns == ("prompt", "image")
    with pytest.raises(ManifestError, match="cp932"):
        open_table(path)
