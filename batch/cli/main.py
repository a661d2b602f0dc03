"""The commands as click functions: each reads options, calls the engine, prints, exits.

Whatever takes long to load is imported where it is used: `--help` and `status` are for the impatient.
"""

import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batch.cli.command import SettledCommand, plain_usage_errors
from batch.cli.configuration import config
from batch.cli.help import group_help, help_all_option
from batch.cli.model_commands import model, open_table
from batch.cli.morning import report, report_after
from batch.cli.option_types import PATH, SECONDS, TAKE, TEXT, whole_number
from batch.cli.options import (
    AS_JSON,
    DOWNLOADS,
    FAULT,
    FROM_MARKS,
    KEY_FILE,
    NAME,
    NAMED_ROWS,
    NOTIFY,
    REPORT,
    RUN,
    RUN_VIDEOS,
    SANDBOX,
    TABLE,
    TABLE_NAMES,
    TAKES,
    complete_kinds,
    run_options,
)
from batch.cli.output import log as _log
from batch.cli.output import print_json as _print_json
from batch.cli.output import print_text as _print
from batch.cli.output import say as _say
from batch.cli.unattended import doctor, messages, run_quietly, schedule
from batch.core.plain_text import one_line
from batch.errors import BatchError, Exit, UsageError

if TYPE_CHECKING:
    from batch.commands.batch import Batch
    from batch.commands.run import Mark


class _Group(click.Group):
    """Turns what ends a command into one line and the documented exit code."""

    command_class = SettledCommand

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._help_all = help_all_option(lambda ctx: group_help(ctx, self, whole=True))

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), self._help_all]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(group_help(ctx, self, whole=False) + "\n")

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with plain_usage_errors():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with plain_usage_errors():
                return super().invoke(ctx)
        except BatchError as error:
            self._ended(ctx, f"kling-batch: {error}")
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            self._ended(ctx, "kling-batch: interrupted; run it again to go on")
            ctx.exit(Exit.INTERRUPTED)

    def _ended(self, ctx: click.Context, line: str) -> None:
        (_log if ctx.invoked_subcommand in ("run", "rerun", "redo") else _say)(one_line(line))


def _unsaid(_: str) -> None:
    """Of a run that nobody watches: how its table is read has been said when it was run by hand."""


def _open_batch(manifest: Path, say: Callable[[str], None] = _say, **table: Any) -> "Batch":
    batch = open_table(manifest, **table)
    if batch.remembered:
        say(f"as before: {shlex.join(batch.remembered)}   (--forget-options starts anew)")
    return batch


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="kling-batch", message="%(prog)s %(version)s")
def main() -> None:
    """Run a spreadsheet of shots through Kling 2.1 pro (image to video) on fal.ai.

    Exit codes: 0 every row succeeded; 1 some failed or are invalid; 2 bad usage or manifest; 3 stopped early with rows
    left; 4 rows in doubt; 75 another run is at work; 130 interrupted, run it again.
    """


@main.command()
@AS_JSON
@KEY_FILE
def account(as_json: bool) -> None:
    """Say what this machine has bought with the key, by table and period. Asks nobody, spends nothing."""
    from batch.commands import account as book

    found = book.account_statement()
    if as_json:
        _print_json(book.as_json(found))
    else:
        _print(book.shown(found))


@main.command()
@click.argument("manifest", type=PATH)
@click.option("--from-folder", "folder", type=PATH, metavar="FOLDER", help="A row for each picture of this folder.")
@click.option("--prompt", type=TEXT, help="For the pictures that bring none (boat.txt, or in the file).")
@click.option("--sheet", type=TEXT, metavar="NAME", help="The sheet of a workbook that is there already.")
@click.option("--model", type=TEXT, metavar="NAME", help="Whose inputs it has columns for; kling-2.1-pro by default.")
def new(manifest: Path, folder: Path | None, prompt: str | None, model: str | None, sheet: str | None) -> None:
    """Make a table to begin with (.csv, .xlsx, .parquet), or one of a folder of pictures; asked again, add new ones."""
    from batch.commands.new import new_table

    batch = _open_batch(manifest, model=model, sheet=sheet)
    report = new_table(batch.manifest, folder=folder, prompt=prompt or "")
    _print("\n".join(map(one_line, report.lines)))


