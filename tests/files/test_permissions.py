"""A ledger, its lock and logs, and new files of results are as private as the table, at every moment."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batch.core.paths import ledger_path, results_path, table_of
from batch.files.atomic import replacing
from batch.files.permissions import make_folder_like, make_like
from batch.ledger.file import locked
from batch.ledger.ledger import Ledger
from batch.table import open_table

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such modes")

MODES = (0o600, 0o640, 0o644, 0o660, 0o664)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def table(folder: Path, rights: int) -> Path:
    path = folder / "shots.csv"
    path.write_text("prompt,image\na,b\n")
    path.chmod(rights)
    return path


class Watch:
    """Notes the widest mode of every file that was ever seen in a folder, at every step of the interpreter's audit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.widest: dict[str, int] = {}
        self.on = True
        sys.addaudithook(self._look)

    def _look(self, event: str, _: object) -> None:
        if self.on and event in ("open", "os.rename", "sqlite3.connect", "os.chmod", "os.remove", "os.chown"):
            self.on = False
            for path in self.folder.iterdir():
                self.widest[path.name] = self.widest.get(path.name, 0) | mode(path)
            self.on = True


@pytest.mark.parametrize("rights", MODES, ids=oct)
@pytest.mark.parametrize("mask", [0o000, 0o022], ids=oct)
def test_a_new_ledger_has_the_permissions_of_its_table(tmp_path: Path, rights: int, mask: int) -> None:
    """With its log, its index of that, and its lock; whatever the umask is, and never wider in between."""
    shots = table(tmp_path, rights)
    at = ledger_path(shots)
    watch = Watch(tmp_path)
    with umask(mask), locked(at), Ledger.open(at) as ledger:
        ledger.set_meta("a", "b")
        made = {path.name: mode(path) for path in tmp_path.iterdir()}
        with Ledger.read(at):
            pass
    watch.on = False
    assert set(made) == {shots.name, *(f"{at.name}{end}" for end in ("", "-wal", "-shm", ".lock"))}
    assert set(made.values()) == {rights}
    assert all(not seen & ~rights for seen in watch.widest.values()), {k: oct(v) for k, v in watch.widest.items()}


def test_a_table_that_may_only_be_read_has_a_ledger_that_can_be_written(tmp_path: Path) -> None:
    """By its owner; and by nobody whom the table keeps out."""
    at = ledger_path(table(tmp_path, 0o400))
    with locked(at), Ledger.open(at):
        assert mode(at) == mode(at.with_name(f"{at.name}.lock")) == 0o600


def test_a_ledger_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    """A person may have set them."""
    at = ledger_path(table(tmp_path, 0o600))
    Ledger.open(at).close()
    at.chmod(0o640)
    with locked(at), Ledger.open(at):
        assert mode(at) == 0o640


def test_a_sandbox_is_as_private_as_the_table(tmp_path: Path) -> None:
    """Its folder holds prompts and pictures."""
    shots = table(tmp_path, 0o600)
    at = tmp_path / "shots.csv.sandbox" / "ledger"
    assert table_of(at) == shots
    with locked(at), Ledger.open(at):
        assert (mode(at.parent), mode(at)) == (0o700, 0o600)
    make_folder_like(tmp_path / "other", table(tmp_path, 0o644))
    assert mode(tmp_path / "other") & 0o055 == 0o055 & ~_umask()


def _umask() -> int:
    with umask(0) as _:
        pass
    value = os.umask(0o022)
    os.umask(value)
    return value


@pytest.mark.parametrize("rights", MODES, ids=oct)
def test_new_results_are_no_wider_than_the_table(tmp_path: Path, rights: int) -> None:
    """Beside it, or by --output; also while they are written."""
    shots = table(tmp_path, rights)
    watch = Watch(tmp_path)
    beside = results_path(shots)
    with umask(0o000):
        open_table(shots).write(beside, [], [])
    watch.on = False
    assert mode(beside) == rights
    assert all(not seen & ~rights for seen in watch.widest.values())


def test_results_that_are_there_keep_their_permissions(tmp_path: Path) -> None:
    """They are somebody's choice; a program that may be run stays one."""
    shots, target = table(tmp_path, 0o600), tmp_path / "out.csv"
    target.write_text("old")
    target.chmod(0o755)
    with replacing(target, lambda: None, shots) as file:
        file.write(b"new")
    assert mode(target) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_roots_making_belongs_to_whom_the_table_belongs(tmp_path: Path) -> None:
    """Or its owner could not read it, and another group could."""
    shots = table(tmp_path, 0o640)
    os.chown(shots, 12345, 54321)
    make_like(tmp_path / "new", shots)
    made = (tmp_path / "new").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (12345, 54321, 0o640)


def test_nothing_is_made_in_the_place_of_something_else(tmp_path: Path) -> None:
    """A link that somebody laid there is not followed."""
    (tmp_path / "new").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        make_like(tmp_path / "new", table(tmp_path, 0o600))
    assert not (tmp_path / "target").exists()
