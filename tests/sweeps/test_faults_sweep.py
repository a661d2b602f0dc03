"""Every fault of the sandbox, alone and in pairs, under the real gateway in a whole run, many at once."""

import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from batch.api import open_batch
from batch.commands.batch import Batch
from batch.commands.run import Surroundings, run
from batch.core.run_options import RunOptions
from batch.fal.client import FalGateway
from batch.ledger.ledger import Ledger
from batch.pacing import poller
from batch.sandbox import Address, Faults, Queue, serve
from batch.sandbox.faults import REQUEST_FAULTS
from batch.sandbox.outcomes import names

AT_ONCE = 12
IMAGE = Path(__file__).parents[2] / "samples" / "images" / "kite.jpg"
CODES = ("401", "403_locked", "404", "408", "409", "429(0.1)", "499", "500", "502_nginx", "503", "504")
CUTS = tuple("slow(0.2)" if name == "slow" else name for name in REQUEST_FAULTS if name != "silent")
"""`silent` costs a minute of waiting; tests of the gateway and of nights have it."""
REFUSALS = ("401", "403_locked", "404", "429(0.1)")
"""Fal says that nothing is enqueued with these."""
ANSWERED = (*CODES, *(f"accept_then_{code}" for code in CODES if code not in REFUSALS))
BLIND = "history=403"
"""Rows in doubt stay so, at once."""

UNBACKED = ("run:1=empty_result", "run:1=null_video")
"""A result without a video, of a run that did not fail: believed after hours only."""

SINGLE = {
    "submit": [f"submit:2={fault}" for fault in (*CUTS, *ANSWERED)],
    "questions": [f"{kind}:1={fault}" for kind in ("status", "result") for fault in (*CUTS, *CODES) if fault != "401"],
    "connections": [f"connect:{nth}={fault}" for nth in (1, 2) for fault in ("500", "502_nginx", "503", "504")],
    "uploads": [f"{kind}:1={fault}" for kind in ("token", "upload") for fault in ("cut_before", "cut_after", "503")],
    "history": [f"submit:2=cut_after,history:1={fault}" for fault in (*CUTS, "401", "404", "429(0.1)", "500")],
    "runs": [f"run:1={name}" for name in names()],
}


def pairs(count: int) -> list[str]:
    """Two faults of different kinds, drawn with a seed."""
    rand = random.Random(5)
    found = []
    for _ in range(count):
        one, other = rand.choice(SINGLE["submit"]), rand.choice(SINGLE["questions"] + SINGLE["connections"])
        found.append(f"{one},{other}")
    return found


@pytest.mark.parametrize("kind", [*SINGLE, "pairs"])
def test_no_fault_buys_a_second_video_or_loses_one(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run, and run again in calm: accepted at most once, known or in doubt, the user's cells as they were."""
    monkeypatch.setattr(poller, "HEARD_SECONDS", 5.0)
    cases = SINGLE.get(kind) or pairs(24)
    anyio.run(sweep, cases, tmp_path, kind == "uploads")


async def sweep(cases: Sequence[str], folder: Path, uploads: bool) -> None:
    """Uploads go through a client that reads the environment each time: one case after the other."""
    limit = anyio.CapacityLimiter(1 if uploads else AT_ONCE)
    async with anyio.create_task_group() as tasks:
        for number, faults in enumerate(cases):
            tasks.start_soon(one_case, faults, folder / str(number), limit, uploads)


async def one_case(faults: str, folder: Path, limit: anyio.CapacityLimiter, uploads: bool) -> None:
    async with limit, serve(Queue(4, 0.02), faults=Faults.parse(faults)) as address:
        case = Case(faults, folder, address, uploads)
        blind = "" if "history" in faults else f",{BLIND}"
        address.fault_injector.plan(Faults.parse(faults + blind))
        await case.run()
        case.require_paid_once()
        lost = set(case.accepted) - case.known()
        address.fault_injector.plan(Faults.parse("" if lost else BLIND))
        await case.run()
        case.require_paid_once()
        assert set(case.accepted) <= case.known(), f"{faults}: paid for and not found"
        assert case.states() <= {"succeeded", "failed", "in_doubt", *(["submitted"] if faults in UNBACKED else [])}, (
            faults
        )


@dataclass
class Case:
    """Three rows and the service that they meet; the second row may have a local image."""

    faults: str
    folder: Path
    address: Address
    uploads: bool

    def __post_init__(self) -> None:
        self.folder.mkdir()
        (self.folder / "kite.jpg").write_bytes(IMAGE.read_bytes())
        images = [
            "https://example.com/a.png",
            "kite.jpg" if self.uploads else "https://example.com/b.png",
            "https://example.com/c.png",
        ]
        self.lines = [f"r{n},shot {n},{image},kept" for n, image in enumerate(images)]
        self.shots.write_text("\n".join(["id,prompt,image,note", *self.lines, ""]))

    @property
    def shots(self) -> Path:
        return self.folder / "shots.csv"

    async def run(self) -> None:
        batch = open_batch(self.shots)

        @asynccontextmanager
        async def connect(_: Batch) -> AsyncIterator[FalGateway]:
            with self._reached() as here:
                gateway = FalGateway(batch.manifest.job, local=batch.manifest.local)
                if not self.uploads:
                    here.undo()  # the environment is read when the gateway is made, and not after
                async with gateway:
                    yield gateway

        around = Surroundings(connect=connect, rand=random.Random(0).random, show_progress=False)
        await run(batch, RunOptions(), lambda _: None, surroundings=around)

    @contextmanager
    def _reached(self) -> Iterator[pytest.MonkeyPatch]:
        with pytest.MonkeyPatch.context() as patched:
            for name, value in self.address.environment().items():
                patched.setenv(name, value)
            # Each case's service gives out the same ids, and a book knows each once.
            patched.setenv("XDG_STATE_HOME", str(self.folder / "state"))
            yield patched

    @property
    def accepted(self) -> dict[str, str]:
        return {one.id: str(one.input["prompt"]) for one in self.address.queue.requests}

    def known(self) -> set[str]:
        with Ledger.read(batch_ledger(self.shots)) as ledger:
            return {request for (request,) in ledger.db.execute("SELECT request_id FROM request")}

    def states(self) -> set[str]:
        with Ledger.read(batch_ledger(self.shots)) as ledger:
            return {state for (state,) in ledger.db.execute("SELECT state FROM row")}

    def require_paid_once(self) -> None:
        with Ledger.read(batch_ledger(self.shots)) as ledger:
            rows = ledger.db.execute("SELECT arguments, attempts, state FROM row").fetchall()
        accepted = Counter(self.accepted.values())
        paid = Counter(str(one.input["prompt"]) for one in self.address.queue.requests if one.outcome.makes_video)
        assert set(paid.values()) <= {1}, self.faults
        known = self.known()
        for arguments, attempts, state in rows:
            prompt = json.loads(arguments)["prompt"]
            assert accepted[prompt] <= attempts, (self.faults, prompt)
            lost = any(of == prompt and request not in known for request, of in self.accepted.items())
            assert not lost or state == "in_doubt", (self.faults, prompt, state)
        found = self.shots.read_text().splitlines()[1:]
        assert all(line.startswith(f"{given},") for line, given in zip(found, self.lines, strict=True)), self.faults


def batch_ledger(shots: Path) -> Path:
    return shots.with_name(f"{shots.name}.ledger")
