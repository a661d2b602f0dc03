"""Why nothing more is submitted: a stop, and the streak of equal failures that leads to one."""

from dataclasses import dataclass

from batch.core.money import Cap


@dataclass(frozen=True, slots=True)
class Stop:
    """Why nothing more is submitted."""

    code: str
    message: str
    cap: Cap | None = None
    """The one that has no room, where that is why."""
    recall: bool = False
    """What waits in fal's line is not wanted any more either."""


@dataclass(slots=True)
class FailureStreak:
    """Counts how often the same thing went wrong in a row: a model that is down must not burn the sheet.

    Args:
        limit: how many equal failures are one too many; 0: never.
    """

    limit: int
    _error_type: str = ""
    _times: int = 0

    def failed(self, error_type: str) -> Stop | None:
        """The stop that this failure is the reason for, if it is one too many."""
        self._times = self._times + 1 if error_type == self._error_type else 1
        self._error_type = error_type
        if 0 < self.limit <= self._times:
            message = f"stopped submitting: the last {self.limit} rows all ended the same way ({error_type})"
            return Stop("failures", message, recall=True)
        return None

    def succeeded(self) -> None:
        self._error_type, self._times = "", 0
