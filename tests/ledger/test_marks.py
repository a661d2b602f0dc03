"""Rows that are to be run again are marked until they are begun, and nothing else of them changes."""

from collections import Counter
from pathlib import Path

import pytest

from batch.commands.rerun import Selection
from batch.core import states
from batch.core.gateway import Receipt
from batch.core.money import Budget, Cap
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger, StateConflict
from batch.ledger.matching import match
from batch.ledger.summary import prices_to_run, summarize
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.simulated import EPOCH, Crash, Service, count, ledger_of, night, play, service_queue, shot, shots

PRICE = 490_000
ROWS = 29
WHY = "kind, message, finished_at"


def failed_ledger(path: Path | None = None) -> Ledger:
    """A ledger whose rows have all failed, each for a reason of its own."""
    ledger = Ledger.open(path) if path else Ledger.in_memory()
    match(ledger, shots(ROWS))
    enrol(ledger, EPOCH, new=True)
    for row in range(1, ROWS + 1):
        ledger.apply(row, states.unsendable(EPOCH, "image_too_small", f"reason {row}"))
    match(ledger, shots(ROWS))
    return ledger


def as_they_are(ledger: Ledger) -> dict[int, list[object]]:
    return {row: rest for row, *rest in ledger.db.execute(f"SELECT id, state, {WHY}, attempts, tries, spent FROM row")}


def run(ledger: Ledger, service: Service, **how: object) -> None:
    play(lambda: night(ledger, service, **how))


@pytest.mark.parametrize(
    ("how", "begun"),
    [
        ({"limit": 2}, 2),
        ({"budget": Budget(run=3 * PRICE)}, 3),
        ({"deadline": 0.0}, 0),
        ({}, ROWS),
    ],
)
def test_a_rerun_touches_what_it_begins_and_the_rest_keeps_its_state_and_reason(
    how: dict[str, object], begun: int
) -> None:
    """By `--limit`, the budget, the deadline; the next run buys nothing of what was held back."""
    ledger, service = failed_ledger(), Service(service_queue(5, 60.0))
    before = as_they_are(ledger)
    Selection().mark(ledger, 9e9)
    assert as_they_are(ledger) == before
    assert summarize(ledger).to_run == ROWS
    run(ledger, service, **how)
    ledger.marks.clear()
    after = as_they_are(ledger)
    assert len(service.queue.requests) == begun
    assert sum(after[row] != before[row] for row in before) == begun
    assert (count(ledger, "succeeded"), summarize(ledger).to_run) == (begun, 0)
    run(ledger, service)
    assert len(service.queue.requests) == begun


@pytest.mark.parametrize("nth", [1, 2, 5, 9])
@pytest.mark.parametrize("fault", ["crash_before", "crash"])
def test_a_rerun_that_dies_leaves_no_row_marked(nth: int, fault: str, tmp_path: Path) -> None:
    """Whoever opens the ledger next finds no row that waits and was not begun."""
    path = tmp_path / "ledger"
    ledger = failed_ledger(path)
    service = Service(service_queue(5, 60.0), on_submit=lambda n: fault if n == nth else None)
    before = as_they_are(ledger)
    Selection().mark(ledger, 9e9)
    with pytest.raises(BaseException) as caught:
        run(ledger, service, concurrency=5)
    assert caught.group_contains(Crash) if isinstance(caught.value, BaseExceptionGroup) else caught.type is Crash
    with Ledger.read(path) as reader:  # what the disk has
        after = as_they_are(reader)
        touched = {row for row in before if after[row] != before[row]}
        assert not [row for row in touched if after[row][0] == "pending"]
        assert len(touched) <= service.asked["submit"]
        assert reader.pending_rows(-1, 99) == []


