"""The preview: a real film of the right pictures, length and shape."""

import base64
import io
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from batch.errors import MissingExtra
from batch.sandbox.render import FPS, LONGEST_SIDE, MARK, flatten, frame_size, render

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGE = """<!doctype html><body><iframe></iframe><video muted preload="auto" src="clip.mp4"></video><script>
const video = document.querySelector("video"), held = document.querySelector("iframe").contentDocument;
held.open();  // an open document inside holds back this page's load event, and with it --dump-dom
const say = (...words) => { document.body.dataset.said = words.join(" "); held.close(); };
video.onerror = () => say("error", video.error.code, video.error.message);
video.oncanplaythrough = () => {
  video.oncanplaythrough = null;
  video.onseeked = () => say("seeked", video.duration, video.videoWidth, video.videoHeight);
  video.currentTime = video.duration - 0.1;
};
</script></body>"""


def sunrise(size: tuple[int, int] = (1280, 720)) -> Image.Image:
    """A picture whose four corners differ, so that no turn of it looks like another."""
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (across, down, Image.new("L", size, 90)))


def sunset(size: tuple[int, int] = (1280, 720)) -> Image.Image:
    return ImageOps.invert(sunrise(size))


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def data_uri(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def offline(url: str) -> bytes:
    raise OSError(f"no network: {url}")


SUNRISE, SUNSET = data_uri(encoded(sunrise())), data_uri(encoded(sunset()))


def made(target: Path, **request: str) -> Path:
    render({"prompt": "a slow dawn", "image_url": SUNRISE, **request}, target, fetch=offline)
    return target


def frames(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as film:
        return [frame.to_image() for frame in film.decode(video=0)]


def distance(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, from 0 to 255, at the size of the first."""
    return max(ImageStat.Stat(ImageChops.difference(one, other.resize(one.size))).mean)


def boxes(path: Path) -> list[bytes]:
    """The names of an MP4's outermost boxes, in order."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        names.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    return names


@pytest.mark.parametrize(("duration", "seconds"), [({}, 5), ({"duration": "5"}, 5), ({"duration": "10"}, 10)])
def test_a_clip_is_h264_of_exactly_the_length_asked_for(tmp_path: Path, duration: dict[str, str], seconds: int) -> None:
    """Five seconds where nothing is said, as at fal."""
    with av.open(str(made(tmp_path / "clip.mp4", **duration))) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (LONGEST_SIDE, LONGEST_SIDE * 9 // 16)
        assert stream.average_rate == FPS
        assert stream.frames == seconds * FPS == sum(1 for _ in film.decode(stream))
        assert stream.duration * stream.time_base == Fraction(seconds)
        assert film.duration == seconds * av.time_base


def test_a_clip_starts_to_play_before_it_is_all_there(tmp_path: Path) -> None:
    """The index stands before the pictures."""
    order = boxes(made(tmp_path / "clip.mp4"))
    assert order.index(b"moov") < order.index(b"mdat")


def test_a_clip_begins_with_the_image_and_moves(tmp_path: Path) -> None:
    """The first frame is the whole image; the last is nearer."""
    film = frames(made(tmp_path / "clip.mp4"))
    assert distance(film[0], sunrise()) < 6
    assert distance(film[-1], sunrise()) > distance(film[0], sunrise())


def test_a_clip_ends_with_the_tail_image(tmp_path: Path) -> None:
    """In between it is neither."""
    film = frames(made(tmp_path / "clip.mp4", tail_image_url=SUNSET))
    assert distance(film[0], sunrise()) < 6
    assert distance(film[-1], sunset()) < 6
    middle = film[len(film) * 6 // 10]
    assert min(distance(middle, sunrise()), distance(middle, sunset())) > 20


def test_the_camera_goes_where_the_prompt_sends_it_and_always_the_same_way(tmp_path: Path) -> None:
    """The same request makes the same bytes; other prompts make other moves."""
    clips = [made(tmp_path / f"{number}.mp4", prompt=f"take {number}").read_bytes() for number in range(5)]
    assert made(tmp_path / "again.mp4", prompt="take 0").read_bytes() == clips[0]
    assert len(set(clips)) > 1


def test_every_frame_says_that_it_is_a_preview(tmp_path: Path) -> None:
    """Light letters in a dark box, in the lower right corner of an otherwise plain picture."""
    film = frames(made(tmp_path / "clip.mp4", image_url=data_uri(encoded(Image.new("RGB", (640, 360), (90, 90, 90))))))
    for frame in film[:: len(film) // 4]:
        darkest, lightest = frame.convert("L").crop((480, 325, 640, 360)).getextrema()
        assert darkest < 70
        assert lightest > 200
        assert frame.convert("L").crop((0, 0, 400, 300)).getextrema() == pytest.approx((90, 90), abs=4)
    assert MARK == "SANDBOX PREVIEW"


@pytest.mark.parametrize("url", ["https://example.com/a.png", "data:image/png;base64,AAAA", ""])
def test_a_picture_that_cannot_be_had_becomes_a_card(tmp_path: Path, url: str) -> None:
    """No network, a broken picture, no picture: the film is made all the same, and shows words."""
    card = frames(made(tmp_path / "clip.mp4", image_url=url))[0].convert("L")
    assert card.size == (LONGEST_SIDE, 360)
    assert card.crop((150, 80, 490, 240)).getextrema()[1] > 200  # the prompt
    assert card.crop((150, 262, 490, 290)).getextrema()[1] > 150  # the reason


def test_a_url_is_had_through_fetch(tmp_path: Path) -> None:
    """Data URIs are not: there is nothing to fetch."""
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return encoded(sunrise())

    request = {"prompt": "", "image_url": "https://host/a.png", "tail_image_url": SUNSET}
    render(request, tmp_path / "clip.mp4", fetch=fetch)
    assert asked == ["https://host/a.png"]
    assert distance(frames(tmp_path / "clip.mp4")[0], sunrise()) < 6


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 720), (640, 360)),
        ((720, 1280), (360, 640)),
        ((300, 300), (640, 640)),
        ((1001, 777), (640, 496)),
        ((5000, 10), (640, 64)),
        ((1, 1), (640, 640)),
    ],
)
def test_a_clip_has_the_images_shape(size: tuple[int, int], expected: tuple[int, int]) -> None:
    """Even sides, the longest as configured, and no slivers."""
    assert frame_size(*size) == expected


@pytest.mark.parametrize("size", [(5000, 10), (10, 5000), (1001, 777), (1, 1)])
def test_odd_shapes_are_filmed_too(tmp_path: Path, size: tuple[int, int]) -> None:
    """The mark is made to fit."""
    film = frames(made(tmp_path / "clip.mp4", image_url=data_uri(encoded(Image.new("RGB", size, "teal")))))
    assert film[0].size == frame_size(*size)


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its left side
    return encoded(sunrise().rotate(90, expand=True), "JPEG", exif=exif, quality=95)


def sixteen_bits() -> bytes:
    ramp = Image.linear_gradient("L").convert("I").point(lambda value: value * 257)
    return encoded(ramp.convert("I;16"))


PICTURES = {
    "turned by EXIF": (turned, sunrise),
    "CMYK": (lambda: encoded(sunrise().convert("CMYK"), "JPEG", quality=95), sunrise),
    "palette": (lambda: encoded(sunrise().quantize(256)), sunrise),
    "16-bit grey": (sixteen_bits, lambda: Image.linear_gradient("L").convert("RGB")),
    "transparent": (
        lambda: encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0))),
        lambda: Image.new("RGB", (40, 40), "white"),
    ),
    "grey and half clear": (
        lambda: encoded(Image.new("LA", (40, 40), (0, 128))),
        lambda: Image.new("RGB", (40, 40), 0x7F7F7F),
    ),
    "one bit": (lambda: encoded(Image.new("1", (40, 40), 1)), lambda: Image.new("RGB", (40, 40), "white")),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_every_kind_of_picture_is_seen_as_a_person_sees_it(kind: str) -> None:
    """Upright, opaque, in its own colours."""
    data, expected = PICTURES[kind]
    seen = flatten(data())
    assert seen.mode == "RGB"
    assert seen.width * expected().height == pytest.approx(seen.height * expected().width, rel=0.01)
    assert distance(seen, expected()) < 5


