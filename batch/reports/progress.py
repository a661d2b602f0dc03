"""Shows how a run gets on: a bar on a terminal, a line a minute elsewhere."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from anyio import current_time, sleep

from batch.core.money import dollars
from batch.core.plain_text import one_line
from batch.dispatch.tally import Tally
from batch.reports.screen import Screen, fitted, room, stamped

BAR_SECONDS = 0.5
LINE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Eta:
    """What the time left is guessed from. Seconds."""

    rows: int
    """Or videos, where rows are to have several."""
    typical_seconds: float
    what: str = "rows"
    """What is counted, as it is called."""

    def left(self, ended: int, elapsed: float, at_once: int) -> float:
        """Seconds until all rows have ended, for a service that takes minutes a row.

        Until as many rows have ended as run at once, the job's own word is better than any rate.
        """
        rest = self.rows - ended
        if rest <= 0:
            return 0.0
        if ended >= at_once:
            return rest * elapsed / ended
        rounds = math.ceil(self.rows / at_once)
        return max(rounds * self.typical_seconds - elapsed, self.typical_seconds / 2)

    def left_in_line(self, tally: Tally, elapsed: float) -> float:
        """The same where requests wait at fal: as many run at once as now, from the end of the first wait on."""
        rounds = math.ceil((self.rows - tally.ended) / max(1, tally.at_fal.running))
        run = tally.run_seconds or self.typical_seconds
        return rounds * run + max(0.0, tally.wait_seconds - elapsed)


def line(tally: Tally, eta: Eta, elapsed: float) -> str:
    """One line that says it all."""
    parts = [f"{_done(tally)} of {eta.rows} {eta.what} done"]
    parts += [f"{tally.failed} failed"] if tally.failed else []
    parts += [_at_work(tally), f"{dollars(tally.spent)} spent"]
    # While fal cannot be reached no guess is worth its place: a narrow terminal would show it instead of the reason.
    in_line = tally.at_fal.waiting > 0
    left = eta.left_in_line(tally, elapsed) if in_line else eta.left(_done(tally), elapsed, tally.at_once)
    parts.append(tally.notice or f"about {duration(left)} left")
    return one_line(", ".join(parts))


def _done(tally: Tally) -> int:
    """Rows that have ended. What is in doubt has not: it may still be settled in this run."""
    return tally.ended - tally.in_doubt


def _at_work(tally: Tally) -> str:
    doubts = f" ({tally.in_doubt} in doubt)" if tally.in_doubt else ""
    if tally.at_fal.waiting:
        return f"{tally.at_fal.text()}{doubts}"
    return f"{tally.at_work + tally.in_doubt} under way{doubts}"


def duration(seconds: float) -> str:
    """`75` → `2 min`; a guess deserves no more digits."""
    if seconds < 60:
        return f"{max(1, math.ceil(seconds / 10)) * 10} s" if seconds > 0 else "0 s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


async def show(tally: Callable[[], Tally], eta: Eta, out: TextIO, screen: Screen) -> None:
    """Until cancelled. `tally` gives it as it is now."""
    if out.isatty():
        await _bar(tally, eta, out, screen)
    started = current_time()
    while True:
        await sleep(LINE_SECONDS)
        out.write(stamped(line(tally(), eta, current_time() - started)) + "\n")
        out.flush()


async def _bar(tally: Callable[[], Tally], eta: Eta, out: TextIO, screen: Screen) -> None:
    from tqdm import tqdm  # only where somebody looks

    started = current_time()
    layout = "{percentage:3.0f}%|{bar}| {desc}"  # the bar takes what the words leave: never cuts them off itself
    with tqdm(total=eta.rows, file=out, bar_format=layout, leave=False, dynamic_ncols=True) as bar:
        screen.bar = bar
        try:
            while True:
                bar.n = min(eta.rows, _done(tally()))
                words = fitted(line(tally(), eta, current_time() - started), room(out))
                bar.set_description_str(words, refresh=True)
                await sleep(BAR_SECONDS)
        finally:
            screen.bar = None
