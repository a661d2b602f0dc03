"""Takes killed at every statement and file event, or told that a commit failed: each is paid once, none is lost."""

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch.errors import Exit
from tests.support.doomed import STRUCK, Forks, manifest
from tests.sweeps.test_kills import shown

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks of POSIX")

REDONE = "2"
"""The row that just succeeds."""
MORE = ("one more", "and another")
"""Rows added for the last runs: later requests of ours, which prove what never was."""
LATER = 18_000.0
ALL = "EVERY_KILL" in os.environ
"""All of them, some minutes long; otherwise some, spread over the whole run."""
STEPS = {"statement": 61, "file event": 17, "commit that is made": 5, "commit that is not made": 5}


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where the system has such a place."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as name:
        yield Path(name)


@pytest.fixture
def night(forks: Forks, folder: Path) -> Path:
    """A table whose night is over, each row with its one video or failure."""
    begun = folder / "night"
    begun.mkdir()
    manifest(begun)
    assert forks.run(begun) == (Exit.ROWS_FAILED, "")
    return begun


@dataclass(slots=True)
class Case:
    """A table that is struck once in the middle of its takes, and then run until it is done."""

    forks: Forks
    folder: Path
    wanted: Counter[str]
    """Prompt → the takes that there are to be, where the run that was struck had begun to buy."""
    least: Counter[str]
    """The takes that there were before."""
    takes: int | None = None
    """How many each row is to have, as every run says."""

    def require(self) -> None:
        """No take is lost, and nothing that fal has is unknown, unless its row is in doubt or on its way."""
        takes, known, open_ = self.ledger()
        accepted = self.accepted()
        assert all(takes[prompt] >= count for prompt, count in self.least.items()), self.folder
        paid = Counter(prompt for prompt, broke in accepted.values() if not broke)
        assert all(paid[prompt] <= count for prompt, count in self.wanted.items()), (self.folder, paid)
        lost = {prompt for request, (prompt, _) in accepted.items() if request not in known}
        assert lost <= open_, self.folder

    def finish(self) -> None:
        """Run again until done; each take that was paid for is there, and shown."""
        manifest(self.folder, *MORE)
        ended = self.forks.run(self.folder, LATER, takes=self.takes)
        if ended == (Exit.IN_DOUBT, ""):
            self.require()
            ended = self.forks.run(self.folder, 2 * LATER, takes=self.takes)
        assert ended == (Exit.ROWS_FAILED, ""), (self.folder, ended)
        self.require()
        takes, _, _ = self.ledger()
        paid = Counter(prompt for prompt, broke in self.accepted().values() if not broke)
        assert {prompt: takes[prompt] for prompt in self.wanted} == {prompt: paid[prompt] for prompt in self.wanted}
        urls = {row["prompt"]: row["video_url"] for row in shown(self.folder)}
        assert all(urls[prompt] for prompt in self.wanted), urls

    def accepted(self) -> dict[str, tuple[str, bool]]:
        """What the service took, by request: whose prompt, and whether it ended without a video."""
        lines = (self.folder / "service" / "requests.jsonl").read_text().splitlines()
        return {
            one["id"]: (one["input"]["prompt"], one["outcome"]["code"] != 200)
            for one in map(json.loads, lines)
            if one["do"] == "submit"
        }

    def ledger(self) -> tuple[Counter[str], set[str], set[str]]:
        """Takes by prompt, the requests that are known, the prompts of rows on their way or in doubt."""
        with closing(sqlite3.connect(f"file:{self.folder}/shots.csv.ledger?mode=ro", uri=True)) as db:
            prompt = "json_extract(arguments, '$.prompt')"
            takes = db.execute(f"SELECT {prompt}, COUNT(*) FROM take JOIN row ON row.id = take.row GROUP BY row")
            known = {request for (request,) in db.execute("SELECT request_id FROM request")}
            open_ = db.execute(f"SELECT {prompt} FROM row WHERE state IN ('submitting', 'in_doubt')")
            return Counter(dict(takes.fetchall())), known, {one for (one,) in open_}

    def left(self) -> str:
        """What the strike left behind: strikes inside one transaction all leave the same."""
        with closing(sqlite3.connect(f"file:{self.folder}/shots.csv.ledger?mode=ro", uri=True)) as db:
            return "\n".join([*db.iterdump(), *self.accepted(), (self.folder / "shots.csv").read_text()])


ONE = Counter({"plain": 1, "broken once": 1})


@pytest.mark.parametrize(
    ("strike", "lost"),
    [("statement", 0), ("statement", 1), *((strike, 0) for strike in STEPS if strike != "statement")],
)
def test_a_redo_that_is_struck_anywhere_is_paid_once_and_loses_no_take(
    forks: Forks, night: Path, folder: Path, strike: str, lost: int
) -> None:
    """Whether it had begun or not: the take that was there is, and what was paid for is the second one."""
    ends = Counter[int]()
    seen = set[str]()
    for at in range(1 if ALL else 20 if strike == "statement" else 3, 10_000, 1 if ALL else STEPS[strike]):
        struck = folder / str(at)
        shutil.copytree(night, struck)
        case = Case(forks, struck, ONE + Counter({"plain": 1}), ONE)
        code, _ = forks.run(struck, 1000.0, lost=lost, strike=strike, at=at, redo=REDONE)
        case.require()
        if code in (Exit.ROWS_FAILED, Exit.IN_DOUBT):
            break
        assert code in (STRUCK, Exit.UNUSABLE, Exit.STOPPED_EARLY), at
        if (left := case.left()) not in seen:
            seen.add(left)
            case.finish()
            ends[case.ledger()[0]["plain"]] += 1
        shutil.rmtree(struck)
    assert set(ends) == {1, 2} if ALL else ends


@pytest.mark.parametrize("strike", ["statement", "commit that is made"])
def test_several_takes_that_are_struck_anywhere_are_paid_once_each(forks: Forks, folder: Path, strike: str) -> None:
    """In the end every row has just as many as were wanted."""
    begun = folder / "begun"
    begun.mkdir()
    manifest(begun)
    wanted = Counter({"plain": 3, "broken once": 3})
    seen = set[str]()
    for at in range(1 if ALL else 5, 10_000, 1 if ALL else 3 * STEPS[strike]):
        struck = folder / str(at)
        shutil.copytree(begun, struck)
        code, _ = forks.run(struck, takes=3, strike=strike, at=at)
        if not (struck / "shots.csv.ledger").exists():
            continue
        case = Case(forks, struck, wanted, Counter(), 3)
        case.require()
        if code == Exit.ROWS_FAILED:
            assert case.ledger()[0] == wanted
            break
        if (left := case.left()) not in seen:
            seen.add(left)
            case.finish()
            assert case.ledger()[0] == wanted | Counter(dict.fromkeys(MORE, 3))
        shutil.rmtree(struck)
    assert len(seen) > (50 if ALL else 1)
