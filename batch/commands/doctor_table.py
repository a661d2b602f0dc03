"""What `doctor` finds about a table: files, folder, disk, doubts, and when it runs by itself."""

import os
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from batch.commands.at_work import worker_at
from batch.commands.batch import Batch
from batch.commands.doctor_machine import open_env_files
from batch.commands.finding import Finding, ok, warning, wrong
from batch.commands.schedule import machine_zone, scheduled
from batch.core.next_runs import next_runs
from batch.core.planned_night import shown_days
from batch.errors import BatchError
from batch.ledger.file_system import cannot_hold_ledger
from batch.ledger.summary import read_summary
from batch.table import TableChanged

ASSUMED_BYTES = 15_000_000
"""Of a video, where none was seen: 5 s of Kling 2.1 pro in 1080p are 10 to 20 MB."""
SPARE_BYTES = 200_000_000
"""For ledger, table and log."""
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "davfs", "fuse.sshfs", "fuse.rclone"}
)


def table_findings(batch: Batch) -> Iterator[Finding]:
    """Nothing is asked of the network; a file that is tried is gone again."""
    path = batch.manifest.path
    rows = 0
    try:
        table = batch.manifest.open()
        rows = sum(1 for _ in table.records([]))
        yield ok("table", f"{path}: {rows:,} rows; kling-batch check tells what is wrong with them")
    except (BatchError, TableChanged) as error:
        yield wrong("table", "it cannot be used", str(error))
    if path.exists():
        yield from _writable(batch)
    yield from open_env_files(path)
    if path.parent.is_dir():
        yield _disk(path.resolve().parent, rows)
        yield _file_system(batch.ledger.parent if batch.ledger.parent.is_dir() else path.resolve().parent)
    yield from _ledger(batch)
    yield from _by_itself(path)


def _writable(batch: Batch) -> Iterator[Finding]:
    target = batch.table if batch.table.exists() else batch.table.parent
    if os.access(target, os.W_OK):
        yield ok("writing", f"{batch.table} can be written")
    else:
        yield wrong("writing", f"{target} cannot be written", f"chmod u+w {target}, or write elsewhere with --output")


def _disk(folder: Path, rows: int) -> Finding:
    seen = _video_sizes(folder)
    each = int(statistics.median(seen)) if seen else ASSUMED_BYTES
    wanted = rows * each + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    of = f"the median of {len(seen)} there" if seen else "assumed"
    text = f"{_size(free)} free; {rows:,} videos of {_size(each)} ({of}) take {_size(wanted)}"
    if free < SPARE_BYTES:
        return wrong("disk", text, "make room: a ledger that cannot be written stops the night")
    return ok("disk", text) if free >= wanted else warning("disk", text, "make room, if the videos are to be kept here")


def _video_sizes(folder: Path) -> Sequence[int]:
    """Of the videos that stand beside the table, or one folder below."""
    return [path.stat().st_size for pattern in ("*.mp4", "*/*.mp4") for path in folder.glob(pattern)]


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"


def _file_system(folder: Path) -> Finding:
    kind = mounted_as(folder)
    if kind in _NETWORK:
        return wrong(
            "file system", f"{folder} is on a network drive ({kind})", "move the table and its ledger to a local disk"
        )
    try:
        trouble = cannot_hold_ledger(folder)
    except OSError as error:
        return wrong(
            "file system",
            f"nothing can be written in {folder} ({error.strerror or error})",
            "give yourself the right to",
        )
    if trouble and "full" in trouble:
        return wrong("file system", f"{folder}: {trouble}", "make room")
    if trouble:
        return wrong(
            "file system", f"{folder} ({kind or 'of an unknown kind'}): {trouble}", "move the table to a local disk"
        )
    return ok("file system", f"a lock and a write-ahead log hold in {folder}{f' ({kind})' if kind else ''}")


def mounted_as(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """The kind of file system that a folder is on, where the system says it (proc(5))."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    best, kind = "", None
    for line in lines:
        _, point, name, *_ = line.split(" ")
        point = point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
        inside = str(folder) == point or str(folder).startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, name
    return kind


def _ledger(batch: Batch) -> Iterator[Finding]:
    if not batch.ledger.exists():
        yield ok("ledger", "there is none yet: nothing was run")
        return
    try:
        standing, worker = read_summary(batch.ledger, batch.manifest.path), worker_at(batch.ledger)
    except BatchError as error:
        yield wrong("ledger", "it cannot be used", str(error))
        return
    yield ok(
        "ledger", f"{standing.total:,} rows, {standing.at_fal:,} at fal" + ("; a run is at work" if worker else "")
    )
    if standing.in_doubt:
        told = " ".join(batch.command[:1])
        yield warning(
            "doubts", f"{standing.in_doubt} in doubt: they may have been paid for", f"kling-batch resolve {told}"
        )


def _by_itself(path: Path) -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    try:
        found = [(night, by) for night, by in scheduled() if night.table == str(path.resolve())]
    except BatchError as error:
        yield warning("schedule", "it cannot be read", str(error))
        return
    now = datetime.now().astimezone(machine_zone())
    for night, by in found:
        (run, *_) = next_runs(now, night.at, night.days, 1, late=by == "cron")
        text = f"{shown_days(night.days)} at {night.at:%H:%M} by {by}, next {run.text(now)}"
        if by == "cron" and not _cron_runs():
            yield wrong("schedule", f"{text}, but no cron is running", "service cron start")
        elif night.command and not Path(night.command[0]).exists():
            yield wrong(
                "schedule", f"{text}, with a Python that is gone ({night.command[0]})", "kling-batch schedule it again"
            )
        else:
            yield ok("schedule", text)
    if not found:
        yield ok("schedule", "it is not run by itself")


def _cron_runs() -> bool:
    """Whether a daemon is there; True where the system does not say (no /proc)."""
    processes = list(Path("/proc").glob("[0-9]*/comm"))
    names = set()
    for path in processes:
        try:
            names.add(path.read_text().strip())
        except OSError:  # it has just ended
            continue
    return not processes or bool(names & {"cron", "crond", "fcron", "busybox"})
