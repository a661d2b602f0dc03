"""A night on a mock clock: the real dispatcher, the real ledger, and the sandbox's queue asked without a network."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import anyio
import trio._core._run as scheduler
import trio.testing
from anyio import current_time

from batch.core import states
from batch.core.gateway import (
    Accepted,
    AccountRefused,
    CancelAnswer,
    CancelRequested,
    CollectAnswer,
    Finished,
    InDoubt,
    ListedRequest,
    NotSent,
    PollAnswer,
    PrepareAnswer,
    Prepared,
    Receipt,
    RequestFailed,
    RequestHistory,
    SubmitAnswer,
    Throttled,
    TooLate,
    Unclear,
    UnitPrice,
    Video,
    Waiting,
)
from batch.core.row import PlannedRow
from batch.core.run_options import RunOptions
from batch.dispatch.dispatcher import Dispatcher, Settings
from batch.job import Arguments
from batch.ledger.async_ledger import async_ledger, in_line
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.manifest.fingerprint import fingerprint
from batch.sandbox import History, Query, Queue
from batch.sandbox.queue import RunSeconds
from jobs.kling import KLING_2_1_PRO as JOB

EPOCH = 1_800_000_000.0
LATENCY = 0.05


class Crash(BaseException):
    """The process dies here: nothing after it runs, and nothing of it is written down."""


def play(night: Callable[[], Awaitable[Any]]) -> Any:
    """Runs on trio's mock clock: it jumps to the next deadline whenever everybody waits. The same way every time.

    Tasks that may go on at the same moment go in an order that trio shuffles; seeded, as pytest-trio does it for
    hypothesis, the shuffle is repeatable.
    """
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
    scheduler._r.seed(0)
    clock = trio.testing.MockClock(autojump_threshold=0)
    return anyio.run(night, backend="trio", backend_options={"clock": clock})


def service_queue(slots: int, run_seconds: RunSeconds, **how: Any) -> Queue:
    """The sandbox's queue, with no clock but the one that every call brings."""
    return Queue(slots, run_seconds, clock=lambda: 0.0, history=how.pop("history", History(page=10**6)), **how)


def shots(count: int, prompt: str = "shot") -> list[PlannedRow]:
    """Rows as planned from a manifest with an id column."""
    return [shot(place, f"{prompt} {place}") for place in range(count)]


def shot(place: int, prompt: str, duration: str = "5") -> PlannedRow:
    arguments = {"prompt": prompt, "image_url": "https://example.com/a.png", "duration": duration}
    return PlannedRow(place, place + 2, f"s{place}", {}, arguments, fingerprint(JOB, arguments), JOB.prices[duration])


def ledger_of(rows: Iterable[PlannedRow]) -> Ledger:
    ledger = Ledger.in_memory()
    match(ledger, rows)
    enrol(ledger, EPOCH, new=True)
    return ledger


def recover(ledger: Ledger, now: float) -> None:
    """What a run does first: rows found in mid-POST are in doubt."""
    with ledger.transaction():
        for row in ledger.interrupted():
            ledger.apply(row, states.reply_lost(now, "the run ended"))


