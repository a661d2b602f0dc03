"""Finds which of the known names somebody may have meant who typed another. Pure."""

from collections.abc import Iterable

MOST = 3


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """The known names that are nearly this one, the nearest first; without regard to case, `-` and `_`."""
    from difflib import get_close_matches  # only where something was mistyped

    plain = {_plain(one): one for one in reversed(list(known))}
    return [plain[one] for one in get_close_matches(_plain(name), plain, MOST, 0.6)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`: did you mean max-spend?`, to be put behind what is wrong; empty where nothing is near."""
    near = close_names(name, known)
    return f": did you mean {' or '.join(near)}?" if near else ""


def _plain(name: str) -> str:
    return name.casefold().replace("_", "-")
