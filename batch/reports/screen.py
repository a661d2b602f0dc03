"""Fits what is said to where it is shown: a bar of any width with lines above it, or a log with times."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

_FRAME = len("100%|") + 2 + len("| ") + 1
"""Columns of a bar of two besides its words; the last one of a terminal stays empty."""
_USUAL_COLUMNS = 80

_SHORTER = (
    (r" \(next is ([^)]*) in line\)", r" (\1 in line)"),
    (r" rows done", " done"),
    (r"\babout ", "~"),
    (r" waiting at fal", " waiting"),
    (r"(\$[\d.,]*\d) spent", r"\1"),
    (r"^(\d+) of (\d+) done", r"\1/\2"),
    (r" \(([\d,]+\w\w) in line\)", ""),
    (r" \((\d+) in doubt\)", r", \1 in doubt"),
    (r", \$[\d.,]*\d", ""),
    (r", \d+ under way", ""),
    (r", \d+ running", ""),
    (r", \d+ waiting", ""),
)
"""What is said in fewer words, then left out, where a terminal is narrow; the time left comes last, and stays."""


def fitted(text: str, width: int) -> str:
    """A line in no more than so many characters; of one that cannot be, as much as there is room for."""
    for pattern, shorter in _SHORTER:
        if len(text) <= width:
            return text
        text = re.sub(pattern, shorter, text)
    if len(text) <= width:
        return text
    last = re.search(r"~[^,]* left$", text)
    return last[0][: max(0, width)] if last else f"{text[: max(0, width - 1)]}…"[: max(0, width)]


def room(out: TextIO) -> int:
    """How many characters stand beside a bar of two columns."""
    columns = _USUAL_COLUMNS
    with suppress(OSError, ValueError):
        columns = os.get_terminal_size(out.fileno()).columns or _USUAL_COLUMNS
    return columns - _FRAME


def stamped(text: str) -> str:
    """Each line with the time in front, by the clock of whoever reads it: a log tells when something was."""
    now = f"{datetime.now(UTC).astimezone():%Y-%m-%d %H:%M:%S}"
    return "\n".join(f"{now} {line}" for line in text.split("\n"))


class Screen:
    """Where a bar is shown, and others say something meanwhile."""

    def __init__(self) -> None:
        self.bar: Any = None
        """tqdm's, while there is one."""

    def above(self, say: Callable[[str], None]) -> Callable[[str], None]:
        """The same words, from any thread; the bar is taken away for them, and drawn again below."""

        def told(text: str) -> None:
            if (bar := self.bar) is None:
                say(text)
                return
            with type(bar).external_write_mode(file=bar.fp):
                say(text)

        return told
