"""What a person is told while a run is on: each thing once, whatever else happens."""

from dataclasses import dataclass, field

import anyio
import pytest

from batch.commands.alarms import watch
from batch.dispatch.stopping import Stop
from batch.dispatch.tally import Tally
from tests.support.runs import play_in_line


@dataclass
class Running:
    tally: Tally = field(default_factory=Tally)
    stopped: Stop | None = None


@pytest.mark.parametrize("doubts", [0, 1, 5])
@pytest.mark.parametrize("stop", [True, False])
def test_an_early_stop_and_the_first_doubt_are_told_of_once_each(doubts: int, stop: bool) -> None:
    """However long the run goes on, and however many come."""
    told: list[str] = []
    running = Running()

    async def night() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch, lambda subject, _: told.append(subject), running)
            await anyio.sleep(5)
            assert told == []
            running.tally.in_doubt = doubts
            running.stopped = Stop("locked", "stopped: the account is locked") if stop else None
            await anyio.sleep(5)
            running.tally.in_doubt = doubts * 2
            await anyio.sleep(500)
            tasks.cancel_scope.cancel()

    play_in_line(night)
    assert told == [*(["nothing more is submitted"] if stop else []), *(["a row is in doubt"] if doubts else [])]
