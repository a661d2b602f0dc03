"""Refuses results that overwrite something of the user's, and purchases that were made before."""

import json
import os
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

from batch.core.paths import ledger_path
from batch.core.states import Status
from batch.errors import ManifestError, UsageError
from batch.ledger.ledger import Ledger
from batch.ledger.recovery import has_sent, unknown_requests
from batch.manifest.loader import Manifest
from batch.manifest.past_results import PastResult, past_results, prefixes, telling
from batch.manifest.result_columns import ONLY_WITH_TAKES, RESULT_COLUMNS
from batch.table import TableChanged
from batch.table.table import Table

SHOWN = 10
"""Rows named before the rest is only counted."""

_OUTPUTS = "outputs"
"""Where a ledger keeps the files that its results were written to, besides the manifest."""

_BESIDE = ("", "-wal", "-shm", "-journal", ".lock", ".new")
"""A ledger, and what may stand beside it."""


def require_target(target: Path, manifest: Manifest, ledger: Path) -> None:
    """Refuses a file for results that cannot be written, or that holds anything but results of this manifest.

    Raises:
        UsageError: its folder is not there, or it is a ledger.
        ManifestError: it exists, and neither the ledger nor its own records say that it is ours.
    """
    _require_place(target, ledger)
    require_ours(target, manifest)
    if target.exists() and not _is_noted(target, ledger) and not _holds_records_of(target, manifest):
        raise ManifestError(
            f"{target} exists, and its rows are not those of {manifest.path}: what stands in it would be lost. "
            "Name another file for --output, or move this one away"
        )


def _require_place(target: Path, ledger: Path) -> None:
    real = Path(os.path.realpath(target))
    if not real.parent.is_dir():
        raise UsageError(f"--output {str(target)!r}: there is no folder {real.parent}: make it, or name another one")
    if str(real) in {os.path.realpath(ledger) + end for end in _BESIDE} or real.suffix == ".ledger":
        raise UsageError(
            f"--output {str(target)!r}: this is the ledger, without which rows are paid twice: name a table"
        )


def require_ours(target: Path, manifest: Manifest) -> None:
    """Refuses to replace a file that does not look like results of ours.

    Raises:
        ManifestError: it exists and has not all of our columns, or it is a manifest with a ledger of its own.
    """
    if not target.exists():
        return
    header = manifest.open_like(target).columns
    kept_always = [manifest.prefix + name for name in RESULT_COLUMNS if name not in ONLY_WITH_TAKES]
    lacking = set(kept_always) - set(header)
    found = prefixes(header)
    if lacking and found and manifest.prefix not in found:
        raise ManifestError(
            f"{target} holds results of kling-batch by other names, like {found[0] + 'status'!r}: give the prefix "
            f"that they have (--prefix {found[0] or repr('')})"
        )
    if lacking:
        raise ManifestError(f"{target} exists and holds no results of kling-batch: name another file for --output")
    if ledger_path(target).exists():
        raise ManifestError(f"{target} is a table with a ledger of its own: name another file for --output")


def note_target(ledger: Ledger, target: Path | None) -> None:
    """Keeps in the ledger that this file is for its results, whatever becomes of the manifest's rows."""
    known = _noted(ledger)
    if target and (real := os.path.realpath(target)) not in known:
        ledger.set_meta(_OUTPUTS, json.dumps([*known, real]))


def _noted(ledger: Ledger) -> list[str]:
    try:
        known = json.loads(ledger.meta(_OUTPUTS) or "[]")
    except ValueError:  # not ours: then no file is
        known = []
    return [one for one in known if isinstance(one, str)] if isinstance(known, list) else []


def _is_noted(target: Path, ledger: Path) -> bool:
    with Ledger.read(ledger) as opened:
        return os.path.realpath(target) in _noted(opened)


def _holds_records_of(target: Path, manifest: Manifest) -> bool:
    """Whether it has the same records with the same cells, our columns left aside."""
    ours = {column.name for column in manifest.result_columns}
    try:
        records = zip_longest(_users_cells(manifest.open_like(target), ours), _users_cells(manifest.open(), ours))
        return all(one == other for one, other in records)
    except TableChanged as error:
        raise ManifestError(f"{error}: try again when that is done") from error


def _users_cells(table: Table, ours: set[str]) -> Iterator[list[str]]:
    """The header, then each record; without what is empty at their ends, where ours were put behind the longest one."""
    places = [index for index, title in enumerate(table.columns) if title not in ours]
    yield _trimmed([table.columns[index] for index in places])
    for record in table.records():
        yield _trimmed([*(record.cells[index] for index in places), *record.extra])


def _trimmed(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def refuse_foreign_columns(manifest: Manifest, table: Table) -> None:
    """Where results go to a copy, columns of our names must be empty in the original, or from a run of ours.

    Raises:
        ManifestError: the first value that would be overwritten in the copy.
    """
    ours = {column.name for column in manifest.result_columns}
    places = [index for index, title in enumerate(table.columns) if title in ours]
    status_at = next((index for index in places if table.columns[index] == manifest.prefix + "status"), None)
    for record in table.records(places) if places else ():
        if status_at is not None and record.cells[status_at] in set(Status):
            continue  # from a run of ours
        for index in places:
            if record.cells[index]:
                raise ManifestError(
                    f"row {record.number}, column {table.columns[index]}: {record.cells[index][:60]!r} would be "
                    "overwritten in the results. Name our columns otherwise with --prefix PREFIX"
                )


def refuse_lost_results(ledger: Ledger, files: Iterable[Path], manifest: Manifest, recover: str) -> None:
    """Refuses to buy where results of ours stand that the ledger does not know, under any prefix.

    Those under this batch's own prefix in the manifest itself are what matching looks at.

    Args:
        recover: the command that makes a ledger of them.

    Raises:
        ManifestError: they are a lost ledger's, or the ledger was put back from before them.
    """
    for path in filter(Path.exists, files):
        matched = manifest.prefix if path == manifest.path and manifest.reads_own else None
        if lost := _lost_results(ledger, manifest, path, matched):
            raise ManifestError(
                f"{path}: {_rows(lost)} show videos that were bought, or may have been, and that no ledger here knows: "
                f"they would be bought again. Put the ledger back beside the table ({manifest.path.name}.ledger, and "
                f"{manifest.path.name}.ledger-wal if there is one); if it is lost, `{recover}` "
                "makes one of the table and fal's records, and pays nothing"
            )


def _lost_results(ledger: Ledger, manifest: Manifest, path: Path, matched: str | None) -> list[PastResult]:
    try:
        table = manifest.open_like(path)
        wanted = [prefix for prefix in prefixes(table.columns) if prefix != matched]
        records = table.records(telling(table.columns, wanted))
        shown = list(past_results(table.columns, records, wanted)) if wanted else []
    except TableChanged as error:
        raise ManifestError(f"{error}: try again when that is done") from error
    unknown = unknown_requests(ledger, [one.request_id for one in shown])
    may_be_paid = not has_sent(ledger)  # without a request only who never sent one can tell that it was another
    return [one for one in shown if (one.request_id in unknown if one.request_id else may_be_paid)]


def _rows(lost: list[PastResult]) -> str:
    numbers = list(dict.fromkeys(one.number for one in lost))
    shown = ", ".join(map(str, numbers[:SHOWN]))
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"row{'s' if len(numbers) > 1 else ''} {shown}{more}"
