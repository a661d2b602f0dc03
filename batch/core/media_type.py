"""Tells from its bytes what a file is: a picture, or what stands there in place of one. Pure."""

import re
from dataclasses import dataclass

ENOUGH = 4096
"""Bytes from the start of a file that are looked at."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """What the bytes of a file are."""

    what: str
    """In a sentence after `is`: `a PDF`, `a web page`."""
    name: str = ""
    """As a header names it: `image/jpeg`; "" where none is needed, for it is no picture."""
    suffix: str = ""
    """Of a picture's file name: `.jpg`."""
    remedy: str = "save it as JPG or PNG"
    """What to do about it where a picture is wanted."""

    @property
    def is_picture(self) -> bool:
        """Whether its pixels may be read; a drawing or a project that has to be exported first is none."""
        return bool(self.suffix)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a picture's bytes may go up as, or why they may not."""

    media_type: str = ""
    suffix: str = ""
    problem: str | None = None
    """A phrase that goes on where the file's name ends."""


def sniff(data: bytes) -> MediaType | None:
    """What the bytes are, by their first 4 KiB; None where they have no mark that is known here."""
    start = data[:ENOUGH]
    if not start:
        return MediaType("empty", remedy="export the picture again")
    for offset, mark, found in _MARKS:
        if start.startswith(mark, offset):
            return found
    if start[4:8] == b"ftyp":
        return _iso_media(start)
    if start[:4] == b"RIFF":
        return _RIFF.get(start[8:12])
    if not start.strip(b"\0"):
        return MediaType("nothing but zero bytes", remedy="copy it again: a copy that broke off leaves such a file")
    return _text(start)


def _picture(what: str, name: str, suffix: str) -> MediaType:
    return MediaType(what, f"image/{name}", suffix)


JPEG = _picture("JPEG", "jpeg", ".jpg")
_TIFF = _picture("TIFF", "tiff", ".tif")
_AVIF = _picture("AVIF", "avif", ".avif")
_PPM = _picture("PPM", "x-portable-anymap", ".pnm")
_RAW = MediaType("a camera's raw file")
_VIDEO = MediaType("a video", remedy="save one picture of it as JPG or PNG")
_SOUND = MediaType("a sound file", remedy="give a picture")
_ARCHIVE = "take the picture out of it"
_STANDS_FOR = "give the file that it stands for"

# Sources: the formats' own descriptions, and the signatures of `file`(1).
_MARKS: tuple[tuple[int, bytes, MediaType], ...] = (
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"\x89PNG\r\n\x1a\n", _picture("PNG", "png", ".png")),
    (0, b"GIF87a", _picture("GIF", "gif", ".gif")),
    (0, b"GIF89a", _picture("GIF", "gif", ".gif")),
    (8, b"CR\x02", _RAW),
    (0, b"II*\0", _TIFF),
    (0, b"MM\0*", _TIFF),
    (0, b"\0\0\x01\0", _picture("ICO", "x-icon", ".ico")),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", _picture("JPEG 2000", "jp2", ".jp2")),
    (0, b"\xff\x4f\xff\x51", _picture("JPEG 2000", "j2c", ".j2k")),
    (0, b"IIRO", _RAW),
    (0, b"IIRS", _RAW),
    (0, b"IIU\0", _RAW),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (0, b"FOVb", _RAW),
    (0, b"\xff\x0a", MediaType("JPEG XL")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", MediaType("JPEG XL")),
    (0, b"v/1\x01", MediaType("an OpenEXR file")),
    (0, b"#?RADIANCE", MediaType("a Radiance HDR file")),
    (0, b"8BPS", MediaType("a Photoshop file (PSD)")),
    (0, b"%PDF-", MediaType("a PDF")),
    (0, b"%!PS", MediaType("a PostScript file (EPS)")),
    (0, b"\xc5\xd0\xd3\xc6", MediaType("a PostScript file (EPS)")),
    (0, b"gimp xcf", MediaType("a GIMP file (XCF)")),
    (0, b"BLENDER", MediaType("a Blender file")),
    (0, b"AFFTIMG", MediaType("an Affinity file")),
    (0, b"\0\xffKA", MediaType("an Affinity file")),
    (0, b"\xd7\xcd\xc6\x9a", MediaType("a drawing (WMF)")),
    (40, b" EMF", MediaType("a drawing (EMF)")),
    (0, b"\x1aE\xdf\xa3", _VIDEO),
    (0, b"FLV\x01", _VIDEO),
    (0, b"\0\0\x01\xba", _VIDEO),
    (0, b"\0\0\x01\xb3", _VIDEO),
    (0, b"0&\xb2u\x8ef\xcf\x11", _VIDEO),
    (0, b"ID3", _SOUND),
    (0, b"OggS", _SOUND),
    (0, b"fLaC", _SOUND),
    (
        0,
        b"PK\x03\x04",
        MediaType("a zip archive, or a document of Word, Excel, PowerPoint, Pages or Keynote", remedy=_ARCHIVE),
    ),
    (0, b"PK\x05\x06", MediaType("an empty zip archive", remedy=_ARCHIVE)),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        MediaType("an old document of Word, Excel or PowerPoint", remedy=_ARCHIVE),
    ),
    (0, b"Rar!\x1a\x07", MediaType("a RAR archive", remedy=_ARCHIVE)),
    (0, b"7z\xbc\xaf\x27\x1c", MediaType("a 7-Zip archive", remedy=_ARCHIVE)),
    (0, b"\x1f\x8b", MediaType("compressed with gzip", remedy=_ARCHIVE)),
    (0, b"\x28\xb5\x2f\xfd", MediaType("compressed with Zstandard", remedy=_ARCHIVE)),
    (0, b"BZh", MediaType("compressed with bzip2", remedy=_ARCHIVE)),
    (257, b"ustar", MediaType("a tar archive", remedy=_ARCHIVE)),
    (0, b"\0\x05\x16\x07", MediaType("a Mac's side file", remedy="give the file without ._ in front of its name")),
    (0, b"book\0\0\0\0mark\0\0\0\0", MediaType("a Mac's alias of a file", remedy=_STANDS_FOR)),
    (0, b"bplist00", MediaType("a Mac's placeholder or settings file", remedy=_STANDS_FOR)),
    (0, b"L\0\0\0\x01\x14\x02\0", MediaType("a Windows shortcut", remedy=_STANDS_FOR)),
    (0, b"\x7fELF", MediaType("a program", remedy="give a picture")),
    (0, b"MZ", MediaType("a program", remedy="give a picture")),
    (0, b"SQLite format 3\0", MediaType("a database", remedy="give a picture")),
    (0, b"PAR1", MediaType("a Parquet table", remedy="give a picture")),
    *((0, b"P%d%c" % (kind, space), _PPM) for kind in range(1, 7) for space in b"\n \t\r"),
    (0, b"BM", _picture("BMP", "bmp", ".bmp")),
)
"""Where a mark stands, the mark, what it means; the first that fits counts."""

