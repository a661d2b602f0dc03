"""Holds what one look at the front of our line at fal found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from batch.pacing.in_flight import InFlight, InFlightRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Times are seconds on the caller's clock.

    Args:
        pause: since the look before.
        first: when the first request of the run was accepted.
        begun: the requests that were found to have begun since then.
        head: the first of ours that waits; None where none does.
    """

    now: float
    pause: float
    first: float
    begun: Sequence[InFlightRequest]
    head: InFlightRequest | None
    in_flight: InFlight

    @property
    def age(self) -> float:
        """How long the first of ours has waited."""
        return self.now - self.head.accepted if self.head else 0.0

    def margin(self, mean_run: float | None) -> float:
        """Seconds that nothing is read into: a look sees no closer, and no two runs are alike."""
        return 1.5 * self.pause + 0.02 * (mean_run or self.now - self.first)

    @property
    def others(self) -> float:
        """How many requests of others are in the line, as far as fal tells."""
        return float(self.in_flight.others or 0)

    @property
    def others_first(self) -> bool:
        """Requests of others are before the first of ours: it waits for them, and for no slot of ours yet."""
        before = self.head.position if self.head else None
        return (before or 0) > 0.1 * len(self.in_flight.waiting) + 1

    @property
    def mean_wait(self) -> float:
        """How long those waited that were found to have begun."""
        return sum(each.waited for each in self.begun) / len(self.begun)
