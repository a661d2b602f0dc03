"""Reads numbers as typed: ASCII digits with one point at most, and nothing else."""

import re

from batch.errors import UsageError

MOST = 10**9
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


def number(text: str) -> float:
    """`12`, `0.5` → the number; no sign, no exponent, nothing infinite.

    Raises:
        UsageError: not a plain number, or too large to be meant.
    """
    if not _NUMBER.fullmatch(text) or float(text) > MOST:
        raise UsageError(f"{text!r} is not a number: write it in plain digits, like 2.5")
    return float(text)
