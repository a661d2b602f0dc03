"""The options that commands share, and the checks of what is typed for them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from batch.cli.option_types import (
    DOLLARS,
    PATH,
    ROWS,
    TEXT,
    End,
    Typed,
    account_cap,
    cluster,
    concurrency,
    duration,
    lifecycle,
    time_of_day,
    whole_number,
)
from batch.core.run_options import MOST_AT_ONCE, MOST_TAKES, RunOptions
from batch.errors import UsageError

DEFAULTS = RunOptions()

Decorator = Callable[[Any], Any]


def _all_of(*options: Decorator) -> Decorator:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


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


SANDBOX = click.option("--sandbox", is_flag=True, help="Play the service on this machine: free, no key, no network.")
FAULT = click.option(
    "--fault",
    "faults",
    multiple=True,
    type=TEXT,
    metavar="KIND:WHICH=FAULT",
    help="With --sandbox: what goes wrong, e.g. submit:3=cut_after; `kling-batch sandbox --help-all` lists what can.",
)
KEY_FILE = click.option(
    "--key-file",
    type=PATH,
    metavar="FILE",
    expose_value=False,
    callback=lambda ctx, _option, path: ctx.meta.__setitem__("key_file", path),
    help="Read fal's key from this file, which only you may read (chmod 600).",
)
ON = click.option(
    "--on",
    type=Typed("cluster", cluster),
    metavar="ray|ray://HOST:PORT",
    help="Have workers on a Ray cluster make the calls to fal; ray: on one of this machine's own.",
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
        help="What a row costs by its duration, if not fal's usual price; NAME:5=0.35 at another model that rows name.",
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
    click.option("--output", type=PATH, help="Write the results to this file, not into the table."),
    click.option(
        "--forget-options",
        is_flag=True,
        help="What was said of this table before (the options above, which its ledger remembers) holds no more.",
    ),
    SANDBOX,
)
"""The table and how it is read: the arguments of `batch.commands.batch.open_batch`."""

TABLE_NAMES = (
    *("manifest", "mapped", "ignored", "model", "prefix", "price", "output", "encoding", "header_row", "sheet"),
    *("forget_options", "sandbox"),
)
"""The parameters of `TABLE`."""

TAKES = click.option(
    "--takes",
    type=whole_number(1, MOST_TAKES),
    metavar="N",
    help="Make so many videos of each row that has none yet; a column `takes` says it for each row.",
)

RUN = _all_of(
    click.option(
        "--concurrency",
        type=Typed("number", concurrency),
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
        type=Typed("dollars a period", account_cap),
        metavar="USD/night",
        help="Spend no more with this key on this machine, over all tables, a night (noon to noon), day or month.",
    ),
    click.option("--limit", type=whole_number(1), metavar="ROWS", help="Begin no more rows than this."),
    TAKES,
    click.option(
        "--until",
        type=Typed("time", time_of_day),
        metavar="HH:MM",
        help="End by this time of day, with everything home that can be.",
    ),
    click.option(
        "--max-runtime", type=Typed("duration", duration), metavar="8h", help="End after this long at the latest."
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
    ON,
    click.option(
        "--workers",
        type=whole_number(1, 1000),
        metavar="N",
        help="With --on: how many; one for each machine by default, and two at least.",
    ),
    click.option(
        "--shared-folder",
        type=TEXT,
        metavar="DIR",
        help="With --on: all machines see this folder under the same path, and read and write its files there.",
    ),
    click.option(
        "--keep",
        type=Typed("time", lifecycle),
        metavar="30d|forever",
        help="How long fal is to keep the videos and the images that are uploaded: 12h, 30d, 1y, forever.",
    ),
    click.option(
        "--log-file",
        type=TEXT,
        metavar="FILE",
        help="Write everything that happens to this file, one JSON object a line; later runs go on in it.",
    ),
    click.option("--logs", is_flag=True, help="Show what fal's runners write about each request."),
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


def _folder(text: str) -> str:
    """A table that follows a bare `--download` is not meant as its folder."""
    if text and Path(text).is_file():
        raise UsageError(f"{text} is a file: name a folder behind it, or write it behind the table")
    return text


_USUAL = "\0"
"""Stands for the folder that was not named; what is empty as typed is refused."""


class _Folder(Typed):
    """A folder, or nothing: the usual one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return "" if value == _USUAL else super().convert(value, param, ctx)


