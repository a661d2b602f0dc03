"""The commands as click functions: each reads options, calls the engine, prints, exits.

Whatever takes long to load is imported where it is used: `--help` and `status` are for the impatient.
"""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from batch.cli.options import (
    AS_JSON,
    FAULT,
    NAMED_ROWS,
    PATH,
    ROW,
    RUN,
    SANDBOX,
    SECONDS,
    TABLE,
    TABLE_NAMES,
    TEXT,
    run_options,
    whole_number,
)
from batch.core.plain_text import one_line, shown
from batch.errors import BatchError, Exit

if TYPE_CHECKING:
    from batch.commands.batch import Batch
    from batch.commands.rerun import Selection


class _Group(click.Group):
    """Turns what ends a command into one line and the documented exit code."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with _plain_usage_errors():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _plain_usage_errors():
                return super().invoke(ctx)
        except BatchError as error:
            _say(f"kling-batch: {error}")
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            _say("kling-batch: interrupted; run it again to go on")
            ctx.exit(Exit.INTERRUPTED)


@contextmanager
def _plain_usage_errors() -> Iterator[None]:
    """click shows them by itself, with what was typed in them."""
    try:
        yield
    except click.UsageError as error:
        error.message = one_line(error.message)  # type: ignore[misc]  # not meant to be set, says click
        raise


# Everything that is printed goes through these three, but for the bar.


def _say(line: str) -> None:
    """One line to stderr; stdout is for what was asked for. No control character of anybody's is obeyed."""
    _write(one_line(line), sys.stderr)


def _print(text: str, *, err: bool = False) -> None:
    """Lines of ours, each of which was made one."""
    _write(shown(text), sys.stderr if err else sys.stdout)


