"""A sheet in memory that a test edits, and the ledger that reads it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.row import PlannedRow, Problem
from batch.core.states import State, Status
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import Findings, match
from batch.ledger.result_rows import matched_rows
from batch.results_writer.result_cells import result_cells

PAID = {State.SUBMITTING, State.SUBMITTED, State.IN_DOUBT, State.SUCCEEDED}
PRICE = 490_000


@dataclass
class Record:
    """A line of the sheet; `uid` is a remark of the user's that nobody reads."""

    prompt: str
    id: str = ""
    own: dict[str, str] = field(default_factory=dict)
    uid: int = field(default_factory=count().__next__)

    def copied(self) -> "Record":
        return replace(self, own=dict(self.own), uid=Record("").uid)


def print_of(prompt: str) -> bytes:
    return hashlib.sha256(prompt.encode()).digest()[:16]


def planned(sheet: Sequence[Record]) -> Iterator[PlannedRow]:
    """An empty prompt is a row that cannot be run."""
    for place, one in enumerate(sheet):
        common = (place, place + 2, one.id, one.own)
        if one.prompt:
            yield PlannedRow(*common, {"prompt": one.prompt}, print_of(one.prompt), PRICE)
        else:
            yield PlannedRow(*common, None, None, None, (Problem(place + 2, "prompt", "is empty"),))


class Batch:
    """A sheet and its ledger."""

    def __init__(self, *sheet: Record) -> None:
        self.sheet = list(sheet)
        self.ledger = Ledger.in_memory()
        self.requests = count(1)

    def read(self, *, new: bool = True) -> Findings:
        found = match(self.ledger, planned(self.sheet))
        self.enrolled = enrol(self.ledger, 1.0, new=new)
        return found

    def save(self) -> None:
        """Our cells, as they are written into the table."""
        match(self.ledger, planned(self.sheet))
        for row in matched_rows(self.ledger):
            cells = result_cells(row)._asdict()
            named = ("status", "video_url", "error", "error_type", "request_id")
            self.sheet[row.place].own = {name: str(cells[name]) for name in named if cells[name]}

    def bring(self, row: int, state: State) -> int:
        """A pending row on its way to this state."""
        move = self.ledger.apply
        if state is State.PENDING:
            return row
        if state is State.CANCELLED:
            move(row, states.cancelled(State.PENDING, 2.0, 0))
            return row
        move(row, states.claimed(2.0, None, PRICE))
        if state is State.IN_DOUBT:
            move(row, states.reply_lost(3.0, "cut"))
        if state in {State.SUBMITTED, State.SUCCEEDED, State.FAILED}:
            name = f"r{next(self.requests)}"
            move(row, states.accepted(3.0, Receipt(name, f"https://q/{name}", "https://q", "https://q")))
        if state is State.SUCCEEDED:
            move(row, states.succeeded(4.0, "{}", f"https://v/{row}", PRICE))
        if state is State.FAILED:
            move(row, states.failed(4.0, "content_policy_violation", "no", PRICE))
        return row

    def stands(self) -> list[tuple[int | None, Status]]:
        """Row and status of each record."""
        found = self.ledger.db.execute(
            "SELECT sheet.row, state, edited, problem IS NOT NULL FROM sheet LEFT JOIN row ON row.id = sheet.row "
            "ORDER BY sheet.place"
        )
        return [
            (row, states.status(State(state) if state else None, edited=bool(edited), invalid=bool(bad)))
            for row, state, edited, bad in found
        ]

    def pending_rows(self) -> list[str]:
        return [work.arguments["prompt"] for work in self.ledger.pending_rows(-1, 1000)]

    def query(self, sql: str) -> list[Any]:
        return self.ledger.db.execute(sql).fetchall()


def ran(*sheet: Record, state: State = State.SUCCEEDED, saved: bool = True) -> Batch:
    """A batch whose rows all came to one state."""
    batch = Batch(*sheet)
    batch.read()
    for work in batch.ledger.pending_rows(-1, 1000):
        batch.bring(work.row, state)
    if saved:
        batch.save()
    return batch
