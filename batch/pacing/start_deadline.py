"""Says how long a request may wait before fal gives it up unstarted: by the waits seen so far. Pure."""

from dataclasses import dataclass

TIMES_THE_LONGEST = 4.0
"""A line that grows is no reason to lose one's place in it."""
LONGEST = 86_400.0
"""A request in doubt is not proven absent before its deadline: a day of that is enough."""


@dataclass(slots=True)
class StartDeadline:
    """The start deadline of the next request, in seconds; never less than `least`.

    What a request was seen to wait for, whether it began then or not, is the least that the next one may have to.
    """

    least: float
    longest_wait: float = 0.0

    def waited(self, seconds: float) -> None:
        """A request has waited so long, by what was seen."""
        self.longest_wait = max(self.longest_wait, seconds)

    @property
    def seconds(self) -> float:
        """Whole seconds: the header has no others."""
        return float(round(max(self.least, min(TIMES_THE_LONGEST * self.longest_wait, LONGEST))))
