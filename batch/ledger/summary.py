"""Sums up where a batch stands: counts, money, failures by kind, prices."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from batch.core.gateway import START_TIMEOUT
from batch.core.jobs import Jobs
from batch.core.money import dollars
from batch.core.states import BOUGHT_BEFORE, State, Status, status
from batch.errors import LedgerError
from batch.job import Job
from batch.ledger.endpoints import endpoints_to_run
from batch.ledger.file import TAKES_SINCE
from batch.ledger.ledger import ENDPOINT, Ledger, price_path
from batch.ledger.marks import MARKED_TO_BUY
from batch.ledger.request_logs import logs_by_row
from batch.ledger.take_counts import SEVERAL, TO_BUY


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Rows that failed alike, and one of them as an example."""

    error_type: str
    rows: int
    example_row: int | None
    example: str


@dataclass(frozen=True, slots=True)
class UnheardGroup:
    """Rows under way whose end no run could learn yet, alike, one of them as an example. Times are since 1970."""

    error_type: str
    rows: int
    since: float
    example_row: int | None
    example: str


@dataclass(frozen=True, slots=True)
class UnfinishedRow:
    """A row without a video that no run takes up by itself, and why. `id` is that of its column, where it has one."""

    number: int
    id: str | None
    status: Status
    error_type: str
    error: str
    log: Sequence[str] = ()
    """The last lines of its request's runner, where they were asked for."""


ROWS_TOLD = 1000
"""Rows without a video that are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """Counts of the manifest's rows by status; money in millionths of a dollar."""

    rows: dict[Status, int]
    failures: list[FailureGroup]
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
    """Rows that are pending, and those that are marked to be run again."""
    to_run_price: int
    """Of all takes of them."""
    unpriced: int
    unheard: Sequence[UnheardGroup] = ()
    """Of the rows whose request is at fal: those that runs have asked after in vain."""
    held: int = 0
    """Of the rows in doubt: those that seem to have been bought before, which a person decides."""
    last_start: float | None = None
    """When fal has given up the last of those in doubt that its records may settle, if no runner took it until then."""
    unfinished: Sequence[UnfinishedRow] = ()
    """In the order of the manifest."""
    more_takes: int = 0
    """Videos to make beyond one for each of the rows to run."""
    more_takes_under_way: int = 0
    """The same of the rows whose request is at fal, or may be."""
    takes: int = 0
    """Videos that there are beyond one for each row that has any."""
    kept: int = 0
    """Rows that stand otherwise than with their video by now, and still have one from before."""

    @property
    def to_make(self) -> int:
        """How many videos the rows to run come to."""
        return self.to_run + self.more_takes

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    def count(self, *statuses: Status) -> int:
        return sum(self.rows.get(one, 0) for one in statuses)


def read_summary(path: Path, manifest: Path) -> LedgerSummary:
    """Where a batch stands, from its ledger file, also while a run writes it.

    Raises:
        LedgerError: there is none, or it cannot be used.
    """
    if not path.exists():
        raise LedgerError(f"{manifest} has no ledger yet: nothing was run. `kling-batch check` says what it would cost")
    with Ledger.read(path) as ledger:
        return summarize(ledger)


def summarize(ledger: Ledger) -> LedgerSummary:
    """Where the manifest's rows stand, as it was last read; out of the indexes, for there may be a million."""
    every, here = _by_state(ledger)
    money = ledger.money()
    (to_run, price, unpriced) = ledger.db.execute(
        "SELECT COUNT(*), COALESCE(SUM(price), 0), COUNT(*) - COUNT(price) FROM row INDEXED BY row_claimable "  # noqa: S608 - ours
        f"WHERE {_pending(ledger)}"
    ).fetchone()
    held, last_start = ledger.db.execute(
        "SELECT COUNT(*) FILTER (WHERE kind = :held), "  # noqa: S608 - our own text
        f"MAX(intent_at + COALESCE({ledger.start_timeout}, :deadline)) FILTER (WHERE kind <> :held) FROM row "
        "WHERE state = 'in_doubt'",
        {"held": BOUGHT_BEFORE, "deadline": START_TIMEOUT},
    ).fetchone()
    marked, marked_takes, marked_price, marked_unpriced = ledger.marks.to_run()
    takes = _Takes(0, 0, 0, 0, 0) if ledger.version < TAKES_SINCE else _takes(ledger)
    return LedgerSummary(
        rows=_by_status(ledger, here),
        failures=_failures(ledger),
        spent=money.spent,
        under_way=money.under_way,
        orphans=sum(every[one] - here[one] for one in (State.SUBMITTED, State.IN_DOUBT, State.SUCCEEDED)),
        in_doubt=every[State.IN_DOUBT],
        at_fal=every[State.SUBMITTED],
        to_run=to_run + marked,
        to_run_price=price + takes.price + marked_price,
        unpriced=unpriced + marked_unpriced,
        unheard=_unheard(ledger),
        held=held,
        last_start=last_start,
        unfinished=_unfinished(ledger),
        more_takes=takes.pending + marked_takes - marked,
        more_takes_under_way=takes.under_way,
        takes=takes.made,
        kept=takes.kept,
    )


