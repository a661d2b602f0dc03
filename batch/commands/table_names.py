"""Checks a table's names: room for those of the files beside it, and no other name for the file."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from batch.core.paths import places, results_path, sandbox_home
from batch.errors import ManifestError
from batch.files.file_systems import shared_file_system

USUAL_LIMIT = 255
"""Bytes in the name of a file, where the disk does not say (Windows: units of UTF-16)."""

_LONGEST_OF_A_LEDGER = ".new-journal"
"""What the longest name of a new ledger's files ends in: SQLite's journal while it is made."""
_LONGEST_OF_A_RECOVERY = ".draft.new-journal"


def require_room(manifest: Path, ledger: Path, table: Path) -> None:
    """Whatever a run has to make beside a ledger and beside the table for its results can be made.

    Raises:
        ManifestError: a name is too long for the disk, or one that has to be made would be.
    """
    if _size(manifest.name) > _limit(manifest.parent):
        raise ManifestError(f"{manifest} cannot be read (File name too long); check it")
    longest = ((manifest, ledger.parent, ledger.name + _LONGEST_OF_A_LEDGER), (table, table.parent, _temporary(table)))
    for path, folder, name in longest:
        if (over := _size(name) - _limit(folder)) > 0:
            raise ManifestError(
                f"{path}: its name leaves no room for the names of the files that are made beside it (like "
                f"…{name[-20:]}): shorten it by {over} byte{'s' if over > 1 else ''} or more"
            )


def require_original(manifest: Path) -> None:
    """A table is none that a rehearsal wrote its results into.

    Raises:
        ManifestError: it is, by its name and the folder of that rehearsal beside it.
    """
    stem, _, end = manifest.stem.rpartition(".")
    if end != "sandbox" or not stem:
        return
    for original in (manifest.with_name(stem + manifest.suffix), manifest.with_name(stem)):
        if sandbox_home(original).is_dir() and places(original, sandbox=True)[1] == manifest:
            raise ManifestError(
                f"{manifest} holds the results of a rehearsal of {original}: name {original} itself, with --sandbox "
                "for the rehearsal, without for the real night"
            )


def name_notes(ledger: Path, table: Path) -> Iterator[str]:
    """What is good to know of the table's names before anything is bought; no reason not to buy."""
    over = max(
        _size(name) - _limit(path.parent)
        for path, name in ((ledger, ledger.name + _LONGEST_OF_A_RECOVERY), (table, _temporary(results_path(table))))
    )
    if over > 0:
        yield (
            f"the name of {table} is so long that results cannot be put beside it where it cannot be written, and that "
            f"a lost ledger cannot be made again: shorten it by {over} byte{'s' if over > 1 else ''}"
        )
    if kind := shared_file_system(ledger):
        yield (
            f"{table} is on a network file system ({kind}): run it, and ask for its status, from one machine only; "
            "what two machines do with its ledger at once can harm it"
        )
    if (others := _other_names(table)) > 0:
        yield (
            f"{table} has {others} other name{'s' if others > 1 else ''} on this disk (hard links): results are "
            "written under this one, and the other keeps the table as it is now. Run it under one name only"
        )


def _temporary(table: Path) -> str:
    """What stands beside a table while it is replaced (see `batch.files.atomic`)."""
    return f".{Path(os.path.realpath(table)).name}.kling-batch.tmp"


def _size(name: str) -> int:
    """As the disk counts it."""
    return len(name.encode("utf-16-le", "surrogatepass")) // 2 if sys.platform == "win32" else len(os.fsencode(name))


def _limit(folder: Path) -> int:
    if sys.platform == "win32":
        return USUAL_LIMIT
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError):  # no such folder yet, or a disk that does not say
        return USUAL_LIMIT


def _other_names(table: Path) -> int:
    try:
        return table.stat().st_nlink - 1
    except OSError:
        return 0  # whoever opens it says so
