"""Puts marked lines into the user's crontab, and takes them out: every other line stays byte for byte."""

import os
import re
import subprocess
from collections.abc import Sequence
from datetime import time

from batch.core.planned_night import EVERY_DAY, PlannedNight
from batch.core.shell_words import for_cron, preamble, shell_word, words_of
from batch.errors import UsageError

MARK = "# kling-batch:"
LONGEST = 990
"""Bytes of a command; Debian's cron takes 998, and cuts off what is beyond without a word."""
_ENTRY = re.compile(r"([0-9]+) ([0-9]+) \* \* (\*|[0-7,]+) (.*) # kling-batch:([0-9a-f]{12})", re.DOTALL)
_SHELL_LINE = re.compile(rb"^[ \t]*SHELL[ \t]*=[ \t]*[\"']?([^\"'\s]*)", re.MULTILINE)
_POSIX_SHELLS = (b"sh", b"bash", b"dash", b"ash", b"ksh", b"zsh")


def line_of(night: PlannedNight) -> str:
    """Its line, without the line break.

    Raises:
        UsageError: it would be longer than cron takes.
    """
    settings = [f"{name}={shell_word(value)}" for name, value in night.environment.items()]
    words = " ".join([*settings, *map(shell_word, night.command)])
    before = preamble([night.folder, *night.environment.values(), *night.command])
    command = for_cron(f"{before}cd {shell_word(night.folder)} && {words} {MARK}{night.tag}")
    if len(os.fsencode(command)) > LONGEST:
        raise UsageError(
            f"the line would be {len(os.fsencode(command))} bytes long, and cron takes {LONGEST}: put the options into "
            "kling-batch.toml beside the table, move it to a shorter path, or use --systemd"
        )
    days = "*" if tuple(night.days) == EVERY_DAY else ",".join(str((day + 1) % 7) for day in night.days)
    return f"{night.at.minute} {night.at.hour} * * {days} {command}"


def night_of(line: str) -> PlannedNight | None:
    """What a line of ours plans; None for every other line."""
    found = _ENTRY.fullmatch(line)
    if not found:
        return None
    minute, hour, days, command, tag = found.groups()
    try:
        words = words_of(command.replace("\\%", "%"))
    except ValueError:
        words = []
    rest = words[words.index("&&") + 1 :] if "&&" in words else []
    settings = [word for word in rest[: _first_program(rest)] if "=" in word]
    argv = rest[len(settings) :]
    folder = words[1] if words[:1] == ["cd"] and len(words) > 1 else "/"
    night = PlannedNight(
        table=_table_in(folder, argv),
        at=time(int(hour), int(minute)),
        days=EVERY_DAY if days == "*" else tuple(sorted((int(day) - 1) % 7 for day in days.split(","))),
        folder=folder,
        command=argv,
        environment=dict(setting.split("=", 1) for setting in settings),
    )
    return night if night.tag == tag else None


def _first_program(words: Sequence[str]) -> int:
    return next((at for at, word in enumerate(words) if word.startswith("/")), len(words))


def _table_in(folder: str, argv: Sequence[str]) -> str:
    name = argv[argv.index("run") + 1] if "run" in argv[:-1] else ""
    return os.path.join(folder, name)  # noqa: PTH118 - a text as it stands there, no file


def with_line(crontab: bytes, night: PlannedNight) -> bytes:
    """The crontab in which the table has this line, and no other of ours."""
    line = os.fsencode(line_of(night))
    found = _SHELL_LINE.findall(crontab)
    if found and os.path.basename(found[-1]) not in _POSIX_SHELLS:  # noqa: PTH119
        raise UsageError(
            f"the crontab sets SHELL={os.fsdecode(found[-1])}, which reads lines otherwise than sh: set SHELL=/bin/sh "
            "there behind those lines that need it, or use --systemd"
        )
    kept, at = _without(crontab, night.tag)
    if at is None:
        if crontab and not crontab.endswith(b"\n"):
            kept[-1] += b"\n"
        at = len(kept)
    return b"".join([*kept[:at], line + b"\n", *kept[at:]])


def without_line(crontab: bytes, tag: str) -> bytes:
    """The crontab without the lines of a table."""
    return b"".join(_without(crontab, tag)[0])


def _without(crontab: bytes, tag: str) -> tuple[list[bytes], int | None]:
    """All other lines, and where the first one of the table was."""
    mark = f" {MARK}{tag}".encode()
    kept: list[bytes] = []
    at = None
    for line in _lines(crontab):
        if line.rstrip(b"\n").endswith(mark) and not line.lstrip().startswith(b"#"):
            at = len(kept) if at is None else at
        else:
            kept.append(line)
    return kept, at


def _lines(text: bytes) -> list[bytes]:
    """Apart at line feeds only."""
    return [part + b"\n" for part in text.split(b"\n")[:-1]] + [part for part in text.split(b"\n")[-1:] if part]


def nights_in(crontab: bytes) -> list[PlannedNight]:
    """What the lines of ours plan."""
    lines = [os.fsdecode(line.rstrip(b"\n")) for line in _lines(crontab)]
    return [night for line in lines if (night := night_of(line))]


# The user's own


def read_crontab() -> bytes:
    """All of it; nothing where there is none.

    Raises:
        UsageError: there is no `crontab` on this machine, or it may not be used.
    """
    ended = _crontab("-l")
    if ended.returncode == 0:
        return ended.stdout
    if b"no crontab for" in ended.stderr:
        return b""
    raise UsageError(f"crontab -l: {ended.stderr.decode(errors='replace').strip()}")


def write_crontab(text: bytes) -> None:
    """In place of the whole one, and read back.

    Raises:
        UsageError: it was refused, or another one stands there now.
    """
    ended = _crontab("-", text) if text else _crontab("-r")
    if ended.returncode:
        raise UsageError(f"crontab: {ended.stderr.decode(errors='replace').strip()}")
    if read_crontab() != text:
        raise UsageError("the crontab does not read as it was written: look at it with crontab -l, and try again")


def _crontab(argument: str, text: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(  # noqa: S603
            ["crontab", argument],  # noqa: S607
            input=b"" if text is None else text,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError("there is no crontab on this machine: apt install cron, or use --systemd") from error
