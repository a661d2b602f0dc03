"""Takes a picture out of a video's file, where the library for it is installed."""

from importlib.util import find_spec
from pathlib import Path

from batch.report_page.thumbnails import jpeg


def can_take() -> bool:
    """Whether PyAV is installed."""
    return find_spec("av") is not None


def poster(path: Path) -> bytes | None:
    """A small JPEG of a video's first frame; None where it holds none that can be read."""
    import av  # an extra; takes 0.1 s to load

    try:
        with av.open(str(path), format="mp4") as film:
            stream = film.streams.video[0]
            stream.codec_context.thread_count = 1  # several are read at a time
            for frame in film.decode(stream):
                return jpeg(frame.to_image())  # type: ignore[no-untyped-call]  # PyAV leaves it so
    except Exception:  # noqa: BLE001 - a decoder may raise anything over foreign bytes: then there is no poster
        return None
    return None
