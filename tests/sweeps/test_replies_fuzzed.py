"""Every field of every reply of the sandbox as it should not be, under the real gateway in whole runs."""

import copy
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from batch.core.gateway import RequestHistory, Unclear
from batch.core.retry import Retry
from batch.core.run_options import RunOptions
from batch.dispatch import dispatcher as dispatching
from batch.dispatch.dispatcher import Dispatcher
from batch.dispatch.settings import Settings
from batch.fal.client import FalGateway
from batch.ledger.async_ledger import async_ledger, in_line
from batch.ledger.ledger import Ledger
from batch.pacing import poller
from batch.reconcile import reconciler
from batch.sandbox import History, Queue, serve
from batch.sandbox.queue import UnknownRequest
from batch.sandbox.service import Service
from jobs.kling import KLING_2_1_PRO
from tests.support.simulated import ledger_of, shots

SEED, CASES, AT_ONCE = 11, 200, 16
SECONDS = 300.0
"""No case takes a second of its own; on a machine with other work all of them end long before this."""


def nested(depth: int) -> Any:
    found: Any = "x"
    for _ in range(depth):
        found = [found]
    return found


VALUES: dict[str, Any] = {
    **{repr(one): one for one in (None, True, False, -1, 0, 10**30, -(10**400), 1.5, -0.0, "", "7", [], {}, [None])},
    **{repr(one): one for one in ("COMPLETED", "IN_QUEUE", "IN_PROGRESS", "../../x", "a\x00b", "\ud800", "\x1b[2J")},
    "NaN": float("nan"),
    "infinity": float("inf"),
    "long": "x" * 100_000,
    "deep": nested(900),
    "foreign address": "https://evil.example.net/requests/1",
    "address of a user": "https://queue.fal.run@evil.example.net/x",
    "no TLS": "http://queue.fal.run/x",
}
MISSING, ANOTHERS, REPEATED = "missing", "another row's", "another row's reply"
KINDS = ("submit", "status", "result")


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the fields of a JSON value stand, itself included."""
    yield before
    children = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for name, child in children:
        yield from paths(child, (*before, name))


def spoiled(value: Any, path: tuple[Any, ...], how: str, other: Any) -> Any:
    """The value with one field replaced, or missing; as it is, where it has no such field."""
    new = other if how == ANOTHERS else VALUES.get(how)
    if not path:
        return value if how in (MISSING, ANOTHERS) else new
    whole = copy.deepcopy(value)
    inner = whole
    for name in path[:-1]:
        inner = inner[name] if name in (inner if isinstance(inner, dict) else range(len(inner))) else {}
    if not isinstance(inner, dict | list) or path[-1] not in (inner if isinstance(inner, dict) else range(len(inner))):
        return value
    if how == MISSING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return whole


def value_at(value: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass
class Spoiler:
    """One field of one kind of reply about the second row of a case; statuses twice, everything else always."""

    kind: str
    path: tuple[Any, ...]
    how: str
    times: int = 0
    first: dict[str, tuple[Any, list[Any]]] = field(default_factory=dict)
    """The last reply of each kind about the first row."""

    def __str__(self) -> str:
        return f"{self.kind} {'.'.join(map(str, self.path))} = {self.how}"

    def reply(self, kind: str, row: int, body: Any, headers: list[Any]) -> tuple[Any, list[Any]]:
        if row == 0:
            self.first[kind] = (body, headers)
        if row != 1 or kind != self.kind or (kind == "status" and self.times == 2):
            return body, headers
        if kind not in self.first and self.how in (ANOTHERS, REPEATED):
            return body, headers
        self.times += 1
        other, others = self.first.get(kind, (None, []))
        if self.how == REPEATED:
            return other, others
        return spoiled(body, self.path, self.how, value_at(other, self.path)), headers


FIELDS = {
    "submit": ["status", "request_id", "response_url", "status_url", "cancel_url", "queue_position"],
    "status": ["status", "request_id", "response_url", "queue_position", "logs", "metrics", "metrics inference_time"],
    "result": ["video", "video url", "video content_type", "video file_name", "video file_size"],
}


def cases() -> list[Spoiler]:
    """A draw of all there are, with a seed; those of other rows are all in it."""
    every = [
        (kind, tuple(one.split()), how)
        for kind, fields in FIELDS.items()
        for one in (*fields, "")
        for how in (*VALUES, MISSING)
    ]
    of_others = [
        ("submit", ("request_id",), ANOTHERS),
        ("submit", ("status_url",), ANOTHERS),
        ("submit", ("response_url",), ANOTHERS),
        ("status", ("request_id",), ANOTHERS),
        *((kind, (), REPEATED) for kind in KINDS),
    ]
    return [Spoiler(*one) for one in [*of_others, *random.Random(SEED).sample(every, CASES - len(of_others))]]


Spoil = Callable[[str, str, Any, list[Any]], tuple[Any, list[Any]]]


class Between:
    """Stands between the sandbox and the wire: each JSON reply about a row may be changed."""

    def __init__(
        self, app: Any, queue: Queue, spoil: Callable[[str, str, Any, list[Any]], tuple[Any, list[Any]]]
    ) -> None:
        self._app = app
        self._queue = queue
        self._spoil = spoil

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        started: dict[str, Any] = {}
        pieces: list[bytes] = []

        async def hear(message: Any) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
                return
            pieces.append(message.get("body", b""))
            if not message.get("more_body"):
                body, headers = self._changed(scope, b"".join(pieces), started["headers"])
                await send({**started, "headers": headers})
                await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, hear)

    def _changed(self, scope: Any, raw: bytes, headers: list[Any]) -> tuple[bytes, list[Any]]:
        kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        try:
            body, path = json.loads(raw), scope["path"]
        except ValueError:
            return raw, headers
        kind = "history" if path.endswith("by-endpoint") else "status" if path.endswith("/status") else "result"
        kind = "submit" if scope["method"] == "POST" else kind
        prompt = "" if kind == "history" else self._prompt(body.get("request_id") or path.split("/")[-1])
        body, kept = self._spoil(kind, prompt, body, kept)
        changed = json.dumps(body).encode()
        others = [(name, value) for name, value in kept if name.lower() != b"content-length"]
        return changed, [*others, (b"content-length", str(len(changed)).encode())]

    def _prompt(self, request_id: str) -> str:
        try:
            return str(self._queue.request(request_id).input["prompt"])
        except UnknownRequest:
            return ""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes minutes in a night takes parts of a second here."""
    monkeypatch.setattr(poller, "ASK_AGAIN", Retry(base=0.02, ceiling=0.1))
    monkeypatch.setattr(poller, "TROUBLE_SECONDS", 0.4)
    monkeypatch.setattr(poller, "UNFINISHED_SECONDS", 0.8)
    monkeypatch.setattr(poller, "HEARD_SECONDS", 0.4)
    monkeypatch.setattr(reconciler, "LEAST_PATIENCE", 0.3)
    monkeypatch.setattr(reconciler, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(dispatching, "IDLE_SECONDS", 0.1)


@asynccontextmanager
async def sandbox(spoil: Spoil, **how: Any) -> AsyncIterator[tuple[Queue, FalGateway]]:
    """The sandbox behind a spoiler, and a gateway to it."""
    queue, plain = Queue(8, 0.02, history=History(lists_queued=True, **how)), Service.app
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Service, "app", lambda self: Between(plain(self), queue, spoil))
        async with serve(queue) as address:
            for name, value in address.environment().items():
                patched.setenv(name, value)
            async with FalGateway(KLING_2_1_PRO, local=lambda cell: None) as gateway:
                yield queue, gateway


