"""Tells whether a local image can be used at all.

Nothing here raises over a bad file: what is wrong is data, one phrase with its remedy, so that a whole manifest is
judged in one go. Sizes are bytes and pixels.
"""

import hashlib
import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from mimetypes import guess_extension
from pathlib import Path
from typing import TYPE_CHECKING

from batch.core.media_type import Judged, sniff

if TYPE_CHECKING:
    from PIL import Image as Pillow

UPLOAD_LIMIT = 100_000_000  # fal_client: one upload carries at most 100 MB
PIXEL_LIMIT = 89_478_485  # Pillow's own line between a picture and a decompression bomb (a quarter GiB of RGB)
ADVISED_BYTES = 10_000_000  # fal docs of the sibling Kling endpoints, as the next two
ADVISED_SIDE = 300
ADVISED_ASPECT = (0.4, 2.5)
RULES = 3  # part of every cached verdict: raise it when the rules below change

_LISTED = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "AVIF")  # fal docs: JPG, PNG, WEBP, GIF, AVIF; MPO is a phone's JPEG
_DECODED = (*_LISTED, "BMP", "TIFF", "JPEG2000", "HEIF", "ICO", "TGA", "PPM")  # not EPS: it would start Ghostscript


@dataclass(frozen=True, slots=True)
class Image:
    """What is known of a local image. `digest` is empty where the bytes could not be read."""

    digest: str
    problem: str | None
    warnings: tuple[str, ...] = ()


def digest(path: Path) -> str:
    """The sha256 of a regular file's bytes, in hex. Raises OSError where it cannot be read; never blocks on a FIFO."""
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inspect(path: Path) -> Image:
    """Read and wholly decode a local image. Never raises, never blocks, never reads a file too large to upload."""
    try:
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(UPLOAD_LIMIT + 1) if size <= UPLOAD_LIMIT else b""
    except (OSError, ValueError) as error:
        return Image("", _unreadable(error))
    if max(size, len(data)) > UPLOAD_LIMIT:
        return Image("", f"is {max(size, len(data)) / 1e6:,.0f} MB, and fal takes at most 100 MB: make it smaller")
    return inspect_bytes(data)


def inspect_bytes(data: bytes) -> Image:
    """The same for an image that is at hand as bytes, as a data URI's are."""
    digest = hashlib.sha256(data).hexdigest()
    if not data:
        return Image(digest, "is empty (0 bytes): export the image again")
    try:
        with quietly():
            kind, width, height = _decode(data)
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything over foreign bytes; each is a fact about them
        return Image(digest, _undecodable(data, error))
    if width * height > PIXEL_LIMIT:
        return Image(digest, f"has {width} × {height} pixels: scale it down, 1920 on the longer side is plenty")
    return Image(digest, None, tuple(_advice(kind, width, height, len(data))))


def judge(data: bytes) -> Judged:
    """What bytes go up as that are to be uploaded: the file may be another one since it was looked at."""
    if problem := inspect_bytes(data).problem:
        return Judged(problem=problem)
    found = sniff(data)
    if found and found.is_picture:
        return Judged(found.name, found.suffix)
    from PIL import Image as Pillow  # a format without a mark, like TGA

    with quietly():
        kind, _, _ = _decode(data)
    media_type = Pillow.MIME.get(kind, "application/octet-stream")
    return Judged(media_type, guess_extension(media_type) or f".{kind.lower()}")


@dataclass(frozen=True, slots=True)
class PictureHead:
    """What the first bytes of a picture tell; width and height are 0 where they are not enough."""

    problem: str | None
    warnings: tuple[str, ...] = ()
    width: int = 0
    height: int = 0


def inspect_head(start: bytes, size: int | None) -> PictureHead:
    """Judges a picture by its first bytes, no pixel decoded. Never raises.

    Args:
        size: how many bytes there are in all, where that is known.
    """
    from PIL import Image as Pillow

    found = sniff(start)
    if found and not found.is_picture:
        return PictureHead(f"is {found.what}, and no picture: {found.remedy}")
    try:
        with quietly():
            Pillow.init()
            can_read_heic()
            formats = [name for name in _DECODED if name in Pillow.OPEN]
            with Pillow.open(io.BytesIO(start), formats=formats) as image:
                kind, (width, height) = image.format or "", image.size
    except Exception:  # noqa: BLE001 - a decoder may raise anything over foreign bytes; each is a fact about them
        if found and found.name == "image/heic":
            return PictureHead(f"is {found.what}, which fal does not list: {found.remedy}")
        return PictureHead(None if found else "is no image that is known here: save it as JPG or PNG")
    return PictureHead(None, tuple(_advice(kind, width, height, size or 0, converted=False)), width, height)


class _IrregularError(OSError):
    """What stands there is not a regular file; `str()` says what it is and the remedy."""


def _opened(path: Path) -> io.BufferedReader:
    """A regular file, open for reading. Looked at before it is opened (a device may act on it) and again after."""
    _require_regular(path.stat().st_mode)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(os.open(path, flags), "rb")  # noqa: PTH123, SIM115 - a descriptor; the caller closes it
    try:
        _require_regular(os.fstat(file.fileno()).st_mode)
    except OSError:
        file.close()
        raise
    return file


def _require_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise _IrregularError("is a folder: name an image in it")
    if not stat.S_ISREG(mode):
        raise _IrregularError("is a pipe, socket or device: give an ordinary image file")