@dataclass
class Service:
    """The sandbox's queue as a gateway, with faults made from outside. Times are seconds of the mock clock."""

    queue: Queue
    offline: Callable[[float], bool] = lambda _: False
    locked: Callable[[float], bool] = lambda _: False
    on_submit: Callable[[int], str | None] = lambda _: None
    """What happens to the n-th POST: `lost` (accepted, no reply), `crash`, `crash_before`, `busy`, or nothing."""
    before_poll: Callable[[int], None] = lambda _: None
    latency: float = LATENCY
    unreadable: bool = False
    uploads: bool = False
    no_result: Callable[[float], bool] = lambda _: False
    """Whether results are answered by a bare 503."""
    warm_up: float = 0.0
    """So long a request is shown as waiting though it has its slot."""
    positions: bool = True
    """Positions in the queue are said."""
    tells: bool = False
    """How long each request ran is said with its end."""
    asked: Counter[str] = field(default_factory=Counter)
    most_unfinished: int = 0
    found_at: dict[str, float] = field(default_factory=dict)

    endpoint: str = JOB.endpoint
    others: "dict[str, Service]" = field(default_factory=dict)

    def at(self, endpoint: str) -> "Service":
        """The same service, asked about another endpoint; whatever is counted is counted together."""
        if endpoint in ("", self.endpoint):
            return self
        return self.others.setdefault(endpoint, replace(self, endpoint=endpoint))

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        self.asked["prepare"] += 1
        if self.uploads and self.offline(current_time()):
            return NotSent("no network for the upload")
        return Prepared(arguments)

    async def submit(self, arguments: Arguments, start_timeout: float = 3600.0) -> SubmitAnswer:
        self.asked["submit"] += 1
        fault = self.on_submit(self.asked["submit"])
        await anyio.sleep(self.latency)
        if fault == "crash_before":
            raise Crash
        if self.offline(current_time()):
            return NotSent("no network")
        if self.locked(current_time()):
            return AccountRefused("locked", "User is locked. Reason: Exhausted balance.")
        if fault == "busy":
            return Throttled(None)
        request = self.queue.submit(self.endpoint, arguments, start_timeout, now=current_time())
        self._count()
        if fault == "crash":
            raise Crash
        if fault == "lost":
            return InDoubt("the reply was lost")
        position = self.queue.status(request.id, now=current_time()).position
        return Accepted(self.built_receipt(request.id), position if self.positions else None)

    async def poll(self, receipt: Receipt) -> PollAnswer:
        self.asked["poll"] += 1
        self.before_poll(self.asked["poll"])
        await anyio.sleep(self.latency)
        if self.offline(current_time()):
            return Unclear("no network")
        snapshot = self.queue.status(receipt.request_id, now=current_time())
        if snapshot.state == "COMPLETED":
            request = snapshot.request
            ran = request.ended_at - request.started_at if self.tells and request.started_at is not None else None
            return Finished(ran)
        warming = current_time() - (snapshot.request.started_at or 0.0) < self.warm_up
        if snapshot.state == "IN_PROGRESS" and warming:
            return Waiting(running=False, position=0)
        position = snapshot.position if self.positions else None
        return Waiting(running=snapshot.state == "IN_PROGRESS", position=position)

    async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer:
        self.asked["collect"] += 1
        await anyio.sleep(self.latency)
        if self.offline(current_time()):
            return Unclear("no network")
        reply = self.queue.result(receipt.request_id, now=current_time())
        if self.no_result(current_time()):
            return Unclear("HTTP 503: upstream unavailable", answered=True)
        self.found_at[receipt.request_id] = current_time()
        if reply.code == 200:
            return Video('{"video":{}}', f"https://v3.fal.media/{receipt.request_id}.mp4")
        named = reply.headers.get("X-Fal-Error-Type", f"http_{reply.code}")
        return RequestFailed(named, "it broke", reply.code)

    async def cancel(self, receipt: Receipt) -> CancelAnswer:
        reply = self.queue.cancel(receipt.request_id, now=current_time())
        return CancelRequested() if reply.code == 202 else TooLate()

    async def request_history(self, since: float) -> RequestHistory | Unclear:
        self.asked["listing"] += 1
        await anyio.sleep(self.latency)
        if self.offline(current_time()) or self.unreadable:
            return Unclear("no listing")
        query = Query(self.endpoint, since - EPOCH, payloads=True, limit=10**6)
        items = self.queue.history_page(query, now=current_time())["items"]
        listed = [
            ListedRequest(
                item["request_id"],
                datetime.fromisoformat(item["sent_at"]).timestamp() + EPOCH,
                bool(item["ended_at"]),
                item["json_input"],
            )
            for item in items
        ]
        defaults = {name: JOB.default(name) for name in JOB.schema["properties"]}
        return RequestHistory(listed, EPOCH + current_time(), defaults, JOB.endpoint)

    async def unit_price(self) -> UnitPrice | Unclear:
        """Not to be had: the job's own price counts."""
        return Unclear("no prices here")

    def built_receipt(self, request_id: str) -> Receipt:
        return Receipt(request_id, f"https://q/{request_id}/s", f"https://q/{request_id}", "https://q/c", self.endpoint)

    def _count(self) -> None:
        unfinished = self.queue.running + self.queue.waiting
        self.most_unfinished = max(self.most_unfinished, unfinished)

    @property
    def requests(self) -> int:
        """HTTP requests that all this would have been; without local images nothing is uploaded."""
        return sum(count for kind, count in self.asked.items() if kind != "prepare")

    @property
    def lags(self) -> list[float]:
        """Seconds between the end of each request and its result."""
        ends = {request.id: request.ended_at for request in self.queue.requests}
        return sorted(found - ends[name] for name, found in self.found_at.items())


async def night(
    ledger: Ledger, service: Service, *, concurrency: int | None = 10, seed: int = 0, **told: Any
) -> Dispatcher:
    """One run to its end, with these options and settings."""
    options = {name: told.pop(name) for name in list(told) if name in RunOptions.__dataclass_fields__}
    recover(ledger, EPOCH + current_time())
    async with async_ledger(ledger, in_line) as store:
        dispatcher = Dispatcher(
            store,
            service,
            Settings(
                options=RunOptions(concurrency=concurrency, **options),
                now=lambda: EPOCH + current_time(),
                rand=random.Random(seed).random,
                typical_seconds=told.pop("typical_seconds", JOB.typical_seconds),
                rows=int(ledger.db.execute("SELECT COALESCE(MAX(id), 0) FROM row").fetchone()[0]),
                group_of=lambda row: str(row.arguments.get("duration", "")),
                **told,
            ),
        )
        await dispatcher.run()
    return dispatcher


def simulate(ledger: Ledger, service: Service, start: float = 0.0, **how: Any) -> tuple[Dispatcher, float]:
    """One run from a time of the mock clock to its end; the dispatcher, and when that was."""

    async def one() -> tuple[Dispatcher, float]:
        await anyio.sleep(start)
        dispatcher = await night(ledger, service, **how)
        return dispatcher, current_time()

    found: tuple[Dispatcher, float] = play(one)
    return found


def count(ledger: Ledger, state: str) -> int:
    return int(ledger.db.execute("SELECT COUNT(*) FROM row WHERE state = ?", (state,)).fetchone()[0])


def assert_nothing_bought_twice(ledger: Ledger, queue: Queue) -> None:
    """Accepted by the service ≤ attempts in the ledger, and no two requests for one row but after a failure."""
    accepted = Counter(request.input["prompt"] for request in queue.requests)
    for arguments, attempts in ledger.db.execute("SELECT json_extract(arguments, '$.prompt'), attempts FROM row"):
        assert accepted[arguments] <= attempts, f"{arguments}: accepted {accepted[arguments]}, attempts {attempts}"
