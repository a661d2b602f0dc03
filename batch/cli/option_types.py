"""The kinds of values behind options: each read strictly, and refused with the option's name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from batch.cli.numbers import number, row_ranges, whole
from batch.cli.settings_files import split_words
from batch.core.run_options import MOST_AT_ONCE, PLACE
from batch.errors import UsageError


class Typed(click.ParamType):  # type: ignore[type-arg]  # before 8.4, click's own has no arguments
    """What stands after an option, read by a function; what is empty, or not plainly meant, is refused with its name.

    An empty value is a variable that is not set (`--max-spend "$CAP"`): it must not become no cap.
    """

    def __init__(self, name: str, read: Callable[[str], Any] = str) -> None:
        self.name = name
        self._read = read

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Files, where a file is meant."""
        from click.shell_completion import CompletionItem

        return (
            [CompletionItem(incomplete, type="file")]
            if self.name == "path"
            else super().shell_complete(ctx, param, incomplete)
        )

    def split_envvar_value(self, rv: str) -> list[str]:
        return split_words(rv)

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        if not isinstance(value, str):
            return value
        name = _where(param, ctx) if isinstance(param, click.Option) else self.name
        if not value.strip():
            raise UsageError(f"{name}: its value is empty: give one, or leave the option out")
        try:
            return self._read(value)
        except UsageError as error:
            raise UsageError(f"{name}: {error}") from error


def _where(option: click.Option, ctx: click.Context | None) -> str:
    """How a value's place is named to the person who wrote it."""
    source = ctx.get_parameter_source(option.name or "") if ctx else None
    if source is click.core.ParameterSource.ENVIRONMENT:
        return f"{option.envvar} in the environment"
    in_file = source is click.core.ParameterSource.DEFAULT_MAP
    return f"{option.opts[0]}{' in a settings file (`kling-batch config` says which)' if in_file else ''}"


def whole_number(least: int = 0, most: int | None = None) -> Typed:
    """A type for whole numbers between these."""
    return Typed("integer", lambda text: whole(text, least, most) if most is not None else whole(text, least))


def _take(text: str) -> int | str:
    """The number of a take; or `newest`."""
    try:
        return "newest" if text == "newest" else whole(text, 1)
    except UsageError as error:
        raise UsageError(f"{text!r} is neither newest nor the number of a take: write it like 1") from error


TAKE = Typed("take", _take)


def concurrency(text: str) -> int | None:
    """How many at once; None is `auto`."""
    try:
        return None if text == "auto" else whole(text, 1, MOST_AT_ONCE)
    except UsageError as error:
        raise UsageError(f"{text!r} is neither auto nor a number from 1 to {MOST_AT_ONCE}") from error


def _dollars(text: str) -> int:
    from batch.core.money import micros

    return micros(text)


def account_cap(text: str) -> Any:
    """An `AccountCap`."""
    from batch.core.money import AccountCap

    return AccountCap.read(text)


def lifecycle(text: str) -> Any:
    """An `ObjectLifecycle`."""
    from batch.core.object_lifecycle import ObjectLifecycle

    return ObjectLifecycle.read(text)


@dataclass(frozen=True, slots=True)
class End:
    """When a run is to end, seconds from now, and how that was typed."""

    seconds: float
    text: str


def duration(text: str) -> End:
    """So long from now: `8h`."""
    from batch.cli import times

    return End(times.seconds(text), text)


def time_of_day(text: str) -> End:
    """The next time that the clock shows it: `07:00`."""
    from datetime import datetime

    from batch.cli import times

    return End(times.seconds_until(text, datetime.now().astimezone()), text)


PATH = Typed("path", Path)


def cluster(text: str) -> str:
    """`ray`, or `ray://HOST:PORT`."""
    if not PLACE.fullmatch(text):
        raise UsageError(f"{text!r}: write ray for a cluster of this machine's own, or ray://HOST:PORT")
    return text


TEXT = Typed("text")
SECONDS = Typed("seconds", number)
ROWS = Typed("rows", row_ranges)
DOLLARS = Typed("dollars", _dollars)
