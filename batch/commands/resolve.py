"""Rows that a person settles: `resolve` for rows in doubt, `cancel` for what is at fal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from batch.core import gateway as a
from batch.core import states
from batch.core.gateway import Gateway
from batch.core.money import dollars
from batch.core.retry import cost
from batch.core.row import Flight
from batch.core.states import State
from batch.errors import UsageError
from batch.ledger.async_ledger import Journal
from batch.ledger.ledger import Ledger
from batch.reconcile.evidence import provable_at
from batch.reconcile.reconciler import Settler


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the ledger that was named."""

    row: int
    number: int
    state: State
    price: int | None


@dataclass(frozen=True, slots=True)
class Named:
    """Rows named as the spreadsheet numbers them, or by their ids."""

    numbers: Sequence[int] = ()
    ids: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.numbers or self.ids)

    def rows(self, ledger: Ledger) -> list[Row]:
        """Each of them, once.

        Raises:
            UsageError: one that the ledger does not have.
        """
        found = [self._one(ledger, "--row", "number", number) for number in self.numbers]
        found += [self._one(ledger, "--id", "key", f"id:{name.strip()}") for name in self.ids]
        return list(dict.fromkeys(found))

    @staticmethod
    def _one(ledger: Ledger, option: str, column: str, value: int | str) -> Row:
        found = ledger.db.execute(
            f"SELECT row.id, number, state, price FROM row JOIN sheet ON sheet.row = row.id WHERE {column} = ?",  # noqa: S608 - of the two above
            (value,),
        ).fetchone()
        if not found:
            raise UsageError(f"{option} {str(value).removeprefix('id:')}: the ledger has no such row")
        row, number, state, price = found
        return Row(row, number, State(state), price)


class Choice(StrEnum):
    """What to do with a row in doubt."""

    ADOPT = "adopt"
    RESUBMIT = "resubmit"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Decision:
    """One choice for the named rows; `request_id` is the one to adopt."""

    rows: Named
    choice: Choice
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """A row in doubt as it is shown. Times are seconds since 1970."""

    number: int | None
    row_id: str
    prompt: str
    intent_at: float
    price: int
    message: str


def open_rows(ledger: Ledger) -> list[Open]:
    """Every row in doubt."""
    found = ledger.db.execute(
        "SELECT number, key, json_extract(arguments, '$.prompt'), intent_at, COALESCE(price, 0), message FROM row "
        "LEFT JOIN sheet ON sheet.row = row.id WHERE state = 'in_doubt' ORDER BY number, row.id"
    )
    return [
        Open(number, key.removeprefix("id:") if key.startswith("id:") else "", prompt or "", at, price, message or "")
        for number, key, prompt, at, price, message in found
    ]


async def look_up(book: Journal, gateway: Gateway, now: float, start_timeout: float) -> str:
    """One look at fal's records for all rows in doubt; what came of it, in a line."""
    verdicts = await Settler(book, gateway, lambda: now, start_timeout).round()
    if isinstance(verdicts, a.Unclear):
        return f"fal's records cannot be read ({verdicts.reason}): rows in doubt stay as they are"
    return f"fal's records: {len(verdicts.found)} found, {len(verdicts.absent)} proven never accepted"


async def decide(ledger: Ledger, gateway: Gateway, decision: Decision, now: float) -> int:
    """Carries out a person's decision; how many rows it settled.

    Raises:
        UsageError: a row is not in doubt, or the id to adopt is unknown at fal or another row's; nothing was changed.
    """
    chosen = decision.rows.rows(ledger)
    wrong = [row for row in chosen if row.state != State.IN_DOUBT]
    if wrong:
        raise UsageError(f"row {wrong[0].number} is not in doubt but {wrong[0].state}: nothing was changed")
    if decision.choice is Choice.ADOPT:
        await _adopt(ledger, gateway, [row.row for row in chosen], decision.request_id, now)
        return 1
    with ledger.transaction():
        for row in chosen:
            price = row.price or 0
            if decision.choice is Choice.RESUBMIT:
                ledger.apply(row.row, states.resubmitted(now, price))
            else:
                ledger.apply(row.row, states.given_up(now, "given up by hand; it may have been paid for", price))
    return len(chosen)


