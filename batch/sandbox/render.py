"""Renders the preview of a Kling request: a marked MP4 with the right pictures, length and shape.

A slow camera move over the image, and a dissolve to the tail image where there is one. The first frame is the whole
image; the last is the whole tail image. The same request makes the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import secrets
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from batch.sandbox.extra import lacking_extra

if TYPE_CHECKING:
    import av
    from PIL.Image import Image

FPS = 24
LONGEST_SIDE = 640  # pixels; the real thing is up to 1080p
SHORTEST_SIDE = 64
ZOOM = 0.18  # how much nearer the camera ends, as a part of the picture
DISSOLVE = (0.35, 0.85)  # of the clip
MARK = "SANDBOX PREVIEW"
_ANCHORS = ((0.5, 0.5), (0.15, 0.5), (0.85, 0.5), (0.5, 0.15), (0.5, 0.85), (0.2, 0.25), (0.8, 0.25), (0.8, 0.75))
_X264 = {
    "preset": "ultrafast",
    "crf": "26",
    "x264-params": "colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m",
}

Planes = tuple["Image", "Image", "Image"]  # luma, and two of chroma at half the size: yuv420p as encoders take it


def render(
    input: Mapping[str, object],  # noqa: A002 - fal's word
    target: Path,
    *,
    fetch: Callable[[str], bytes],
    seconds: int | None = None,
) -> None:
    """Write the clip for a Kling input to `target`, whole or not at all.

    `fetch` gives the bytes behind an http(s) URL; whatever it raises becomes a card that says so, in place of the
    picture. Raises ValueError for a duration that is neither 5 nor 10, MissingExtra without the sandbox extra.
    """
    _require_extra()
    if seconds is None:
        seconds = _seconds(input.get("duration", "5"))
    shot = _shot(input, fetch)
    temporary = target.absolute().with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        _encode(shot, seconds * FPS, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def still(
    input: Mapping[str, object],  # noqa: A002 - fal's word
    target: Path,
    *,
    fetch: Callable[[str], bytes],
) -> None:
    """Write the first picture of the clip for an input to `target`, as PNG; the same otherwise as `render`."""
    _require_extra()
    prompt = str(input.get("prompt", ""))
    url = str(input.get("image_url", ""))
    picture = _picture(url, "image", prompt, fetch) if url else _card(prompt, MARK)
    picture.save(target, "PNG")


def _shot(given: Mapping[str, object], fetch: Callable[[str], bytes]) -> Shot:
    prompt = str(given.get("prompt", ""))
    start = _picture(str(given.get("image_url", "")), "image", prompt, fetch)
    tail_url = given.get("tail_image_url")
    tail = _picture(str(tail_url), "tail image", prompt, fetch) if tail_url else None
    return Shot.of(start, tail, prompt)


def _require_extra() -> None:
    try:
        import av  # noqa: F401 - asked for, not used here
        import numpy  # noqa: F401 - as above
        import PIL  # noqa: F401 - as above
    except ImportError as error:
        raise lacking_extra([(error.name or "").partition(".")[0]]) from error


def _seconds(duration: object) -> int:
    if str(duration) not in {"5", "10"}:
        raise ValueError(f"duration is {duration!r}; Kling makes '5' or '10'")
    return int(str(duration))


# Pictures


def _picture(url: str, what: str, prompt: str, fetch: Callable[[str], bytes]) -> Image:
    try:
        return flatten(_bytes_of(url, fetch))
    except Exception:  # noqa: BLE001 - foreign bytes and a foreign `fetch`; the card says that there is no picture
        return _card(prompt, f"The {what} could not be fetched or read here")


def _bytes_of(url: str, fetch: Callable[[str], bytes]) -> bytes:
    if url[:5].lower() != "data:":
        return fetch(url)
    head, _, body = url.partition(",")
    raw = unquote_to_bytes(body)
    return base64.b64decode(raw) if head.lower().endswith(";base64") else raw


def flatten(data: bytes) -> Image:
    """An image file as upright, opaque, 8-bit RGB; of a large JPEG only as much as a preview needs."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    with Pillow.open(io.BytesIO(data)) as file:
        file.draft(None, (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))
        picture = _eight_bit(ImageOps.exif_transpose(file))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    return Pillow.alpha_composite(Pillow.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _eight_bit(picture: Image) -> Image:
    """16-bit and float greys scaled to 8 bit (Pillow's own `convert` would clip them to white)."""
    import numpy as np
    from PIL import Image as Pillow

    if not picture.mode.startswith(("I", "F")):
        return picture
    grey = np.asarray(picture).astype(np.float64)
    full = 65535.0 if picture.mode.startswith("I") else max(float(grey.max()), 1e-9)
    return Pillow.fromarray((grey / full * 255).clip(0, 255).astype(np.uint8))


def _card(prompt: str, reason: str) -> Image:
    """What is shown in place of a picture: the prompt's first words, and why there is no picture."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    hue = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[0]
    slope = Pillow.linear_gradient("L").resize((640, 360))
    card = Pillow.merge("HSV", (Pillow.new("L", slope.size, hue), Pillow.new("L", slope.size, 90), slope.point(_dim)))
    card = card.convert("RGB")
    words = "\n".join(textwrap.wrap(textwrap.shorten(prompt or "(no prompt)", 100, placeholder=" …"), 26))
    draw = ImageDraw.Draw(card)  # in the middle, where the camera never loses it
    draw.multiline_text((320, 160), words, "white", ImageFont.load_default(27), "mm", 8, "center")
    draw.text((320, 276), reason, (205, 208, 214), ImageFont.load_default(15), "mm")
    return card


def _dim(value: float) -> float:
    return 95 - value * 0.2


# The shot


@dataclass(frozen=True, slots=True)
class Shot:
    """What is filmed: the pictures' planes, a little larger than the frame, and where the camera goes."""

    size: tuple[int, int]
    start: Planes
    tail: Planes | None
    anchor: tuple[float, float]  # what the camera nears: (0, 0) is the top left corner

    @classmethod
    def of(cls, start: Image, tail: Image | None, prompt: str) -> Shot:
        size = frame_size(*start.size)
        choice = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[1] % len(_ANCHORS)
        return cls(size, _planes(start, size), _planes(tail, size) if tail else None, _ANCHORS[choice])

    def frame(self, at: float) -> Planes:
        """The frame at `at`, from 0 (the first) to 1 (the last)."""
        near = math.sin(math.pi * at) ** 2 if self.tail else _ease(at)  # to end on the tail whole: there and back
        zoom = 1 - ZOOM * near
        share = _ease((at - DISSOLVE[0]) / (DISSOLVE[1] - DISSOLVE[0])) if self.tail else 0.0
        luma, blue, red = (self._plane(index, zoom, share) for index in range(3))
        return luma, blue, red

    def _plane(self, index: int, zoom: float, share: float) -> Image:
        from PIL import Image as Pillow

        mixed = ((self.start, 1 - share), (self.tail, share))
        views = [picture[index] for picture, part in mixed if picture and part > 0]
        width, height = views[0].size
        left, top = self.anchor[0] * (1 - zoom) * width, self.anchor[1] * (1 - zoom) * height
        box = (left, top, left + zoom * width, top + zoom * height)
        whole = views[0] if len(views) == 1 else Pillow.blend(views[0], views[1], share)
        size = self.size if index == 0 else (self.size[0] // 2, self.size[1] // 2)
        return whole.resize(size, Pillow.Resampling.BILINEAR, box)


def _ease(at: float) -> float:
    at = min(max(at, 0.0), 1.0)
    return at * at * (3 - 2 * at)


def frame_size(width: int, height: int) -> tuple[int, int]:
    """The clip's size: the image's aspect, the longest side as configured, both sides even."""
    scale = LONGEST_SIDE / max(width, height)
    wide, high = (max(SHORTEST_SIDE, 2 * round(side * scale / 2)) for side in (width, height))
    return wide, high


def _planes(picture: Image, size: tuple[int, int]) -> Planes:
    """Cut to the frame's shape, with some detail to spare for the zoom, in the encoder's own colours."""
    import av
    import numpy as np
    from PIL import Image as Pillow
    from PIL import ImageOps

    roomy = (math.ceil(size[0] / (1 - ZOOM) / 8) * 8, math.ceil(size[1] / (1 - ZOOM) / 8) * 8)
    fitted = ImageOps.fit(picture, roomy, Pillow.Resampling.BICUBIC)
    frame = av.VideoFrame.from_ndarray(np.asarray(fitted)).reformat(format="yuv420p", dst_colorspace="ITU601")
    luma, blue, red = (
        Pillow.frombuffer("L", (plane.width, plane.height), bytes(plane), "raw", "L", plane.line_size, 1)
        for plane in frame.planes
    )
    return luma, blue, red


# The file


def _encode(shot: Shot, frames: int, path: Path) -> None:
    import av

    mark = _mark(shot.size)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options=_X264)
        stream.width, stream.height = shot.size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1  # many are made at once, and one thread makes the same bytes every time
        for frame in _frames(shot, frames, mark):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _frames(shot: Shot, count: int, mark: Planes) -> Iterator[av.VideoFrame]:
    import av
    import numpy as np

    for number in range(count):
        planes = shot.frame(number / (count - 1))
        _stamp(planes, mark)
        flat = np.concatenate([np.asarray(plane).reshape(-1) for plane in planes])
        frame = av.VideoFrame.from_ndarray(flat.reshape(-1, shot.size[0]), format="yuv420p")
        frame.pts = number
        yield frame


def _mark(size: tuple[int, int]) -> Planes:
    """The words burned into a corner: luma, its mask, and the mask for the chroma planes."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(max(10, max(size) // 48))
    left, top, right, bottom = font.getbbox(MARK)
    wide, high = (2 * math.ceil(length / 2) + 12 for length in (right - left, bottom - top))
    luma, mask = Pillow.new("L", (wide, high), 24), Pillow.new("L", (wide, high), 130)
    for plane, shade in ((luma, 232), (mask, 255)):
        ImageDraw.Draw(plane).text((wide / 2, high / 2), MARK, shade, font, anchor="mm")
    if wide > size[0] - 8:
        wide, high = size[0] - 8, max(2, high * (size[0] - 8) // wide // 2 * 2)
        luma, mask = luma.resize((wide, high)), mask.resize((wide, high))
    return luma, mask, mask.resize((wide // 2, high // 2))


def _stamp(planes: Planes, mark: Planes) -> None:
    luma, mask, chroma_mask = mark
    x, y = ((whole - part - 8) // 2 * 2 for whole, part in zip(planes[0].size, luma.size, strict=True))
    planes[0].paste(luma, (x, y), mask)
    for plane in planes[1:]:
        plane.paste(128, (x // 2, y // 2, x // 2 + chroma_mask.width, y // 2 + chroma_mask.height), chroma_mask)
