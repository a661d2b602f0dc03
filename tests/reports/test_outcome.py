"""What is told after a night: counts, money, exit codes, and what to type next."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.states import Status
from batch.errors import Exit
from batch.ledger.summary import FailureGroup, LedgerSummary, UnfinishedRow
from batch.reports.clock import clock
from batch.reports.outcome import Outcome
from tests.support.summaries import NOTHING

PRICE = 490_000
FAILED = replace(
    NOTHING,
    rows={Status.SUCCEEDED: 2, Status.FAILED: 1},
    failures=[FailureGroup("content_policy_violation", 1, 3, "a hat")],
    spent=3 * PRICE,
)


def outcome(now: LedgerSummary, command: Sequence[str] = ("shots.csv",), **more: object) -> Outcome:
    return Outcome(standing=now, table="shots.csv", command=command, **more)  # type: ignore[arg-type]


# Exit codes


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (outcome(NOTHING), Exit.DONE),
        (outcome(replace(NOTHING, rows={Status.SUCCEEDED: 3, Status.STALE: 1})), Exit.DONE),
        (outcome(replace(NOTHING, rows={Status.FAILED: 1})), Exit.ROWS_FAILED),
        (outcome(replace(NOTHING, rows={Status.INVALID: 1})), Exit.ROWS_FAILED),
        (outcome(replace(NOTHING, rows={Status.CANCELLED: 1})), Exit.ROWS_FAILED),
        (outcome(NOTHING, stopped="stopped: budget"), Exit.STOPPED_EARLY),
        (outcome(NOTHING, left=1), Exit.STOPPED_EARLY),
        (outcome(replace(NOTHING, to_run=1)), Exit.STOPPED_EARLY),
        (outcome(replace(NOTHING, at_fal=1)), Exit.STOPPED_EARLY),
        (outcome(replace(NOTHING, in_doubt=1)), Exit.IN_DOUBT),
        (outcome(NOTHING, interrupted=True), Exit.INTERRUPTED),
    ],
)
def test_each_end_has_its_exit_code(told: Outcome, code: Exit) -> None:
    """As they are documented."""
    assert told.exit_code is code
    assert told.json()["exit_code"] == int(code)


@given(*[st.booleans()] * 5)
def test_the_most_urgent_exit_code_wins(
    failed: bool, stopped: bool, at_fal: bool, doubt: bool, interrupted: bool
) -> None:
    """A person is needed before rows are left before rows failed; an interruption says nothing of the rest."""
    now = replace(NOTHING, rows={Status.FAILED: int(failed)}, at_fal=int(at_fal), in_doubt=int(doubt))
    told = outcome(now, stopped="stopped: budget" if stopped else None, interrupted=interrupted)
    urgent = [(interrupted, 130), (doubt, 4), (stopped or at_fal, 3), (failed, 1), (True, 0)]
    assert told.exit_code == next(code for there, code in urgent if there)


# Text and JSON


def test_the_morning_after_is_told_in_a_few_lines() -> None:
    """How many, what failed and what helps, what it cost, what to type."""
    assert outcome(FAILED, spent_now=PRICE).text() == (
        "2 of 3 rows have their video; see shots.csv\n"
        "  1 failed with content_policy_violation (reword the prompt or change the image): for example, row 3: a hat\n"
        "spent $0.49 in this run, $1.47 in all\n"
        "next: kling-batch rerun shots.csv   (when the rows are mended)"
    )


def test_a_night_that_went_well_asks_for_nothing() -> None:
    """Two lines."""
    now = replace(NOTHING, rows={Status.SUCCEEDED: 3}, spent=3 * PRICE)
    assert outcome(now).text(run=False) == "3 of 3 rows have their video; see shots.csv\nspent $1.47 in all"


def test_what_is_in_doubt_or_lost_from_the_table_is_never_kept_quiet() -> None:
    """Nor the money that it may have cost."""
    now = replace(NOTHING, rows={Status.IN_DOUBT: 1}, in_doubt=1, orphans=2, under_way=PRICE)
    text = outcome(now).text()
    assert "1 in doubt: they may have been paid for" in text
    assert "2 paid for, of rows that the table no longer has" in text
    assert "$0.49 more under way or in doubt" in text


DOUBT = replace(NOTHING, rows={Status.IN_DOUBT: 2}, in_doubt=2)


def test_when_records_can_decide_is_told_as_a_time_of_the_clock() -> None:
    """And once that is over, what they still need."""
    text = outcome(DOUBT, ask_after=7260.0).text()
    assert f"ask again after {clock(7260.0, 0.0)}" in text
    assert "ask again after" not in outcome(DOUBT).text()
    late = replace(outcome(DOUBT, ask_after=7260.0), now=7260.0).text()
    assert "ask again after" not in late
    assert "as soon as they show two requests that were sent later" in late
    assert outcome(DOUBT, ask_after=7260.0).json()["ask_after"] == "1970-01-01T02:01:00+00:00"


def test_what_may_be_a_rows_own_is_shown_with_the_command_that_takes_it() -> None:
    """For a person to choose."""
    told = outcome(DOUBT, candidates={3: ["near", "far"]})
    assert "row 3: fal lists what may be its own (near, far)" in told.text()
    assert "kling-batch resolve shots.csv --row 3 --adopt REQUEST_ID" in told.text()
    assert told.json()["candidates"] == {"3": ["near", "far"]}


@pytest.mark.parametrize(("held", "command"), [(1, "resolve shots.csv"), (2, "run shots.csv --adopt-known")])
def test_what_was_bought_before_is_no_question_of_time(held: int, command: str) -> None:
    """A person decides it, for all such rows at once."""
    told = outcome(replace(DOUBT, held=held))
    assert f"{held} in doubt seem to have been bought before" in told.text()
    assert told.next_command == f"kling-batch {command}"


@pytest.mark.parametrize(
    ("now", "command"),
    [
        (NOTHING, None),
        (replace(NOTHING, to_run=1), "run"),
        (replace(FAILED, to_run=1), "run"),
        (FAILED, "rerun"),
        (replace(NOTHING, rows={Status.INVALID: 1}), "check"),
    ],
)
def test_the_next_command_is_the_one_that_helps(now: LedgerSummary, command: str | None) -> None:
    """What is left first, then what failed, then what is wrong."""
    told = outcome(now).next_command
    assert told is None if command is None else str(told).startswith(f"kling-batch {command} shots.csv")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_the_next_command_can_be_pasted(command: list[str]) -> None:
    """Spaces, quotes and dollars in a path are quoted."""
    told = outcome(replace(NOTHING, to_run=1), command).next_command
    assert told is not None
    assert shlex.split(told) == ["kling-batch", "run", *command]


def test_a_program_is_told_the_same() -> None:
    """In dollars, every status counted, also those that no row has."""
    told = json.loads(json.dumps(outcome(FAILED, spent_now=PRICE).json()))
    assert set(told) == {
        *("exit_code", "rows", "failures", "spent_usd", "spent_total_usd", "under_way_usd", "stopped", "table", "next"),
        *("ask_after", "candidates", "recalled", "to_do", "videos"),
        *("at_work", "stop_code", "rows_without_video", "more_takes", "with_an_earlier_take"),
        *(str(one) for one in Status),
    }
    assert (told["rows"], told["succeeded"], told["failed"], told["pending"]) == (3, 2, 1, 0)
    assert (told["spent_usd"], told["spent_total_usd"]) == (0.49, 1.47)
    assert told["failures"] == [
        {"error_type": "content_policy_violation", "rows": 1, "example_row": 3, "example": "a hat"}
    ]


def test_it_prints_as_the_command_line_tells_it() -> None:
    """And gives all of it as plain data, in dollars, with each row and why."""
    row = UnfinishedRow(3, "s2", Status.FAILED, "content_policy_violation", "a hat")
    told = outcome(replace(FAILED, unfinished=[row]), spent_now=PRICE, stopped="stopped: no money", stop_code="budget")
    assert f"{told}" == told.text()
    found = told.to_dict()
    assert found == told.json()
    assert json.loads(json.dumps(found)) == found
    assert found["rows_without_video"] == [
        {"row": 3, "id": "s2", "status": "failed", "error_type": "content_policy_violation", "error": "a hat"}
        | {"log": []}
    ]
    assert (found["stop_code"], found["stopped"]) == ("budget", "stopped: no money")
    assert (told.spent_usd, told.spent_total_usd) == (0.49, 1.47)
    assert outcome(FAILED, interrupted=True, stop_code="budget").to_dict()["stop_code"] == "interrupted"
