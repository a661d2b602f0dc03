"""Tells whether what stands in a ledger can stand there, and gives it its rules back.

A ledger comes with its table, from wherever that comes. SQLite keeps any value in any column, and a file may have been
written by others than us: with a text where a price stands, or with triggers that make a bought row pending again.
"""

import sqlite3
from collections.abc import Mapping
from itertools import pairwise

from batch.core.states import TRANSITIONS, State

_TIME = "typeof({0}) IN ('real', 'integer') AND {0} BETWEEN -1e10 AND 1e11"
_NUMBER = "typeof({0}) = 'integer'"
_AMOUNT = "typeof({0}) = 'integer' AND {0} BETWEEN 0 AND 1000000000000000000"
_TEXT = "typeof({0}) = 'text'"
_BYTES = "typeof({0}) = 'blob'"
_INPUTS = "typeof({0}) = 'text' AND json_valid({0}) AND json_type({0}) = 'object'"
_STATE = "{0} IN (" + ", ".join(f"'{one}'" for one in State) + ")"


def _or_nothing(kind: str) -> str:
    return "({0} IS NULL OR " + kind + ")"


_ROWS = {
    "key": _TEXT,
    "place": _or_nothing(_NUMBER),
    "fingerprint": _BYTES,
    "arguments": _INPUTS,
    "price": _or_nothing(_AMOUNT),
    "endpoint_id": "typeof({0}) = 'integer' AND {0} IN (SELECT id FROM endpoint)",
    "state": _STATE,
    "changed_at": _TIME,
    "attempts": _AMOUNT,
    "tries": _AMOUNT,
    "spent": _AMOUNT,
    "sent": _or_nothing(_INPUTS),
    **dict.fromkeys(("takes_wanted", "takes_asked"), _AMOUNT),
    "chosen_take": _or_nothing(_NUMBER),
    "start_timeout": _or_nothing("typeof({0}) IN ('real', 'integer') AND {0} BETWEEN 0 AND 1e7"),
    **dict.fromkeys(("intent_at", "submitted_at", "finished_at"), _or_nothing(_TIME)),
    **dict.fromkeys(("request_id", "video_url", "result", "kind", "message"), _or_nothing(_TEXT)),
}
_SMALL = {
    "meta": {"name": _TEXT, "value": _TEXT},
    "money": {"spent": _AMOUNT, "under_way": _AMOUNT},
}
"""Table → column → what can stand there."""
_LARGE = {
    "row": _ROWS,
    "request": {"request_id": _TEXT, "row": _NUMBER, "route": _NUMBER},
    "endpoint": {"id": _NUMBER, "name": _TEXT},
    "route": dict.fromkeys(("status_url", "response_url", "cancel_url"), _TEXT),
    "event": {"row": _NUMBER, "at": _TIME, "old": _TEXT, "new": _TEXT, "detail": _or_nothing(_TEXT)},
    "take": {
        **dict.fromkeys(("row", "number"), _NUMBER),
        **dict.fromkeys(("request_id", "video_url", "result"), _TEXT),
        "cost": _or_nothing(_AMOUNT),
        "fingerprint": _or_nothing(_BYTES),
        "submitted_at": _or_nothing(_TIME),
        "finished_at": _TIME,
    },
    "sheet": {"number": _NUMBER, "row": _or_nothing(_NUMBER), "edited": _NUMBER, "problem": _or_nothing(_TEXT)},
}
_STATES = sorted(State)
_BETWEEN_STATES = " OR ".join(
    [
        f"state < '{_STATES[0]}'",
        *(f"state > '{one}' AND state < '{next_}'" for one, next_ in pairwise(_STATES)),
        f"state > '{_STATES[-1]}'",
    ]
)
"""What is none, found by the index of states in a moment."""
_UNDER_WAY = "state IN ('submitting', 'submitted', 'in_doubt')"


def require_sound(connection: sqlite3.Connection, *, whole: bool) -> None:
    """Nothing stands in the ledger that could not have been written there by us.

    Args:
        whole: every record is looked at, a few seconds for a million rows; otherwise what a status is made of.

    Raises:
        sqlite3.DatabaseError: something does; its text says in which table and column.
    """
    for table, columns in _SMALL.items():
        _require(connection, table, columns)
    _require(connection, "row", {"state": _STATE}, _BETWEEN_STATES)
    there = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('row')")}
    known = {name: kind for name, kind in _ROWS.items() if name in there}  # an older one that is read lacks some
    _require(connection, "row", {**known, "intent_at": _TIME}, _UNDER_WAY)
    _require(connection, "row", {"submitted_at": _TIME, "request_id": _TEXT}, "state = 'submitted'")
    if whole:
        for table, columns in _LARGE.items():
            _require(connection, table, columns)
        sums = f"COALESCE(SUM(spent), 0), COALESCE(SUM(IIF({_UNDER_WAY}, COALESCE(price, 0), 0)), 0)"
        told = connection.execute("SELECT spent, under_way FROM money").fetchall()
        if told != connection.execute(f"SELECT {sums} FROM row").fetchall():  # noqa: S608 - ours
            raise sqlite3.DatabaseError("what it has spent is not the sum of what its rows have spent")


def _require(connection: sqlite3.Connection, table: str, columns: Mapping[str, str], condition: str = "TRUE") -> None:
    tests = " ".join(f"WHEN NOT ({kind.format(name)}) THEN '{name}'" for name, kind in columns.items())
    found = connection.execute(
        f"SELECT CASE {tests} END AS odd FROM {table} WHERE ({condition}) AND odd IS NOT NULL LIMIT 1"  # noqa: S608 - ours
    ).fetchone()
    if found:
        raise sqlite3.DatabaseError(f"in the column {found[0]} of its table {table} stands what cannot stand there")


def restore_rules(connection: sqlite3.Connection, sound: sqlite3.Connection) -> None:
    """Its triggers, views and edges are those of a new ledger.

    Args:
        sound: a new one, of the same version.
    """
    ours, there = _rules(sound), _rules(connection)
    edges = set(connection.execute("SELECT old, new FROM edge"))
    if ours == there and edges == {(str(old), str(new)) for old, new in TRANSITIONS}:
        return
    connection.execute("BEGIN IMMEDIATE")
    for name, (kind, _) in there.items():
        quoted = name.replace('"', '""')
        connection.execute(f'DROP {kind} "{quoted}"')
    for _, statement in ours.values():
        connection.execute(statement)
    connection.execute("DELETE FROM edge")
    connection.executemany("INSERT INTO edge (old, new) VALUES (?, ?)", sorted(TRANSITIONS))
    connection.execute("COMMIT")


def _rules(connection: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    found = connection.execute("SELECT name, type, sql FROM sqlite_master WHERE type IN ('trigger', 'view')")
    return {name: (kind, statement) for name, kind, statement in found}
