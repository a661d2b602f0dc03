"""The options that commands share, and the checks of what is typed for them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from batch.core.run_options import MOST_AT_ONCE, RunOptions

PATH = click.Path(path_type=Path)
DEFAULTS = RunOptions()

Decorator = Callable[[Any], Any]


def _all_of(*options: Decorator) -> Decorator:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _mapping(_ctx: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, equals, column in pairs:
        if not (name and equals and column):
            raise click.BadParameter(f"{name}{equals}{column}: write INPUT=COLUMN, like image=Startbild")
    return {name.strip(): column for name, _, column in pairs}


def _concurrency(_ctx: click.Context, _parameter: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= MOST_AT_ONCE:
        raise click.BadParameter(f"{value!r} is neither auto nor a number from 1 to {MOST_AT_ONCE}")
    return int(value)


def _dollars(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    from batch.core.money import micros

    return micros(value) if value else None


def _duration(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    from batch.cli import times

    return times.seconds(value) if value else None


def _time_of_day(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    from datetime import datetime

    from batch.cli import times

    return times.seconds_until(value, datetime.now().astimezone()) if value else None


SANDBOX = click.option("--sandbox", is_flag=True, help="Play the service on this machine: free, no key, no network.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")

TABLE = _all_of(
    click.argument("manifest", type=PATH),
    click.option(
        "--map", "mapped", multiple=True, callback=_mapping, metavar="INPUT=COLUMN", help="Which column holds an input."
    ),
    click.option("--prefix", default="", metavar="TEXT", help="Put before the names of our result columns."),
    click.option(
        "--price", metavar="5=0.49,10=0.98", help="What a row costs by its duration, if not fal's usual price."
    ),
    click.option("--output", type=PATH, help="Write the results to this file instead of into the manifest."),
    SANDBOX,
)
"""The table and how it is read: the arguments of `batch.commands.batch.open_batch`."""

RUN = _all_of(
    click.option(
        "--concurrency",
        callback=_concurrency,
        default="auto",
        show_default=True,
        metavar="N",
        help="How many requests are unfinished at fal at once; auto: as many as the account runs, and a few that wait.",
    ),
    click.option(
        "--max-concurrency",
        type=click.IntRange(1, MOST_AT_ONCE),
        default=DEFAULTS.max_concurrency,
        show_default=True,
        metavar="N",
        help="Never more than this at once.",
    ),
    click.option(
        "--max-spend",
        callback=_dollars,
        metavar="USD",
        help="Spend no more in this run, with what is under way or in doubt.",
    ),
    click.option(
        "--max-spend-total", callback=_dollars, metavar="USD", help="Spend no more on this table, over all its runs."
    ),
    click.option("--limit", type=click.IntRange(1), metavar="ROWS", help="Begin no more rows than this."),
    click.option(
        "--until",
        callback=_time_of_day,
        metavar="HH:MM",
        help="End by this time of day, with everything home that can be.",
    ),
    click.option("--max-runtime", callback=_duration, metavar="8h", help="End after this long at the latest."),
    click.option(
        "--stop-after",
        type=click.IntRange(0),
        default=DEFAULTS.stop_after,
        show_default=True,
        metavar="N",
        help="Stop submitting when so many rows in a row end the same bad way; 0: never.",
    ),
    AS_JSON,
)
"""How a run is to go: the fields of `RunOptions`, `--until` and `--max-runtime` being `max_seconds` together."""

NAMED_ROWS = _all_of(
    click.option("--row", "numbers", multiple=True, type=int, help="This row, as the spreadsheet numbers it."),
    click.option("--id", "ids", multiple=True, help="The row with this id."),
)


def run_options(*, until: float | None, max_runtime: float | None, **options: Any) -> RunOptions:
    """What was said of a run, as one record."""
    ends = [seconds for seconds in (until, max_runtime) if seconds is not None]
    return RunOptions(max_seconds=min(ends, default=None), **options)
