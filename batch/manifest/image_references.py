"""Tells what an image cell refers to: a web address, a data URI or a path, as people write them."""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes, urlsplit

from batch.manifest.values import bare


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An http or https address; fal fetches it itself."""

    url: str


@dataclass(frozen=True, slots=True)
class DataUri:
    """An image inside the cell: the URI as written, its type (`image/png`) and its bytes."""

    uri: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class LocalPath:
    """A path, without the quotes round it; `ImageFinder` finds the file of this machine."""

    path: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """A cell that refers to no image; one phrase with the remedy."""

    problem: str


Reference = WebUrl | DataUri | LocalPath | Unusable

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//)?")  # two characters at least: `C:` is a drive
_PLAIN_URL = re.compile(
    r"https?://([a-z0-9][a-z0-9.-]*)(?::[1-9][0-9]{0,3})?(?:[/?#][!-~]*)?", re.IGNORECASE | re.ASCII
)
_NO_SCHEME = re.compile(r"(?://|(?=www\.))([a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?(?:[/?#].*)?)", re.IGNORECASE)
_NEVER_PATHS = frozenset({"data", "http", "https", "file", "blob"})


def parse_reference(text: str, *, fetched_here: bool = False) -> Reference:
    """What a cell refers to. Never raises; spaces, quotes and invisible marks around it do not count.

    Args:
        fetched_here: web addresses are fetched by this machine, which reaches some that fal never will.
    """
    if (found := _PLAIN_URL.fullmatch(text)) and text.count("://") == 1 and _is_ordinary(found[1]):
        return WebUrl(text)  # nearly every cell of a long sheet
    text = bare(text)
    if not text:
        return Unusable("is empty: give a URL or the path of an image")
    if _CONTROL.search(text):
        return Unusable("has a line break or another control character in it: retype it")
    if found := _NO_SCHEME.fullmatch(text):
        return Unusable(f"lacks its beginning: write https://{found[1]} if that is what is meant")
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    if found is None or not (found[2] or scheme in _NEVER_PATHS):
        return LocalPath(text)
    match scheme:
        case "data":
            return _data_uri(text)
        case "http" | "https":
            return _web_url(text, fetched_here)
        case "file":
            return _file_uri(text)
        case _:
            return Unusable(f"is an address ({scheme}:) that fal cannot fetch: give an https:// URL or a local path")


@lru_cache(maxsize=4096)
def _is_ordinary(host: str) -> bool:
    """Whether all addresses of a host can be used: a sheet names few of them."""
    from batch.manifest.share_pages import has_pages  # only where an address is judged, here and below
    from batch.manifest.web_addresses import unreachable_host

    return not unreachable_host(host) and not has_pages(host)


def _web_url(text: str, fetched_here: bool) -> Reference:
    from batch.manifest.share_pages import share_page
    from batch.manifest.web_addresses import unreachable

    try:
        host = urlsplit(text).hostname
    except ValueError:
        host = None
    if "\\" in text.partition("?")[0]:
        return Unusable("is a URL with \\ in it: write / for each")
    if not host:
        return Unusable("is no complete URL: it names no host")
    if re.search(r"[\s,;|]https?://", text):
        return Unusable("holds more than one address: a cell takes one image")
    if re.search(r"\s", text):
        return Unusable("is a URL with a space in it: write %20 for each space")
    problem = (None if fetched_here else unreachable(text)) or share_page(text, host)
    return Unusable(problem) if problem else WebUrl(text)


def _data_uri(text: str) -> Reference:
    head, comma, body = text[len("data:") :].partition(",")
    media_type, *parameters = (part.strip().lower() for part in head.split(";"))
    if not media_type.startswith("image/"):
        return Unusable("is a data URI, but not of an image: it must begin with data:image/…;base64,")
    try:
        data = base64.b64decode(unquote_to_bytes(body), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not comma or "base64" not in parameters or not data:
        return Unusable("is a data URI without valid base64 data: encode the image again, or give its path")
    return DataUri(text, media_type, data)


def _file_uri(text: str) -> Reference:
    """The path that a file: URI stands for (RFC 8089); one of another computer is a share of Windows."""
    host, path = re.fullmatch(r"file:(?://([^/]*))?(.*)", text, re.IGNORECASE | re.DOTALL).groups()  # type: ignore[union-attr]  # any text fits
    try:
        path = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        path = ""
    if not path.strip("/") or _CONTROL.search(path):
        return Unusable("is no complete file: address: write the plain path")
    if re.match(r"/[A-Za-z]:", path):
        path = path[1:]
    return LocalPath(path if (host or "").lower() in ("", "localhost") else f"//{host}{path}")
