"""One row's way to fal: intent, POST and receipt, each on disk before the next."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from anyio import current_time

from batch.core.gateway import START_TIMEOUT, Accepted, InDoubt, Receipt, SubmitAnswer
from batch.core.money import Cap
from batch.core.row import PendingRow
from batch.core.states import State, Transition
from batch.core.store import RequestTaken
from batch.dispatch.settings import Settings
from batch.dispatch.stopping import Stop
from batch.dispatch.submission import NoRoom, Posted, Submission
from batch.pacing.poller import Poller

RECEIPT = Receipt("r1", "https://q/s", "https://q/r", "https://q/c")
ROW = PendingRow(1, 0, 2, {"prompt": "a kite"}, 490_000, 0)


class Fal:
    """A ledger and a service in one, which keep what was asked of them, in its order."""

    def __init__(self, answer: SubmitAnswer | None = None, *, room: bool = True, taken: bool = False) -> None:
        self.log: list[str] = []
        self._answer = answer or Accepted(RECEIPT)
        self._room = room
        self._taken = taken
        self.answered = anyio.Event()
        self.answered.set()
        self.start_timeout = 0.0

    def at(self, endpoint: str) -> "Fal":
        return self

    async def claim(self, row: int, transition: Transition, budget: object) -> Cap | None:
        self.log.append("intent")
        return None if self._room else Cap.TOTAL

    async def submit(self, arguments: object, start_timeout: float) -> SubmitAnswer:
        self.log.append("POST")
        self.start_timeout = start_timeout
        await self.answered.wait()
        return self._answer

    async def apply(self, row: int, transition: Transition) -> None:
        if transition.receipt and self._taken:
            raise RequestTaken("it is another's")
        self.log.append(transition.new)


def submission(fal: Any, stops: list[Stop], **settings: Any) -> Submission:
    told = Settings(now=lambda: 1.0, rand=lambda: 0.5, typical_seconds=60.0, group_of=str, **settings)
    poller = Poller(fal, told.typical_seconds, told.rand, START_TIMEOUT)
    return Submission(fal, fal, told, poller, stop=stops.append, claimed=lambda: fal.log.append("counted"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


pytestmark = pytest.mark.anyio


async def test_intent_post_and_receipt_come_in_this_order() -> None:
    fal = Fal()
    before = current_time()
    posted = await submission(fal, []).post(ROW, ROW.arguments)
    assert fal.log == ["intent", "counted", "POST", State.SUBMITTED]
    assert isinstance(posted, Posted)
    assert posted.outcome.receipt == RECEIPT
    assert before <= posted.sent <= current_time()
    assert posted.start_timeout == fal.start_timeout == START_TIMEOUT


async def test_without_room_nothing_is_sent() -> None:
    fal = Fal(room=False)
    assert await submission(fal, []).post(ROW, ROW.arguments) == NoRoom(Cap.TOTAL)
    assert fal.log == ["intent"]


@pytest.mark.parametrize(("answer", "taken"), [(InDoubt("lost"), False), (None, True)])
async def test_whatever_is_lost_there_is_one_post(answer: SubmitAnswer | None, taken: bool) -> None:
    """A reply that is lost, and one with an id that is another request's: in doubt, and not asked again."""
    fal = Fal(answer, taken=taken)
    posted = await submission(fal, []).post(ROW, ROW.arguments)
    assert isinstance(posted, Posted)
    assert posted.outcome.transition.new is State.IN_DOUBT
    assert fal.log == ["intent", "counted", "POST", State.IN_DOUBT]


@pytest.mark.parametrize(("left", "stopped"), [(59.0, ["time"]), (3600.0, [])])
async def test_what_could_not_be_home_in_time_is_not_sent(left: float, stopped: list[str]) -> None:
    fal, stops = Fal(), list[Stop]()
    await submission(fal, stops, deadline=current_time() + left).post(ROW, ROW.arguments)
    assert [stop.code for stop in stops] == stopped
    assert ("POST" in fal.log) == (not stopped)


@pytest.mark.parametrize("wanted", [False, Stop("edited", "the table is gone")])
async def test_a_row_that_is_not_wanted_any_more_stays_as_it_is(wanted: bool | Stop) -> None:
    async def may_submit(_: PendingRow) -> bool | Stop:
        return wanted

    fal, stops = Fal(), list[Stop]()
    assert await submission(fal, stops, may_submit=may_submit).post(ROW, ROW.arguments) is None
    assert fal.log == []
    assert stops == ([wanted] if isinstance(wanted, Stop) else [])


async def test_a_run_that_is_cancelled_in_mid_post_writes_the_receipt() -> None:
    fal = Fal()
    fal.answered = anyio.Event()
    post: Callable[..., Any] = submission(fal, []).post
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post, ROW, ROW.arguments)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        fal.answered.set()
    assert fal.log == ["intent", "counted", "POST", State.SUBMITTED]
