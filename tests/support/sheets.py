"""Tables on disk with their ledgers beside them, whose rows are moved from state to state by hand."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from batch.commands.batch import Batch
from batch.commands.rerun import Selection
from batch.core import states
from batch.core.gateway import Receipt
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.manifest.loader import Manifest
from batch.results_writer.writer import ResultsWriter, Saved
from batch.table import open_table
from jobs.kling import KLING_2_1_PRO as JOB

PRICE = 490_000
SHOTS = "prompt,image,note\na,https://x.y/1,first\nb,https://x.y/2,second\nc,https://x.y/3,third\n"

COLUMN_LINES = 3
"""What is said of the columns of `SHOTS`, first of all: read, defaults, left alone."""


def batch(tmp_path: Path, text: str, name: str = "shots.csv") -> Batch:
    """A batch of this table, nothing read yet."""
    path = tmp_path / name
    path.write_text(text)
    return Batch(
        manifest=Manifest(path=path, job=JOB, prices=JOB.prices),
        ledger=path.with_name(name + ".ledger"),
        command=[str(path)],
    )


class Sheet:
    """A table and its ledger beside it."""

    def __init__(self, table: Path, target: Path | None = None, prefix: str = "") -> None:
        self.path = table
        self.target = target
        self.manifest = Manifest(path=table, job=JOB, prices=JOB.prices, prefix=prefix, reads_own=target is None)
        self.at = table.with_name(table.name + ".ledger")
        self.ledger = Ledger.open(self.at)
        self.requests = count(1)

    def read(self) -> None:
        match(self.ledger, self.manifest.plan(self.manifest.open()))
        enrol(self.ledger, 1.0, new=True)

    def rows(self) -> list[int]:
        return [row for (row,) in self.ledger.db.execute("SELECT row FROM sheet ORDER BY place")]

    def succeed(self, row: int) -> None:
        name = f"r{next(self.requests)}"
        self.ledger.apply(row, states.claimed(1e9, None, PRICE))
        self.ledger.apply(row, states.accepted(1e9, Receipt(name, "https://s", "https://r", "https://c")))
        self.ledger.apply(row, states.succeeded(1e9 + 60, "{}", f"https://v/{row}", PRICE))

    def fail(self, row: int, kind: str = "content_policy_violation", message: str = "no") -> None:
        self.ledger.apply(row, states.claimed(1e9, None, PRICE))
        self.ledger.apply(row, states.refused(1e9, kind, message))

    def save(self) -> Saved:
        return ResultsWriter(self.manifest, self.at, self.target).save()

    def column(self, name: str, path: Path | None = None) -> list[str]:
        table = open_table(path or self.path)
        at = table.columns.index(name)
        return [record.cells[at] for record in table.records()]

    def mark(self, selection: Selection) -> None:
        selection.mark(self.ledger, 2e9)

    def pending(self) -> list[int]:
        return [work.number for work in self.ledger.pending_rows(-1, 99)]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Sheet]]:
    """Makes tables that are enrolled in their ledgers."""
    made: list[Sheet] = []

    def batch(text: str, name: str = "shots.csv", **more: object) -> Sheet:
        path = tmp_path / name
        path.write_bytes(text.encode())
        made.append(Sheet(path, **more))  # type: ignore[arg-type]
        made[-1].read()
        return made[-1]

    yield batch
    for one in made:
        one.ledger.close()