@pytest.mark.parametrize("duration", ["7", "", "5.0"])
def test_a_duration_that_kling_does_not_make_is_refused(tmp_path: Path, duration: str) -> None:
    """And nothing is written."""
    with pytest.raises(ValueError, match="Kling makes '5' or '10'"):
        made(tmp_path / "clip.mp4", duration=duration)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The film is made beside its place and moved there whole."""
    (tmp_path / "clip.mp4").write_bytes(b"before")
    stamped = iter(range(40))

    def stamp(*_: object) -> None:
        if next(stamped, None) is None:
            raise OSError("disk full")

    monkeypatch.setattr("batch.sandbox.render._stamp", stamp)
    with pytest.raises(OSError, match="disk full"):
        made(tmp_path / "clip.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert (tmp_path / "clip.mp4").read_bytes() == b"before"


def test_awkward_names_are_only_names(tmp_path: Path) -> None:
    """Colons, percent signs and umlauts mean nothing to the writer."""
    name = "take: 1 %03d – ü.mp4"
    assert len(frames(made(tmp_path / name))) == 5 * FPS
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("missing", ["av", "numpy", "PIL"])
def test_without_the_extra_one_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """In place of an ImportError."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=f"{missing}: .* -m pip install '"):
        made(tmp_path / "clip.mp4")


@pytest.mark.skipif(CHROMIUM is None, reason="no `chromium` here (CI installs Debian's): nothing to play the clip with")
def test_a_browser_plays_a_clip_and_finds_its_way_in_it(tmp_path: Path) -> None:
    """Chromium loads it from disk, could play it through, and jumps to its end."""
    made(tmp_path / "clip.mp4", tail_image_url=SUNSET)
    (tmp_path / "page.html").write_text(PAGE)
    command = [str(CHROMIUM), *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--timeout=15000", "--dump-dom"]
    shown = subprocess.run([*command, (tmp_path / "page.html").as_uri()], capture_output=True, text=True, timeout=60)
    assert 'data-said="seeked 5 640 360"' in shown.stdout, shown.stdout + shown.stderr
