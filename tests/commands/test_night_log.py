"""The log of nights that nobody watches: dated, bounded, as private as the table, and no reason to fail."""

import re
from pathlib import Path

import pytest

from batch.commands import night_log as module
from batch.commands.night_log import KEPT, night_log


def test_every_line_has_its_date_and_is_one_line(tmp_path: Path) -> None:
    """Of whatever is said."""
    table = tmp_path / "shots.csv"
    table.touch(0o600)
    with night_log(tmp_path / "shots.csv.log", table) as say:
        say("one\ntwo \x1b[31m \udcff")
        say("three %s")
    lines = (tmp_path / "shots.csv.log").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4} .+", line) for line in lines)
    assert lines[1].endswith(" three %s")
    assert "\x1b" not in lines[0]
    assert (tmp_path / "shots.csv.log").stat().st_mode & 0o777 == 0o600


def test_it_is_rotated_by_size_and_five_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many nights there are."""
    monkeypatch.setattr(module, "MOST_BYTES", 200)
    table = tmp_path / "shots.csv"
    table.touch()
    for night in range(30):
        with night_log(tmp_path / "shots.csv.log", table) as say:
            say(f"night {night} " + "x" * 60)
    names = sorted(path.name for path in tmp_path.glob("*.log*"))
    assert names == ["shots.csv.log", *(f"shots.csv.log.{n}" for n in range(1, KEPT + 1))]
    assert all(path.stat().st_size <= 200 for path in tmp_path.glob("*.log*"))
    assert "night 29" in (tmp_path / "shots.csv.log").read_text()


def test_a_log_that_cannot_be_written_is_said_once_and_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk, a folder in its place."""
    (tmp_path / "shots.csv.log").mkdir()
    with night_log(tmp_path / "shots.csv.log", tmp_path / "shots.csv") as say:
        say("one")
        say("two")
    assert capsys.readouterr().err.count("shots.csv.log cannot be written") == 1
