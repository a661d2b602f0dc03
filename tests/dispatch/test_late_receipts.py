"""A receipt that comes when its row is in doubt already: it wins, and only over that very doubt."""

from typing import Any

import anyio
import pytest
from anyio import current_time

from batch.core import states
from batch.core.gateway import Accepted, InDoubt, Receipt, SubmitAnswer
from batch.dispatch.late_receipts import LateReceipts
from batch.job import Arguments
from batch.ledger.async_ledger import async_ledger, in_line
from batch.ledger.ledger import Ledger
from tests.support.simulated import EPOCH, Service, count, ledger_of, night, play, service_queue, shots


class Late(Service):
    """Accepts the n-th submit, and tells it only after a while; `lost`: it never does. Its records tell nothing."""

    def __init__(self, which: int, seconds: float, *, lost: bool = False) -> None:
        super().__init__(service_queue(3, 10.0), unreadable=True)
        self.which, self.seconds, self.lost = which, seconds, lost

    async def submit(self, arguments: Arguments, start_timeout: float = 3600.0) -> SubmitAnswer:
        nth = self.asked["submit"] + 1
        answer = await super().submit(arguments, start_timeout)
        if nth != self.which or not isinstance(answer, Accepted):
            return answer
        due, receipt = current_time() + self.seconds, None if self.lost else answer.receipt

        async def late() -> Receipt | None:
            await anyio.sleep_until(due)
            return receipt

        return InDoubt("no answer", late)


def doubts(ledger: Ledger) -> int:
    return int(ledger.db.execute("SELECT COUNT(*) FROM event WHERE new = 'in_doubt'").fetchone()[0])


@pytest.mark.parametrize("which", [1, 5])
def test_a_late_receipt_brings_its_row_home(which: int) -> None:
    """In the same run; its request is bought once, and counted as no doubt any more."""
    ledger, service = ledger_of(shots(9)), Late(which, 15.0)

    async def whole() -> Any:
        return await night(ledger, service, concurrency=3)

    dispatcher = play(whole)
    assert (count(ledger, "succeeded"), doubts(ledger)) == (9, 1)
    assert len(service.queue.requests) == 9
    assert (dispatcher.tally.in_doubt, dispatcher.tally.succeeded) == (0, 9)


def test_a_receipt_that_never_comes_leaves_the_row_in_doubt() -> None:
    """As ever."""
    ledger, service = ledger_of(shots(9)), Late(5, 15.0, lost=True)

    async def whole() -> Any:
        return await night(ledger, service, concurrency=3)

    assert play(whole).tally.in_doubt == 1
    assert (count(ledger, "succeeded"), count(ledger, "in_doubt")) == (8, 1)


RECEIPT = Receipt("late", "https://s", "https://r", "https://c")


async def receipt() -> Receipt:
    return RECEIPT


async def taken(ledger: Ledger, intent_at: float) -> bool:
    async with async_ledger(ledger, in_line) as store:
        return await LateReceipts(store, anyio.Lock(), lambda: EPOCH + 99).take(1, intent_at, receipt)


def in_doubt(ledger: Ledger, at: float) -> None:
    ledger.apply(1, states.claimed(at, None, 490_000))
    ledger.apply(1, states.reply_lost(at, "no answer"))


def test_a_row_that_was_settled_since_is_left_as_it_is() -> None:
    """Pending again, or in the doubt of another submit: the receipt is left to fal's records."""
    ledger = ledger_of(shots(1))
    in_doubt(ledger, EPOCH + 1)
    ledger.apply(1, states.resubmitted(EPOCH + 2, 490_000))
    assert play(lambda: taken(ledger, EPOCH + 1)) is False
    in_doubt(ledger, EPOCH + 3)
    assert play(lambda: taken(ledger, EPOCH + 1)) is False
    assert count(ledger, "in_doubt") == 1
    assert play(lambda: taken(ledger, EPOCH + 3)) is True
    assert count(ledger, "submitted") == 1


def test_a_receipt_that_is_another_rows_by_now_is_left_alone() -> None:
    """fal's records were quicker, and gave the request to an equal row."""
    ledger = ledger_of(shots(2))
    ledger.apply(2, states.claimed(EPOCH, None, 490_000))
    ledger.apply(2, states.accepted(EPOCH, RECEIPT))
    in_doubt(ledger, EPOCH + 1)
    assert play(lambda: taken(ledger, EPOCH + 1)) is False
    assert (count(ledger, "in_doubt"), count(ledger, "submitted")) == (1, 1)
