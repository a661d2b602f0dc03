"""A row in the shapes it takes on its way, from planned to shown in the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from batch.core.gateway import Receipt, RequestFailed
from batch.job import Arguments


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one cell, and what to do."""

    number: int
    column: str
    message: str
    id: str = ""
    """Of the row, where it has one."""

    def __str__(self) -> str:
        row_id = f" (id {self.id if len(self.id) <= 40 else self.id[:37] + '…'})" if self.id else ""
        return f"row {self.number}{row_id}, column {self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One row of the manifest, ready to be enrolled; with problems it has no arguments."""

    place: int
    number: int
    id: str
    own: Mapping[str, str]
    """What our own columns already say, where they say anything: it tells which row an edited row was."""
    arguments: Arguments | None
    fingerprint: bytes | None
    price: int | None
    """Of one request."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    takes: int | None = None
    """How many videos it asks for; None: it does not say."""
    endpoint: str = ""
    """That the arguments are for."""

    def noted(self, warnings: Sequence[Problem]) -> "PlannedRow":
        """The same with more to be told."""
        return replace(self, warnings=(*self.warnings, *warnings)) if warnings else self


@dataclass(frozen=True, slots=True)
class PendingRow:
    """A row to submit. `number` is the row as the spreadsheet numbers it."""

    row: int
    place: int
    number: int
    arguments: Arguments
    price: int | None
    tries: int
    endpoint: str = ""
    """That it goes to; "" where the ledger does not say it."""


@dataclass(frozen=True, slots=True)
class Unheard:
    """How the request ended could not be learned; the next run asks again.

    `verdict` is a failure that was told in place of the result, where one was, with nothing to back it.
    """

    error_type: str
    message: str
    verdict: RequestFailed | None = None


@dataclass(frozen=True, slots=True)
class NeverRan:
    """No runner took the request before its start deadline, or before it was taken back: it cost nothing."""

    message: str
    recalled: bool = False
    """It was taken back."""


@dataclass(frozen=True, slots=True)
class AskedInVain:
    """What earlier runs were told in place of the end of a request: all of them this, the first one at `since`."""

    message: str
    runs: int
    since: float


@dataclass(frozen=True, slots=True)
class SubmittedRow:
    """A row whose request is at fal."""

    row: int
    place: int
    """-1 where the manifest no longer has the row, or not so that it could be sent again."""
    number: int | None
    receipt: Receipt
    price: int | None
    tries: int
    submitted_at: float
    arguments: Arguments
    asked_in_vain: AskedInVain | None = None
    start_timeout: float | None = None
    """The request's own start deadline in seconds; None: sent by a version that did not write it down."""
    recalled: bool = False
    """fal was asked to take it back while it waited in line, or was about to be."""

    @property
    def as_pending(self) -> PendingRow:
        """The row, to be submitted again should it come to that."""
        number, endpoint = self.number or 0, self.receipt.endpoint
        return PendingRow(self.row, self.place, number, self.arguments, self.price, self.tries, endpoint)


@dataclass(frozen=True, slots=True)
class InDoubtRow:
    """A row in doubt: what was sent, and when its intent was committed.

    `order` rises from intent to intent, over all tables where there is an account's book, whatever the clock does.
    `after` is when the last request of ours before it was sent that was accepted; None: there is none.
    """

    row: int
    sent: Mapping[str, Any]
    intent_at: float
    order: int
    after: float | None = None
    open_elsewhere: bool = False
    """Its reply is still waited for, or it is a row of another table: others settle it."""
    shared: bool = False
    """It is in doubt in another table of the account: which of equal rows gets which request makes no difference."""
    early: bool = False
    """From before the account's book could be trusted: a person settles it, or fal's records prove its absence."""
    digest: bytes = b""
    """Of what was sent, where that is all that is known of it (see `core/equality.py`)."""
    start_timeout: float | None = None
    """The request's own start deadline in seconds; None: sent by a version that did not write it down."""
    lost_at: float | None = None
    """When its reply was given up, or the run that waited for it was found to be dead."""
    endpoint: str = ""
    """That it was sent to; "" where that is not known: its digest tells requests to one from those to another."""


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request that is known to be ours; without a time where nobody knows when its POST left."""

    sent: Mapping[str, Any] | None = None
    intent_at: float | None = None
    order: int = 0
    digest: bytes = b""
    """Of what was sent, where that is all that is known of it (see `core/equality.py`)."""


class ResultRow(NamedTuple):
    """What the table shows of a record comes from these: where it stands, and what the ledger has of its row.

    Times are seconds since 1970, money is in millionths of a dollar.
    """

    place: int
    problem: str | None
    state: str | None
    """None: the ledger has no row for the record."""
    edited: int
    video_url: str | None
    message: str | None
    error_type: str | None
    request_id: str | None
    attempts: int | None
    spent: int | None
    price: int | None
    submitted_at: float | None
    finished_at: float | None
    result: str | None = None
    """Of the request (JSON), whole."""
    video_path: str | None = None
    """From the manifest's folder."""
    take: int | None = None
    """Which of its takes is shown, by its number."""
    takes: int | None = None
    """How many there are."""


@dataclass(frozen=True, slots=True)
class RowSelection:
    """Rows that a person names as the spreadsheet numbers them, or by their ids."""

    numbers: Sequence[int] = ()
    ids: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.numbers or self.ids)