_RIFF = {
    b"WEBP": _picture("WEBP", "webp", ".webp"),
    b"AVI ": _VIDEO,
    b"WAVE": _SOUND,
    b"ACON": MediaType("an animated mouse pointer"),
}


def _iso_media(start: bytes) -> MediaType:
    """HEIC, AVIF, raw and video files share one container (ISO 14496-12): its brands tell which it is."""
    size = int.from_bytes(start[:4], "big")
    brands = [start[8:12], *(start[at : at + 4] for at in range(16, min(size, len(start)) - 3, 4))]
    if any(brand in (b"avif", b"avis") for brand in brands):
        return _AVIF
    if any(brand in _HEIF for brand in brands):
        return _picture("a HEIC photo", "heic", ".heic")
    return _RAW if brands[0] == b"crx " else _SOUND if brands[0] == b"M4A " else _VIDEO


_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def _text(start: bytes) -> MediaType | None:
    """Texts have no marks: by how they begin, in whatever letters."""
    text = _decoded(start)
    if text is None:
        return None
    head = text.lstrip("\ufeff \t\r\n\f")
    if not head:
        return MediaType("an empty text", remedy="give a picture")
    return next((found for pattern, found in _BEGINNINGS if pattern.match(head)), _PLAIN)


_PLAIN = MediaType("a text", remedy="give a picture")
_REMARKS = r"(?:<!--(?:(?!-->).)*-->\s*|<[?!](?!doctype\s+html|--)[^>]*>\s*)*"
_TAGS = "!doctype\\s+html|html|head|body|title|script|meta|div|p|a|table|center|iframe|h1"
_WEB_PAGE = rf"{_REMARKS}<(?:{_TAGS})\b"
_SIGN_IN = r"(?=.*(?:type\s*=\s*[\"']?password|sign[ -]?in|log[ -]?in|anmelden|connexion|accounts\.google))"
_DRAWING = rf"{_REMARKS}<(?:\w+:)?svg\b"
_BEGINNINGS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), MediaType(what, remedy=remedy))
    for pattern, what, remedy in (
        (_DRAWING, "an SVG drawing", "save it as JPG or PNG"),
        (_SIGN_IN + _WEB_PAGE, "a web page, perhaps the one to sign in on", "sign in, and download the picture itself"),
        (_WEB_PAGE, "a web page", "download the picture itself"),
        (r"version https://git-lfs\.", "a Git LFS pointer", "`git lfs pull` fetches the picture"),
        (r"\[InternetShortcut\]", "a link to a web page", "download the picture itself"),
        (r"(?:data:image/|https?://)\S+\s*$", "a text that only holds an address", "write the address into the table"),
        (r"\s*[\[{]\s*[\"{\[\]}]", "a text (JSON)", "give a picture"),
        (r"<\?xml|<[a-z]", "a text (XML)", "give a picture"),
    )
)


def _decoded(start: bytes) -> str | None:
    """The text that the bytes are; None where they are none."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return start[: len(start) & ~1].decode("utf-16", "replace")
    if any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in start):
        return None
    try:
        return start.decode()
    except UnicodeDecodeError as error:
        # A letter that is cut off by the end of what is looked at, or a code page of old.
        odd = sum(byte > 126 for byte in start)
        return start.decode("latin-1") if error.start > len(start) - 4 or odd * 3 < len(start) else None
