"""The kinds of values behind options: what is empty or not plainly meant is refused, with its option's name."""

import click
import pytest
from click.testing import CliRunner

from batch.cli.option_types import PATH, SECONDS, Typed, whole_number
from batch.errors import UsageError


def given(kind: Typed, text: str) -> object:
    """What a command gets for `--it TEXT`."""
    seen: list[object] = []

    @click.command()
    @click.option("--it", type=kind)
    def command(it: object) -> None:
        seen.append(it)

    told = CliRunner().invoke(command, ["--it", text])
    if told.exception and not isinstance(told.exception, SystemExit):
        raise told.exception
    return seen[0]


@pytest.mark.parametrize("kind", [PATH, SECONDS, whole_number(1)], ids=["path", "seconds", "integer"])
@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_value_is_a_variable_that_is_not_set(kind: Typed, text: str) -> None:
    with pytest.raises(UsageError, match="--it: its value is empty: give one, or leave the option out"):
        given(kind, text)


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("7", 7), ("9", 9)])
def test_a_whole_number_between_two_is_taken(text: str, number: int) -> None:
    assert given(whole_number(1, 9), text) == number


@pytest.mark.parametrize("text", ["0", "10", "1_0", "1.0", "-1", "٣"])
def test_any_other_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(UsageError, match="--it: "):
        given(whole_number(1, 9), text)
