"""Rows in doubt decided by a person, looked up in fal's records, and shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import current_time

from batch.commands.resolve import Choice, Decision, decide, look_up, resolve_batch, shown
from batch.core import states
from batch.core.gateway import NotFound, PollAnswer, Receipt
from batch.core.row import RowSelection
from batch.errors import LedgerError, UsageError
from batch.ledger.async_ledger import async_ledger, in_line
from batch.ledger.in_doubt import InDoubtView, in_doubt_views
from batch.ledger.ledger import Ledger
from batch.reconcile.evidence import provable_at
from batch.reports.clock import clock
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.runs import a_service
from tests.support.sheets import PRICE, SHOTS, batch
from tests.support.simulated import EPOCH, Service, ledger_of, play, service_queue, shots

HOUR = 3600.0


@dataclass
class Knowing(Service):
    """A service that says of a request it does not know that it does not."""

    async def poll(self, receipt: Receipt) -> PollAnswer:
        if receipt.request_id not in {request.id for request in self.queue.requests}:
            return NotFound("HTTP 404")
        return await super().poll(receipt)


def doubtful(service: Service) -> Ledger:
    """Rows 2 to 5: two in doubt, of which the second was accepted; one at fal; one that waits."""
    ledger = ledger_of(shots(4))
    for work in ledger.pending_rows(-1, 3):
        ledger.apply(work.row, states.claimed(EPOCH, None, work.price))
        if work.row == 1:
            ledger.apply(work.row, states.reply_lost(EPOCH, "cut"))
            continue
        request = service.queue.submit(JOB.endpoint, work.arguments, now=0.0)
        if work.row == 2:
            ledger.apply(work.row, states.reply_lost(EPOCH, "cut"))
        else:
            ledger.apply(work.row, states.accepted(EPOCH, service.built_receipt(request.id)))
    return ledger


def decided(ledger: Ledger, service: Service, decision: Decision) -> int:
    async def command() -> int:
        return await decide(ledger, service, decision, EPOCH + 60)

    settled: int = play(command)
    return settled


def stands(ledger: Ledger) -> Sequence[tuple[Any, ...]]:
    return ledger.db.execute("SELECT state, spent, kind FROM row ORDER BY id").fetchall()


BEFORE = [("in_doubt", 0, "reply_lost"), ("in_doubt", 0, "reply_lost"), ("submitted", 0, None), ("pending", 0, None)]


# Decided


def test_a_row_that_is_bought_again_counts_what_may_have_been_paid() -> None:
    """It waits, its tries begin anew, and the next run sends it."""
    ledger = doubtful(service := Knowing(service_queue(4, 60.0)))
    assert decided(ledger, service, Decision(RowSelection([2, 3]), Choice.RESUBMIT)) == 2
    assert stands(ledger)[:2] == [("pending", PRICE, None)] * 2
    assert [work.tries for work in ledger.pending_rows(-1, 9)][:2] == [0, 0]


def test_a_row_that_is_given_up_has_failed_and_counts_as_spent() -> None:
    """By its id, too; the other one stays in doubt."""
    ledger = doubtful(service := Knowing(service_queue(4, 60.0)))
    assert decided(ledger, service, Decision(RowSelection(ids=["s0"]), Choice.GIVE_UP)) == 1
    assert stands(ledger)[:2] == [("failed", PRICE, "given_up"), BEFORE[1]]
    assert ledger.money().under_way == 2 * PRICE


def test_a_request_that_fal_confirms_is_adopted() -> None:
    """The row is at fal from here on, as if its reply had come."""
    ledger = doubtful(service := Knowing(service_queue(4, 60.0)))
    accepted = service.queue.requests[0].id
    assert decided(ledger, service, Decision(RowSelection([3]), Choice.ADOPT, accepted)) == 1
    assert stands(ledger)[1] == ("submitted", 0, None)
    assert ledger.row_of(accepted) == 2


@pytest.mark.parametrize("choice", list(Choice))
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (RowSelection([2, 4]), "row 4 is not in doubt but submitted: nothing was changed"),
        (RowSelection([5]), "row 5 is not in doubt but pending: nothing was changed"),
        (RowSelection([2, 99]), "--row 99: the ledger has no such row"),
        (RowSelection(ids=["nobody"]), "--id nobody: the ledger has no such row"),
    ],
)
def test_a_named_row_that_is_not_in_doubt_stops_it_all(rows: RowSelection, said: str, choice: Choice) -> None:
    """Whatever was chosen, nothing is changed, and nobody is asked."""
    ledger = doubtful(service := Knowing(service_queue(4, 60.0)))
    with pytest.raises(UsageError) as caught:
        decided(ledger, service, Decision(rows, choice, "r"))
    assert str(caught.value) == said
    assert (stands(ledger), service.asked.total()) == (BEFORE, 0)


def test_only_a_request_that_is_there_and_nobodys_is_adopted_by_one_row() -> None:
    """Not by two rows, not one that fal does not know, not that of another row."""
    ledger = doubtful(service := Knowing(service_queue(4, 60.0)))
    accepted, others = (request.id for request in service.queue.requests)
    for rows, request, said in [
        ([2, 3], accepted, "name exactly one row with --row or --id"),
        ([2], "no-such-request", "fal does not confirm this request (HTTP 404)"),
        ([2], others, "this request is already that of row 3 of the ledger"),
    ]:
        with pytest.raises(UsageError) as caught:
            decided(ledger, service, Decision(RowSelection(rows), Choice.ADOPT, request))
        assert str(caught.value) == f"--adopt {request}: {said}"
    assert stands(ledger) == BEFORE


def test_without_a_network_nothing_is_adopted() -> None:
    """What nobody confirms is not believed."""
    ledger = doubtful(service := Knowing(service_queue(4, 60.0), offline=lambda _: True))
    with pytest.raises(UsageError, match=r"fal does not confirm this request \(no network\)"):
        decided(ledger, service, Decision(RowSelection([2]), Choice.ADOPT, service.queue.requests[0].id))
    assert stands(ledger) == BEFORE


# Looked up


def looked_up(ledger: Ledger, service: Service, after: float = 100.0) -> str:
    async def command() -> str:
        await anyio.sleep(after)
        async with async_ledger(ledger, in_line) as store:
            line, _ = await look_up(store, service, EPOCH + current_time(), HOUR)
            return line

    line: str = play(command)
    return line


def test_one_look_finds_what_was_accepted() -> None:
    """The row gets its own request; what is not listed is not proven absent so soon."""
    ledger = doubtful(service := a_service())
    assert looked_up(ledger, service) == "fal's records: 1 found, 0 proven never accepted"
    assert ledger.row_of(service.queue.requests[0].id) == 2
    assert [state for state, *_ in stands(ledger)] == ["in_doubt", "submitted", "submitted", "pending"]


def test_records_that_cannot_be_read_settle_nothing() -> None:
    """Their reason is told."""
    ledger = doubtful(service := a_service(unreadable=True))
    assert looked_up(ledger, service) == "fal's records cannot be read (no listing): rows in doubt stay as they are"
    assert stands(ledger) == BEFORE


# Shown


VIEW = InDoubtView(row=7, number=3, row_id="", prompt="a boat", intent_at=0.0, price=PRICE, message="cut")
PROVABLE = provable_at(0.0, HOUR)
WHEN = f"ask again after {clock(PROVABLE, 0.0)}: from then on its absence can be proven"
SOON = "its absence is proven as soon as two later requests of yours are listed as ended"


@pytest.mark.parametrize(
    ("row", "now", "line"),
    [
        (
            replace(VIEW, row_id="s1"),
            60.0,
            f"row 3 (id s1): $0.49, submitted 1 min ago, cut; {WHEN}",
        ),
        (VIEW, 5399.0, f"row 3: $0.49, submitted 90 min ago, cut; {WHEN}"),
        (VIEW, PROVABLE - 60.0, f"row 3: $0.49, submitted 4.0 h ago, cut; {WHEN}"),
        (VIEW, PROVABLE, f"row 3: $0.49, submitted 4.0 h ago, cut; {SOON}"),
        (VIEW, 1.0, f"row 3: $0.49, submitted 0 min ago, cut; {WHEN}"),
        (
            replace(VIEW, held=True, message="bought before by /a.csv, which is not there any more"),
            60.0,
            "row 3: $0.49, held 1 min ago, bought before by /a.csv, which is not there any more; `kling-batch run` "
            "takes it over with --adopt-known, and pays again with --buy-again",
        ),
        (
            replace(VIEW, number=None),
            0.0,
            f"a row that the table no longer has: $0.49, submitted 0 min ago, cut; {WHEN}",
        ),
    ],
)
def test_a_row_in_doubt_is_shown_with_what_is_known(row: InDoubtView, now: float, line: str) -> None:
    """Which it is, what it may have cost, since when, and from when on its absence can be proven."""
    assert shown([row], HOUR, now, {}).splitlines()[:2] == [line, "    'a boat'"]


def test_what_can_be_done_is_said_once_for_all_rows() -> None:
    """With every choice there is; a long prompt is cut."""
    text = shown([replace(VIEW, prompt="x" * 500), replace(VIEW, number=4)], HOUR, 0.0, {})
    for choice in Choice:
        assert text.count(f"--{choice.replace('_', '-')}") == 1
    assert max(map(len, text.splitlines())) < 250
    assert shown([], HOUR, 0.0, {}) == ""


def test_what_may_be_a_rows_own_is_named() -> None:
    """Where fal has more such requests than there are rows, a person chooses by their ids."""
    text = shown([VIEW, replace(VIEW, row=8)], HOUR, 0.0, {7: ["near", "far"]})
    assert text.count("fal lists what may be its own: near, far") == 1


def test_the_rows_in_doubt_are_those_that_are_shown() -> None:
    """Out of the ledger, by number."""
    rows = in_doubt_views(doubtful(a_service()))
    assert [(row.number, row.row_id, row.prompt) for row in rows] == [(2, "s0", "shot 0"), (3, "s1", "shot 1")]


def test_without_a_ledger_there_is_nothing_to_resolve(tmp_path: Path) -> None:
    """Said before a key is needed."""
    with pytest.raises(LedgerError, match="nothing was run"):
        resolve_batch(batch(tmp_path, SHOTS), None, pytest.fail)
