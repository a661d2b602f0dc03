"""Decides whose key the sandbox accepts, and whether the account behind it is locked."""

from dataclasses import dataclass

from batch.sandbox.faults import LOCKED


@dataclass(slots=True)
class Authorization:
    """Who may ask. `keys` None: any key. `locked`: the text of the 403, on submits; on reads too with `locks_reads`."""

    keys: frozenset[str] | None = None
    locked: str | None = None
    locks_reads: bool = False

    def lock(self, text: str = LOCKED) -> None:
        """From here on the account is refused with this text."""
        self.locked = text

    def refusal(self, header: str, *, spends: bool) -> tuple[int, str] | None:
        """The status and text that refuse a request with this header; None when it is accepted."""
        scheme, _, key = header.partition(" ")
        if scheme.lower() not in ("key", "bearer") or not key:
            return 401, "Authentication is required to access this application"
        if self.keys is not None and key not in self.keys:
            return 401, "No user found for Key ID and Secret"
        if self.locked is not None and (spends or self.locks_reads):
            return 403, self.locked
        return None
