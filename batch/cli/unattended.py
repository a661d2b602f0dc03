"""The commands for nights that nobody watches: `schedule`, `doctor`, and how `run --cron` speaks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batch.cli.command import SettledCommand, commands_of, options_of, use_key
from batch.cli.model_commands import open_table
from batch.cli.morning import report_after
from batch.cli.option_types import PATH, TEXT, Typed
from batch.cli.options import AS_JSON, KEY_FILE, ON, TABLE_NAMES
from batch.cli.output import print_json, print_text, say
from batch.cli.settings_files import file_beside, user_file
from batch.core.plain_text import one_line
from batch.errors import BatchError, Exit, LedgerBusy

if TYPE_CHECKING:
    from datetime import time

    from batch.commands.batch import Batch
    from batch.commands.run import Mark
    from batch.core.run_options import RunOptions
    from batch.reports.notify import Notifier


def _time(text: str) -> "time":
    from batch.core.planned_night import read_time

    return read_time(text)


def _days(text: str) -> tuple[int, ...]:
    from batch.core.planned_night import read_days

    return read_days(text)


class _Schedule(SettledCommand):
    """Options of `run` may be typed there by mistake: it says where they belong."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = error.option_name
            if any(name in option.opts for option in options_of(commands_of(ctx.find_root())["run"])):
                said = f"{name} is an option of run: put it behind --, as in --at 22:00 -- {name}"
                raise click.UsageError(said, ctx) from error
            raise


@click.command(cls=_Schedule)
@click.argument("manifest", type=PATH, required=False)
@click.option("--at", type=Typed("time of day", _time), metavar="HH:MM", help="When it is run, each night.")
@click.option(
    "--days",
    type=Typed("days", _days),
    default="mon-sun",
    metavar="mon-fri",
    help="On which days; every day by default.",
)
@click.option("--until", type=Typed("time of day", _time), metavar="HH:MM", help="When each run ends, at the latest.")
@click.option("--key-file", type=PATH, metavar="FILE", help="The file with fal's key, which only you may read.")
@click.option("--systemd", is_flag=True, help="By a timer of your systemd instead of by cron.")
@click.option("--dry-run", is_flag=True, help="Only print what would be written.")
@click.option("--list", "lists", is_flag=True, help="List what is scheduled, and when it runs next.")
@click.option("--remove", is_flag=True, help="Take the table's entry away.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS OF RUN]")
@click.pass_context
def schedule(ctx: click.Context, /, manifest: Path | None, lists: bool, remove: bool, **wish: Any) -> None:
    """Have a table run by itself, by cron or systemd; options of `run` stand behind `--`."""
    from batch.commands import schedule as scheduling

    now = datetime.now().astimezone(scheduling.machine_zone())
    if lists:
        _print(scheduling.listed(now, scheduling.machine_zone))
        return
    if manifest is None:
        raise click.UsageError("name the table that is to be run")
    if remove:
        _print(scheduling.unschedule(manifest))
        return
    if wish["at"] is None:
        raise click.UsageError("say when: --at 22:00")
    until, systemd, dry_run = wish.pop("until"), wish.pop("systemd"), wish.pop("dry_run")
    run = _read_run(ctx, manifest, wish["options"])
    if run.params["notify"] and run.get_parameter_source("notify") is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError(_NO_ADDRESS)
    known, named = run.meta.get("key_file"), wish.pop("key_file")
    if not (known or named):
        named = _ask_for_key_file(run)
    night = scheduling.plan_night(
        scheduling.Wish(
            **wish,
            table=manifest,
            until=f"{until:%H:%M}" if until and _is_typed(ctx, "until") else None,
            key_file=named if not known or _is_typed(ctx, "key_file") else None,
            has_key=known is not None,
            needs_folder=_names_a_file(run),
            sandbox=bool(run.params["sandbox"]),
        )
    )
    _print(scheduling.schedule_night(night, systemd=systemd, until=until, dry_run=dry_run, now=now))


_NO_ADDRESS = (
    '--notify: such an address holds a password, and a crontab is no place for it: write notify = ["…"] into '
    "config.toml of your own (`kling-batch config` says where), chmod 600"
)


def _is_typed(ctx: click.Context, name: str) -> bool:
    """What stands in a settings file is read from there each night."""
    return ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT_MAP


