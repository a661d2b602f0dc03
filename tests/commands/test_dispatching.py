"""How a run ends when its time is up or a signal comes: what only waits in fal's line is taken back."""

from collections import Counter
from pathlib import Path

import pytest

from batch.commands.at_work import AT_FAL
from batch.core.gateway import CancelAnswer, CancelRequested, Receipt
from batch.core.run_options import RunOptions
from batch.core.worker import read_at_fal
from batch.dispatch.recall import RECALL_SECONDS
from batch.errors import Exit
from batch.ledger.ledger import Ledger
from tests.nights.test_night_stopped import require_paid_once
from tests.support.night import end, kill, ledger, night, statuses, until
from tests.support.runs import a_service, run_through
from tests.support.sheets import PRICE, batch
from tests.support.simulated import EPOCH, Service, service_queue

SHEET = "id,prompt,image\n" + "".join(f"s{n},shot {n},https://x.y/{n}\n" for n in range(8))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "an-id:a-secret")


def test_when_the_time_is_up_what_waits_is_pending_again_and_cost_nothing(tmp_path: Path) -> None:
    """What runs stays under way, and its price stays reserved; nothing else does, in the account's book neither."""
    given, service = batch(tmp_path, SHEET), a_service(2, 400.0)
    outcome = run_through(given, service, RunOptions(concurrency=6, max_seconds=350.0))
    now = outcome.standing
    assert outcome.exit_code is Exit.STOPPED_EARLY
    assert (now.at_fal, now.to_run, now.spent, now.under_way) == (2, 6, 0, 2 * PRICE)
    assert outcome.recalled == 4
    assert "4 rows only waited in fal's line: taken back, $0.00, to be run again" in outcome.text()
    assert outcome.to_dict()["recalled"] == 4
    assert [one.started_at is None for one in service.queue.requests].count(True) == 4
    again = run_through(given, service, RunOptions(concurrency=6, max_spend_account=None))
    assert again.exit_code is Exit.DONE
    assert again.standing.spent == 8 * PRICE
    assert service.queue.accepted == 8 + 4


def test_taking_back_takes_no_longer_than_a_moment(tmp_path: Path) -> None:
    """fal took the wish and says for ever that the request waits: nobody waits with it, and the row stays at fal."""
    given = batch(tmp_path, SHEET)

    class Slow(Service):
        async def cancel(self, receipt: Receipt) -> CancelAnswer:
            return CancelRequested()

    outcome = run_through(given, Slow(service_queue(0, 60.0)), RunOptions(concurrency=6, max_seconds=350.0))
    assert (outcome.standing.at_fal, outcome.recalled) == (6, 0)
    assert 350.0 <= outcome.now - EPOCH <= 350.0 + RECALL_SECONDS + 1
    with Ledger.read(given.ledger) as ledger:
        assert all(one.recalled for one in ledger.submitted_rows())


@pytest.mark.parametrize("recall", [False, True])
def test_a_signal_takes_back_what_waits_only_where_that_was_said(recall: bool, tmp_path: Path) -> None:
    with night(tmp_path, slots=2, run_seconds=60.0) as now:
        shots = now.manifest(6)
        child = now.start("run", shots, "--concurrency", 5, *(["--recall"] if recall else []))
        until(lambda: len(now.accepted) == 5, child)
        child.terminate()
        assert end(child).code == 130
        assert statuses(shots) == ({"submitted": 2, "pending": 4} if recall else {"submitted": 5, "pending": 1})
        require_paid_once(now, shots)


@pytest.mark.parametrize("cancels", [1, 2, 4, 7])
def test_a_kill_while_requests_are_taken_back_loses_no_row_and_pays_none_twice(cancels: int, tmp_path: Path) -> None:
    """SIGKILL after so many cancels came to the service: the next runs bring all home; each row ran once, no more."""
    with night(tmp_path, slots=2, run_seconds=0.4) as now:
        shots = now.manifest(10)
        now.address.queue.set_slots(0)
        child = now.start("run", shots, "--concurrency", 10, "--recall")
        until(lambda: len(now.accepted) == 10, child)
        child.terminate()
        until(lambda: now.asked("cancel") >= cancels, child)
        kill(child)
        now.address.queue.set_slots(2)
        assert now.run("run", shots).code == 0
        ran = Counter(str(one.input["prompt"]) for one in now.address.queue.requests if one.started_at is not None)
        assert set(ran.values()) == {1}
        assert len(ran) == 10
        assert statuses(shots) == {"succeeded": 10}
        assert ledger(shots, "SELECT SUM(spent) FROM row") == [(10 * PRICE,)]


def test_what_is_at_fal_is_noted_while_a_run_is_on(tmp_path: Path) -> None:
    """For `status`: read here out of the ledger in the middle of the run."""
    given, service, seen = batch(tmp_path, SHEET), a_service(2, 60.0), []

    def look(n: int) -> None:
        with Ledger.read(given.ledger) as ledger:
            seen.append(read_at_fal(ledger.meta(AT_FAL)))

    service.before_poll = look
    run_through(given, service, RunOptions(concurrency=6))
    assert any(one and one.running and one.running + one.waiting == 6 for one in seen)
