"""Writes a cut as a timeline that editing programs read, by OpenTimelineIO: .otio, .edl, .fcpxml."""

import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from batch.errors import MissingExtra
from batch.export.clips import MADE_BY, Clip

if TYPE_CHECKING:
    import opentimelineio as otio  # type: ignore[import-untyped]  # it has no types

SUFFIXES = (".otio", ".edl", ".fcpxml")
_ADAPTERS = {".edl": "cmx_3600", ".fcpxml": "fcpx_xml"}
_COMMON_RATES = [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)]
_REEL = 8
"""Letters that a reel's name may have in an EDL."""


def timeline(clips: Sequence[Clip], suffix: str, name: str) -> bytes:
    """The whole file: one video track, each clip in its full length, its prompt and note as markers.

    Raises:
        MissingExtra: OpenTimelineIO, or what it writes this form with, is not installed.
    """
    try:
        import opentimelineio as otio
    except ImportError as error:
        raise _missing() from error
    cut = otio.schema.Timeline(name=name, metadata={"made_by": MADE_BY})
    track = otio.schema.Track(name="kling-batch", kind=otio.schema.TrackKind.Video)
    cut.tracks.append(track)
    rate = float(clips[0].rate or 24) if suffix == ".edl" else None  # an EDL has one rate
    track.extend(_clip(one, nth, rate) for nth, one in enumerate(clips, 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"cut{suffix}"
        try:
            if suffix == ".edl":
                otio.adapters.write_to_file(cut, str(path), adapter_name=_ADAPTERS[suffix], rate=rate)
            else:
                otio.adapters.write_to_file(cut, str(path), adapter_name=_ADAPTERS.get(suffix))
        except otio.exceptions.NoKnownAdapterForExtensionError as error:
            raise _missing() from error
        except otio.exceptions.NotSupportedError as error:
            raise _missing() from error
        return _marked(path.read_bytes(), suffix)


def _missing() -> MissingExtra:
    return MissingExtra('timelines need more: pip install "kling-batch[edit]"')


def _clip(clip: Clip, nth: int, rate: float | None) -> "otio.schema.Clip":
    import opentimelineio as otio

    own = float(clip.rate or 24)
    length = otio.opentime.RationalTime(clip.frames or 0, own)
    shown = length.rescaled_to(rate).floor() if rate and rate != own else length
    whole = otio.opentime.TimeRange(otio.opentime.RationalTime(0, shown.rate), shown)
    media = otio.schema.ExternalReference(target_url=clip.file.as_uri(), available_range=whole)
    media.name = clip.file.name
    made = otio.schema.Clip(name=clip.name, media_reference=media, source_range=whole)
    made.metadata["kling_batch"] = {
        "row": clip.number,
        "id": clip.id,
        "take": clip.take,
        "request_id": clip.request_id,
        "prompt": clip.prompt,
        "note": clip.note,
    }
    made.metadata["cmx_3600"] = {"reel": f"K{nth:0{_REEL - 1}}"}
    first = otio.opentime.TimeRange(
        otio.opentime.RationalTime(0, shown.rate), otio.opentime.RationalTime(1, shown.rate)
    )
    for colour, text in ((otio.schema.MarkerColor.GREEN, clip.prompt), (otio.schema.MarkerColor.YELLOW, clip.note)):
        if told := _one_line(text):
            made.markers.append(otio.schema.Marker(name=told, color=colour, marked_range=first))
    return made


def _one_line(text: str) -> str:
    """A marker is one line, and XML holds no control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _marked(content: bytes, suffix: str) -> bytes:
    """With a line that says who made it, where the form has one for that."""
    match suffix:
        case ".edl":
            return content.rstrip(b"\n") + f"\n* {MADE_BY}\n".encode()
        case ".fcpxml":
            head, _, rest = content.partition(b"?>\n")
            return head + f"?>\n<!-- {MADE_BY} -->\n".encode() + rest
        case _:
            return content


def frame_rate(frames: int, seconds: float) -> Fraction:
    """The rate of so many frames in so many seconds: one that there is, where it is near one."""
    found = frames / seconds
    whole = Fraction(max(1, round(found)))
    near = min([whole, *_COMMON_RATES], key=lambda one: abs(float(one) - found))
    return near if abs(float(near) - found) < 0.02 else Fraction(found).limit_denominator(1001)
