"""Reads how a picture is captioned: in a text file beside it, else in the picture's own metadata."""

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, IptcImagePlugin

LONGEST = 64 << 10
"""Bytes of a text file that can be a caption."""
_ENDINGS = (".txt", ".caption")
_TEXTS = ("prompt", "Description", "description", "Comment", "parameters")
"""Where PNG files hold texts; `parameters` is what image generators write: the prompt, then their settings."""
_SETTINGS = ("\nNegative prompt:", "\nSteps:")
_DESCRIPTION = ExifTags.Base.ImageDescription
_COMMENTS = (ExifTags.Base.XPComment, ExifTags.Base.XPTitle)
_CAPTION = (2, 120)  # of IPTC
_OF_CAMERAS = frozenset({"olympus digital camera", "sony dsc", "digital camera", "screenshot", "default", "ascii"})
"""What devices write into every picture."""


def caption(folder: Path, picture: str, stems: Iterable[str]) -> str:
    """The prompt that a picture brings with it, on one line; "" where it brings none.

    Args:
        stems: the names, without an ending, of the text files that may hold it.

    Raises:
        OSError: a file cannot be read.
    """
    for stem in stems:
        for ending in _ENDINGS:
            path = folder / f"{stem}{ending}"
            if path.is_file() and (text := _one_line(_text_of(path))):
                return text
    return next((text for raw in _metadata(folder / picture) if (text := _meant(raw))), "")


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LONGEST)
    for encoding in ("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""


def _metadata(path: Path) -> Iterator[object]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata: there is then no caption
            with Image.open(path) as image:
                yield from _texts_in(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return  # `check` says what is wrong with it


def _texts_in(image: Any) -> Iterator[object]:
    for name in _TEXTS:
        text = image.info.get(name)
        if isinstance(text, str) and not text.lstrip().startswith(("{", "[")):  # a workflow, not a prompt
            yield text
    exif = image.getexif()
    yield exif.get(_DESCRIPTION)
    for tag in _COMMENTS:
        raw = exif.get(tag)
        yield bytes(raw).decode("utf-16-le", "replace") if isinstance(raw, bytes | tuple) else raw
    found = IptcImagePlugin.getiptcinfo(image) or {}
    raw = found.get(_CAPTION)
    yield raw.decode("utf-8", "replace") if isinstance(raw, bytes) else None


def _meant(raw: object) -> str:
    if not isinstance(raw, str):
        return ""
    for mark in _SETTINGS:
        raw = raw.partition(mark)[0]
    text = _one_line(raw)
    return "" if text.casefold() in _OF_CAMERAS else text


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())
