"""Makes small copies of pictures and of videos' first frames, each once, beside the page."""

import hashlib
import io
import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from batch.files.permissions import make_folder_like
from batch.report_page.small_files import write_small

if TYPE_CHECKING:
    from PIL import Image as Pillow

SIDE = 400
"""Pixels of the longer side."""
QUALITY = 74
_INDEX = "index.json"
_RULES = 1
"""Part of what is remembered: raise it when copies come out otherwise."""
_NAME = re.compile(r"[0-9a-f]{24}\.jpg")
MOST_BYTES = 100_000_000
"""Larger pictures are not read: fal takes none of them either."""

Shrink = Callable[[Path], bytes | None]
"""The JPEG of a file's picture; None where there is none in it."""


@dataclass(frozen=True, slots=True)
class _Source:
    key: str
    stamp: tuple[int, int]
    """Of a file: its size and when it was changed."""
    shrink: Callable[[], bytes | None]


class Thumbnails:
    """The folder of them.

    What is asked for is noted first, and made by `make`, several at a time; what it could not make of a file is
    remembered too, until the file is another one.

    Args:
        like: whoever may read this file may read the copies.
    """

    def __init__(self, folder: Path, like: Path) -> None:
        self.folder = folder
        self._like = like
        self._known = _read_index(folder / _INDEX)
        self._sources: dict[str, _Source] = {}

    def ask(self, path: Path, shrink: Shrink) -> None:
        """A copy of this file's picture is wanted. A file that cannot be looked at has none."""
        with suppress(OSError, ValueError):
            found = path.stat()
            self._sources[str(path)] = _Source(str(path), (found.st_size, found.st_mtime_ns), partial(shrink, path))

    def ask_bytes(self, key: str, data: bytes) -> None:
        """A copy of a picture is wanted that is at hand, and known by this key."""
        self._sources[key] = _Source(key, (len(data), 0), lambda: shrunk(io.BytesIO(data)))

    @property
    def missing(self) -> int:
        """How many have to be made."""
        return len(self._unmade())

    def make(self) -> None:
        """Makes those that are not there yet, and takes away copies that nothing asks for any more.

        Raises:
            OSError: the folder cannot be written.
        """
        unmade = self._unmade()
        if not self._sources and not self.folder.exists():
            return
        make_folder_like(self.folder, self._like)
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            for source, name in zip(unmade, pool.map(self._made, unmade), strict=True):
                self._known[source.key] = (*source.stamp, name)
        self._known = {key: self._known[key] for key in self._sources if key in self._known}
        wanted = {name for _, _, name in self._known.values()}
        for path in self.folder.iterdir():
            if _NAME.fullmatch(path.name) and path.name not in wanted:
                path.unlink(missing_ok=True)
        index = json.dumps({"rules": _RULES, "files": self._known}).encode()
        write_small(self.folder / _INDEX, index, self._like)

    def name(self, key: Path | str) -> str:
        """Of the copy; empty where there is none."""
        found = self._known.get(str(key))
        return found[2] if found else ""

    def _unmade(self) -> list[_Source]:
        return [
            one
            for one in self._sources.values()
            if (known := self._known.get(one.key)) is None
            or known[:2] != one.stamp
            or (known[2] and not (self.folder / known[2]).exists())
        ]

    def _made(self, source: _Source) -> str:
        data = source.shrink()
        if not data:
            return ""
        name = f"{hashlib.sha256(data).hexdigest()[:24]}.jpg"
        if not (self.folder / name).exists():
            write_small(self.folder / name, data, self._like)
        return name


def _read_index(path: Path) -> dict[str, tuple[int, int, str]]:
    """What an earlier report made of which file. It may be damaged: what does not fit is made anew."""
    try:
        told = json.loads(path.read_bytes())
        files = told["files"] if told["rules"] == _RULES else {}
        return {str(key): entry for key, one in files.items() if (entry := _entry(one))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _entry(one: object) -> tuple[int, int, str] | None:
    match one:
        case [int(size), int(changed), str(name)] if name == "" or _NAME.fullmatch(name):
            return size, changed, name
    return None


def shrunk_file(path: Path) -> bytes | None:
    """As `shrunk`; None also of what is no ordinary file, or too large."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        with path.open("rb") as file:
            return shrunk(file)
    except OSError:
        return None


def shrunk(file: IO[bytes]) -> bytes | None:
    """A small JPEG of a picture, upright, without its notes; None where it is no picture that can be read."""
    from PIL import Image, ImageOps

    from batch.manifest.images import can_read_heic, quietly

    try:
        with quietly():
            Image.init()
            can_read_heic()
            with Image.open(file, formats=[one for one in _READ if one in Image.OPEN]) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    return None
                picture.draft("RGB", (2 * SIDE, 2 * SIDE))
                return jpeg(ImageOps.exif_transpose(picture))
    except Exception:  # noqa: BLE001 - a decoder may raise anything over foreign bytes: then there is no small copy
        return None


_READ = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "HEIF")
_MOST_PIXELS = 89_478_485
"""Pillow's own line between a picture and a decompression bomb."""


def jpeg(picture: "Pillow.Image") -> bytes:
    """A small JPEG of a picture of Pillow's; what is see-through in it becomes grey."""
    from PIL import Image

    picture.thumbnail((SIDE, SIDE))
    if picture.mode != "RGB":
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (128, 128, 128, 255))
        picture = Image.alpha_composite(ground, layer).convert("RGB")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()
