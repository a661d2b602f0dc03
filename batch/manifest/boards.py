"""Pairs the pictures of a folder, starts with ends, in the order in which people sort them. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SENT = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")
"""Pictures that the service takes (fal docs, the formats of image inputs)."""
OTHERS = (
    ".heic",
    ".heif",
    ".tif",
    ".tiff",
    ".bmp",
    ".psd",
    ".svg",
    ".raw",
    ".cr2",
    ".nef",
    ".dng",
    ".jxl",
    ".jfif",
    ".exr",
)
"""Pictures that it does not."""
_ENDS = re.compile(r"(?P<base>.*?)[ _.-]*(?P<role>start|end)", re.IGNORECASE)
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Board:
    """One row to be: a picture, perhaps with the one it ends in, by their names."""

    id: str
    image: str
    tail: str | None = None

    @property
    def caption_stems(self) -> list[str]:
        """The names, without an ending, of the text files that may hold its prompt."""
        stems = [_stem(self.image), self.id]
        if self.tail and (found := _ENDS.fullmatch(_stem(self.image))):
            stems.append(found["base"])
        return list(dict.fromkeys(stems))


@dataclass(frozen=True, slots=True)
class Boards:
    """What a folder of pictures makes."""

    boards: Sequence[Board]
    notes: Sequence[str]


def boards(names: Iterable[str], *, paired: bool = True) -> Boards:
    """The pictures among these names of files.

    Args:
        paired: whether the job takes a second picture, in which the video ends.
    """
    listed = sorted(names, key=natural)
    pictures = [name for name in listed if name.lower().endswith(SENT) and not name.startswith(".")]
    other = [name for name in listed if name.lower().endswith(OTHERS) and not name.startswith(".")]
    notes = [f"left out, for fal does not take them: {_some(other)}; save them as JPEG or PNG"] if other else []
    pairs, alone = _pairs(pictures) if paired else ({}, [])
    if alone:
        notes.append(f"without its other half, and so a picture of its own: {_some(alone)}")
    tails = {*pairs.values()}
    of_stem: dict[str, int] = {}
    found = [name for name in pictures if name not in tails]
    for name in found:
        folded = _id_of(name, pairs).casefold()
        of_stem[folded] = of_stem.get(folded, 0) + 1
    made = []
    for name in found:
        row_id = _id_of(name, pairs)
        made.append(Board(row_id if of_stem[row_id.casefold()] == 1 else name, name, pairs.get(name)))
    return Boards(made, notes)


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A key that sorts as people do: `shot 2` before `shot 10`, capitals beside small letters."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    # The number before the text: a part of digits never meets one of letters at the same place.
    parts = [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in _DIGITS.split(folded)]
    return parts, name


def _pairs(pictures: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Start → end, and the halves that have no other one, or more than one."""
    halves: dict[str, dict[str, list[str]]] = {}
    for name in pictures:
        if found := _ENDS.fullmatch(_stem(name)):
            base = unicodedata.normalize("NFC", found["base"]).casefold()
            halves.setdefault(base, {}).setdefault(found["role"].casefold(), []).append(name)
    pairs, alone = {}, []
    for sides in halves.values():
        starts, ends = sides.get("start", []), sides.get("end", [])
        if len(starts) == len(ends) == 1:
            pairs[starts[0]] = ends[0]
        else:
            alone += starts + ends
    return pairs, sorted(alone, key=natural)


def _id_of(name: str, pairs: dict[str, str]) -> str:
    stem = _stem(name)
    found = _ENDS.fullmatch(stem) if name in pairs else None
    return (found["base"] if found else "") or stem


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
