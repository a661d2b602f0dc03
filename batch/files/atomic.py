"""Replaces a file whole or not at all, whatever happens meanwhile, and makes the rename durable."""

import errno
import hashlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from batch.files.permissions import mode_like, take_permissions

BLOCK = 1 << 20
DIGEST = "sha256"
REMEDIES = {
    errno.EACCES: "close it where it is open, or change the permissions of file and folder",
    errno.EPERM: "close it where it is open, or change the permissions of file and folder",
    errno.EROFS: "the disk is read-only; copy the table elsewhere",
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room in the disk quota",
    errno.EFBIG: "the system allows no larger file",
    errno.ENOENT: "its folder is gone",
}


class TargetLocked(Exception):
    """The target cannot be replaced; the message says why. It is untouched and nothing is left beside it."""


@contextmanager
def replacing(target: Path, before_rename: Callable[[], None], like: Path | None = None) -> Iterator["Replacement"]:
    """A file to write; when the block ends well it takes the place of `target`, unless that holds the same bytes.

    A target that is new gets the permissions of `like`, which is the file that it is made from.
    One writer at a time, which the caller's lock ensures. `before_rename` is the last chance to refuse, by raising.
    Raises TargetLocked for every fault of the target's file system, and only for these.
    """
    with _translated(target):
        real, present = _resolve(target)
        temporary = real.with_name(f".{real.name}.kling-batch.tmp")
        # What a killed process left may be read-only by now, or somebody's link: never opened, always made anew.
        temporary.unlink(missing_ok=True)
        model = present or (like.stat() if like else None)
        file = _create(temporary, target, model)
    try:
        yield file
        file.flush()
        before_rename()
        with _translated(target):
            if present is None or not _same_bytes(temporary, real):
                _settle(file, model, new=present is None)
                before_rename()
                temporary.replace(real)
                # The new file stands, whole; a file system that cannot sync folders is no reason to call it unwritten.
                with suppress(OSError):
                    sync_folder(real.parent)
    finally:
        with suppress(TargetLocked, OSError):  # after a failed write, closing tries again and fails again
            file.close()
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the renames in this folder durable. Raises OSError; Windows opens no folder, its renames are durable."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _resolve(target: Path) -> tuple[Path, os.stat_result | None]:
    """Where the target really is, and what stands there now."""
    real = Path(os.path.realpath(target))
    try:
        present = real.stat()
    except FileNotFoundError:
        return real, None
    if not stat.S_ISREG(present.st_mode):
        raise TargetLocked(f"{target} cannot be written: it is not a regular file")
    if not os.access(real, os.W_OK):  # a rename would not mind, the person who made it so would
        raise TargetLocked(f"{target} cannot be written: it is read-only; change its permissions")
    return real, present


class _Temporary(io.FileIO):
    """Tells faults of writing from those of reading the source, which happen in the same block."""

    def __init__(self, descriptor: int, target: Path) -> None:
        super().__init__(descriptor, "wb")
        self._target = target
        self.hash = hashlib.new(DIGEST)

    def write(self, data: Any, /) -> int:
        with _translated(self._target):
            written = super().write(data)
        self.hash.update(memoryview(data)[:written])  # a raw write may take less than it is given
        return written


class Replacement(io.BufferedWriter):
    """A file that is to take another one's place."""

    def __init__(self, raw: _Temporary, path: Path) -> None:
        super().__init__(raw, BLOCK)
        self.path = path
        """Where it stands until then."""
        self._hash = raw.hash

    def digest(self) -> str:
        """Of all that was written, once it is closed."""
        return self._hash.hexdigest()


def _create(temporary: Path, target: Path, model: os.stat_result | None) -> Replacement:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    mode = 0o666 if model is None else 0o600  # never wider than the target, not even for a moment
    return Replacement(_Temporary(os.open(temporary, flags, mode), target), temporary)


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while block := left.read(BLOCK):
            if block != right.read(BLOCK):
                return False
    return True


def _settle(file: Replacement, model: os.stat_result | None, *, new: bool) -> None:
    """Permissions as on the model, everything on disk, closed (Windows renames no open file)."""
    if model is not None:
        take_permissions(file.fileno(), model, mode_like(model) if new else stat.S_IMODE(model.st_mode))
    os.fsync(file.fileno())
    file.close()


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        remedy = REMEDIES.get(fault.errno or 0, "close it where it is open, or write elsewhere")
        raise TargetLocked(f"{target} cannot be written ({fault.strerror or fault}): {remedy}") from fault
