"""The file: whole, as private as the table, and over nothing that is not an earlier report of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from batch.errors import UsageError
from batch.report_page.page_file import require_ours, write_page
from batch.report_page.rendering import render
from tests.report_page.test_rendering import EMPTY


def test_a_report_replaces_the_one_before(tmp_path: Path) -> None:
    """With the table's permissions."""
    table, page = tmp_path / "shots.csv", tmp_path / "shots.report.html"
    table.write_text("prompt\n")
    table.chmod(0o640)
    for version in ("1", "2"):
        write_page(page, render(replace(EMPTY, version=version)), table, table)
        assert f"kling-batch {version}." in page.read_text()
    assert page.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shots.csv", "shots.report.html"]


@pytest.mark.parametrize("table", ["shots.parquet", 'a"><b>&.csv'])
def test_the_report_of_another_table_stays(tmp_path: Path, table: str) -> None:
    """Two tables may differ in their ends only."""
    page = tmp_path / "shots.report.html"
    ledger = tmp_path / "shots.ledger"
    ledger.touch()
    write_page(page, render(replace(EMPTY, table=table)), Path(table), ledger)
    require_ours(page, Path(table))
    with pytest.raises(UsageError, match=r"is the report of .*, not of shots\.csv: name another file with --to"):
        write_page(page, render(EMPTY), tmp_path / "shots.csv", page)


@pytest.mark.parametrize("text", ["", "<!doctype html><title>mine</title>", "<script>kling-batch report</script>"])
def test_what_is_not_ours_stays(tmp_path: Path, text: str) -> None:
    """To the byte."""
    page = tmp_path / "shots.report.html"
    page.write_text(text)
    with pytest.raises(UsageError, match="is no report of kling-batch: move it away"):
        write_page(page, render(EMPTY), tmp_path / "shots.csv", page)
    assert page.read_text() == text


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    """And what to do."""
    with pytest.raises(UsageError, match=r"cannot be replaced .*name another file with --to"):
        require_ours(tmp_path, tmp_path / "shots.csv")
