"""The page "More than one machine": its commands are typed, and its options are those that there are."""

import re
import shlex
from pathlib import Path

import click
import pytest

from batch.cli.main import main
from tests.support.night import Night, statuses
from tests.support.ray_nodes import needs_ray

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "batch" / "workers" / "README.md").read_text(encoding="utf-8")


@needs_ray
def test_the_rehearsal_of_the_page_goes_through(tmp_path: Path) -> None:
    """As it stands there, without a key and without a network."""
    (block,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    install, command = block.splitlines()
    assert install == "pip install 'ray[client]>=2.40'"
    (tmp_path / "shots.csv").write_text(f"prompt,image\na kite,{ROOT}/samples/images/kite.jpg\n")
    ended = Night(tmp_path).run(*shlex.split(command)[1:])
    assert ended.code == 0, ended.err
    assert statuses(tmp_path / "shots.sandbox.csv") == {"succeeded": 1}


@pytest.mark.parametrize("line", [line for line in PAGE.splitlines() if line.startswith("kling-batch ")])
def test_every_command_of_the_page_can_be_meant(line: str) -> None:
    """Its options are read as they are typed there."""
    _, name, *typed = shlex.split(line)
    command = main.commands[name]
    assert isinstance(command, click.Command)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in typed if word.startswith("--")} <= known


def test_the_versions_that_it_names_are_the_ones_that_are_asked_for() -> None:
    """In the package's own metadata."""
    assert '"ray[client]>=2.40"' in (ROOT / "pyproject.toml").read_text()
