"""Tells when fal's records can decide about rows in doubt, and which requests may be a row's own."""

from collections.abc import Mapping, Sequence

from batch.ledger.booking import row_number
from batch.ledger.ledger import Ledger
from batch.ledger.summary import LedgerSummary
from batch.reconcile.evidence import provable_at


def ask_after(summary: LedgerSummary) -> float | None:
    """When fal's records can decide about the last of them, in seconds since 1970; None where none is theirs."""
    return None if summary.last_start is None else provable_at(summary.last_start, 0.0)


def by_number(ledger: Ledger, candidates: Mapping[int, Sequence[str]]) -> dict[int, Sequence[str]]:
    """The requests that may be a row's own, by the row as the spreadsheet numbers it; without rows that it lacks."""
    numbers = ((row_number(ledger, row), ids) for row, ids in candidates.items())
    return dict(sorted((number, ids) for number, ids in numbers if number is not None))
