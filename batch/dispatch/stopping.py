"""A run of equal failures stops the submitting: a model that is down or a wrong column must not burn the sheet."""

from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """Counts how often the same thing went wrong in a row.

    Args:
        limit: how many equal failures trip it; 0: never.
    """

    limit: int
    _kind: str = ""
    _times: int = 0

    def failed(self, kind: str) -> bool:
        """Whether this failure is one too many."""
        self._times = self._times + 1 if kind == self._kind else 1
        self._kind = kind
        return 0 < self.limit <= self._times

    def succeeded(self) -> None:
        self._kind, self._times = "", 0
