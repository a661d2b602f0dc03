"""Puts the kept takes into a folder, copied or linked, and replaces nothing of anybody else's."""

import filecmp
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from batch.errors import UsageError
from batch.export.clips import Clip
from batch.export.cut_list import cut_list, is_cut_list, listed_files
from batch.files.atomic import replacing, sync_folder

LIST = "cut.csv"
"""The list of what was put there: it tells which files are ours."""


def fill_folder(folder: Path, clips: Sequence[Clip], names: Sequence[str], *, link: bool) -> int:
    """Puts each clip's file there by its name; how many of them were not there yet.

    Raises:
        UsageError: a file of somebody else's has one of the names, or the folder cannot be written.
    """
    require_names(names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ours = _ours(folder)
        for clip, name in zip(clips, names, strict=True):
            target = folder / name
            if target.exists() and name not in ours and not _same(target, clip.file):
                raise UsageError(
                    f"{target} exists and was not put there by an export: move it away, or name another folder"
                )
        put = sum(_put(clip.file, folder / name, link=link) for clip, name in zip(clips, names, strict=True))
        with replacing(folder / LIST, lambda: None) as file:
            file.write(cut_list(clips, names))
        with suppress(OSError):  # a file system that cannot
            sync_folder(folder)
    except OSError as error:
        raise UsageError(f"--to {folder}: {error.filename or folder}: {error.strerror or error}") from error
    return put


def require_names(names: Sequence[str]) -> None:
    """Raises UsageError where two clips would have one name."""
    seen: dict[str, str] = {}
    for name in names:
        if other := seen.get(name.casefold()):
            raise UsageError(f"two clips would be called {other}: add {{row:04}} or {{id}} to --name")
        seen[name.casefold()] = name


def _ours(folder: Path) -> dict[str, str]:
    path = folder / LIST
    if not path.exists():
        return {}
    content = path.read_bytes()
    if not is_cut_list(content):
        raise UsageError(f"{path} exists and was not written by an export: move it away, or name another folder")
    return listed_files(content)


def _same(one: Path, other: Path) -> bool:
    return one.samefile(other) or (
        one.stat().st_size == other.stat().st_size and filecmp.cmp(one, other, shallow=False)
    )


def _put(source: Path, target: Path, *, link: bool) -> bool:
    """Whole or not at all; whether it was not there yet."""
    if target.exists() and _same(target, source):
        return False
    part = target.with_name(f".{target.name}.kling-batch.tmp")
    part.unlink(missing_ok=True)
    try:
        if link:
            try:
                os.link(source, part)
            except OSError as error:
                raise UsageError(
                    f"{target} cannot be a link to {source} ({error.strerror or error}): say --copy"
                ) from error
        else:
            shutil.copy2(source, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return True
