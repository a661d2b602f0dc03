"""Nights by Debian's real cron, as a system administrator sees them: crontab, mailbox, log and table."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.core.paths import ledger_path
from batch.errors import Exit
from batch.ledger.file import locked
from tests.support.night import Night, night, statuses, until
from tests.support.own_cron import OwnCron, needs_cron, own_cron

pytestmark = [needs_cron, pytest.mark.xdist_group("cron")]

FOLDER = 'Schnee & Eis 100% "neu"\nüber\\Nacht'
OTHERS = b'# mine\nMAILTO=me\n\n*/5 1 * * * echo "50\\%"  \n@daily  true\t\n#0 3 * * * old\n'


@pytest.fixture
def cron(tmp_path: Path) -> Iterator[OwnCron]:
    with own_cron(tmp_path / "cron") as one:
        yield one


@pytest.fixture
def film(tmp_path: Path) -> Iterator[Night]:
    folder = tmp_path / FOLDER
    folder.mkdir()
    with night(folder, keys=frozenset({"sandbox-key"})) as one:
        yield one


def key_file(film: Night, text: str = "sandbox-key") -> Path:
    path = film.folder / "the key"
    path.write_text(text)
    path.chmod(0o600)
    return path


def schedule(cron: OwnCron, film: Night, *arguments: object) -> str:
    """`schedule` as typed; it must go well."""
    environment = {name: value for name, value in film.environment.items() if name != "FAL_KEY"}
    told = cron.run(sys.executable, "-m", "batch", "schedule", *arguments, environment=environment)
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_three_nights(cron: OwnCron, film: Night) -> None:
    """A letter where rows ended, none where nothing changed, one for what is new; nobody else's line changes."""
    shots, key = film.manifest(3), key_file(film)
    log = shots.with_name("shots.csv.log")
    cron.write(OTHERS)
    plan = (shots, "--key-file", key, "--days", "mon-fri", "--at")
    assert "mon-fri at 22:00" in schedule(cron, film, *plan, "22:00", "--", "--max-spend", "20")
    crontab = cron.crontab()
    assert crontab.startswith(OTHERS)
    assert crontab.count(b"\n") == OTHERS.count(b"\n") + 1
    assert b"sandbox-key" not in crontab

    with cron.running("2026-11-25 21:59:50"):
        first = cron.await_mail(1)
    assert "this time: 3 rows with a video" in first
    assert statuses(shots) == {"succeeded": 3}
    with cron.running("2026-11-26 21:59:50"):
        until(lambda: log.read_text(encoding="utf-8").count("ends: exit code 0") == 2)
    assert len(cron.mails) == 1

    with shots.open("a", encoding="utf-8") as file:
        file.write("bad,,https://example.com/9.png,no prompt\n")
    schedule(cron, film, *plan, "23:00", "--", "--max-spend", "20")
    assert cron.crontab().count(b"kling-batch:") == 1
    with cron.running("2026-11-27 22:59:50"):
        assert "1 invalid" in cron.await_mail(2)
    assert log.read_text(encoding="utf-8").count("begins: ") == 3

    assert "mon-fri at 23:00 by cron" in schedule(cron, film, "--list")
    schedule(cron, film, shots, "--remove")
    assert cron.crontab() == OTHERS


def test_a_time_that_the_clocks_skip_is_made_up_for_as_it_was_said(cron: OwnCron) -> None:
    """By the daemon itself, in the night in which the clocks go forward."""
    cron.write(b"30 2 * * * echo skipped\n1 3 * * * echo after\n")
    with cron.running("2027-03-28 01:59:30", zone="Europe/Berlin"):
        cron.await_mail(2)
    assert cron.mails == ["skipped", "after"]


# The same line, without the daemon: what cron gives a command is its environment and a shell


def by_cron(film: Night, shots: Path, *options: object, **more: str) -> tuple[int, str]:
    """One night in cron's bare environment: exit code, and what would be the mail."""
    kept = {name: value for name, value in film.environment.items() if name in _CARRIED} | more
    bare = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "HOME": os.environ.get("HOME", "/"), "LOGNAME": "me"}
    command = [sys.executable, "-P", "-m", "batch", "run", str(shots), "--cron", *map(str, options)]
    ended = subprocess.run(
        command,
        env=bare | kept,
        cwd=film.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stdout
    return ended.returncode, ended.stdout


_CARRIED = ("HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE", "XDG_STATE_HOME")


def test_a_key_file_that_others_may_read_is_refused_in_a_letter(film: Night) -> None:
    """Every night, until somebody mends it; nothing is bought."""
    shots, key = film.manifest(1), key_file(film)
    key.chmod(0o644)
    for _ in range(2):
        code, mail = by_cron(film, shots, "--key-file", key)
        assert (code, "chmod 600" in mail) == (Exit.UNUSABLE, True)
    assert not film.accepted


def test_a_key_that_is_refused_is_said_every_night(film: Night) -> None:
    """Only a person can mend it; the key itself stands nowhere."""
    shots, key = film.manifest(2), key_file(film, "another-key-0123456789")
    for _ in range(2):
        code, mail = by_cron(film, shots, "--key-file", key)
        assert (code, "set FAL_KEY to a valid key" in mail) == (Exit.STOPPED_EARLY, True)
    everything = mail + shots.with_name("shots.csv.log").read_text()
    assert "another-key" not in everything


def test_a_locked_account_is_said_every_night_and_its_rows_wait(film: Night) -> None:
    """Nothing fails for it, and when it is unlocked the night goes on by itself."""
    shots, key = film.manifest(3), key_file(film)
    film.address.authorization.lock()
    for _ in range(2):
        code, mail = by_cron(film, shots, "--key-file", key)
        assert (code, "top up or unlock the account" in mail) == (Exit.STOPPED_EARLY, True)
    assert not film.accepted
    film.address.authorization.locked = None
    code, mail = by_cron(film, shots, "--key-file", key)
    assert (code, "this time: 3 rows with a video" in mail) == (Exit.DONE, True)


def test_a_table_that_is_gone_is_said(film: Night) -> None:
    """With exit code 2: a person is needed."""
    code, mail = by_cron(film, film.folder / "gone.csv", "--key-file", key_file(film))
    assert (code, "cannot be read" in mail) == (Exit.UNUSABLE, True)


def test_a_night_that_overlaps_is_quiet(film: Night) -> None:
    """75, and a line in the log."""
    shots, key = film.manifest(1), key_file(film)
    with locked(ledger_path(shots)):
        assert by_cron(film, shots, "--key-file", key) == (Exit.BUSY, "")
    assert "another run is at work" in shots.with_name("shots.csv.log").read_text()
