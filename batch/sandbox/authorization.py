"""The account that the service is played for: whose key is taken, and whether it may spend."""

from dataclasses import dataclass

from batch.sandbox.faults import LOCKED


@dataclass(slots=True)
class Account:
    """Who may ask. `keys` None: any key. `locked`: the text of the 403, on submits; on reads too with `locks_reads`."""

    keys: frozenset[str] | None = None
    locked: str | None = None
    locks_reads: bool = False

    def lock(self, text: str = LOCKED) -> None:
        self.locked = text

    def refusal(self, authorization: str, *, spends: bool) -> tuple[int, str] | None:
        """The status and text for whom this account does not serve."""
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() not in ("key", "bearer") or not key:
            return 401, "Authentication is required to access this application"
        if self.keys is not None and key not in self.keys:
            return 401, "No user found for Key ID and Secret"
        if self.locked is not None and (spends or self.locks_reads):
            return 403, self.locked
        return None
