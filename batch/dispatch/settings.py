"""How a run behaves: its options, its batch's facts, its clock and its chance."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from batch.core.gateway import START_TIMEOUT
from batch.core.money import Budget
from batch.core.retry import Retry
from batch.core.row import PendingRow
from batch.core.run_options import RunOptions
from batch.dispatch.stopping import Stop


async def _always(_: PendingRow) -> bool | Stop:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one run behaves. `now` is wall time in seconds since 1970, for the ledger only."""

    options: RunOptions = field(default_factory=RunOptions)
    now: Callable[[], float]
    rand: Callable[[], float]
    typical_seconds: float
    slots_before: int | None = None
    """How many requests ran at once in an earlier run, where that is known."""
    rows: int = 1000
    """How many requests are to make a video: one for each row, or more where rows are to have several takes."""
    in_rows: bool = True
    """Each row is to have one video: progress is told in rows."""
    group_of: Callable[[PendingRow], str]
    """Requests of one group take about equally long."""
    typical_of: Callable[[PendingRow], float | None] = lambda _: None
    """How long a row's request usually runs, in seconds; None: as long as any."""
    retry: Retry = field(default_factory=Retry)
    budget: Budget = field(default_factory=Budget)
    deadline: float = float("inf")
    """On anyio's clock: nothing is submitted that could not be home by then."""
    start_timeout: float = START_TIMEOUT
    """Seconds after which fal gives up a request that no runner has started, while no longer wait has been seen."""
    may_submit: Callable[[PendingRow], Awaitable[bool | Stop]] = _always
    """Asked last of all before a row's intent is written: whether it is still wanted as it is."""
