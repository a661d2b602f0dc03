"""Interprets an answer of the service, once: which transition it makes, what else it means. Pure."""

from dataclasses import dataclass

from batch.core import states
from batch.core.gateway import (
    Accepted,
    AccountRefused,
    InDoubt,
    LateReceipt,
    NotSent,
    Receipt,
    Refused,
    RequestFailed,
    SubmitAnswer,
    Throttled,
    Video,
)
from batch.core.retry import Retry, cost, worth_another_try
from batch.core.row import AskedInVain, NeverRan, SubmittedRow, Unheard
from batch.core.states import Transition
from batch.dispatch.stopping import Stop

BELIEVED_RUNS, BELIEVED_SECONDS = 3, 3 * 3600.0
"""In so many runs, and for so long, a failure that nothing backs has to be all that is told to be believed."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is submitted for a while; `seconds` where the service says how long."""

    reason: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOutcome:
    """All that one answer to a submit means: for the row, for the rows behind it, and for the run."""

    transition: Transition
    receipt: Receipt | None = None
    """fal has the request: it is followed to its end."""
    position: int | None = None
    """How many requests were before it then, anybody's."""
    again: bool = False
    """Nothing was bought: the row comes again as soon as anything is submitted."""
    failure: str | None = None
    """How it went wrong, where the same for many rows in a row is a reason to stop."""
    reached: bool = False
    """The service has judged the request: the next ones need no special care."""
    pause: Pause | None = None
    stop: Stop | None = None
    late: LateReceipt | None = None
    """Waits for a receipt that may still come for a row in doubt."""


@dataclass(frozen=True, slots=True)
class AtFal:
    """A request that fal has."""

    receipt: Receipt
    start_timeout: float
    """Its own start deadline, in seconds."""
    sent: float | None = None
    """A time on anyio's clock when its POST had not left yet; None where an earlier run sent it."""
    position: int | None = None
    """How many requests were before it when it was accepted, anybody's; None where that was not said."""
    age: float = 0.0
    """Seconds since it was accepted."""
    resumed: SubmittedRow | None = None
    """The row as an earlier run left it, where one sent it."""


def of_submit(answer: SubmitAnswer, at: float) -> SubmitOutcome:
    """What the answer to a POST means; `at` is in seconds since 1970."""
    match answer:
        case Accepted(receipt, position):
            transition = states.accepted(at, receipt)
            return SubmitOutcome(transition=transition, receipt=receipt, position=position, reached=True)
        case NotSent(reason):
            pause = Pause(f"fal cannot be reached ({reason})")
            return SubmitOutcome(transition=states.not_sent(at, reason), again=True, pause=pause)
        case Throttled(after):
            transition = states.not_sent(at, "fal asked to come again later (429)")
            return SubmitOutcome(transition=transition, again=True, pause=Pause("fal asks for a pause (429)", after))
        case AccountRefused(error_type, message):
            return SubmitOutcome(transition=states.not_sent(at, message), stop=Stop(error_type, message, recall=True))
        case Refused(error_type, message):
            return SubmitOutcome(transition=states.refused(at, error_type, message), failure=error_type, reached=True)
        case InDoubt(reason, late):  # it says nothing good: whoever is careful stays so
            return SubmitOutcome(transition=states.reply_lost(at, reason), failure=f"in doubt: {reason}", late=late)


def of_end(end: Video | RequestFailed | NeverRan, at: float, price: int | None, tries: int, retry: Retry) -> Transition:
    """The transition of a row whose request ended so, at a price in millionths of a dollar, after so many tries."""
    match end:
        case Video(result, url):
            return states.succeeded(at, result, url, price or 0)
        case NeverRan(message):
            return states.never_ran(at, message, max(0, tries - 1))
        case RequestFailed(error_type, message):
            spent = cost(end, price)
            if worth_another_try(end) and tries < retry.tries:
                return states.another_try(at, error_type, message, spent)
            return states.failed(at, error_type, message, spent, end.result)


def of_unheard(end: Unheard, at: float, price: int | None, before: AskedInVain | None) -> Transition:
    """The transition of a row whose request's end a run could not learn, for it may be paid for and done.

    It is asked after again by the next run. A failure believed at last counts at its full price, and nothing is bought
    for it but on a person's word.
    """
    if end.verdict and before and before.message == end.message and _long_enough(before, at):
        return states.failed(at, end.verdict.error_type, end.verdict.message, price or 0, end.verdict.result)
    return states.unheard(at, end.error_type, end.message)


def _long_enough(before: AskedInVain, at: float) -> bool:
    return before.runs + 1 >= BELIEVED_RUNS and at - before.since >= BELIEVED_SECONDS
