"""Tells whoever runs a batch what changes about each row: in order, and never in the run's way."""

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio

from batch.commands.messages import Say
from batch.core.gateway import (
    START_TIMEOUT,
    CancelAnswer,
    CollectAnswer,
    Finished,
    Gateway,
    Gateways,
    LogLine,
    PollAnswer,
    PrepareAnswer,
    Receipt,
    RequestHistory,
    SubmitAnswer,
    Unclear,
    UnitPrice,
    Waiting,
)
from batch.core.states import State, Transition
from batch.core.updates import Completed, InProgress, Queued, RowUpdate
from batch.job import Arguments
from batch.ledger.async_ledger import AsyncLedger
from batch.ledger.ledger import Ledger
from batch.ledger.request_logs import keep_log, row_name

OnUpdate = Callable[[RowUpdate], Awaitable[object] | object]
"""Takes each update; may be a coroutine function."""
LAST_LINES = 20
"""Of a failed request, that are kept."""


@dataclass(slots=True)
class _Request:
    row: int
    told: int = 0
    """Lines of its log that were handed on."""
    shown: tuple[bool, int | None] | None = None
    """Whether it was running when it was last heard of, and its place in the queue."""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


@dataclass(frozen=True, slots=True)
class _News:
    row: int
    make: Callable[[int, str], RowUpdate]
    """Of the row's number and id, which are looked up when it is told."""


