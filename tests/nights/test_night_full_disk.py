"""Disks that fill up in mid-run: the ledger's, or only the table's. With room again the next run ends well."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.night import Night, end, ledger, night, statuses, table, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of another process, and tmpfs")

UNDER_WAY = "SELECT 1 FROM row WHERE state = 'submitted'"
ROWS = 6
NOTES = 10


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of a megabyte, where the system lets us make one."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    ).returncode
    if made != 0:
        pytest.skip("no right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


def allow(child: "subprocess.Popen[str]", size: int) -> None:
    """No file of that process may grow beyond so many bytes; writing more fails as it does on a full disk."""
    _, hard = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (size, hard))


def require_all_well(now: Night, shots: Path) -> None:
    """Run again with room, everything is there and nothing was bought twice."""
    assert now.run("run", shots).code == 0
    assert statuses(shots) == {"succeeded": ROWS}
    assert now.accepted == {f"prompt {n}": 1 for n in range(ROWS)}
    assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(shots))


def require_told(code: int, err: str) -> None:
    assert code == 3, err
    assert "cannot be written any more" in err
    assert "make room on the disk" in err


def test_a_ledger_that_cannot_grow_stops_the_run_and_the_next_one_ends_well(tmp_path: Path) -> None:
    """Exit 3 and what to do; what was submitted by then is picked up."""
    with night(tmp_path, run_seconds=1.0) as now:
        shots = now.manifest(ROWS)
        child = now.start("run", shots, "--concurrency", 3)
        until(lambda: now.asked("submit") == 3 and len(ledger(shots, UNDER_WAY)) == 3, child)
        allow(child, Path(f"{shots}.ledger-wal").stat().st_size)
        ended = end(child)
        require_told(ended.code, ended.err)
        require_all_well(now, shots)


def test_a_full_disk_stops_the_run_and_with_room_the_next_one_ends_well(tmp_path: Path) -> None:
    """The same with a disk that is full: exit 3, or the table alone is behind; no byte of it is lost."""
    with night(tmp_path, run_seconds=1.0) as now, small_disk(tmp_path / "disk") as disk:
        there = Night(disk, now.address)
        shots = there.manifest(ROWS)
        child = there.start("run", shots, "--concurrency", 3)
        until(lambda: now.asked("submit") == 3 and len(ledger(shots, UNDER_WAY)) == 3, child)
        given = shots.read_bytes()
        filler = fill(disk)
        ended = end(child)
        require_told(ended.code, ended.err)
        assert shots.read_bytes() == given
        filler.unlink()
        require_all_well(there, shots)


def test_a_disk_without_room_for_a_ledger_is_told_before_anything_is_spent(tmp_path: Path) -> None:
    """Exit 2, nothing submitted, nothing left beside the table that would stop the next run."""
    with night(tmp_path) as now, small_disk(tmp_path / "disk") as disk:
        there = Night(disk, now.address)
        shots = there.manifest(ROWS)
        filler = fill(disk)
        ended = there.run("run", shots)
        assert (ended.code, now.asked("submit")) == (2, 0), ended.err
        assert ended.err.startswith("kling-batch: ")
        filler.unlink()
        require_all_well(there, shots)


def test_a_table_without_room_is_left_as_it_is_and_the_results_stay_in_the_ledger(tmp_path: Path) -> None:
    """Every video is bought and kept; exit 3 says that the table is behind, and the next run brings it up to date."""
    with night(tmp_path, run_seconds=0.6) as now:
        shots = now.manifest(ROWS)
        with shots.open("a") as file:
            file.writelines(f"long {n},,,{'a long note ' * 10_000}\n" for n in range(NOTES))
        child = now.start("run", shots, "--concurrency", ROWS)
        until(lambda: now.asked("submit") == ROWS, child)
        given = shots.read_bytes()
        allow(child, 900_000)
        ended = end(child)
        assert ended.code == 3, ended.err
        assert "the system allows no larger file" in ended.err
        assert "in the ledger" in ended.err
        assert [path.name for path in tmp_path.iterdir() if "results" in path.name or "tmp" in path.name] == []
        assert shots.read_bytes() == given
        assert now.run("run", shots).code == 1  # rows with nothing but a note are invalid
        assert statuses(shots) == {"succeeded": ROWS, "invalid": NOTES}
        assert now.accepted == {f"prompt {n}": 1 for n in range(ROWS)}
