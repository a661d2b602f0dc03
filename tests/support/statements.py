"""What a ledger is asked: its statements, the steps that they take, and SQLite's plan for each."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count as numbers

from batch.ledger.ledger import Ledger

TABLES = r"(row|event|request|sheet)"


@contextmanager
def traced(ledger: Ledger) -> Iterator[list[str]]:
    """The statements that the ledger executes meanwhile, those of triggers left out."""
    said: list[str] = []
    ledger.db.set_trace_callback(lambda sql: None if sql.startswith("--") else said.append(sql))
    try:
        yield said
    finally:
        ledger.db.set_trace_callback(None)


def steps(ledger: Ledger, call: Callable[[], object]) -> int:
    """Instructions of SQLite's machine that a call takes."""
    done = numbers()
    ledger.db.set_progress_handler(lambda: next(done) and None, 1)
    call()
    ledger.db.set_progress_handler(None, 1)
    return next(done)


def plans(ledger: Ledger, statements: list[str]) -> dict[str, list[str]]:
    """What SQLite does for each kind of statement, a line each."""
    kinds = {re.sub(r"'[^']*'|\b\d+(\.\d+)?\b", "?", sql): sql for sql in statements}
    asked = {kind: sql for kind, sql in kinds.items() if re.match("SELECT|UPDATE|INSERT|DELETE", sql)}
    return {kind: [line for *_, line in ledger.db.execute(f"EXPLAIN QUERY PLAN {sql}")] for kind, sql in asked.items()}
