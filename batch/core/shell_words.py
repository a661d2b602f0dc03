"""Writes words into a line that cron gives to a shell, and reads them back. Pure.

A line of a crontab has no line breaks, and cron itself reads `%` and, in front of it, `\\`; crons differ in what else
they take from a backslash. So none is written but in front of a `%`: a backslash and a line break in a name come from
two variables that the line begins with.
"""

import re
from collections.abc import Iterator, Sequence

_SAFE = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
_PART = re.compile(r"'|\\|\n|[^'\\\n]+")
_SET_N = "n=$(printf '\\012.'); n=${n%.}; "
_SET_B = "b=$(printf '\\134'); "
_SPECIAL = {"'": '"\'"', "\\": '"$b"', "\n": '"$n"'}
_TOKEN = re.compile(r"""'([^']*)'|("'")|("\$b")|("\$n")|([A-Za-z0-9_@+=:,./-]+)""")


def shell_word(word: str) -> str:
    """The word as any POSIX shell reads it, without line breaks."""
    if _SAFE.fullmatch(word):
        return word
    return "".join(_SPECIAL.get(part) or f"'{part}'" for part in _PART.findall(word)) or "''"


def preamble(words: Sequence[str]) -> str:
    """What has to stand before a line with these words."""
    every = "".join(words)
    return (_SET_N if "\n" in every else "") + (_SET_B if "\\" in every else "")


def for_cron(line: str) -> str:
    """As it has to stand in a crontab, where a plain `%` ends the command."""
    return line.replace("%", "\\%")


def words_of(line: str) -> list[str]:
    """The words of a line that was written so, cron's own marks taken off already; stops at a comment.

    Raises:
        ValueError: it was written otherwise.
    """
    return list(_words(line.removeprefix(_SET_N).removeprefix(_SET_B)))


def _words(line: str) -> Iterator[str]:
    at, word = 0, ""
    begun = False
    while at < len(line):
        if line[at] == " ":
            if begun:
                yield word
            word, begun, at = "", False, at + 1
        elif line[at] == "#" and not begun:
            return
        elif line.startswith("&&", at) and not begun:
            yield "&&"
            at += 2
        else:
            found = _TOKEN.match(line, at)
            if not found:
                raise ValueError(f"not a line of ours: {line[at:]!r}")
            quoted, quote, backslash, newline, plain = found.groups()
            word += quoted or (quote and "'") or (backslash and "\\") or (newline and "\n") or plain or ""
            begun, at = True, found.end()
    if begun:
        yield word
