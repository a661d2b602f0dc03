"""Reads a cell's text as the value of an input. Pure."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from batch.core.plain_text import one_line
from batch.job import Job


def value_of(job: Job, name: str, text: str) -> Any:
    """The value of an input; what cannot be read as one is given back as it stands, for the schema to refuse."""
    rules = job.schema["properties"][name]
    if name in job.images:
        return bare(text)
    if "enum" in rules:
        return choice(text, rules["enum"], job.units.get(name, ()))
    if rules["type"] == "number":
        found = number(text)
        return text if found is None else float(found)
    return text


_INVISIBLE = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""Windows' property dialog copies paths with one; so do web pages and chats."""
_QUOTES = {*zip("\"'`“”„«»‘‚‹<", "\"'`”““»«’‘›>", strict=True), ("„", "”"), ("”", "”"), ("’", "’"), ("‚", "’")}
"""Pairs of them: Windows copies paths in the first, word processors turn those into the others."""


def bare(text: str) -> str:
    """The text without what people do not mean as part of it: spaces, quotes and invisible marks around it."""
    while True:
        inside = text.strip().strip(_INVISIBLE)
        if len(inside) > 1 and (inside[0], inside[-1]) in _QUOTES:
            inside = inside[1:-1]
        if inside == text:
            return text
        text = inside


def choice(text: str, options: Sequence[str], units: Sequence[str]) -> str:
    """`5`, `5.0`, `5,0`, `"5 s"`, `5s` and `5 sec.` all mean `5`; what means no option is given back as it stands."""
    word = text.strip().strip("\"'").strip().casefold()
    for unit in sorted(units, key=len, reverse=True):
        if word.endswith((unit, f"{unit}.")):
            word = word.removesuffix(".").removesuffix(unit).rstrip()
            break
    meant = number(word)
    if meant is None:
        return text
    return next((option for option in options if number(option) == meant), text)


def number(text: str) -> Decimal | None:
    """A plain decimal number, with a point or a comma."""
    text = text.strip()
    if not text or not set(text) <= set("+-.,0123456789"):
        return None
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None


_BROKEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def unprintable(text: str) -> str | None:
    """Control characters and halves of emoji come from broken exports; nobody would know what was asked."""
    if (found := _BROKEN.search(text)) is None:
        return None
    position, code = found.start() + 1, ord(found[0])
    if code >= 0xD800:
        return f"has a broken character (U+{code:04X}) at position {position}: type it again"
    name = f"U+{code:04X}" if code else "NUL"
    return f"has a control character ({name}) at position {position}: delete it"


def shortened(text: str) -> str:
    """The text for a message, in quotes."""
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:37] + "…")


def excerpt(text: str) -> str:
    """The same for a path or an address, backslashes as they stand: its end tells it from its neighbours."""
    text = one_line(text.strip())
    return f"'{text if len(text) <= 60 else f'{text[:20]}…{text[-38:]}'}'"
