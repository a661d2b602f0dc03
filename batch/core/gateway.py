"""The seam to the service: what is asked of it, and the closed set of answers it can give.

prepare         → Prepared | NotSent | Refused | AccountRefused
submit          → Accepted | NotSent | Throttled | Refused | AccountRefused | InDoubt
poll            → Waiting | Finished | NotFound | Unclear
collect         → Video | RequestFailed | Waiting | NotFound | Unclear
cancel          → CancelRequested | TooLate | NotFound | Unclear
request_history → RequestHistory | Unclear
unit_price      → UnitPrice | Unclear
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from batch.job import Arguments

START_TIMEOUT = 3600.0
"""Seconds after which fal gives up a request that no runner has started, where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What fal answers to an accepted submit: the id and the three URLs it says to keep."""

    request_id: str
    status_url: str
    response_url: str
    cancel_url: str
    endpoint: str = field(default="", compare=False)
    """That it was sent to; "" where nobody wrote it down."""


LateReceipt = Callable[[], Awaitable[Receipt | None]]
"""Waits, maybe for long, for the receipt of a POST that was given up; None: there is none, or it says nothing."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """fal has the request; the receipt must be on disk before anything else happens."""

    receipt: Receipt
    position: int | None = None
    """How many requests were before it, anybody's, where that is said."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly nothing was bought: safe to repeat. No network, mostly; `reached` where the service said no for now."""

    reason: str
    reached: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """Refused for now (429); `after` is the seconds the service asks for, if it says."""

    after: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused for good, before it could cost anything."""

    error_type: str
    message: str


@dataclass(frozen=True, slots=True)
class AccountRefused:
    """The key or the account is refused: no row can be submitted, and no row is to blame."""

    error_type: str
    message: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The POST may have been accepted; nobody here can know."""

    reason: str
    late: LateReceipt | None = field(default=None, compare=False)
    """Where an answer may still come: waits for it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The arguments as they will leave: every local image replaced by its URL; `uploaded` where one was only now."""

    arguments: Arguments
    uploaded: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a request's runner has written, as fal gives it; empty where a part is not given."""

    message: str
    level: str = ""
    timestamp: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not done. `position` counts the requests before it in the queue; None once it runs, or where unsaid."""

    running: bool
    position: int | None = None
    logs: tuple[LogLine, ...] = field(default=(), compare=False)
    """All lines so far, where they were asked for."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Done, well or badly. `seconds` is how long it ran, where fal says so."""

    seconds: float | None = None
    error: str | None = None
    error_type: str | None = None
    logs: tuple[LogLine, ...] = field(default=(), compare=False)
    """As for `Waiting`."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """This answer says nothing about the row: ask again.

    `account` where the key or account was refused; `answered` where the service said something, if nothing of use.
    """

    reason: str
    account: bool = False
    answered: bool = False


@dataclass(frozen=True, slots=True)
class NotFound:
    """fal knows no such request (404)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Video:
    """The whole result as JSON text, and the URL in it."""

    result: str
    url: str


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """The request ended without a video. `retryable` is fal's own word on it, where it gives one.

    Not `sure` where the answer could also be a fault of the service that gives the results: by itself it says nothing
    about the run, for to believe it may mean to buy the row once more.
    """

    error_type: str
    message: str
    status: int
    retryable: bool | None = None
    sure: bool = True
    result: str | None = None
    """The whole result (JSON), where there was one that holds no video for us."""


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


@dataclass(frozen=True, slots=True)
class ListedRequest:
    """One request in fal's records; `input` is None where the record lacks it.

    `failed` where it is said to have ended without a result.
    """

    request_id: str
    sent_at: float
    ended: bool
    input: Mapping[str, Any] | None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class RequestHistory:
    """fal's records of one endpoint, every page of them; `at` is what fal's own clock showed."""

    items: Sequence[ListedRequest]
    at: float | None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Every input of the endpoint with what fal takes where it is not given; None where there is no such value."""
    endpoint: str = ""
    heard_at: float | None = None
    """What this machine's clock showed as fal's own showed `at`."""


SubmitAnswer = Accepted | NotSent | Throttled | Refused | AccountRefused | InDoubt
PrepareAnswer = Prepared | NotSent | Refused | AccountRefused
PollAnswer = Waiting | Finished | NotFound | Unclear
CollectAnswer = Video | RequestFailed | Waiting | NotFound | Unclear
CancelAnswer = CancelRequested | TooLate | NotFound | Unclear


class Gateway(Protocol):
    """What is asked of the service about one endpoint. No answer is an exception."""

    async def prepare(self, arguments: Arguments) -> PrepareAnswer: ...
    async def submit(self, arguments: Arguments, start_timeout: float = START_TIMEOUT) -> SubmitAnswer: ...
    async def poll(self, receipt: Receipt) -> PollAnswer: ...
    async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer: ...
    async def cancel(self, receipt: Receipt) -> CancelAnswer: ...
    async def request_history(self, since: float) -> RequestHistory | Unclear: ...
    async def unit_price(self) -> UnitPrice | Unclear: ...
    def built_receipt(self, request_id: str) -> Receipt: ...


class Gateways(Protocol):
    """The service as one account sees it: a gateway for each endpoint."""

    def at(self, endpoint: str) -> Gateway:
        """The gateway to an endpoint; "": to that of ledgers that do not say it.

        Raises:
            UsageError: it is that of no model here.
        """
