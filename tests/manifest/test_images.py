"""Image files: whether a local image can be used."""

import hashlib
import io
import json
import os
import random
import socket
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image as Pillow

from batch.manifest import images as files
from batch.manifest.images import ImageInspector, digest, inspect, judge


def encoded(kind: str = "JPEG", size: tuple[int, int] = (640, 480), mode: str = "RGB") -> bytes:
    """A small noisy picture, so that every format has a body worth cutting."""
    noise = Pillow.frombytes("L", (64, 48), random.Random(1).randbytes(64 * 48)).resize(size)
    out = io.BytesIO()
    noise.convert(mode).save(out, kind)
    return out.getvalue()


def saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# Local images


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_listed_format_is_good_as_it_is(tmp_path: Path, kind: str) -> None:
    """And its digest is that of its bytes."""
    data = encoded(kind)
    path = saved(tmp_path / "a", data)
    assert inspect(path) == files.Image(hashlib.sha256(data).hexdigest(), None, ())
    assert digest(path) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.01, 1 / 3, 0.95])
def test_a_picture_cut_short_is_found(tmp_path: Path, kind: str, part: float) -> None:
    """A JPEG cut to a third has a sound header: only decoding finds it."""
    data = encoded(kind)
    found = inspect(saved(tmp_path / "a.jpg", data[: int(len(data) * part)]))
    assert found.problem is not None
    assert "cut short" in found.problem


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "0 bytes"),
        (b"prompt,image\r\n", "is a text, and no picture: give a picture"),
        (b"\x01\x02\x03\xff" * 9, "save it as JPG or PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "save it as JPG or PNG"),
        (b"\0\0\0\x18ftypheic" + bytes(64), "HEIC"),
    ],
)
def test_what_is_no_picture_is_said_to_be_none(tmp_path: Path, data: bytes, said: str) -> None:
    """Whatever its name says."""
    found = inspect(saved(tmp_path / "a.jpg", data))
    assert said in str(found.problem)
    assert found.digest == hashlib.sha256(data).hexdigest()


def test_a_folder_a_missing_file_and_a_path_through_a_file_are_problems(tmp_path: Path) -> None:
    """Each with its own remedy."""
    plain = saved(tmp_path / "plain", b"x")
    assert "folder" in str(inspect(tmp_path).problem)
    assert "does not exist" in str(inspect(tmp_path / "none.png").problem)
    assert "does not exist" in str(inspect(plain / "a.png").problem)
    assert "cannot be read" in str(inspect(tmp_path / ("n" * 5000)).problem)
    assert "cannot be read" in str(inspect(Path("a\0b")).problem)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_pipes_sockets_and_devices_never_block(tmp_path: Path) -> None:
    """Nobody ever writes to this FIFO; opening it plainly would wait for ever."""
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(tmp_path, os.O_RDONLY)
        try:
            listener.bind(
                f"/proc/self/fd/{here}/socket" if Path("/proc/self/fd").exists() else str(tmp_path / "socket")
            )
        finally:
            os.close(here)
        for path in (tmp_path / "fifo", tmp_path / "socket", Path("/dev/zero")):
            assert "ordinary image file" in str(inspect(path).problem)
            with pytest.raises(OSError, match="ordinary image file"):
                digest(path)


