"""`schedule`: has cron or systemd run a table by itself, says when, and takes that back."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from batch.commands import crontab, systemd_units
from batch.commands.key_sources import env_files, read_key_file
from batch.commands.table_names import require_original
from batch.core.next_runs import next_runs, told_runs
from batch.core.paths import log_path
from batch.core.plain_text import one_line
from batch.core.planned_night import PlannedNight, shown_days
from batch.errors import UsageError

SHOWN_RUNS = 3
_CARRIED = (
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"),
)
"""What a run reads of its environment, and cron does not know."""
_BARE = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
"""All that cron gives to a command, besides whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants to be run, and when.

    Args:
        key_file: to be named in the line.
        has_key: a settings file, or one of the options, names the key's file.
        options: of `run`, as typed.
        needs_folder: one of them names a file from the folder that one stands in.
        sandbox: they hold `--sandbox`: no key is needed.
    """

    table: Path
    at: time
    days: Sequence[int]
    until: str | None = None
    key_file: Path | None = None
    has_key: bool = False
    options: Sequence[str] = ()
    needs_folder: bool = False
    sandbox: bool = False


def plan_night(wish: Wish) -> PlannedNight:
    """The whole command, so that it runs where nothing of a person's shell is there.

    Raises:
        UsageError: there is no table, no key, or no way to run this in a bare environment.
        ManifestError: the table holds the results of a rehearsal.
    """
    require_original(wish.table)
    if not wish.table.is_file():
        raise UsageError(f"{wish.table} is not there: nothing is scheduled")
    table = wish.table.resolve()
    folder = Path.cwd() if wish.needs_folder else table.parent
    command = [sys.executable, "-P", "-m", "batch", "run", str(table), "--cron"]
    command += ["--until", wish.until] if wish.until else []
    command += ["--key-file", str(_checked_key(wish))] if wish.key_file else []
    command += wish.options
    night = PlannedNight(str(table), wish.at, tuple(wish.days), str(folder), command, dict(_environment()))
    if not (wish.key_file or wish.has_key or wish.sandbox or any(map(_holds_key, env_files(table)))):
        raise UsageError(_NO_KEY)
    _try_out(night)
    return night


_NO_KEY = (
    'cron knows nothing of your environment, so fal\'s key has to come from a file: (umask 077; printf %s "$FAL_KEY" > '
    "~/.fal-key) writes one, and --key-file ~/.fal-key names it"
)


def _checked_key(wish: Wish) -> Path:
    path = Path(wish.key_file or "").absolute()
    read_key_file(path)
    return path


def _holds_key(path: Path) -> bool:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.strip().removeprefix("export ").startswith("FAL_KEY=") for line in lines)


def _environment() -> Iterator[tuple[str, str]]:
    """What of this one's environment the command needs there, too; never a password."""
    locale = next((told for name in ("LC_ALL", "LC_CTYPE", "LANG") if (told := os.environ.get(name))), "")
    yield "LANG", locale if "utf" in locale.lower() else "C.UTF-8"
    for name in _CARRIED:
        if (value := os.environ.get(name)) and not _holds_password(value):
            yield name, value


def _holds_password(address: str) -> bool:
    return "@" in address.rpartition("//")[2].partition("/")[0]


