"""A ledger whose rows were brought into any state, and all that it holds."""

import json

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State, Transition
from batch.ledger.ledger import Ledger

PRICE = 490_000
RECEIPT = Receipt("r1", "https://q/r1/status", "https://q/r1", "https://q/r1/cancel")

# How a row comes to each state.
ROADS: dict[State, list[Transition]] = {
    State.PENDING: [],
    State.SUBMITTING: [states.claimed(1.0, None, PRICE)],
    State.SUBMITTED: [states.claimed(1.0, None, PRICE), states.accepted(2.0, RECEIPT)],
    State.IN_DOUBT: [states.claimed(1.0, None, PRICE), states.reply_lost(2.0, "cut")],
    State.SUCCEEDED: [
        states.claimed(1.0, None, PRICE),
        states.accepted(2.0, RECEIPT),
        states.succeeded(3.0, '{"video": {"url": "https://v"}}', "https://v", PRICE),
    ],
    State.FAILED: [states.claimed(1.0, None, PRICE), states.refused(2.0, "bad", "why")],
    State.CANCELLED: [states.cancelled(State.PENDING, 1.0, 0)],
}


def add(ledger: Ledger, key: str = "id:a", place: int = 0) -> int:
    row = ledger.db.execute(
        "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) "
        "VALUES (?, ?, x'00', ?, ?, 0) RETURNING id",
        (key, place, json.dumps({"prompt": key}), PRICE),
    ).fetchone()[0]
    ledger.db.execute("INSERT INTO sheet VALUES (?, ?, ?, 0, NULL)", (place, place + 2, row))
    return int(row)


def brought(ledger: Ledger, state: State, key: str = "id:a", place: int = 0) -> int:
    """A row in this state."""
    row = add(ledger, key, place)
    for move in ROADS[state]:
        ledger.apply(row, move)
    return row


def contents(ledger: Ledger) -> list[object]:
    meta = "meta WHERE name NOT IN ('closed', 'unasked')"
    tables = ("row", "request", "event", "sheet", meta, "take")
    return [ledger.db.execute(f"SELECT * FROM {name}").fetchall() for name in tables]


def without_endpoints(ledger: Ledger) -> None:
    """As before version 8."""
    ledger.db.execute("ALTER TABLE row DROP COLUMN endpoint_id")
    ledger.db.execute("DROP TABLE endpoint")


def without_takes(ledger: Ledger) -> None:
    """As before version 7: what is there is only what versions before it made."""
    without_endpoints(ledger)
    for name in ("take_is_written", "take_is_kept", "take_is_final"):
        ledger.db.execute(f"DROP TRIGGER {name}")
    ledger.db.execute("DROP TABLE take")
    ledger.db.execute("DROP INDEX row_several")
    for name in ("takes_wanted", "takes_asked", "chosen_take"):
        ledger.db.execute(f"ALTER TABLE row DROP COLUMN {name}")
