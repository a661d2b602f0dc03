"""What is new since the report before: told once, and still there when the page is made again."""

from pathlib import Path

import pytest

from batch.report_page.previous_report import Telling, keep_telling, next_telling, read_telling


def test_the_first_report_has_nothing_new() -> None:
    """There was none before it."""
    assert next_telling(None, "k", 7, 100.0) == Telling("k", 7, 100.0, 7, 0.0)


def test_what_came_later_is_new_and_stays_so_until_more_comes() -> None:
    """Whoever makes the page twice does not lose it."""
    first = next_telling(None, "k", 7, 100.0)
    second = next_telling(first, "k", 20, 200.0)
    assert (second.since, second.since_at) == (7, 100.0)
    again = next_telling(second, "k", 20, 300.0)
    assert (again.since, again.since_at) == (7, 100.0)
    third = next_telling(again, "k", 21, 400.0)
    assert (third.since, third.since_at) == (20, 300.0)


@pytest.mark.parametrize(("key", "upto"), [("other", 30), ("k", 3)])
def test_another_ledger_begins_anew(key: str, upto: int) -> None:
    """Also an older copy that was put back."""
    assert next_telling(Telling("k", 20, 200.0, 7, 100.0), key, upto, 300.0).since_at == 0.0


def test_it_is_kept_beside_the_page_as_private_as_the_table(tmp_path: Path) -> None:
    """In a folder that need not be there yet."""
    table = tmp_path / "shots.csv"
    table.write_text("prompt\n")
    table.chmod(0o640)
    told = Telling("k", 20, 200.0, 7, 100.0)
    keep_telling(tmp_path / "shots.report", told, table)
    assert read_telling(tmp_path / "shots.report") == told
    (file,) = (tmp_path / "shots.report").iterdir()
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"key": "k", "upto": "x"}', '{"key":"k","upto":1,"at":1e99,"since":0,"since_at":0}']
)
def test_what_nobody_can_read_tells_nothing(tmp_path: Path, text: str) -> None:
    """Then there was no report."""
    (tmp_path / "told.json").write_text(text)
    assert read_telling(tmp_path) is None