class _Takes(NamedTuple):
    """Takes beyond the first: to make of pending rows, their price, of rows under way; made; rows with an old one."""

    pending: int
    price: int
    under_way: int
    made: int
    kept: int


def _takes(ledger: Ledger) -> _Takes:
    pending, price, under_way = ledger.db.execute(
        f"SELECT COALESCE(SUM(more) FILTER (WHERE {_pending(ledger)}), 0), "  # noqa: S608 - our own text
        f"COALESCE(SUM(more * price) FILTER (WHERE {_pending(ledger)}), 0), "
        f"COALESCE(SUM(more) FILTER (WHERE state <> 'pending'), 0) FROM ("
        f"SELECT state, place, price, {TO_BUY} - 1 AS more FROM row INDEXED BY row_several "
        f"WHERE {SEVERAL} AND place IS NOT NULL AND state IN ('pending', 'submitting', 'submitted', 'in_doubt'))"
    ).fetchone()
    (made,) = ledger.db.execute("SELECT COUNT(*) FROM take WHERE number > 1").fetchone()
    (kept,) = ledger.db.execute(
        "SELECT COUNT(*) FROM row INDEXED BY row_state WHERE attempts > 0 AND state IN "
        "('pending', 'submitting', 'submitted', 'in_doubt', 'failed', 'cancelled') "
        "AND EXISTS (SELECT 1 FROM take WHERE take.row = row.id)"
    ).fetchone()
    return _Takes(pending, price, under_way, made, kept)


def _pending(ledger: Ledger) -> str:
    """The condition of a `row` that is to be run although it is not marked, as SQL."""
    return f"state = 'pending' AND place IS NOT NULL{' AND FALSE' if ledger.marks.only else ''}"


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
    """What the rows to run cost, by the input that decides the price; one of several takes counts as so many."""

    by: str
    unit: str
    items: list[Price]
    model: str = ""
    """That the rows are of."""

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.items)

    @property
    def micros(self) -> int:
        """What all of them cost, in millionths of a dollar."""
        return sum(one.micros for one in self.items)

    def text(self) -> str:
        if not self.by:  # each costs the same
            return ""
        parts = [f"{one.rows} of {one.value}{self.unit} for {dollars(one.micros)}" for one in self.items]
        return f"({', '.join(parts)})" if parts else ""


def told_prices(prices: Sequence[Prices]) -> str:
    """The rows to run by what they cost, of each model where there are several."""
    if len(prices) < 2:
        return "".join(one.text() for one in prices)
    parts = [f"{one.model}: {one.rows} for {dollars(one.micros)} {one.text()}".rstrip() for one in prices]
    return f"({'; '.join(parts)})"


def prices_of_models(ledger: Ledger, jobs: Jobs) -> list[Prices]:
    """The rows to run and their prices, of each model that there are some of."""
    return [prices_to_run(ledger, jobs.at(endpoint)) for endpoint in endpoints_to_run(ledger)]


def prices_to_run(ledger: Ledger, job: Job) -> Prices:
    """The rows of one model to run and their prices."""
    marked = _and_marked(ledger, f"arguments, price, {MARKED_TO_BUY}, endpoint_id")
    found = ledger.db.execute(
        "SELECT COALESCE(CAST(json_extract(arguments, ?) AS TEXT), ?) AS value, SUM(takes), "  # noqa: S608 - ours
        f"COALESCE(SUM(price * takes), 0) FROM (SELECT arguments, price, {to_buy(ledger)} AS takes, endpoint_id "
        f"FROM row INDEXED BY row_claimable WHERE {_pending(ledger)}"
        f"{marked}) AS row WHERE {ENDPOINT} IN (?, '') GROUP BY value ORDER BY MIN(price)",
        (*price_path(job), job.endpoint),
    )
    unit = next(iter(job.units.get(job.price_by, ())), "")
    items = [Price(str(value), *rest) for value, *rest in found]
    return Prices(job.price_by, f" {unit}" if unit else "", items, job.name)


