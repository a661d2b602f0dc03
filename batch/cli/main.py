"""The command line. Thin: a command reads its options, calls the engine, prints, exits with the documented code.

Whatever takes long to load is imported where it is used: `--help` and `status` are for the impatient.
"""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batch.errors import BatchError, Exit

MOST_AT_ONCE = 2000

if TYPE_CHECKING:
    from batch.commands.rerun import Selection
    from batch.commands.run import Options


class _Group(click.Group):
    """Turns what ends a command into one line and the documented exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BatchError as error:
            _say(f"kling-batch: {error}")
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            _say("kling-batch: interrupted; run it again to go on")
            ctx.exit(Exit.INTERRUPTED)


def _say(text: str) -> None:
    """Messages go to stderr; stdout is for what was asked for."""
    click.echo(text, err=True)


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


def _with(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_path = click.Path(path_type=Path)
_sandbox = click.option("--sandbox", is_flag=True, help="Play the service on this machine: free, no key, no network.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
_table = _with(
    click.argument("manifest", type=_path),
    click.option(
        "--map", "mapped", multiple=True, callback=_mapping, metavar="INPUT=COLUMN", help="Which column holds an input."
    ),
    click.option("--prefix", default="", metavar="TEXT", help="Put before the names of our result columns."),
    click.option(
        "--price", metavar="5=0.49,10=0.98", help="What a row costs by its duration, if not fal's usual price."
    ),
    click.option("--output", type=_path, help="Write the results to this file instead of into the manifest."),
    _sandbox,
)
_running = _with(
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
        default=MOST_AT_ONCE,
        show_default=True,
        metavar="N",
        help="Never more than this at once.",
    ),
    click.option("--max-spend", metavar="USD", help="Spend no more in this run, with what is under way or in doubt."),
    click.option("--max-spend-total", metavar="USD", help="Spend no more on this table, over all its runs."),
    click.option("--limit", type=click.IntRange(1), metavar="ROWS", help="Begin no more rows than this."),
    click.option("--until", metavar="HH:MM", help="End by this time of day, with everything home that can be."),
    click.option("--max-runtime", metavar="8h", help="End after this long at the latest."),
    click.option(
        "--stop-after",
        type=click.IntRange(0),
        default=10,
        show_default=True,
        metavar="N",
        help="Stop submitting when so many rows in a row end the same bad way; 0: never.",
    ),
    _as_json,
)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="kling-batch", message="%(prog)s %(version)s")
def main() -> None:
    """Run a spreadsheet of shots through Kling 2.1 pro (image to video) on fal.ai.

    Exit codes: 0 every row succeeded; 1 some failed or are invalid; 2 bad usage or manifest; 3 stopped early with rows
    left; 4 rows in doubt; 75 another run is at work; 130 interrupted, run it again.
    """


@main.command()
@_table
@_as_json
@click.option("--all", "every", is_flag=True, help="List every problem, not only the first ones.")
@click.pass_context
def check(ctx: click.Context, /, as_json: bool, every: bool, **table: Any) -> None:
    """Say what is wrong and what it will cost. Spends nothing, needs no key and no network."""
    from batch.api import open_batch
    from batch.commands.check import check as examine

    checked = examine(open_batch(**table))
    click.echo(_json(checked.json()) if as_json else checked.text(every=every))
    ctx.exit(checked.exit_code)


@main.command()
@_table
@_running
@click.option("--stale", is_flag=True, help="Buy new videos for rows that were edited after theirs were made.")
@click.pass_context
def run(ctx: click.Context, /, as_json: bool, stale: bool, **said: Any) -> None:
    """Submit, wait, write back. Run it again and it goes on where it was; failed rows wait for `rerun`."""
    from batch.commands.rerun import Selection

    selection = Selection(failed=False, stale=True) if stale else None
    _night(ctx, selection, as_json, said)


@main.command()
@_table
@_running
@click.option("--kind", "kinds", multiple=True, help="Only rows that failed so, e.g. content_policy_violation.")
@click.option("--row", "numbers", multiple=True, type=int, help="Only this row, as the spreadsheet numbers it.")
@click.option("--id", "ids", multiple=True, help="Only the row with this id.")
@click.option("--stale", is_flag=True, help="Also rows that were edited after their videos were made.")
@click.pass_context
def rerun(
    ctx: click.Context,
    /,
    as_json: bool,
    kinds: Sequence[str],
    numbers: Sequence[int],
    ids: Sequence[str],
    stale: bool,
    **said: Any,
) -> None:
    """Run the failed rows again: all, by kind of failure, or by row."""
    from batch.commands.rerun import Selection

    selection = Selection(kinds=kinds, numbers=numbers, ids=ids, stale=stale)
    _night(ctx, selection, as_json, said)


_named = _with(
    click.option("--row", "numbers", multiple=True, type=int, help="This row, as the spreadsheet numbers it."),
    click.option("--id", "ids", multiple=True, help="The row with this id."),
)


@main.command()
@_table
@_named
@click.option("--adopt", metavar="REQUEST_ID", help="It was accepted: this is its request.")
@click.option("--resubmit", is_flag=True, help="It was not, or buy it again all the same.")
@click.option("--give-up", is_flag=True, help="Leave it; it counts as failed and as spent.")
@click.pass_context
def resolve(
    ctx: click.Context,
    /,
    numbers: Sequence[int],
    ids: Sequence[str],
    adopt: str | None,
    resubmit: bool,
    give_up: bool,
    **table: Any,
) -> None:
    """Settle rows that may have been paid for: by fal's records, or by your decision."""
    from batch.api import open_batch, resolve_batch
    from batch.commands.resolve import Choice, Decision
    from batch.ledger.selection import RowSelection

    named = RowSelection(numbers, ids)
    choices = [choice for choice, wanted in zip(Choice, (adopt, resubmit, give_up), strict=True) if wanted]
    if len(choices) > 1 or bool(choices) != bool(named):
        raise click.UsageError("name rows with --row or --id, and one of --adopt, --resubmit, --give-up for them")
    decision = Decision(named, choices[0], adopt or "") if choices else None
    lines, outcome = resolve_batch(open_batch(**table), decision, _say, sandbox=table["sandbox"])
    click.echo("\n".join(lines))
    _say(outcome.text(run=False))
    ctx.exit(outcome.exit_code)


