"""Prints what a command has to say: lines to stderr, what was asked for to stdout."""

import json
import sys
from typing import Any, TextIO

from batch.core.plain_text import one_line, shown

# Everything that is printed goes through these, but for the bar.


def say(line: str) -> None:
    """One line to stderr; stdout is for what was asked for. No control character of anybody's is obeyed."""
    _write(one_line(line), sys.stderr)


def log(text: str) -> None:
    """What a run says to stderr, which may be the log of a night: each line with its time, unless somebody looks on."""
    if sys.stderr.isatty():
        print_text(text, err=True)
    else:
        from batch.reports.screen import stamped

        print_text(stamped(text), err=True)


def print_text(text: str, *, err: bool = False) -> None:
    """Lines of ours, each of which was made one."""
    _write(shown(text), sys.stderr if err else sys.stdout)


def print_json(value: Any) -> None:
    """Letters as they are where the stream knows them all; else as JSON has them, and not as the stream would."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    print_text(text)


def _write(text: str, stream: TextIO) -> None:
    """Not through click, which writes UTF-8 where the code page is ASCII."""
    stream.write(f"{text}\n")
    stream.flush()
