"""Every help fits a screen of 24 lines and 80 columns, shows what is common first, and its example works."""

import shlex

import click
import pytest
from click.testing import CliRunner

from batch.cli.command import SettledCommand
from batch.cli.help import COLUMNS, LINES, full_help, name_of, options_in, short_help
from batch.cli.main import main
from batch.cli.option_groups import COMMANDS, COMMON, EXAMPLES, GROUPS

NAMES = sorted(name for name, command in main.commands.items() if isinstance(command, SettledCommand))
TO_COME = {"download"}


def told(*arguments: str) -> str:
    ended = CliRunner().invoke(main, [*arguments], prog_name="kling-batch")
    assert ended.exit_code == 0, ended.output
    return ended.output


@pytest.mark.parametrize("arguments", [("--help",), *((name, "--help") for name in NAMES)], ids=" ".join)
def test_help_fits_a_screen(arguments: tuple[str, ...]) -> None:
    """24 lines of 80 columns."""
    lines = told(*arguments).splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= COLUMNS


@pytest.mark.parametrize("name", NAMES)
def test_all_help_has_every_option_with_its_whole_text(name: str) -> None:
    """In lines of 80 columns."""
    text = told(name, "--help-all")
    plain = "".join(text.split())  # a long word may be broken
    for option in options_in(main.commands[name].params):
        assert f"--{name_of(option)}" in plain
        assert "".join((option.help or "").split()) in plain
    if name != "sandbox":  # whose faults are a table
        assert max(map(len, text.splitlines())) <= COLUMNS


def test_all_commands_are_in_the_help() -> None:
    """In the short one at least by name."""
    assert all(name in told("--help") and f"  {name} " in told("--help-all") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_an_example_that_is_understood(name: str) -> None:
    """Its name, its options and their values."""
    example = EXAMPLES[name]
    assert f"For example: {example}" in told(name, "--help")
    _, typed, *rest = shlex.split(example)
    assert typed == name
    above = click.Context(main, info_name="kling-batch", **main.context_settings)
    main.commands[name].make_context(name, rest, parent=above)


def test_the_groups_speak_of_options_and_commands_that_there_are() -> None:
    """Each option in one group; what is not there any more is not named. One command may come."""
    every = {name_of(option) for command in main.commands.values() for option in options_in(command.params)}
    grouped = [name for names in GROUPS.values() for name in names]
    assert len(grouped) == len({*grouped})
    assert {*COMMON} <= {*grouped}
    assert {*grouped} <= every
    assert ({*COMMANDS} | {*EXAMPLES}) - {*main.commands} <= TO_COME


def test_a_new_option_needs_no_entry_and_a_crowd_of_common_ones_still_fits() -> None:
    """It stands under "More"; of the common ones the more important stay."""
    options = [click.Option([f"--{name}"], help="x" * 200) for name in [*COMMON, *(f"new-{n}" for n in range(20))]]
    command = click.Command("crowd", params=list(options), help="Much. " * 30)
    context = click.Context(command, info_name="crowd")
    text = short_help(context, command, options)
    assert len(text.splitlines()) <= LINES
    assert f"--{COMMON[0]}" in text
    assert "new-1" not in text
    assert "More:" in full_help(context, command, options)
