"""The timer and the service: what systemd itself says of them, and what becomes of names."""

import shutil
import subprocess
from datetime import time
from pathlib import Path

import pytest

from batch.commands.systemd_units import (
    install_units,
    planned_nights,
    remove_units,
    service_text,
    timer_text,
    unit_name,
)
from batch.core.planned_night import EVERY_DAY, PlannedNight
from batch.errors import UsageError

FOLDERS = ['Schnee & Eis 100% "neu"', "plain", "a\nb", "it's $HOME", "back\\slash\\", "ends in a space ", "\udcff"]


def night(folder: Path, **more: object) -> PlannedNight:
    command = (
        "/usr/bin/python3",
        "-P",
        "-m",
        "batch",
        "run",
        str(folder / "shots.csv"),
        "--map",
        'image=Bild "1" 50% ; $x',
    )
    told = {
        "folder": str(folder),
        "command": command,
        "environment": {"LANG": "C.UTF-8", "HTTPS_PROXY": "http://p:1/%20"},
    }
    return PlannedNight(str(folder / "shots.csv"), time(22), **{**told, **more})  # type: ignore[arg-type]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here: apt install systemd")
@pytest.mark.parametrize("name", FOLDERS)
def test_systemd_itself_finds_no_fault_with_the_units(tmp_path: Path, name: str) -> None:
    """Whatever the folder is called."""
    planned = night(tmp_path / name)
    stem = unit_name(planned)
    paths = [tmp_path / f"{stem}.service", tmp_path / f"{stem}.timer"]
    for path, text in zip(paths, (service_text(planned), timer_text(planned)), strict=True):
        path.write_text(text, encoding="utf-8")
    told = subprocess.run(
        ["systemd-analyze", "verify", "--user", *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": "/usr/bin:/bin",
            "XDG_RUNTIME_DIR": str(tmp_path),
            "HOME": str(tmp_path),
            "SYSTEMD_LOG_LEVEL": "notice",
        },
    )
    about = [line for line in told.stderr.splitlines() if stem in line]
    assert about == []
    assert told.returncode == 0, told.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here: apt install systemd")
@pytest.mark.parametrize("days", [EVERY_DAY, (0, 1, 2, 3, 4), (5,)])
def test_the_calendar_is_one_that_systemd_reads(tmp_path: Path, days: tuple[int, ...]) -> None:
    """At that time, on those days."""
    text = timer_text(night(tmp_path, days=days))
    calendar = text.partition("OnCalendar=")[2].partition("\n")[0]
    told = subprocess.run(["systemd-analyze", "calendar", calendar], capture_output=True, text=True, check=True)
    assert "22:00:00" in told.stdout


def test_what_is_no_failure_is_said_and_a_submit_may_end(tmp_path: Path) -> None:
    """Rows left for the next night, another run at work; and a machine that slept makes up for it."""
    text = service_text(night(tmp_path))
    assert "\nSuccessExitStatus=3 75 130\nTimeoutStopSec=120\n" in text
    assert "Persistent=true" in timer_text(night(tmp_path))
    assert "run " + str(tmp_path / "shots.csv") + ' --map "image=Bild \\"1\\" 50%% ; $$x"' in text


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that writes down what it is asked, as there is no user's systemd where tests run."""
    (tmp_path / "bin").mkdir()
    path = tmp_path / "bin" / "systemctl"
    path.write_text(
        f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\n[ ! -e "{tmp_path}/down" ] || {{ echo no bus >&2; exit 1; }}\n'
    )
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_units_are_put_there_found_and_taken_away(systemctl: Path) -> None:
    """The timer is started and stopped; a second time changes nothing."""
    planned = night(systemctl, days=(0, 1))
    paths = install_units(planned)
    assert install_units(planned) == paths
    assert all(path.exists() for path in paths)
    (found,) = planned_nights()
    assert (found.table, found.at, tuple(found.days)) == (planned.table, planned.at, (0, 1))
    assert remove_units(planned)
    assert not remove_units(planned)
    assert not any(path.exists() for path in paths)
    name = unit_name(planned)
    assert (systemctl / "asked").read_text().splitlines() == [
        *["--user daemon-reload", f"--user enable --now {name}.timer"] * 2,
        f"--user disable --now {name}.timer",
        "--user daemon-reload",
    ]


def test_where_systemd_cannot_be_reached_it_says_what_to_type(systemctl: Path) -> None:
    """The files stand there."""
    (systemctl / "down").touch()
    with pytest.raises(
        UsageError, match=r"written to .*, but not started \(no bus\): once logged in, type systemctl --user"
    ):
        install_units(night(systemctl))
    assert len(list(planned_nights())) == 1


def test_units_of_others_are_passed_over(systemctl: Path) -> None:
    """Also one that bears our name."""
    folder = systemctl / "config" / "systemd" / "user"
    folder.mkdir(parents=True)
    (folder / "kling-batch-mine.service").write_text("[Service]\n")
    assert list(planned_nights()) == []