def to_buy(ledger: Ledger) -> str:
    """How many requests a pending `row` comes to, as SQL."""
    return "1" if ledger.version < TAKES_SINCE else TO_BUY


def takes_of_first(ledger: Ledger, rows: int) -> int:
    """How many videos so many of the rows to run come to, the first ones of the manifest."""
    marked = _and_marked(ledger, f"place, {MARKED_TO_BUY}")
    found = ledger.db.execute(
        f"SELECT SUM(takes) FROM (SELECT place, {to_buy(ledger)} AS takes FROM row INDEXED BY row_claimable "  # noqa: S608 - ours
        f"WHERE {_pending(ledger)}{marked} ORDER BY place LIMIT ?)",
        (rows,),
    ).fetchone()
    return found[0] or 0


def rows_within(ledger: Ledger, room: int) -> int:
    """How many of the rows to run, in the manifest's order, so many millionths of a dollar are enough for.

    One of unknown price is the end of them: with a cap it is not bought.
    """
    for rows, price in enumerate(_prices_in_order(ledger)):
        room -= room + 1 if price is None else price
        if room < 0:
            return rows
    return summarize(ledger).to_run


def price_of_first(ledger: Ledger, rows: int) -> int:
    """What so many of the rows to run cost, the first ones of the manifest; those of unknown price count nothing."""
    return sum(price or 0 for price in islice(_prices_in_order(ledger), rows))


def _and_marked(ledger: Ledger, columns: str) -> str:
    return f" UNION ALL SELECT {columns} FROM temp.marked" if ledger.marks.any else ""  # noqa: S608 - our own text


def _prices_in_order(ledger: Ledger) -> Iterator[int | None]:
    """Of all takes of each row."""
    marked = _and_marked(ledger, f"place, price * {MARKED_TO_BUY}")
    found = ledger.db.execute(
        f"SELECT place, price * {to_buy(ledger)} FROM row INDEXED BY row_claimable "  # noqa: S608 - ours
        f"WHERE {_pending(ledger)}{marked} ORDER BY place"
    )
    return (price for _, price in found)


def _failures(ledger: Ledger) -> list[FailureGroup]:
    found = ledger.db.execute(
        "SELECT kind, COUNT(*), MIN(number), message FROM row JOIN sheet ON sheet.row = row.id "
        "WHERE state = 'failed' AND problem IS NULL GROUP BY kind ORDER BY 2 DESC, 1"
    )
    return [FailureGroup(*row) for row in found]


def _unheard(ledger: Ledger) -> list[UnheardGroup]:
    found = ledger.db.execute(
        "SELECT kind, COUNT(*), MIN((SELECT MIN(at) FROM event WHERE event.row = row.id AND old = 'submitted' "
        "AND new = 'submitted' AND at >= submitted_at)), MIN(number), message FROM row "
        "LEFT JOIN sheet ON sheet.row = row.id WHERE state = 'submitted' AND kind IS NOT NULL "
        "GROUP BY kind ORDER BY 2 DESC, 1"
    )
    return [UnheardGroup(kind, rows, since or 0.0, *example) for kind, rows, since, *example in found]


def _unfinished(ledger: Ledger) -> list[UnfinishedRow]:
    name = "CASE WHEN key LIKE 'id:%' THEN substr(key, 4) END"
    ended = ledger.db.execute(
        f"SELECT number, {name}, state, kind, message FROM row JOIN sheet ON sheet.row = row.id "  # noqa: S608 - ours
        "WHERE state IN ('failed', 'cancelled', 'in_doubt') AND (problem IS NULL OR state = 'in_doubt') LIMIT ?",
        (ROWS_TOLD,),
    ).fetchall()
    invalid = ledger.db.execute(
        f"SELECT number, {name}, 'invalid', 'invalid', problem FROM sheet LEFT JOIN row ON row.id = sheet.row "  # noqa: S608 - ours
        "WHERE (sheet.row IS NULL OR edited OR problem IS NOT NULL) AND problem IS NOT NULL "
        "AND (state IS NULL OR state IN ('pending', 'failed', 'cancelled')) LIMIT ?",
        (ROWS_TOLD,),
    ).fetchall()
    told = sorted([*ended, *invalid], key=lambda one: one[0])[:ROWS_TOLD]
    logs = logs_by_row(ledger, ROWS_TOLD)
    return [
        UnfinishedRow(number, row_id, Status(shown), error_type or "", error or "", logs.get(number, ()))
        for number, row_id, shown, error_type, error in told
    ]
