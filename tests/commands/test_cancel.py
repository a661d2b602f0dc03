"""What is taken back, what cannot be, and what either costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import current_time

from batch.commands.cancel import CancelReport, cancel_batch, take_back
from batch.core import states
from batch.core.gateway import CancelAnswer, NotFound, Receipt, Unclear
from batch.core.row import RowSelection
from batch.core.states import State
from batch.errors import LedgerError, UsageError
from batch.ledger.ledger import Ledger
from batch.sandbox.outcomes import SUCCESS, Outcome, model_error
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.runs import a_service
from tests.support.sheets import PRICE, SHOTS, batch
from tests.support.simulated import EPOCH, LATENCY, Service, ledger_of, play, service_queue, shots

ALL = RowSelection()


@dataclass
class Deaf(Service):
    """A service that answers every cancel like this."""

    answer: CancelAnswer | None = None

    async def cancel(self, receipt: Receipt) -> CancelAnswer:
        return self.answer or await super().cancel(receipt)


def at_fal(service: Service, rows: int = 4, sent: int = 3) -> Ledger:
    """A ledger whose first rows were submitted, in their order."""
    ledger = ledger_of(shots(rows))
    for work in ledger.pending_rows(-1, sent):
        request = service.queue.submit(JOB.endpoint, work.arguments, now=0.0)
        ledger.apply(work.row, states.claimed(EPOCH, None, work.price))
        ledger.apply(work.row, states.accepted(EPOCH, service.built_receipt(request.id)))
    return ledger


def taken(ledger: Ledger, service: Service, named: RowSelection = ALL, after: float = 1.0) -> CancelReport:
    """What is taken back so many seconds after the rows were sent."""

    async def command() -> CancelReport:
        await anyio.sleep(after)
        return await take_back(ledger, service, named, EPOCH + current_time())

    report: CancelReport = play(command)
    return report


def stands(ledger: Ledger) -> Sequence[tuple[Any, ...]]:
    return ledger.db.execute("SELECT state, spent FROM row ORDER BY id").fetchall()


def test_what_is_queued_is_gone_and_free_and_what_runs_is_named() -> None:
    """All that is at fal; rows that wait are left to wait."""
    service = a_service(slots=1)
    ledger = at_fal(service)
    report = taken(ledger, service)
    assert report.cancelled == 2
    assert report.kept == [
        "row 2: it runs already and may complete all the same; the next run brings it home",
    ]
    assert stands(ledger) == [("submitted", 0), ("cancelled", 0), ("cancelled", 0), ("pending", 0)]


def test_a_run_that_is_cut_off_counts_as_spent() -> None:
    """fal may bill it: the service stops it, and its price is not forgotten."""
    service = Service(service_queue(1, 60.0, cancel_stops_runs=True))
    ledger = at_fal(service, 2, 1)
    assert taken(ledger, service) == CancelReport(1, [])
    assert stands(ledger) == [("cancelled", PRICE), ("pending", 0)]
    assert ledger.money().under_way == 0


def test_what_is_done_already_is_left_for_the_next_run() -> None:
    """A video that was paid for is never thrown away."""
    service = a_service()
    ledger = at_fal(service, 1, 1)
    assert taken(ledger, service, after=100.0) == CancelReport(0, ["row 2: already done; the next run brings it home"])
    assert stands(ledger) == [("submitted", 0)]


@pytest.mark.parametrize("outcome", [SUCCESS, model_error("no_media_generated")])
def test_what_ends_while_it_is_taken_back_is_left_for_the_next_run(outcome: Outcome) -> None:
    """fal took the wish, and the run was over all the same: well or badly, it is no cancelled row."""
    service = a_service(run_seconds=60.0, plan=lambda *_: outcome)
    ledger = at_fal(service, 1, 1)
    between = 60.0 - 1.5 * LATENCY  # it runs when it is asked about, and is done when it is asked about again
    assert taken(ledger, service, after=between) == CancelReport(
        0, ["row 2: it was done before it could be taken back; the next run brings it home"]
    )
    assert stands(ledger) == [("submitted", 0)]


@pytest.mark.parametrize("answer", [NotFound("HTTP 404"), Unclear("no network")])
def test_what_fal_does_not_confirm_stays_as_it_is(answer: CancelAnswer) -> None:
    """With fal's own reason."""
    service = Deaf(service_queue(1, 60.0), answer=answer)
    ledger = at_fal(service, 1, 1)
    assert taken(ledger, service).kept == [f"row 2: fal did not take it back ({answer.reason})"]  # type: ignore[union-attr]
    assert stands(ledger) == [("submitted", 0)]


def test_a_request_of_a_row_that_the_table_no_longer_has_is_taken_back_too() -> None:
    """It is named by its request."""
    service = a_service(slots=1)
    ledger = at_fal(service, 1, 1)
    ledger.db.execute("DELETE FROM sheet")
    (request,) = service.queue.requests
    assert taken(ledger, service).kept[0].startswith(f"request {request.id}: it runs already")


# By row


def test_named_rows_alone_are_taken_back() -> None:
    """By number and by id; one that waits is just cancelled, and fal is not asked about it."""
    service = a_service(slots=1)
    ledger = at_fal(service)
    assert taken(ledger, service, RowSelection([5], ["s2"])) == CancelReport(2, [])
    assert stands(ledger) == [("submitted", 0), ("submitted", 0), ("cancelled", 0), ("cancelled", 0)]
    assert service.asked["poll"] == 2


@pytest.mark.parametrize("state", ["succeeded", "failed", "in_doubt", "cancelled"])
def test_a_named_row_that_has_ended_or_is_in_doubt_stops_it_all(state: str) -> None:
    """Nothing is asked for, and the other named rows stay as they were."""
    service = a_service(slots=1)
    ledger = at_fal(service)
    ended = {
        "succeeded": states.succeeded(EPOCH, "{}", "https://v", PRICE),
        "failed": states.failed(EPOCH, "kind", "no", 0),
        "cancelled": states.cancelled(State.SUBMITTED, EPOCH, 0),
    }
    if state == "in_doubt":
        ledger.apply(4, states.claimed(EPOCH, None, PRICE))
        ledger.apply(4, states.reply_lost(EPOCH, "cut"))
    else:
        ledger.apply(2, ended[state])
    number = 5 if state == "in_doubt" else 3
    before = stands(ledger)
    with pytest.raises(UsageError, match=f"row {number} is {state}: there is nothing to take back"):
        taken(ledger, service, RowSelection([2, number]))
    assert (stands(ledger), service.asked.total()) == (before, 0)


def test_a_row_that_is_not_there_stops_it_all() -> None:
    """A slip of the finger takes nothing back."""
    service = a_service(slots=1)
    ledger = at_fal(service)
    with pytest.raises(UsageError, match="--row 99: the ledger has no such row"):
        taken(ledger, service, RowSelection([5, 99]))
    assert stands(ledger)[3] == ("pending", 0)


def test_without_a_ledger_there_is_nothing_to_cancel(tmp_path: Path) -> None:
    """Said before a key is needed."""
    with pytest.raises(LedgerError, match="nothing was run"):
        cancel_batch(batch(tmp_path, SHOTS), ALL, pytest.fail)
