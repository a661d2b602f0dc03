"""Computes the queue of fal.ai from its calls and the time alone: no sockets, chance or own clock.

    IN_QUEUE ──a slot is free──▶ IN_PROGRESS ──run time over──▶ COMPLETED ──▶ result: the video, or an error
       │  ▲                          │
       │  └────a runner died─────────┘
       └──cancelled, or no runner by its start deadline──▶ COMPLETED (499, 504)

Facts: fal docs, "Queue API": states, cancel, start deadline, the account's limit counts IN_PROGRESS only.
A request may wait though slots are free: in a line of other people's requests before it has a slot, or in its slot
until a runner has started (fal docs: limits of endpoints in demand; other people's reports of long lines).
"""

import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from heapq import heappop, heappush

from batch.sandbox.history import History, Query, history_page
from batch.sandbox.models import DOLLARS_PER_SECOND, refusals
from batch.sandbox.outcomes import CANCELLED, JSON, START_DEADLINE_PASSED, SUCCESS, Outcome, directed, invalid
from batch.sandbox.queue_positions import QueuePositions
from batch.sandbox.recording import Recording
from batch.sandbox.request import Reply, Request, Snapshot, State, UnknownEndpoint, UnknownRequest, request_ids

__all__ = [
    "Plan",
    "Queue",
    "Reply",
    "Request",
    "RunSeconds",
    "Snapshot",
    "State",
    "UnknownEndpoint",
    "UnknownRequest",
    "request_ids",
]

RunSeconds = float | Callable[[Mapping[str, object]], float]
Plan = Callable[[Mapping[str, object], int], Outcome | None]
Refuse = Callable[[str, Mapping[str, object]], list[JSON]]
"""Endpoint and input → every fault of the input, as its runner tells them."""


def default_output(request_id: str) -> JSON:
    """The result of a run that made a video."""
    name = f"{request_id}.mp4"
    url = f"https://v3.fal.media/files/videos/{name}"
    return {"video": {"url": url, "content_type": "video/mp4", "file_name": name, "file_size": 0}}


