"""Where a batch stands, read from its ledger alone, and how it is told."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch.core.money import dollars
from batch.core.states import State, Status, status
from batch.errors import Exit, LedgerError
from batch.job import Job
from batch.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class FailureKind:
    """Rows that failed alike, and one of them as an example."""

    kind: str
    rows: int
    example_row: int | None
    example: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Counts of the manifest's rows by status; money in millionths of a dollar."""

    rows: dict[Status, int]
    failures: list[FailureKind]
    spent: int
    under_way: int
    """Price of what may be paid for and has no result yet, in doubt included."""
    orphans: int
    """Rows with a paid request that the manifest no longer has."""
    in_doubt: int
    """Rows in doubt, also those that the manifest no longer has."""
    at_fal: int
    """Rows whose request is at fal, also those that the manifest no longer has."""
    to_run: int
    to_run_price: int
    unpriced: int

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    def count(self, *statuses: Status) -> int:
        return sum(self.rows.get(one, 0) for one in statuses)


def read_standing(path: Path, manifest: Path) -> Standing:
    """Where a batch stands, from its ledger file, also while a run writes it.

    Raises:
        LedgerError: there is none, or it cannot be used.
    """
    if not path.exists():
        raise LedgerError(f"{manifest} has no ledger yet: nothing was run. `kling-batch check` says what it would cost")
    with Ledger.read(path) as ledger:
        return standing(ledger)


def standing(ledger: Ledger) -> Standing:
    """Where the manifest's rows stand, as it was last read; out of the indexes, for there may be a million."""
    every, here = _by_state(ledger)
    money = ledger.money()
    (to_run, price, unpriced) = ledger.db.execute(
        "SELECT COUNT(*), COALESCE(SUM(price), 0), COUNT(*) - COUNT(price) FROM row INDEXED BY row_claimable "
        "WHERE state = 'pending' AND place IS NOT NULL"
    ).fetchone()
    return Standing(
        rows=_by_status(ledger, here),
        failures=_failures(ledger),
        spent=money.spent,
        under_way=money.under_way,
        orphans=sum(every[one] - here[one] for one in (State.SUBMITTED, State.IN_DOUBT, State.SUCCEEDED)),
        in_doubt=every[State.IN_DOUBT],
        at_fal=every[State.SUBMITTED],
        to_run=to_run,
        to_run_price=price,
        unpriced=unpriced,
    )


def _by_state(ledger: Ledger) -> tuple[Counter[State], Counter[State]]:
    """How many rows are in each state: all, and those that the manifest has."""
    found = ledger.db.execute(
        "SELECT state, COUNT(*), SUM(EXISTS (SELECT 1 FROM sheet WHERE sheet.row = row.id)) FROM row GROUP BY state"
    ).fetchall()
    return Counter({State(state): n for state, n, _ in found}), Counter({State(state): n for state, _, n in found})


def _by_status(ledger: Ledger, here: Mapping[State, int]) -> dict[Status, int]:
    """How many records are shown as what. `here` counts those that have a row."""
    rows: Counter[Status] = Counter()
    for one, count in here.items():
        rows[status(one, edited=False, invalid=False)] += count
    for state, edited, invalid, count in ledger.db.execute(
        "SELECT state, edited, problem IS NOT NULL, COUNT(*) FROM sheet LEFT JOIN row ON row.id = sheet.row "
        "WHERE sheet.row IS NULL OR edited OR problem IS NOT NULL GROUP BY 1, 2, 3"
    ):
        if state:
            rows[status(State(state), edited=False, invalid=False)] -= count
        rows[status(State(state) if state else None, edited=bool(edited), invalid=bool(invalid))] += count
    return {one: count for one, count in rows.items() if count}


@dataclass(frozen=True, slots=True)
class Price:
    """Rows of one price; `micros` is what they cost in all, in millionths of a dollar."""

    value: str
    rows: int
    micros: int


@dataclass(frozen=True, slots=True)
class Prices:
    """What the rows to run cost, by the input that decides the price."""

    by: str
    unit: str
    items: list[Price]

    def text(self) -> str:
        parts = [f"{one.rows} of {one.value}{self.unit} for {dollars(one.micros)}" for one in self.items]
        return f"({', '.join(parts)})" if parts else ""


def prices_to_run(ledger: Ledger, job: Job) -> Prices:
    """The rows to run and their prices."""
    found = ledger.db.execute(
        "SELECT COALESCE(json_extract(arguments, '$.' || ?), ?) AS value, COUNT(*), COALESCE(SUM(price), 0) "
        "FROM row INDEXED BY row_claimable WHERE state = 'pending' AND place IS NOT NULL "
        "GROUP BY value ORDER BY MIN(price)",
        (job.price_by, job.default(job.price_by)),
    )
    unit = next(iter(job.units.get(job.price_by, ())), "")
    return Prices(job.price_by, f" {unit}" if unit else "", [Price(str(value), *rest) for value, *rest in found])


