"""Finds the row of a text table in which the titles of its columns stand. Pure."""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

LOOKED_THROUGH = 30
"""Rows among which the titles are looked for; above them there are names, dates, remarks."""

INPUTS = frozenset(
    {"prompt", "image", "imageurl", "tailimage", "tailimageurl", "duration", "negativeprompt", "cfgscale", "id"}
)
RESULTS = frozenset(
    {"status", "videourl", "error", "errortype", "requestid", "attempts", "costusd", "submittedat", "finishedat"}
)
"""Names that manifests use, without case, blanks, `-` and `_`."""


def simplified(name: str) -> str:
    """A title as the names above are written."""
    return re.sub("[ _-]", "", name.strip().casefold())


def find_header(
    rows: Iterable[tuple[int, Sequence[str]]], told: int | None, titles: Collection[str] = ()
) -> tuple[int, Sequence[str]] | None:
    """The number and the cells of the row with the titles.

    It is the first one that is not blank, unless only a later one has two names that manifests use; a table with our
    results has many of them.

    Args:
        rows: the first ones of the table, each with its number; a blank one has no cells.
        told: the number of the row, where a person says it.
        titles: more names that a header is known by.
    """
    first = None
    for number, cells in rows:
        if told is not None:
            if number == told:
                return (number, cells) if cells else None
            continue
        if number > LOOKED_THROUGH:
            break
        if len(known_names(cells, titles)) > 1:
            return number, cells
        if cells and not first:
            first = number, cells
    return first


def known_names(cells: Iterable[str], titles: Collection[str] = ()) -> Collection[str]:
    """The names among these that manifests use, as they are written here."""
    return _known(frozenset(titles)).intersection(map(simplified, cells))


@lru_cache(maxsize=4)
def _known(titles: frozenset[str]) -> frozenset[str]:
    """A model's titles are some hundreds, and every row of a table's first ones is held against them."""
    return INPUTS | RESULTS | {simplified(title) for title in titles}
