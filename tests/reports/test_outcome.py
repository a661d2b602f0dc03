"""What is told before and after a night: counts, money, exit codes, and what to type next."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.commands.batch import Batch
from batch.commands.check import SHOWN, check
from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State, Status
from batch.errors import Exit, LedgerError, ManifestError
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.ledger.summary import FailureGroup, LedgerSummary, prices_to_run, read_summary, summarize
from batch.manifest.loader import Manifest
from batch.reports.outcome import Outcome
from jobs.kling import KLING_2_1_PRO as JOB

PRICE = 490_000
NOTHING = LedgerSummary(
    rows={},
    failures=[],
    spent=0,
    under_way=0,
    orphans=0,
    in_doubt=0,
    at_fal=0,
    to_run=0,
    to_run_price=0,
    unpriced=0,
)
FAILED = replace(
    NOTHING,
    rows={Status.SUCCEEDED: 2, Status.FAILED: 1},
    failures=[FailureGroup("content_policy_violation", 1, 3, "a hat")],
    spent=3 * PRICE,
)


def batch(tmp_path: Path, text: str, name: str = "shots.csv") -> Batch:
    path = tmp_path / name
    path.write_text(text)
    return Batch(
        manifest=Manifest(path=path, job=JOB, prices=JOB.prices),
        ledger=path.with_name(name + ".ledger"),
        command=[str(path)],
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
        *(str(one) for one in Status),
    }
    assert (told["rows"], told["succeeded"], told["failed"], told["pending"]) == (3, 2, 1, 0)
    assert (told["spent_usd"], told["spent_total_usd"]) == (0.49, 1.47)
    assert told["failures"] == [
        {"error_type": "content_policy_violation", "rows": 1, "example_row": 3, "example": "a hat"}
    ]


# Counted from a ledger


def test_the_standing_counts_every_row_once() -> None:
    """By what the table says of it; money by what was spent and what may have been."""
    with Ledger.in_memory() as ledger:
        for place in range(6):
            ledger.db.execute(
                "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) "
                "VALUES (?, ?, x'', '{}', ?, 0)",
                (f"id:{place}", place, PRICE),
            )
            ledger.db.execute("INSERT INTO sheet VALUES (?, ?, ?, 0, NULL)", (place, place + 2, place + 1))
        ledger.db.execute("INSERT INTO sheet VALUES (6, 8, NULL, 0, 'prompt: is empty')")
        for row in (1, 2, 3, 6):
            ledger.apply(row, states.claimed(1.0, None, PRICE))
        for row in (2, 3):
            ledger.apply(row, states.accepted(2.0, Receipt(f"r{row}", "https://s", "https://r", "https://c")))
        ledger.apply(3, states.succeeded(3.0, "{}", "https://v", PRICE))
        ledger.apply(6, states.reply_lost(3.0, "cut"))
        ledger.apply(4, states.cancelled(State.PENDING, 3.0, 0))
        now = summarize(ledger)
        assert now.rows == {
            Status.SUBMITTED: 2,
            Status.SUCCEEDED: 1,
            Status.CANCELLED: 1,
            Status.PENDING: 1,
            Status.IN_DOUBT: 1,
            Status.INVALID: 1,
        }
        assert (now.total, now.spent, now.under_way) == (7, PRICE, 3 * PRICE)
        assert (now.in_doubt, now.at_fal, now.orphans, now.to_run, now.to_run_price) == (1, 1, 0, 1, PRICE)
        ledger.db.execute("DELETE FROM sheet WHERE row IN (2, 3, 6)")
        assert (summarize(ledger).orphans, summarize(ledger).in_doubt) == (3, 1)


def test_failures_are_grouped_with_their_first_row_as_the_example(tmp_path: Path) -> None:
    """The most frequent kind comes first."""
    given = batch(tmp_path, "prompt,image\n" + "".join(f"{n},https://x.y/1\n" for n in range(4)))
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        for row, kind in [(4, "b"), (1, "a"), (2, "b"), (3, "b")]:
            ledger.apply(row, states.unsendable(2.0, kind, f"of row {row}"))
        found = summarize(ledger).failures
    assert found == [FailureGroup("b", 3, 3, "of row 2"), FailureGroup("a", 1, 2, "of row 1")]
    assert read_summary(given.ledger, given.manifest.path).failures == found


def test_the_status_of_a_batch_that_never_ran_is_said_as_such(tmp_path: Path) -> None:
    """With the command that says what it would cost."""
    with pytest.raises(LedgerError, match="nothing was run"):
        read_summary(tmp_path / "none.ledger", tmp_path / "none")


# Before the night


def test_a_check_says_what_is_wrong_and_what_it_costs(tmp_path: Path) -> None:
    """By duration, each problem with row, column and remedy, and nothing is written anywhere."""
    text = "prompt,image,duration\na,https://x.y/1,\nb,https://x.y/1,10 s\nc,https://x.y/1,7\nd,https://x.y/1,5.0\n"
    given = batch(tmp_path, text)
    found = check(given)
    assert found.text() == (
        "row 4, column duration: '7' is not 5 or 10: write one of them\n"
        "4 rows: 3 to run, 1 invalid\n"
        "to run: 3 rows for $1.96 (2 of 5 s for $0.98, 1 of 10 s for $0.98)"
    )
    assert found.exit_code is Exit.ROWS_FAILED
    told = json.loads(json.dumps(found.json()))
    assert told["price_by_duration"] == {"5": {"rows": 2, "usd": 0.98}, "10": {"rows": 1, "usd": 0.98}}
    assert (told["rows"], told["to_run"], told["price_usd"], told["invalid"]) == (4, 3, 1.96, 1)
    assert told["problems"][0]["row"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["shots.csv"]
    assert given.manifest.path.read_text() == text


def test_a_check_without_problems_ends_well(tmp_path: Path) -> None:
    """Its exit code is 0 and it is two lines long."""
    found = check(batch(tmp_path, "prompt,image\na,https://x.y/1\n"))
    assert found.exit_code is Exit.DONE
    assert len(found.text().splitlines()) == 2


def test_a_long_list_of_problems_is_cut_with_its_count(tmp_path: Path) -> None:
    """And shown whole where that is asked for."""
    found = check(batch(tmp_path, "prompt,image,duration\n" + "a,https://x.y/1,7\n" * (SHOWN + 5)))
    assert "… and 5 more: add --all to list them" in found.text()
    assert len(found.text().splitlines()) == SHOWN + 3
    assert len(found.text(every=True).splitlines()) == SHOWN + 5 + 2
    assert len(found.json()["problems"]) == SHOWN + 5


def test_a_check_knows_what_is_done_already_and_changes_nothing(tmp_path: Path) -> None:
    """What is stale is said; what is done costs nothing; the ledger's bytes stay."""
    given = batch(tmp_path, "prompt,image,id\na,https://x.y/1,1\nb,https://x.y/1,2\nc,https://x.y/1,3\n")
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        for row in (1, 2):
            ledger.apply(row, states.claimed(1.0, None, PRICE))
            ledger.apply(row, states.accepted(2.0, Receipt(f"r{row}", "https://s", "https://r", "https://c")))
            ledger.apply(row, states.succeeded(3.0, "{}", "https://v", PRICE))
    before = given.ledger.read_bytes()
    given.manifest.path.write_text(given.manifest.path.read_text().replace("\nb,", "\nB,"))
    found = check(given)
    assert "3 rows: 1 to run, 1 done, 1 stale (edited since their video was made)" in found.text()
    assert "to run: 1 rows for $0.49" in found.text()
    assert given.ledger.read_bytes() == before


