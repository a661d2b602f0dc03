"""The ledger shown in the table: the manifest read again, our columns filled, nothing else touched."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any

from batch.core.money import MICROS
from batch.core.paths import results_path
from batch.core.states import State, Status, status
from batch.errors import ManifestError
from batch.ledger.enrolment import match
from batch.ledger.ledger import Ledger
from batch.ledger.snapshot import Reading, last_event, remember, remembered
from batch.manifest.loader import RESULT_COLUMNS, Manifest
from batch.table import Cell, Table, TableChanged, TableLocked, open_table

MERGES = 20
"""How often a table that changes under our hands is read again before the results go beside it."""

_BLANK: tuple[Cell, ...] = (None,) * len(RESULT_COLUMNS)

_OURS = """
row.video_url, row.message, row.kind, row.request_id, row.attempts, row.spent, row.price, row.submitted_at,
row.finished_at
"""

_VIEW = f"""
SELECT i.place, i.problem, row.state, row.fingerprint IS NOT i.fingerprint, {_OURS}
FROM temp.incoming i JOIN temp.matched m ON m.place = i.place LEFT JOIN main.row ON row.id = m.row
ORDER BY i.place
"""  # noqa: S608 - our own columns

_UNCHANGED = f"""
SELECT sheet.place, sheet.problem, row.state, sheet.edited, {_OURS}
FROM sheet LEFT JOIN row ON row.id = sheet.row ORDER BY sheet.place
"""  # noqa: S608 - our own columns
"""The same where the manifest is as it was when it was enrolled."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Where the results stand, None: in the ledger only; `trouble` says why it is not the table itself."""

    path: Path | None
    trouble: str | None = None


class Results:
    """Writes the results of one ledger into one table, from a connection of its own."""

    def __init__(self, manifest: Manifest, ledger: Path, target: Path | None = None) -> None:
        self._manifest = manifest
        self._ledger = ledger
        self._target = target or manifest.path
        self._last: Reading | None = None

    def save(self) -> Saved:
        """Reads, merges, writes; edits made since are kept.

        Raises:
            ManifestError: the manifest cannot be read any more, and the results cannot be put anywhere.
        """
        try:
            for _ in range(MERGES):
                try:
                    self._write(self._target)
                    return Saved(self._target)
                except TableChanged:
                    continue  # merged with what is there now
            trouble = f"{self._manifest.path} changes all the time"
        except (TableLocked, ManifestError) as error:
            trouble = str(error)
        beside = results_path(self._target)
        try:
            require_ours(beside, self._manifest)
            self._write(beside)
        except (TableLocked, TableChanged, ManifestError) as error:
            raise ManifestError(
                f"{trouble}; and {error}. Nothing is lost: `kling-batch run` writes it later"
            ) from error
        return Saved(beside, trouble)

    def remember(self, ledger: Ledger) -> None:
        """Notes in the ledger what was written last, for the next run to know it again."""
        if self._last:
            remember(ledger, self._last)

    def _write(self, target: Path) -> None:
        table = self._manifest.open()
        with Ledger.read(self._ledger) as ledger:
            known, now = self._known(ledger, table.digest()), last_event(ledger)
            if known is None:
                self._merge(ledger, table, target)
                return
            if target == self._manifest.path and known.shown == now:
                return
            cells = _in_place(ledger.db.execute(_UNCHANGED), known.records)
            table.width = known.width
            written = table.write(target, self._manifest.result_columns, cells)
            if target == self._manifest.path:
                self._last = replace(known, digest=written, width=None, shown=now)

    def _known(self, ledger: Ledger, digest: str) -> Reading | None:
        """The reading of exactly these bytes: as they were enrolled, or as they were written here."""
        for reading in (self._last, remembered(ledger, self._manifest.settings)):
            if reading and reading.digest == digest:
                return reading
        return None

    def _merge(self, ledger: Ledger, table: Table, target: Path) -> None:
        """The manifest was edited: which record is which row is found out again."""
        plans = self._manifest.plan(table)
        # A copy overwrites nothing of the user's: a remark in our columns must not keep a night's results away.
        match(ledger, plans, refuse_foreign=target == self._manifest.path)
        cells = _in_place(ledger.db.execute(_VIEW), table.count or 0)
        table.write(target, self._manifest.result_columns, cells)


