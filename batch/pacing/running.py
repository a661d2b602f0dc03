"""Tells how many of our requests ran at once over a time. Pure."""

from batch.pacing.in_flight import InFlight

SURELY = 0.9
"""Hardly any request ends before it is as old as this share of the run time."""


class Running:
    """How many ran. Times are seconds on the caller's clock."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._forgotten = 0

    @property
    def now(self) -> int:
        return len(self._in_flight.running)

    def surely(self, now: float, mean_run: float | None) -> int:
        """How many run for certain: none that may have ended unnoticed."""
        running = self._in_flight.running
        if mean_run is None:  # whoever is as old as the oldest may have
            mean_run = max((now - each.started for each in running), default=0.0)
        young, fresh = SURELY * mean_run, (1 - SURELY) * mean_run
        return sum(now - each.started <= max(young, each.alive + fresh) for each in running)

    @property
    def ended(self) -> int:
        """How many have ended, ever."""
        return self._forgotten + len(self._in_flight.runs)

    @property
    def begun(self) -> int:
        """How many have begun, ever."""
        return self.now + self.ended

    def mean(self, since: float, until: float) -> float:
        """How many ran on average between two times, the first no earlier than what was forgotten."""
        if until <= since:
            return float(self.now)
        ran = sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in self._in_flight.runs)
        ran += sum(max(0.0, until - max(each.started, since)) for each in self._in_flight.running)
        return ran / (until - since)

    def forget(self, before: float) -> None:
        """Runs that ended before then are not asked for any more."""
        runs = self._in_flight.runs
        while runs and runs[0][1] < before:
            runs.popleft()
            self._forgotten += 1
