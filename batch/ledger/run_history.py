"""Keeps when runs began and ended, why they stopped, and what they had at fal meanwhile."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from batch.core.worker import FalCounts
from batch.ledger.ledger import Ledger

_NAMES = "run_[0-9]*"
KEPT = 60
"""Runs that are remembered."""
SAMPLES = 240
"""Counts that are kept of one run: of a longer one every second, fourth … of them."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that dispatched. Times are seconds since 1970.

    Args:
        ended: None: it is still at work, or was killed.
        stopped: why it stopped by itself, as it was told; empty where it came to its end.
        at_fal: when how many requests were running there, and how many waiting, in the order of the times.
    """

    number: int
    began: float
    ended: float | None = None
    stopped: str = ""
    at_fal: Sequence[tuple[float, int, int]] = ()


class RunHistory:
    """The present run, as it is written down while it goes on."""

    def __init__(self, ledger: Ledger, began: float) -> None:
        self._ledger = ledger
        numbers = [run.number for run in past_runs(ledger)]
        self._run = PastRun(max(numbers, default=0) + 1, began)
        self._step, self._skipped = 1, 0
        self._write()
        for old in sorted(numbers)[: max(0, len(numbers) + 1 - KEPT)]:
            ledger.db.execute("DELETE FROM meta WHERE name = ?", (f"run_{old}",))

    def note(self, at: float, counts: FalCounts) -> None:
        """What is at fal now. However long a run lasts, what is kept of it stays small."""
        self._skipped += 1
        if self._skipped < self._step:
            return
        self._skipped = 0
        samples = [*self._run.at_fal, (round(at, 1), counts.running, counts.waiting)]
        if len(samples) > SAMPLES:
            samples, self._step = samples[::2], self._step * 2
        self._run = replace(self._run, at_fal=samples)
        self._write()

    def end(self, at: float, stopped: str) -> None:
        """It has dispatched to its end, or until it stopped."""
        self._run = replace(self._run, ended=at, stopped=stopped)
        self._write()

    def _write(self) -> None:
        run = self._run
        note = {"began": run.began, "ended": run.ended, "stopped": run.stopped, "at_fal": run.at_fal}
        self._ledger.set_meta(f"run_{run.number}", json.dumps(note, ensure_ascii=False))


def past_runs(ledger: Ledger) -> list[PastRun]:
    """Those that are remembered, the oldest first; a ledger of an older version remembers none."""
    found = ledger.db.execute("SELECT name, value FROM meta WHERE name GLOB ?", (_NAMES,))
    runs = [_read(name, note) for name, note in found]
    return sorted((run for run in runs if run), key=lambda run: run.number)


def _read(name: str, note: str) -> PastRun | None:
    """A ledger may come from anywhere: what is no such note says nothing."""
    try:
        told = json.loads(note)
        ended, samples = told["ended"], [_sample(*one) for one in told["at_fal"][: SAMPLES + 1]]
        return PastRun(
            int(name.removeprefix("run_")),
            _time(told["began"]),
            None if ended is None else _time(ended),
            str(told["stopped"]),
            samples,
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _sample(at: Any, running: Any, waiting: Any) -> tuple[float, int, int]:
    if not (type(running) is int and type(waiting) is int and 0 <= running < 10**9 and 0 <= waiting < 10**9):
        raise ValueError("no counts")
    return _time(at), running, waiting


def _time(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**33:
        raise ValueError("no time")
    return float(value)
