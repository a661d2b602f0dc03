"""Outages of every shape at every endpoint, up to an hour: nothing paid twice, nothing lost, no run without an end."""

import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import current_time

from batch.api import open_batch
from batch.commands.batch import Batch
from batch.commands.run import Surroundings, run
from batch.core.gateway import (
    CollectAnswer,
    Finished,
    NotFound,
    NotSent,
    PollAnswer,
    PrepareAnswer,
    Prepared,
    Receipt,
    RequestFailed,
    RequestHistory,
    Unclear,
    UnitPrice,
    Waiting,
)
from batch.core.retry import Retry
from batch.core.run_options import RunOptions
from batch.fal import platform_api
from batch.fal.client import FalGateway
from batch.fal.pricing import live_prices
from batch.job import Arguments
from batch.ledger.ledger import Ledger
from batch.pacing import poller
from jobs.kling import KLING_2_1_PRO
from tests.support.simulated import (
    Service,
    assert_nothing_bought_twice,
    count,
    ledger_of,
    night,
    play,
    service_queue,
    shots,
)
from tests.support.wire_service import (
    Act,
    Authority,
    Heard,
    Line,
    Wire,
    queue_of,
    reply,
    the_authority,  # noqa: F401 - a fixture
    the_surroundings,  # noqa: F401 - a fixture
)

# A night on the mock clock


POLLS: Sequence[PollAnswer] = (
    NotFound("HTTP 404: <html>"),
    Unclear("HTTP 403: locked", account=True, answered=True),
    Unclear("HTTP 503: <html>", answered=True),
    Unclear("the answer was not JSON", answered=True),
    Unclear("no answer in 30 s"),
)
COLLECTS: Sequence[CollectAnswer] = (
    *(answer for answer in POLLS if isinstance(answer, NotFound | Unclear)),
    Waiting(running=True),
    RequestFailed("runner_connection_error", "oh", 503, sure=False),
    RequestFailed("no_video_in_result", "{}", 200, sure=False),
    RequestFailed("http_422", "oh", 422, sure=False),
)
KINDS = ("status", "result", "upload", "submit", "history", "everything")


@dataclass
class Outage:
    """An endpoint that answers nothing of use for a while."""

    kind: str
    start: float
    seconds: float


@dataclass
class Stricken(Service):
    """A service with outages, each of one endpoint or of all; all rows have local images."""

    outages: Sequence[Outage] = ()
    chance: random.Random = field(default_factory=random.Random)
    about: Counter[str] = field(default_factory=Counter)
    _uploaded: set[str] = field(default_factory=set)

    def out(self, kind: str) -> bool:
        now = current_time()
        return any(
            one.kind in (kind, "everything") and one.start <= now < one.start + one.seconds for one in self.outages
        )

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        self.asked["prepare"] += 1
        prompt = str(arguments["prompt"])
        self.about[prompt] += 1
        await anyio.sleep(self.latency)
        if self.out("upload"):
            return NotSent("HTTP 500", reached=self.chance.random() < 0.7)
        uploaded = prompt not in self._uploaded
        self._uploaded.add(prompt)
        return Prepared(arguments, uploaded=uploaded)

    async def submit(self, arguments: Arguments, start_timeout: float = 3600.0) -> Any:
        self.about[str(arguments["prompt"])] += 1
        if self.out("submit"):
            self.on_submit = lambda _: self.chance.choice(["lost", "busy", "busy"])
        else:
            self.on_submit = lambda _: None
        return await super().submit(arguments, start_timeout)

    async def poll(self, receipt: Receipt) -> PollAnswer:
        self.about[receipt.request_id] += 1
        answer = await super().poll(receipt)
        return self.chance.choice(POLLS) if self.out("status") else answer

    async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer:
        self.about[receipt.request_id] += 1
        answer = await super().collect(receipt, finished)
        return self.chance.choice(COLLECTS) if self.out("result") else answer

    async def request_history(self, since: float) -> RequestHistory | Unclear:
        answer = await super().request_history(since)
        return Unclear("no listing") if self.out("history") else answer


