"""Posters: the first frame of a video; of what is none, nothing."""

import io
from pathlib import Path

from PIL import Image

from batch.report_page.poster_frames import can_take, poster
from tests.support.mornings import a_video
from tests.support.mp4_files import an_mp4


def test_the_first_frame_becomes_a_small_jpeg() -> None:
    """In the video's shape."""
    assert can_take()
    one = Image.open(io.BytesIO(poster(a_video(0)) or b""))
    assert (one.format, one.size) == ("JPEG", (320, 180))


def test_what_does_not_play_has_no_poster(tmp_path: Path) -> None:
    """A list of other files is not followed either."""
    for name, data in (("a.mp4", b"none"), ("b.mp4", an_mp4()), ("c.mp4", b"ffconcat version 1.0\nfile a.mp4\n")):
        (tmp_path / name).write_bytes(data)
        assert poster(tmp_path / name) is None
    assert poster(tmp_path / "gone.mp4") is None