def _print_json(value: dict[str, Any]) -> None:
    """Letters as they are where the stream knows them all; else as JSON has them, and not as the stream would."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    _print(text)


def _write(text: str, stream: TextIO) -> None:
    """Not through click, which writes UTF-8 where the code page is ASCII."""
    stream.write(f"{text}\n")
    stream.flush()


def _open_batch(manifest: Path, model: str | None, **table: Any) -> "Batch":
    from batch.commands.batch import open_batch
    from jobs.library import find, names

    return open_batch(manifest, find(model, manifest), model=model, models=names(manifest), **table)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="kling-batch", message="%(prog)s %(version)s")
def main() -> None:
    """Run a spreadsheet of shots through Kling 2.1 pro (image to video) on fal.ai.

    Exit codes: 0 every row succeeded; 1 some failed or are invalid; 2 bad usage or manifest; 3 stopped early with rows
    left; 4 rows in doubt; 75 another run is at work; 130 interrupted, run it again.
    """


@main.command()
@AS_JSON
def account(as_json: bool) -> None:
    """Say what this machine has bought with the key, by table and period. Asks nobody, spends nothing."""
    from batch.commands import account as book

    found = book.account_statement()
    if as_json:
        _print_json(book.as_json(found))
    else:
        _print(book.shown(found))


@main.command()
@click.argument("table", type=PATH)
@click.option("--from-folder", "folder", type=PATH, metavar="FOLDER", help="A row for each picture of this folder.")
@click.option("--prompt", type=TEXT, help="For the pictures that bring none (boat.txt, or in the file).")
@click.option("--sheet", type=TEXT, metavar="NAME", help="The sheet of a workbook that is there already.")
@click.option("--model", type=TEXT, metavar="NAME", help="Whose inputs it has columns for; kling-2.1-pro by default.")
def new(table: Path, folder: Path | None, prompt: str | None, model: str | None, sheet: str | None) -> None:
    """Make a table to begin with (.csv, .xlsx, .parquet), or one of a folder of pictures; asked again, add new ones."""
    from batch.commands.new import new_table
    from jobs.library import find

    report = new_table(table, find(model, table), folder=folder, prompt=prompt or "", sheet=sheet)
    _print("\n".join(map(one_line, report.lines)))


@main.command()
@TABLE
@AS_JSON
@click.option("--all", "every", is_flag=True, help="List every problem, not only the first ones.")
@click.pass_context
def check(ctx: click.Context, /, as_json: bool, every: bool, **table: Any) -> None:
    """Say what is wrong and what it will cost. Spends nothing, needs no key and no network."""
    from batch.commands.check import check as examine

    checked = examine(_open_batch(**table))
    if as_json:
        _print_json(checked.json())
    else:
        _print(checked.text(every=every))
    ctx.exit(checked.exit_code)


@main.command()
@TABLE
@FAULT
@RUN
@click.option("--stale", is_flag=True, help="Buy new videos for rows that were edited after theirs were made.")
@click.pass_context
def run(ctx: click.Context, /, as_json: bool, stale: bool, **given: Any) -> None:
    """Submit, wait, write back. Run it again and it goes on where it was; failed rows wait for `rerun`."""
    from batch.commands.rerun import Selection

    _run(ctx, Selection(failed=False, stale=True) if stale else None, as_json, given)


@main.command()
@TABLE
@FAULT
@RUN
@click.option(
    "--kind", "kinds", multiple=True, type=TEXT, help="Only rows that failed so, e.g. content_policy_violation."
)
@click.option("--row", "numbers", multiple=True, type=ROW, help="Only this row, as the spreadsheet numbers it.")
@click.option("--id", "ids", multiple=True, type=TEXT, help="Only the row with this id.")
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
    **given: Any,
) -> None:
    """Run the failed rows again: all, by kind of failure, or by row."""
    from batch.commands.rerun import Selection

    _run(ctx, Selection(error_types=kinds, numbers=numbers, ids=ids, stale=stale), as_json, given)


def _run(ctx: click.Context, selection: "Selection | None", as_json: bool, given: dict[str, Any]) -> None:
    from batch.commands.run import run_batch

    # What fal-client logs by itself (a host tried again) would stand in the middle of the bar, and once for each row.
    logging.getLogger("fal_client").addHandler(logging.NullHandler())
    table = {name: given.pop(name) for name in TABLE_NAMES}
    batch, faults = _open_batch(**table), given.pop("faults")
    if faults:
        from batch.commands.sandbox import with_faults

        batch = with_faults(batch, faults)
    outcome = run_batch(batch, run_options(**given), _say, mark=selection.mark if selection else None)
    _print(outcome.text(), err=True)
    if as_json:
        _print_json(outcome.json())
    ctx.exit(outcome.exit_code)


@main.command()
@TABLE
@NAMED_ROWS
@click.option("--adopt", type=TEXT, metavar="REQUEST_ID", help="It was accepted: this is its request.")
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
    from batch.commands.resolve import Choice, Decision, resolve_batch
    from batch.core.row import RowSelection

    named = RowSelection(numbers, ids)
    choices = [choice for choice, wanted in zip(Choice, (adopt, resubmit, give_up), strict=True) if wanted]
    if len(choices) > 1 or bool(choices) != bool(named):
        raise click.UsageError("name rows with --row or --id, and one of --adopt, --resubmit, --give-up for them")
    decision = Decision(named, choices[0], adopt or "") if choices else None
    lines, outcome = resolve_batch(_open_batch(**table), decision, _say)
    _print("\n".join(lines))
    _print(outcome.text(run=False), err=True)
    ctx.exit(outcome.exit_code)


@main.command()
@TABLE
@NAMED_ROWS
@click.option("--stop", is_flag=True, help="Stop the run that is at work first, as Ctrl-C would.")
@click.pass_context
def cancel(ctx: click.Context, /, numbers: Sequence[int], ids: Sequence[str], stop: bool, **table: Any) -> None:
    """Take back what is queued at fal, all or by row; say what could not be taken back."""
    from batch.commands.cancel import cancel_batch
    from batch.core.row import RowSelection
    from batch.reports.outcome import counted

    done, outcome = cancel_batch(_open_batch(**table), RowSelection(numbers, ids), _say, stop=stop)
    _print("\n".join(map(one_line, [f"{counted(done.cancelled)} taken back", *done.kept])))
    _print(outcome.text(run=False), err=True)
    ctx.exit(outcome.exit_code)


@main.command()
@TABLE
@click.pass_context
def recover(ctx: click.Context, /, **table: Any) -> None:
    """Make a lost or old ledger again, from the table's results and fal's records. Pays nothing."""
    from batch.commands.recover import recover_batch

    lines, outcome = recover_batch(_open_batch(**table))
    _print("\n".join(map(one_line, lines)))
    _print(outcome.text(run=False), err=True)
    ctx.exit(outcome.exit_code)


@main.command()
@click.argument("manifest", type=PATH)
@SANDBOX
@AS_JSON
@click.pass_context
def status(ctx: click.Context, manifest: Path, sandbox: bool, as_json: bool) -> None:
    """Say where the batch stands, also while it runs. Reads the ledger only."""
    from batch.commands.status import status as read_status

    outcome = read_status(manifest, sandbox=sandbox)
    if as_json:
        _print_json(outcome.json())
    else:
        _print(outcome.text(run=False))
    ctx.exit(outcome.exit_code)


class _Sandbox(click.Command):
    """Its help lists what can go wrong."""

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from batch.commands.sandbox import fault_help

        formatter.write(f"\nFaults and outcomes:\n\n{fault_help()}\n")


@main.command(cls=_Sandbox)
@click.option("--port", type=whole_number(0, 65535), default=0, help="Where to listen; any free port by default.")
@click.option("--slots", type=whole_number(1), default=2, show_default=True, help="Requests that run at a time.")
@click.option("--run-seconds", type=SECONDS, default=5.0, show_default=True, help="How long each runs.")
@click.option("--queue-seconds", type=SECONDS, default=0.0, help="How long each waits first, in a line of others.")
@click.option("--folder", type=PATH, help="Keep requests, videos and the certificate here, to go on later.")
@click.option(
    "--fault", "faults", multiple=True, type=TEXT, metavar="KIND:WHICH=FAULT", help="e.g. submit:3=cut_after."
)
@click.option("--history-lag", "lag", type=SECONDS, default=0.0, help="How late the request history is.")
@click.option("--history-queued", "lists_queued", is_flag=True, help="It shows what no runner has started, too.")
@click.option("--history-refuse", "refuse", type=whole_number(400, 599), metavar="STATUS", help="It is refused.")
def sandbox(
    port: int,
    slots: int,
    run_seconds: float,
    queue_seconds: float,
    folder: Path | None,
    faults: Sequence[str],
    **history: Any,
) -> None:
    """Play fal.ai's queue on this machine, for any fal client; prints the environment that points one here."""
    from batch.commands.sandbox import serve_alone

    serve_alone(port, slots, run_seconds, folder, faults, history, queue_seconds=queue_seconds)