async def _adopt(ledger: Ledger, gateway: Gateway, rows: Sequence[int], request_id: str, now: float) -> None:
    if len(rows) != 1:
        raise UsageError(f"--adopt {request_id}: name exactly one row with --row or --id")
    receipt = gateway.built_receipt(request_id)
    if taken := ledger.db.execute("SELECT row FROM request WHERE request_id = ?", (request_id,)).fetchone():
        raise UsageError(f"--adopt {request_id}: this request is already that of row {taken[0]} of the ledger")
    if isinstance(answer := await gateway.poll(receipt), a.Gone | a.Unclear):
        raise UsageError(f"--adopt {request_id}: fal does not confirm this request ({answer.reason})")
    with ledger.transaction():
        ledger.apply(rows[0], states.found_at_fal(now, receipt))


@dataclass(slots=True)
class TakenBack:
    """What cancelling came to."""

    cancelled: int = 0
    kept: list[str] = field(default_factory=list)
    """What could not be taken back, a line each."""


async def take_back(ledger: Ledger, gateway: Gateway, named: Named, now: float) -> TakenBack:
    """Asks fal to take requests back: all, or those of the named rows. A named row that waits is just cancelled.

    A queued request is gone and free; a running one may go on, and may be billed.

    Raises:
        UsageError: a named row has ended, or is in doubt; nothing was asked for.
    """
    chosen = named.rows(ledger)
    for row in chosen:
        if row.state not in (State.PENDING, State.SUBMITTED):
            raise UsageError(f"row {row.number} is {row.state}: there is nothing to take back")
    done = TakenBack()
    with ledger.transaction():
        for row in chosen:
            if row.state is State.PENDING:
                ledger.apply(row.row, states.cancelled(State.PENDING, now, 0))
                done.cancelled += 1
    wanted = {row.row for row in chosen}
    for flight in ledger.flights():
        if not named or flight.row in wanted:
            await _take_back_one(ledger, gateway, flight, now, done)
    return done


async def _take_back_one(ledger: Ledger, gateway: Gateway, flight: Flight, now: float, done: TakenBack) -> None:
    before = await gateway.poll(flight.receipt)
    answer = await gateway.cancel(flight.receipt)
    after = await gateway.poll(flight.receipt) if isinstance(answer, a.CancelRequested) else None
    name = f"row {flight.number}" if flight.number else f"request {flight.receipt.request_id}"
    if isinstance(after, a.Finished):
        await _taken(ledger, gateway, flight, before, after, now, done, name)
    elif isinstance(answer, a.Gone | a.Unclear):
        done.kept.append(f"{name}: fal did not take it back ({answer.reason})")
    elif isinstance(answer, a.TooLate):
        done.kept.append(f"{name}: already done; the next run brings it home")
    else:
        done.kept.append(f"{name}: it runs already and may complete all the same; the next run brings it home")


async def _taken(
    ledger: Ledger,
    gateway: Gateway,
    flight: Flight,
    before: a.Polled,
    after: a.Finished,
    now: float,
    done: TakenBack,
    name: str,
) -> None:
    end = await gateway.collect(flight.receipt, after)
    if not isinstance(end, a.Broke) or end.status != 499:
        done.kept.append(f"{name}: it was done before it could be taken back; the next run brings it home")
        return
    queued = isinstance(before, a.Waiting) and not before.running
    spent = (
        0 if queued else cost(end, flight.price)
    )  # fal docs: queue time is free; a run that was cut off may be billed
    with ledger.transaction():
        ledger.apply(flight.row, states.cancelled(State.SUBMITTED, now, spent))
    done.cancelled += 1


def shown(rows: Sequence[Open], start_timeout: float, now: float) -> str:
    """The rows in doubt for a person, with what is known and what can be done."""
    lines = []
    for row in rows:
        name = f"row {row.number}" if row.number else "a row that the table no longer has"
        proof = provable_at(row.intent_at, start_timeout) - now
        when = f"provable in {proof / 60:.0f} min" if proof > 0 else "provable as soon as a later request is listed"
        lines.append(
            f"{name}{f' (id {row.row_id})' if row.row_id else ''}: {dollars(row.price)}, submitted "
            f"{_ago(now - row.intent_at)} ago, {row.message}; absence {when}\n    {row.prompt[:100]!r}"
        )
    if rows:
        lines.append(
            "look at https://fal.ai/dashboard/requests, then decide by row: --row N --adopt REQUEST_ID (it is there), "
            "--row N --resubmit (buy it again), --row N --give-up (leave it)"
        )
    return "\n".join(lines)


def _ago(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{max(0.0, seconds) / 60:.0f} min"
