"""Reads the manifest into the ledger: before a run, and where it was edited during one."""

from contextlib import suppress
from dataclasses import dataclass

from batch.commands.manifest_watch import ManifestWatch
from batch.errors import ManifestError
from batch.ledger.enrolment import enrol, last_findings
from batch.ledger.ledger import Ledger
from batch.ledger.matching import Findings, match
from batch.ledger.snapshot import ManifestSnapshot, load_snapshot
from batch.manifest.column_report import ColumnReport
from batch.manifest.loader import Manifest
from batch.table import Table, TableChanged

READS = 5
"""How often a table is read that changes meanwhile."""


@dataclass(frozen=True, slots=True)
class ReadManifest:
    """How the manifest was read, what it was found to hold, and the digest of its bytes."""

    columns: ColumnReport
    findings: Findings
    digest: str


def read_manifest(manifest: Manifest, ledger: Ledger, table: Table | None, now: float, *, anew: bool) -> ReadManifest:
    """Reads and enrols it; again where it was saved meanwhile.

    Args:
        table: the manifest, where it was opened already.
        anew: also where it is the one that was enrolled, for who reads `incoming`.

    Raises:
        ManifestError: it cannot be read, or a column may have been meant for an input.
    """
    for _ in range(READS):
        try:
            opened = table or manifest.open()
            columns = manifest.column_report(opened)
            if columns.questions:
                raise ManifestError(f"{manifest.path}, column {'; column '.join(columns.questions)}")
            findings = enrol_table(manifest, ledger, opened, now, anew=anew)
            return ReadManifest(columns, findings, opened.digest())
        except TableChanged:
            table = None  # it was saved while it was being read
    raise ManifestError(f"{manifest.path} is being written by another program all the time: run again later")


def enrol_table(manifest: Manifest, ledger: Ledger, table: Table, now: float, *, anew: bool) -> Findings:
    """The manifest matched and enrolled, unless it is the one that was. `anew`: also then, for who reads `incoming`."""
    digest, known = table.digest(), load_snapshot(ledger, manifest.settings)
    if known and known.final and known.digest == digest and not anew:
        return last_findings(ledger)
    findings = match(ledger, manifest.plan(table))
    snapshot = ManifestSnapshot(digest, manifest.settings, table.count or 0, table.width)
    enrol(ledger, now, new=True, snapshot=None if manifest.inspector.asked else snapshot)
    return findings


def enrol_edits(manifest: Manifest, ledger: Ledger, watch: ManifestWatch, now: float) -> None:
    """Where the manifest was edited during the run it is read again: where the batch stands is told of what is there.

    New rows are left to the next run. Where it cannot be read now, all stays as it was enrolled.
    """
    with suppress(ManifestError, TableChanged):
        table = manifest.open()
        if not watch.knows(table.digest()):
            match(ledger, manifest.plan(table), refuse_foreign=False)
            enrol(ledger, now, new=False)
