"""What an answer of the service makes of a row: the one place where answers become moves. Pure."""

from batch.core import gateway as a
from batch.core import retry as policy
from batch.core import states
from batch.core.states import Move


def of_submit(answer: a.Submitted, at: float) -> Move:
    """The move of a row whose POST was answered so; `at` is in seconds since 1970."""
    match answer:
        case a.Accepted(receipt):
            return states.accepted(at, receipt)
        case a.NotSent(reason):
            return states.not_sent(at, reason)
        case a.Throttled():
            return states.not_sent(at, "fal asked to come again later (429)")
        case a.AccountStop(_, message):
            return states.not_sent(at, message)
        case a.Refused(kind, message):
            return states.refused(at, kind, message)
        case a.InDoubt(reason):
            return states.reply_lost(at, reason)


def of_end(end: a.Video | a.Broke | a.Gone, at: float, price: int | None, tries: int, retry: policy.Retry) -> Move:
    """The move of a row whose request ended so, at a price in millionths of a dollar, after so many tries."""
    match end:
        case a.Video(result, url):
            return states.succeeded(at, result, url, price or 0)
        case a.Gone(reason):
            return states.failed(at, "request_not_found", reason, price or 0)
        case a.Broke(kind, message):
            cost = policy.cost(end, price)
            if policy.worth_another_try(end) and tries < retry.tries:
                return states.another_try(at, kind, message, cost)
            return states.failed(at, kind, message, cost)
