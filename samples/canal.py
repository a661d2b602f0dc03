"""A paper boat on a canal, by day and at dusk: the same scene twice, so that one dissolves into the other."""

import math
import random
from dataclasses import dataclass

from drawing import DOUBLE, HEIGHT, WIDTH, Colour, Point, blank, disc, finished, glow, gradient, lay, scaled, shape
from PIL import Image, ImageChops, ImageDraw, ImageFilter


@dataclass(frozen=True, slots=True)
class Light:
    sky: tuple[Colour, ...]
    water: Colour
    walls: tuple[Colour, ...]
    panes: tuple[Colour, ...]
    paper: tuple[Colour, Colour, Colour]
    sun: tuple[Colour, float, float]
    lamps: bool


DAY = Light(
    ("#7fb9e0", "#b9dcee", "#eef4ea", "#f6efdc"),
    "#5d93a3",
    ("#c9785a", "#d9b27c", "#a9553f", "#e3d3b4", "#8f6a55", "#cf9a6b"),
    ("#5f7c8c", "#6f8b98"),
    ("#ffffff", "#dfe6ea", "#c3ced6"),
    ("#fff6d8", 990, 110),
    False,
)
DUSK = Light(
    ("#1b2350", "#4a3b78", "#b0587f", "#f29a6b"),
    "#232a55",
    ("#4a2f45", "#54405a", "#3d2740", "#5d4c66", "#37293f", "#4f384f"),
    ("#ffd27a", "#ffbf5e", "#5a4a66"),
    ("#e9dcec", "#b9a8c9", "#8b7ba6"),
    ("#ffb37a", 990, 330),
    True,
)
SHORE = 410


def house(draw: ImageDraw.ImageDraw, left: float, wide: float, top: float, wall: Colour) -> None:
    step = wide / 7
    gable = [(left, top), (left + step, top), (left + step, top - 22), (left + 2 * step, top - 22)]
    gable += [(left + 2 * step, top - 44), (left + wide / 2, top - 62)]
    mirrored = [(2 * left + wide - x, y) for x, y in reversed(gable)]
    draw.polygon(scaled([*gable, *mirrored, (left + wide, SHORE), (left, SHORE)]), fill=wall)


def windows(left: float, wide: float, top: float) -> list[tuple[float, float, float, float]]:
    pitch = wide / 3
    return [
        (left + pitch * (column + 0.5) - 9, y, left + pitch * (column + 0.5) + 9, y + 30)
        for y in range(int(top) + 16, SHORE - 50, 54)
        for column in range(3)
    ]


def street(picture: Image.Image, light: Light) -> None:
    """The row of houses, drawn from the same dice by day and at dusk."""
    dice = random.Random(7)  # noqa: S311 - a picture, not a secret
    draw, lit, left = ImageDraw.Draw(picture), blank(), -30.0
    while left < WIDTH:
        wide, top = dice.randint(92, 128), dice.randint(175, 285)
        house(draw, left, wide, top, light.walls[dice.randrange(6)])
        for pane in windows(left, wide, top):
            box = [edge * DOUBLE for edge in pane]
            colour = light.panes[int(dice.random() * len(light.panes))]
            draw.rectangle(box, fill=colour)
            draw.line([(box[0] + box[2]) / 2, box[1], (box[0] + box[2]) / 2, box[3]], fill="#2c2a33", width=3)
            if light.lamps and colour != light.panes[-1]:
                ImageDraw.Draw(lit).rectangle(box, fill=255)
        left += wide + 3
    draw.rectangle(
        (0, (SHORE - 12) * DOUBLE, picture.width, SHORE * DOUBLE), fill="#3a3540" if light.lamps else "#8a8478"
    )
    glow(picture, "#ff9a3c", lit, 14, 0.9)


def canal(picture: Image.Image, light: Light) -> None:
    """Everything above the shore again below it: upside down, darker, and torn by ripples."""
    depth = (HEIGHT - SHORE) * DOUBLE
    above = picture.crop((0, SHORE * DOUBLE - depth, picture.width, SHORE * DOUBLE))
    mirror = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).filter(ImageFilter.GaussianBlur(5))
    water = Image.blend(mirror, Image.new("RGB", mirror.size, light.water), 0.38)
    for y in range(depth):
        near = y / depth
        shift = round(22 * near * math.sin(y / (5 + 16 * near)) + 6 * math.sin(y / 3.1))
        picture.paste(ImageChops.offset(water.crop((0, y, water.width, y + 1)), shift, 0), (0, SHORE * DOUBLE + y))
    dice, glints = random.Random(3), blank()  # noqa: S311 - a picture, not a secret
    for _ in range(150):
        y = SHORE + 8 + 300 * dice.random() ** 1.4
        x, half = dice.uniform(0, WIDTH), dice.uniform(8, 46) * (y - SHORE + 60) / 300
        box = ((x - half) * DOUBLE, y * DOUBLE, (x + half) * DOUBLE, (y + 1.6) * DOUBLE)
        ImageDraw.Draw(glints).ellipse(box, fill=255)
    lay(picture, light.sky[-1], glints, 0.4)


def paper_boat(picture: Image.Image, light: Light, x: float, y: float, size: float) -> None:
    def at(*points: Point) -> Image.Image:
        return shape([(x + px * size, y + py * size) for px, py in points])

    lay(picture, "#0d1626", disc(x, y + 0.17 * size, 0.75 * size, 0.1 * size), 0.5, 10)
    mirrored = at((-0.95, 0.14), (0.95, 0.14), (0.5, 0.42), (-0.5, 0.42))
    lay(picture, light.paper[2], mirrored, 0.35, 7)
    front, side, shade = light.paper
    lay(picture, shade, at((-0.32, -0.12), (0, -0.78), (0.02, 0.1)))
    lay(picture, side, at((0.32, -0.12), (0, -0.78), (-0.02, 0.1)))
    lay(picture, front, at((-1.05, -0.32), (-0.52, 0.17), (0.52, 0.17), (1.05, -0.32), (0, -0.02)))
    lay(picture, side, at((0, -0.02), (1.05, -0.32), (0.52, 0.17), (0.1, 0.17)))
    lay(picture, shade, at((-0.56, 0.13), (0.56, 0.13), (0.5, 0.19), (-0.5, 0.19)), 0.8)


def boat(light: Light) -> Image.Image:
    picture = gradient(*light.sky, *light.sky[-1:], *light.sky[-1:])
    colour, x, y = light.sun
    glow(picture, colour, disc(x, y, 120), 70, 0.8)
    glow(picture, colour, disc(x, y, 46), 3, 0.95)
    for cx, cy, across in ((240, 90, 190), (360, 112, 150), (760, 62, 170), (1120, 150, 130)):
        lay(picture, light.sky[-1], disc(cx, cy, across, 11), 0.55, 12)
    street(picture, light)
    canal(picture, light)
    paper_boat(picture, light, 560, 560, 190)
    return finished(picture)
