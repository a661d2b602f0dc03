"""Finds which rows about to be bought fal's request history shows as bought before. Pure.

A request was a row's where it was sent with the row's inputs, all of them, fal's defaults filled in. A local image is
left aside: it is uploaded anew each time, to another address. So only requests of the last hours are compared for it,
or each night of new images with one prompt would be taken for the last. What ended without a video bought nothing.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batch.core.gateway import ListedRequest
from batch.job import canonical


@dataclass(frozen=True, slots=True)
class WantedRow:
    """A row about to be bought; `local` are the inputs that hold images of this machine."""

    row: int
    arguments: Mapping[str, Any]
    local: frozenset[str] = frozenset()


@dataclass(slots=True)
class Purchases:
    """Requests in fal's records that are in no ledger at hand, each given to one row at most, the newest first.

    Args:
        doubts: inputs, as they were sent, of the rows in doubt: an equal request is theirs before another row's.
        defaults: what fal takes for an input where none is given.
        local_since: older requests are nothing to a row with an image of this machine; seconds since 1970.
    """

    listed: Sequence[ListedRequest]
    doubts: Iterable[Mapping[str, Any]]
    defaults: Mapping[str, Any]
    local_since: float = 0.0
    _taken: set[str] = field(default_factory=set)
    _by_inputs: dict[frozenset[str], dict[Hashable, list[ListedRequest]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for sent in self.doubts:
            self._take(sent, frozenset())

    def of(self, wanted: Iterable[WantedRow]) -> Iterator[tuple[WantedRow, ListedRequest]]:
        """The rows that were bought before, in their order, each with its request."""
        for one in wanted:
            if found := self._take(one.arguments, one.local):
                yield one, found

    def _take(self, arguments: Mapping[str, Any], local: frozenset[str]) -> ListedRequest | None:
        if local not in self._by_inputs:
            self._by_inputs[local] = self._indexed(local)
        equal = self._by_inputs[local].get(self._key(arguments, local), [])
        while equal:
            if (found := equal.pop()).request_id not in self._taken:
                self._taken.add(found.request_id)
                return found
        return None

    def _indexed(self, local: frozenset[str]) -> dict[Hashable, list[ListedRequest]]:
        found: dict[Hashable, list[ListedRequest]] = {}
        for one in sorted(self.listed, key=lambda one: one.sent_at):
            recent = not local or one.sent_at >= self.local_since
            if recent and one.input is not None and not one.failed and local <= one.input.keys():
                found.setdefault(self._key(one.input, local), []).append(one)
        return found

    def _key(self, arguments: Mapping[str, Any], local: frozenset[str]) -> Hashable:
        full = {name: arguments.get(name, default) for name, default in self.defaults.items() if name not in local}
        return tuple(_comparable(value) for value in full.values())


def _comparable(value: Any) -> Hashable:
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n")  # an editor rewrites the line ends of a whole file
    return value if value is None or isinstance(value, int | float) else canonical(value)
