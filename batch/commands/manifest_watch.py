"""Watches the manifest during a run: a row that was deleted or edited is not bought in its old form."""

from collections.abc import Callable
from pathlib import Path

import anyio

from batch.core.row import PendingRow
from batch.dispatch.stopping import Stop
from batch.errors import ManifestError
from batch.job import encoded
from batch.ledger.edits import edited_rows, stale_inputs
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.manifest.loader import Manifest
from batch.table import TableChanged

PATIENCE = 30
"""Seconds for which a table that cannot be read (a program is saving it) keeps a submit waiting."""


class ManifestWatch:
    """Looks at the file before every submit, which costs microseconds, and reads it again when it was changed.

    While it is read (a million rows take a minute) no row is submitted, and what is under way goes on.

    Args:
        digest: of the manifest's bytes as they were enrolled.
        source: which bytes of the manifest the results writer has made these of, by their digests.
    """

    def __init__(self, manifest: Manifest, ledger: Path, digest: str, source: Callable[[str], str | None]) -> None:
        self._manifest = manifest
        self._ledger = ledger
        self._digest = digest
        self._source = source
        self._enrolled = digest
        self._signature: tuple[int, int, int] | None = None
        self._edited: set[int] = set()
        self._stale: dict[int, tuple[str | None, str | None]] = {}
        self._reading = anyio.Lock()

    def knows(self, digest: str) -> bool:
        """Whether these bytes are the manifest as it was enrolled, our own columns left aside."""
        return self._made_of(digest, self._enrolled)

    def _made_of(self, digest: str, origin: str) -> bool:
        seen: set[str] = set()
        at: str | None = digest
        while at is not None and at != origin and at not in seen:
            seen.add(at)
            at = self._source(at)
        return at == origin

    async def may_submit(self, row: PendingRow) -> bool | Stop:
        """Whether the manifest still asks for just this; a stop where nobody can tell."""
        async with self._reading:
            for _ in range(PATIENCE):
                trouble = await self._look()
                if trouble is None:
                    return self._asks_for(row)
                await anyio.sleep(1.0)
        return Stop("table", f"stopped submitting: {trouble}")

    def _asks_for(self, row: PendingRow) -> bool:
        if row.row in self._stale:
            return self._stale[row.row] == (encoded(row.arguments), row.endpoint)
        return row.row not in self._edited

    async def _look(self) -> str | None:
        try:
            status = self._manifest.path.stat()
            signature = (status.st_ino, status.st_size, status.st_mtime_ns)
            if signature != self._signature:
                await anyio.to_thread.run_sync(self._read)
                self._signature = signature
        except (TableChanged, ManifestError) as error:
            return str(error)
        except OSError as error:
            return f"{self._manifest.path} cannot be read any more ({error.strerror or error})"
        return None

    def _read(self) -> None:
        table = self._manifest.open()
        digest = table.digest()
        if self.knows(digest):
            self._edited, self._stale = set(), {}
        elif not self._made_of(digest, self._digest):
            with Ledger.read(self._ledger) as ledger:
                match(ledger, self._manifest.plan(table), refuse_foreign=False)
                self._edited, self._stale = edited_rows(ledger), stale_inputs(ledger)
        self._digest = digest
