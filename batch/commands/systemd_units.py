"""Writes the units of a user's systemd that run a table by itself: a timer and its service."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import time
from pathlib import Path

from batch.core.plain_text import one_line
from batch.core.planned_night import DAYS, EVERY_DAY, PlannedNight
from batch.errors import UsageError

STOP_SECONDS = 120
"""How long a run may take to stop: a submit on its way is waited for, up to a minute."""
_SAFE = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
_NOTE = "# kling-batch: "


def units_folder() -> Path:
    """Where a user's own units stand."""
    told = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (told if told.is_absolute() else Path.home() / ".config") / "systemd" / "user"


def unit_name(night: PlannedNight) -> str:
    """`kling-batch-shots-0123456789ab`; the letters of the table's name are for people, the digits for us."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(night.table).stem).strip("-")[:40]
    return "-".join(part for part in ("kling-batch", stem.lower(), night.tag) if part)


def service_text(night: PlannedNight) -> str:
    """The service: it is no failure of it that rows are left for the next night, or that another run is at work."""
    note = json.dumps({"table": night.table, "at": f"{night.at:%H:%M}", "days": list(night.days)})
    command, working = list(map(_word, night.command)), f"WorkingDirectory={night.folder.replace('%', '%%')}\n"
    if re.search(r"[\n\\]|\s$|^\s", night.folder) or not _is_text(night.folder):  # no such line can say it
        command, working = ["/usr/bin/env", "-C", _word(night.folder), *command], ""
    settings = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in night.environment.items())
    return (
        f"{_NOTE}{note}\n"
        f"[Unit]\nDescription=kling-batch {one_line(night.table).replace('%', '%%')}\n\n"
        f"[Service]\nType=oneshot\n{working}{settings}ExecStart={' '.join(command)}\n"
        f"SuccessExitStatus=3 75 130\nTimeoutStopSec={STOP_SECONDS}\n"
    )


def timer_text(night: PlannedNight) -> str:
    """The timer: a night that the machine slept through is made up for."""
    every = tuple(night.days) == EVERY_DAY
    days = "" if every else ",".join(DAYS[day].capitalize() for day in night.days) + " "
    return (
        f"[Unit]\nDescription=kling-batch {one_line(night.table).replace('%', '%%')}\n\n"
        f"[Timer]\nOnCalendar={days}*-*-* {night.at:%H:%M}:00\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _word(word: str) -> str:
    """One argument of ExecStart, whatever it holds."""
    return word if _SAFE.fullmatch(word) else _quoted(word).replace("$", "$$")


def _quoted(text: str) -> str:
    escaped = "".join(map(_escaped, os.fsencode(text).decode("utf-8", "surrogateescape")))
    return f'"{escaped}"'


def _escaped(char: str) -> str:
    if char in '\\"':
        return f"\\{char}"
    if char == "%":
        return "%%"
    if char < " " or char == "\x7f":
        return f"\\x{ord(char):02x}"
    return f"\\x{ord(char) - 0xDC00:02x}" if "\udc80" <= char <= "\udcff" else char


def _is_text(name: str) -> bool:
    return not any("\udc80" <= char <= "\udcff" for char in name)


def planned_nights() -> Iterator[PlannedNight]:
    """What the units that stand there plan."""
    for path in sorted(units_folder().glob("kling-batch-*.service")):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        try:
            told = json.loads(first.removeprefix(_NOTE))
            yield PlannedNight(told["table"], time.fromisoformat(told["at"]), tuple(told["days"]))
        except (ValueError, KeyError, TypeError):
            continue  # not written by us


def install_units(night: PlannedNight) -> list[Path]:
    """Both files written and the timer started.

    Raises:
        UsageError: the user's systemd cannot be reached; the files stand there.
    """
    folder, name = units_folder(), unit_name(night)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.service", folder / f"{name}.timer"]
    for path, text in zip(paths, (service_text(night), timer_text(night)), strict=True):
        path.write_text(text, encoding="utf-8")
    _systemctl(f"the units are written to {folder}, but not started", "daemon-reload")
    _systemctl(f"the units are written to {folder}, but not started", "enable", "--now", f"{name}.timer")
    return paths


def remove_units(night: PlannedNight) -> bool:
    """The timer stopped and both files gone; False where there were none.

    Raises:
        UsageError: the user's systemd cannot be reached; the files are gone.
    """
    folder = units_folder()
    paths = [path for suffix in ("timer", "service") for path in folder.glob(f"kling-batch-*{night.tag}.{suffix}")]
    if not paths:
        return False
    told = f"the units are gone from {folder}, but systemd may still know them"
    timers = [path.name for path in paths if path.suffix == ".timer"]
    try:
        if timers:
            _systemctl(told, "disable", "--now", *timers)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    _systemctl(told, "daemon-reload")
    return True


def _systemctl(told: str, *arguments: str) -> None:
    command = ["systemctl", "--user", *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        reason = ended.stderr.strip().partition("\n")[0] if ended.returncode else ""
    except FileNotFoundError:
        reason = "there is no systemctl on this machine"
    if reason:
        raise UsageError(f"{told} ({reason}): once logged in, type {' '.join(command)}")
