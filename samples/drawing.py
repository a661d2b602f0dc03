"""What the sample pictures are drawn with: gradients, polygons and blur, at twice the size and then brought down."""

import math
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

WIDTH, HEIGHT = 1280, 720
DOUBLE = 2

Point = tuple[float, float]
Colour = str | tuple[int, int, int]


def finished(picture: Image.Image) -> Image.Image:
    return picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def gradient(*colours: Colour) -> Image.Image:
    """From top to bottom through evenly spaced colours."""
    strip = Image.new("RGB", (1, len(colours)))
    for row, colour in enumerate(colours):
        strip.paste(colour, (0, row, 1, row + 1))
    half = 0.5  # from the centre of the first pixel to the centre of the last: no flat ends
    size = (WIDTH * DOUBLE, HEIGHT * DOUBLE)
    return strip.resize(size, Image.Resampling.BILINEAR, (0, half, 1, len(colours) - half))


def scaled(points: Sequence[Point]) -> list[Point]:
    return [(x * DOUBLE, y * DOUBLE) for x, y in points]


def blank() -> Image.Image:
    return Image.new("L", (WIDTH * DOUBLE, HEIGHT * DOUBLE), 0)


def shape(points: Sequence[Point]) -> Image.Image:
    mask = blank()
    ImageDraw.Draw(mask).polygon(scaled(points), fill=255)
    return mask


def disc(x: float, y: float, across: float, down: float | None = None) -> Image.Image:
    down = across if down is None else down
    mask = blank()
    box = ((x - across) * DOUBLE, (y - down) * DOUBLE, (x + across) * DOUBLE, (y + down) * DOUBLE)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def lay(
    picture: Image.Image, colour: Colour | Image.Image, mask: Image.Image, share: float = 1, blur: float = 0
) -> None:
    """Put a colour, or another picture, where the mask is."""
    if blur:
        part = (
            8 if blur > 5 else 1
        )  # a wide blur at an eighth of the size: a hundred times quicker, and soft all the same
        small = mask.resize((mask.width // part, mask.height // part), Image.Resampling.BOX)
        mask = small.filter(ImageFilter.GaussianBlur(blur * DOUBLE / part)).resize(mask.size, Image.Resampling.BICUBIC)
    if share < 1:
        mask = mask.point(lambda value: value * share)
    source = Image.new("RGB", picture.size, colour) if not isinstance(colour, Image.Image) else colour
    picture.paste(source, (0, 0), mask)


def glow(picture: Image.Image, colour: Colour, mask: Image.Image, blur: float, strength: float = 1) -> None:
    light = Image.new("RGB", picture.size)
    lay(light, colour, mask, strength, blur)
    picture.paste(ImageChops.screen(picture, light))


def hills(base: float, swell: float, phase: float, length: float) -> list[Point]:
    """A soft ridge from edge to edge, closed below the picture."""
    ridge = [
        (x, base - swell * (math.sin(x / length + phase) + 0.35 * math.sin(x / length * 2.3 + phase * 1.7)))
        for x in range(-8, WIDTH + 16, 8)
    ]
    return [*ridge, (WIDTH + 8, HEIGHT + 8), (-8, HEIGHT + 8)]
