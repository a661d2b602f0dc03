"""Caps: how far they reach, and what is said where one has no room."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.commands.caps import Caps
from batch.core.money import AccountCap, Budget, Cap
from batch.core.run_options import RunOptions
from batch.ledger.summary import price_of_first, rows_within, summarize
from batch.reports.clock import clock
from batch.reports.progress import duration
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.books import book_of, purchase
from tests.support.runs import a_service, run_through
from tests.support.sheets import PRICE, SHOTS, batch
from tests.support.simulated import EPOCH, ledger_of, shot, shots


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "an-id:a-secret")


@pytest.mark.parametrize(
    ("options", "said", "reach"),
    [
        (
            RunOptions(max_spend=PRICE),
            "the next row would go over --max-spend ($0.49) — raise --max-spend to go on",
            "; --max-spend ($0.49) reaches 1 of them",
        ),
        (
            RunOptions(max_spend=10 * PRICE, max_spend_total=2 * PRICE),
            "the next row would go over --max-spend-total ($0.98) — raise --max-spend-total to go on",
            "; --max-spend-total ($0.98) reaches 2 of them",
        ),
        (
            RunOptions(max_spend=10 * PRICE, max_spend_account=AccountCap(2 * PRICE, "night")),
            "the next row would go over --max-spend-account ($0.98/night over all tables) — raise --max-spend-account "
            "to go on, or run again after ",
            "; --max-spend-account ($0.98/night over all tables) reaches 2 of them",
        ),
    ],
)
def test_the_cap_that_stops_a_run_is_the_one_that_is_named(
    options: RunOptions, said: str, reach: str, tmp_path: Path
) -> None:
    """With its amount and what helps; and before anything is bought, how many rows it reaches."""
    lines: list[str] = []
    outcome = run_through(batch(tmp_path, SHOTS), a_service(), options, say=lines.append)
    assert (outcome.stopped or "").startswith(f"stopped submitting: {said}")
    cap = reach.split()[1]
    assert [remark for _, remark in outcome.to_do] == ["" if cap == "--max-spend" else f"raise {cap} first"]
    assert [line for line in lines if line.endswith(reach)]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (RunOptions(limit=1), "1 of 3 rows, $0.49 (--limit 1)"),
        (RunOptions(limit=2, max_spend=PRICE), "2 of 3 rows, $0.98 (--limit 2); --max-spend ($0.49) reaches 1 of them"),
        (RunOptions(limit=2, max_spend=2 * PRICE), "2 of 3 rows, $0.98 (--limit 2)"),
        (RunOptions(limit=3), "3 rows to run for $1.47 (3 of 5 s for $1.47)"),
    ],
)
def test_a_limit_says_how_many_rows_it_begins_and_what_they_cost(
    options: RunOptions, line: str, tmp_path: Path
) -> None:
    """Of all that are there to be run."""
    lines: list[str] = []
    run_through(batch(tmp_path, SHOTS), a_service(), options, say=lines.append)
    assert line in lines


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (RunOptions(max_seconds=60, ends=("--max-runtime 1m", "--until 07:00")), "--max-runtime 1m"),
        (RunOptions(max_seconds=90), "--max-runtime 2 min"),
    ],
)
def test_a_run_without_the_time_for_a_row_says_how_long_one_takes(
    options: RunOptions, named: str, tmp_path: Path
) -> None:
    """Before and after: nothing is submitted that could not be home in time."""
    lines: list[str] = []
    outcome = run_through(batch(tmp_path, SHOTS), a_service(), options, say=lines.append)
    takes = f"a row takes about {duration(JOB.typical_seconds)}"
    assert f"{takes}: {named} is too short for any to be begun" in lines
    assert (outcome.stopped or "").endswith(f"could not be home in time ({named}; {takes})")
    assert (outcome.spent_now, outcome.standing.at_fal) == (0, 0)
    assert [remark for _, remark in outcome.to_do] == ["give it more time first"]


def test_time_enough_is_not_spoken_of(tmp_path: Path) -> None:
    lines: list[str] = []
    run_through(batch(tmp_path, SHOTS), a_service(), RunOptions(max_seconds=JOB.typical_seconds), say=lines.append)
    assert not [line for line in lines if "a row takes" in line]


def test_a_cap_below_a_single_row_has_to_be_raised_first(tmp_path: Path) -> None:
    """The same run again would buy nothing either."""
    outcome = run_through(batch(tmp_path, SHOTS), a_service(), RunOptions(max_spend=PRICE - 1))
    assert [remark for _, remark in outcome.to_do] == ["raise --max-spend first"]


def test_a_cap_that_reaches_every_row_says_nothing(tmp_path: Path) -> None:
    lines: list[str] = []
    options = RunOptions(max_spend=3 * PRICE, max_spend_account=AccountCap(3 * PRICE, "day"))
    outcome = run_through(batch(tmp_path, SHOTS), a_service(), options, say=lines.append)
    assert (outcome.stopped, [line for line in lines if "reaches" in line]) == (None, [])


def test_an_accounts_cap_has_room_again_when_its_period_ends(tmp_path: Path) -> None:
    """And reaches as far as what all tables have left of it."""
    cap = AccountCap(3 * PRICE, "night")
    book = book_of(tmp_path, cap=cap, now=EPOCH)
    assert book.claim(purchase(at=EPOCH))
    caps = Caps(RunOptions(max_spend_account=cap), Budget(), book, lambda: EPOCH)
    assert caps.reach(ledger_of(shots(3)), 3).endswith("reaches 2 of them")
    ends = book.period_end("night", EPOCH)
    assert EPOCH < ends <= EPOCH + 86_400
    assert caps.remedy(Cap.ACCOUNT).endswith(f"run again after {clock(ends, EPOCH)}, when the next night begins")


@given(st.lists(st.sampled_from(["5", "10"]), max_size=8), st.integers(-PRICE, 9 * PRICE))
def test_as_many_rows_are_reached_as_the_room_is_enough_for(durations: list[str], room: int) -> None:
    """In the table's order."""
    ledger = ledger_of(shot(place, f"shot {place}", duration) for place, duration in enumerate(durations))
    prices = [PRICE * (2 if duration == "10" else 1) for duration in durations]
    rows = rows_within(ledger, room)
    assert sum(prices[:rows]) <= max(room, 0)
    assert rows == len(prices) or sum(prices[: rows + 1]) > room
    assert summarize(ledger).to_run == len(prices)
    assert [price_of_first(ledger, rows) for rows in range(9)] == [sum(prices[:rows]) for rows in range(9)]