def _print(lines: Sequence[str]) -> None:
    print_text("\n".join(map(one_line, lines)))


def _read_run(ctx: click.Context, manifest: Path, options: Sequence[str]) -> click.Context:
    """The run as it will be read: what is wrong with it is told now, and not at night."""
    above = ctx.find_root()
    return commands_of(above)["run"].make_context("run", [str(manifest), *options], parent=above)


def _ask_for_key_file(run: click.Context) -> Path | None:
    """A person who is there is asked; nobody is asked in a script."""
    import sys

    from batch.commands.key_sources import env_files

    if run.params["sandbox"] or env_files(run.params["manifest"]) or not sys.stdin.isatty():
        return None
    told = click.prompt("The file with fal's key, which only you may read", type=TEXT, err=True)
    return Path(told).expanduser()


def _names_a_file(run: click.Context) -> bool:
    """Whether an option names a file from the folder that one stands in; a model may be one."""
    typed = click.core.ParameterSource.COMMANDLINE
    model = Path(run.params["model"]) if (run.params["model"] or "").endswith((".json", ".py")) else None
    values = {**run.params, "key_file": run.meta.get("key_file"), "manifest": None, "model": model}
    files = [value for name, value in values.items() if run.get_parameter_source(name) is typed]
    return any(isinstance(value, Path) and not value.is_absolute() for value in files)


class _Doctor(SettledCommand):
    """A key's file that cannot be used is one of the things that it finds."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            use_key(ctx)
        except BatchError as error:
            ctx.meta["key_trouble"] = str(error)
        return click.Command.invoke(self, ctx)


@click.command(cls=_Doctor)
@click.argument("manifest", type=PATH, required=False)
@KEY_FILE
@click.option("--offline", is_flag=True, help="Leave the network out.")
@ON
@AS_JSON
@click.pass_context
def doctor(ctx: click.Context, /, manifest: Path | None, offline: bool, on: str | None, as_json: bool) -> None:
    """Look at all that a night needs: key, account, price, clock, disk, table, schedule. Spends nothing."""
    from batch.commands import finding
    from batch.commands.doctor import doctor as examine
    from jobs.library import find

    run = _read_run(ctx, manifest, ()).params if manifest else {}  # the table as a run reads it, by its settings
    batch = open_table(**{name: run[name] for name in TABLE_NAMES}) if manifest else None
    files = [path for path in (file_beside(manifest), user_file()) if path and path.exists()]
    job = batch.manifest.job if batch else find(None)
    trouble = ctx.meta.get("key_trouble", "")
    findings = examine(batch, job, offline=offline, key_trouble=trouble, settings=files, on=on)
    if as_json:
        print_json(finding.as_json(findings))
    else:
        _print([one.line() for one in findings])
    ctx.exit(finding.exit_code(findings))


@contextmanager
def messages(urls: Sequence[str], table: Path) -> Iterator["Notifier | None"]:
    """Whoever is to be told; also of an error that ends the command, but of another run at work."""
    if not urls:
        yield None
        return
    from batch.reports.notify import Notifier

    notifier = Notifier(urls, say, table.name)
    notifier.begin()
    try:
        yield notifier
    except LedgerBusy:
        raise
    except BatchError as error:
        notifier.end("the run could not go on", str(error))
        raise


def run_quietly(
    batch: "Batch",
    options: "RunOptions",
    mark: "Mark | None",
    notifier: "Notifier | None",
    *,
    as_json: bool,
    reports: bool,
) -> Exit:
    """What cron mails is what is printed here: nothing, or a letter."""
    from batch.commands.cron import overdue, run_by_cron, was_told

    try:
        outcome, text, code = run_by_cron(batch, options, mark, notifier.alarm if notifier else None)
    except LedgerBusy as error:
        if late := overdue(batch, error):
            say(f"kling-batch: {late}")
        return error.exit_code
    if text:
        print_text(text)
    if as_json:
        print_json(outcome.json() | {"exit_code": int(code)})
    if outcome.news:
        was_told(batch, outcome.news.upto)
    page = report_after(batch, outcome, say, wanted=reports)
    if text and notifier:
        notifier.end(outcome.subject, text, outcome.json(), page.attachment() if page else None)
    return code
