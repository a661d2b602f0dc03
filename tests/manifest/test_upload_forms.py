"""What a local picture goes up as: upright, and of a kind that fal takes."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from batch.manifest import images
from batch.manifest.images import can_read_heic, inspect
from batch.manifest.upload_forms import ORIENTATION, upload_form

SIZE = (640, 480)


def picture(path: Path, kind: str, orientation: int | None = None, **how: object) -> Path:
    """Red above, blue below, as it is stored."""
    image = Image.new("RGB", SIZE, "red")
    image.paste("blue", (0, SIZE[1] // 2, *SIZE))
    if orientation is not None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        how["exif"] = exif
    image.save(path, kind, **how)
    return path


def seen(data: bytes | None) -> Image.Image:
    assert data is not None
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.getexif().get(ORIENTATION, 1) == 1
        return image.convert("RGB")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_an_upright_picture_goes_up_byte_for_byte(tmp_path: Path, kind: str) -> None:
    """Nothing is made of it, whatever its kind."""
    form = upload_form(picture(tmp_path / "a", kind))
    assert (form.converted, form.judged.problem) == (None, None)
    assert form.judged.media_type == f"image/{kind.lower()}"
    if kind == "JPEG":
        assert upload_form(picture(tmp_path / "a", kind, 1)) == form


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("orientation", "size", "above"),
    [
        *((2, SIZE, "red"), (3, SIZE, "blue"), (4, SIZE, "blue")),
        *((5, SIZE[::-1], ""), (6, SIZE[::-1], ""), (7, SIZE[::-1], ""), (8, SIZE[::-1], "")),
    ],
)
def test_a_picture_that_a_note_turns_is_turned(
    tmp_path: Path, kind: str, orientation: int, size: tuple[int, int], above: str
) -> None:
    """As the person saw it who took it; then it carries the note no more."""
    form = upload_form(picture(tmp_path / "a", kind, orientation))
    image = seen(form.converted)
    assert image.size == size
    top = image.getpixel((size[0] // 2, 5))
    if above:
        assert isinstance(top, tuple)
        assert (top[0] > 200) == (above == "red")


def test_a_picture_is_judged_as_it_is_seen(tmp_path: Path) -> None:
    """A strip that stands upright once it is turned."""
    image = Image.new("RGB", (1800, 600), "red")
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image.save(tmp_path / "a.jpg", "JPEG", exif=exif)
    assert "600 × 1800 px, an aspect ratio of 0.33" in inspect(tmp_path / "a.jpg").warnings[0]


def test_a_heic_photo_goes_up_as_jpeg_and_is_told(tmp_path: Path) -> None:
    """Where the extra is installed that reads it."""
    assert can_read_heic()
    path = picture(tmp_path / "a.heic", "HEIF")
    found = inspect(path)
    assert found.problem is None
    assert found.warnings == ("is a HEIC photo: it is converted to JPEG as it goes up",)
    form = upload_form(path)
    assert form.converted is not None
    assert form.converted.startswith(b"\xff\xd8\xff")
    assert seen(form.converted).size == SIZE


def test_without_the_extra_a_heic_photo_is_no_picture_for_fal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what can be done is said."""
    path = picture(tmp_path / "a.heic", "HEIF")
    monkeypatch.setattr(images, "can_read_heic", lambda: False)
    monkeypatch.setattr("batch.manifest.upload_forms.can_read_heic", lambda: False)
    monkeypatch.delitem(Image.OPEN, "HEIF")
    found = inspect(path)
    assert found.problem == (
        "is a HEIC photo, which fal does not list: save it as JPG or PNG, or install kling-batch[heic]"
    )
    assert upload_form(path).judged.problem == found.problem


def test_notes_that_nobody_can_read_turn_nothing(tmp_path: Path) -> None:
    """A damaged EXIF block is no reason to fail."""
    Image.new("RGB", SIZE).save(tmp_path / "a.jpg", "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert upload_form(tmp_path / "a.jpg").converted is None
    assert inspect(tmp_path / "a.jpg").problem is None


def test_a_file_that_has_grown_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have, since it was checked; what it is refused with says its size."""
    path = picture(tmp_path / "a.png", "PNG")
    os.truncate(path, images.UPLOAD_LIMIT + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    assert "fal takes at most 100 MB" in (upload_form(path).judged.problem or "")


def test_a_file_that_is_gone_is_an_error_of_the_disk(tmp_path: Path) -> None:
    """Whoever uploads it says so."""
    with pytest.raises(OSError, match="No such file"):
        upload_form(tmp_path / "gone.png")
