"""What is typed for the options that commands share, and what is refused there."""

import inspect
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.cli.option_types import End
from batch.cli.options import NAMED_ROWS, RUN, RUN_VIDEOS, TABLE, run_options
from batch.commands.batch import open_batch
from batch.core.run_options import MOST_AT_ONCE, RunOptions
from batch.errors import UsageError


def typed(options: Any, *arguments: str) -> dict[str, Any]:
    """What a command with these options is given; what is refused is raised."""
    told = click.command()(options(lambda **given: given)).main([*arguments], standalone_mode=False)
    assert isinstance(told, dict)
    return told


def run_typed(*arguments: str) -> RunOptions:
    """The options of a run as typed."""
    told = typed(RUN, *arguments)
    del told["as_json"]
    return run_options(**told)


def test_a_run_of_which_nothing_is_said_is_the_default_one() -> None:
    """The command line and the Python API begin from the same options."""
    assert run_typed() == RunOptions()


def test_every_option_of_a_run_can_be_typed() -> None:
    """`--until` and `--max-runtime` are one end together, and how it was said."""
    names = {*typed(RUN), *typed(RUN_VIDEOS)} - {"as_json", "until", "max_runtime"} | {"max_seconds", "ends"}
    assert names == {field.name for field in fields(RunOptions)}


def test_every_argument_of_a_batch_can_be_typed() -> None:
    """But the job, which its name stands for, and what jobs there are."""
    assert {*typed(TABLE, "shots.csv")} == {*inspect.signature(open_batch).parameters} - {"job", "models", "find"}


def test_what_is_typed_for_a_run_is_what_it_is_told() -> None:
    """Money in millionths of a dollar, times in seconds."""
    told = run_typed(
        *("--concurrency", "7", "--max-concurrency", "9", "--max-spend", "12.50", "--max-spend-total", "$99"),
        *("--limit", "3", "--max-runtime", "1h30m", "--stop-after", "0"),
    )
    assert told == RunOptions(
        concurrency=7,
        max_concurrency=9,
        max_spend=12_500_000,
        max_spend_total=99_000_000,
        limit=3,
        max_seconds=5400.0,
        ends=("--max-runtime 1h30m",),
        stop_after=0,
    )


def test_the_earlier_of_two_ends_counts() -> None:
    """Whichever of the two it is."""
    early, late = End(100.0, "early"), End(200.0, "late")
    first, second = run_options(until=early, max_runtime=late), run_options(until=late, max_runtime=early)
    assert (first.max_seconds, first.ends) == (100.0, ("--until early", "--max-runtime late"))
    assert (second.max_seconds, second.ends) == (100.0, ("--max-runtime early", "--until late"))
    assert run_options(until=None, max_runtime=early).max_seconds == 100.0
    assert run_options(until=None, max_runtime=None).max_seconds is None


def test_a_run_can_be_typed_again_as_it_was() -> None:
    """Every option that holds for the next one too, money to the millionth; not what is decided each time."""
    words = [
        *("--concurrency", "7", "--max-concurrency", "9", "--max-spend", "12.5", "--max-spend-total", "0.000001"),
        *("--max-spend-account", "20/night", "--limit", "3", "--stop-after", "0"),
        *("--max-runtime", "1h30m", "--until", "07:00", "--recall"),
    ]
    told = run_typed(*words)
    assert sorted(told.typed) == sorted(words)
    assert replace(run_typed(*told.typed), max_seconds=None) == replace(told, max_seconds=None)
    assert run_typed("--buy-again", "--own-table").typed == RunOptions().typed == []
    assert run_typed(*RunOptions(max_seconds=90.5).typed).max_seconds == 90.5


def test_a_time_of_day_is_an_end_within_two_days() -> None:
    """Counted from now on the local clock."""
    assert 0 < (run_typed("--until", "07:00").max_seconds or 0) <= 49 * 3600


@pytest.mark.parametrize(("text", "meant"), [("auto", None), ("1", 1), (str(MOST_AT_ONCE), MOST_AT_ONCE)])
def test_a_concurrency_is_auto_or_a_number(text: str, meant: int | None) -> None:
    """As many as the account runs, or so many."""
    assert run_typed("--concurrency", text).concurrency == meant


@pytest.mark.parametrize("text", ["0", "-1", str(MOST_AT_ONCE + 1), "", "AUTO", "1.5", "٣", "²", "1e2", " 1"])
def test_a_concurrency_that_cannot_be_meant_is_refused(text: str) -> None:
    """With what can be."""
    with pytest.raises(
        UsageError, match="is empty" if not text else f"neither auto nor a number from 1 to {MOST_AT_ONCE}"
    ):
        run_typed("--concurrency", text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--limit", "0"),
        ("--max-concurrency", "0"),
        ("--max-concurrency", str(MOST_AT_ONCE + 1)),
        ("--stop-after", "-1"),
    ],
)
def test_a_number_out_of_its_range_is_refused(arguments: tuple[str, str]) -> None:
    """Before anything is read."""
    with pytest.raises(UsageError):
        run_typed(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-spend", "a lot"),
        ("--max-spend", "-1"),
        ("--max-spend-total", "nan"),
        ("--until", "25:00"),
        ("--max-runtime", "8"),
    ],
)
def test_money_and_times_that_cannot_be_meant_are_refused(arguments: tuple[str, str]) -> None:
    """A cap that nobody can read must not become no cap."""
    with pytest.raises(UsageError):
        run_typed(*arguments)


def test_a_cap_of_nothing_is_a_cap() -> None:
    """Zero is not the same as unsaid."""
    assert run_typed("--max-spend", "0", "--max-spend-total", "0.00") == RunOptions(max_spend=0, max_spend_total=0)


# The table


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text(min_size=1, max_size=9).filter(str.strip), max_size=4
    )
)
def test_columns_are_mapped_as_they_are_named(mapped: dict[str, str]) -> None:
    """The first equals sign ends the input's name: a column may hold more of them, and spaces."""
    arguments = [part for name, column in mapped.items() for part in ("--map", f"{name}={column}")]
    assert typed(TABLE, *arguments, "shots.csv")["mapped"] == mapped


@pytest.mark.parametrize("text", ["image", "=Startbild", "image=", "image= ", "="])
def test_a_mapping_that_lacks_a_side_is_refused_with_an_example(text: str) -> None:
    """Before the table is opened."""
    with pytest.raises(click.BadParameter, match="write INPUT=COLUMN, like image=Startbild"):
        typed(TABLE, "--map", text, "shots.csv")


def test_a_table_of_which_nothing_more_is_said_is_the_plain_one() -> None:
    """Its file only."""
    told = dict.fromkeys(("model", "prefix", "price", "output", "encoding", "header_row", "sheet"))
    plain = {"mapped": {}, "ignored": (), **told, "forget_options": False, "sandbox": False}
    assert typed(TABLE, "shots.csv") == {"manifest": Path("shots.csv"), **plain}


def test_rows_are_named_by_number_and_by_id_any_number_of_times() -> None:
    """A number is a number, an id is a text."""
    told = typed(NAMED_ROWS, "--row", "3", "--id", "7", "--row", "12", "--id", "s 1")
    assert told == {"numbers": (3, 12), "ids": ("7", "s 1")}
    with pytest.raises(UsageError):
        typed(NAMED_ROWS, "--row", "s1")
