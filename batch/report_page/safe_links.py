"""Tells which texts of cells and replies may become addresses on a page, and writes them so.

A cell may hold anything: only http and https with a host, and files by their place from the page, ever become links.
"""

import posixpath
import re
from urllib.parse import quote, urlsplit

_ODD = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff\\\"'<>`{|}^\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_LONGEST = 4096


def web_address(text: str | None) -> str:
    """The text where it is an address on the web, else nothing."""
    if not text or len(text) > _LONGEST or _ODD.search(text):
        return ""
    return text if origin_of(text) else ""


def origin_of(address: str) -> str:
    """`https://v3.fal.media` of an address there, as a Content-Security-Policy names it; nothing of what is none."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not _HOST.fullmatch(host):
        return ""
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def file_address(path: str, folder: str) -> str:
    """A file as a page in `folder` names it; both absolute, with /. Nothing where it is on another drive.

    What stands in the path stands in no scheme: `javascript:x.mp4` becomes `./javascript%3Ax.mp4`.
    """
    if "\0" in path or (not path.startswith("/") and path[:3].lower() != folder[:3].lower()):
        return ""
    relative = posixpath.relpath(path, folder)
    return "./" + quote(relative, safe="/", errors="surrogateescape")


def shortened(text: str, most: int = 60) -> str:
    """The end of a path says more than its beginning."""
    return text if len(text) <= most else f"…{text[-most + 1 :]}"
