"""What is remembered of runs: small, however long a run lasts, and whatever stands in the ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.worker import FalCounts
from batch.ledger.ledger import Ledger
from batch.ledger.run_history import KEPT, SAMPLES, PastRun, RunHistory, past_runs


def test_a_run_is_remembered_with_its_end_and_its_reason() -> None:
    """In the order of the runs; one that was killed has no end."""
    with Ledger.in_memory() as ledger:
        history = RunHistory(ledger, 100.0)
        history.note(110.0, FalCounts(3, 2))
        history.end(200.0, "the budget is used up")
        RunHistory(ledger, 300.0)
        assert past_runs(ledger) == [
            PastRun(1, 100.0, 200.0, "the budget is used up", [(110.0, 3, 2)]),
            PastRun(2, 300.0, at_fal=[]),
        ]


def test_a_night_of_any_length_is_kept_in_few_samples_that_span_it() -> None:
    """Every second one, every fourth …; the first one stays, and the last ones are recent."""
    with Ledger.in_memory() as ledger:
        history = RunHistory(ledger, 0.0)
        for n in range(5000):
            history.note(10.0 * n, FalCounts(n, 0))
        (run,) = past_runs(ledger)
        times = [at for at, _, _ in run.at_fal]
        assert SAMPLES // 2 <= len(times) <= SAMPLES
        assert times == sorted(times)
        assert times[0] == 0.0
        assert times[-1] > 10.0 * 4800


def test_old_runs_are_forgotten() -> None:
    """The newest ones stay, with their numbers."""
    with Ledger.in_memory() as ledger:
        for n in range(KEPT + 5):
            RunHistory(ledger, float(n))
        assert [run.number for run in past_runs(ledger)] == list(range(6, KEPT + 6))


@pytest.mark.parametrize(
    "note",
    [
        "",
        "[]",
        "{}",
        '{"began": "x", "ended": null, "stopped": "", "at_fal": []}',
        '{"began": 1e99, "ended": null, "stopped": "", "at_fal": []}',
        '{"began": 1, "ended": null, "stopped": "", "at_fal": [[1, -1, 0]]}',
        '{"began": 1, "ended": null, "stopped": "", "at_fal": [[1, 1]]}',
        '{"began": NaN, "ended": null, "stopped": "", "at_fal": []}',
    ],
)
def test_a_note_that_is_none_says_nothing(note: str) -> None:
    """A ledger may come from anywhere."""
    with Ledger.in_memory() as ledger:
        ledger.set_meta("run_1", note)
        assert past_runs(ledger) == []


@given(st.text())
def test_no_note_ends_a_report(note: str) -> None:
    """Whatever it says."""
    with Ledger.in_memory() as ledger:
        ledger.set_meta("run_7", note)
        assert len(past_runs(ledger)) <= 1
