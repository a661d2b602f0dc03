"""Rows in doubt, looked up and settled in the ledger; and how long a run waits for it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import pytest
from anyio import current_time
from hypothesis import given
from hypothesis import strategies as st

from batch.core.equality import Equality
from batch.core.gateway import RequestHistory, Unclear
from batch.ledger.async_ledger import async_ledger, in_line
from batch.ledger.ledger import Ledger
from batch.manifest.fingerprint import defaults
from batch.reconcile.evidence import Verdicts
from batch.reconcile.reconciler import (
    BUSY_SECONDS,
    IDLE_SECONDS,
    LEAST_PATIENCE,
    LISTING_SECONDS,
    PROOF_MARGIN,
    UNREADABLE_TIMES,
    Patience,
    Reconciler,
)
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.books import book_of
from tests.support.simulated import (
    EPOCH,
    Service,
    count,
    ledger_of,
    night,
    play,
    recover,
    service_queue,
    shots,
    simulate,
)

START = 3600.0


def looked(ledger: Ledger, service: Service, at: float = 0.0) -> tuple[Verdicts | Unclear, float]:
    """One look at the records, at a time of the mock clock; what it brought, and how long it took."""

    async def one() -> tuple[Verdicts | Unclear, float]:
        await anyio.sleep(at)
        async with async_ledger(ledger, in_line) as store:
            verdicts = await Reconciler(store, service, lambda: EPOCH + current_time(), START).round()
            return verdicts, current_time() - at

    found: tuple[Verdicts | Unclear, float] = play(one)
    return found


def in_doubt(fault: str, nth: int = 2, rows: int = 4) -> tuple[Ledger, Service]:
    """A run in which the nth POST met a fault, with records that could not be read meanwhile."""
    ledger = ledger_of(shots(rows))
    service = Service(service_queue(10, 60.0), on_submit=lambda n: fault if n == nth else None, unreadable=True)

    async def one() -> None:
        await night(ledger, service, concurrency=1)

    if fault == "lost":
        play(one)
    else:
        with pytest.raises(BaseExceptionGroup):
            play(one)
        recover(ledger, EPOCH)
    service.unreadable = False
    return ledger, service


def test_where_nothing_is_in_doubt_nothing_is_asked() -> None:
    """A plain run costs no look at the records."""
    service = Service(service_queue(1, 60.0))
    assert looked(ledger_of(shots(3)), service) == (Verdicts(), 0.0)
    assert service.asked["listing"] == 0


def test_a_request_that_is_found_is_its_rows_own_in_the_ledger() -> None:
    """When the look returns, the row is submitted, under the id of the request with its own prompt."""
    ledger, service = in_doubt("lost")
    assert count(ledger, "in_doubt") == 1
    verdicts, _ = looked(ledger, service, 1000.0)
    request = next(one for one in service.queue.requests if one.input["prompt"] == "shot 1")
    assert isinstance(verdicts, Verdicts)
    assert list(verdicts.found.values()) == [request.id]
    assert ledger.db.execute("SELECT request_id FROM row WHERE state = 'submitted'").fetchall() == [(request.id,)]


def test_a_request_that_is_proven_absent_leaves_its_row_pending_and_untried() -> None:
    """Its POST never arrived: two later ones of ours are listed, the start deadline and the lag are over."""
    ledger, service = in_doubt("crash_before")

    async def rest() -> None:
        await anyio.sleep(200)  # a later request of ours
        service.unreadable, service.on_submit = True, lambda _: None
        await night(ledger, service, concurrency=1)
        service.unreadable = False

    play(rest)
    verdicts, _ = looked(ledger, service, 1000.0)
    assert verdicts == Verdicts()
    verdicts, _ = looked(ledger, service, 20_000.0)
    assert isinstance(verdicts, Verdicts)
    assert len(verdicts.absent) == 1
    assert ledger.db.execute("SELECT attempts FROM row WHERE state = 'pending'").fetchall() == [(0,)]


# Of several tables


@dataclass
class Forgetful(Service):
    """Its records lack some requests, or show other inputs than were sent."""

    hidden: set[str] = field(default_factory=set)
    rewritten: set[str] = field(default_factory=set)

    async def request_history(self, since: float) -> RequestHistory | Unclear:
        history = await super().request_history(since)
        assert isinstance(history, RequestHistory)
        listed = [one for one in history.items if one.request_id not in self.hidden]
        shown = [replace(one, input={}) if one.request_id in self.rewritten else one for one in listed]
        return replace(history, items=shown)


def two_tables(folder: Path) -> tuple[Ledger, Ledger, Forgetful]:
    """A table whose one POST never arrived, and another one of the account that has bought three rows since."""
    ledgers = [ledger_of(shots(1, "lost")), ledger_of(shots(3, "other"))]
    for name, ledger in zip("ab", ledgers, strict=True):
        book = book_of(folder, name)
        book.equality = Equality(defaults(JOB), JOB.endpoint)
        ledger.book = book
    lost, other = ledgers
    service = Forgetful(service_queue(10, 60.0), on_submit=lambda _: "crash_before")
    with pytest.raises(BaseExceptionGroup):
        simulate(lost, service)
    recover(lost, EPOCH)
    service.on_submit = lambda _: None
    simulate(other, service, start=200.0, concurrency=1)
    assert count(other, "succeeded") == 3
    return lost, other, service


def test_the_later_requests_of_another_table_prove_that_one_was_never_accepted(tmp_path: Path) -> None:
    """A table of one row has none of its own: the book knows those of the whole account."""
    lost, _, service = two_tables(tmp_path)
    assert looked(lost, service, 10_000.0)[0] == Verdicts()
    assert looked(lost, service, 20_000.0)[0] == Verdicts(absent=[1])


@pytest.mark.parametrize("amiss", ["hidden", "rewritten"])
def test_a_request_of_another_table_that_is_not_shown_as_it_was_sent_forbids_the_proof(
    amiss: str, tmp_path: Path
) -> None:
    """The history lacks one that the book knows, so it may lack ours."""
    lost, other, service = two_tables(tmp_path)
    (first,) = other.db.execute("SELECT request_id FROM row WHERE id = 1").fetchone()
    setattr(service, amiss, {first})
    assert looked(lost, service, 20_000.0)[0] == Verdicts()
    setattr(service, amiss, set())
    assert looked(lost, service, 20_000.0)[0] == Verdicts(absent=[1])


def test_without_a_book_another_tables_requests_prove_nothing(tmp_path: Path) -> None:
    """Nobody knows in which order they were sent."""
    lost, _, service = two_tables(tmp_path)
    lost.book = None
    assert looked(lost, service, 20_000.0)[0] == Verdicts()


def test_records_that_cannot_be_read_settle_nothing() -> None:
    """The row stays in doubt, and the look says why."""
    ledger, service = in_doubt("lost")
    service.unreadable = True
    assert looked(ledger, service, 1000.0)[0] == Unclear("no listing")
    assert count(ledger, "in_doubt") == 1


@pytest.mark.parametrize(("seconds", "read"), [(LISTING_SECONDS - 0.1, True), (LISTING_SECONDS + 0.1, False)])
def test_records_that_take_too_long_are_not_waited_for(seconds: float, read: bool) -> None:
    """A run starts with one look: two minutes at most."""
    ledger, service = in_doubt("lost")
    verdicts, took = looked(ledger, replace(service, latency=seconds), 1000.0)
    assert isinstance(verdicts, Verdicts) is read
    assert took == pytest.approx(min(seconds, LISTING_SECONDS))


# Patience

UNREADABLE = Unclear("no listing")


def waiting(began: float = 0.0, *looks: Verdicts | Unclear) -> Patience:
    """With one row in doubt."""
    patience = Patience(START, began)
    for look in looks or (Verdicts(),):
        patience.looked(look, 1)
    return patience


@pytest.mark.parametrize(
    ("idle_since", "longest"),
    [
        (0.0, LEAST_PATIENCE),
        (LEAST_PATIENCE, LEAST_PATIENCE),
        (21.0, 21.0),
        (1000.0, 1000.0),
        (START + PROOF_MARGIN, START + PROOF_MARGIN),
        (20_000.0, START + PROOF_MARGIN),
    ],
)
@pytest.mark.parametrize("began", [0.0, 5000.0])
def test_a_run_waits_as_long_as_it_has_taken(idle_since: float, longest: float, began: float) -> None:
    """Twenty seconds at least, the time of a proof at most; counted from when there was nothing else to do."""
    patience = waiting(began)
    assert patience.lasts(began + idle_since, busy=False)
    assert patience.lasts(began + idle_since + longest - 0.5, busy=False)
    assert not patience.lasts(began + idle_since + longest, busy=False)


def test_patience_has_no_end_while_rows_are_under_way_and_begins_anew_behind_them() -> None:
    """A row that was found is followed; only then does the wait for the others count."""
    patience = waiting()
    assert patience.lasts(100.0, busy=False)
    assert patience.lasts(10_000.0, busy=True)
    assert patience.lasts(10_100.0, busy=False)
    assert patience.lasts(10_100.0 + START, busy=False)


@pytest.mark.parametrize("busy", [False, True])
def test_without_a_row_in_doubt_there_is_nothing_to_wait_for(busy: bool) -> None:
    """Neither before the first look nor after the last row was settled."""
    assert not Patience(START).lasts(0.0, busy=busy)
    patience = waiting()
    patience.looked(Verdicts(), 0)
    assert not patience.lasts(1.0, busy=busy)


@pytest.mark.parametrize("busy", [False, True])
def test_records_that_are_unreadable_for_the_third_time_are_not_waited_for(busy: bool) -> None:
    """In a row; a refused account is believed at once."""
    assert waiting(0.0, *[UNREADABLE] * (UNREADABLE_TIMES - 1)).lasts(1.0, busy=busy)
    assert not waiting(0.0, *[UNREADABLE] * UNREADABLE_TIMES).lasts(1.0, busy=busy)
    assert waiting(0.0, UNREADABLE, UNREADABLE, Verdicts(), UNREADABLE, UNREADABLE).lasts(1.0, busy=busy)
    assert not waiting(0.0, Unclear("HTTP 401", account=True)).lasts(1.0, busy=busy)


@pytest.mark.parametrize(
    ("waited", "pause"), [(0.0, 5.0), (100.0, 5.0), (120.0, 6.0), (1180.0, 59.0), (1200.0, 60.0), (4000.0, 60.0)]
)
def test_the_longer_the_wait_the_rarer_the_looks(waited: float, pause: float) -> None:
    """Five seconds at first, a minute at most."""
    patience = waiting()
    patience.lasts(500.0, busy=False)
    assert patience.pause(500.0 + waited, busy=False) == pytest.approx(pause)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.booleans()), max_size=20))
def test_a_look_is_never_sooner_than_five_seconds_nor_later_than_a_minute(steps: list[tuple[float, bool]]) -> None:
    """However rows come and go; while any is under way, a minute it is."""
    patience, now = waiting(), 0.0
    for seconds, busy in steps:
        now += seconds
        patience.lasts(now, busy=busy)
        pause = patience.pause(now, busy=busy)
        assert IDLE_SECONDS <= pause <= BUSY_SECONDS
        assert pause == BUSY_SECONDS or not busy
