"""Tells from its first bytes what a model has made, and with which ending its file goes. Pure."""

from batch.core.media_type import sniff

_USUAL = {"video": ".mp4", "image": ".png", "audio": ".wav", "file": ".bin"}
_SOUNDS = {b"ID3": ".mp3", b"fLaC": ".flac", b"OggS": ".ogg"}
_VIDEOS = {".mp4", ".webm"}
_PICTURES = {".png", ".jpg", ".webp", ".gif", ".avif"}
ENDINGS = frozenset({*_VIDEOS, *_PICTURES, ".jpeg", *_SOUNDS.values(), ".wav", ".m4a", ".bin"})
"""That files of what was made may have; a template may have one behind it."""


class NotMade(Exception):
    """It is something else; `str()` says what, in a sentence after `it`."""


def likely_ending(makes: str, url: str) -> str:
    """The ending of the file behind an address, before anything of it has come: `.mp4`."""
    name = url.partition("?")[0].partition("#")[0].rpartition("/")[2]
    told = f".{name.rpartition('.')[2].lower()}" if "." in name.strip(".") else ""
    told = ".jpg" if told == ".jpeg" else told
    fits = {
        "video": told in _VIDEOS,
        "image": told in _PICTURES,
        "audio": told in {*_SOUNDS.values(), ".wav", ".m4a"},
        "file": told[1:].isalnum() and told.isascii() and len(told) <= 6,
    }
    return told if fits.get(makes) else _USUAL.get(makes, ".bin")


def ending(makes: str, start: bytes, url: str) -> str:
    """The ending that a file with these first 4 KiB should have.

    Args:
        makes: what its model makes: `video`, `image`, `audio`, `file`.

    Raises:
        NotMade: it is nothing of the kind.
    """
    found = sniff(start)
    what = found.what if found else "of no kind that is known here"
    if start[:4] == b"\x1aE\xdf\xa3" and makes in ("video", "file"):
        return ".webm"
    if makes == "video" or (makes == "file" and start[4:8] == b"ftyp" and what == "a video"):
        return ".mp4"  # whether it is one is read from its boxes
    if makes in ("image", "file") and found and found.is_picture:
        return found.suffix
    if makes in ("audio", "file") and (sound := _sound(start)):
        return sound
    if makes == "file" and not (found and what.startswith(("a web page", "empty", "nothing but"))):
        return likely_ending(makes, url)
    raise NotMade(f"is {what}, and no {_NAMES.get(makes, 'file')}")


_NAMES = {"image": "picture", "audio": "sound file"}


def _sound(start: bytes) -> str:
    if start[:4] == b"RIFF" and start[8:12] == b"WAVE":
        return ".wav"
    if start[4:8] == b"ftyp" and start[8:12] == b"M4A ":
        return ".m4a"
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2:  # the sync word of MPEG audio, layer III
        return ".mp3"
    return next((suffix for mark, suffix in _SOUNDS.items() if start.startswith(mark)), "")