class RowUpdates:
    """Collects what is heard of rows and their requests, and hands it on.

    Args:
        on_update: takes each update; what it raises is told, and ends nothing.
        show: takes each log line as a person reads it; None: they are not shown.
    """

    def __init__(
        self, ledger: Ledger, store: AsyncLedger, say: Say, on_update: OnUpdate | None, show: Say | None
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._say = say
        self._on_update = on_update
        self._show = show
        self._requests: dict[str, _Request] = {}
        self._latest: dict[int, str] = {}
        """Row → its request that is under way."""
        self._news: deque[_News] = deque()
        self._names: dict[int, tuple[int, str]] = {}
        self._changed = anyio.Event()
        self._closed = False
        self._done = anyio.Event()
        self._troubles: set[str] = set()
        store.when_changed.append(self._on_changed)

    def overhear(self, gateways: Gateways) -> "OverheardGateways":
        """The gateways to be used from now on."""
        return OverheardGateways(gateways, self.heard)

    async def follow(self) -> None:
        """Hands on what comes, until `finish`."""
        for submitted in await self._store.submitted_rows():  # of earlier runs
            name = submitted.receipt.request_id
            self._requests.setdefault(name, _Request(submitted.row))
            self._latest.setdefault(submitted.row, name)
        while not (self._closed and not self._news):
            while self._news:
                await self._hand_on(self._news.popleft())
            if not self._closed:
                await self._changed.wait()
                self._changed = anyio.Event()
        self._done.set()

    async def finish(self) -> None:
        """Nothing new comes: returns when all has been handed on."""
        self._closed = True
        self._changed.set()
        await self._done.wait()

    def heard(self, receipt: Receipt, answer: PollAnswer) -> None:
        """How a request stands, as fal has just said."""
        request = self._requests.get(receipt.request_id)
        if request is None or not isinstance(answer, Waiting | Finished):
            return
        lines = _new(answer.logs, request)
        running = isinstance(answer, Finished) or answer.running
        now = (running, answer.position if isinstance(answer, Waiting) else None)
        name = receipt.request_id
        if running and (lines or (isinstance(answer, Waiting) and now != request.shown)):
            logs = [{"message": one.message, "level": one.level, "timestamp": one.timestamp} for one in lines]
            self._put(request.row, lambda row, id_: InProgress(row=row, id=id_, request_id=name, logs=logs))
        elif not running and now != request.shown:
            position = now[1]
            self._put(request.row, lambda row, id_: Queued(row=row, id=id_, request_id=name, position=position))
        request.shown = now
        request.last.extend(line.message for line in lines)

    def _on_changed(self, row: int, transition: Transition) -> None:
        if transition.receipt:
            name = transition.receipt.request_id
            self._requests[name], self._latest[row] = _Request(row, shown=(False, None)), name
            self._put(row, lambda number, id_: Queued(row=number, id=id_, request_id=name))
            return
        if transition.new in (State.SUBMITTING, State.SUBMITTED) or transition.old is State.SUCCEEDED:
            return
        if transition.new is State.PENDING and transition.old is not State.SUBMITTED:
            return  # it was not sent, or is wanted again: nothing has ended
        name = self._latest.pop(row, "")
        self._put(row, _ended(transition, name))
        if request := self._requests.pop(name, None):
            self._keep(name, request, transition)

    def _keep(self, name: str, request: _Request, transition: Transition) -> None:
        if request.last and transition.new is not State.SUCCEEDED:
            lines = list(request.last)
            self._news.append(_News(request.row, lambda *_: _Kept(row=0, request_id=name, lines=lines)))

    def _put(self, row: int, make: Callable[[int, str], RowUpdate]) -> None:
        self._news.append(_News(row, make))
        self._changed.set()

    async def _hand_on(self, news: _News) -> None:
        if news.row not in self._names:
            self._names[news.row] = await self._store.call(lambda: row_name(self._ledger, news.row))
        update = news.make(*self._names[news.row])
        if isinstance(update, _Kept):
            await self._store.call(lambda: keep_log(self._ledger, update.request_id, update.lines))
            return
        if self._show and isinstance(update, InProgress):
            for line in update.logs:
                self._show(f"{update.label}: {line['message']}")
        if isinstance(update, Completed):
            self._names.pop(news.row, None)
        if self._on_update:
            await self._call(self._on_update, update)

    async def _call(self, on_update: OnUpdate, update: RowUpdate) -> None:
        """A plain function in a thread, so that one that waits for something holds up nobody."""
        try:
            if inspect.iscoroutinefunction(on_update):
                await on_update(update)
                return
            said = await anyio.to_thread.run_sync(lambda: on_update(update))
            if inspect.isawaitable(said):
                await said
        except Exception as error:  # noqa: BLE001 - the user's own code: told, and the night goes on
            trouble = f"on_update failed ({type(error).__name__}: {error}); the run goes on"
            if trouble not in self._troubles:
                self._troubles.add(trouble)
                self._say(trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept(RowUpdate):
    """Lines to be written down; told to nobody."""

    lines: Sequence[str] = ()


def _new(logs: Sequence[LogLine], request: _Request) -> Sequence[LogLine]:
    """Lines that were not handed on yet; fewer than before are those of another runner."""
    begin = request.told if len(logs) >= request.told else 0
    request.told = len(logs) or request.told
    return logs[begin:]


def _ended(transition: Transition, name: str) -> Callable[[int, str], RowUpdate]:
    changes = transition.changes
    return lambda row, id_: Completed(
        row=row,
        id=id_,
        request_id=name,
        state=str(transition.new),
        video_url=changes.get("video_url"),
        error=changes.get("message"),
        error_type=changes.get("kind"),
    )


class OverheardGateways:
    """Gateways of which each is overheard."""

    def __init__(self, gateways: Gateways, heard: Callable[[Receipt, PollAnswer], None]) -> None:
        self._gateways = gateways
        self._heard = heard

    def at(self, endpoint: str) -> "OverheardGateway":
        return OverheardGateway(self._gateways.at(endpoint), self._heard)


class OverheardGateway:
    """A gateway whose answers about requests are overheard; it changes none."""

    def __init__(self, gateway: Gateway, heard: Callable[[Receipt, PollAnswer], None]) -> None:
        self._gateway = gateway
        self._heard = heard

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        return await self._gateway.prepare(arguments)

    async def submit(self, arguments: Arguments, start_timeout: float = START_TIMEOUT) -> SubmitAnswer:
        return await self._gateway.submit(arguments, start_timeout)

    async def poll(self, receipt: Receipt) -> PollAnswer:
        answer = await self._gateway.poll(receipt)
        self._heard(receipt, answer)
        return answer

    async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer:
        return await self._gateway.collect(receipt, finished)

    async def cancel(self, receipt: Receipt) -> CancelAnswer:
        return await self._gateway.cancel(receipt)

    async def request_history(self, since: float) -> RequestHistory | Unclear:
        return await self._gateway.request_history(since)

    async def unit_price(self) -> UnitPrice | Unclear:
        return await self._gateway.unit_price()

    def built_receipt(self, request_id: str) -> Receipt:
        return self._gateway.built_receipt(request_id)
