"""Finds the file that a path in a cell means; where there is none, names what is near."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".jfif", ".bmp", ".tif", ".tiff", ".heic")
_SURELY_AN_ADDRESS = re.compile(
    r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(ai|app|at|ch|cloud|com|co|de|dev|es|eu|fr|info|io|it|media|net|org|tv|uk|us)/",
    re.IGNORECASE | re.ASCII,
)
_NO_FILE = "does not exist as a file: if it is a web address, write https:// in front of it"
_NAME_FROM = 3
"""Letters that a name has at least which is looked for in other folders than its own."""
_SHOWN = 3
"""Files that are named as the one that may be meant."""
_FOLDERS = 50
"""Folders beside the table that are looked into for a file of that name."""
_LIKE_AN_ADDRESS = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}/.+", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """What a path in a cell came to."""

    path: Path
    """The file, or where it would stand."""
    text: str
    """The path as it has to be written to be found at once."""
    problem: str | None = None
    """Where there is no such file, and something else may be meant."""


class ImageFinder:
    """Finds files by the paths of cells, which count from the table's folder; `~` is an ordinary character.

    A path is taken as it stands; else with / for each backslash, and by names that are the same letters in another
    Unicode form (a Mac's archive holds `ü` as two). Whatever else is near, in case, suffix or folder, is only named.
    Folders are read once as long as they stay the same.
    """

    def __init__(self) -> None:
        self._folders: dict[Path, _Folder] = {}

    def find(self, text: str, folder: Path) -> ImageFile:
        """The file that is meant. Never raises, and opens none."""
        written = [text, text.replace("\\", "/")] if os.sep == "/" and "\\" in text else [text]
        for one in written:
            if _is_there(folder / one):
                return ImageFile(folder / one, one)
        for one in written:
            found = self._walk(folder, Path(one).parts, _Folder.same)
            if len(found) == 1:
                return ImageFile(found[0], _from(folder, found[0]))
        return ImageFile(folder / text, text, self._advice(written[-1], folder))

    def _advice(self, text: str, folder: Path) -> str | None:
        if _SURELY_AN_ADDRESS.match(text) and not self._walk(folder, Path(text).parts, _Folder.alike):
            return _NO_FILE
        near = [path for path in self._near(Path(text).parts, folder) if path.is_file()]
        shown = [f"`{_from(folder, path)}`" for path in near[:_SHOWN]]
        if len(near) == 1:
            return f"does not exist, but there is {shown[0]}: write it so"
        if near:
            more = " …" if len(near) > _SHOWN else ""
            return f"does not exist, but there are {', '.join(shown)}{more}: write one of them"
        if _LIKE_AN_ADDRESS.fullmatch(text):
            return _NO_FILE
        if re.match(r"[A-Za-z]:/", text) and os.sep == "/":
            return "is a path of a Windows computer: write one that counts from the table's folder"
        return None

    def _near(self, parts: tuple[str, ...], folder: Path) -> list[Path]:
        """What is nearly at this place; else what is of that name under the table's folder."""
        if near := self._walk(folder, parts, _Folder.alike):
            return near
        names = [part for part in parts if part not in (os.sep, "//", "..")]
        if not names or len(names[-1]) < _NAME_FROM:  # `n/a`, `-`: no name at all
            return []
        for start in range(1, len(names)):  # the table, or the path, was made on another computer or in another folder
            if near := self._walk(folder, names[start:], _Folder.alike):
                return near
        beside = [folder / name for name in self._folder(folder).names[: 20 * _FOLDERS] if (folder / name).is_dir()]
        return [path for one in beside[:_FOLDERS] for path in self._walk(one, names[-1:], _Folder.alike)]

    def _walk(
        self, start: Path, parts: Iterable[str], candidates: Callable[["_Folder", str, bool], list[str]]
    ) -> list[Path]:
        """The files that the parts of a path lead to, where each may also be another name."""
        reached, left = [start], list(parts)
        while left and reached:
            part, *left = left
            reached = [
                path
                for here in reached
                for path in (
                    [here / part]
                    if part == ".." or _is_there(here / part)
                    else [here / name for name in candidates(self._folder(here), part, not left)]
                )
            ][:_FOLDERS]
        return reached if parts else []

    def _folder(self, path: Path) -> "_Folder":
        try:
            stamp = path.stat().st_mtime_ns
            known = self._folders.get(path)
            if known is None or known.stamp != stamp:
                known = self._folders[path] = _Folder(stamp, sorted(os.listdir(path)))  # noqa: PTH208 - names are wanted
        except (OSError, ValueError):
            return _Folder(0, [])
        return known


class _Folder:
    """The names in a folder."""

    def __init__(self, stamp: int, names: list[str]) -> None:
        self.stamp = stamp
        self.names = names
        self._same = _index(names, _composed)
        self._alike: dict[str, list[str]] | None = None
        self._stems: dict[str, list[str]] = {}

    def same(self, name: str, _last: bool) -> list[str]:
        """Names of the same letters, in another Unicode form."""
        return self._same.get(_composed(name), [])

    def alike(self, name: str, last: bool) -> list[str]:
        """Names that differ in case, in spaces or in how they are encoded; of the last part also in the suffix."""
        if self._alike is None:
            self._alike = _index(self.names, _folded)
            self._stems = _index((one for one in self.names if one.lower().endswith(_SUFFIXES)), _stem)
        folded = _folded(name)
        if found := self._alike.get(folded, []):
            return found
        if not last:
            return []
        bare = _stem(name) if name.lower().endswith(_SUFFIXES) else folded
        return self._stems.get(folded, []) or self._stems.get(bare, []) or self._alike.get(bare, [])


def _index(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(key(name), []).append(name)
    return found


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    """Equal for names that people take for the same."""
    return " ".join(unicodedata.normalize("NFKC", unquote(name)).casefold().split())


def _stem(name: str) -> str:
    return _folded(Path(name).stem)


def _is_there(path: Path) -> bool:
    """Also what may not be looked at, or has an impossible name: whoever opens it says why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def _from(folder: Path, path: Path) -> str:
    """How to write it in the table."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.as_posix()
