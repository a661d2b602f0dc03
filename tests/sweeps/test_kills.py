"""A whole batch killed at every statement and file event, or told that a commit failed: run again, it is whole."""

import csv
import json
import os
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

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks of POSIX")

LOST = 3
"""The third reply to a submit never comes."""
MORE = ("one more", "and another")
"""Rows added for the last runs: later requests of ours, which prove what never was."""
SOON, LATER = 300.0, 18_000.0
ENOUGH = 10_000
COMPARED = ("id", "prompt", "image", "note", "status", "error", "error_type", "cost_usd")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where the system has such a place: a process that dies loses nothing of what it gave to the kernel."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def undisturbed(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The table of a batch to which nothing happened."""
    folder = tmp_path_factory.mktemp("undisturbed")
    manifest(folder)
    assert forks.run(folder) == (Exit.ROWS_FAILED, "")
    manifest(folder, *MORE)
    assert forks.run(folder, LATER) == (Exit.ROWS_FAILED, "")
    rows = shown(folder)
    assert [row["status"] for row in rows] == ["succeeded", "failed", "succeeded", "succeeded", "succeeded"]
    return rows


@pytest.mark.parametrize(("first", "last"), [(1, 100), (101, 200), (201, 300), (301, 400), (401, ENOUGH)])
def test_a_batch_killed_at_any_statement_ends_well_when_it_is_run_again(
    forks: Forks, undisturbed: list[dict[str, str]], folder: Path, first: int, last: int
) -> None:
    """Every row has its one video, or its one failure, and the table is that of a night without a kill."""
    kills = 0
    seen = set[str]()
    for at in range(first, last + 1):
        case = Case(forks, folder / str(at), undisturbed)
        if case.begin("statement", at) != STRUCK:
            assert case.error == ""
            break
        kills += 1
        if (left := case.left()) not in seen:
            case.finish(soon=len(seen) % 3 == 0)
            seen.add(left)
    assert kills > 30
    assert len(seen) > 2


def test_a_batch_killed_at_any_file_event_ends_well_when_it_is_run_again(
    forks: Forks, undisturbed: list[dict[str, str]], folder: Path
) -> None:
    """The same for every opening, renaming, removing and flushing of a file beside the table."""
    kills = 0
    seen = set[str]()
    for at in range(1, ENOUGH):
        case = Case(forks, folder / str(at), undisturbed)
        if case.begin("file event", at) != STRUCK:
            assert case.error == ""
            break
        kills += 1
        if (left := case.left()) not in seen:
            case.finish(soon=len(seen) % 3 == 0)
            seen.add(left)
    assert kills > 30
    assert len(seen) > 10


@pytest.mark.parametrize("strike", ["commit that is made", "commit that is not made"])
def test_a_commit_that_is_told_to_have_failed_ends_the_run_and_harms_nothing(
    forks: Forks, undisturbed: list[dict[str, str]], folder: Path, strike: str
) -> None:
    """Whether SQLite made it or not: a clear message, the documented exit code, and the next run ends well."""
    codes = Counter[int]()
    for at in range(1, ENOUGH):
        case = Case(forks, folder / str(at), undisturbed)
        code = case.begin(strike, at)
        if not case.error and code == Exit.ROWS_FAILED:
            break
        assert (code, case.error[:10]) in {(Exit.UNUSABLE, "LedgerErro"), (Exit.STOPPED_EARLY, "LedgerLost")}, case
        assert bool(case.accepted) <= (code == Exit.STOPPED_EARLY), case
        case.finish(soon=at % 3 == 0)
        codes[code] += 1
    assert min(codes[Exit.UNUSABLE], codes[Exit.STOPPED_EARLY]) > 2


@dataclass(slots=True)
class Case:
    """One batch in a folder of its own, struck once and run again."""

    forks: Forks
    folder: Path
    expected: list[dict[str, str]]
    error: str = ""

    def begin(self, strike: str, at: int) -> int:
        self.folder.mkdir()
        manifest(self.folder)
        code, self.error = self.forks.run(self.folder, lost=LOST, strike=strike, at=at)
        self.require_paid_once()
        return code

    def left(self) -> str:
        """What a kill left behind, as one text: kills inside one transaction all leave the same."""
        names = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))
        texts = [(self.folder / "shots.csv").read_text(), *map(str, self.accepted)]
        ledger = self.folder / "shots.csv.ledger"
        if ledger.exists():
            with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
                texts += db.iterdump()
        return "\n".join([*names, *texts])

    def finish(self, *, soon: bool) -> None:
        """Run again until done: at once, when nothing is proven yet, and in any case later."""
        if soon:
            code, error = self.forks.run(self.folder, SOON)
            assert (code, error) in {(Exit.ROWS_FAILED, ""), (Exit.IN_DOUBT, "")}, self.folder
            self.require_paid_once()
        manifest(self.folder, *MORE)
        ended = self.forks.run(self.folder, LATER)
        if ended == (Exit.IN_DOUBT, ""):
            # The two that were sent later are of this run: what they prove is proven hours after them.
            self.require_paid_once()
            ended = self.forks.run(self.folder, 2 * LATER)
        assert ended == (Exit.ROWS_FAILED, ""), self.folder
        self.require_paid_once()
        rows = shown(self.folder)
        assert [{name: row[name] for name in COMPARED} for row in rows] == [
            {name: row[name] for name in COMPARED} for row in self.expected
        ], self.folder
        assert {row["request_id"] for row in rows} <= set(self.accepted), self.folder

    def require_paid_once(self) -> None:
        """No row has a second video, and whatever fal has is known, or its row in doubt or on its way."""
        attempts, known, open_ = self.ledger()
        accepted = Counter(prompt for prompt, _ in self.accepted.values())
        assert all(times <= attempts.get(prompt, 0) for prompt, times in accepted.items()), self.folder
        paid = Counter(prompt for prompt, broke in self.accepted.values() if not broke)
        assert set(paid.values()) <= {1}, self.folder
        lost = {prompt for request, (prompt, _) in self.accepted.items() if request not in known}
        assert lost <= open_, self.folder
        given = [line.split(",")[:4] for line in (self.folder / "shots.csv").read_text().splitlines()]
        assert given[1:] == [[row[name] for name in COMPARED[:4]] for row in self.expected[: len(given) - 1]]

    @property
    def accepted(self) -> dict[str, tuple[str, bool]]:
        """What the service took, by request: whose prompt, and whether it broke at no cost."""
        recording = self.folder / "service" / "requests.jsonl"
        records = [json.loads(line) for line in recording.read_text().splitlines()] if recording.exists() else []
        return {
            one["id"]: (one["input"]["prompt"], one["outcome"]["code"] >= 500)
            for one in records
            if one["do"] == "submit"
        }

    def ledger(self) -> tuple[dict[str, int], set[str], set[str]]:
        """Attempts by prompt, the requests that are known, the prompts of rows on their way or in doubt."""
        path = self.folder / "shots.csv.ledger"
        if not path.exists():
            return {}, set(), set()
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT json_extract(arguments, '$.prompt'), attempts, state FROM row").fetchall()
            known = {request for (request,) in db.execute("SELECT request_id FROM request")}
        return (
            {prompt: attempts for prompt, attempts, _ in rows},
            known,
            {prompt for prompt, _, state in rows if state in ("submitting", "in_doubt")},
        )


def shown(folder: Path) -> list[dict[str, str]]:
    with (folder / "shots.csv").open(newline="") as file:
        return list(csv.DictReader(file))