def _unreadable(error: Exception) -> str:
    if isinstance(error, _IrregularError):
        return str(error)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "does not exist: check the path, which counts from the table's folder"
    if isinstance(error, PermissionError):
        return "may not be read: give yourself the right to read it"
    return f"cannot be read ({getattr(error, 'strerror', None) or error}): check the path"


def _decode(data: bytes) -> tuple[str, int, int]:
    """Format, width and height, after every byte of the first frame was decoded (unless it is far too large)."""
    from PIL import Image as Pillow

    Pillow.init()
    can_read_heic()
    with Pillow.open(io.BytesIO(data), formats=[name for name in _DECODED if name in Pillow.OPEN]) as image:
        kind, (width, height) = image.format or "", image.size
        if width * height <= PIXEL_LIMIT:
            image.draft(None, (1, 1))  # JPEG only: all data is still read, but an eighth of the size is computed
            image.load()
            if _is_lying(image):
                width, height = height, width
    return kind, width, height


def can_read_heic() -> bool:
    """Whether the extra is installed that reads the photos of an iPhone."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _is_lying(image: "Pillow.Image") -> bool:
    """Whether a note in it says that it is stored on its side. Once it is loaded: some notes are only read then."""
    try:
        return image.getexif().get(0x0112, 1) in range(5, 9)
    except (ValueError, SyntaxError, KeyError, TypeError):  # notes that nobody can read say nothing
        return False


def _undecodable(data: bytes, error: Exception) -> str:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    if isinstance(error, Pillow.DecompressionBombError):
        return "has far too many pixels: scale it down, 1920 on the longer side is plenty"
    found = sniff(data)
    if found and found.name == "image/heic":
        if can_read_heic():
            return f"is {found.what}, but damaged or cut short{_detail(error)}: copy or export it again"
        return f"is {found.what}, which fal does not list: {found.remedy}, or install kling-batch[heic]"
    if found and not found.is_picture:
        return f"is {found.what}, and no picture: {found.remedy}"
    if found:
        return f"is a picture ({found.what}), but damaged or cut short{_detail(error)}: copy or export it again"
    if isinstance(error, UnidentifiedImageError):
        return "is no image, or is cut short or of a kind not read here: copy it again, or save it as JPG or PNG"
    return f"is damaged or cut short{_detail(error)}: copy or export it again"


def _detail(error: Exception) -> str:
    """What a decoder says of the bytes; where it did not know them it says nothing of use."""
    from PIL import UnidentifiedImageError

    return "" if isinstance(error, UnidentifiedImageError) else f" ({str(error)[:80] or type(error).__name__})"


def _advice(kind: str, width: int, height: int, size: int, *, converted: bool = True) -> Iterator[str]:
    if kind == "HEIF" and converted:
        yield "is a HEIC photo: it is converted to JPEG as it goes up"
    elif kind not in _LISTED:
        yield f"is {kind}; fal lists JPG, PNG, WEBP, GIF and AVIF"
    if min(width, height) < ADVISED_SIDE:
        yield f"is {width} × {height} px; fal asks for at least {ADVISED_SIDE} × {ADVISED_SIDE}"
    if size > ADVISED_BYTES:
        yield f"is {size / 1e6:.1f} MB; fal asks for at most 10 MB"
    least, most = ADVISED_ASPECT
    if not least <= width / height <= most:
        yield f"is {width} × {height} px, an aspect ratio of {width / height:.2f}; fal asks for {least} to {most}"


_quiet_lock = threading.Lock()
_quiet = ExitStack()
_quiet_users = 0


@contextmanager
def quietly() -> Iterator[None]:
    """Pillow's warnings go nowhere, in any number of threads (`catch_warnings` alone is not safe in threads)."""
    global _quiet_users
    with _quiet_lock:
        _quiet_users += 1
        if _quiet_users == 1:
            _quiet.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_users -= 1
            if _quiet_users == 0:
                _quiet.close()


class ImageInspector:
    """`inspect` that decodes a file once as long as it stays the same file (size, time of change, inode).

    The cache is plain data, JSON as it stands: `{path: [stamp, digest, problem or None, [warnings]]}`. What it is
    given may be old or damaged; an entry that does not fit is not used.
    """

    def __init__(self, cache: Mapping[str, object] | None = None) -> None:
        self._cache: dict[str, object] = dict(cache or {})
        self.asked = False
        """Whether there was any local image: a table that names some may mean something else while its bytes stay."""

    def inspect(self, path: Path) -> Image:
        self.asked = True
        try:
            resolved = path.resolve()
            found = resolved.stat()
        except (OSError, ValueError, RuntimeError):  # RuntimeError: a loop of links, up to Python 3.12
            return inspect(path)
        key, stamp = str(resolved), [RULES, found.st_size, found.st_mtime_ns, found.st_ino]
        known = _remembered(self._cache.get(key), stamp)
        if known is None:
            known = inspect(path)
            if known.digest:  # a file that could not be read may be readable next time
                self._cache[key] = [stamp, known.digest, known.problem, list(known.warnings)]
        return known

    def cache(self) -> dict[str, object]:
        """A copy to keep and to give to the next Inspector."""
        return dict(self._cache)


def _remembered(entry: object, stamp: list[int]) -> Image | None:
    match entry:
        case [kept, str(digest), (str() | None) as problem, [*advice]] if (
            kept == stamp and digest and all(isinstance(line, str) for line in advice)
        ):
            return Image(digest, problem, tuple(map(str, advice)))
    return None
