"""Writes the small files of a report: whole or not at all, as private as the table."""

import os
from pathlib import Path
from threading import get_ident

from batch.files.permissions import mode_like, take_permissions


def write_small(path: Path, data: bytes, like: Path) -> None:
    """Replaces a file that can be made again: what a power cut takes of it is made again.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}.tmp")  # threads write equal pictures at once
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    model = like.stat() if like.exists() else None
    descriptor = os.open(temporary, flags, 0o666 if model is None else 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            if model:
                take_permissions(descriptor, model, mode_like(model))
            file.write(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
