"""What is told of rows in doubt."""

from pathlib import Path

from anyio import current_time

from batch.commands.doubts import ask_after, by_number
from batch.commands.status import status
from batch.core import states
from batch.core.gateway import START_TIMEOUT
from batch.core.run_options import RunOptions
from batch.errors import Exit
from batch.ledger.recovery import hold
from batch.ledger.summary import summarize
from batch.reconcile.evidence import provable_at
from batch.reports.clock import clock
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.runs import a_service, run_through
from tests.support.sheets import PRICE, SHOTS, batch
from tests.support.simulated import EPOCH, ledger_of, shots


def test_the_last_doubt_decides_when_to_ask_again_and_what_is_held_never_does() -> None:
    ledger = ledger_of(shots(3))
    assert ask_after(summarize(ledger)) is None
    with ledger.transaction():
        hold(ledger, 1, PRICE, "r1", "bought before", EPOCH + 500)
    assert (summarize(ledger).held, ask_after(summarize(ledger))) == (1, None)
    with ledger.transaction():
        for row, at in ((2, EPOCH + 200), (3, EPOCH + 100)):
            ledger.apply(row, states.claimed(at, None, PRICE))
            ledger.apply(row, states.reply_lost(at + 1, "cut"))
    assert ask_after(summarize(ledger)) == provable_at(EPOCH + 200, START_TIMEOUT)


def test_a_long_start_deadline_is_waited_for() -> None:
    """The request that was sent first may be the last that can still begin."""
    ledger = ledger_of(shots(2))
    with ledger.transaction():
        for row, at, deadline in ((1, EPOCH, 14_400.0), (2, EPOCH + 100, None)):
            ledger.apply(row, states.claimed(at, None, PRICE, deadline))
            ledger.apply(row, states.reply_lost(at + 1, "cut"))
    assert ask_after(summarize(ledger)) == provable_at(EPOCH, 14_400.0)


def test_candidates_are_named_by_the_rows_numbers() -> None:
    assert by_number(ledger_of(shots(2)), {2: ["b"], 1: ["a"], 9: ["of a row that is not there"]}) == {
        2: ["a"],
        3: ["b"],
    }


def test_a_run_and_the_status_after_it_say_when_to_ask_again(tmp_path: Path) -> None:
    """And the run shows the requests that may be a row's own: here one of somebody else's, and its own."""
    given, service = batch(tmp_path, SHOTS), a_service()
    equal = {"prompt": "c", "image_url": "https://x.y/3"}

    def meanwhile(n: int) -> str | None:
        if n < 3:
            return None
        service.queue.submit(JOB.endpoint, equal, 3600.0, now=current_time())
        return "lost"

    service.on_submit = meanwhile
    outcome = run_through(given, service, RunOptions(concurrency=1))
    assert outcome.exit_code is Exit.IN_DOUBT
    assert list(outcome.candidates) == [4]
    assert set(outcome.candidates[4]) == {one.id for one in service.queue.requests if one.input["prompt"] == "c"}
    assert outcome.ask_after
    assert f"ask again after {clock(outcome.ask_after, outcome.now)}" in outcome.text()
    assert status(given.manifest.path, sandbox=False).ask_after == outcome.ask_after
