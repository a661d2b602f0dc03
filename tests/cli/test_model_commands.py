"""The commands under `model` have their help, and nothing in the environment or a file changes what they do."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from batch.cli.help import COLUMNS, LINES, name_of, options_in
from batch.cli.main import main
from batch.cli.model_commands import model, open_table

COMMANDS = sorted(model.commands)
PLAIN = {"mapped": {}, "ignored": (), "prefix": None, "price": None, "output": None, "encoding": None}


def typed(*words: object, **environment: str) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="kling-batch", env=environment)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_has_its_help(name: str) -> None:
    """On one screen, all of it."""
    short, whole = typed("model", name, "-h"), typed("model", name, "--help-all")
    assert (short.exit_code, whole.exit_code) == (0, 0)
    assert len(short.output.splitlines()) <= LINES
    assert max(map(len, short.output.splitlines())) <= COLUMNS
    for option in options_in(model.commands[name].params):
        assert f"--{name_of(option)}" in short.output
        assert option.help
    assert whole.output == short.output
    assert all(name in typed("model", words).output for name in COMMANDS for words in ("--help", "--help-all"))


def test_what_is_set_for_other_commands_is_none_of_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`model` is an option of those and a command: a file and the environment set the option."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kling-batch.toml").write_text('model = "kling-3.0-pro"\nmax-spend = 3\n')
    assert "kling-2.1-pro" in typed("model", "list", KLING_BATCH_MODEL="kling-3.0-pro").output
    (tmp_path / "shots.csv").write_text("prompt,image\na,https://x.y/1\n")
    assert "as before" not in typed("check", "shots.csv").output
    assert "kling-3.0-pro" in typed("config", "shots.csv").output
    told = typed("check", "shots.csv", KLING_BATCH_MODEL="kling-none")
    assert (told.exit_code, "there is no such model" in told.output) == (2, True)


def test_a_new_table_has_the_columns_of_the_model_that_a_file_sets(tmp_path: Path) -> None:
    """Beside the table, as for a run."""
    (tmp_path / "kling-batch.toml").write_text('model = "kling-3.0-pro"\n')
    assert typed("new", tmp_path / "shots.csv").exit_code == 0
    header = (tmp_path / "shots.csv").read_text().splitlines()[0]
    assert "audio" in header
    assert typed("new", tmp_path / "plain.csv", "--model", "kling-2.1-pro").exit_code == 0
    assert "audio" not in (tmp_path / "plain.csv").read_text().splitlines()[0]


def test_a_table_is_opened_for_the_model_that_is_said(tmp_path: Path) -> None:
    """The usual one where nothing is."""
    shots = tmp_path / "shots.csv"
    assert open_table(shots, model=None).manifest.job.name == "kling-2.1-pro"
    one = open_table(shots, model="kling-3.0-pro")
    assert (one.manifest.job.name, one.options.model, one.model_told) == ("kling-3.0-pro", "kling-3.0-pro", True)
    assert "kling-2.1-pro" in one.manifest.models.names


def test_it_is_a_group() -> None:
    """Of plain commands: each of them is asked for at once."""
    assert isinstance(model, click.Group)
    assert COMMANDS == ["add", "list", "refresh", "show"]
