"""New tables are read as they were meant, and can be filled in."""

from pathlib import Path

import openpyxl
import pytest

from batch.errors import UsageError
from batch.table import open_table
from batch.table.starters import StarterColumn, make_table

COLUMNS = [
    StarterColumn("id", "A name."),
    StarterColumn("prompt", width=48),
    StarterColumn("duration", "Seconds.", ("5", "10")),
]
ROWS = [("0012", 'A "boat", drifting\nslowly — é', "5"), ("=1+1", "https://example.com", "")]


@pytest.mark.parametrize("name", ["shots.csv", "shots.xlsx", "shots.parquet"])
def test_a_new_table_is_read_as_it_was_meant(name: str, tmp_path: Path) -> None:
    """Ids with zeros, quotes, line breaks, what looks like a formula or a link."""
    make_table(tmp_path / name, COLUMNS, ROWS)
    table = open_table(tmp_path / name)
    assert table.columns == ("id", "prompt", "duration")
    assert [record.cells for record in table.records()] == ROWS


def test_a_workbook_has_choices_and_notes(tmp_path: Path) -> None:
    """And keeps what is typed as text where it is one."""
    make_table(tmp_path / "shots.xlsx", COLUMNS, ROWS)
    page = openpyxl.load_workbook(tmp_path / "shots.xlsx")["Shots"]
    (rule,) = page.data_validations.dataValidation
    assert (str(rule.sqref), rule.formula1) == ("C2:C1001", '"5,10"')
    assert page["A1"].comment.text == "A name."
    assert (page["C2"].value, page["A2"].number_format, page.freeze_panes) == (5, "@", "A2")


def test_a_table_without_rows_can_be_made(tmp_path: Path) -> None:
    """Of each form."""
    for name in ("a.csv", "a.xlsx", "a.parquet"):
        make_table(tmp_path / name, COLUMNS, [])
        assert list(open_table(tmp_path / name).records()) == []


def test_other_forms_are_refused(tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match=r"a \.csv, an \.xlsx or a \.parquet file"):
        make_table(tmp_path / "shots.ods", COLUMNS, [])
