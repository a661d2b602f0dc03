"""Whether a file is a whole MP4, by its boxes alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.downloads.mp4_boxes import NotAVideo, read_mp4
from tests.support.mp4_files import an_mp4, box, movie_header

WHOLE = an_mp4(3000)


def read(tmp_path: Path, data: bytes) -> float | None:
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    with path.open("rb") as file:
        return read_mp4(file)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("seconds", [5.0, 5.04, 10.1])
def test_a_whole_video_says_how_long_it_lasts(tmp_path: Path, seconds: float, wide: bool) -> None:
    """In either form of its header."""
    assert read(tmp_path, an_mp4(seconds=seconds, wide=wide)) == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.99])
def test_a_video_that_is_cut_anywhere_is_none(tmp_path: Path, share: float) -> None:
    """Also by its last byte."""
    with pytest.raises(NotAVideo):
        read(tmp_path, WHOLE[: int(len(WHOLE) * share)])
    with pytest.raises(NotAVideo, match="1 bytes are missing"):
        read(tmp_path, WHOLE[:-1])


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"<!doctype html><html><body>502 Bad Gateway</body></html>", "a web page"),
        (b'{"detail": "Not found"}', r"a text \(JSON\)"),
        (bytes(5000), "nothing but zero bytes"),
        (b"\xff\xd8\xff" + bytes(99), "is JPEG"),
        (b"\1\2\3\4garb" * 100, "no MP4 video"),
        (WHOLE + b"\0\0\0\x10\1\2\3\4rubbish", "damaged at byte 3,000"),
        (WHOLE + b"abc", "cut short"),
        (box(b"ftyp", b"mp42", bytes(4)), "without pictures"),
        (box(b"ftyp", b"mp42", bytes(4)) + box(b"mdat", bytes(9)), "without pictures"),
        (box(b"ftyp", b"isom", bytes(4)) + box(b"moov", bytes(0)) + box(b"mdat", bytes(9)), "header is damaged"),
        (
            box(b"ftyp", b"isom", bytes(4)) + box(b"moov", box(b"mvhd", bytes(8)), box(b"trak")) + box(b"mdat", b"1"),
            "header is damaged",
        ),
        (box(b"ftyp", b"isom", bytes(4)) + box(b"free") * 10_001, "too many boxes"),
    ],
)
def test_what_is_no_video_is_named_for_what_it_is(tmp_path: Path, data: bytes, what: str) -> None:
    """An error page, a stump, a picture, rubbish."""
    with pytest.raises(NotAVideo, match=what):
        read(tmp_path, data)


def test_a_header_without_a_length_says_none(tmp_path: Path) -> None:
    """Videos that are made of fragments have none; a last box may reach to the end without saying so."""
    start = box(b"ftyp", b"isom", bytes(4)) + box(b"moov", movie_header(0), box(b"trak"))
    assert read(tmp_path, start + box(b"mdat", b"frames")) is None
    assert read(tmp_path, start + b"\0\0\0\0mdatframes") is None


def test_a_long_box_is_read_with_its_long_length(tmp_path: Path) -> None:
    """As cameras write them, whatever their size."""
    start = box(b"ftyp", b"isom", bytes(4)) + box(b"moov", movie_header(5), box(b"trak"))
    assert read(tmp_path, start + b"\0\0\0\1mdat" + (22).to_bytes(8, "big") + b"frames") == 5.0


@given(st.binary(max_size=400), st.integers(0, 2999), st.integers(0, 255))
def test_no_bytes_are_beyond_it(tmp_path_factory: pytest.TempPathFactory, tail: bytes, at: int, byte: int) -> None:
    """Any file is a video or is none; nothing else is raised."""
    data = bytearray(WHOLE)
    data[at] = byte
    for one in (bytes(data), WHOLE[:at] + tail, b"\0\0\0\x10ftypisom" + tail):
        try:
            found = read(tmp_path_factory.getbasetemp(), one)
        except NotAVideo:
            continue
        assert found is None or found >= 0
