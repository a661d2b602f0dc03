"""Remembers which bytes of the manifest were enrolled: the same ones are not matched again.

A million records are read in a minute, and their digest is taken in a second.
"""

import json
import sqlite3
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from batch.ledger.ledger import Ledger

_NAME = "reading"


@dataclass(frozen=True, slots=True)
class ManifestSnapshot:
    """One state of the manifest, as `sheet` has it."""

    digest: str
    """Of the file's bytes."""
    settings: str
    """How it was read: see `Manifest.settings`."""
    records: int
    """Of the table, with those that are no shots."""
    width: int | None = None
    """Of its widest record; None: nobody knows."""
    final: bool = False
    """Enrolling it again would change nothing, whatever has become of its rows."""
    shown: int | None = None
    """The last event of the ledger that our columns in these bytes show; None: nobody knows."""


def load_snapshot(ledger: Ledger, settings: str) -> ManifestSnapshot | None:
    """What the ledger's `sheet` stands for, if it was read with the same settings."""
    kept = _kept(ledger.meta(_NAME) or "null")
    return kept if kept and kept.settings == settings else None


def _kept(note: str) -> ManifestSnapshot | None:
    """None also where somebody else wrote the note: then the manifest is only read once more."""
    try:
        found = ManifestSnapshot(**json.loads(note))
    except (TypeError, ValueError):  # other fields, or no JSON
        return None
    numbers = [found.records, found.width or 0, found.shown or 0]
    texts = [found.digest, found.settings]
    sound = all(type(one) is int for one in numbers) and all(type(one) is str for one in texts)
    return found if sound and type(found.final) is bool else None


def save_snapshot(ledger: Ledger, snapshot: ManifestSnapshot | None) -> None:
    """None: nobody knows what bytes it stands for."""
    ledger.set_meta(_NAME, json.dumps(asdict(snapshot) if snapshot else None))


def try_save_snapshot(ledger: Ledger, snapshot: ManifestSnapshot) -> None:
    """The same, where it can be written: everything is saved already, and without it the next run only takes longer."""
    with suppress(sqlite3.Error):
        save_snapshot(ledger, snapshot)


def forget_shown(ledger: Ledger) -> None:
    """Our columns are to be written anew, although no event says so."""
    if kept := _kept(ledger.meta(_NAME) or "null"):
        save_snapshot(ledger, replace(kept, shown=None))


def last_event(ledger: Ledger) -> int:
    """Whatever our columns show has not changed while this has not."""
    (seq,) = ledger.db.execute("SELECT COALESCE(MAX(seq), 0) FROM event").fetchone()
    return int(seq)
