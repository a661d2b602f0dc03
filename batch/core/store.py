"""The seam to the ledger: what a run asks of it and writes into it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from batch.core.gateway import Receipt
from batch.core.money import Budget, Cap
from batch.core.row import InDoubtRow, KnownRequest, PendingRow, SubmittedRow
from batch.core.states import State, Transition
from batch.errors import LedgerError, LedgerLost


class RequestTaken(LedgerError):
    """The id in a receipt is known as that of another request. Nothing was changed."""


class NotBooked(RequestTaken):
    """The account's book cannot keep the id in a receipt: for the other tables it is nobody's. Nothing was changed."""


class ClaimRefused(LedgerLost):
    """Nothing more may be bought in this run; what is under way is brought home."""


class BookLost(ClaimRefused):
    """The account's book cannot be written any more: others count on it, so nothing is bought without it."""


class Purchase(NamedTuple):
    """What is bought for a row: its fingerprint, and the whole arguments that leave. Money is in millionths."""

    row: int
    fingerprint: bytes
    sent: Mapping[str, Any]
    price: int | None
    intent_at: float
    endpoint: str = ""


class PurchaseBook(Protocol):
    """What this host ever bought with one key, over all tables: it decides whose a request is.

    Whatever is written in one transaction of the ledger is written here first, in one of the book's own.
    """

    @property
    def in_transaction(self) -> bool:
        """Whether something was written that is not committed yet."""

    @property
    def trusted_from(self) -> float:
        """Since when it knows all that is bought with the key on this host, in seconds since 1970."""

    def try_begin(self) -> bool:
        """Whether a transaction has begun; False while another run is in the middle of one."""

    def claim(self, purchase: Purchase) -> bool:
        """Keeps the intent of a POST; False where the account's cap has no room for it."""

    def accept(self, purchase: Purchase, receipt: Receipt) -> None:
        """The request is the row's. Raises `RequestTaken` as `RowStore.apply` does."""

    def note(self, row: int, transition: Transition) -> None:
        """Keeps what any other transition says of the row's purchase."""

    def in_doubt_elsewhere(self) -> list[InDoubtRow]:
        """Purchases of other tables whose request is not known."""

    def orders(self) -> dict[int, int]:
        """The rows of this ledger whose request is not known, each with its place in the order of all intents."""

    def requests(self, request_ids: Iterable[str]) -> dict[str, KnownRequest]:
        """Those of the ids that the book has, whosever they are."""

    def requests_around(self, order: int, later: int, endpoint: str) -> dict[str, KnownRequest]:
        """The last request before a place in the order of intents that has made a video, and so many later ones.

        Those to one endpoint: only they are in its history.
        """

    def has_ledger(self, ledger_id: str) -> bool:
        """Whether the book knows a ledger, and so all that it bought."""

    def unclaim(self) -> None:
        """What the last transaction claimed was never sent."""

    def commit(self) -> None: ...
    def undo(self) -> None: ...
    def savepoint(self) -> None: ...
    def undo_to_savepoint(self) -> None: ...


class RowStore(Protocol):
    """The rows of one manifest; each call returns when what it writes is on disk.

    `apply` raises `RequestTaken` where a transition's receipt is that of another request. It returns the state that the
    row is in then: one that is to have more takes is pending again as soon as it has one.
    """

    async def apply(self, row: int, transition: Transition) -> State: ...
    async def claim(self, row: int, transition: Transition, budget: Budget) -> Cap | None: ...
    async def pending_rows(self, after: int, limit: int) -> list[PendingRow]: ...
    async def pending_row(self, row: int) -> PendingRow | None: ...
    async def submitted_rows(self) -> list[SubmittedRow]: ...
    async def in_doubt_rows(self) -> list[InDoubtRow]: ...
    async def requests_since_doubt(self, endpoint: str) -> dict[str, KnownRequest]: ...
    async def known_requests(self, request_ids: Iterable[str]) -> dict[str, KnownRequest]: ...
    async def asked_by_others(self, inputs: Sequence[Mapping[str, Any] | None]) -> bool: ...
    async def stopped_for(self) -> str: ...
    async def keep_stopped_for(self, error_type: str) -> None: ...
