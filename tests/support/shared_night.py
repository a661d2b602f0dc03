"""Tables, ledgers and one service on a mock clock, over real files: what is lost between the runs is the test's own."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from anyio import current_time

from batch.api import open_batch
from batch.commands.recover import recover
from batch.commands.run import Mark, Surroundings, run
from batch.core.run_options import RunOptions
from batch.errors import BatchError
from batch.sandbox.recording import Recording
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.simulated import EPOCH, Service, play, service_queue

RUN_SECONDS = 5.0
IMAGE = "https://example.com/a.png"


@dataclass
class SharedNight:
    """A folder, and a service that outlives every run from it. Each run starts an hour after the one before."""

    folder: Path
    on_submit: Callable[[int], str | None] = lambda _: None
    unreadable: bool = False
    said: list[str] = field(default_factory=list)
    runs: int = 0
    listings: int = 0
    """How often fal's records were asked."""

    def table(self, rows: int = 4, name: str = "shots.csv", *, ids: bool = True) -> Path:
        path = self.folder / name
        lines = [f"{f's{n}' if ids else ''},shot {n},{IMAGE},kept {n}\n" for n in range(rows)]
        path.write_text("id,prompt,image,note\n" + "".join(lines))
        return path

    def run(self, path: Path, *, mark: Mark | None = None, options: RunOptions | None = None, **table: Any) -> int:
        """One run; its exit code. What it said is kept."""
        self.said.clear()
        self.runs += 1
        around = Surroundings(
            connect=lambda _: self._connected(),
            now=lambda: EPOCH + current_time(),
            rand=random.Random(0).random,
            show_progress=False,
        )

        async def night() -> int:
            await anyio.sleep(3600.0 * self.runs)
            batch = open_batch(path, job=replace(JOB, typical_seconds=RUN_SECONDS), **table)
            return (await run(batch, options or RunOptions(), self.said.append, mark, around)).exit_code

        return self._ended(night)

    def recover(self, path: Path, **table: Any) -> int:
        """`recover`, an hour later; its exit code."""
        self.said.clear()
        self.runs += 1

        async def recovery() -> int:
            await anyio.sleep(3600.0 * self.runs)
            lines, outcome = await recover(
                open_batch(path, job=JOB, **table), EPOCH + current_time(), lambda _: self._connected()
            )
            self.said += lines
            return outcome.exit_code

        return self._ended(recovery)

    def _ended(self, night: Callable[[], Awaitable[int]]) -> int:
        try:
            return int(play(night))
        except BatchError as error:
            self.said.append(str(error))
            return int(error.exit_code)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Service]:
        queue = service_queue(20, RUN_SECONDS, recording=Recording(self.folder / "service"))
        service = Service(queue, on_submit=self.on_submit, unreadable=self.unreadable)
        yield service
        self.listings += service.asked["listing"]

    @property
    def accepted(self) -> Counter[str]:
        """How often each prompt was accepted."""
        queue = service_queue(20, RUN_SECONDS, recording=Recording(self.folder / "service"))
        return Counter(str(request.input["prompt"]) for request in queue.requests)


@pytest.fixture
def now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedNight:
    """A night in a folder of its own."""

    async def in_line(call: Callable[[], object], **_: object) -> object:
        return call()

    monkeypatch.setattr(anyio.to_thread, "run_sync", in_line)  # the mock clock does not wait for threads
    return SharedNight(tmp_path)