def test_an_unknown_price_is_said_and_not_left_out_in_silence(tmp_path: Path) -> None:
    """A sum that lacks rows says so."""
    given = batch(tmp_path, "prompt,image,duration\na,https://x.y/1,5\nb,https://x.y/1,10\n")
    given = replace(given, manifest=replace(given.manifest, prices={"5": PRICE}))
    assert "the price of 1 rows is not known" in check(given).text()


def test_a_check_of_a_damaged_ledger_is_one_line(tmp_path: Path) -> None:
    """It is found out before a person relies on the price."""
    given = batch(tmp_path, "prompt,image\na,https://x.y/1\n")
    Ledger.open(given.ledger).close()
    whole = given.ledger.read_bytes()
    given.ledger.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(LedgerError, match="cannot be used"):
        check(given)


def test_a_table_that_changes_while_it_is_checked_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody saved it in that moment."""
    given = batch(tmp_path, "prompt,image\na,https://x.y/1\n")
    opened = Manifest.open

    def meddle(manifest: Manifest) -> object:
        table = opened(manifest)
        manifest.path.write_text("prompt,image\n")
        return table

    monkeypatch.setattr(Manifest, "open", meddle)
    with pytest.raises(ManifestError, match="changed by another program"):
        check(given)


def test_prices_to_run_are_of_the_rows_to_run_only(tmp_path: Path) -> None:
    """Not of those that the table has lost."""
    given = batch(tmp_path, "prompt,image\na,https://x.y/1\nb,https://x.y/1\n")
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        ledger.db.execute("UPDATE row SET place = NULL WHERE id = 1")
        assert prices_to_run(ledger, JOB).text() == "(1 of 5 s for $0.49)"
