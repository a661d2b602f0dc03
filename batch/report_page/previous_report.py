"""Remembers how far the report before this one has told, in the folder beside the page."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from batch.files.permissions import make_folder_like
from batch.report_page.small_files import write_small

_NAME = "told.json"


@dataclass(frozen=True, slots=True)
class Telling:
    """How far a report has told. Times are seconds since 1970.

    Args:
        key: of the ledger.
        upto: the last entry of the ledger's log that it knew of.
        since: the last entry that the one before it knew of: what came later is new in it.
        since_at: when that one was made; 0: there was none.
    """

    key: str
    upto: int
    at: float
    since: int = 0
    since_at: float = 0.0


def next_telling(before: Telling | None, key: str, upto: int, now: float) -> Telling:
    """What a report tells that is made now. Made again with nothing new, it shows again what was new."""
    if before is None or before.key != key or before.upto > upto:  # of another ledger, or of one that was put back
        return Telling(key, upto, now, upto)
    if before.upto == upto:
        return Telling(key, upto, now, before.since, before.since_at)
    return Telling(key, upto, now, before.upto, before.at)


def read_telling(folder: Path) -> Telling | None:
    """None where there was no report, or nobody can read how far it told."""
    try:
        told = json.loads((folder / _NAME).read_bytes())
        telling = Telling(
            str(told["key"]), int(told["upto"]), float(told["at"]), int(told["since"]), float(told["since_at"])
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return telling if all(0 <= one < 2**33 for one in (telling.at, telling.since_at)) else None


def keep_telling(folder: Path, telling: Telling, like: Path) -> None:
    """Once the page stands.

    Raises:
        OSError: the folder cannot be written.
    """
    make_folder_like(folder, like)
    write_small(folder / _NAME, json.dumps(asdict(telling)).encode(), like)
