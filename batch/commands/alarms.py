"""Watches a run for what a person may want to know before its end: an early stop, the first doubt."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import anyio

from batch.dispatch.stopping import Stop
from batch.dispatch.tally import Tally

Alarm = Callable[[str, str], None]
"""Given a subject and a text; may take its time, for it is called in a thread."""
PAUSE = 1.0


class Watched(Protocol):
    """What is looked at of a dispatcher."""

    @property
    def tally(self) -> Tally: ...

    @property
    def stopped(self) -> Stop | None: ...


async def watch(alarm: Alarm, watched: Watched) -> None:
    """Until cancelled; what the alarm is busy with then goes on by itself, and the end of the run tells it again."""
    stopped = doubted = False
    while True:
        await anyio.sleep(PAUSE)
        if watched.stopped and watched.stopped.code != "interrupted" and not stopped:
            stopped = True
            text = f"{watched.stopped.message}; what is under way comes home"
            await anyio.to_thread.run_sync(partial(alarm, "nothing more is submitted", text), abandon_on_cancel=True)
        if watched.tally.in_doubt and not doubted:
            doubted = True
            text = "It may have been paid for: the run asks fal, and tells at its end what came of it."
            await anyio.to_thread.run_sync(partial(alarm, "a row is in doubt", text), abandon_on_cancel=True)
