"""Everything the service can be understood to say: the closed set of answers that the gateway gives.

submit  → Accepted | NotSent | Throttled | Refused | AccountStop | InDoubt
prepare → Prepared | NotSent | Refused | AccountStop
poll    → Waiting | Finished | Gone | Unclear
collect → Video | Broke | Waiting | Gone | Unclear
cancel  → CancelRequested | TooLate | Gone | Unclear
"""

from dataclasses import dataclass
from decimal import Decimal

from batch.core.states import Receipt
from batch.job import Arguments


@dataclass(frozen=True, slots=True)
class Accepted:
    """fal has the request; the receipt must be on disk before anything else happens."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly nothing left this machine: safe to repeat. No network, mostly."""

    reason: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Refused for now (429); `after` is the seconds the service asks for, if it says."""

    after: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused for good, before it could cost anything."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class AccountStop:
    """The key or the account is refused: no row can be submitted, and no row is to blame."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The POST may have been accepted; nobody here can know."""

    reason: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """The arguments as they will leave: every local image replaced by its uploaded URL."""

    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not done. `position` counts the requests before it in the queue; None once it runs, or where unsaid."""

    running: bool
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """Done, well or badly. `seconds` is how long it ran, where fal says so."""

    seconds: float | None = None
    error: str | None = None
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """This answer says nothing about the row: ask again.

    `account` where the key or account was refused; `answered` where the service said something, if nothing of use.
    """

    reason: str
    account: bool = False
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """fal knows no such request (404)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Video:
    """The whole result as JSON text, and the URL in it."""

    result: str
    url: str


@dataclass(frozen=True, slots=True)
class Broke:
    """The request ended without a video. `retryable` is fal's own word on it, where it gives one.

    Not `sure` where the answer could also be a passing fault of the service itself: the same answer has to be
    heard again before it is believed, for to believe it may mean to buy the row once more.
    """

    kind: str
    message: str
    status: int
    retryable: bool | None = None
    sure: bool = True


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """fal took the wish; a queued request is gone, a running one may complete all the same."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """Already completed."""


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """What fal charges for one unit of an endpoint now."""

    amount: Decimal
    unit: str
    currency: str


Submitted = Accepted | NotSent | Throttled | Refused | AccountStop | InDoubt
Preparation = Prepared | NotSent | Refused | AccountStop
Polled = Waiting | Finished | Gone | Unclear
Collected = Video | Broke | Waiting | Gone | Unclear
Cancelled = CancelRequested | TooLate | Gone | Unclear