def test_no_field_of_a_reply_brings_a_run_down_or_buys_twice_or_mixes_rows_up() -> None:
    """Two rows a case: each ends, each is accepted once at most, each has the request of its own prompt or none."""
    spoilers = cases()

    def spoil(kind: str, prompt: str, body: Any, headers: list[Any]) -> tuple[Any, list[Any]]:
        if not prompt:
            return body, headers
        number, row = prompt.split()[1:]
        return spoilers[int(number)].reply(kind, int(row), body, headers)

    async def sweep() -> None:
        limit = anyio.CapacityLimiter(AT_ONCE)
        with anyio.fail_after(SECONDS):
            async with sandbox(spoil) as (queue, gateway), anyio.create_task_group() as tasks:
                for number, spoiler in enumerate(spoilers):
                    tasks.start_soon(one_case, number, spoiler, queue, gateway, limit)

    anyio.run(sweep)
    assert sum(spoiler.times > 0 for spoiler in spoilers) > 0.8 * len(spoilers)


async def one_case(
    number: int, spoiler: Spoiler, queue: Queue, gateway: FalGateway, limit: anyio.CapacityLimiter
) -> None:
    async with limit:
        ledger = ledger_of(shots(2, f"case {number}"))
        await run(ledger, gateway)
    prompts = {one.id: str(one.input["prompt"]) for one in queue.requests}
    accepted = Counter(prompts.values())
    found = ledger.db.execute(
        "SELECT json_extract(arguments, '$.prompt'), state, request_id, video_url FROM row"
    ).fetchall()
    for prompt, state, request_id, video_url in found:
        assert accepted[prompt] == 1, (spoiler, prompt, "bought twice")
        assert state in ("succeeded", "failed", "in_doubt", "submitted"), (spoiler, prompt, state)
        assert prompts.get(request_id, prompt) == prompt, (spoiler, prompt, "another row's request")
        assert state != "succeeded" or spoiler.path[:2] == ("video", "url") or request_id in video_url, spoiler
    assert found[0][1] == "succeeded", (spoiler, found)
    assert ledger.money().spent + ledger.money().under_way == 2 * 490_000, spoiler