def test_a_row_becomes_pending_and_is_claimed_in_one_transaction() -> None:
    """The log has both steps; a claim that the budget refuses leaves it as it was."""
    ledger = failed_ledger()
    before = as_they_are(ledger)
    Selection(numbers=[4]).mark(ledger, 9e9)
    (work,) = ledger.pending_rows(-1, 9)
    intent = states.claimed(EPOCH, None, work.price)
    assert ledger.claim(work.row, intent, Budget(run=0)) is Cap.RUN
    assert as_they_are(ledger) == before
    assert ledger.claim(work.row, intent, Budget()) is None
    steps = ledger.db.execute("SELECT old, new FROM event WHERE row = ? ORDER BY seq", (work.row,)).fetchall()
    assert steps[-2:] == [("failed", "pending"), ("pending", "submitting")]
    assert ledger.pending_rows(-1, 9) == []
    with pytest.raises(StateConflict):
        ledger.apply(work.row, intent)


def test_a_claim_that_is_rolled_back_leaves_row_and_mark() -> None:
    """The mark goes with the transaction."""
    ledger = failed_ledger()
    before = as_they_are(ledger)
    Selection(numbers=[4]).mark(ledger, 9e9)
    (work,) = ledger.pending_rows(-1, 9)
    ledger.begin()
    ledger.apply(work.row, states.claimed(EPOCH, None, work.price))
    ledger.undo()
    assert as_they_are(ledger) == before
    assert ledger.pending_rows(-1, 9) == [work]


def test_stale_rows_keep_their_videos_until_they_are_begun() -> None:
    """`--stale --limit 1` buys one with its new inputs at its new price; the other stays as it was made, and stale."""
    ledger, service = ledger_of(shots(2)), Service(service_queue(5, 60.0))
    for row in (1, 2):
        ledger.apply(row, states.claimed(EPOCH, None, PRICE))
        ledger.apply(row, states.accepted(EPOCH, Receipt(f"r{row}", "https://s", "https://r", "https://c")))
        ledger.apply(row, states.succeeded(EPOCH, "{}", f"https://v/{row}", PRICE))
    match(ledger, [shot(place, f"other {place}", "10") for place in range(2)])
    enrol(ledger, EPOCH, new=True)
    Selection(failed=False, stale=True).mark(ledger, 9e9)
    assert summarize(ledger).to_run_price == 2 * 980_000
    assert prices_to_run(ledger, JOB).text() == "(2 of 10 s for $1.96)"
    ledger.reprice(JOB, {"10": 1_000_000})
    assert summarize(ledger).to_run_price == 2_000_000
    run(ledger, service, limit=1)
    ledger.marks.clear()
    assert [request.input["prompt"] for request in service.queue.requests] == ["other 0"]
    rows = ledger.db.execute("SELECT video_url, price, edited FROM row JOIN sheet ON sheet.row = row.id").fetchall()
    assert rows[0] == (f"https://v3.fal.media/{service.queue.requests[0].id}.mp4", 1_000_000, 0)
    assert rows[1] == ("https://v/2", PRICE, 1)


def test_what_waits_and_what_is_marked_go_in_the_tables_order_over_any_number_of_pages() -> None:
    """Each once."""
    ledger = ledger_of(shots(40))
    for row in range(2, 41, 3):
        ledger.apply(row, states.unsendable(EPOCH, "x", "y"))
    match(ledger, shots(40))
    Selection().mark(ledger, 9e9)
    found: list[int] = []
    while page := ledger.pending_rows(found[-1] if found else -1, 7):
        found += [work.place for work in page]
    assert found == list(range(40))


def test_a_marked_row_whose_image_is_gone_fails_anew_with_the_new_reason() -> None:
    """It was begun."""
    ledger = failed_ledger()
    Selection(numbers=[4]).mark(ledger, 9e9)
    ledger.apply(3, states.unsendable(current := EPOCH + 9, "image", "no such file"))
    assert as_they_are(ledger)[3] == ["failed", "image", "no such file", current, 0, 0, 0]
    assert Counter(state for state, *_ in as_they_are(ledger).values()) == {"failed": ROWS}
