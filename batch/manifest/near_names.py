"""Finds the input that a column's title may be meant for: misspelt, with a unit, in other words. Pure."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence

_PARTS = re.compile(r"[^\W\d_]+|\d+")
_HUMP = re.compile(r"(?<=[a-zß-ÿ0-9])(?=[A-Z])")  # durationSec, tailImg
_FILLERS = frozenset({"a", "d", "de", "der", "des", "du", "en", "in", "l", "la", "le", "of", "opt", "optional", "the"})
_FILE_WORDS = frozenset(
    {
        *("address", "file", "filename", "href", "link", "path", "pfad", "src", "uri", "url"),
        *("datei", "dateiname", "chemin", "fichier", "lien", "archivo", "enlace", "ruta"),
    }
)
"""What people add to the name of a column of images."""
_TYPED_WRONG_FROM = 5
"""Letters that a name has at least where one of them may be wrong; in shorter ones that is another word."""
_TYPED_WRONG_TWICE_FROM = 12


class NearNames:
    """What the inputs of a job are called, and what else people call them.

    Args:
        names: input → its columns' names; a slip of the finger in one of them is recognised.
        words: input → other words for it, in any language.
        images: inputs that hold an image.
        units: input → units that may stand behind its name.
    """

    def __init__(
        self,
        names: Mapping[str, Sequence[str]],
        words: Mapping[str, Sequence[str]],
        images: Collection[str],
        units: Mapping[str, Sequence[str]],
    ) -> None:
        self._extra = {
            name: _FILLERS | {part for unit in units.get(name, ()) for part in _parts(unit)} for name in names
        }
        for name in images:
            self._extra[name] |= _FILE_WORDS
        self._keys: dict[str, dict[str, bool]] = {name: {} for name in names}
        for name, titles in names.items():
            self._keys[name] |= {key: True for title in titles for key in _keys(_parts(title))}
            for word in words.get(name, ()):
                for key in _keys(_parts(word)):
                    self._keys[name].setdefault(key, False)

    def input_of(self, title: str) -> str | None:
        """The input that may be meant; None for a column of the user's own."""
        parts = _parts(title)
        for exact in (True, False):  # another input's own word comes before one that is only spelt alike
            for name, keys in self._keys.items():
                if any(_is_among(key, keys, exact) for key in _variants(parts, self._extra[name])):
                    return name
        return None


def _parts(title: str) -> list[str]:
    """The words of a title, without case, accents and signs."""
    plain = unicodedata.normalize("NFKD", _HUMP.sub(" ", unicodedata.normalize("NFKC", title)).casefold())
    return _PARTS.findall("".join(char for char in plain if not unicodedata.combining(char)))


def _variants(parts: Sequence[str], extra: Collection[str]) -> Iterator[str]:
    """The title as it stands, and without what people add to a name."""
    yield from _keys(parts)
    bare = [part for part in parts if part not in extra]
    if bare and len(bare) < len(parts):
        yield from _keys(bare)


def _keys(parts: Sequence[str]) -> set[str]:
    """The words as one, as they stand and in the order of the alphabet: `prompt negative` is `negative prompt`."""
    return {"".join(parts), "".join(sorted(parts))}


def _is_among(key: str, keys: Mapping[str, bool], exact: bool) -> bool:
    if exact:
        return key in keys
    return any(_alike(key, known, own) for known, own in keys.items())


def _alike(key: str, known: str, own: bool) -> bool:
    """Whether one is the other, typed wrong; words of others have to be longer for that."""
    if len(known) < (_TYPED_WRONG_FROM if own else _TYPED_WRONG_FROM + 3) or key[:1] != known[:1]:
        return key[1::-1] + key[2:] == known and len(known) >= _TYPED_WRONG_FROM  # rpompt
    return distance(key, known, most=2 if len(known) >= _TYPED_WRONG_TWICE_FROM else 1) is not None


def distance(one: str, other: str, most: int) -> int | None:
    """How many letters were left out, added, replaced, or swapped with the next; None where more than `most`."""
    if abs(len(one) - len(other)) > most:
        return None
    older: list[int] = []
    last = list(range(len(other) + 1))
    for at, char in enumerate(one, 1):
        row = [at]
        for to, wanted in enumerate(other, 1):
            best = min(last[to] + 1, row[to - 1] + 1, last[to - 1] + (char != wanted))
            if at > 1 and to > 1 and char == other[to - 2] and one[at - 2] == wanted:
                best = min(best, older[to - 2] + 1)
            row.append(best)
        older, last = last, row
    return last[-1] if last[-1] <= most else None