@main.command()
@_table
@_named
@click.pass_context
def cancel(ctx: click.Context, /, numbers: Sequence[int], ids: Sequence[str], **table: Any) -> None:
    """Take back what is queued at fal, all or by row; say what could not be taken back."""
    from batch.api import cancel_batch, open_batch
    from batch.ledger.selection import RowSelection

    done, outcome = cancel_batch(open_batch(**table), RowSelection(numbers, ids), _say, sandbox=table["sandbox"])
    click.echo("\n".join([f"{done.cancelled} rows taken back", *done.kept]))
    _say(outcome.text(run=False))
    ctx.exit(outcome.exit_code)


@main.command()
@click.argument("manifest", type=_path)
@_sandbox
@_as_json
@click.pass_context
def status(ctx: click.Context, manifest: Path, sandbox: bool, as_json: bool) -> None:
    """Say where the batch stands, also while it runs. Reads the ledger only."""
    from batch.core.paths import places
    from batch.ledger.summary import read_standing
    from batch.reports.outcome import Outcome

    ledger, table = places(manifest, sandbox=sandbox)
    arguments = [str(manifest), *(["--sandbox"] if sandbox else [])]
    outcome = Outcome(standing=read_standing(ledger, manifest), table=str(table), command=arguments)
    click.echo(_json(outcome.json()) if as_json else outcome.text(run=False))
    ctx.exit(outcome.exit_code)


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; any free port by default.")
@click.option("--slots", type=click.IntRange(1), default=2, show_default=True, help="Requests that run at a time.")
@click.option("--run-seconds", type=click.FloatRange(0), default=5.0, show_default=True, help="How long each runs.")
@click.option("--folder", type=_path, help="Keep requests, videos and the certificate here, to go on later.")
@click.option("--fault", "faults", multiple=True, metavar="KIND:WHICH=FAULT", help="e.g. submit:3=cut_after.")
@click.option("--history-lag", "lag", type=click.FloatRange(0), default=0.0, help="How late the request history is.")
@click.option("--history-queued", "lists_queued", is_flag=True, help="It shows what no runner has started, too.")
@click.option("--history-refuse", "refuse", type=click.IntRange(400, 599), metavar="STATUS", help="It is refused.")
def sandbox(
    port: int, slots: int, run_seconds: float, folder: Path | None, faults: Sequence[str], **history: Any
) -> None:
    """Play fal.ai's queue on this machine, for any fal client; prints the environment that points one here."""
    from batch.commands import sandbox as rehearsal

    rehearsal.stand_alone(port, slots, run_seconds, folder, faults, history)


def _night(ctx: click.Context, selection: "Selection | None", as_json: bool, said: dict[str, Any]) -> None:
    from batch.api import open_batch, run_batch

    # What fal-client logs by itself (a host tried again) would stand in the middle of the bar, and once for each row.
    logging.getLogger("fal_client").addHandler(logging.NullHandler())
    table = {name: said.pop(name) for name in ("manifest", "mapped", "prefix", "price", "output", "sandbox")}
    outcome = run_batch(open_batch(**table), _options(selection, **said), _say, sandbox=table["sandbox"])
    _say(outcome.text())
    if as_json:
        click.echo(_json(outcome.json()))
    ctx.exit(outcome.exit_code)


def _options(
    selection: "Selection | None",
    concurrency: int | None,
    max_concurrency: int,
    max_spend: str | None,
    max_spend_total: str | None,
    limit: int | None,
    until: str | None,
    max_runtime: str | None,
    stop_after: int,
) -> "Options":
    from datetime import datetime

    from batch.cli import times
    from batch.commands.run import Options
    from batch.core.money import micros

    ends = [times.seconds(max_runtime)] if max_runtime else []
    ends += [times.seconds_until(until, datetime.now().astimezone())] if until else []
    return Options(
        concurrency=concurrency,
        max_concurrency=max_concurrency,
        max_spend=micros(max_spend) if max_spend else None,
        max_spend_total=micros(max_spend_total) if max_spend_total else None,
        limit=limit,
        max_seconds=min(ends, default=None),
        stop_after=stop_after,
        before=selection.mark if selection else None,
    )


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
