"""The sample pictures: a lighthouse in fog, a red kite over dunes, the window of a night train, and the canal's two."""

import math
import random
from collections.abc import Callable

from canal import DAY, DUSK, boat
from drawing import (
    DOUBLE,
    HEIGHT,
    WIDTH,
    Colour,
    Point,
    blank,
    disc,
    finished,
    glow,
    gradient,
    hills,
    lay,
    scaled,
    shape,
)
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

# A lighthouse in fog


def lighthouse() -> Image.Image:
    picture = gradient("#8fa3b5", "#b9c6cf", "#d9dcd8", "#a9b6bd", "#6f8491")
    for base, swell, phase, colour in ((400, 26, 1.0, "#a5b3bd"), (430, 34, 2.6, "#8899a5")):
        lay(picture, colour, shape(hills(base, swell, phase, 210)), 0.75, 9)
    sea = gradient("#b4c0c6", "#8fa2ad", "#56707f", "#2f4a5c", "#23394a")
    lay(picture, sea, shape([(0, 455), (WIDTH, 455), (WIDTH, HEIGHT), (0, HEIGHT)]), 1, 5)
    waves(picture)
    beam(picture)
    rocks(picture)
    tower(picture)
    for x, y, across, down in ((300, 520, 520, 42), (1080, 620, 330, 26), (640, 470, 600, 20), (900, 690, 700, 30)):
        lay(picture, "#dfe5e6", disc(x, y, across, down), 0.5, 34)
    return finished(picture)


def rocks(picture: Image.Image) -> None:
    outline = [(640, 720), (690, 640), (742, 606), (776, 540), (826, 512), (850, 474), (958, 470), (1012, 498)]
    outline += [(1050, 545), (1110, 566), (1150, 620), (1225, 650), (1290, 720)]
    lay(picture, "#33414c", shape(outline), 1, 1)
    lit = [
        [(826, 512), (850, 474), (958, 470), (900, 530)],
        [(690, 640), (742, 606), (800, 625), (752, 720), (640, 720)],
    ]
    lit += [
        [(776, 540), (826, 512), (870, 560), (800, 625), (742, 606)],
        [(1050, 545), (1110, 566), (1090, 640), (1020, 600)],
    ]
    for facet, shade in zip(lit, ("#5f6e78", "#475662", "#53626d", "#3f4d58"), strict=True):
        lay(picture, shade, shape(facet), 0.9, 1)
    lay(picture, "#25313b", shape([(900, 530), (1012, 498), (1020, 600), (960, 720), (860, 720), (870, 560)]), 0.7, 1)


def waves(picture: Image.Image) -> None:
    dice, crests = random.Random(11), blank()  # noqa: S311 - a picture, not a secret
    for _ in range(130):
        y = 470 + 245 * dice.random()
        x, half = dice.uniform(-50, WIDTH), dice.uniform(14, 60) * (y - 420) / 200
        ImageDraw.Draw(crests).arc([edge * DOUBLE for edge in (x - half, y, x + half, y + 7)], 180, 360, 255, 3)
    lay(picture, "#dbe5e8", crests, 0.4, 1)


def beam(picture: Image.Image) -> None:
    for spread, strength in ((120, 0.4), (60, 0.45)):
        glow(picture, "#ffedb8", shape([(905, 168), (-40, 250 - spread), (-40, 250 + spread)]), 16, strength)
    glow(picture, "#ffedb8", shape([(905, 168), (1320, 60), (1320, 170)]), 22, 0.35)


def tower(picture: Image.Image) -> None:
    def half(y: float) -> float:
        return 27 + (y - 205) * 0.075

    for number in range(5):
        top, bottom = 205 + number * 54, 205 + (number + 1) * 54
        band = [
            (905 - half(top), top),
            (905 + half(top), top),
            (905 + half(bottom), bottom),
            (905 - half(bottom), bottom),
        ]
        lay(picture, "#b8453c" if number % 2 else "#f1efe8", shape(band))
    lay(picture, "#1f2d38", shape([(908, 205), (932, 205), (953, 475), (908, 475)]), 0.3, 8)
    lay(picture, "#2b3640", shape([(866, 197), (944, 197), (940, 207), (870, 207)]))
    lay(picture, "#ffe9a8", shape([(886, 148), (924, 148), (924, 197), (886, 197)]))
    for x in (886, 904, 921):
        lay(picture, "#2b3640", shape([(x, 148), (x + 4, 148), (x + 4, 197), (x, 197)]))
    lay(picture, "#a03a33", shape([(878, 150), (905, 116), (932, 150)]))
    glow(picture, "#fff1c0", disc(905, 172, 34), 26, 1)


