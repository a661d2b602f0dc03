"""Knows web addresses of pages that show a picture, and are not the picture's own."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, urlencode, urlsplit

_FILE = "download the picture and give the path of its file, which is uploaded"


@dataclass(frozen=True, slots=True)
class _Page:
    """One form of a service's addresses."""

    service: str
    hosts: str
    """A pattern of the whole host."""
    pages: str
    """A pattern of path and query, from their start: what fits is a page ..."""
    files: str = r"(?!)"
    """... unless this is found in it."""
    direct: Callable[[str, "re.Match[str]"], str | None] = lambda _url, _found: None
    """The picture's own address where there is one."""
    caution: str = ""


def share_page(url: str, host: str) -> str | None:
    """What to write in place of the address of a page; None where it is none that is known here."""
    host = host.lower().removesuffix(".")
    parts = urlsplit(url)
    rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    for page in _pages_of(host):
        if (found := re.match(page.pages, rest)) and not re.search(page.files, rest):
            if direct := page.direct(url, found):
                return f"is a page of {page.service}, not the picture itself: write {direct}{page.caution}"
            return f"is a page of {page.service}, not the picture itself: {_FILE}"
    return None


def has_pages(host: str) -> bool:
    """Whether any address of a host may be one of a page."""
    return bool(_pages_of(host.lower().removesuffix(".")))


@lru_cache(maxsize=4096)
def _pages_of(host: str) -> tuple[_Page, ...]:
    """The forms of pages that a host has."""
    return tuple(page for page in _PAGES if re.fullmatch(page.hosts, host))


def _with(**changes: str) -> Callable[[str, "re.Match[str]"], str]:
    """The same address with these parameters, its others kept as they stand."""

    def direct(url: str, _found: "re.Match[str]") -> str:
        parts = urlsplit(url)
        kept = [one for one in parts.query.split("&") if one and one.split("=")[0] not in {*changes, "dl", "raw"}]
        return parts._replace(query="&".join([*kept, urlencode(changes)]), fragment="").geturl()

    return direct


def _of_drive(url: str, found: "re.Match[str]") -> str | None:
    query = parse_qs(urlsplit(url).query)
    file = found["id"] or next(iter(query.get("id", ())), None)
    if not file:
        return None
    key = "".join(f"&resourcekey={one}" for one in query.get("resourcekey", ())[:1])
    return f"https://drive.google.com/uc?export=download&id={file}{key}"


def _in_place(pattern: str, replacement: str) -> Callable[[str, "re.Match[str]"], str]:
    return lambda url, _found: re.sub(pattern, replacement, url.partition("#")[0], count=1)


def _of_search(url: str, _found: "re.Match[str]") -> str | None:
    query = parse_qs(urlsplit(url).query)
    return next((query[name][0] for name in ("imgurl", "mediaurl") if name in query), None)


def _of_commons(_url: str, found: "re.Match[str]") -> str:
    return f"https://commons.wikimedia.org/wiki/Special:FilePath/{found['name']}"


_DRIVE = r"(?:/a/[^/]+)?(?:/file)?(?:/u/\d+)?"

