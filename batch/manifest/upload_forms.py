"""Makes of a local picture what can go up: HEIC becomes JPEG, a turned one is set upright."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from batch.core.media_type import Judged
from batch.core.upload_book import UploadForm
from batch.manifest.images import UPLOAD_LIMIT, can_read_heic, inspect, judge, quietly

if TYPE_CHECKING:
    from PIL import Image as Pillow

ORIENTATION = 0x0112
"""EXIF: how the camera was held; 1 is upright. Whether fal's model turns the picture is not documented."""
QUALITY = 95
_TURNED = {"image/jpeg": ("JPEG", {"quality": QUALITY, "subsampling": 0}), "image/png": ("PNG", {})}


def upload_form(path: Path) -> UploadForm:
    """What the picture goes up as: as it is, in most cases.

    Raises:
        OSError: the file cannot be read.
    """
    if path.stat().st_size > UPLOAD_LIMIT:
        return UploadForm(Judged(problem=inspect(path).problem))
    judged = judge(path.read_bytes())
    if judged.problem:
        return UploadForm(judged)
    media_type = judged.media_type
    if media_type == "image/heic" and can_read_heic():
        return _converted(path, "JPEG", {"quality": QUALITY, "subsampling": 0})
    if media_type in _TURNED and _is_turned(path):
        kind, how = _TURNED[media_type]
        return _converted(path, kind, how)
    return UploadForm(judged)


def _is_turned(path: Path) -> bool:
    from PIL import Image as Pillow

    with quietly(), Pillow.open(path) as image:
        if "exif" not in image.info:  # to look for it elsewhere in a PNG, all of it is decoded
            return False
        try:
            return image.getexif().get(ORIENTATION, 1) in range(2, 9)
        except (ValueError, SyntaxError, KeyError, TypeError):  # notes that nobody can read say nothing
            return False


def _converted(path: Path, kind: str, how: dict[str, int]) -> UploadForm:
    from PIL import Image as Pillow
    from PIL import ImageOps

    with quietly(), Pillow.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        if kind == "JPEG" and upright.mode not in ("L", "RGB", "CMYK"):
            upright = upright.convert("RGB")
        judged = Judged("image/jpeg", ".jpg") if kind == "JPEG" else Judged("image/png", ".png")
        return UploadForm(judged, _saved(upright, kind, how, image.info.get("icc_profile")))


def _saved(image: "Pillow.Image", kind: str, how: dict[str, int], profile: bytes | None) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, icc_profile=profile, **how)
    return out.getvalue()
