"""How many takes rows are to have: what the table says, what a redo asks, and what comes of it row by row."""

from pathlib import Path

import pytest

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.money import dollars
from batch.core.row import RowSelection
from batch.core.states import State
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import Findings, match
from batch.ledger.summary import prices_to_run, summarize, takes_of_first
from batch.ledger.takes import has_several_takes, is_old_take, takes_of
from batch.ledger.twins import find_twins
from batch.manifest.loader import Manifest
from jobs.kling import KLING_2_1_PRO as JOB
from tests.ledger.test_takes import made
from tests.support.ledgers import PRICE

SHEET = "id,prompt,image,takes\na,boat,https://x.y/1,3\nb,tree,https://x.y/2,\nc,rain,https://x.y/3,2\n"


def read(ledger: Ledger, folder: Path, text: str = SHEET, takes: int | None = None) -> Findings:
    path = folder / "shots.csv"
    path.write_text(text)
    manifest = Manifest(path=path, job=JOB, prices=JOB.prices, takes=takes)
    found = match(ledger, manifest.plan(manifest.open()), refuse_foreign=False)
    enrol(ledger, 1.0, new=True)
    return found


def numbers(ledger: Ledger) -> dict[int, int]:
    return {row: len(takes) for row, takes in takes_of(ledger).items()}


def test_a_row_goes_on_until_it_has_what_the_table_asks_for(ledger: Ledger, tmp_path: Path) -> None:
    """Each take in one transaction with the wish for the next: whoever dies in between leaves the row pending."""
    read(ledger, tmp_path)
    assert (summarize(ledger).to_run, summarize(ledger).to_make) == (3, 6)
    assert summarize(ledger).to_run_price == 6 * PRICE
    assert [(one.rows, one.micros) for one in prices_to_run(ledger, JOB).items] == [(6, 6 * PRICE)]
    assert [takes_of_first(ledger, rows) for rows in (1, 2, 3)] == [3, 4, 6]
    for nth in (1, 2, 3):
        state = ledger.db.execute("SELECT state FROM row WHERE id = 1").fetchone()
        assert state == ("pending",), nth
        made(ledger, 1, f"a{nth}", 10.0 * nth)
    assert ledger.db.execute("SELECT state FROM row WHERE id = 1").fetchone() == ("succeeded",)
    assert ledger.money().spent == 3 * PRICE
    made(ledger, 2, "b1", 50.0)
    assert numbers(ledger) == {1: 3, 2: 1}
    now = summarize(ledger)
    assert (now.to_run, now.to_make, now.takes, now.kept) == (1, 2, 2, 0)


def test_what_the_option_says_holds_for_rows_that_say_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """And goes on to hold for those that were begun under it."""
    text = "id,prompt,image\na,boat,https://x.y/1\n"
    read(ledger, tmp_path, text, takes=2)
    made(ledger, 1, "a1", 10.0)
    read(ledger, tmp_path, text)
    assert summarize(ledger).to_make == 1
    made(ledger, 1, "a2", 20.0)
    assert summarize(ledger).to_run == 0


def test_a_row_that_has_its_video_is_not_bought_again_because_its_cell_was_raised(
    ledger: Ledger, tmp_path: Path
) -> None:
    """It is told instead: who wants another take says so."""
    read(ledger, tmp_path, SHEET.replace(",3\n", ",1\n"))
    made(ledger, 1, "a1", 10.0)
    assert read(ledger, tmp_path).short == [2]
    assert summarize(ledger).to_run == 2
    assert ledger.db.execute("SELECT state FROM row WHERE id = 1").fetchone() == ("succeeded",)


def test_a_row_that_was_edited_or_deleted_meanwhile_goes_no_further_by_itself(ledger: Ledger, tmp_path: Path) -> None:
    """What it would buy is not what the table says any more."""
    for line, edited in (("a,boat", "a,ship"), ("c,rain,https://x.y/3,2\n", "")):
        row = 1 if edited else 3
        read(ledger, tmp_path)
        ledger.apply(row, states.claimed(1.0, None, PRICE))
        read(ledger, tmp_path, SHEET.replace(line, edited))
        ledger.apply(row, states.accepted(2.0, Receipt(f"q{row}", "https://s", "https://r", "https://c")))
        assert ledger.apply(row, states.succeeded(3.0, "{}", "https://v", PRICE)) is State.SUCCEEDED


def test_a_redo_buys_so_many_more_of_what_the_table_says_now(ledger: Ledger, tmp_path: Path) -> None:
    """Only the rows that were named; the others wait. What the row has is there meanwhile, and is not taken for new."""
    text = "id,prompt,image\na,boat,https://x.y/1\nb,tree,https://x.y/2\n"
    read(ledger, tmp_path, text)
    made(ledger, 1, "a1", 10.0)
    assert not has_several_takes(ledger)
    read(ledger, tmp_path, text)
    ledger.marks.add_takes([1], 2)
    assert is_old_take(ledger, 1, "a1")
    assert (summarize(ledger).to_run, summarize(ledger).to_make) == (1, 2)
    assert dollars(summarize(ledger).to_run_price) == "$0.98"
    assert [row.row for row in ledger.pending_rows(-1, 9)] == [1]
    made(ledger, 1, "a2", 20.0)
    ledger.marks.clear()
    assert (summarize(ledger).to_run, summarize(ledger).kept) == (2, 1)
    assert is_old_take(ledger, 1, "a2")
    assert has_several_takes(ledger)
    made(ledger, 1, "a3", 30.0)
    assert numbers(ledger) == {1: 3}
    assert summarize(ledger).to_run == 1


def test_a_row_that_is_edited_back_may_have_its_old_video_again(ledger: Ledger, tmp_path: Path) -> None:
    """Nobody asked for another take of those inputs: it is taken over, not bought."""
    text = "id,prompt,image\na,{},https://x.y/1\n"
    read(ledger, tmp_path, text.format("boat"))
    made(ledger, 1, "a1", 10.0)
    for prompt, name in (("ship", "a2"), ("boat", "")):
        read(ledger, tmp_path, text.format(prompt))
        ledger.marks.add(RowSelection(), failed=False, stale=True, error_types=[])
        if name:
            assert not is_old_take(ledger, 1, name)
            made(ledger, 1, name, 20.0)
    assert not is_old_take(ledger, 1, "a1")


def test_rows_that_ask_for_the_same_are_told_with_all_their_takes(ledger: Ledger, tmp_path: Path) -> None:
    """What they cost together."""
    read(ledger, tmp_path, "prompt,image,takes\nboat,https://x.y/1,2\nboat,https://x.y/1,1\n")
    assert [one.text() for one in find_twins(ledger)] == ["rows 2, 3 ask for the same: $1.47 for three takes"]


@pytest.mark.parametrize("cell", ["0", "-1", "21", "1.5", "many", "#REF!", "1e3"])
def test_a_cell_that_says_no_number_of_takes_is_told_with_its_row(ledger: Ledger, tmp_path: Path, cell: str) -> None:
    """As any other cell: what is wrong, where, what to do; the row is not bought."""
    found = read(ledger, tmp_path, f"id,prompt,image,takes\na,boat,https://x.y/1,{cell}\n")
    (problem,) = found.problems
    assert (problem.number, problem.column) == (2, "takes")
    assert "not a whole number from 1 to 20" in problem.message
    assert "--ignore takes" in problem.message
    assert summarize(ledger).to_run == 0
