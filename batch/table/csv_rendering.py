"""Renders our cells as CSV text: quoted only where needed, no formula from outside, on one line."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial

from batch.table.column import Cell, Column, ColumnType

_FORMULA = frozenset("=+-@\t\r\n")
_BREAKS = re.compile(r"\r\n|[\r\n\0]")


def renderer(
    columns: Sequence[Column], delimiter: str, *, quotes: bool = True
) -> Callable[[Sequence[Cell]], list[str]]:
    """What turns a row of ours into CSV texts; without `quotes` nothing can be enclosed, and is made to need none."""
    busy = re.compile(rf'[{re.escape(delimiter)}"\r\n\0]').search

    harmless = partial(_harmless, delimiter=delimiter) if quotes else _plain

    def text(value: str) -> str:
        return harmless(value) if value[:1] in _FORMULA or busy(value) else value

    renderer_of: dict[ColumnType, Callable[..., str]] = {
        ColumnType.TEXT: text,
        ColumnType.INTEGER: str,
        ColumnType.MONEY: money_text,
        ColumnType.TIME: time_text,
    }
    renderers = [renderer_of[column.type] for column in columns]

    def render(row: Sequence[Cell]) -> list[str]:
        if len(row) != len(renderers):
            raise ValueError(f"a row of {len(row)} cells for {len(renderers)} columns")
        return ["" if cell is None else rendered(cell) for rendered, cell in zip(renderers, row, strict=True)]

    return render


def quoted(text: str, delimiter: str) -> str:
    """The text as one cell."""
    if any(sign in text for sign in (delimiter, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def _harmless(text: str, delimiter: str) -> str:
    inert = "'" + text if text[:1] in _FORMULA else text
    return quoted(_BREAKS.sub(" ", inert), delimiter)


def _plain(text: str) -> str:
    return unquoted("'" + text if text[:1] in _FORMULA else text)


def unquoted(text: str) -> str:
    """The text as one cell of a tab-separated file in which quotes enclose nothing: none of them begins it."""
    return _BREAKS.sub(" ", text).replace("\t", " ").replace('"', "'")


@lru_cache  # a table knows few prices
def money_text(amount: Decimal) -> str:
    """Dollars, with cents at least."""
    text = f"{amount:f}"
    whole, _, cents = text.partition(".")
    return text if len(cents) > 1 else f"{whole}.{cents:0<2}"


def time_text(moment: datetime) -> str:
    """ISO 8601, in UTC, to the second."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without its zone: {moment}")
    at = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # By hand, for strftime and isoformat take twice as long.
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % (at.year, at.month, at.day, at.hour, at.minute, at.second)  # noqa: UP031