def _try_out(night: PlannedNight) -> None:
    """Whether this Python finds this program where nothing of a person's shell is there."""
    environment = {**_BARE, **{name: os.environ[name] for name in ("HOME", "LOGNAME") if name in os.environ}}
    command = [*night.command[: night.command.index("run")], "--version"]
    ended = subprocess.run(  # noqa: S603
        command,
        env=environment | dict(night.environment),
        cwd=night.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise UsageError(
            f"{shlex.join(command)} does not run in cron's bare environment ({last}): install kling-batch for this "
            f"Python ({sys.executable} -m pip install .), then schedule it"
        )


def _unseen(table: str) -> Iterator[str]:
    """What of a person's environment the command will not see."""
    if ours := sorted(name for name in os.environ if name.startswith("KLING_BATCH_")):
        beside = Path(table).with_name("kling-batch.toml")
        yield f"note: {', '.join(ours)} of your environment is not seen there: put it into {beside}"
    if secret := [name for name in _CARRIED if _holds_password(os.environ.get(name, ""))]:
        yield f"note: {', '.join(secret)} holds a password, so it is not written there: set it above the line yourself"


# Put there, and taken away


def schedule_night(
    night: PlannedNight, *, systemd: bool, until: time | None, dry_run: bool, now: datetime
) -> list[str]:
    """Has it run by itself, once, however often this is asked. Tells what was done, and when it runs.

    Raises:
        UsageError: it could not be done.
    """
    if sys.platform == "win32":
        task = f"schtasks /Create /TN kling-batch /SC DAILY /ST {night.at:%H:%M} /TR"
        command = subprocess.list2cmdline(night.command)
        raise UsageError(f'Windows has neither cron nor systemd, but a scheduler of its own: {task} "{command}"')
    if dry_run:
        shown = (
            [systemd_units.service_text(night), systemd_units.timer_text(night)]
            if systemd
            else [crontab.line_of(night)]
        )
        return [line for text in shown for line in text.splitlines()] + list(_when(night, until, now, late=not systemd))
    if systemd:
        paths = systemd_units.install_units(night)
        _remove_line(night.tag)
        done = [f"written: {path}" for path in paths]
        done.append("a user's timers run while that user is logged in; for all nights: loginctl enable-linger")
    else:
        before = crontab.read_crontab()
        crontab.write_crontab(crontab.with_line(before, night))
        systemd_units.remove_units(night)
        done = ["in the crontab now:", crontab.line_of(night)]
    done.append(f"each night's words, with their times: {log_path(Path(night.table))}")
    return [*done, *_unseen(night.table), *_when(night, until, now, late=not systemd)]


def _when(night: PlannedNight, until: time | None, now: datetime, *, late: bool) -> Iterator[str]:
    runs = next_runs(now, night.at, night.days, SHOWN_RUNS, until=until, late=late)
    yield f"{shown_days(night.days)} at {night.at:%H:%M} ({now.tzname()}); the next {len(runs)}:"
    yield from told_runs(runs, now)


def unschedule(table: Path) -> list[str]:
    """Takes a table's line and units away, also where the table is gone by now.

    Raises:
        UsageError: there were none, or they could not be taken away.
    """
    night = PlannedNight(str(table.resolve()), time())
    removed = ["its line is out of the crontab"] if _remove_line(night.tag) else []
    removed += ["its timer and service are gone"] if systemd_units.remove_units(night) else []
    if not removed:
        raise UsageError(f"{table} is not scheduled: kling-batch schedule --list shows what is")
    return removed


def _remove_line(tag: str) -> bool:
    before = _crontab_here()
    after = crontab.without_line(before, tag)
    if after != before:
        crontab.write_crontab(after)
    return after != before


def _crontab_here() -> bytes:
    """The crontab; nothing on a machine without cron."""
    from shutil import which

    return crontab.read_crontab() if which("crontab") else b""


def scheduled() -> list[tuple[PlannedNight, str]]:
    """All that is planned for this user, each with who runs it."""
    found = [(night, "cron") for night in crontab.nights_in(_crontab_here())]
    return found + [(night, "systemd") for night in systemd_units.planned_nights()]


def listed(now: datetime, zone: Callable[[], tzinfo | None]) -> list[str]:
    """A line for each table that is scheduled, and its next run."""
    lines = []
    here = now.astimezone(zone())
    for night, by in scheduled():
        (run, *_) = next_runs(here, night.at, night.days, 1, late=by == "cron")
        there = "" if Path(night.table).exists() else "; the table is not there any more"
        lines.append(
            one_line(
                f"{night.table}: {shown_days(night.days)} at {night.at:%H:%M} by {by}, next {run.text(here)}{there}"
            )
        )
    return lines or ["nothing is scheduled"]


def machine_zone() -> tzinfo | None:
    """The zone of the machine, by which cron and systemd go, whatever TZ says in a person's shell."""
    path = Path("/etc/localtime")
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(path.resolve()).partition("zoneinfo/")[2] or None)
    except (OSError, ValueError):
        return datetime.now().astimezone().tzinfo
