"""How the dispatching of a run went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from batch.dispatch.stopping import Stop
from batch.dispatch.tally import Tally


@dataclass(slots=True)
class Ended:
    """Filled in while it goes on; of a run that had nothing to dispatch it stays as it is."""

    tally: Tally = field(default_factory=Tally)
    interrupted: bool = False
    stop: Stop | None = None
    stopped: str | None = None
    stop_code: str | None = None
    first: str = ""
    """As for `Outcome`."""
    candidates: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """As for `Dispatcher`."""
