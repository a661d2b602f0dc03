"""Random histories of one sheet: edited, run, crashed, cut off, locked out, capped, run again; promises after each."""

import csv
import functools
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import current_time
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batch.api import open_batch
from batch.commands.batch import Batch
from batch.commands.run import Surroundings, run
from batch.core.run_options import RunOptions
from batch.ledger.ledger import Ledger
from batch.sandbox.outcomes import Outcome, model_error
from tests.support.simulated import EPOCH, Crash, Service, play, service_queue

HOUR = 3600.0
PRICE = 490_000
USERS = ("id", "prompt", "image", "note")
PROMPTS = st.sampled_from(["a boat", "a kite", "a train"])
IDS = st.sampled_from(["", "", "x", "y", "z"])
PLACES = st.integers(0, 50)
BROKEN = model_error("internal_server_error")


@dataclass(frozen=True)
class Weather:
    """What happens during a run, all of it from one seed; `rough` is how often a submit meets something."""

    seed: int
    rough: float
    offline: float
    locked: float
    crashes: bool


CALM = Weather(0, 0.0, -1.0, -1.0, False)
weathers = st.builds(
    Weather,
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3, 0.6]),
    st.sampled_from([-1.0, -1.0, 0.0, 100.0]),
    st.sampled_from([-1.0, -1.0, 100.0]),
    st.booleans(),
)


