"""The target is the old or the new file at every instant: under kills, full disks, and edits meanwhile."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from batch.files.atomic import sync_folder
from batch.table import Cell, Column, ColumnType, TableChanged, TargetLocked, open_table

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, modes and limits of POSIX")

ROOT = Path(__file__).parents[2]
STATUS = [Column("status", ColumnType.TEXT)]
DATA = b"a,b\n" + b"".join(b"%d,%s\n" % (number, b"x" * 1000) for number in range(2500))
ROWS = [("succeeded",)] * 2500

CHILD = """
import os, resource, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from batch.table import Column, ColumnType, TargetLocked, open_table

path, target, left, limit, user = Path(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:])
table = open_table(path)
rows = [("succeeded",)] * sum(1 for _ in table.records())
CALLS = {"write", "flush", "fsync", "fchmod", "fchown", "close", "replace", "unlink", "stat"}

def strike():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def audit(event, arguments):
    if event == "open" or event.startswith("os."):
        strike()

def profile(frame, event, function):
    if event in ("c_call", "c_return") and getattr(function, "__name__", "") in CALLS:
        strike()

if left:
    sys.addaudithook(audit)
    sys.setprofile(profile)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
if user:
    os.setuid(user)
try:
    table.write(target, [Column("status", ColumnType.TEXT)], rows)
except TargetLocked as locked:
    left = 0
    print(locked)
    sys.exit(3)
left = 0
"""


def child(
    path: Path, target: Path, kill_at: int = 0, limit: int = 0, user: int = 0
) -> subprocess.CompletedProcess[str]:
    """Another process that writes the table: killed at its n-th file event, limited in file size, as another user."""
    arguments = [sys.executable, "-S", "-E", "-c", CHILD, ROOT, path, target, kill_at, limit, user]
    return subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shots.csv"
    path.write_bytes(DATA)
    return path


def test_killed_at_any_file_event_the_target_is_whole(path: Path) -> None:
    """Old bytes or new ones, never others; the next write succeeds and leaves nothing beside the file."""
    new = path.with_name("new.csv")
    open_table(path).write(new, STATUS, ROWS)
    expected = new.read_bytes()
    new.unlink()
    seen: list[bool] = []
    for event in range(1, 1000):
        path.write_bytes(DATA)
        done = child(path, path, kill_at=event)
        found = path.read_bytes()
        assert found in (DATA, expected), f"torn at event {event}"
        seen.append(found == expected)
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
    assert len(seen) > 15
    assert seen == sorted(seen)
    assert True in seen[:-1]

    path.write_bytes(DATA)
    child(path, path, kill_at=seen.index(True) - 2)
    assert len(list(path.parent.iterdir())) == 2
    open_table(path).write(path, STATUS, ROWS)
    assert list(path.parent.iterdir()) == [path]


def test_permissions_and_owner_are_kept(path: Path) -> None:
    """Mode bits always, the owner where the system lets us."""
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 12345, 54321)
    before = path.stat()
    open_table(path).write(path, STATUS, ROWS)
    after = path.stat()
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_new_target_gets_the_usual_permissions(path: Path) -> None:
    """Those of any new file under the umask."""
    usual = path.with_name("usual")
    usual.touch()
    open_table(path).write(path.with_name("new.csv"), STATUS, ROWS)
    assert stat.S_IMODE(path.with_name("new.csv").stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_a_symbolic_link_stays_one(path: Path, tmp_path: Path) -> None:
    """The file that it points to is replaced, in its own folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "link.csv"
    link.symlink_to("../shots.csv")
    open_table(link).write(link, STATUS, ROWS)
    assert link.is_symlink()
    assert path.read_bytes().startswith(b"a,b,status\n")
    assert list(elsewhere.iterdir()) == [link]


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(path: Path, tmp_path: Path) -> None:
    """What it points to stays as it was."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.with_name(".shots.csv.kling-batch.tmp").symlink_to(victim)
    open_table(path).write(path, STATUS, ROWS)
    assert victim.read_text() == "precious"
    assert not path.is_symlink()


def test_a_leftover_that_may_not_be_written_is_no_hindrance(path: Path) -> None:
    """A process killed right before its rename leaves a file with the target's mode."""
    left = path.with_name(".shots.csv.kling-batch.tmp")
    left.write_text("half")
    left.chmod(0o400)
    open_table(path).write(path, STATUS, ROWS)
    assert list(path.parent.iterdir()) == [path]


