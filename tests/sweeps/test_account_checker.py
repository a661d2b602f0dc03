"""Tables of one account at once, files lost, copied and put back, runs killed: checked against what fal was sent."""

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import current_time

from batch.account.book_file import book_path
from batch.api import open_batch
from batch.commands.run import Surroundings, run
from batch.core.equality import Equality
from batch.core.gateway import InDoubt, SubmitAnswer
from batch.core.run_options import RunOptions
from batch.errors import BatchError
from batch.job import Arguments
from batch.ledger.ledger import Ledger
from batch.manifest.fingerprint import defaults
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.runs import play_in_line, reaching
from tests.support.simulated import EPOCH, Crash, Service, service_queue

HOUR = 3600.0
PROMPTS = ("kite", "boat", "fox")
IMAGE = "https://example.com/a.png"
KEY = "an-id:a-secret"


class Dead(Exception):
    """The process has died: nothing is written any more, whoever asks for it."""


class Unreliable(Service):
    """Some POSTs never arrive, and nobody hears of it."""

    async def submit(self, arguments: Arguments, start_timeout: float = 3600.0) -> SubmitAnswer:
        plain = self.on_submit
        fate = plain(0)
        if fate == "never arrived":
            return InDoubt("the reply was lost")
        self.on_submit = lambda _: fate
        try:
            return await super().submit(arguments, start_timeout)
        finally:
            self.on_submit = plain


