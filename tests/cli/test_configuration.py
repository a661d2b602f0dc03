"""`config` says what holds, and from where, as a run would be told."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from batch.cli.main import main


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film").mkdir()
    return tmp_path / "film"


def told(*arguments: str) -> str:
    ended = CliRunner().invoke(main, ["config", *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_nothing_is_set_where_no_file_is(film: Path) -> None:
    """Both places are named, so that one can begin."""
    lines = told("film/shots.csv").splitlines()
    assert lines == [
        f"{film}/kling-batch.toml (not there)",
        f"{film.parent}/config/kling-batch/config.toml (not there)",
        "nothing is set: every option is at its default",
    ]


def test_each_value_stands_beside_where_it_comes_from(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A section of one command is named, where others hold another value."""
    (film / "kling-batch.toml").write_text("max-spend = 20.50\n[run]\nlimit = 2\n")
    monkeypatch.setenv("KLING_BATCH_UNTIL", "07:00")
    lines = told("film/shots.csv").splitlines()
    assert f"  max-spend = 20.50   ({film}/kling-batch.toml)" in lines
    assert f"  run: limit = 2   ({film}/kling-batch.toml)" in lines
    assert "  until = 07:00   (KLING_BATCH_UNTIL)" in lines
    assert not any("stop-after" in line for line in lines)
    assert "  stop-after = 10   (default)" in told("film/shots.csv", "--all").splitlines()


def test_it_is_told_to_a_program_for_every_command(film: Path) -> None:
    """All options, with the files."""
    (film / "kling-batch.toml").write_text("map = {image = 'Bild'}")
    parsed = json.loads(told("film/shots.csv", "--json"))
    assert parsed["files"][0] == {"path": f"{film}/kling-batch.toml", "there": True}
    found = {(one["command"], one["option"]): one for one in parsed["settings"]}
    assert found["run", "map"]["value"] == ["image=Bild"]
    assert found["check", "map"]["from"] == f"{film}/kling-batch.toml"
    assert found["sandbox", "slots"] == {"option": "slots", "command": "sandbox", "value": "2", "from": "default"}


def test_what_a_run_would_refuse_is_refused(film: Path) -> None:
    """So that a file can be tried before the night."""
    (film / "kling-batch.toml").write_text("max-spend = -1")
    ended = CliRunner().invoke(main, ["config", "film/shots.csv"])
    assert (ended.exit_code, "'-1' is not an amount" in ended.output) == (2, True)