@main.command()
@TABLE
@AS_JSON
@NAME
@TAKES
@click.option("--all", "every", is_flag=True, help="List every problem, not only the first ones.")
@click.option("--online", is_flag=True, help="Ask the web addresses of images whether a usable picture is there.")
@click.pass_context
def check(
    ctx: click.Context,
    /,
    as_json: bool,
    name: str | None,
    takes: int | None,
    every: bool,
    online: bool,
    **table: Any,
) -> None:
    """Say what is wrong and what it will cost. Spends nothing, needs no key and, but for --online, no network."""
    from batch.commands.check import check as examine

    batch = _open_batch(**table).asking_for(takes)
    if online:
        from batch.commands.online_images import ask_images

        checked = examine(batch, name, ask=ask_images)
    else:
        checked = examine(batch, name)
    if as_json:
        _print_json(checked.json())
    else:
        _print(checked.text(every=every))
    ctx.exit(checked.exit_code)


@main.command()
@TABLE
@KEY_FILE
@FAULT
@RUN
@RUN_VIDEOS
@NOTIFY
@REPORT
@click.option("--stale", is_flag=True, help="Buy new videos for rows that were edited after theirs were made.")
@click.option("--cron", is_flag=True, help="Nobody watches: quiet unless it matters, all words to TABLE.log.")
@click.pass_context
def run(ctx: click.Context, /, as_json: bool, stale: bool, cron: bool, **given: Any) -> None:
    """Submit, wait, write back. Run it again and it goes on where it was; failed rows wait for `rerun`."""
    from batch.commands.rerun import Selection

    _run(ctx, Selection(failed=False, stale=True).mark if stale else None, as_json, given, cron=cron)


@main.command()
@TABLE
@KEY_FILE
@FAULT
@RUN
@RUN_VIDEOS
@NOTIFY
@REPORT
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=TEXT,
    metavar="KIND",
    shell_complete=complete_kinds,
    help="Only rows that failed so, e.g. content_policy_violation.",
)
@NAMED_ROWS
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

    _run(ctx, Selection(error_types=kinds, numbers=numbers, ids=ids, stale=stale).mark, as_json, given)


@main.command()
@TABLE
@KEY_FILE
@FAULT
@RUN
@RUN_VIDEOS
@NOTIFY
@REPORT
@NAMED_ROWS
@FROM_MARKS
@click.option("--yes", is_flag=True, help="Buy it without asking; without a terminal nothing is bought otherwise.")
@click.pass_context
def redo(
    ctx: click.Context,
    /,
    as_json: bool,
    numbers: Sequence[int],
    ids: Sequence[str],
    marks: Path | None,
    yes: bool,
    **given: Any,
) -> None:
    """Make another take of rows that have their video: the price first, then a yes. What is there is kept."""
    from batch.commands.redo import Redo, offered
    from batch.core.row import RowSelection

    batch = _open_batch(**{name: given[name] for name in TABLE_NAMES}, say=_unsaid)
    more, named = given["takes"] or 1, RowSelection(numbers, ids)
    wanted = Redo(command=batch.command, named=named, marks=marks, more=more)
    offer = offered(batch, wanted)
    for line in offer.lines():
        _log(one_line(line))
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody is there to say yes to that: nothing was bought. Say --yes to buy it")
        if not click.confirm("Buy it?", err=True):
            raise UsageError("nothing was bought")
    _run(ctx, wanted.mark, as_json, given | {"takes": None}, agreed=None if yes else offer.price)


@main.command()
@TABLE
@NAMED_ROWS
@FROM_MARKS
@click.option("--use", type=TAKE, metavar="N|newest", help="The number of the take; newest: whichever is the newest.")
def take(numbers: Sequence[int], ids: Sequence[str], marks: Path | None, use: "int | str | None", **table: Any) -> None:
    """Choose which take of a row its table shows: the newest, unless you say. Needs no key, buys nothing."""
    from batch.commands.choose_take import TakeChoice, choose
    from batch.core.row import RowSelection

    named = RowSelection(numbers, ids)
    if bool(named) != (use is not None) or not (named or marks):
        raise click.UsageError("name rows with --id or --row, and their take with --use; or the marks with --from")
    choice = TakeChoice(named=named, use=None if use == "newest" else use, marks=marks)  # type: ignore[arg-type]
    _print("\n".join(map(one_line, choose(_open_batch(**table), choice))))


