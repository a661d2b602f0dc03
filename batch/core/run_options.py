"""How a run is to go, as a person says it: one field for each option."""

from dataclasses import dataclass

MOST_AT_ONCE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """One option of a run a field; money is in millionths of a dollar.

    Raises:
        ValueError: a number that cannot be meant.
    """

    concurrency: int | None = None
    """How many requests are unfinished at fal at once; None: as many as the account runs, and a few that wait."""
    max_concurrency: int = MOST_AT_ONCE
    """Never more than these."""
    max_spend: int | None = None
    """For this run, with what earlier runs left under way or in doubt."""
    max_spend_total: int | None = None
    """Over the ledger's whole life."""
    limit: int | None = None
    """How many rows are begun at most."""
    max_seconds: float | None = None
    """The run ends by then; what is under way is left to the next one."""
    stop_after: int = 10
    """So many equal failures in a row stop the submitting; 0: never."""

    def __post_init__(self) -> None:
        if self.max_concurrency < 1 or (self.concurrency is not None and self.concurrency < 1):
            raise ValueError("concurrency is 1 at least")
        if self.limit is not None and self.limit < 1:
            raise ValueError("limit is 1 at least: to begin no row, do not run")
        below_zero = (self.max_spend, self.max_spend_total, self.max_seconds, self.stop_after)
        if any(one is not None and one < 0 for one in below_zero):
            raise ValueError("max_spend, max_spend_total, max_seconds and stop_after are 0 at least")
