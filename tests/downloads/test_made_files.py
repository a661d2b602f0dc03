"""What a model has made is told by its first bytes, and goes with the right ending; anything else is no result."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.downloads.made_files import ENDINGS, NotMade, ending, likely_ending

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
WEBP = b"RIFF\0\0\0\0WEBPVP8 "
WAV = b"RIFF\0\0\0\0WAVEfmt "
MP3, MP3_BARE = b"ID3\x04" + bytes(20), b"\xff\xfb\x90\x64" + bytes(20)
MP4 = b"\0\0\0\x18ftypmp42" + bytes(20)
WEBM = b"\x1aE\xdf\xa3" + bytes(20)
PAGE = b"<!DOCTYPE html><html><body>not found"


@pytest.mark.parametrize(
    ("makes", "start", "suffix"),
    [
        *(("image", start, suffix) for start, suffix in ((PNG, ".png"), (JPEG, ".jpg"), (WEBP, ".webp"))),
        *(("audio", start, suffix) for start, suffix in ((WAV, ".wav"), (MP3, ".mp3"), (MP3_BARE, ".mp3"))),
        *(("video", start, suffix) for start, suffix in ((MP4, ".mp4"), (WEBM, ".webm"))),
        *(("file", start, suffix) for start, suffix in ((PNG, ".png"), (WAV, ".wav"), (MP4, ".mp4"), (WEBM, ".webm"))),
        ("file", b"glTF\x02\0\0\0", ".glb"),
        ("audio", b"fLaC" + bytes(9), ".flac"),
        ("audio", b"OggS" + bytes(9), ".ogg"),
    ],
)
def test_it_is_called_by_what_it_is_whatever_its_address_says(makes: str, start: bytes, suffix: str) -> None:
    """Only where nothing tells, the address does: a mesh, say."""
    assert ending(makes, start, "https://v3.fal.media/files/b/out.glb") == suffix


@pytest.mark.parametrize(
    ("makes", "start", "why"),
    [
        ("image", PAGE, "is a web page, and no picture"),
        ("image", MP4, "is a video, and no picture"),
        ("audio", PNG, "is PNG, and no sound file"),
        ("audio", bytes(9), "is nothing but zero bytes, and no sound file"),
        ("file", PAGE, "is a web page, and no file"),
        ("file", b"", "is empty, and no file"),
        ("image", b"\x01\x02\x03", "is of no kind that is known here, and no picture"),
    ],
)
def test_what_is_something_else_is_no_result(makes: str, start: bytes, why: str) -> None:
    """A sentence says what it is."""
    with pytest.raises(NotMade) as caught:
        ending(makes, start, "https://x.y/a")
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("makes", "url", "suffix"),
    [
        ("image", "https://v3.fal.media/files/b/One.JPEG?x=1", ".jpg"),
        ("image", "https://v3.fal.media/files/b/out.mp4", ".png"),
        ("audio", "https://v3.fal.media/files/speech.mp3", ".mp3"),
        ("video", "https://v3.fal.media/files/b/output", ".mp4"),
        ("file", "https://v3.fal.media/files/mesh.glb", ".glb"),
        ("file", "https://v3.fal.media/files/a.%2F..", ".bin"),
    ],
)
def test_the_address_tells_the_likely_ending(makes: str, url: str, suffix: str) -> None:
    """Where it fits what the model makes; else it is the usual one."""
    assert likely_ending(makes, url) == suffix


@given(st.sampled_from(["video", "image", "audio", "file"]), st.text(), st.binary(max_size=64))
def test_no_address_and_no_bytes_bring_anything_else_into_a_name(makes: str, path: str, start: bytes) -> None:
    """An ending is a point, letters and digits."""
    url = f"https://x.y/{path}"
    found = {likely_ending(makes, url)}
    with suppress(NotMade):
        found.add(ending(makes, start, url))
    for suffix in found:
        assert suffix in ENDINGS or (suffix[0] == "." and suffix[1:].isalnum() and len(suffix) <= 6)