class World:
    """Some tables in folders of their own, one service, one account; all chance comes from one seed."""

    def __init__(self, folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.now = 0.0
        self.service = Unreliable(service_queue(3, 60.0))
        self.tables: list[Path] = []
        self.strangers: set[str] = set()
        self.wanted: Counter[str] = Counter()
        self.log: list[str] = []
        self._dying = 0
        self._dead: set[int] = set()
        for _ in range(2):
            self.make_table([self.chance.choice(PROMPTS) for _ in range(2)])
        monkeypatch.setattr(Ledger, "commit", self._commit(Ledger.commit))

    def make_table(self, prompts: list[str]) -> None:
        home = self.folder / f"t{len(self.tables)}"
        home.mkdir()
        rows = [f"{prompt},{IMAGE}\n" for prompt in prompts]
        (home / "shots.csv").write_text("prompt,image\n" + "".join(rows))
        (home / "bare.csv").write_text("prompt,image\n" + "".join(rows))
        self.wanted.update(prompts)
        self.tables.append(home / "shots.csv")

    def _commit(self, plain: Callable[[Ledger], None]) -> Callable[[Ledger], None]:
        def commit(ledger: Ledger) -> None:
            self._dying -= 1
            if self._dying == 0 and id(ledger) not in self._dead:  # between the two files
                if ledger.book:
                    ledger.book.commit()
                self._dead.add(id(ledger))
            if id(ledger) in self._dead:
                raise Dead
            plain(ledger)

        return commit

    def runs(self, tables: list[Path], *, calm: bool = False) -> None:
        """These tables at once, each once; with replies lost, and deaths, unless it is calm."""
        self._dying = 0 if calm or self.chance.random() < 0.5 else self.chance.randint(1, 12)
        self.service.on_submit = lambda _: None if calm else self._fate()
        self.service.unreadable = not calm and self.chance.random() < 0.4
        self._dead.clear()
        self.now = play_in_line(lambda: self._played(tables))

    def _fate(self) -> str | None:
        return self.chance.choice([None, None, None, "lost", "never arrived", "crash", "crash_before", "busy"])

    async def _played(self, tables: list[Path]) -> float:
        await anyio.sleep(self.now)
        async with anyio.create_task_group() as tasks:
            for table in tables:
                tasks.start_soon(self._one, table)
        return current_time()

    async def _one(self, table: Path) -> None:
        around = Surroundings(
            connect=reaching(self.service),
            now=lambda: EPOCH + current_time(),
            rand=random.Random(0).random,
            show_progress=False,
        )
        try:
            with suppress(BatchError):
                await run(open_batch(table), RunOptions(max_seconds=600.0), self.log.append, surroundings=around)
        except (Crash, Dead, BaseExceptionGroup) as died:
            if not _only_crashes(died):
                raise
            self.log.append("killed")

    def living(self) -> list[Path]:
        return [table for table in self.tables if table.exists()]

    # What happens to files

    def wait(self) -> None:
        self.now += self.chance.choice([60.0, HOUR, 5 * HOUR])

    def delete_ledger(self) -> None:
        """And what the runs have written into the table, or the next one would be refused."""
        table = self.chance.choice(self.living())
        Path(f"{table}.ledger").unlink(missing_ok=True)
        shutil.copyfile(table.with_name("bare.csv"), table)

    def back_up(self) -> None:
        table = self.chance.choice(self.living())
        for end in ("", ".ledger"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{table}{end}", f"{table}{end}.backup")

    def put_back(self) -> None:
        table = self.chance.choice(self.living())
        for end in ("", ".ledger"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{table}{end}.backup", f"{table}{end}")

    def submit_by_hand(self) -> None:
        """Somebody else on the account asks for the same, at about the same time."""
        arguments = {"prompt": self.chance.choice(PROMPTS), "image_url": IMAGE, "duration": "5"}
        self.strangers.add(self.service.queue.submit(JOB.endpoint, arguments, HOUR, now=self.now).id)

    def move(self) -> None:
        table = self.chance.choice(self.living())
        home = table.parent.with_name(f"{table.parent.name}m")
        table.parent.rename(home)
        self.tables[self.tables.index(table)] = home / table.name

    def check(self) -> None:
        """Per input no more requests than rows that want it; none in two tables, of other inputs, or lost."""
        ours = {one.id: str(one.input["prompt"]) for one in self.service.queue.requests if one.id not in self.strangers}
        sent = Counter(ours.values())
        assert sent <= self.wanted, (sent, self.wanted, self.log)
        prompts = {one.id: str(one.input["prompt"]) for one in self.service.queue.requests}
        seen: Counter[str] = Counter()
        for table in self.living():
            with Ledger.read(Path(f"{table}.ledger")) as ledger:
                for prompt, request_id in ledger.db.execute(
                    "SELECT json_extract(arguments, '$.prompt'), request_id FROM row WHERE request_id IS NOT NULL"
                ):
                    assert prompts[request_id] == prompt, self.log
                    seen[request_id] += 1
        assert max(seen.values(), default=0) <= 1, (seen, self.log)
        self.check_book(ours)

    def left(self) -> set[str]:
        """How the rows of all tables stand."""
        found: set[str] = set()
        for table in self.living():
            with Ledger.read(Path(f"{table}.ledger")) as ledger:
                found |= {state for (state,) in ledger.db.execute("SELECT state FROM row")}
        return found

    def check_book(self, ours: dict[str, str]) -> None:
        """What was paid for is some row's, or a row of its inputs is in doubt for it."""
        with closing(sqlite3.connect(book_path(KEY))) as book:
            known = {name for (name,) in book.execute("SELECT request_id FROM purchase")}
            open_ = Counter(sent for (sent,) in book.execute("SELECT sent FROM purchase WHERE state = 'open'"))
        equality = Equality(defaults(JOB), JOB.endpoint)
        nobodys = Counter(
            equality.digest(one.input) for one in self.service.queue.requests if one.id in ours and one.id not in known
        )
        assert nobodys <= open_, self.log


def _only_crashes(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only_crashes(one) for one in error.exceptions)
    return isinstance(error, Crash | Dead)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_to_files_and_runs_each_row_is_paid_once(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And in the end, with all calm, every row that can be told has its video."""
    monkeypatch.setenv("FAL_KEY", KEY)
    world = World(tmp_path, seed, monkeypatch)
    losses = [world.delete_ledger, world.back_up, world.put_back, world.move, world.submit_by_hand]
    steps: list[Callable[[], Any]] = [world.wait, *losses]
    world.runs(world.living())
    for _ in range(8):
        if world.chance.random() < 0.6:
            world.runs(world.chance.sample(world.living(), world.chance.randint(1, 2)))
        else:
            step = world.chance.choice(steps)
            world.log.append(step.__name__)
            step()
        world.check()
    for _ in range(2):
        world.now += 5 * HOUR
        world.runs(world.living(), calm=True)
        world.check()
    assert world.left() <= {"succeeded", "in_doubt"}, world.log