# A red kite over dunes


def kite() -> Image.Image:
    picture = gradient("#4d8fc4", "#86b9d8", "#cfe0dd", "#f7e3bd", "#f3c98f")
    glow(picture, "#fff0c4", disc(250, 385, 70), 60, 0.9)
    for cx, cy, across in ((900, 330, 260), (640, 350, 200), (1120, 120, 150), (980, 136, 170)):
        lay(picture, "#ffffff", disc(cx, cy, across, 10), 0.5, 14)
    dunes = (
        (440, 22, 0.4, 190, "#e6bd86", "#d9a76c"),
        (500, 38, 2.2, 230, "#dfab6b", "#c98a4e"),
        (585, 52, 4.4, 260, "#cf9552", "#a8683a"),
        (690, 46, 0.9, 300, "#a96a3c", "#7d4a2c"),
    )
    for base, swell, phase, length, bright, dark in dunes:
        dune(picture, hills(base, swell, phase, length), bright, dark)
    flight(picture)
    return finished(picture)


def dune(picture: Image.Image, ridge: list[Point], bright: Colour, dark: Colour) -> None:
    mask = shape(ridge)
    lay(picture, dark, mask)
    lit = ImageChops.subtract(mask, ImageChops.offset(mask, 60 * DOUBLE, 95 * DOUBLE))
    small = lit.resize((lit.width // 8, lit.height // 8)).filter(ImageFilter.GaussianBlur(5)).resize(lit.size)
    lay(picture, bright, ImageChops.multiply(small, mask))


def flight(picture: Image.Image) -> None:
    """The kite, its tail, the string, and the one who holds it."""
    draw = ImageDraw.Draw(picture)
    string = [(415 + 385 * t, 458 - 200 * t - 62 * math.sin(math.pi * t) * -0.8) for t in (n / 40 for n in range(41))]
    draw.line(scaled(string), fill="#f5efe2", width=3)
    tail = [(826 + 9 * n, 292 + 3.2 * n + 15 * math.sin(n / 2.6)) for n in range(26)]
    draw.line(scaled(tail), fill="#b8322b", width=6, joint="curve")
    for n in (5, 10, 15, 20, 25):
        x, y = tail[n]
        draw.polygon(scaled([(x, y), (x - 9, y - 11), (x + 3, y - 13)]), fill="#ffd9a0")
        draw.polygon(scaled([(x, y), (x + 10, y + 10), (x - 3, y + 13)]), fill="#ffd9a0")
    top, right, low, left, middle = (770, 106), (892, 170), (826, 292), (722, 196), (792, 178)
    for corners, colour in (((top, right, middle), "#e8463a"), ((right, low, middle), "#c4302a")):
        draw.polygon(scaled(corners), fill=colour)
    for corners, colour in (((top, middle, left), "#f4685a"), ((left, middle, low), "#d93b32")):
        draw.polygon(scaled(corners), fill=colour)
    draw.line(scaled([top, middle, low]), fill="#7c1d1a", width=4)
    draw.line(scaled([left, middle, right]), fill="#7c1d1a", width=4)
    draw.polygon(scaled([(398, 506), (402, 470), (410, 462), (416, 470), (420, 506)]), fill="#33405a")
    draw.line(scaled([(410, 470), (416, 458)]), fill="#33405a", width=8)
    draw.ellipse([edge * DOUBLE for edge in (402, 446, 416, 461)], fill="#4a2f24")


# The window of a night train


def train() -> Image.Image:
    outside = gradient("#070d24", "#14234a", "#2c4070", "#4d4f7d", "#1a1f3c", "#0a0d1e")
    stars(outside)
    glow(outside, "#dfe8ff", disc(850, 165, 60), 40, 0.7)
    lay(outside, "#f4f1dc", disc(850, 165, 38), 1, 1)
    for base, swell, phase, colour in ((380, 44, 0.3, "#232f58"), (430, 36, 2.2, "#161e40"), (480, 22, 4.0, "#0c122b")):
        lay(outside, colour, shape(hills(base, swell, phase, 160)))
    passing_lights(outside)
    picture = gradient("#3a2a26", "#2b1f1e", "#1d1618")
    carriage(picture, outside)
    return finished(picture)


def stars(picture: Image.Image) -> None:
    dice, draw = random.Random(5), ImageDraw.Draw(picture)  # noqa: S311 - a picture, not a secret
    for _ in range(140):
        x, y, size = dice.uniform(0, WIDTH) * DOUBLE, dice.uniform(60, 330) * DOUBLE, dice.choice((1, 1, 2, 3))
        draw.ellipse((x, y, x + size, y + size), fill="#cdd8f5")


def passing_lights(picture: Image.Image) -> None:
    """A town going by: streaks, longer the nearer they are."""
    dice = random.Random(21)  # noqa: S311 - a picture, not a secret
    for colour in ("#ffcf7a", "#ff9d5c", "#ffe9bf", "#9fd0ff"):
        streaks = blank()
        for _ in range(16):
            near = dice.random()
            x, y, half = dice.uniform(100, 1180), 440 + 120 * near, 6 + 70 * near * dice.random()
            box = [edge * DOUBLE for edge in (x - half, y - 1.5 - near, x + half, y + 1.5 + near)]
            ImageDraw.Draw(streaks).rounded_rectangle(box, 4, fill=255)
        glow(picture, colour, streaks, 10, 0.9)
        lay(picture, colour, streaks, 0.85, 1)


def pane(inset: float, radius: float) -> Image.Image:
    mask = blank()
    box = [edge * DOUBLE for edge in (150 + inset, 60 + inset, 1130 - inset, 575 - inset)]
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * DOUBLE, fill=255)
    return mask


def carriage(picture: Image.Image, outside: Image.Image) -> None:
    lay(picture, "#54403a", pane(-26, 62))
    lay(picture, "#16100f", pane(-8, 48))
    lay(picture, outside, pane(0, 42))
    warm = Image.new("RGB", picture.size)
    lay(warm, "#ffb45e", disc(1010, 300, 60, 90), 0.5, 60)
    lay(warm, "#ffb45e", shape([(150, 575), (480, 60), (560, 60), (230, 575)]), 0.05, 6)
    lay(picture, ImageChops.screen(picture, warm), pane(0, 42))
    curtains(picture)
    lay(
        picture,
        gradient("#6b4a38", "#6b4a38", "#8a6045", "#4a3024"),
        shape([(90, 632), (1190, 632), (1280, 720), (0, 720)]),
    )
    lay(picture, "#a87a58", shape([(90, 630), (1190, 630), (1194, 637), (86, 637)]))
    lamp(picture)
    cup(picture)


def curtains(picture: Image.Image) -> None:
    for left, step in ((70, 1), (1210, -1)):
        for fold in range(6):
            x = left + step * fold * 22
            cloth = [(x, 30), (x + step * 26, 30), (x + step * (20 - fold * 2), 610), (x - step * fold * 3, 610)]
            lay(picture, ("#6d2730", "#541c26")[fold % 2], shape(cloth), 1, 1)
    lay(picture, "#241a19", shape([(40, 22), (1240, 22), (1240, 40), (40, 40)]))


def lamp(picture: Image.Image) -> None:
    glow(picture, "#ffa64d", disc(1010, 560, 150, 110), 80, 0.65)
    lay(picture, "#b08a4e", shape([(1004, 560), (1016, 560), (1018, 650), (1002, 650)]))
    lay(picture, "#8b6a3a", disc(1010, 652, 42, 9))
    lay(picture, "#ffd694", shape([(975, 492), (1045, 492), (1076, 570), (944, 570)]))
    lay(picture, "#fff1cf", shape([(990, 492), (1030, 492), (1042, 570), (978, 570)]), 0.7, 8)


def cup(picture: Image.Image) -> None:
    lay(picture, "#120b0a", disc(372, 668, 100, 13), 0.5, 8)
    lay(picture, "#d9cfc0", disc(360, 662, 84, 13))
    lay(picture, "#f0e8da", shape([(308, 596), (412, 596), (398, 656), (322, 656)]), 1, 1)
    lay(picture, "#8f8270", shape([(308, 600), (336, 600), (344, 656), (322, 656)]), 0.4, 6)
    lay(picture, "#f7f1e6", disc(360, 596, 52, 10))
    lay(picture, "#4a2a1a", disc(360, 597, 45, 7))
    for x, lean in ((345, 8), (374, -9)):
        steam = [(x + lean * math.sin(n / 3.2), 585 - n * 5.2) for n in range(22)]
        wisp = blank()
        ImageDraw.Draw(wisp).line(scaled(steam), fill=255, width=16, joint="curve")
        lay(picture, "#ffffff", wisp, 0.4, 6)


SCENES: dict[str, Callable[[], Image.Image]] = {
    "boat-day.jpg": lambda: boat(DAY),
    "boat-dusk.jpg": lambda: ImageEnhance.Color(boat(DUSK)).enhance(1.1),
    "lighthouse.jpg": lighthouse,
    "kite.jpg": kite,
    "train.jpg": train,
}
