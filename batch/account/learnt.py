"""Keeps what runs learn of the account's slots, and which of them are at work."""

from typing import NamedTuple

from batch.account.book import AccountBook
from batch.core.fair_share import RunAtWork

NOTED_SECONDS = 15.0
"""How often a run notes how it stands."""
SILENT_SECONDS = 4 * NOTED_SECONDS
"""Who has noted nothing for so long is not at work any more: its process was killed, or waits for a disk."""


class Learnt(NamedTuple):
    """What was learnt of the slots for one endpoint."""

    running: int
    """How many requests fal ran at once while another one waited."""
    wait_seconds: float | None
    """How long a request waited in line, mostly; None: not known."""
    at: float
    """When that was so last, in seconds since 1970."""


def learnt(book: AccountBook) -> Learnt | None:
    """What the last run that learnt anything of this endpoint's slots knew."""
    found = book.db.execute(
        "SELECT running, wait_seconds, at FROM learnt WHERE endpoint = ?", (book.equality.endpoint_digest,)
    ).fetchone()
    return Learnt(*found) if found else None


def learn(book: AccountBook, running: int, wait_seconds: float | None = None) -> None:
    """Keeps it for the next run; a wait that is not known now is as it was."""
    book.begin()
    book.db.execute(
        "INSERT INTO learnt (endpoint, running, wait_seconds, at) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "running = excluded.running, wait_seconds = COALESCE(excluded.wait_seconds, wait_seconds), at = excluded.at",
        (book.equality.endpoint_digest, max(1, running), wait_seconds, book.now()),
    )


def note_run(book: AccountBook, in_air: int, waiting: int, *, hungry: bool) -> None:
    """How this run stands now; every `NOTED_SECONDS`, or the others take it for ended."""
    book.begin()
    book.db.execute(
        "INSERT OR REPLACE INTO run (ledger, in_air, waiting, hungry, at) VALUES (?, ?, ?, ?, ?)",
        (book.ledger, in_air, waiting, hungry, book.now()),
    )


def end_run(book: AccountBook) -> None:
    """This run is at work no longer: the others have its room at once."""
    book.begin()
    book.db.execute("DELETE FROM run WHERE ledger = ?", (book.ledger,))


def other_runs(book: AccountBook) -> list[RunAtWork]:
    """The other runs at work with this account, of whatever table and endpoint: they share its slots."""
    found = book.db.execute(
        "SELECT ledger, in_air, waiting, hungry FROM run WHERE ledger <> ? AND ABS(at - ?) < ? ORDER BY ledger",
        (book.ledger, book.now(), SILENT_SECONDS),
    )
    return [RunAtWork(ledger, in_air, waiting, bool(hungry)) for ledger, in_air, waiting, hungry in found]