async def run(ledger: Ledger, gateway: FalGateway) -> None:
    """One run to its end; the account's slots are shared with all other cases."""
    settings = Settings(
        options=RunOptions(concurrency=2),
        now=time.time,
        rand=random.Random(0).random,
        typical_seconds=0.05,
        group_of=lambda arguments: "5",
    )
    async with async_ledger(ledger, in_line) as store:
        await Dispatcher(store, gateway, settings).run()


def test_no_field_of_the_listing_is_an_error() -> None:
    """Every field, every value: the listing is read, or says nothing; what is read of it can be."""
    change: list[tuple[tuple[Any, ...], str]] = []

    def spoil(kind: str, prompt: str, body: Any, headers: list[Any]) -> tuple[Any, list[Any]]:
        return (spoiled(body, *change[-1], None) if kind == "history" and change else body), headers

    async def sweep() -> None:
        async with sandbox(spoil, page=2) as (queue, gateway):
            for n in range(3):
                await gateway.submit({"prompt": f"case 0 {n}", "image_url": "https://example.com/a.png"})
            whole = await gateway.request_history(0.0)
            assert isinstance(whole, RequestHistory)
            assert len(whole.items) == 3
            ids = {one.id for one in queue.requests}
            words = {one for one in VALUES.values() if isinstance(one, str) and len(one) < 20}
            example = {"items": [{"request_id": 1, "endpoint_id": 1, "sent_at": 1, "started_at": 1, "ended_at": 1,
                                  "status_code": 1, "duration": 1, "json_input": {"prompt": 1}}],
                       "next_cursor": 1, "has_more": 1}  # fmt: skip
            for path in paths(example):
                for how in (*VALUES, MISSING):
                    change.append((path, how))
                    said = await gateway.request_history(0.0)
                    assert isinstance(said, RequestHistory | Unclear), (path, how)
                    if isinstance(said, RequestHistory):
                        assert len({one.request_id for one in said.items}) == len(said.items), (path, how)
                        assert {one.request_id for one in said.items} <= ids | words, (path, how)

    anyio.run(sweep)
