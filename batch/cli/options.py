"""The options that commands share, and the checks of what is typed for them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from batch.cli.numbers import number, whole
from batch.core.run_options import MOST_AT_ONCE, RunOptions
from batch.errors import UsageError

DEFAULTS = RunOptions()

Decorator = Callable[[Any], Any]


def _all_of(*options: Decorator) -> Decorator:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


class Typed(click.ParamType):  # type: ignore[type-arg]  # before 8.4, click's own has no arguments
    """What stands after an option, read by a function; what is empty, or not plainly meant, is refused with its name.

    An empty value is a variable that is not set (`--max-spend "$CAP"`): it must not become no cap.
    """

    def __init__(self, name: str, read: Callable[[str], Any] = str) -> None:
        self.name = name
        self._read = read

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,  # noqa: ARG002 - click gives it
    ) -> Any:
        if not isinstance(value, str):
            return value
        name = param.opts[0] if isinstance(param, click.Option) else self.name
        if not value.strip():
            raise UsageError(f"{name}: its value is empty: give one, or leave the option out")
        try:
            return self._read(value)
        except UsageError as error:
            raise UsageError(f"{name}: {error}") from error


def whole_number(least: int = 0, most: int | None = None) -> Typed:
    """A type for whole numbers between these."""
    return Typed("integer", lambda text: whole(text, least, most) if most is not None else whole(text, least))


def _concurrency(text: str) -> int | None:
    try:
        return None if text == "auto" else whole(text, 1, MOST_AT_ONCE)
    except UsageError as error:
        raise UsageError(f"{text!r} is neither auto nor a number from 1 to {MOST_AT_ONCE}") from error


def _dollars(text: str) -> int:
    from batch.core.money import micros

    return micros(text)


def _account_cap(text: str) -> Any:
    from batch.core.money import AccountCap

    return AccountCap.read(text)


def _duration(text: str) -> float:
    from batch.cli import times

    return times.seconds(text)


def _time_of_day(text: str) -> float:
    from datetime import datetime

    from batch.cli import times

    return times.seconds_until(text, datetime.now().astimezone())


def _mapping(_ctx: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    mapped: dict[str, str] = {}
    for value in values:
        name, _, column = value.partition("=")
        if not (name.strip() and column.strip()):
            raise click.BadParameter(f"{value!r}: write INPUT=COLUMN, like image=Startbild")
        if name.strip() in mapped:
            raise click.BadParameter(f"{name.strip()!r} is given two columns: name one")
        mapped[name.strip()] = column
    return mapped


PATH = Typed("path", Path)
TEXT = Typed("text")
SECONDS = Typed("seconds", number)
ROW = whole_number(1)
DOLLARS = Typed("dollars", _dollars)

SANDBOX = click.option("--sandbox", is_flag=True, help="Play the service on this machine: free, no key, no network.")
FAULT = click.option(
    "--fault",
    "faults",
    multiple=True,
    type=TEXT,
    metavar="KIND:WHICH=FAULT",
    help="With --sandbox: what goes wrong, e.g. submit:3=cut_after; `kling-batch sandbox --help` lists what can.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")

TABLE = _all_of(
    click.argument("manifest", type=PATH),
    click.option(
        "--map",
        "mapped",
        type=TEXT,
        multiple=True,
        callback=_mapping,
        metavar="INPUT=COLUMN",
        help="Which column holds an input.",
    ),
    click.option(
        "--ignore",
        "ignored",
        type=TEXT,
        multiple=True,
        metavar="COLUMN",
        help="This column is no input, though it is named much like one.",
    ),
    click.option(
        "--model",
        type=TEXT,
        metavar="NAME",
        help="Which model: a name of `kling-batch model list`, or an endpoint; kling-2.1-pro by default.",
    ),
    click.option(
        "--prefix", type=TEXT, default=None, metavar="TEXT", help="Put before the names of our result columns."
    ),
    click.option(
        "--price",
        type=TEXT,
        metavar="5=0.49,10=0.98",
        help="What a row costs by its duration, if not fal's usual price.",
    ),
    click.option(
        "--encoding",
        type=TEXT,
        metavar="NAME",
        help="In which encoding a CSV file is written, if it does not say so: cp1250, cp932, …",
    ),
    click.option(
        "--header-row", type=whole_number(1), metavar="N", help="The row in which the titles stand (CSV, Excel)."
    ),
    click.option("--sheet", type=TEXT, metavar="NAME", help="The sheet of an Excel workbook that holds the shots."),
    click.option("--output", type=PATH, help="Write the results to this file instead of into the manifest."),
    SANDBOX,
)
"""The table and how it is read: the arguments of `batch.commands.batch.open_batch`."""

TABLE_NAMES = (
    "manifest",
    "mapped",
    "ignored",
    "model",
    "prefix",
    "price",
    "output",
    "encoding",
    "header_row",
    "sheet",
    "sandbox",
)
"""The parameters of `TABLE`."""

RUN = _all_of(
    click.option(
        "--concurrency",
        type=Typed("number", _concurrency),
        default="auto",
        show_default=True,
        metavar="N",
        help="How many requests are unfinished at fal at once; auto: as many as the account runs, and a few that wait.",
    ),
    click.option(
        "--max-concurrency",
        type=whole_number(1, MOST_AT_ONCE),
        default=DEFAULTS.max_concurrency,
        show_default=True,
        metavar="N",
        help="Never more than this at once.",
    ),
    click.option(
        "--max-spend",
        type=DOLLARS,
        metavar="USD",
        help="Spend no more in this run, with what is under way or in doubt.",
    ),
    click.option(
        "--max-spend-total", type=DOLLARS, metavar="USD", help="Spend no more on this table, over all its runs."
    ),
    click.option(
        "--max-spend-account",
        type=Typed("dollars a period", _account_cap),
        metavar="USD/night",
        help="Spend no more with this key on this machine, over all tables, a night (noon to noon), day or month.",
    ),
    click.option("--limit", type=whole_number(1), metavar="ROWS", help="Begin no more rows than this."),
    click.option(
        "--until",
        type=Typed("time", _time_of_day),
        metavar="HH:MM",
        help="End by this time of day, with everything home that can be.",
    ),
    click.option(
        "--max-runtime", type=Typed("duration", _duration), metavar="8h", help="End after this long at the latest."
    ),
    click.option("--recall", is_flag=True, help="Ctrl-C takes back what still waits in fal's line; it costs nothing."),
    click.option(
        "--stop-after",
        type=whole_number(),
        default=DEFAULTS.stop_after,
        show_default=True,
        metavar="N",
        help="Stop submitting when so many rows in a row end the same bad way; 0: never.",
    ),
    click.option(
        "--adopt-known", is_flag=True, help="Take over videos that fal's records show as bought without this ledger."
    ),
    click.option("--buy-again", is_flag=True, help="Buy rows again that fal's records show as bought before."),
    click.option(
        "--own-table",
        is_flag=True,
        help="Make a copied table and ledger, which also run elsewhere, a table of its own.",
    ),
    AS_JSON,
)
"""How a run is to go: the fields of `RunOptions`, `--until` and `--max-runtime` being `max_seconds` together."""

NAMED_ROWS = _all_of(
    click.option("--row", "numbers", multiple=True, type=ROW, help="This row, as the spreadsheet numbers it."),
    click.option("--id", "ids", multiple=True, type=TEXT, help="The row with this id."),
)


def run_options(*, until: float | None, max_runtime: float | None, **options: Any) -> RunOptions:
    """What was said of a run, as one record."""
    ends = [seconds for seconds in (until, max_runtime) if seconds is not None]
    if options.get("adopt_known") and options.get("buy_again"):
        raise click.UsageError("--adopt-known takes over what was bought, --buy-again pays again: give one of them")
    return RunOptions(max_seconds=min(ends, default=None), **options)