class Sheet:
    """The manifest as its owner sees it: lines of cells, ours included where we wrote some."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes = 0
        path.write_text(",".join(USERS) + "\n")

    def read(self) -> list[dict[str, str]]:
        with self.path.open(newline="") as file:
            return list(csv.DictReader(file))

    def change(self, change: Callable[[list[dict[str, str]]], object]) -> None:
        lines = self.read()
        with self.path.open(newline="") as file:
            header = next(csv.reader(file))
        change(lines)
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, header, restval="")
            writer.writeheader()
            writer.writerows(lines)

    def line(self, prompt: str, name: str) -> dict[str, str]:
        self.notes += 1
        return {"id": name, "prompt": prompt, "image": "https://example.com/a.png", "note": str(self.notes)}

    def users(self) -> list[list[str]]:
        return [[line[name] for name in USERS] for line in self.read()]


Lines = list[dict[str, str]]


def _edit(lines: Lines, place: int, new: dict[str, str], *names: str) -> None:
    if lines:
        lines[place % len(lines)].update({name: new[name] for name in names})


CHANGES: dict[str, Callable[..., object]] = {
    "append": lambda lines, place, new: lines.append(new),
    "append two": lambda lines, place, new: lines.extend([new, dict(new)]),
    "delete": lambda lines, place, new: lines and lines.pop(place % len(lines)),
    "edit": lambda lines, place, new: _edit(lines, place, new, "prompt"),
    "rename": lambda lines, place, new: _edit(lines, place, new, "id"),
    "copy": lambda lines, place, new: lines and lines.append(dict(lines[place % len(lines)])),
    "sort": lambda lines, place, new: random.Random(place).shuffle(lines),
}


class Nights(RuleBasedStateMachine):
    """A sheet, its ledger, and the account at fal, over days."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.sheet = Sheet(self.folder / "shots.csv")
        self.queue = service_queue(2, 60.0, plan=self._planned)
        self.at = 0.0
        self.most: Counter[str] = Counter()
        """How many lines of each prompt a run has found at most."""
        self.dice = random.Random(0)

    def teardown(self) -> None:
        """In calm weather everything ends well; the added rows are the later requests that prove what never was."""
        try:
            for _ in range(3):
                self.at += 5 * HOUR
                for _ in range(2):
                    self.sheet.change(lambda lines: lines.append(self.sheet.line(f"new {len(lines)} {self.at}", "")))
                self._run(CALM)
                self.nothing_is_paid_twice_or_lost()
            assert {line["status"] for line in self.sheet.read()} <= {"succeeded", "stale", "failed"}
        finally:
            shutil.rmtree(self.folder)

    def _planned(self, _given: Mapping[str, object], _nth: int) -> Outcome | None:
        return BROKEN if self.dice.random() < 0.2 else None

    # What its owner does

    @rule(changes=st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), PLACES, PROMPTS, IDS), min_size=1, max_size=5))
    def change(self, changes: list[tuple[str, int, str, str]]) -> None:
        for what, place, prompt, name in changes:
            new = self.sheet.line(prompt, name)
            self.sheet.change(functools.partial(CHANGES[what], place=place, new=new))

    @rule(seconds=st.sampled_from([60.0, 1800.0, 2 * HOUR, 30 * HOUR]))
    def wait(self, seconds: float) -> None:
        self.at += seconds

    # What a night brings

    @rule(weather=weathers, cap=st.sampled_from([None, None, 0, 2, 5]), concurrency=st.sampled_from([1, 3]))
    @precondition(lambda self: self.sheet.read())
    def run_it(self, weather: Weather, cap: int | None, concurrency: int) -> None:
        given = self.sheet.users()
        before, billed_before = self._money(), self._billed()
        self._run(weather, cap=cap, concurrency=concurrency)
        assert self.sheet.users() == given
        if cap is not None:
            money = self._money()
            assert self._billed() - billed_before <= cap * PRICE
            assert money.spent + money.under_way - before.spent <= max(cap * PRICE, before.under_way)

    def _run(self, weather: Weather, cap: int | None = None, concurrency: int = 3) -> None:
        now = Counter(line["prompt"] for line in self.sheet.read())
        self.most |= now
        service = self._service(weather)
        options = RunOptions(concurrency=concurrency, max_spend=None if cap is None else cap * PRICE)

        @asynccontextmanager
        async def connect(_: Batch) -> AsyncIterator[Service]:
            yield service

        around = Surroundings(
            connect=connect,
            now=lambda: EPOCH + current_time(),
            rand=random.Random(weather.seed).random,
            show_progress=False,
        )

        async def night() -> None:
            await anyio.sleep(self.at)
            try:
                await run(open_batch(self.sheet.path), options, lambda _: None, surroundings=around)
                self._require_own_videos()
            except BaseExceptionGroup as group:
                if group.split(Crash)[1] is not None:
                    raise
            finally:
                self.at = current_time()

        with pytest.MonkeyPatch.context() as patched:  # the mock clock does not wait for threads
            patched.setattr("anyio.to_thread.run_sync", _in_line)
            play(night)

    def _service(self, weather: Weather) -> Service:
        chance, began = random.Random(weather.seed), self.at
        faults = ["lost", "busy", *(["crash", "crash_before"] if weather.crashes else [])]

        def poll(_: int) -> None:
            if weather.crashes and chance.random() < 0.1:
                raise Crash

        return Service(
            self.queue,
            on_submit=lambda _: chance.choice(faults) if chance.random() < weather.rough else None,
            before_poll=poll,
            offline=lambda now: weather.offline >= 0 and weather.offline < now - began < weather.offline + 300,
            locked=lambda now: weather.locked >= 0 and now - began > weather.locked,
        )

    # The promises

    @invariant()
    def nothing_is_paid_twice_or_lost(self) -> None:
        """No input has more videos than lines; every request is known, or a row of it in doubt or on its way."""
        paid = Counter(str(one.input["prompt"]) for one in self.queue.requests if one.code < 500)
        assert all(times <= self.most[prompt] for prompt, times in paid.items()), (paid, self.most)
        if not self._ledger.exists():
            return
        with Ledger.read(self._ledger) as ledger:
            (attempts,) = ledger.db.execute("SELECT COALESCE(SUM(attempts), 0) FROM row").fetchone()
            known = {request for (request,) in ledger.db.execute("SELECT request_id FROM request")}
            (open_,) = ledger.db.execute(
                "SELECT COUNT(*) FROM row WHERE state IN ('submitting', 'in_doubt')"
            ).fetchone()
            money = ledger.money()
        assert len(self.queue.requests) <= attempts
        assert sum(one.id not in known for one in self.queue.requests) <= open_
        assert self._billed() <= money.spent + money.under_way

    def _require_own_videos(self) -> None:
        """A line that says `succeeded` shows the request that was made of its prompt, and no other line shows it."""
        prompts = {one.id: one.input["prompt"] for one in self.queue.requests}
        done = [line for line in self.sheet.read() if line["status"] == "succeeded"]
        assert all(prompts[line["request_id"]] == line["prompt"] for line in done)
        assert len({line["request_id"] for line in done}) == len(done)

    @property
    def _ledger(self) -> Path:
        return self.folder / "shots.csv.ledger"

    def _money(self) -> Any:
        with Ledger.read(self._ledger) as ledger:
            return ledger.money()

    def _billed(self) -> int:
        return sum(PRICE for one in self.queue.requests if one.code < 500)


async def _in_line(call: Callable[[], Any], **_: object) -> Any:
    return call()


TestNights = Nights.TestCase
TestNights.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
