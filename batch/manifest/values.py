"""Reads a cell's text as the value of an input. Pure."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from batch.core.plain_text import one_line
from batch.job import Job


def value_of(job: Job, name: str, text: str) -> Any:
    """The value of an input; what cannot be read as one is given back as it stands, for the schema to refuse."""
    rules = job.schema["properties"][name]
    kind = rules.get("type")
    if name in job.local:
        return listed(text) if kind == "array" else bare(text)
    if "enum" in rules:
        return choice(text, rules["enum"], job.units.get(name, ()))
    match kind:
        case "number" | "integer":
            found = number(text)
            if found is None or (kind == "integer" and found != int(found)):
                return text
            return int(found) if kind == "integer" else float(found)
        case "boolean":
            return _TRUTHS.get(bare(text).casefold(), text)
        case "array" if rules.get("items", {}).get("type", "string") == "string" and not text.lstrip().startswith("["):
            return listed(text)
        case "string":
            return text
        case _:
            return _json(text)


_TRUTHS = {
    **dict.fromkeys(("true", "yes", "y", "on", "1", "1.0", "ja", "wahr", "oui", "vrai", "sí", "si", "verdadero"), True),
    **dict.fromkeys(("false", "no", "n", "off", "0", "0.0", "nein", "falsch", "non", "faux", "falso"), False),
}
"""As people write them, and as spreadsheets show them in their languages."""


def listed(text: str) -> list[str]:
    """A cell that holds several texts, with `;` or a line break between them."""
    return [part for one in re.split(r"[;\n]", text) if (part := bare(one))]


def _json(text: str) -> Any:
    """The JSON in a cell; what is none is given back as it stands."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
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


def choice(text: str, options: Sequence[Any], units: Sequence[str]) -> Any:
    """`5`, `5.0`, `5,0`, `"5 s"`, `5s` and `5 sec.` all mean `5`; what means no option is given back as it stands."""
    word = text.strip().strip("\"'").strip().casefold()
    if (same := next((option for option in options if str(option).casefold() == word), None)) is not None:
        return same
    if (same := _by_amount(word, options)) is not None:
        return same
    for unit in sorted(units, key=len, reverse=True):
        if word.endswith((unit, f"{unit}.")):
            word = word.removesuffix(".").removesuffix(unit).rstrip()
            break
    meant = number(word)
    if meant is None:
        return text
    return next((option for option in options if number(str(option)) == meant), text)


def _by_amount(word: str, options: Sequence[Any]) -> Any:
    """Of `4s 6s 8s` or `480p 720p` the one that a bare number means; None where the options have not one unit."""
    parts = [_WITH_UNIT.fullmatch(str(option).casefold()) for option in options]
    units = {part[2] for part in parts if part}
    if not all(parts) or len(units) != 1:
        return None
    told = _WITH_UNIT.fullmatch(word)
    if told is None or told[2] not in ("", *units):
        return None
    return next((option for option, part in zip(options, parts, strict=True) if part and part[1] == told[1]), None)


_WITH_UNIT = re.compile(r"(\d+)(?:[.,]0+)?\s*([a-z]{0,8})\.?")


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
