"""How a run is to go, as a person says it: one field for each option."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # money takes long to load, for who only asks for help
    from batch.core.money import AccountCap
    from batch.core.object_lifecycle import ObjectLifecycle

MOST_AT_ONCE = 3000
MOST_TAKES = 20
"""More at once for one row are refused: somebody has put another number there."""
_STOP_AFTER = 10
PLACE = re.compile(r"ray|ray://[^\s/@]+:\d{1,5}")
"""Where calls can be made: a Ray cluster of this machine's own, or one that is there."""


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
    max_spend_account: "AccountCap | None" = None
    """Over all tables that buy with this key on this host."""
    limit: int | None = None
    """How many rows are begun at most."""
    takes: int | None = None
    """How many videos each row is to have, unless the table says it; None: one, or what was said when it was begun."""
    max_seconds: float | None = None
    """The run ends by then; what is under way is left to the next one."""
    ends: Sequence[str] = ()
    """How that was said, the earliest first: `--until 07:00`; empty where it was said as a number."""
    recall: bool = False
    """Ctrl-C takes back what only waits in fal's line; the other ends of a run do so anyway."""
    stop_after: int = _STOP_AFTER
    """So many equal failures in a row stop the submitting; 0: never."""

    download: str | None = None
    """The folder that videos come down to; "": the usual one; None: they do not."""
    name: str | None = None
    """How their files are named (`downloads/file_names.py`); None: as said before, or by their pictures."""
    downloads: int = 4
    """How many come down at a time."""

    on: str | None = None
    """Where its calls to fal are made: `ray`, or `ray://HOST:PORT`; None: by this process."""
    workers: int | None = None
    """How many make them there; None: one for each machine, and two at least."""
    shared_folder: str | None = None
    """A folder that all those machines see under the same path."""

    keep: "ObjectLifecycle | None" = None
    """How long fal is to keep the files of requests and uploads; None: as long as it does by itself."""

    logs: bool = False
    """What the runners of requests write is asked for, and shown."""

    log_file: str | None = None
    """Where everything that happens is written, one JSON object a line."""

    adopt_known: bool = False
    """Rows that fal's records show as bought without this ledger take the videos over."""
    buy_again: bool = False
    """They are bought again."""
    own_table: bool = False
    """A copy of a ledger that is in use elsewhere becomes one of its own."""

    @property
    def typed(self) -> list[str]:
        """What holds for the next run too, as arguments of a command line; not what a person decides each time."""
        said = {
            "--concurrency": self.concurrency,
            "--max-concurrency": None if self.max_concurrency == MOST_AT_ONCE else self.max_concurrency,
            "--max-spend": _amount(self.max_spend),
            "--max-spend-total": _amount(self.max_spend_total),
            "--max-spend-account": self.max_spend_account
            and f"{_amount(self.max_spend_account.most)}/{self.max_spend_account.period}",
            "--limit": self.limit,
            "--takes": self.takes,
            "--stop-after": None if self.stop_after == _STOP_AFTER else self.stop_after,
            "--on": self.on,
            "--workers": self.workers,
            "--shared-folder": self.shared_folder,
        }
        ends = self.ends or ([] if self.max_seconds is None else [f"--max-runtime {self.max_seconds:.3f}s"])
        one_by_one = [(option, str(value)) for option, value in said.items() if value is not None]
        recall = [("--recall",)] if self.recall else []
        return [word for part in (*one_by_one, *(end.split(" ") for end in ends), *recall) for word in part]

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not (isinstance(value, Integral) and int(value) >= least):
                raise ValueError(f"{name} is {least} at least, and a whole number: not {value!r}")
        if self.takes is not None and self.takes > MOST_TAKES:
            raise ValueError(f"takes is {MOST_TAKES} at most: not {self.takes!r}")
        if self.max_seconds is not None and not self.max_seconds >= 0:  # so that "not a number" is refused, too
            raise ValueError(f"max_seconds is 0 at least: not {self.max_seconds!r}")
        if self.name and self.download is None:
            raise ValueError("--name names videos that come down: say --download, too")
        if self.on is None and not (self.workers is None and self.shared_folder is None):
            raise ValueError("--workers and --shared-folder are for a run on other machines: say --on, too")
        if self.on is not None and not PLACE.fullmatch(self.on):
            raise ValueError(f"--on is ray, or ray://HOST:PORT: not {self.on!r}")
        if self.adopt_known and self.buy_again:
            raise ValueError("either --adopt-known or --buy-again: what was bought is taken over, or paid for again")


_LEAST = {
    "concurrency": 1,
    "max_concurrency": 1,
    "max_spend": 0,
    "max_spend_total": 0,
    "limit": 1,
    "takes": 1,
    "stop_after": 0,
    "downloads": 1,
    "workers": 1,
}


def _amount(micros: int | None) -> str | None:
    """In dollars, to the last millionth that is said."""
    return None if micros is None else f"{micros // 10**6}.{micros % 10**6:06}".rstrip("0").rstrip(".")