def outages(chance: random.Random) -> Iterator[Outage]:
    for _ in range(chance.randint(1, 4)):
        yield Outage(chance.choice(KINDS), chance.uniform(0, 2000), chance.choice([10.0, 100.0, 700.0, 3600.0]))


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_out_for_up_to_an_hour_everything_comes_home_once(seed: int) -> None:
    """In this run or a later one: paid twice 0, lost 0, failed 0, and no row asked for without bound."""
    chance = random.Random(seed)
    ledger = ledger_of(shots(20))
    service = Stricken(service_queue(4, 120.0), outages=list(outages(chance)), chance=chance)
    start = 0.0
    for _ in range(8):
        start = max(start, play(lambda start=start: _one_run(ledger, service, start)))
        assert_nothing_bought_twice(ledger, service.queue)
        if count(ledger, "succeeded") == 20:
            break
        start += 3600.0
    assert count(ledger, "succeeded") == 20, service.outages
    prompts = Counter(str(one.input["prompt"]) for one in service.queue.requests)
    assert set(prompts.values()) == {1}
    assert max(service.about.values()) < 250


async def _one_run(ledger: Ledger, service: Service, start: float) -> float:
    await anyio.sleep(start)
    await night(ledger, service, concurrency=4)
    assert current_time() - start < 4 * 3600
    return current_time()


# Real sockets, the real client, every shape


HTML = b"<html><h1>Out of order</h1></html>"
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "HTML": HTML,
    "half": b'{"status": "COMPLE',
    "a list": b"[]",
    "a text": b'"oh"',
    "a number": b"7",
    "null": b"null",
    "other keys": b'{"message": "oh"}',
    "a reason": b'{"detail": "oh"}',
    "no reason": b'{"detail": []}',
    "typed": b'{"detail": "oh", "error_type": "runner_connection_error"}',
    "model's": b'{"detail": [{"loc": ["body"], "msg": "oh", "type": "internal_server_error"}]}',
    "wrong types": b'{"status": 7, "queue_position": "x", "video": {"url": 7}, "detail": {"a": 1}}',
}
HEADERS = {"x-fal-error-type": "runner_scheduling_failure"}
SHAPES = {
    f"{status} {name}": reply(status, raw=body, headers=HEADERS if status >= 500 else None)
    for status in (200, 400, 403, 404, 410, 422, 429, 500, 503)
    for name, body in BODIES.items()
    if (status >= 500 or status == 404 or status == 200 or name != "model's")  # the model speaks of its own below
}
SHAPES.pop("404 model's")
AT_ONCE = 8
SHARES = 4
"""The shapes are dealt to so many tests, which may run at the same time."""


@dataclass
class Place:
    """Three rows, and a service one of whose endpoints answers something else at first."""

    folder: Path
    wire: Wire
    kind: str
    shape: bytes
    times: int
    heard: Counter[str] = field(default_factory=Counter)

    def act(self) -> Act:
        well = queue_of(self.wire)

        async def act(line: Line, heard: Heard) -> None:
            kind = _kind(heard)
            self.heard[kind] += 1
            if kind == self.kind and self.heard[kind] <= self.times:
                await line.send(self.shape)
            else:
                await well(line, heard)

        return act

    def __post_init__(self) -> None:
        self.folder.mkdir()
        lines = [f"s{n},shot{n},https://example.com/{n}.png" for n in range(3)]
        (self.folder / "shots.csv").write_text("\n".join(["id,prompt,image", *lines, ""]))

    async def run(self) -> None:
        batch = open_batch(self.folder / "shots.csv")

        @asynccontextmanager
        async def connect(_: Batch) -> AsyncIterator[FalGateway]:
            with pytest.MonkeyPatch.context() as patched:
                for name, value in self.wire.environment().items():
                    patched.setenv(name, value)
                gateway = FalGateway(batch.manifest.job, local=batch.manifest.local)
            async with gateway:
                yield gateway

        around = Surroundings(connect=connect, rand=random.Random(0).random, show_progress=False)
        await run(batch, RunOptions(), lambda _: None, surroundings=around)

    def rows(self) -> list[tuple[str, str, str]]:
        with Ledger.read(self.folder / "shots.csv.ledger") as ledger:
            return ledger.db.execute(
                "SELECT state, json_extract(arguments, '$.prompt'), video_url FROM row ORDER BY place"
            ).fetchall()


