"""Keeps workers: chooses one for each call, avoids those that are slow, replaces those that have died."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup

from batch.errors import UsageError
from batch.workers.calls import (
    ASK_SECONDS,
    CHOOSE_SECONDS,
    SUBMITS_EACH,
    Pulse,
    RemoteWorker,
    WorkerHost,
    WorkerLost,
)

PULSE_SECONDS = 5.0
"""How often each worker is asked whether it lives."""
SLOW_SECONDS = 3.0
"""A worker that takes longer to say so gets no calls until it is quicker."""
GIVE_UP_SECONDS = 60.0
"""After so long without a word it is taken for dead."""
START_SECONDS = 60.0
OTHERS_SECONDS = 15.0
"""So long the others are waited for where one has begun: one that needs mending is told before the night."""
STOP_SECONDS = 5.0
START_AGAIN, START_AGAIN_MOST = 1.0, 30.0
"""Seconds before another worker is tried where one could not be started."""


@dataclass(eq=False, slots=True)
class Member:
    """A worker of the pool."""

    name: str
    remote: RemoteWorker
    calls: int = 0
    """Calls in the air, submits among them."""
    submits: int = 0
    turn: int = 0
    """Which call of all was its last: of those with equally much to do, the one that has waited longest is next."""
    done: int = 0
    """Calls that it has answered."""
    accepted: int = 0
    """Submits that fal has accepted by it."""
    ahead: float = 0.0
    """Its clock less ours, in seconds."""
    slow: bool = False
    drained: bool = False
    gone: anyio.Event = field(default_factory=anyio.Event)

    @property
    def usable(self) -> bool:
        return not (self.slow or self.drained or self.gone.is_set())

    @property
    def title(self) -> str:
        """As it is told to a person."""
        return f"worker {self.name} on {self.remote.host}"


@dataclass(eq=False, slots=True)
class Asked:
    """A call that was made: it goes on, whoever still waits for it."""

    member: Member
    done: anyio.Event = field(default_factory=anyio.Event)
    answer: Any = None
    lost: str | None = None
    """Why no answer will come."""


Note = Callable[[str, Member, str | None], None]


class WorkerPool:
    """As many workers as were wished for, as long as their hosts have them.

    Args:
        say: told when one is lost.
        note: told what each has done: `started`, `lost`, `drained`, or `submitted` with the request's id.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        host: WorkerHost,
        size: int,
        clock: Callable[[], float],
        say: Callable[[str], None] = lambda _: None,
        note: Note = lambda _what, _member, _request_id: None,
    ) -> None:
        self._host = host
        self._size = size
        self._clock = clock
        self._say = say
        self.note = note
        self._tasks: TaskGroup | None = None
        self._for_submits: deque[anyio.Event] = deque()
        self._for_any: deque[anyio.Event] = deque()
        """Calls that wait for a worker, first come, first served."""
        self._started = self._turn_of = self._tried = 0
        self._first, self._one, self._all = True, anyio.Event(), anyio.Event()
        """Whether the pool is still beginning; whether one worker is ready, or none will be; whether all were tried."""
        self._refusal: UsageError | None = None
        """Why nothing is to begin, where something has to be mended first."""
        self.members: list[Member] = []
        """Those that live, as far as is known."""
        self.former: list[Member] = []
        self.trouble = ""
        """Why the last one that could not be started could not."""

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Self]:
        """While the block runs.

        Raises:
            UsageError: no worker can be started.
        """
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            for _ in range(self._size):
                tasks.start_soon(self._keep, name="workers")
            try:
                await self._begun()
                yield self
            finally:
                with anyio.move_on_after(STOP_SECONDS, shield=True):
                    for member in list(self.members):
                        await self._host.stop(member.remote)
                tasks.cancel_scope.cancel()

    async def _begun(self) -> None:
        """One is at work, and the others have had their time to say that they cannot be."""
        await self._one.wait()
        with anyio.move_on_after(OTHERS_SECONDS):
            await self._all.wait()
        self._first = False
        if self._refusal:
            raise self._refusal
        if not self.members:
            raise UsageError(f"no worker could be started: {self.trouble}")

    # Calls

    async def choose(self, *, submit: bool = False) -> Member | None:
        """The one with the least to do; None where none is free within a while."""
        waiting = self._for_submits if submit else self._for_any
        with anyio.move_on_after(CHOOSE_SECONDS):
            while not (free := [one for one in self.members if one.usable and self._has_room(one, submit)]):
                await self._turn(waiting)
            return min(free, key=lambda one: (one.submits if submit else 0, one.calls, one.turn))
        return None

    async def _turn(self, waiting: "deque[anyio.Event]") -> None:
        turn = anyio.Event()
        waiting.append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():  # it is another one's then
                _wake(waiting, 1)
            else:
                waiting.remove(turn)
            raise

    def _has_room(self, member: Member, submit: bool) -> bool:
        return not submit or member.submits < SUBMITS_EACH

    def begin(self, member: Member, name: str, *arguments: Any, submit: bool = False) -> Asked:
        """Makes a call that goes on though nobody waits for it any more: what comes of it is learnt all the same."""
        asked = Asked(member)
        self._take(member)
        member.submits += submit
        if self._tasks is None:
            raise RuntimeError("the pool is not at work")
        self._tasks.start_soon(self._answered, asked, name, arguments, submit, name=f"{name} by {member.name}")
        return asked

    async def _answered(self, asked: Asked, name: str, arguments: tuple[Any, ...], submit: bool) -> None:
        member = asked.member
        try:
            asked.answer = await member.remote.call(name, *arguments)
            member.done += 1
        except WorkerLost as error:
            asked.lost = str(error)
            self.lose(member, str(error))
        member.calls -= 1
        member.submits -= submit
        asked.done.set()
        if submit:
            _wake(self._for_submits, 1)

    async def ask(self, name: str, *arguments: Any, seconds: float = ASK_SECONDS, of: Member | None = None) -> Any:
        """A call that may be made again; its answer.

        Args:
            of: the worker that is asked; None: any.

        Raises:
            WorkerLost: there is none.
        """
        member = of or await self.choose()
        if member is None:
            raise WorkerLost(self.nobody)
        self._take(member)
        try:
            with anyio.fail_after(seconds):
                answer = await member.remote.call(name, *arguments)
        except WorkerLost as error:
            self.lose(member, str(error))
            raise WorkerLost(f"{member.title} was lost ({error})") from error
        except TimeoutError as error:
            self._slow(member, slow=True)
            raise WorkerLost(f"{member.title} gave no answer in {seconds:.0f} s") from error
        finally:
            member.calls -= 1
        member.done += 1
        return answer

    def _take(self, member: Member) -> None:
        member.calls += 1
        self._turn_of += 1
        member.turn = self._turn_of

    @property
    def nobody(self) -> str:
        """Why no worker is free, in words."""
        if self.members:
            return "no worker is free"
        return f"there is no worker{f' ({self.trouble})' if self.trouble else ''}"

    # Their lives

    async def _keep(self) -> None:
        """One place of the pool: there is a worker on it, or another is tried."""
        failures = 0
        member = await self._start()
        self._tried += 1
        if self._tried == self._size or self._refusal:
            self._all.set()
        if self._all.is_set() or member:
            self._one.set()
        while True:
            if member is None:
                failures += 1
                await anyio.sleep(min(START_AGAIN * 2 ** min(failures - 1, 10), START_AGAIN_MOST))
            else:
                failures = 0
                await self._watch(member)
            member = await self._start()

    async def _start(self) -> Member | None:
        self._started += 1
        name = f"w{self._started}"
        try:
            with anyio.fail_after(START_SECONDS):
                member = Member(name, await self._host.start(name))
        except (WorkerLost, TimeoutError) as error:
            self.trouble = str(error) or f"it was not ready in {START_SECONDS:.0f} s"
            return None
        except UsageError as error:
            if self._first:
                self._refusal = error
            else:
                self._say(f"a worker could not be started: {error}")
            self.trouble = str(error)
            return None
        await self._feel(member)
        if member.gone.is_set():
            return None
        self.members.append(member)
        self.note("started", member, None)
        self._wake_all()
        return member

    async def _watch(self, member: Member) -> None:
        """Until it is gone, or is to be."""
        while not (member.gone.is_set() or member.drained):
            with anyio.move_on_after(PULSE_SECONDS):
                await member.gone.wait()
                return
            await self._feel(member)
        if member.drained and not member.gone.is_set():
            self._retire(member)

    def _retire(self, member: Member) -> None:
        """It finishes what it is at, and gets nothing more."""
        self._leave(member)
        self.note("drained", member, None)
        self._say(f"{member.title} gets no more calls: its machine is about to go")
        if self._tasks is not None:
            self._tasks.start_soon(self._stop_idle, member, name=f"end of {member.name}")

    async def _stop_idle(self, member: Member) -> None:
        while member.calls and not member.gone.is_set():
            with anyio.move_on_after(PULSE_SECONDS):
                await member.gone.wait()
        await self._host.stop(member.remote)

    async def _feel(self, member: Member) -> None:
        """Its pulse: how quick it is, by which clock, and whether it is at all."""
        asked, sent = self.begin(member, "pulse"), self._clock()
        with anyio.move_on_after(SLOW_SECONDS):
            await asked.done.wait()
        if not asked.done.is_set():
            self._slow(member, slow=True)
            with anyio.move_on_after(GIVE_UP_SECONDS - SLOW_SECONDS):
                await asked.done.wait()
        if isinstance(asked.answer, Pulse):
            member.ahead = asked.answer.clock - (sent + self._clock()) / 2
            member.drained = asked.answer.draining
            self._slow(member, slow=self._clock() - sent > SLOW_SECONDS)
        elif asked.lost is None:
            self.lose(member, f"not a word for {GIVE_UP_SECONDS:.0f} s")

    def _slow(self, member: Member, *, slow: bool) -> None:
        was, member.slow = member.slow, slow
        if was and not slow:
            self._wake_all()

    def lose(self, member: Member, why: str) -> None:
        """It is gone, or as good as gone: whatever it still does, it gets nothing more to do."""
        if member.gone.is_set():
            return
        member.gone.set()
        if member in self.members:
            self._leave(member)
            self.note("lost", member, None)
            self._say(f"{member.title} was lost ({why}); another takes its place")
        if self._tasks is not None:
            self._tasks.start_soon(self._host.stop, member.remote, name=f"end of {member.name}")

    def _leave(self, member: Member) -> None:
        self.members.remove(member)
        self.former.append(member)

    def _wake_all(self) -> None:
        """There is a worker again, or one more."""
        for waiting in (self._for_submits, self._for_any):
            _wake(waiting, len(waiting))


def _wake(waiting: "deque[anyio.Event]", count: int) -> None:
    """So many of them look again, the first first."""
    while waiting and count > 0:
        waiting.popleft().set()
        count -= 1
