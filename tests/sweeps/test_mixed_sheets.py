"""One sheet of three models under kills and lost replies: nothing paid twice, every video beside its own row."""

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from anyio import current_time

from batch.core.gateway import Unclear
from batch.core.row import PlannedRow
from batch.ledger.async_ledger import async_ledger, in_line
from batch.ledger.ledger import Ledger
from batch.ledger.summary import summarize
from batch.reconcile.evidence import Verdicts
from batch.reconcile.reconciler import Reconciler
from batch.sandbox import Queue
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.simulated import EPOCH, Crash, Service, ledger_of, play, recover, service_queue, simulate

ENDPOINTS = (JOB.endpoint, "fal-ai/second", "fal-ai/third")
HOURS = 6 * 3600.0
"""From one run to the next: long enough for the records to prove what never arrived."""


def sheet(rows: int, endpoints: Sequence[str] = ENDPOINTS) -> list[PlannedRow]:
    """Every shot at every model in turn, with the very same inputs: only the endpoint tells them apart."""
    found = []
    for place in range(rows * len(endpoints)):
        shot, at = divmod(place, len(endpoints))
        arguments = {"prompt": f"shot {shot}", "image_url": "https://example.com/a.png", "duration": "5"}
        digest = f"{at} {shot}".encode().ljust(16)
        found.append(PlannedRow(place, place + 2, f"s{place}", {}, arguments, digest, 490_000, endpoint=endpoints[at]))
    return found


def service_of(on_submit: Callable[[int], str | None] = lambda _: None, **how: bool) -> Service:
    return Service(service_queue(6, 40.0, endpoints=set(ENDPOINTS)), on_submit=on_submit, **how)


def killed(ledger: Ledger, service: Service, start: float, **how: int) -> bool:
    """One run; whether it was killed."""
    try:
        simulate(ledger, service, start, **how)
    except BaseExceptionGroup as group:
        if group.split(Crash)[1] is not None:
            raise
        return True
    return False


def assert_every_video_is_its_rows_own(ledger: Ledger, queue: Queue) -> None:
    """By the service's own word of what each request was asked for, and where."""
    bought = Counter((request.endpoint, request.input["prompt"]) for request in queue.requests)
    rows = ledger.db.execute(
        "SELECT name, json_extract(arguments, '$.prompt'), state, request_id, attempts FROM row "
        "JOIN endpoint ON endpoint.id = endpoint_id"
    ).fetchall()
    requests = {request.id: request for request in queue.requests}
    for endpoint, prompt, state, request_id, attempts in rows:
        assert bought[endpoint, prompt] <= 1, f"{prompt} at {endpoint} was paid for {bought[endpoint, prompt]} times"
        assert bought[endpoint, prompt] <= attempts
        if state == "succeeded":
            assert (requests[request_id].endpoint, requests[request_id].input["prompt"]) == (endpoint, prompt)
    assert sum(bought.values()) == len(requests)


@pytest.mark.parametrize("seed", range(12))
def test_a_mixed_sheet_under_kills_pays_for_nothing_twice(seed: int) -> None:
    """Kills before and after a POST arrived, lost replies, refusals for a while: in any order, at any model."""
    chance = random.Random(seed)
    faults = ["crash", "crash_before", "lost", "busy", None, None, None, None, None, None]
    calm = False
    service = service_of(lambda _: None if calm else chance.choice(faults))
    ledger, kills = ledger_of(sheet(8)), 0
    for run in range(12):
        calm = run > 8
        kills += killed(ledger, service, run * HOURS, seed=seed, stop_after=0)
        assert_every_video_is_its_rows_own(ledger, service.queue)
    assert kills > 1
    states = Counter(state for (state,) in ledger.db.execute("SELECT state FROM row"))
    assert states["succeeded"] >= 20
    assert states.total() == states["succeeded"] + states["in_doubt"]  # the last of a model have no later witnesses
    assert summarize(ledger).in_doubt == states["in_doubt"]


def looked(ledger: Ledger, service: Service, at: float) -> Verdicts | Unclear:
    """One look at fal's records."""

    async def one() -> Verdicts | Unclear:
        import anyio

        await anyio.sleep(at)
        async with async_ledger(ledger, in_line) as store:
            return await Reconciler(store, service, lambda: EPOCH + current_time(), 3600.0).round()

    found: Verdicts | Unclear = play(one)
    return found


def test_that_a_request_was_never_accepted_is_proven_by_its_own_models_history_only() -> None:
    """However many requests of other models were sent later and are listed: they are in other records."""
    ledger = ledger_of(sheet(1))
    first = service_of(lambda nth: "crash_before" if nth == 1 else None, unreadable=True)
    assert killed(ledger, first, 0.0, concurrency=1)
    service = Service(first.queue, unreadable=True)
    recover(ledger, EPOCH)
    later = [row for row in sheet(6) if row.endpoint != JOB.endpoint]
    _enrol(ledger, sheet(1) + later[2:])
    killed(ledger, service, 600.0)
    service.unreadable = False
    service.others.clear()
    assert looked(ledger, service, 30_000.0) == Verdicts()
    _enrol(ledger, sheet(1) + later[2:] + [row for row in sheet(4) if row.endpoint == JOB.endpoint][1:])
    service.unreadable = True
    service.others.clear()
    killed(ledger, service, 31_000.0)
    service.unreadable = False
    service.others.clear()
    verdicts = looked(ledger, service, 60_000.0)
    assert isinstance(verdicts, Verdicts)
    assert verdicts.absent == [1]


def _enrol(ledger: Ledger, plans: list[PlannedRow]) -> None:
    from dataclasses import replace

    from batch.ledger.enrolment import enrol
    from batch.ledger.matching import match

    match(ledger, [replace(plan, place=place, number=place + 2) for place, plan in enumerate(plans)])
    enrol(ledger, EPOCH, new=True)


def test_a_row_takes_no_equal_request_of_another_model() -> None:
    """Of two rows with the same inputs one POST arrived and one did not: the one listed is its own row's."""
    ledger = ledger_of(sheet(1, ENDPOINTS[:2]))
    service = service_of(lambda nth: "lost", unreadable=True)
    killed(ledger, service, 0.0, concurrency=1)
    gone = service.queue.requests[0]
    assert gone.endpoint == ENDPOINTS[0]
    assert len(service.queue.requests) == 2
    service.unreadable = False
    service.others.clear()
    verdicts = looked(ledger, _without(service, ENDPOINTS[0]), 300.0)
    assert isinstance(verdicts, Verdicts)
    assert verdicts.found == {2: service.queue.requests[1].id}


def _without(service: Service, endpoint: str) -> Service:
    """The records of one endpoint cannot be read: those of the other say nothing of its rows."""
    service.others.clear()
    other = service.at(ENDPOINTS[1])
    service.unreadable = True
    other.unreadable = False
    return service


def test_records_of_one_model_that_cannot_be_read_hold_up_no_other() -> None:
    """What they would say of its rows is told to be unknown."""
    ledger = ledger_of(sheet(1, ENDPOINTS[:2]))
    service = service_of(lambda nth: "lost", unreadable=True)
    killed(ledger, service, 0.0, concurrency=1)
    assert isinstance(looked(ledger, service, 200.0), Unclear)
    verdicts = looked(ledger, _without(service, ENDPOINTS[0]), 300.0)
    assert isinstance(verdicts, Verdicts)
    assert verdicts.unread == ("no listing",)
