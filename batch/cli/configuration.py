"""`config`: prints what holds for every option, and where it comes from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from batch.cli import settings_files as settings
from batch.cli.command import SettledCommand, commands_of, forms_of, options_of
from batch.cli.help import name_of
from batch.cli.option_types import PATH
from batch.cli.options import AS_JSON
from batch.cli.output import print_json, print_text
from batch.core.plain_text import one_line

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Held:
    """What holds for one option of one command."""

    command: str
    option: str
    value: str | bool | Sequence[str] | None
    source: str
    """`default`, the name of a variable, or the path of a file."""


@click.command(cls=SettledCommand)
@click.argument("manifest", type=PATH, required=False)
@AS_JSON
@click.option("--all", "every", is_flag=True, help="Show the options at their defaults, too.")
@click.pass_context
def config(ctx: click.Context, manifest: Path | None, as_json: bool, every: bool) -> None:
    """Print what holds for each option, and where it comes from.

    The command line wins over KLING_BATCH_… in the environment, over kling-batch.toml beside the table, over
    config.toml of the user.
    """
    found = list(_all_held(ctx, manifest))
    files = [str(path) for path in (settings.file_beside(manifest), settings.user_file()) if path]
    if as_json:
        told = [{"option": one.option, "command": one.command, "value": one.value, "from": one.source} for one in found]
        print_json({"files": [{"path": path, "there": Path(path).exists()} for path in files], "settings": told})
        return
    lines = [f"{path}{'' if Path(path).exists() else ' (not there)'}" for path in files]
    lines += _shown(found, lambda one: one.source != DEFAULT) or ["nothing is set: every option is at its default"]
    if every:
        lines += _shown(found, lambda one: one.source == DEFAULT)
    print_text("\n".join(map(one_line, lines)))


def _all_held(ctx: click.Context, table: Path | None) -> Iterator[Held]:
    above = ctx.find_root()
    files = settings.files_for(table, forms_of(above))
    for name, command in commands_of(above).items():
        if isinstance(command, SettledCommand):
            yield from _held_for(name, command, above, table, files)


def _held_for(
    name: str, command: SettledCommand, above: click.Context, table: Path | None, files: Sequence[settings.SettingsFile]
) -> Iterator[Held]:
    context = click.Context(command, info_name=name, parent=above)
    context.default_map = command.settings(above, table)
    forms = forms_of(above)[name]
    for option in options_of(command):
        value, source = option.consume_value(context, {})
        context.set_parameter_source(option.name or "", source)
        if source is not click.core.ParameterSource.DEFAULT:
            option.process_value(context, value)  # whatever is wrong with it is said here as a run would
        typed = name_of(option)
        yield Held(
            name,
            typed,
            _plain(typed, value, source is click.core.ParameterSource.DEFAULT),
            {
                click.core.ParameterSource.ENVIRONMENT: settings.variable(typed),
                click.core.ParameterSource.DEFAULT_MAP: next(
                    (str(file.path) for file in files if typed in file.values(name, forms)), ""
                ),
            }.get(source, DEFAULT),
        )


def _plain(option: str, value: Any, default: bool) -> str | bool | Sequence[str] | None:
    """As it is typed; of an address to which messages go no more than its kind, for the rest may be a password."""
    if default and not isinstance(value, str | bool | int | float):
        return None
    if isinstance(value, list | tuple):
        return [str(_plain(option, one, default)) for one in value]
    if option in _SECRET:
        return f"{str(value).partition(':')[0]}://…"
    return value if isinstance(value, bool) else str(value)


_SECRET = {"notify"}


def _shown(found: Sequence[Held], wanted: Callable[[Held], bool]) -> list[str]:
    """A line an option; with its command where others hold another value of it."""
    alike: dict[Held, list[str]] = {}
    for one in found:
        alike.setdefault(replace(one, command="", value=_text(one.value)), []).append(one.command)
    options = [one.option for one in alike]
    return [
        f"  {'' if options.count(one.option) == 1 else ', '.join(commands) + ': '}{one.option} = {one.value}"
        f"   ({one.source})"
        for one, commands in sorted(alike.items(), key=lambda item: item[0].option)
        if wanted(one)
    ]


def _text(value: str | bool | Sequence[str] | None) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ", ".join(value)