def _failures(ledger: Ledger) -> list[FailureKind]:
    found = ledger.db.execute(
        "SELECT kind, COUNT(*), MIN(number), message FROM row JOIN sheet ON sheet.row = row.id "
        "WHERE state = 'failed' AND problem IS NULL GROUP BY kind ORDER BY 2 DESC, 1"
    )
    return [FailureKind(*row) for row in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    standing: Standing
    table: str
    """Where the results stand."""
    command: Sequence[str] = ()
    """The arguments that name this batch on a command line."""
    spent_now: int = 0
    interrupted: bool = False
    stopped: str | None = None
    """Why rows were left, where the run stopped by itself."""
    left: int = 0
    """Requests that could not be asked after."""
    unwritten: bool = False
    """The results are in the ledger only; the table could not be read or written."""

    @property
    def exit_code(self) -> Exit:
        """The most urgent one wins."""
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.standing.in_doubt:
            return Exit.IN_DOUBT
        if self.unwritten or self.stopped or self.left or self.standing.to_run or self.standing.at_fal:
            return Exit.STOPPED_EARLY
        if self.standing.count(Status.FAILED, Status.INVALID, Status.CANCELLED):
            return Exit.ROWS_FAILED
        return Exit.DONE

    def text(self, *, run: bool = True) -> str:
        """For a person at seven in the morning; of a run that has ended, or of the batch alone."""
        now = self.standing
        lines = [f"{now.count(Status.SUCCEEDED, Status.STALE)} of {now.total} rows have their video; see {self.table}"]
        lines += [f"  {_failure(failure)}" for failure in now.failures]
        lines += [f"  {count} {_OTHERS[one]}" for one in _OTHERS if (count := now.count(one))]
        if self.unwritten:
            lines.append(
                "  the table could not be written: the results are safe in the ledger, the next run writes them"
            )
        if now.orphans:
            lines.append(
                f"  {now.orphans} paid for, of rows that the table no longer has: put the rows back to see them"
            )
        money = f"spent {dollars(self.spent_now)} in this run, " if run else "spent "
        money += f"{dollars(now.spent)} in all"
        lines.append(money + (f"; {dollars(now.under_way)} more under way or in doubt" if now.under_way else ""))
        if "--sandbox" in self.command:
            lines.append("this was the sandbox: nothing was really spent")
        if self.stopped:
            rest = f"; left: {counted(now.to_run)} for {dollars(now.to_run_price)}" if now.to_run else ""
            lines.append(f"{self.stopped}{rest}")
        if self.next_command:
            mend = self.next_command.startswith("kling-batch rerun") and not _passing(now)
            lines.append(f"next: {self.next_command}{'   (when the rows are mended)' if mend else ''}")
        return "\n".join(lines)

    @property
    def next_command(self) -> str | None:
        """What to type next; None where all is done."""
        now = self.standing
        batch = shlex.join(self.command)
        if now.to_run or now.at_fal or self.left or self.unwritten:
            return f"kling-batch run {batch}"
        if now.in_doubt:
            return f"kling-batch resolve {batch}"
        if now.failures:
            return f"kling-batch rerun {batch}"
        if now.count(Status.INVALID):
            return f"kling-batch check {batch}"
        return None

    def json(self) -> dict[str, Any]:
        """The same for a program; money in US dollars."""
        now = self.standing
        return {
            "exit_code": int(self.exit_code),
            "rows": now.total,
            **{str(one): now.count(one) for one in Status},
            "failures": [
                {"error_type": f.kind, "rows": f.rows, "example_row": f.example_row, "example": f.example}
                for f in now.failures
            ],
            "spent_usd": self.spent_now / 1_000_000,
            "spent_total_usd": now.spent / 1_000_000,
            "under_way_usd": now.under_way / 1_000_000,
            "stopped": self.stopped,
            "table": self.table,
            "next": self.next_command,
        }


_OTHERS = {
    Status.INVALID: "invalid: `kling-batch check` lists what is wrong with them",
    Status.IN_DOUBT: "in doubt: they may have been paid for; every run asks fal, `kling-batch resolve` decides",
    Status.SUBMITTED: "under way at fal: a run brings them home",
    Status.PENDING: "not submitted yet",
    Status.CANCELLED: "cancelled",
    Status.STALE: "of the videos are stale: the rows were edited after they were made",
}


def _failure(failure: FailureKind) -> str:
    advice = f" ({ADVICE[failure.kind]})" if failure.kind in ADVICE else ""
    row = f", row {failure.example_row}" if failure.example_row else ""
    return f"{failure.rows} failed with {failure.kind}{advice}: for example{row}: {failure.example}"


def _passing(now: Standing) -> bool:
    """Whether all that failed may simply be tried again."""
    from batch.core.retry import WORTH_ANOTHER_TRY

    return all(failure.kind in WORTH_ANOTHER_TRY for failure in now.failures)


def counted(rows: int) -> str:
    """`1 row`, `2 rows`."""
    return f"{rows:,} row" + ("" if rows == 1 else "s")


ADVICE = {
    "content_policy_violation": "reword the prompt or change the image",
    "no_media_generated": "reword the prompt or change the image",
    "image_too_small": "use a larger image (300 px a side at least)",
    "image_too_large": "use a smaller image",
    "image_load_error": "open the image and save it again as JPG or PNG",
    "unsupported_image_format": "save the image as JPG, PNG or WEBP",
    "file_download_error": "fal could not fetch the image: is its URL public?",
    "file_too_large": "use a smaller image file (10 MB at most)",
    "face_detection_error": "use an image in which the face is clear",
}
"""What a person can do about a kind of failure."""
