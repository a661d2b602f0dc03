"""A picture brings its prompt in a text file beside it, or in itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from batch.manifest.captions import caption


def a_picture(path: Path, **how: object) -> Path:
    Image.new("RGB", (4, 4)).save(path, **how)
    return path


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("boat.txt", "A boat,\n  drifting — slowly\n".encode()),
        ("boat.txt", "\ufeffA boat, drifting — slowly".encode()),
        ("boat.caption", "A boat, drifting — slowly".encode("utf-16")),
        ("boat.txt", "A boat, drifting — slowly".encode("cp1252")),
    ],
)
def test_a_text_file_of_its_name_holds_it(name: str, data: bytes, tmp_path: Path) -> None:
    """In the encodings that people have; on one line."""
    a_picture(tmp_path / "boat.png")
    (tmp_path / name).write_bytes(data)
    assert caption(tmp_path, "boat.png", ["boat"]) == "A boat, drifting — slowly"


def png(path: Path, **texts: str) -> None:
    info = PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text)
    a_picture(path, pnginfo=info)


def jpeg(path: Path, tag: int, value: object) -> None:
    exif = Image.Exif()
    exif[tag] = value
    a_picture(path, exif=exif)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.png", lambda path: png(path, Description="A boat")),
        ("a.png", lambda path: png(path, parameters="A boat\nNegative prompt: blur\nSteps: 20, Seed: 1")),
        ("a.png", lambda path: png(path, prompt='{"3": {"inputs": {}}}', Description="A boat")),
        ("a.jpg", lambda path: jpeg(path, 0x010E, "A boat")),
        ("a.jpg", lambda path: jpeg(path, 0x9C9C, "A boat\0".encode("utf-16-le"))),
    ],
)
def test_metadata_hold_it(name: str, make: Callable[[Path], None], tmp_path: Path) -> None:
    """As cameras, editors and generators write it; not what a program keeps for itself."""
    make(tmp_path / name)
    assert caption(tmp_path, name, ["a"]) == "A boat"


def test_there_may_be_none(tmp_path: Path) -> None:
    """An empty text, what a camera writes into each picture, a file that is no picture."""
    jpeg(tmp_path / "a.jpg", 0x010E, "OLYMPUS DIGITAL CAMERA")
    (tmp_path / "a.txt").write_text(" \n")
    (tmp_path / "b.jpg").write_bytes(b"nothing")
    assert [caption(tmp_path, name, [name[0]]) for name in ("a.jpg", "b.jpg")] == ["", ""]
