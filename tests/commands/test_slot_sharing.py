"""Runs of one account at the same time: each gets its part of the slots, and what one learnt the next begins with."""

import random
from pathlib import Path

import anyio
import pytest
from anyio import current_time

from batch.commands.batch import Batch
from batch.commands.run import Surroundings, run
from batch.core.run_options import RunOptions
from batch.reports.outcome import Outcome
from tests.support.runs import play_in_line, reaching
from tests.support.sheets import batch
from tests.support.simulated import EPOCH, Service, service_queue


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "an-id:a-secret")


def table(folder: Path, name: str, rows: int) -> Batch:
    folder.joinpath(name).mkdir()
    lines = [f"s{n},{name} {n},https://x.y/{n}\n" for n in range(rows)]
    return batch(folder / name, "id,prompt,image\n" + "".join(lines))


def service(slots: int) -> Service:
    chance = random.Random(5)
    return Service(service_queue(slots, lambda _: max(30.0, chance.gauss(300.0, 30.0))), tells=True)


async def one(given: Batch, fal: Service, ended: dict[str, Outcome], after: float = 0.0) -> None:
    await anyio.sleep(after)
    around = Surroundings(
        connect=reaching(fal),
        now=lambda: EPOCH + current_time(),
        rand=random.Random(0).random,
        show_progress=False,
    )
    name = given.manifest.path.parent.name
    ended[name] = await run(given, RunOptions(), lambda _: None, None, around)


def together(fal: Service, *runs: tuple[Batch, float]) -> dict[str, Outcome]:
    ended: dict[str, Outcome] = {}

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            for given, after in runs:
                tasks.start_soon(one, given, fal, ended, after)

    play_in_line(both)
    return ended


@pytest.mark.parametrize("after", [0.0, 900.0])
def test_two_runs_at_once_get_about_as_many_slots(after: float, tmp_path: Path) -> None:
    """Also where one began a while before the other: of what starts while both run, neither gets twice as much."""
    fal, rows = service(10), 120
    ended = together(fal, (table(tmp_path, "early", rows), 0.0), (table(tmp_path, "late", rows), after))
    assert {name: one.standing.spent // 490_000 for name, one in ended.items()} == {"early": rows, "late": rows}
    starts = [(one.started_at or 0.0, one.input["prompt"].split()[0]) for one in fal.queue.requests]
    ends = {name: max(at for at, whose in starts if whose == name) for name in ("early", "late")}
    both = [whose for at, whose in starts if after + 600.0 <= at <= min(ends.values())]
    early, late = both.count("early"), both.count("late")
    assert early + late > 60
    assert 0.5 <= early / late <= 2.0


def test_the_next_run_begins_with_half_of_what_the_last_one_learnt(tmp_path: Path) -> None:
    """Not one by one: the account is known."""
    fal = service(40)
    together(fal, (table(tmp_path, "first", 120), 0.0))
    told = fal.queue.accepted
    before = max(one.ended_at or 0.0 for one in fal.queue.requests)
    together(fal, (table(tmp_path, "second", 120), before + 3600.0))
    second = sorted(one.sent_at for one in fal.queue.requests[told:])
    assert second[15] - second[0] < 0.5
