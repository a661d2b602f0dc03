"""Makes new files as private as another one: never wider than it, not even for a moment."""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

_GROUP = 0o070


def mode_like(other: os.stat_result) -> int:
    """Who may read and write a new file beside that one; whoever makes it may do both."""
    return stat.S_IMODE(other.st_mode) & 0o666 | 0o600


def take_permissions(descriptor: int, other: os.stat_result, mode: int) -> None:
    """Owner and group of another file, as far as the system lets us, and then the mode.

    Only root gives files away, and some disks know no modes. Where it cannot be the other one's group, no group has a
    right to it.
    """
    if sys.platform == "win32":
        return
    with suppress(OSError):
        os.fchown(descriptor, -1, other.st_gid)
    same_group = os.fstat(descriptor).st_gid == other.st_gid
    with suppress(OSError):
        os.fchown(descriptor, other.st_uid, -1)
    with suppress(OSError):
        os.fchmod(descriptor, mode if same_group else mode & ~_GROUP)


def make_like(path: Path, other: Path) -> None:
    """An empty file of that name, where there is none.

    Raises:
        OSError: there is one, or it cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    model = other.stat() if other.exists() else None
    descriptor = os.open(path, flags, 0o666 if model is None else 0o600)
    try:
        if model:
            take_permissions(descriptor, model, mode_like(model))
    finally:
        os.close(descriptor)


def make_folder_like(folder: Path, other: Path) -> None:
    """A folder, where there is none: who may read the other file may look into it."""
    mode = mode_like(other.stat()) if other.exists() else 0o666
    folder.mkdir(mode=mode | (mode & 0o444) >> 2, parents=True, exist_ok=True)
