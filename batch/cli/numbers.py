"""Reads numbers as typed: ASCII digits with one point at most, and nothing else."""

import re

from batch.errors import UsageError

MOST = 10**9
MOST_ROWS = 100_000
"""That can be named one by one."""
_WHOLE = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"[0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18}")


def whole(text: str, least: int = 0, most: int = MOST) -> int:
    """`12` → 12; Python itself would also read `1_2`, `+12`, ` 12` and the digits of every script.

    Raises:
        UsageError: not a whole number, or not between these.
    """
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        between = f"of {least} at least" if most == MOST else f"from {least} to {most}"
        raise UsageError(f"{text!r} is not a whole number {between}: write it in plain digits")
    return int(text)


def row_ranges(text: str) -> list[int]:
    """`4-9,12` → the numbers, each once, in their order; a dash as it is shown, `4–9`, is one, too.

    Raises:
        UsageError: not rows as a spreadsheet numbers them, or more than a table has.
    """
    found: dict[int, None] = {}
    for part in text.replace("–", "-").replace(", ", ",").split(","):
        first, dash, last = part.partition("-")
        begin = whole(first, 1)
        end = whole(last, 1) if dash else begin
        if end < begin:
            raise UsageError(f"{part!r} ends before it begins: write it like {end}-{begin}")
        if end - begin >= MOST_ROWS or len(found) > MOST_ROWS:
            raise UsageError(f"{part!r} are more than {MOST_ROWS:,} rows: name fewer")
        found |= dict.fromkeys(range(begin, end + 1))
    return list(found)


def number(text: str) -> float:
    """`12`, `0.5` → the number; no sign, no exponent, nothing infinite.

    Raises:
        UsageError: not a plain number, or too large to be meant.
    """
    if not _NUMBER.fullmatch(text) or float(text) > MOST:
        raise UsageError(f"{text!r} is not a number: write it in plain digits, like 2.5")
    return float(text)
