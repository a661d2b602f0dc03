"""What is heard of each row, in order: shown, kept, and handed to a callback that can end nothing."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import current_time

from batch.commands.row_updates import OnUpdate, OverheardGateway, RowUpdates
from batch.commands.run import Surroundings, run
from batch.core import states
from batch.core.gateway import Finished, Gateway, LogLine, PollAnswer, Receipt, Waiting
from batch.core.run_options import RunOptions
from batch.core.updates import Completed, InProgress, Queued, RowUpdate
from batch.errors import Exit
from batch.ledger.async_ledger import async_ledger, in_line
from batch.reports.outcome import Outcome
from batch.sandbox.outcomes import model_error
from tests.support.protocols import methods, signature
from tests.support.runs import a_service, play_in_line, reaching
from tests.support.sheets import batch
from tests.support.simulated import EPOCH, Service, ledger_of, shots

SHOTS = "id,prompt,image\na,plain,https://x.y/1\nb,flagged,https://x.y/2\nc,plain too,https://x.y/3\n"


@dataclass
class Talkative(Service):
    """Each request's runner writes a line every 10 s."""

    began: dict[str, float] = field(default_factory=dict)

    async def poll(self, receipt: Receipt) -> PollAnswer:
        answer = await super().poll(receipt)
        began = self.queue.status(receipt.request_id, now=current_time()).request.started_at
        if began is None:
            return answer
        lines = tuple(LogLine(f"step {n}", "INFO") for n in range(1 + int((current_time() - began) // 10)))
        if isinstance(answer, Waiting):
            return Waiting(answer.running, answer.position, lines)
        return Finished(answer.seconds, logs=lines) if isinstance(answer, Finished) else answer


def talkative(slots: int = 1) -> Talkative:
    plan = lambda given, _: model_error("content_policy_violation") if given["prompt"] == "flagged" else None  # noqa: E731
    return Talkative(a_service(slots, plan=plan).queue)


def watched(
    folder: Path, service: Service, on_update: OnUpdate | None = None, said: list[str] | None = None, **options: Any
) -> Outcome:
    around = Surroundings(
        connect=reaching(service),
        now=lambda: EPOCH + current_time(),
        rand=lambda: 0.5,
        show_progress=False,
        on_update=on_update,
    )
    given = batch(folder, SHOTS)
    say = (said if said is not None else []).append
    told = RunOptions(concurrency=2, **options)
    outcome: Outcome = play_in_line(lambda: run(given, told, say, None, around))
    return outcome


def test_a_callback_is_told_each_change_of_each_row_in_order(tmp_path: Path) -> None:
    """Queued with its place, running with each line once, ended with what came of it."""
    told: list[RowUpdate] = []
    outcome = watched(tmp_path, talkative(), told.append)
    assert outcome.exit_code is Exit.ROWS_FAILED
    for row, name, state in ((2, "a", "succeeded"), (3, "b", "failed"), (4, "c", "succeeded")):
        own = [one for one in told if one.row == row]
        assert {one.id for one in own} == {name}
        assert len({one.request_id for one in own}) == 1
        assert isinstance(own[0], Queued)
        lines = [line["message"] for one in own if isinstance(one, InProgress) for line in one.logs]
        assert lines == [f"step {n}" for n in range(len(lines))]
        assert len(lines) >= 6
        end = own[-1]
        assert isinstance(end, Completed)
        assert end.state == state
        assert bool(end.video_url) == (state == "succeeded")
        assert (end.error_type is None) == (state == "succeeded")


def test_a_place_in_the_queue_is_told_when_it_changes() -> None:
    """And what is heard twice is told once; a runner that begins anew begins its log anew."""
    told: list[RowUpdate] = []
    ledger = ledger_of(shots(1))
    receipt = Receipt("r1", "https://s", "https://r", "https://c")

    async def night() -> None:
        async with async_ledger(ledger, in_line) as store, anyio.create_task_group() as tasks:
            updates = RowUpdates(ledger, store, print, told.append, None)
            tasks.start_soon(updates.follow)
            await store.apply(1, states.claimed(1e9, None, 1))
            await store.apply(1, states.accepted(1e9, receipt))
            for position in (3, 3, 1):
                updates.heard(receipt, Waiting(running=False, position=position))
            for lines in (("a",), ("a", "b"), ("a", "b"), ("c",)):
                updates.heard(receipt, Waiting(running=True, logs=tuple(map(LogLine, lines))))
            updates.heard(Receipt("other", "https://s", "https://r", "https://c"), Waiting(running=True))
            await updates.finish()

    play_in_line(night)
    assert [one.position for one in told if isinstance(one, Queued)] == [None, 3, 1]
    heard = [[line["message"] for line in one.logs] for one in told if isinstance(one, InProgress)]
    assert heard == [["a"], ["b"], ["c"]]


def test_log_lines_are_shown_with_their_row_and_kept_of_what_failed(tmp_path: Path) -> None:
    """In the ledger, and in the report."""
    said: list[str] = []
    outcome = watched(tmp_path, talkative(), said=said, logs=True)
    shown = [line for line in said if line.startswith("row ")]
    assert "row 2 (a): step 0" in shown
    assert "row 3 (b): step 5" in shown
    assert len(shown) == len(set(shown))
    [failed] = outcome.to_dict()["rows_without_video"]
    assert failed["log"][-1] == "step 6"
    assert "its log ends: step 6" in outcome.text()


def test_nobody_is_asked_more_for_it(tmp_path: Path) -> None:
    """The lines come with the answers that are asked for anyway."""
    plain, told = talkative(), talkative()
    (tmp_path / "plain").mkdir()
    watched(tmp_path / "plain", plain)
    watched(tmp_path, told, lambda _: None, logs=True)
    assert told.asked == plain.asked


def test_a_coroutine_function_is_awaited(tmp_path: Path) -> None:
    """One at a time, in order."""
    told: list[RowUpdate] = []
    at_once = 0

    async def on_update(update: RowUpdate) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        await anyio.sleep(5)
        told.append(update)
        at_once -= 1

    assert watched(tmp_path, talkative(), on_update).exit_code is Exit.ROWS_FAILED
    assert sum(isinstance(one, Completed) for one in told) >= 2  # the last ones are waited for, but not for ever


@pytest.mark.parametrize("when", [Queued, InProgress, Completed])
def test_what_a_callback_raises_is_told_and_ends_nothing(tmp_path: Path, when: type) -> None:
    """Once, however often it does."""
    said: list[str] = []

    def on_update(update: RowUpdate) -> None:
        if isinstance(update, when):
            raise LookupError("my own fault")  # noqa: TRY004 - of whatever type

    service = talkative()
    outcome = watched(tmp_path, service, on_update, said)
    assert outcome.exit_code is Exit.ROWS_FAILED
    assert service.asked["submit"] == 3
    assert [line for line in said if "on_update" in line] == [
        "on_update failed (LookupError: my own fault); the run goes on"
    ]


def test_a_row_that_an_earlier_run_has_sent_is_followed_too(tmp_path: Path) -> None:
    """It says who it is."""
    service, told = talkative(), list[RowUpdate]()
    watched(tmp_path, service, max_seconds=30)
    given = batch(tmp_path, SHOTS)
    around = Surroundings(
        connect=reaching(service),
        now=lambda: EPOCH + 100 + current_time(),
        rand=lambda: 0.5,
        show_progress=False,
        on_update=told.append,
    )

    async def later() -> Outcome:
        await anyio.sleep(100)
        return await run(given, RunOptions(concurrency=2), lambda _: None, None, around)

    assert play_in_line(later).exit_code is Exit.ROWS_FAILED
    assert {one.row for one in told if isinstance(one, Completed)} == {2, 3, 4}


@pytest.mark.parametrize("name", methods(Gateway))
def test_an_overheard_gateway_has_every_method_of_a_gateway(name: str) -> None:
    """And changes nothing of it."""
    assert signature(getattr(OverheardGateway, name)) == signature(methods(Gateway)[name])
