"""Writes the ledger into the table: read again, merged, replaced; nothing of the user's touched."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from pathlib import Path

from batch.core.paths import results_path
from batch.core.row import ResultRow
from batch.errors import ManifestError
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.ledger.result_rows import enrolled_rows, matched_rows
from batch.ledger.snapshot import ManifestSnapshot, last_event, load_snapshot, try_save_snapshot
from batch.ledger.takes import has_several_takes
from batch.manifest.loader import Manifest
from batch.results_writer.overwrite_checks import require_ours
from batch.results_writer.result_cells import result_cells
from batch.table import Cell, Column, Table, TableChanged, TargetLocked

MERGES = 20
"""How often a table that changes under our hands is read again before the results go beside it."""

_Cells = Generator[tuple[Cell, ...], None, None]


@dataclass(frozen=True, slots=True)
class Saved:
    """Where the results stand, None: in the ledger only; `trouble` says why it is not the table itself."""

    path: Path | None
    trouble: str | None = None


class ResultsWriter:
    """Writes the results of one ledger into one table, from a connection of its own."""

    def __init__(self, manifest: Manifest, ledger: Path, target: Path | None = None) -> None:
        self._manifest = manifest
        self._ledger = ledger
        self._target = target or manifest.path
        self._last: ManifestSnapshot | None = None
        self._made_of: dict[str, str] = {}

    def save(self, *, proof: bool = False) -> Saved:
        """Reads, merges, writes; edits made since are kept.

        Args:
            proof: what was written is read back before it takes the table's place.

        Raises:
            ManifestError: the manifest cannot be read any more, and the results cannot be put anywhere.
        """
        try:
            for _ in range(MERGES):
                try:
                    self._write(self._target, proof)
                    return Saved(self._target)
                except TableChanged:
                    continue  # merged with what is there now
            trouble = f"{self._manifest.path} changes all the time"
        except (TargetLocked, ManifestError) as error:
            trouble = str(error)
        beside = results_path(self._target)
        try:
            require_ours(beside, self._manifest)
            self._write(beside, proof)
        except (TargetLocked, TableChanged, ManifestError) as error:
            rest = "Nothing was submitted" if proof else "Nothing is lost: `kling-batch run` writes it later"
            why = trouble if trouble == str(error) else f"{trouble}; and {error}"
            raise ManifestError(f"{why}. {rest}") from error
        return Saved(beside, trouble)

    def save_snapshot(self, ledger: Ledger) -> None:
        """Notes in the ledger what was written last, for the next run to know it again."""
        if self._last:
            try_save_snapshot(ledger, self._last)

    def source(self, digest: str) -> str | None:
        """The digest of the manifest that these bytes were made of here; the user's own in them are the same."""
        return self._made_of.get(digest)

    def _write(self, target: Path, proof: bool) -> None:
        table = self._manifest.open()
        with Ledger.read(self._ledger) as ledger:
            digest = table.digest()
            known, now = self._known_snapshot(ledger, digest), last_event(ledger)
            if known is None:
                self._merge(ledger, table, target, digest, proof)
                return
            if target == self._manifest.path and known.shown == now:
                return
            table.width = known.width
            columns, rows = self._columns(ledger, table), partial(enrolled_rows, ledger)
            written = self._written(table, target, columns, partial(self._cells, rows, target, known.records), proof)
            self._made_of[written] = known.digest
            if target == self._manifest.path:
                self._last = replace(known, digest=written, width=None, shown=now)

    def _known_snapshot(self, ledger: Ledger, digest: str) -> ManifestSnapshot | None:
        """The reading of exactly these bytes: as they were enrolled, or as they were written here."""
        for snapshot in (self._last, load_snapshot(ledger, self._manifest.settings)):
            if snapshot and snapshot.digest == digest:
                return snapshot
        return None

    def _merge(self, ledger: Ledger, table: Table, target: Path, digest: str, proof: bool) -> None:
        """The manifest was edited: which record is which row is found out again."""
        plans = self._manifest.plan(table)
        # A copy overwrites nothing of the user's: a remark in our columns must not keep a night's results away.
        match(ledger, plans, refuse_foreign=target == self._manifest.path)
        columns, rows = self._columns(ledger, table), partial(matched_rows, ledger)
        written = self._written(table, target, columns, partial(self._cells, rows, target, table.count or 0), proof)
        self._made_of[written] = digest

    def _columns(self, ledger: Ledger, table: Table) -> list[Column]:
        return self._manifest.shown_columns(table, takes=has_several_takes(ledger))

    def _cells(self, rows: Callable[[], Iterable[ResultRow]], target: Path, records: int, width: int) -> _Cells:
        return _in_place(rows(), records, width, _between(self._manifest.path, target))

    def _written(
        self, table: Table, target: Path, columns: list[Column], cells: Callable[[int], _Cells], proof: bool
    ) -> str:
        """The digest of what was written. No question to the ledger stays open, however it ends.

        Args:
            cells: gives so many cells for each record.
        """
        width = len(columns)
        with closing(cells(width)) as rows, closing(cells(width)) if proof else nullcontext() as again:
            return table.write(target, columns, rows, again)


def _between(manifest: Path, results: Path) -> tuple[str, str] | None:
    """The two folders, None where they are one; paths count from the first, and are shown from the second."""
    start, end = manifest.resolve().parent, results.parent.resolve()
    return None if start == end or start.drive != end.drive else (start.as_posix(), end.as_posix())


def _in_place(rows: Iterable[ResultRow], records: int, width: int, between: tuple[str, str] | None) -> _Cells:
    """Our cells for every record of the table; records that are no shots stay blank."""
    at, blank = 0, (None,) * width
    for row in rows:
        if row.place > at:
            yield from repeat(blank, row.place - at)
        yield result_cells(row, between)[:width]
        at = row.place + 1
    yield from repeat(blank, records - at)