def test_an_edit_meanwhile_is_kept(path: Path) -> None:
    """An edit at the last moment, when all rows are out, is noticed; the file is the editor's."""
    table = open_table(path)

    def rows() -> Iterator[Sequence[Cell]]:
        yield from ROWS[:-1]
        path.write_bytes(b"a,b\nedited,1\n")
        yield ROWS[-1]

    with pytest.raises(TableChanged):
        table.write(path, STATUS, rows())
    assert path.read_bytes() == b"a,b\nedited,1\n"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("moment", ["before", "vanished", "other target"])
def test_a_source_that_changed_is_never_written_from(path: Path, moment: str) -> None:
    """However it changed, and wherever the result was to go."""
    table = open_table(path)
    path.unlink() if moment == "vanished" else path.write_bytes(DATA + b"1,2\n")
    with pytest.raises(TableChanged):
        table.write(path.with_name("other.csv") if moment == "other target" else path, STATUS, ROWS)
    assert [file.name for file in path.parent.iterdir()] == ([] if moment == "vanished" else ["shots.csv"])


def test_a_target_with_these_bytes_is_left_alone(path: Path) -> None:
    """Another file than the source, too."""
    other = path.with_name("other.csv")
    open_table(path).write(other, STATUS, ROWS)
    before = other.stat()
    open_table(path).write(other, STATUS, ROWS)
    assert (other.stat().st_ino, other.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("what", ["folder", "pipe", "no folder", "loop"])
def test_targets_that_cannot_be_are_locked(path: Path, tmp_path: Path, what: str) -> None:
    """With a line that names the target; nothing is made."""
    target = tmp_path / "target"
    match what:
        case "folder":
            target.mkdir()
        case "pipe":
            os.mkfifo(target)
        case "no folder":
            target = tmp_path / "gone" / "shots.csv"
        case "loop":
            target.symlink_to(target)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TargetLocked, match=target.name):
        open_table(path).write(target, STATUS, ROWS)
    assert sorted(tmp_path.iterdir()) == before


def test_a_limit_of_size_leaves_the_target_untouched(path: Path) -> None:
    """The write fails half-way: the message says so, the temporary file is gone."""
    done = child(path, path, limit=1 << 20)
    assert (done.returncode, "cannot be written" in done.stdout) == (3, True), done
    assert path.read_bytes() == DATA
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_is_read_only_is_locked(what: str) -> None:
    """A folder or a file that may not be written, as a user who is not root meets it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder, "shots.csv")
        path.write_bytes(DATA)
        path.chmod(0o444)
        Path(folder).chmod(0o777 if what == "file" else 0o555)
        done = child(path, path, user=65534 if os.getuid() == 0 else 0)
        Path(folder).chmod(0o755)
        assert (done.returncode, "cannot be written" in done.stdout) == (3, True), done
        assert path.read_bytes() == DATA
        assert list(Path(folder).iterdir()) == [path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_the_target_untouched(small_disk: Path) -> None:
    """A disk too small for two copies: the message says so, the temporary file is gone."""
    path = small_disk / "shots.csv"
    path.write_bytes(DATA)
    with pytest.raises(TargetLocked, match="make room"):
        open_table(path).write(path, STATUS, ROWS)
    assert path.read_bytes() == DATA
    assert list(small_disk.iterdir()) == [path]


def test_a_folder_that_cannot_be_synced_is_an_error(tmp_path: Path) -> None:
    """Whether that matters is for the caller to say."""
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "gone")