def _kind(heard: Heard) -> str:
    path = heard.path.partition("?")[0]
    if heard.method == "POST":
        return "submit"
    return "status" if path.endswith("/status") else "result"


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("kind", ["status", "result"])
def test_every_shape_of_an_outage_is_waited_out_and_bought_nothing(
    kind: str,
    share: int,
    authority: Authority,
    plain_surroundings: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundred shapes of answers: three POSTs each, and each row's own video in this run or in one of the next."""
    monkeypatch.setattr(poller, "ASK_AGAIN", Retry(base=0.02, ceiling=0.1))
    monkeypatch.setattr(poller, "HEARD_SECONDS", 0.3)
    monkeypatch.setattr(poller, "TROUBLE_SECONDS", 0.6)
    monkeypatch.delenv(
        "FAL_KEY"
    )  # but for the gateway: each of these services gives out the same ids, one book knows one
    anyio.run(_all_shapes, kind, share, authority, tmp_path)


async def _all_shapes(kind: str, share: int, authority: Authority, folder: Path) -> None:
    limit = anyio.CapacityLimiter(AT_ONCE)
    async with anyio.create_task_group() as tasks:
        for number, (name, shape) in list(enumerate(SHAPES.items()))[share::SHARES]:
            times = 4 if number // SHARES % 2 else 30
            tasks.start_soon(_one_shape, name, kind, shape, times, authority, folder / str(number), limit)


async def _one_shape(
    name: str, kind: str, shape: bytes, times: int, authority: Authority, folder: Path, limit: anyio.CapacityLimiter
) -> None:
    async with limit, Wire(authority).serving() as wire:
        place = Place(folder, wire, kind, shape, times)
        wire.act = place.act()
        for _ in range(8):
            await place.run()
            assert len(wire.posts) == 3, name
            if {state for state, *_ in place.rows()} == {"succeeded"}:
                break
        expected = [("succeeded", f"shot{n}", f"https://v3.fal.media/shot{n}.mp4") for n in range(3)]
        assert place.rows() == expected, name
        assert place.heard["status"] + place.heard["result"] < 3 * 60, name


@pytest.mark.anyio
@pytest.mark.usefixtures("plain_surroundings")
async def test_no_shape_of_an_answer_is_taken_for_a_price_or_a_history(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor for the end of a cancellation that was not one; and nothing raises."""
    monkeypatch.setattr(platform_api, "API", "https://queue.fal.run/v1/models")
    async with Wire(authority).serving() as wire:
        for name, value in wire.environment().items():
            monkeypatch.setenv(name, value)
        async with FalGateway(KLING_2_1_PRO, local=lambda _: None) as service:
            for name, shape in SHAPES.items():

                async def act(line: Line, heard: Heard, shape: bytes = shape) -> None:
                    await line.send(shape)

                wire.act = act
                assert isinstance(await service.unit_price(), Unclear), name
                assert isinstance(await service.request_history(0.0), Unclear), name


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1", "0", "1e999", "true", '"1"', "null", "[]"])
def test_no_price_of_a_wrong_kind_counts(amount: str) -> None:
    """Whatever JSON can hold in a number's place."""
    said = json.loads(f'{{"endpoint_id": "e", "unit_price": {amount}, "unit": "second", "currency": "USD"}}')
    price = platform_api._unit_price({"prices": [said]}, "e")
    assert price is None or (isinstance(price, UnitPrice) and live_prices(KLING_2_1_PRO, price) is None)


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"