@pytest.fixture
def powerless() -> Iterator[None]:
    """Root may read anything, so root is somebody else for a moment."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no users of this kind here")
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def test_a_file_that_may_not_be_read_is_a_problem(tmp_path: Path, powerless: None) -> None:
    """And is looked at afresh next time: the right may have been given meanwhile."""
    path = tmp_path / "a.png"
    if os.getuid() != 0:
        saved(path, encoded()).chmod(0)
    inspector = ImageInspector()
    assert "may not be read" in str(inspector.inspect(path).problem)
    assert inspector.cache() == {}


def test_a_file_too_large_to_upload_is_not_read(tmp_path: Path) -> None:
    """A sparse terabyte is told from its size alone."""
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(files.UPLOAD_LIMIT * 10)
    assert inspect(path) == files.Image("", "is 1,000 MB, and fal takes at most 100 MB: make it smaller")


@pytest.mark.parametrize("side", [9_500, 15_000, 60_000])
def test_a_decompression_bomb_is_a_problem_and_no_warning(tmp_path: Path, side: int) -> None:
    """A few kilobytes that would unpack to gigabytes; told from the header."""
    out = io.BytesIO()
    Pillow.new("1", (8, 8)).save(out, "PNG")
    data = bytearray(out.getvalue())
    data[16:24] = side.to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    assert "pixels: scale it down" in str(inspect(saved(tmp_path / "bomb.png", bytes(data))).problem)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (encoded("PNG", (200, 320)), "at least 300 × 300"),
        (encoded("PNG", (1200, 400)), "aspect ratio of 3.00"),
        (encoded("PNG", (400, 1200)), "aspect ratio of 0.33"),
        (encoded("BMP"), "is BMP; fal lists"),
        (encoded("BMP", (2000, 2000)), "12.0 MB; fal asks for at most 10 MB"),
    ],
)
def test_what_fal_advises_against_is_a_warning_and_no_problem(data: bytes, said: str) -> None:
    """fal states these for the sibling endpoints; the row may work all the same."""
    found = files.inspect_bytes(data)
    assert found.problem is None
    assert any(said in line for line in found.warnings)


def test_many_threads_leave_the_warnings_as_they_were() -> None:
    """Pillow's warnings are silenced for all threads at once, and only while one decodes."""
    before, data = list(warnings.filters), encoded("PNG")
    with ThreadPoolExecutor(8) as pool:
        assert all(found.problem is None for found in pool.map(files.inspect_bytes, [data] * 64))
    assert list(warnings.filters) == before


# The cache


def test_a_thousand_rows_with_one_image_decode_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also through a symlink and a roundabout path."""
    path = saved(tmp_path / "a.jpg", encoded())
    (tmp_path / "link.jpg").symlink_to(path)
    decoded = []
    monkeypatch.setattr(files, "_decode", lambda data: decoded.append(data) or ("JPEG", 640, 480))
    inspector = ImageInspector()
    for other in (path, tmp_path / "link.jpg", tmp_path / "." / "a.jpg") * 333:
        assert inspector.inspect(other).problem is None
    assert len(decoded) == 1


def test_a_changed_file_is_looked_at_again(tmp_path: Path) -> None:
    """By size, time of change or inode."""
    path, inspector = saved(tmp_path / "a.jpg", encoded()), ImageInspector()
    before = inspector.inspect(path)
    saved(tmp_path / "new", encoded()[:-500]).replace(path)
    assert before.problem is None
    assert "cut short" in str(inspector.inspect(path).problem)
    assert len(inspector.cache()) == 1


def test_the_cache_survives_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller may keep it in a file; the next run decodes nothing."""
    path = saved(tmp_path / "a.png", encoded("PNG", (200, 200)))
    first = ImageInspector()
    found = first.inspect(path)
    monkeypatch.delattr(files, "_decode")
    assert ImageInspector(json.loads(json.dumps(first.cache()))).inspect(path) == found
    assert found.warnings


@pytest.mark.parametrize("entry", [None, 1, [], [[1, 2, 3, 4], "x", None, []], ["x", 1, 2, 3]])
def test_a_damaged_cache_is_not_believed(tmp_path: Path, entry: object) -> None:
    """It is only a cache."""
    path = saved(tmp_path / "a.jpg", encoded())
    assert ImageInspector({str(path.resolve()): entry}).inspect(path) == inspect(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "TGA", "PPM", "ICO"])
def test_every_picture_that_may_go_up_has_a_media_type(kind: str) -> None:
    """And a suffix, both of its bytes."""
    file = io.BytesIO()
    Pillow.new("RGB", (32, 32)).save(file, kind)
    judged = judge(file.getvalue())
    assert judged.problem is None
    assert judged.media_type.startswith("image/")
    assert judged.suffix.startswith(".")
    assert judge(file.getvalue()[:9]).problem is not None
