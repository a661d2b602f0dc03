"""The row with the titles, also where it is not the first one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.errors import UsageError
from batch.table import ReadingOptions, Record, open_table
from batch.table.header import LOOKED_THROUGH, find_header
from tests.support.csv_files import DONE, OURS, opened, put

TITLED = (
    b'Canal film;"Stand; 2026"\r\n\r\nall shots,\xc3\xa9;;;\r\nID;Prompt;Image\r\n1;A boat;a.png\r\n\r\n2;B;b.png;\r\n'
)


@pytest.mark.parametrize(
    ("rows", "number"),
    [
        ([["prompt", "image"], ["a", "b"]], 1),
        ([[], ["Wer", "Was"], ["a", "b"]], 2),
        ([["My film"], [], ["id", "Prompt"], ["1", "a"]], 3),
        ([["My film"], ["prompt"], ["a"]], 1),
        ([["My film", "prompt"], ["image_url", "tail-image"]], 2),
        ([["x"]] * LOOKED_THROUGH + [["prompt", "image"]], 1),
        ([["x"]] * (LOOKED_THROUGH - 1) + [["prompt", "image"]], LOOKED_THROUGH),
    ],
)
def test_the_titles_stand_in_the_first_row_unless_only_a_later_one_has_our_names(
    rows: list[list[str]], number: int
) -> None:
    """Two names at least: one may be a word in a text."""
    found = find_header(enumerate(rows, 1), None)
    assert found == (number, rows[number - 1])


def test_names_that_a_person_maps_are_known_too() -> None:
    """They are what the header is known by in another language."""
    rows = [["Film"], ["prompt", "Startbild"]]
    assert find_header(enumerate(rows, 1), None) == (1, ["Film"])
    assert find_header(enumerate(rows, 1), None, ["Start-Bild"]) == (2, rows[1])


def test_a_row_that_is_told_is_the_one() -> None:
    """Whatever stands in it; not a blank one, and none that is not there."""
    rows = [["prompt", "image"], [], ["x"]]
    assert [find_header(enumerate(rows, 1), told) for told in (1, 2, 3, 4)] == [(1, rows[0]), None, (3, ["x"]), None]


@given(st.lists(st.lists(st.sampled_from(["", "a", "prompt", "image", "id"]), max_size=3), max_size=8))
def test_the_titles_are_a_row_that_is_not_blank(rows: list[list[str]]) -> None:
    """If there is any, there are titles."""
    found = find_header(enumerate(rows, 1), None)
    assert (found is None) == (not any(rows))
    assert found is None or rows[found[0] - 1] == found[1] != []


def test_lines_above_the_titles_are_no_rows_and_rows_are_numbered_as_in_the_spreadsheet(tmp_path: Path) -> None:
    """The delimiter is told by the titles, not by what stands above them."""
    table = opened(tmp_path, TITLED)
    assert table.columns == ("ID", "Prompt", "Image")
    assert list(table.records()) == [Record(5, ("1", "A boat", "a.png")), Record(7, ("2", "B", "b.png"), ("",))]
    assert (table.header_row, table.above, table.delimiter) == (4, ("Canal film", "all shots,é"), ";")


def test_lines_above_the_titles_stay_byte_for_byte(tmp_path: Path) -> None:
    """Also where they are wider than the table, and on every later write."""
    path = put(tmp_path, TITLED)
    open_table(path).write(tmp_path / "copy.csv", [], [])
    assert (tmp_path / "copy.csv").read_bytes() == TITLED
    above = TITLED[: TITLED.index(b"ID;")]
    for _ in range(2):
        open_table(path).write(path, OURS, [DONE] * 2, proof=[DONE] * 2)
        written = path.read_bytes()
        assert written.startswith(above + b"ID;Prompt;Image;;status;")
        assert written.count(b"succeeded") == 2
    assert open_table(path).header_row == 4


def test_a_row_that_is_told_is_read_and_written_as_the_titles(tmp_path: Path) -> None:
    """Also past what is looked through by itself; what is above it is no record."""
    data = b"x\n" * 40 + b"Wer,Was\nich,viel\n"
    path, options = put(tmp_path, data), ReadingOptions(header_row=41)
    table = open_table(path, options)
    assert (table.columns, list(table.records())) == (("Wer", "Was"), [Record(42, ("ich", "viel"))])
    table.write(path, OURS, [DONE], proof=[DONE])
    assert path.read_bytes().startswith(b"x\n" * 40 + b"Wer,Was,status,")
    assert len(list(open_table(path, options).records())) == 1


@pytest.mark.parametrize("row", [2, 9])
def test_a_row_that_is_blank_or_not_there_holds_no_titles(row: int, tmp_path: Path) -> None:
    """The option is wrong, not the table."""
    with pytest.raises(UsageError, match=f"--header-row {row}: row {row} of .* is blank, or not there"):
        open_table(put(tmp_path, b"a,b\n\n1,2\n"), ReadingOptions(header_row=row))


def test_lines_above_that_would_be_others_never_take_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the user's, as much as the records are."""
    from batch.errors import ManifestError
    from batch.table import csv_table

    path = put(tmp_path, TITLED)
    really = csv_table._blocks
    monkeypatch.setattr(csv_table, "_blocks", lambda texts: ["".join(really(texts)).replace("Canal", "Kanal")])
    with pytest.raises(ManifestError, match="cannot be read back"):
        open_table(path).write(path, OURS, [DONE] * 2, proof=[DONE] * 2)
    assert path.read_bytes() == TITLED
