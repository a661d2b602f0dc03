"""A command: its options from the command line, the environment, settings files, or their defaults."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from batch.cli import settings_files as settings
from batch.cli.help import full_help, help_all_option, name_of, options_in, short_help
from batch.cli.output import say
from batch.cli.settings_files import OptionForm
from batch.core.plain_text import one_line

NOT_SET = {"help", "_click_default_help", "help_all", "version"}
"""Options that ask for something at once, and are no setting."""

KEY_FILE = "key_file"
"""The parameter of a command that needs fal's key; its value is kept in `Context.meta`."""

PAYING = {"stale", "buy_again", "resubmit"}
"""What buys a video again: said where a person did not type it just now."""
_STANDING = (click.core.ParameterSource.ENVIRONMENT, click.core.ParameterSource.DEFAULT_MAP)


class SettledCommand(click.Command):
    """Each option of it: flag > environment > file beside the table > file of the user > default."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._help_all = help_all_option(lambda ctx: self.full_help(ctx))
        for option in options_of(self):
            option.envvar = settings.variable(name_of(option))

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """With the two that ask for help."""
        return [*super().get_params(ctx), self._help_all]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """On one screen."""
        formatter.write(short_help(ctx, self, options_in(self.params)) + "\n")

    def full_help(self, ctx: click.Context) -> str:
        """All of it."""
        return full_help(ctx, self, options_in(self.params))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with what files set as the defaults."""
        typed, _, _ = self.make_parser(ctx).parse_args(args=[*args])
        if ctx.parent and not ctx.resilient_parsing and not (NOT_SET & {*typed}):
            table = typed.get("manifest")
            ctx.default_map = self.settings(ctx.parent, Path(table) if isinstance(table, str) and table else None)
        return super().parse_args(ctx, args)

    def settings(self, above: click.Context, table: Path | None) -> dict[str, Any]:
        """Parameter → what a file sets for it, as it would be typed.

        Raises:
            UsageError: a file, or a variable of ours, says what cannot be meant.
        """
        forms = forms_of(above)
        every = sorted({name for options in forms.values() for name in options})
        settings.require_known_variables(every, os.environ)
        here = {name_of(option): str(option.name) for option in options_of(self)}
        found: dict[str, Any] = {}
        for file in settings.files_for(table, forms):
            values = file.values(self.name or "", forms.get(self.name or "", {}))
            found = {here[name]: value for name, value in values.items()} | found
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """With fal's key from where it is said to be; what pays and was not typed now is said."""
        for option in options_of(self):
            source = ctx.get_parameter_source(option.name or "")
            if (
                not ctx.params.get("cron")
                and option.name in PAYING
                and source in _STANDING
                and ctx.params.get(option.name)
            ):
                where = option.envvar if source is _STANDING[0] else "a settings file"
                say(f"note: {option.opts[0]} holds, by {where}")
        if any(one.name == KEY_FILE for one in self.params) and not ctx.params.get("sandbox"):
            use_key(ctx)
        return super().invoke(ctx)


def use_key(ctx: click.Context) -> None:
    """What is typed, or stands in our variable, wins over fal's own variables; a file of settings does not."""
    from batch.commands import key_sources  # only where a key is used

    told, table = ctx.meta.get(KEY_FILE), ctx.params.get("manifest")
    if told and (ctx.get_parameter_source(KEY_FILE) is not click.core.ParameterSource.DEFAULT_MAP or not _has_key()):
        key_sources.use_key_file(told, os.environ)
        return
    for line in key_sources.use_env_files(table, os.environ):
        if not ctx.params.get("cron"):  # it would be a mail a night
            say(line)


def _has_key() -> bool:
    from batch.commands.key_sources import KEY_NAMES

    return any(os.environ.get(name) for name in KEY_NAMES)


def options_of(command: click.Command) -> Iterator[click.Option]:
    """Those that can be set."""
    return (one for one in command.params if isinstance(one, click.Option) and one.name not in NOT_SET)


def forms_of(above: click.Context) -> Mapping[str, Mapping[str, OptionForm]]:
    """Every command and what may be set for it."""
    return {
        name: {name_of(option): _form(option) for option in options_of(command)}
        for name, command in commands_of(above).items()
    }


def commands_of(above: click.Context) -> Mapping[str, click.Command]:
    """Those beside a command; none where it stands alone."""
    return above.command.commands if isinstance(above.command, click.Group) else {}


_FILES = ("FILE", "DIR", "[DIR]", "FOLDER")
"""What stands for a file or folder in help."""


def _form(option: click.Option) -> OptionForm:
    return OptionForm(
        flag=bool(option.is_flag),
        multiple=option.multiple,
        pairs="=" in (option.metavar or "") and not option.multiple,
        path=option.type.name == "path" or option.metavar in _FILES,
        bare=option.flag_value if not option.is_flag and isinstance(option.flag_value, str) else None,
    )


@contextmanager
def plain_usage_errors() -> Iterator[None]:
    """click shows them by itself, with what was typed in them."""
    try:
        yield
    except click.UsageError as error:
        error.message = one_line(error.message)  # type: ignore[misc]  # not meant to be set, says click
        raise
