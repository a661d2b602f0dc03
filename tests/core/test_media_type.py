"""What a file is, by its bytes: pictures by format, and everything that people save in place of one by its name."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from batch.core.media_type import ENOUGH, MediaType, sniff


def saved(kind: str, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Pillow.new(mode, (32, 32)).save(out, kind)
    return out.getvalue()


def box(brand: bytes, *others: bytes) -> bytes:
    """The first box of an ISO media file, and a part of the next."""
    body = b"ftyp" + brand + bytes(4) + b"".join(others)
    return (len(body) + 4).to_bytes(4, "big") + body + bytes(20)


@pytest.mark.parametrize(
    ("kind", "name", "suffix"),
    [
        ("JPEG", "image/jpeg", ".jpg"),
        ("MPO", "image/jpeg", ".jpg"),
        ("PNG", "image/png", ".png"),
        ("WEBP", "image/webp", ".webp"),
        ("GIF", "image/gif", ".gif"),
        ("AVIF", "image/avif", ".avif"),
        ("BMP", "image/bmp", ".bmp"),
        ("TIFF", "image/tiff", ".tif"),
        ("JPEG2000", "image/jp2", ".jp2"),
        ("ICO", "image/x-icon", ".ico"),
        ("PPM", "image/x-portable-anymap", ".pnm"),
    ],
)
def test_a_picture_is_known_by_its_bytes(kind: str, name: str, suffix: str) -> None:
    """As Pillow writes it; its name plays no part."""
    if kind == "AVIF" and kind not in Pillow.SAVE:
        pytest.skip("this Pillow writes no AVIF")
    found = sniff(saved(kind))
    assert found is not None
    assert (found.name, found.suffix, found.is_picture) == (name, suffix, True)


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("word/document.xml", "<w/>")
    return out.getvalue()


SIGN_IN = b'<!DOCTYPE html>\n<html><head><title>Meet Google Drive</title></head><body><input type="password"></body>'
FOREIGN = {
    "empty": b"",
    "nothing but zero bytes": bytes(5000),
    "a web page": b"\xef\xbb\xbf\r\n<!-- saved from url=(0014)about:internet --><HTML lang=en>",
    "a web page, perhaps the one to sign in on": SIGN_IN,
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    "an SVG drawing": b'<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "x">\n<!-- Inkscape -->\n<svg:svg width="9">',
    "a Photoshop file (PSD)": b"8BPS\0\x01" + bytes(20),
    "a PostScript file (EPS)": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "a zip archive, or a document of Word, Excel, PowerPoint, Pages or Keynote": archive(),
    "an old document of Word, Excel or PowerPoint": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "a Mac's side file": b"\0\x05\x16\x07\0\x02\0\0Mac OS X",
    "a Windows shortcut": b"L\0\0\0\x01\x14\x02\0\0\0",
    "a Mac's alias of a file": b"book\0\0\0\0mark\0\0\0\0",
    "a link to a web page": b"[InternetShortcut]\r\nURL=https://example.com/a.png\r\n",
    "a text that only holds an address": b"https://example.com/a.png\n",
    "a text (JSON)": b'{"detail": "not found"}',
    "a text (XML)": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "a text": "grüße aus Köln, mit Ärger".encode("cp1252"),
    "an empty text": b" \r\n",
    "JPEG XL": b"\xff\x0a\xfa",
    "an OpenEXR file": b"v/1\x01\x02\0\0\0",
    "a camera's raw file": box(b"crx ", b"crx ", b"isom"),
    "a sound file": b"ID3\x04",
    "compressed with gzip": b"\x1f\x8b\x08",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_no_picture_is_named_for_what_it_is(what: str) -> None:
    """With a remedy of its own, and never taken for a picture."""
    found = sniff(FOREIGN[what])
    assert found is not None
    assert (found.what, found.is_picture, found.name) == (what, False, "")
    assert found.remedy


@pytest.mark.parametrize(
    "start",
    [
        box(b"isom", b"isom", b"mp41"),
        box(b"qt  "),
        b"RIFF\0\0\0\0AVI LIST",
        b"\x1aE\xdf\xa3\x9fB\x86",
        b"\0\0\x01\xba",
        b"0&\xb2u\x8ef\xcf\x11\xa6\xd9",
    ],
)
def test_a_video_is_a_video_in_any_container(start: bytes) -> None:
    """MP4, MOV, AVI, WebM and MKV, MPEG, WMV."""
    assert (sniff(start) or MediaType("")).what == "a video"


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (box(b"heic", b"mif1", b"heic"), "image/heic"),
        (box(b"mif1", b"mif1", b"heic"), "image/heic"),
        (box(b"mif1", b"mif1", b"avif", b"miaf"), "image/avif"),
        (box(b"avis"), "image/avif"),
    ],
)
def test_heic_and_avif_are_told_apart_by_all_their_brands(start: bytes, name: str) -> None:
    """Both may begin with the brand that they share."""
    assert (sniff(start) or MediaType("")).name == name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_text_is_a_text_in_any_letters(encoding: str) -> None:
    """Also where the part that is looked at ends in the middle of a letter."""
    found = sniff(("a" + "ü" * ENOUGH).encode(encoding) if encoding != "latin-1" else b"a gr\xfc\xdf dich")
    assert found == MediaType("a text", remedy="give a picture")


@given(st.binary(max_size=300))
def test_any_bytes_are_something_or_unknown(data: bytes) -> None:
    """Total, and what follows the part that is looked at changes nothing."""
    found = sniff(data)
    assert found is None or found.what
    assert sniff(data.ljust(ENOUGH, b"\xfe") + b"more") == sniff(data.ljust(ENOUGH, b"\xfe"))


@pytest.mark.parametrize("part", [b"<!-- -->", b"<! >", b"<!--", b"< ", b"[ ", b" ", b"<?xml"])
def test_no_text_is_looked_at_for_long(part: bytes) -> None:
    """Patterns that try each way of reading a text would take years over these."""
    found = sniff(part * ENOUGH)
    assert found is not None
    assert not found.is_picture
