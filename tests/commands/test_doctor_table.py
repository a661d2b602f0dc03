"""What is found about a table: its files, the disk, doubts, and when it runs by itself."""

import shutil
from collections import namedtuple
from datetime import time
from pathlib import Path

import pytest

from batch.commands import doctor_table
from batch.commands.batch import Batch
from batch.commands.doctor_table import mounted_as, table_findings
from batch.core.planned_night import PlannedNight
from batch.ledger.ledger import Ledger
from tests.support.runs import a_service, run_through
from tests.support.sheets import SHOTS, batch

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _no_crontab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_table, "scheduled", list)


def found(given: Batch) -> dict[str, str]:
    return {one.topic: f"{one.level} {one.text} {one.remedy}" for one in table_findings(given)}


def test_a_table_that_can_be_run_has_nothing_wrong(tmp_path: Path) -> None:
    """Rows, disk, file system and ledger are told; nothing is left behind."""
    given = batch(tmp_path, SHOTS)
    told = found(given)
    assert {text.split()[0] for text in told.values()} == {"ok"}
    assert ": 3 rows" in told["table"]
    assert "there is none yet" in told["ledger"]
    assert [path.name for path in tmp_path.iterdir()] == ["shots.csv"]
    run_through(given, a_service())
    assert "3 rows, 0 at fal" in found(given)["ledger"]


def test_a_table_that_is_gone_or_damaged_is_wrong(tmp_path: Path) -> None:
    """In a finding, not in an error."""
    given = batch(tmp_path, SHOTS)
    given.manifest.path.unlink()
    assert found(given)["table"].startswith("wrong")


@pytest.mark.parametrize(
    ("free", "level"), [(10**6, "wrong"), (210_000_000, "warning"), (10**10, "ok")], ids=["full", "tight", "roomy"]
)
def test_the_disk_is_held_against_the_videos_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    """Rows times the median of those that are there, or what one usually is."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))
    assert found(batch(tmp_path, SHOTS))["disk"].startswith(level)
    (tmp_path / "shots.videos").mkdir()
    for n, size in enumerate((1_000_000, 2_000_000, 90_000_000)):
        with (tmp_path / "shots.videos" / f"{n}.mp4").open("wb") as file:
            file.truncate(size)
    assert "3 videos of 2 MB (the median of 3 there) take 206 MB" in found(batch(tmp_path, SHOTS))["disk"]


def test_a_network_drive_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's lock does not reach across it."""
    monkeypatch.setattr(doctor_table, "mounted_as", lambda _: "nfs4")
    assert "is on a network drive (nfs4)" in found(batch(tmp_path, SHOTS))["file system"]


def test_the_kind_of_a_file_system_is_that_of_the_nearest_mount(tmp_path: Path) -> None:
    """Names with spaces are written as octal there (proc(5))."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/a / ext4 rw 0 0\nhost:/x /mnt/my\\040film nfs rw 0 0\ntmp /mnt/my\\040film/b tmpfs rw 0 0\n"
    )
    assert mounted_as(Path("/mnt/my film/a"), mounts) == "nfs"
    assert mounted_as(Path("/mnt/my film/b"), mounts) == "tmpfs"
    assert mounted_as(Path("/mnt/my films"), mounts) == "ext4"
    assert mounted_as(Path("/"), tmp_path / "none") is None


def test_rows_in_doubt_are_a_warning_with_the_command(tmp_path: Path) -> None:
    """They wait for a person."""
    from batch.core import states

    given = batch(tmp_path, SHOTS)
    run_through(given, a_service())
    with Ledger.open(given.ledger) as ledger:
        ledger.db.execute("UPDATE row SET place = NULL")
        ledger.db.execute(
            "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) "
            "VALUES ('id:9', 9, x'', '{}', 1, 0)"
        )
        (row,) = ledger.db.execute("SELECT id FROM row WHERE key = 'id:9'").fetchone()
        ledger.apply(row, states.claimed(1.0, None, 1))
        ledger.apply(row, states.reply_lost(2.0, "cut"))
    assert found(given)["doubts"].startswith("warning 1 in doubt")
    assert "kling-batch resolve" in found(given)["doubts"]


@pytest.mark.parametrize(
    ("runs", "python", "said"),
    [
        (True, "/bin/sh", "ok every day at 22:00 by cron, next "),
        (False, "/bin/sh", "but no cron is running"),
        (True, "/gone/python", "with a Python that is gone"),
    ],
)
def test_its_entry_is_told_with_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool, python: str, said: str
) -> None:
    """And what would keep it from running."""
    given = batch(tmp_path, SHOTS)
    night = PlannedNight(str(given.manifest.path.resolve()), time(22), command=(python,))
    monkeypatch.setattr(doctor_table, "scheduled", lambda: [(night, "cron")])
    monkeypatch.setattr(doctor_table, "_cron_runs", lambda: runs)
    assert said in found(given)["schedule"]
