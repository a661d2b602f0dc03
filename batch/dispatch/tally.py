"""Counts what has happened so far in a run, for whoever shows it or saves it."""

from dataclasses import dataclass, field

from batch.core.worker import FalCounts


@dataclass(slots=True)
class Tally:
    """Counts of rows; the dispatcher keeps it up to date."""

    succeeded: int = 0
    """Each take of a row is one."""
    failed: int = 0
    in_doubt: int = 0
    under_way: int = 0
    left: int = 0
    """Requests that could not be asked after and wait for the next run."""
    recalled: int = 0
    """Requests that were taken back from fal's line: their rows are pending again."""
    spent: int = 0
    """Millionths of a dollar, by requests that ended in this run."""
    fetching: int = 0
    """Of those under way: only their result is being fetched; they have left their slots."""
    preparing: int = 0
    """Of those under way: only their images are being uploaded; they have no slot yet."""
    at_once: int = 1
    """How many may be under way now."""
    at_fal: FalCounts = field(default_factory=FalCounts)
    """By what is known."""
    run_seconds: float | None = None
    """How long requests of late ran on average; None while no end is known."""
    wait_seconds: float = 0.0
    """How long a request waits before it runs although a slot is free, as far as is known."""
    notice: str = ""
    """What submitting waits for; empty where it waits for nothing."""

    @property
    def ended(self) -> int:
        """What this run can do nothing more for: videos that there are, and rows that have come to another end."""
        return self.succeeded + self.failed + self.in_doubt

    @property
    def at_work(self) -> int:
        """Rows on their way to a slot or in one."""
        return self.under_way - self.fetching

    @property
    def counts(self) -> tuple[int, ...]:
        """While these stay as they are, the table has nothing new to show."""
        return self.succeeded, self.failed, self.in_doubt, self.under_way, self.left, self.spent