NAME = click.option(
    "--name",
    type=TEXT,
    metavar="TEMPLATE",
    help="How videos are named: {id}_{row:04}.mp4; also {prompt}, {duration}, {request_id}, {take}, {column:TITLE}.",
)
DOWNLOADS = click.option(
    "--downloads",
    type=whole_number(1, 64),
    default=DEFAULTS.downloads,
    show_default=True,
    metavar="N",
    help="How many videos come down at a time.",
)
RUN_VIDEOS = _all_of(
    click.option(
        "--download",
        type=_Folder("folder", _folder),
        is_flag=False,
        flag_value=_USUAL,
        default=None,
        metavar="[DIR]",
        help="Bring the videos down, to this folder or to TABLE.videos.",
    ),
    NAME,
    DOWNLOADS,
)
"""What a run does with its videos: fields of `RunOptions`."""


NOTIFY = click.option(
    "--notify",
    multiple=True,
    type=TEXT,
    metavar="URL",
    help="Send a message at the end, at an early stop and at the first doubt (apprise: mailto://, ntfys://, slack://…).",
)


REPORT = click.option("--report", is_flag=True, help="Write the page of `kling-batch report` at the end.")


def row_option(says: str) -> Decorator:
    """`--row 4-9,12`, any number of times: the numbers of all of them, each once."""
    return click.option(
        "--row", "numbers", multiple=True, type=ROWS, callback=_all_numbers, metavar="4-9,12", help=says
    )


def _all_numbers(_ctx: click.Context, _option: click.Parameter, values: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(number for numbers in values for number in numbers))


def complete_ids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """For a shell: the ids in the table's ledger that begin so."""
    from batch.commands.completion import ids_in

    table = _table_so_far(ctx)
    return ids_in(table, incomplete) if table else []


def complete_kinds(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """For a shell: the kinds of failure in the table's ledger."""
    from batch.commands.completion import kinds_in

    table = _table_so_far(ctx)
    return kinds_in(table, incomplete) if table else []


def _table_so_far(ctx: click.Context) -> Path | None:
    """Of a line that is not finished: it may end in an option without its value, and then nothing else was read."""
    table = ctx.params.get("manifest") or next((one for one in ctx.args if not one.startswith("-")), None)
    return Path(table) if table else None


NAMED_ROWS = _all_of(
    row_option("This row, as the spreadsheet numbers it; 4-9,12 are several."),
    click.option(
        "--id", "ids", multiple=True, type=TEXT, metavar="ID", shell_complete=complete_ids, help="The row with this id."
    ),
)


FROM_MARKS = click.option(
    "--from",
    "marks",
    type=PATH,
    metavar="MARKS",
    help="The clips that a review has marked: shots.marks.csv of the report.",
)


def run_options(*, until: "End | None", max_runtime: "End | None", **options: Any) -> RunOptions:
    """What was said of a run, as one record."""
    if options.get("name") and options.get("download") is None:
        raise click.UsageError("--name names videos that come down: give --download, too")
    said = {"--until": until, "--max-runtime": max_runtime}
    ends = sorted((end.seconds, f"{option} {end.text}") for option, end in said.items() if end is not None)
    if options.get("on") is None and (options.get("workers") or options.get("shared_folder")):
        raise click.UsageError("--workers and --shared-folder are for a run on other machines: give --on, too")
    if options.get("adopt_known") and options.get("buy_again"):
        raise click.UsageError("--adopt-known takes over what was bought, --buy-again pays again: give one of them")
    seconds = ends[0][0] if ends else None
    return RunOptions(max_seconds=seconds, ends=tuple(text for _, text in ends), **options)