@main.group()
def model() -> None:
    """Which models there are, what columns they have; add any other one of fal's."""


@model.command("list")
@click.option("--beside", type=PATH, metavar="TABLE", help="Also those that stand beside this table.")
def list_models(beside: Path | None) -> None:
    """Name every model, with its endpoint."""
    from jobs.library import find, names

    known = [find(name, beside) for name in names(beside)]
    width = max(len(job.name) for job in known)
    _print("\n".join(one_line(f"{job.name:<{width}}  {job.endpoint}") for job in known))


@model.command("show")
@click.argument("name", type=TEXT)
@click.option("--beside", type=PATH, metavar="TABLE", help="Also one that stands beside this table.")
def show_model(name: str, beside: Path | None) -> None:
    """Say what columns a model has, what may stand in them, and what it costs."""
    from batch.commands.model import described
    from jobs.library import find

    _print("\n".join(map(one_line, described(find(name, beside)))))


@model.command("add")
@click.argument("endpoint", type=TEXT)
@click.option("--openapi", type=PATH, metavar="FILE", help="Its OpenAPI document, if it is not to be fetched from fal.")
@click.option("--name", type=TEXT, help="What to call it; by default its endpoint without its owner.")
@click.option("--beside", type=PATH, metavar="TABLE", help="For this table only: keep it beside it.")
def add_model(endpoint: str, openapi: Path | None, name: str | None, beside: Path | None) -> None:
    """Take up any model of fal's: fetch its description and price, and keep them."""
    from batch.commands import model as models
    from jobs import library
    from jobs.openapi import endpoint_of, job_of, price_facts

    document = models.document_in(openapi) if openapi else models.fetched_document(endpoint)
    if endpoint_of(document) != endpoint:
        raise click.UsageError(f"the description is that of {endpoint_of(document)}, not of {endpoint}")
    name = name or models.usual_name(endpoint)
    models.require_name(name, library.names())
    job = job_of(document, {}, name)
    price = None if openapi else models.fetched_price(job)
    facts = {"price": price_facts(job, price.amount, price.unit)} if price and price.currency == "USD" else {}
    folder = beside.resolve().parent if beside else library.own_folder()
    kept = library.save(folder, name, document, facts)
    _print("\n".join(map(one_line, [*models.described(job_of(document, facts, name)), f"kept in {kept}"])))


@model.command("refresh")
@click.argument("name", type=TEXT)
@click.option("--openapi", type=PATH, metavar="FILE", help="Today's OpenAPI document, if it is not to be fetched.")
@click.option("--beside", type=PATH, metavar="TABLE", help="Also one that stands beside this table.")
@click.pass_context
def refresh_model(ctx: click.Context, name: str, openapi: Path | None, beside: Path | None) -> None:
    """Show what fal has changed in a model since it was taken up, field by field; changes nothing."""
    from batch.commands import model as models
    from jobs import library
    from jobs.openapi import input_schema

    job = library.find(name, beside)
    document = models.document_in(openapi) if openapi else models.fetched_document(job.endpoint)
    ours = input_schema(library.document_of(library.file_of(job.name, beside)))
    found = list(models.differences(ours["properties"], input_schema(document)["properties"]))
    found += models.differences({"required": ours["required"]}, {"required": input_schema(document)["required"]})
    _print("\n".join(map(one_line, found or [f"{job.name} is as fal describes it today"])))
    ctx.exit(Exit.ROWS_FAILED if found else Exit.DONE)
