"""Writes help that fits a screen: what is common, in groups; all of it with `--help-all`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from batch.cli.option_groups import COMMANDS, COMMON, EXAMPLES, GROUPS, REST

LINES, COLUMNS = 24, 80
_NAMES = 26
"""Columns that an option's name takes, with what stands before it."""
_ENDS = (". ", "; ", ": ", ", ", " (")


def help_all_option(show: Callable[[click.Context], str]) -> click.Option:
    """`--help-all`, which prints what `show` gives, and ends the command."""

    def printed(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
        if wanted and not ctx.resilient_parsing:
            click.echo(show(ctx))
            ctx.exit()

    return click.Option(
        ["--help-all"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=printed,
        help="Show every option, and all there is to know about it.",
    )


def name_of(option: click.Option) -> str:
    """As it is typed, without the dashes: `max-spend`."""
    return max(option.opts, key=len).lstrip("-")


def short_help(ctx: click.Context, command: click.Command, options: Sequence[click.Option]) -> str:
    """At most 24 lines of 80 columns: as many of the common options as fit."""
    head = [*_usage(ctx, command), "", *_described(command, whole=False), ""]
    example = EXAMPLES.get(command.name or "")
    tail = ["", f"For example: {example}"] if example else [""]
    common = sorted((one for one in options if name_of(one) in COMMON), key=lambda one: COMMON.index(name_of(one)))
    shown = list(common)
    while True:
        body = [line for title, group in _grouped(shown) for line in (f"{title}:", *map(_line, group))]
        left = len(options) - len(shown)
        more = (
            [f"All {len(options)} options, and more about them: --help-all"]
            if left
            else ["More about them: --help-all"]
        )
        lines = [*head, *body, *tail, *more]
        if len(lines) <= LINES or not shown:
            return "\n".join(lines)
        shown.pop()


def full_help(ctx: click.Context, command: click.Command, options: Sequence[click.Option], epilog: str = "") -> str:
    """Everything, as long as it is."""
    lines = [*_usage(ctx, command), "", *_described(command, whole=True)]
    for title, group in _grouped(options):
        formatter = click.HelpFormatter(width=COLUMNS - 2)
        formatter.write_dl([record for one in group if (record := one.get_help_record(ctx))], col_max=_NAMES)
        lines += ["", f"{title}:", *(f"  {line}" for line in formatter.getvalue().splitlines())]
    example = EXAMPLES.get(command.name or "")
    lines += ["", f"For example: {example}"] if example else []
    lines += ["", "Any of them can stand in the environment or in a file, too: kling-batch config"]
    return "\n".join([*lines, *(["", epilog] if epilog else [])])


def group_help(ctx: click.Context, group: click.Group, *, whole: bool) -> str:
    """The commands in the order in which a person needs them, those that find no room in one line; the exit codes."""
    first, _, rest = (group.help or "").partition("\n\n")
    exit_codes = _filled(" ".join(rest.split()), "  ")
    names = sorted(group.commands, key=lambda name: (COMMANDS.index(name) if name in COMMANDS else len(COMMANDS), name))
    head = [*_usage(ctx, group), "", *_filled(" ".join(first.split()), "  "), "", "Commands:"]
    tail = ["", *exit_codes, "", "Options: --version, --help; all there is to know: --help-all, also of a command"]
    room = len(names) if whole else LINES - len(head) - len(tail)
    shown = names if len(names) <= room else names[: room - 1]
    lines = [f"  {name:<10}{_cut(_summary(group.commands[name]), COLUMNS - 12)}" for name in shown]
    also = names[len(shown) :]
    return "\n".join([*head, *lines, *([f"  also: {', '.join(also)}"] if also else []), *tail])


def _usage(ctx: click.Context, command: click.Command) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(ctx))
    return [f"Usage: {ctx.command_path} {pieces}"]


def _described(command: click.Command, *, whole: bool) -> Iterator[str]:
    paragraphs = (command.help or "").split("\n\n")
    for number, paragraph in enumerate(paragraphs if whole else paragraphs[:1]):
        if number:
            yield ""
        yield from _filled(" ".join(paragraph.split()), "  ")


def _filled(text: str, indent: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, COLUMNS, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _summary(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


def _grouped(options: Sequence[click.Option]) -> Iterator[tuple[str, list[click.Option]]]:
    by_name = {name_of(one): one for one in options}
    for title, names in GROUPS.items():
        if found := [by_name.pop(name) for name in names if name in by_name]:
            yield title, found
    if by_name:
        yield REST, list(by_name.values())


def _line(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or (option.type.name or '').upper().replace(' ', '-')}"
    name = f"  --{name_of(option)}{value}"
    wide = name.ljust(_NAMES) if len(name) < _NAMES - 1 else f"{name}  "
    return wide + _cut(option.help or "", COLUMNS - len(wide))


def _cut(text: str, room: int) -> str:
    """As much of a sentence as has room, and makes sense."""
    if len(text) <= room:
        return text
    text = text.partition(", e.g.")[0]
    ends = [at for end in _ENDS if (at := text[: room + 1].rfind(end)) > 0]
    if ends and max(ends) > room // 3:
        return text[: max(ends)].rstrip(".;:,")
    return f"{text[: room - 1].rpartition(' ')[0]}…"


def options_in(params: Sequence[Any]) -> list[click.Option]:
    """The options among some parameters, without those that ask for help."""
    return [one for one in params if isinstance(one, click.Option) and not (set(one.opts) & {"--help", "--help-all"})]
