"""The letter of a run that nobody watched, and the exit code that speaks of that run."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from batch.core.states import State, Status
from batch.errors import Exit
from batch.ledger.news import News
from batch.ledger.summary import FailureGroup
from batch.reports.cron_letter import ALARMING, exit_code_of, letter
from batch.reports.outcome import Outcome
from tests.support.summaries import NOTHING

QUIET = News(rows={}, failures=[], invalid=False, stopped=False)
STANDING = replace(
    NOTHING,
    rows={Status.SUCCEEDED: 3, Status.FAILED: 2},
    failures=[FailureGroup("old_kind", 2, 4, "before")],
)
OUTCOME = Outcome(standing=STANDING, table="shots.csv", command=["shots.csv"])


def test_nothing_is_said_where_nothing_changed() -> None:
    """And old failures are no alarm, while `status` still has their code."""
    assert letter(OUTCOME, QUIET) is None
    assert exit_code_of(OUTCOME, QUIET) is Exit.DONE
    assert OUTCOME.exit_code is Exit.ROWS_FAILED


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ({State.SUCCEEDED: 2}, Exit.DONE),
        ({State.FAILED: 1}, Exit.ROWS_FAILED),
        ({State.CANCELLED: 1, State.SUCCEEDED: 1}, Exit.ROWS_FAILED),
    ],
)
def test_rows_that_ended_are_told_of(rows: Mapping[State, int], code: Exit) -> None:
    """The failures of this time only, and what to type next."""
    news = replace(QUIET, rows=rows, failures=[FailureGroup("new_kind", 1, 5, "now")] if State.FAILED in rows else [])
    text = letter(OUTCOME, news)
    assert text is not None
    assert ("new_kind" in text) == (State.FAILED in rows)
    assert "old_kind" not in text
    assert "next: kling-batch rerun shots.csv" in text
    assert exit_code_of(OUTCOME, news) is code


def test_rows_that_cannot_be_run_are_told_of_once() -> None:
    """They are new, or known."""
    news = replace(QUIET, invalid=True)
    assert letter(OUTCOME, news)
    assert exit_code_of(OUTCOME, news) is Exit.ROWS_FAILED


@pytest.mark.parametrize("code", sorted(ALARMING))
def test_what_only_a_person_can_mend_is_said_every_time(code: str) -> None:
    """A locked account does not unlock itself."""
    stopped = replace(OUTCOME, stopped=f"stopped: {code}", stop_code=code)
    assert f"stopped: {code}" in (letter(stopped, QUIET) or "")
    assert exit_code_of(stopped, QUIET) is Exit.STOPPED_EARLY


def test_a_budget_that_is_used_up_is_said_once() -> None:
    """Night after night it would be noise."""
    stopped = replace(OUTCOME, stopped="stopped: the budget", stop_code="budget")
    assert letter(stopped, QUIET) is None
    assert letter(stopped, replace(QUIET, stopped=True))


def test_rows_in_doubt_keep_their_code_until_a_person_decides() -> None:
    """The letter comes when they are new."""
    doubt = replace(OUTCOME, standing=replace(STANDING, in_doubt=1))
    assert (letter(doubt, QUIET), exit_code_of(doubt, QUIET)) == (None, Exit.IN_DOUBT)
    assert "1 row in doubt" in (letter(doubt, replace(QUIET, rows={State.IN_DOUBT: 1})) or "")


def test_a_table_that_could_not_be_written_is_told_of() -> None:
    """Whatever else there is."""
    assert "could not be written" in (letter(replace(OUTCOME, unwritten=True), QUIET) or "")