def require_ours(target: Path, manifest: Manifest) -> None:
    """Refuses to replace a file that does not look like results of ours.

    Raises:
        ManifestError: it exists and has not all of our columns.
    """
    if target.exists():
        lacking = {column.name for column in manifest.result_columns} - set(open_table(target).columns)
        if lacking:
            raise ManifestError(f"{target} exists and holds no results of kling-batch: name another file for --output")


def refuse_foreign_columns(manifest: Manifest) -> None:
    """Where results go to a copy, columns of our names must be empty in the original, or from a run of ours.

    Raises:
        ManifestError: the first value that would be overwritten in the copy.
    """
    table = manifest.open()
    ours = {column.name for column in manifest.result_columns}
    places = [index for index, title in enumerate(table.columns) if title in ours]
    status_at = next((index for index in places if table.columns[index] == manifest.prefix + "status"), None)
    for record in table.records() if places else ():
        if status_at is not None and record.cells[status_at] in set(Status):
            continue  # from a run of ours
        for index in places:
            if record.cells[index]:
                raise ManifestError(
                    f"row {record.number}, column {table.columns[index]}: {record.cells[index][:60]!r} would be "
                    "overwritten in the results. Name our columns otherwise with --prefix PREFIX"
                )


def _in_place(found: Iterator[tuple[Any, ...]], records: int) -> Iterator[tuple[Cell, ...]]:
    """Our cells for every record of the table; records that are no shots stay blank."""
    at = 0
    for place, *row in found:
        if place > at:
            yield from repeat(_BLANK, place - at)
        yield _cells(*row)
        at = place + 1
    yield from repeat(_BLANK, records - at)


def _cells(
    problem: str | None,
    state: str | None,
    edited: int,
    video_url: str | None,
    message: str | None,
    kind: str | None,
    request_id: str | None,
    attempts: int | None,
    spent: int | None,
    price: int | None,
    submitted_at: float | None,
    finished_at: float | None,
) -> tuple[Cell, ...]:
    shown = _shown(state, edited, problem is not None)
    if shown is Status.PENDING:  # what an earlier try left behind would only mislead
        request_id = submitted_at = None
    error, error_type = _error(shown, problem, kind, message) if shown in _EXPLAINED else (None, None)
    counted = (spent or 0) + ((price or 0) if shown is Status.IN_DOUBT else 0)
    return (
        shown,
        video_url,
        error,
        error_type,
        request_id,
        attempts or None,
        _dollars(counted) if counted or finished_at else None,
        _time(submitted_at),
        _time(finished_at),
    )


@cache
def _shown(state: str | None, edited: int, invalid: bool) -> Status:
    return status(State(state) if state else None, edited=bool(edited and state), invalid=invalid)


@lru_cache
def _dollars(micros: int) -> Decimal:
    return Decimal(micros) / MICROS


_EXPLAINED = frozenset({Status.INVALID, Status.STALE, Status.IN_DOUBT, Status.FAILED, Status.CANCELLED})


def _error(shown: Status, problem: str | None, kind: str | None, message: str | None) -> tuple[str | None, str | None]:
    match shown:
        case Status.INVALID:
            return problem, "invalid"
        case Status.STALE if problem:
            return f"its inputs were changed after this video was made, and cannot be run: {problem}", "stale"
        case Status.STALE:
            return "its inputs were changed after this video was made; `run --stale` buys a new one", "stale"
        case Status.IN_DOUBT:
            return f"it may have been paid for: {message}", kind
        case Status.FAILED | Status.CANCELLED:
            return message, kind
        case _:
            return None, None


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(round(seconds), UTC)
