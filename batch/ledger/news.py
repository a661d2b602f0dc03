"""Finds what has happened to rows since a person was last told, and notes how far they were told."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from batch.core.states import State
from batch.ledger.ledger import Ledger
from batch.ledger.summary import FailureGroup

_NOTE = "told"


@dataclass(frozen=True, slots=True)
class Told:
    """How far a person was told.

    Args:
        seq: the last entry of the ledger's log that was.
        invalid: a digest of what is wrong with the rows that cannot be run.
        stopped: why the run stopped that they were told of last.
    """

    seq: int
    invalid: str
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What happened since, to rows that are still as it left them."""

    rows: Mapping[State, int]
    """Those that ended, or came to be in doubt."""
    failures: Sequence[FailureGroup]
    invalid: bool
    """There are rows that cannot be run, and others than were told of."""
    stopped: bool
    """The run stopped for another reason than was told."""
    upto: Told = field(default_factory=lambda: Told(0, ""))
    """How far a person knows it all once they have read this."""

    @property
    def any(self) -> bool:
        return bool(self.rows) or self.invalid or self.stopped


def read_told(ledger: Ledger) -> Told | None:
    """None where no run by itself was ever told of."""
    note = ledger.meta(_NOTE)
    try:
        told = json.loads(note or "")
        return Told(int(told["seq"]), str(told["invalid"]), told["stopped"])
    except (ValueError, KeyError, TypeError):
        return None


def begin_telling(ledger: Ledger) -> Told:
    """What was told already; before the first run by itself, all that is in the ledger: somebody ran it and saw it."""
    told = read_told(ledger)
    if told is None:
        told = _now(ledger)
        note_told(ledger, told)
    return told


def note_told(ledger: Ledger, told: Told) -> None:
    """From here on this is no news."""
    ledger.set_meta(_NOTE, json.dumps(asdict(told)))


def read_news(ledger: Ledger, told: Told, stopped: str | None = None) -> News:
    """What happened since.

    Args:
        stopped: why this run stopped by itself, in one word.
    """
    upto = replace(_now(ledger), stopped=stopped)
    recent = "SELECT DISTINCT row FROM event WHERE seq > ? AND new IN ('succeeded', 'failed', 'cancelled', 'in_doubt')"
    rows = ledger.db.execute(
        "SELECT state, COUNT(*) FROM row WHERE state IN ('succeeded', 'failed', 'cancelled', 'in_doubt') "  # noqa: S608 - ours
        f"AND id IN ({recent}) GROUP BY state",
        (told.seq,),
    )
    failures = ledger.db.execute(
        "SELECT kind, COUNT(*), MIN(number), message FROM row LEFT JOIN sheet ON sheet.row = row.id "  # noqa: S608 - ours
        f"WHERE state = 'failed' AND row.id IN ({recent}) GROUP BY kind ORDER BY 2 DESC, 1",
        (told.seq,),
    )
    return News(
        rows={State(state): count for state, count in rows},
        failures=[FailureGroup(*one) for one in failures],
        invalid=bool(upto.invalid) and upto.invalid != told.invalid,
        stopped=stopped is not None and stopped != told.stopped,
        upto=upto,
    )


def _now(ledger: Ledger) -> Told:
    (seq,) = ledger.db.execute("SELECT COALESCE(MAX(seq), 0) FROM event").fetchone()
    digest = hashlib.sha256()
    problems = 0
    for (problem,) in ledger.db.execute("SELECT problem FROM sheet WHERE problem IS NOT NULL ORDER BY problem"):
        digest.update(problem.encode() + b"\0")
        problems += 1
    return Told(seq, digest.hexdigest()[:16] if problems else "")