_PAGES = (
    _Page("Dropbox (a whole folder)", r"(?:www\.)?dropbox\.com", r"/(?:sh|scl/fo)/"),
    _Page(
        "Dropbox",
        r"(?:www\.)?dropbox\.com",
        r"/(?:s|scl/fi|t)/",
        r"[?&](?:dl|raw)=1(?:&|$)",
        _with(dl="1"),
    ),
    _Page("Dropbox", r"(?:www\.)?dropbox\.com", r"/(?:home|preview|work|personal|l)\b"),
    _Page(
        "Google Drive (a whole folder)", r"drive\.google\.com", rf"{_DRIVE}(?:/drive)?(?:/u/\d+)?/(?:folders|drive)\b"
    ),
    _Page(
        "Google Drive",
        r"(?:drive|docs)\.google\.com",
        rf"{_DRIVE}/(?:d/(?P<id>[\w-]+)|open\b)",
        direct=_of_drive,
        caution=" (if anyone who has the link may open it; of large files it is a page, too: a local file is safer)",
    ),
    _Page("Google Docs", r"docs\.google\.com", r"(?:/a/[^/]+)?/(?:document|presentation|spreadsheets|drawings|forms)/"),
    _Page("Google Photos", r"photos\.(?:google\.com|app\.goo\.gl)", r"/"),
    _Page("Google Photos", r"goo\.gl", r"/photos/"),
    _Page("Google's image search", r"(?:www\.)?google\.[a-z.]+", r"/(?:imgres|search)\b", direct=_of_search),
    _Page("Bing's image search", r"(?:www\.)?bing\.com", r"/images/", direct=_of_search),
    _Page("OneDrive", r"1drv\.ms", r"/"),
    _Page("OneDrive", r"onedrive\.live\.com", r"/", r"^/download\b"),
    _Page(
        "SharePoint or OneDrive",
        r"[\w-]+\.sharepoint\.com",
        r"/:[a-z]:/",
        r"[?&]download=1(?:&|$)",
        _with(download="1"),
        " (if anyone may open the link; else give the path of a local file)",
    ),
    _Page("SharePoint or OneDrive", r"[\w-]+\.sharepoint\.com", r"/.*\.aspx\b", r"/download\.aspx\b"),
    _Page("iCloud", r"(?:www|share)\.icloud\.com|icloud\.com", r"/"),
    _Page("Box", r"(?:[\w-]+\.)*box\.com", r"/(?:s|file|folder|v)/"),
    _Page("WeTransfer", r"we\.tl|(?:[\w-]+\.)?wetransfer\.com", r"/"),
    _Page("MEGA", r"mega\.(?:nz|io|co\.nz)", r"/"),
    _Page("pCloud", r"(?:u|e)\.pcloud\.(?:com|link)", r"/"),
    _Page("Yandex Disk", r"yadi\.sk|disk\.yandex\.[a-z.]+", r"/[di]/"),
    _Page("Amazon Photos", r"(?:www\.)?amazon\.[a-z.]+", r"/photos/"),
    _Page("Adobe Creative Cloud", r"adobe\.ly|assets\.adobe\.com|lightroom\.adobe\.com", r"/"),
    _Page("Frame.io", r"f\.io|(?:app|next)\.frame\.io", r"/"),
    _Page("Figma", r"(?:www\.)?figma\.com", r"/(?:file|design|proto|board)/"),
    _Page("Canva", r"(?:www\.)?canva\.com", r"/design/"),
    _Page("Notion", r"(?:www\.)?notion\.so|[\w-]+\.notion\.site", r"/", r"^/image/"),
    _Page("Slack", r"[\w-]+\.slack\.com", r"/files/"),
    _Page("Discord", r"(?:www\.|ptb\.|canary\.)?discord\.com", r"/channels/"),
    _Page("Midjourney", r"(?:www\.)?midjourney\.com", r"/(?:jobs|app)/"),
    _Page("Instagram", r"(?:www\.)?instagram\.com", r"/(?:p|reel)/"),
    _Page("Pinterest", r"pin\.it|(?:[\w-]+\.)?pinterest\.[a-z.]+", r"/"),
    _Page("Flickr", r"flic\.kr|(?:www\.)?flickr\.com", r"/(?:p|photos)/"),
    _Page("Unsplash", r"unsplash\.com", r"(?:/[a-z]{2})?/photos/(?:[\w-]+-)?[\w-]{11}(?:\?|$)"),
    _Page("Imgur", r"(?:www\.|m\.)?imgur\.com", r"/(?!.*\.(?:jpe?g|png|gif|webp)\b)"),
    _Page("imgbb", r"ibb\.co", r"/"),
    _Page("Postimages", r"(?:www\.)?postim(?:g\.cc|ages\.org)", r"/"),
    _Page("Gyazo", r"gyazo\.com", r"/\w{32}$"),
    _Page("Lightshot", r"prnt\.sc|(?:www\.)?prntscr\.com", r"/"),
    _Page(
        "GitHub",
        r"(?:www\.)?github\.com",
        r"/[^/]+/[^/]+/blob/",
        r"[?&]raw=(?:true|1)(?:&|$)",
        _in_place(r"/blob/", "/raw/"),
    ),
    _Page("GitLab", r"gitlab\.com", r"/.+/-/blob/", direct=_in_place(r"/-/blob/", "/-/raw/")),
    _Page("Hugging Face", r"huggingface\.co", r"/.+/blob/", direct=_in_place(r"/blob/", "/resolve/")),
    _Page(
        "Wikimedia",
        r"commons\.(?:m\.)?wikimedia\.org",
        r"/wiki/(?!Special:)[A-Z]\w+:(?P<name>[^?/]+\.\w{3,4})$",
        direct=_of_commons,
    ),
    _Page("Wikipedia", r"[\w-]+\.(?:m\.)?wikipedia\.org", r"/wiki/(?!Special:)"),
)
"""Sources: the services' own help pages on sharing. The first that fits counts; what is not sure is not here."""
