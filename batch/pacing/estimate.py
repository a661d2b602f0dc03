"""Says what is believed of the account: its slots, and how long a request waits and runs. Pure."""

from dataclasses import dataclass
from math import ceil

RESERVE, MOST_RESERVE = 0.15, 0.25
"""What waits in front of the slots, as a share of them: none is idle while an end is being found, and it shows when
there are more."""
FOUND_SECONDS = 0.3
"""To find an end and to send the next request takes so long at least: as much more waits as ends in that time."""
SMALL_WAIT, SMALL_SECONDS = 0.01, 0.3
"""A request that waits for no longer, as a share of a run time and in seconds, begins at once."""


@dataclass(slots=True)
class Estimate:
    """Times are in seconds.

    Args:
        typical: the job's word on how long a request runs, while no end is known.
        slots: how many run at once; while they are being counted, the most that were seen to.
        wait: how long a request waits before it runs although a slot is free.
        mean_run: how long the requests of late ran; None while no end is known.
    """

    typical: float
    slots: float = 0.0
    wait: float = 0.0
    mean_run: float | None = None

    @property
    def run(self) -> float:
        return self.mean_run or self.typical

    @property
    def trip(self) -> float:
        """From a submit to its end, where a slot is free."""
        return self.run + self.wait

    @property
    def starts_at_once(self) -> bool:
        return self.wait <= SMALL_WAIT * self.run + SMALL_SECONDS

    @property
    def reserve(self) -> float:
        share = min(MOST_RESERVE, RESERVE + FOUND_SECONDS / self.run)
        return max(1.0, ceil(share * self.slots - 0.2))

    def needed(self, *, factor: float = 1.0, less: float = 0.0) -> float:
        """Requests at fal that keep the slots busy, by Little's law; `factor` and `less` are for trying others."""
        return max(1.0, self.slots * (1 + self.wait / self.run) * factor - less + self.reserve + 0.5)
