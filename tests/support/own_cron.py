"""Debian's real cron and crontab, with a spool, a mailbox and a clock of their own: the machine's are not touched.

The daemon runs in a mount namespace of its own, in which its spool is empty and `sendmail` writes a file, and on a
clock (libfaketime) on which a minute takes a second.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.night import PATIENCE, until

_SETUP = """
set -e
mkdir -p "$1/spool/crontabs" "$1/empty" "$1/upper" "$1/work"
chown root:crontab "$1/spool/crontabs"
chmod 1730 "$1/spool/crontabs"
: > "$1/crontab"
printf '#!/bin/sh\\n{ cat; echo; echo "=== end"; } >> "%s"\\n' "$1/mailbox" > "$1/upper/sendmail"
chmod 755 "$1/upper/sendmail"
mount --bind "$1/spool" /var/spool/cron
mount --bind "$1/empty" /etc/cron.d
mount --bind "$1/crontab" /etc/crontab
mount -t overlay overlay -o "lowerdir=/usr/sbin,upperdir=$1/upper,workdir=$1/work" /usr/sbin
mount -t tmpfs none /run
: > "$1/ready"
exec sleep infinity
"""
_NEEDED = ("cron", "crontab", "faketime", "unshare", "nsenter")


def lacking() -> str:
    """Why the real cron cannot be tried here; empty where it can."""
    missing = [name for name in _NEEDED if not shutil.which(name)]
    if missing:
        return f"Debian's {', '.join(missing)} is not here: apt install cron faketime"
    alone = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return "" if alone.returncode == 0 and os.geteuid() == 0 else "a mount namespace of its own needs root"


needs_cron = pytest.mark.skipif(bool(lacking()), reason=lacking() or "it is here")


@dataclass(frozen=True, slots=True)
class OwnCron:
    """A crontab, and the daemon that runs it when it is told to."""

    folder: Path
    pid: int

    def run(self, *command: object, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """A command that sees this cron's crontab as the machine's."""
        told = ["nsenter", "-t", str(self.pid), "-m", f"--wd={self.folder}", *map(str, command)]
        return subprocess.run(
            told, env=dict(environment), capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def crontab(self) -> bytes:
        """As it stands in the spool, without the head that `crontab` puts there."""
        ended = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "crontab", "-l"], capture_output=True, check=False
        )
        return ended.stdout

    def write(self, crontab: bytes) -> None:
        subprocess.run(["nsenter", "-t", str(self.pid), "-m", "crontab", "-"], input=crontab, check=True)

    @property
    def mails(self) -> list[str]:
        """The texts of the mails that came, without their heads."""
        path = self.folder / "mailbox"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [one.partition("\n\n")[2].strip() for one in text.split("=== end\n")[:-1]]

    @contextmanager
    def running(self, clock: str, *, zone: str = "UTC") -> Iterator[None]:
        """The daemon, on a clock that begins at `clock` (`2027-03-28 01:59:50`) in a zone."""
        command = ["nsenter", "-t", str(self.pid), "-m", "faketime", "-f", f"@{clock} x60", "cron", "-f"]
        environment = {"PATH": os.environ["PATH"], "TZ": zone}
        with subprocess.Popen(command, env=environment, start_new_session=True) as daemon:
            try:
                yield
            finally:
                os.killpg(daemon.pid, signal.SIGTERM)  # `faketime` waits for it in a process of its own

    def await_mail(self, count: int) -> str:
        until(lambda: len(self.mails) >= count)
        return self.mails[count - 1]


@contextmanager
def own_cron(folder: Path) -> Iterator[OwnCron]:
    """A machine with an empty crontab, on which no daemon runs yet."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["unshare", "-m", "sh", "-c", _SETUP, "sh", str(folder)]
    with subprocess.Popen(command, env={"PATH": os.environ["PATH"]}) as holder:
        try:
            until((folder / "ready").exists)
            yield OwnCron(folder, holder.pid)
        finally:
            holder.kill()
