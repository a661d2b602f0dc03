"""The Python API: what it takes, what it gives, DataFrames in and out; here without any service."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest

import batch
from batch import api
from batch.commands.batch import open_batch
from batch.core.run_options import RunOptions
from batch.errors import BatchError, Exit, ManifestError, UsageError
from jobs.kling import KLING_2_1_PRO as JOB

EMPTY = {"take": [1, 2], "prompt": ["", " "], "image": ["https://x.y/1"] * 2}
"""Rows that cannot be run: nothing is asked of anybody."""


UPDATES = ["Completed", "InProgress", "Queued"]
"""What `on_update` is given."""


def test_the_package_has_three_functions() -> None:
    """They are those of `batch.api`, loaded when they are used first; no other name is there by accident."""
    assert batch.__all__ == [*UPDATES, "check", "results", "run"]
    for name in batch.__all__:
        assert getattr(batch, name) is getattr(api, name)
    with pytest.raises(AttributeError, match="'batch' has no attribute 'rerun'"):
        batch.rerun  # noqa: B018


def test_help_shows_the_three_functions() -> None:
    """With their arguments; it is asked of a fresh interpreter, where none was used yet."""
    shown = subprocess.run(
        [sys.executable, "-c", "import batch; help(batch)"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    for name in {*batch.__all__} - {*UPDATES}:
        assert re.search(rf"^    {name}\(", shown, re.MULTILINE), name
    for name in UPDATES:
        assert re.search(rf"^    class {name}\(", shown, re.MULTILINE), name
    assert "US dollars, for this run and over the ledger's life" in shown
    assert {*batch.__all__} < {*dir(batch)}


def test_a_run_takes_every_option_by_name_with_the_command_lines_defaults() -> None:
    """A new option is a new argument here; only how an end was typed is nothing that Python says."""
    given = inspect.signature(api.run).parameters
    options = {field.name: field.default for field in fields(RunOptions) if field.name != "ends"}
    assert {name: given[name].default for name in options} == options
    assert [name for name, one in given.items() if one.kind is one.POSITIONAL_OR_KEYWORD] == ["manifest", "path"]
    assert {*given} - {*options} == {"manifest", "path", "say", "sandbox", "table", "on_update"}


@pytest.mark.parametrize("function", [api.check, api.open_batch])
def test_what_is_said_of_a_table_is_said_as_to_open_batch(function: Callable[..., object], tmp_path: Path) -> None:
    """Its further arguments; one that it does not have is a mistake, not left out."""
    shots = tmp_path / "shots.csv"
    shots.write_text("Text,image,tail\na,https://x.y/1,\n")
    given = {
        "mapped": {"prompt": "Text"},
        "encoding": "utf-8",
        "header_row": 1,
        "ignored": ["tail"],
        "prefix": "kling_",
        "price": "5=1",
        "output": tmp_path / "out.csv",
    }
    assert {*given} < {*inspect.signature(open_batch).parameters}
    function(shots, **given)
    with pytest.raises(TypeError, match="maped"):
        function(shots, maped={"prompt": "Text"})


def test_a_check_is_that_of_the_command_line(tmp_path: Path) -> None:
    """By a path or its text; of the usual model, or of another one."""
    shots = tmp_path / "shots.csv"
    shots.write_text("prompt,image\na,https://x.y/1\n,https://x.y/2\n")
    checked = api.check(str(shots))
    assert (checked.exit_code, checked.standing.to_run_price) == (Exit.ROWS_FAILED, 490_000)
    assert api.check(shots, price="5=1").standing.to_run_price == 1_000_000
    assert api.check(shots, job=replace(JOB, prices={"5": 7})).standing.to_run_price == 7
    assert [path.name for path in tmp_path.iterdir()] == ["shots.csv"]


def test_a_frame_is_kept_and_comes_back_with_its_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its types and values as they were, ours beside them; nothing is printed, all of it is said."""
    frame, path, said = pd.DataFrame(EMPTY), tmp_path / "shots.parquet", []
    outcome = api.run(frame, path, say=said.append)
    assert (outcome.exit_code, outcome.spent_now, outcome.table) == (Exit.ROWS_FAILED, 0, str(path))
    assert said[0] == "columns: prompt, image"
    assert said[-1] == "2 rows cannot be run: `kling-batch check` lists why"
    assert capsys.readouterr() == ("", "")
    made = api.results(path)
    pd.testing.assert_frame_equal(made[[*EMPTY]], frame)
    assert list(made["status"]) == ["invalid", "invalid"]
    again = api.run(frame, str(path), max_spend=1.5, limit=3)
    assert (again.exit_code, again.next_command) == (Exit.ROWS_FAILED, f"kling-batch check {path}")


def test_the_results_of_a_csv_are_texts(tmp_path: Path) -> None:
    """Nothing is guessed: leading zeros stay, and an empty cell is an empty text."""
    shots = tmp_path / "shots.csv"
    shots.write_text("take,prompt,image\n007,,https://x.y/1\n")
    api.run(shots)
    made = api.results(shots)
    assert (made["take"][0], made["status"][0], made["video_url"][0]) == ("007", "invalid", "")


def test_mistakes_are_errors_of_the_package(tmp_path: Path) -> None:
    """Before anything is kept or asked."""
    frame = pd.DataFrame(EMPTY)
    with pytest.raises(UsageError, match="a DataFrame needs a path"):
        api.run(frame)
    with pytest.raises(ManifestError, match="No such file"):
        api.results(tmp_path / "none.csv")
    with pytest.raises(ManifestError, match="No such file"):
        api.run(tmp_path / "none.csv")
    api.run(frame, tmp_path / "shots.parquet")
    with pytest.raises(UsageError, match="holds other rows than this DataFrame"):
        api.run(frame[:1], tmp_path / "shots.parquet")


@pytest.mark.parametrize("money", [-1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("cap", ["max_spend", "max_spend_total"])
def test_a_cap_that_cannot_be_meant_is_refused(tmp_path: Path, cap: str, money: float) -> None:
    """As on the command line: it must not become no cap."""
    shots = tmp_path / "shots.csv"
    shots.write_text("prompt,image\n,https://x.y/1\n")
    with pytest.raises(BatchError, match="is not an amount of US dollars"):
        api.run(shots, **{cap: money})  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["shots.csv"]


def test_a_rehearsal_is_one_argument(tmp_path: Path) -> None:
    """It has its own ledger and its own results."""
    given = api.open_batch(tmp_path / "shots.csv", sandbox=True)
    assert (given.sandbox, given.table.name, given.manifest.job) == (True, "shots.sandbox.csv", JOB)