class Queue:
    """One account's queue.

    `run_seconds` is a number or a function of the input; `plan(input, nth)` may choose the outcome of the nth
    submission of that input (else a directive in the prompt does, else it succeeds). Every call may carry `now`;
    without it, `clock` is asked. With a recording, a new Queue goes on where the old one was. A request waits for
    `queue_seconds` though slots are free, and has its slot meanwhile if `wait_takes_slot`.
    """

    def __init__(
        self,
        slots: int = 2,
        run_seconds: RunSeconds = 300.0,
        *,
        clock: Callable[[], float] = time.time,
        ids: Iterator[str] | None = None,
        plan: Plan | None = None,
        history: History | None = None,
        endpoints: Collection[str] = frozenset(DOLLARS_PER_SECOND),
        cancel_stops_runs: bool = False,
        holds_runs: bool = False,
        queue_seconds: RunSeconds = 0.0,
        wait_takes_slot: bool = False,
        recording: Recording | None = None,
        refuse: Refuse | None = None,
    ) -> None:
        self.run_seconds = run_seconds
        self.plan = plan
        self.history = history or History()
        self.endpoints = endpoints
        self.cancel_stops_runs = cancel_stops_runs
        self.holds_runs = holds_runs
        self.queue_seconds = queue_seconds
        self.wait_takes_slot = wait_takes_slot
        self.output: Callable[[str], JSON] = default_output
        self.slots = 0
        self.running = 0
        self._clock = clock
        self._ids = ids or request_ids(0)
        self._recording = recording
        self._refuse = refuse or (lambda _, given: refusals(given))
        self._now = -math.inf
        self._requests: dict[str, Request] = {}
        self._in_order: list[Request] = []
        self._positions = QueuePositions()
        self._ready = QueuePositions()
        self._starting = 0
        self._waits: list[tuple[float, int]] = []
        self._ends: list[tuple[float, int]] = []
        self._deadlines: list[tuple[float, int]] = []
        self._times_accepted: Counter[bytes] = Counter()
        for record in recording.read() if recording else ():
            self._replay(record)
        if slots != self.slots:
            self.set_slots(slots)

    # -- what a client asks

    def submit(
        self,
        endpoint: str,
        given: Mapping[str, object],
        start_timeout: float | None = None,
        *,
        now: float | None = None,
    ) -> Request:
        """Accepts a request, whatever its input is worth: that is the runner's business. UnknownEndpoint otherwise."""
        if endpoint not in self.endpoints:
            raise UnknownEndpoint(endpoint)
        at = self._advance(now)
        outcome = self._outcome(endpoint, given, self.times_accepted(given) + 1)
        seconds, waits = _seconds(self.run_seconds, given), _seconds(self.queue_seconds, given)
        record: JSON = {
            "do": "submit",
            "at": at,
            "id": self._next_id(),
            "endpoint": endpoint,
            "input": dict(given),
            "start_timeout": start_timeout,
            "run_seconds": seconds if outcome.seconds is None else outcome.seconds,
            "outcome": outcome.as_json(),
            "held": self.holds_runs and outcome.makes_video,
            "queue_seconds": waits,
            "wait_takes_slot": self.wait_takes_slot,
        }
        self._write(record)
        return self._accept(record)

    def status(self, request_id: str, *, now: float | None = None) -> Snapshot:
        """UnknownRequest when there is none of that id."""
        at = self._advance(now)
        request = self.request(request_id)
        waits = request.state is State.IN_QUEUE
        return Snapshot(request, request.state, self._position(request, at) if waits else None)

    def result(self, request_id: str, *, now: float | None = None) -> Reply:
        """The model's own status and body, or 400 while there is none."""
        self._advance(now)
        request = self.request(request_id)
        if request.ended_at is None:
            return Reply(400, {"detail": "Request is still in progress"}, {})
        return Reply(request.code, self._body(request), request.outcome.headers)

    def cancel(self, request_id: str, *, now: float | None = None) -> Reply:
        """Queued: taken out. Running: asked to stop, which by default it does not. Completed: too late."""
        at = self._advance(now)
        request = self._requests.get(request_id)
        if request is None:
            return Reply(404, {"status": "NOT_FOUND"}, {})
        if request.state is State.COMPLETED:
            return Reply(400, {"status": "ALREADY_COMPLETED"}, {})
        self._write({"do": "cancel", "at": at, "id": request_id, "stops": self.cancel_stops_runs})
        self._cancel(request, at, stops=self.cancel_stops_runs)
        return Reply(202, {"status": "CANCELLATION_REQUESTED"}, {})

    def history_page(self, query: Query, *, now: float | None = None) -> JSON:
        """A page of the requests sent, in the documented form, as late and as incomplete as `history` says."""
        at = self._advance(now)
        return history_page(self._in_order, query, self.history, at, lambda name: self._body(self._requests[name]))

    # -- what the owner of the sandbox decides

    def set_slots(self, slots: int, *, now: float | None = None) -> None:
        """How many may run at once from now on; runs under way go on."""
        at = self._advance(now)
        self._write({"do": "slots", "at": at, "slots": slots})
        self._set_slots(slots, at)

    def release(self, request_id: str, outcome: Outcome | None = None, *, now: float | None = None) -> None:
        """Lets a held run end (at its time, or now when that has passed), with another outcome if one is given."""
        at = self._advance(now)
        request = self.request(request_id)
        if request.held and request.ended_at is None:
            self._write({"do": "release", "at": at, "id": request_id, "outcome": outcome and outcome.as_json()})
            self._release(request, at, outcome)

    def release_all(self) -> None:
        """Lets every held run end: for a sandbox that was started again without a renderer."""
        for request in [each for each in self._in_order if each.held]:
            self.release(request.id)

    def request(self, request_id: str) -> Request:
        """The request as last computed; UnknownRequest when there is none."""
        try:
            return self._requests[request_id]
        except KeyError:
            raise UnknownRequest(request_id) from None

    @property
    def accepted(self) -> int:
        """How many submissions were accepted, ever."""
        return len(self._in_order)

    @property
    def requests(self) -> list[Request]:
        """All requests in the order they were accepted."""
        return list(self._in_order)

    @property
    def waiting(self) -> int:
        return len(self._positions) + self._starting

    def times_accepted(self, given: Mapping[str, object]) -> int:
        """How many submissions of this very input were accepted: 2 means somebody pays twice."""
        return self._times_accepted[_digest(given)]

    # -- the calls as they are recorded

    def _replay(self, record: JSON) -> None:
        at = float(str(record["at"]))
        self._advance(at)
        if record["do"] == "submit":
            self._accept(record)
        elif record["do"] == "slots":
            self._set_slots(int(str(record["slots"])), at)
        elif record["do"] == "cancel":
            self._cancel(self.request(str(record["id"])), at, stops=bool(record["stops"]))
        else:
            told = record["outcome"]
            self._release(self.request(str(record["id"])), at, Outcome(**told) if isinstance(told, dict) else None)

    def _accept(self, record: JSON) -> Request:
        told, given, deadline = record["outcome"], record["input"], record["start_timeout"]
        assert isinstance(told, dict)  # noqa: S101  (our own record)
        assert isinstance(given, dict)  # noqa: S101  (our own record)
        request = Request(
            id=str(record["id"]),
            number=len(self._in_order),
            endpoint=str(record["endpoint"]),
            input=given,
            sent_at=self._now,
            run_seconds=float(str(record["run_seconds"])),
            outcome=Outcome(**told),
            restarts=int(told["restarts"]),
            held=bool(record["held"]),
            queue_seconds=float(str(record.get("queue_seconds", 0.0))),
            wait_takes_slot=bool(record.get("wait_takes_slot")),
        )
        self._requests[request.id] = request
        self._in_order.append(request)
        self._times_accepted[_digest(given)] += 1
        self._positions.add(request.number)
        if deadline is not None:
            heappush(self._deadlines, (self._now + float(str(deadline)), request.number))
        if request.line_ends_at > self._now:
            heappush(self._waits, (request.line_ends_at, request.number))
        else:
            self._ready.add(request.number)
            self._fill(self._now)
        return request

    def _position(self, request: Request, at: float) -> int:
        """How many requests are before it; of the line, one is taken a second."""
        if request.starting:
            return 0
        return self._positions.position(request.number) + math.ceil(max(0.0, request.line_ends_at - at))

    def _cancel(self, request: Request, at: float, *, stops: bool) -> None:
        if request.state is State.IN_QUEUE:
            self._take_out(request, at, CANCELLED)
        elif stops:
            request.outcome = CANCELLED
            self._finish(request, at)

    def _set_slots(self, slots: int, at: float) -> None:
        self.slots = slots
        self._fill(at)

    def _release(self, request: Request, at: float, outcome: Outcome | None) -> None:
        request.held = False
        request.outcome = outcome or request.outcome
        if request.overdue:
            self._finish(request, at)

    # -- time

    def _advance(self, now: float | None) -> float:
        """Lets everything happen that is due by `now`, in its order; time never runs backwards."""
        self._now = max(self._now, self._clock() if now is None else now)
        while True:
            end, waited, deadline = (
                due[0][0] if due else math.inf for due in (self._ends, self._waits, self._deadlines)
            )
            if min(end, waited, deadline) > self._now:
                return self._now
            if end <= min(waited, deadline):  # a slot that comes free at the very deadline still serves
                self._end(self._in_order[heappop(self._ends)[1]], end)
            elif waited <= deadline:
                self._waited(self._in_order[heappop(self._waits)[1]], waited)
            else:
                self._expire(self._in_order[heappop(self._deadlines)[1]], deadline)

    def _fill(self, at: float) -> None:
        while self.running + self._starting < self.slots and len(self._ready):
            request = self._in_order[self._ready.take()]
            self._positions.remove(request.number)
            if request.wait_takes_slot and request.queue_seconds > 0:
                request.starting = True
                self._starting += 1
                heappush(self._waits, (at + request.queue_seconds, request.number))
            else:
                self._start(request, at)

    def _waited(self, request: Request, at: float) -> None:
        """It is through the line, or its runner has started."""
        if request.state is not State.IN_QUEUE:
            return  # taken out meanwhile
        if request.starting:
            request.starting = False
            self._starting -= 1
            self._start(request, at)
        else:
            self._ready.add(request.number)
            self._fill(at)

    def _start(self, request: Request, at: float) -> None:
        request.started_at = at
        self.running += 1
        heappush(self._ends, (at + request.run_seconds, request.number))

    def _end(self, request: Request, at: float) -> None:
        if request.state is not State.IN_PROGRESS:
            return  # stopped by a cancel
        if request.restarts:
            request.restarts -= 1
            request.started_at = None
            self.running -= 1
            self._positions.add(request.number)
            self._ready.add(request.number)
            self._fill(at)
        elif request.held:
            request.overdue = True
        else:
            self._finish(request, at)

    def _finish(self, request: Request, at: float) -> None:
        request.ended_at = at
        self.running -= 1
        self._fill(at)

    def _expire(self, request: Request, at: float) -> None:
        if request.state is State.IN_QUEUE:
            self._take_out(request, at, START_DEADLINE_PASSED)

    def _take_out(self, request: Request, at: float, outcome: Outcome) -> None:
        """Of the queue, before it has begun."""
        request.outcome, request.ended_at = outcome, at
        if request.starting:
            self._starting -= 1
            self._fill(at)
        else:
            self._positions.remove(request.number)
            self._ready.discard(request.number)

    # -- small things

    def _outcome(self, endpoint: str, given: Mapping[str, object], nth: int) -> Outcome:
        planned = self.plan(given, nth) if self.plan else None
        details = self._refuse(endpoint, given)
        return planned or (invalid(details) if details else directed(given, nth) or SUCCESS)

    def _body(self, request: Request) -> JSON:
        return self.output(request.id) if request.outcome.body is None else request.outcome.body

    def _next_id(self) -> str:
        return next(name for name in self._ids if name not in self._requests)

    def _write(self, record: JSON) -> None:
        if self._recording:
            self._recording.write(record)


def _seconds(told: RunSeconds, given: Mapping[str, object]) -> float:
    return told(given) if callable(told) else told


def _digest(given: Mapping[str, object]) -> bytes:
    return hashlib.blake2b(json.dumps(given, sort_keys=True).encode(), digest_size=16).digest()