def _run(
    ctx: click.Context,
    mark: "Mark | None",
    as_json: bool,
    given: dict[str, Any],
    *,
    cron: bool = False,
    agreed: int | None = None,
) -> None:
    from batch.commands.run import run_batch

    # What fal-client logs by itself (a host tried again) would stand in the middle of the bar, and once for each row.
    logging.getLogger("fal_client").addHandler(logging.NullHandler())
    table = {name: given.pop(name) for name in TABLE_NAMES}
    batch, faults = _open_batch(**table, say=_unsaid if cron else _log), given.pop("faults")
    if faults:
        from batch.commands.sandbox import with_faults

        batch = with_faults(batch, faults)
    wanted = given.pop("report")
    with messages(given.pop("notify"), batch.manifest.path) as notifier:
        if cron:
            ctx.exit(run_quietly(batch, run_options(**given), mark, notifier, as_json=as_json, reports=wanted))
        alarm = notifier.alarm if notifier else None
        options = run_options(**given)
        outcome = run_batch(batch, options, lambda line: _log(one_line(line)), mark=mark, alarm=alarm, agreed=agreed)
        _log(outcome.text())
        if as_json:
            _print_json(outcome.json())
        page = report_after(batch, outcome, lambda line: _log(one_line(line)), wanted=wanted)
        if notifier:
            notifier.end(outcome.subject, outcome.text(), outcome.json(), page.attachment() if page else None)
    ctx.exit(outcome.exit_code)


@main.command()
@TABLE
@KEY_FILE
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
@KEY_FILE
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
@click.option("--to", "folder", type=TEXT, metavar="DIR", help="Where they go; where they went last, by default.")
@NAME
@DOWNLOADS
@click.option("--verify", is_flag=True, help="Read again what has come down, and say what is no longer as it came.")
@AS_JSON
@click.pass_context
def download(
    ctx: click.Context,
    /,
    folder: str | None,
    name: str | None,
    downloads: int,
    verify: bool,
    as_json: bool,
    **table: Any,
) -> None:
    """Bring down the videos that have not come yet, or are gone. Needs no key, buys nothing."""
    from batch.commands.download import DownloadOptions, download_batch

    options = DownloadOptions(folder=folder, name=name, at_once=downloads, verify=verify)
    outcome = download_batch(_open_batch(**table), options, _say)
    _print(outcome.text(run=False), err=True)
    if as_json:
        _print_json(outcome.json())
    ctx.exit(outcome.exit_code)


@main.command()
@TABLE
@KEY_FILE
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
@click.option("--rows", "every", is_flag=True, help="List every row, with its state, error, URL, path and cost.")
@click.pass_context
def status(ctx: click.Context, manifest: Path, sandbox: bool, as_json: bool, every: bool) -> None:
    """Say where the batch stands, also while it runs. Reads the ledger only."""
    from batch.commands.status import each_row
    from batch.commands.status import status as read_status

    outcome = read_status(manifest, sandbox=sandbox)
    rows = list(each_row(manifest, sandbox=sandbox)) if every else []
    if as_json:
        _print_json(outcome.json() | ({"each_row": rows} if every else {}))
    else:
        for one in rows:
            name = f" ({one['id']})" if one["id"] else ""
            told = one["error"] or one["video_path"] or one["video_url"] or ""
            _print(one_line(f"row {one['row']}{name}: {one['status']} {told}".rstrip()))
        _print(outcome.text(run=False))
    ctx.exit(outcome.exit_code)


class _Sandbox(SettledCommand):
    """With all of its help it lists what can go wrong."""

    def full_help(self, ctx: click.Context) -> str:
        from batch.commands.sandbox import fault_help

        return f"{super().full_help(ctx)}\n\nFaults and outcomes:\n\n{fault_help()}"


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


for _command in (config, doctor, model, report, schedule):
    main.add_command(_command)
