"""`rerun` and `resolve` of rows that fal does not tell of: asked after first, bought on a person's word only."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from anyio import current_time

from batch.commands.rerun import Selection
from batch.commands.resolve import Choice, Decision, decide
from batch.core import states
from batch.core.gateway import NotFound, PollAnswer, Receipt
from batch.core.row import PlannedRow, RowSelection
from batch.core.states import State
from batch.errors import UsageError
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.ledger.summary import summarize
from batch.reports.outcome import Outcome
from tests.support.simulated import EPOCH, Service, count, ledger_of, night, play, service_queue, shot, shots

PRICE = 490_000


class Forgetful(Service):
    """Knows no request, until `remembers`."""

    remembers = False

    async def poll(self, receipt: Receipt) -> PollAnswer:
        answer = await super().poll(receipt)
        return answer if self.remembers else NotFound("HTTP 404: Request not found")


def simulate(start: float, act: Callable[[], Any]) -> Any:
    async def later() -> Any:
        await anyio.sleep(start)
        return await act()

    return play(later)


def failed_by_an_older_version(rows: int) -> tuple[Ledger, Forgetful]:
    """Rows whose videos are made and paid for, that an older version failed as unknown to fal, and counted."""
    ledger, service = ledger_of(shots(rows)), Forgetful(service_queue(10, 60.0))
    simulate(0.0, lambda: night(ledger, service))
    for submitted in ledger.submitted_rows():
        ledger.apply(submitted.row, states.failed(EPOCH + 1000, "request_not_found", "HTTP 404", PRICE))
    assert count(ledger, "failed") == rows
    return ledger, service


def mark(ledger: Ledger, rows: list[PlannedRow], selection: Selection | None = None) -> None:
    """As `rerun` does it: the table is read, and then the rows are marked."""
    match(ledger, rows)
    enrol(ledger, EPOCH + 2000, new=True)
    (selection or Selection()).mark(ledger, EPOCH + 2000)


def test_rerun_of_a_row_that_fal_did_not_know_asks_and_does_not_buy() -> None:
    """Its request is under way again at no second price, and its video comes home."""
    ledger, service = failed_by_an_older_version(6)
    mark(ledger, shots(6))
    assert count(ledger, "submitted") == 6
    assert (ledger.money().spent, ledger.money().under_way) == (0, 6 * PRICE)
    service.remembers = True
    simulate(3000.0, lambda: night(ledger, service))
    assert count(ledger, "succeeded") == 6
    assert ledger.money().spent == 6 * PRICE
    assert len(service.queue.requests) == 6


def test_rerun_of_a_row_that_fal_still_does_not_know_leaves_it_under_way() -> None:
    """However often: not bought, not failed; the price stays in the sum."""
    ledger, service = failed_by_an_older_version(2)
    for _ in range(3):
        mark(ledger, shots(2))
        simulate(3000.0, lambda: night(ledger, service))
        assert count(ledger, "submitted") == 2
    assert len(service.queue.requests) == 2
    assert (ledger.money().spent, ledger.money().under_way) == (0, 2 * PRICE)


@pytest.mark.parametrize(("price", "bought"), [(PRICE, 1), (500_000, 0)])
def test_a_row_that_was_edited_since_is_another_wish(price: int, bought: int) -> None:
    """New inputs are bought as asked for; another price alone makes no new row of it."""
    ledger, _ = failed_by_an_older_version(1)
    rows = [shot(0, "another prompt")] if bought else shots(1)
    edited = [PlannedRow(one.place, one.number, one.id, {}, one.arguments, one.fingerprint, price) for one in rows]
    mark(ledger, edited)
    assert (ledger.marks.to_run()[0], count(ledger, "submitted")) == (bought, 1 - bought)


def test_rows_that_failed_otherwise_are_bought_again_as_ever() -> None:
    """`rerun` is a person's word."""
    ledger = ledger_of(shots(1))
    for transition in (
        states.claimed(EPOCH, None, PRICE),
        states.accepted(EPOCH, Receipt("r", "https://s", "https://r", "https://c")),
        states.failed(EPOCH, "content_policy_violation", "no", PRICE),
    ):
        ledger.apply(1, transition)
    mark(ledger, shots(1))
    assert ledger.marks.to_run()[0] == 1


# resolve


def left(rows: int) -> tuple[Ledger, Forgetful]:
    ledger, service = ledger_of(shots(rows)), Forgetful(service_queue(10, 60.0))
    simulate(0.0, lambda: night(ledger, service))
    assert count(ledger, "submitted") == rows
    return ledger, service


def resolve(ledger: Ledger, service: Service, choice: Choice) -> int:
    async def one() -> int:
        decision = Decision(RowSelection(numbers=[2]), choice, "other")
        return await decide(ledger, service, decision, EPOCH + current_time())

    settled: int = simulate(5000.0, one)
    return settled


@pytest.mark.parametrize(("choice", "state"), [(Choice.GIVE_UP, "failed"), (Choice.RESUBMIT, "pending")])
def test_a_person_decides_about_a_row_that_fal_does_not_tell_of(choice: Choice, state: str) -> None:
    """What may have been paid counts as spent, so that a cap sees it; the other row stays as it is."""
    ledger, service = left(2)
    assert resolve(ledger, service, choice) == 1
    assert (count(ledger, state), count(ledger, "submitted")) == (1, 1)
    assert (ledger.money().spent, ledger.money().under_way) == (PRICE, PRICE)
    assert len(service.queue.requests) == 2


@pytest.mark.parametrize("choice", Choice)
def test_what_fal_tells_of_after_all_is_not_given_up(choice: Choice) -> None:
    """It is asked once more before anything is decided; nor is another request put in its place."""
    ledger, service = left(1)
    service.remembers = True
    with pytest.raises(UsageError, match=r"row 2.*(run. brings it home|not in doubt)"):
        resolve(ledger, service, choice)
    assert count(ledger, "submitted") == 1
    assert ledger.money().spent == 0


def test_a_row_under_way_as_ever_is_not_to_be_resolved() -> None:
    """Only what a run has asked after in vain."""
    ledger = ledger_of(shots(1))
    ledger.apply(1, states.claimed(EPOCH, None, PRICE))
    ledger.apply(1, states.accepted(EPOCH, Receipt("r", "https://s", "https://r", "https://c")))
    with pytest.raises(UsageError, match="row 2 is not in doubt but submitted"):
        resolve(ledger, Forgetful(service_queue(10, 60.0)), Choice.GIVE_UP)
    assert ledger.db.execute("SELECT state FROM row").fetchone() == (State.SUBMITTED,)


def test_the_summary_says_what_is_left_since_when_and_what_to_do() -> None:
    """Not a failure, not silence: what fal says, how long, and the two ways on."""
    ledger, _ = left(2)
    text = Outcome(standing=summarize(ledger), table="shots.csv", command=["shots.csv"], left=2).text()
    assert "2 of those under way since 2027-01-15 08:" in text
    assert "fal says that it does not know the request: for example, row 2: HTTP 404: Request not found" in text
    assert "each run asks again" in text
    assert "kling-batch resolve shots.csv --row N --give-up" in text
    assert "next: kling-batch run shots.csv" in text
