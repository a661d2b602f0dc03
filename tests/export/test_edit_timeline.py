"""Timelines: OpenTimelineIO's own reader opens what was written, with every name, length and marker."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from batch.export.clips import MADE_BY
from batch.export.edit_timeline import SUFFIXES, frame_rate, timeline
from tests.export.test_clips import CLIP

otio = pytest.importorskip("opentimelineio")

HOSTILE = 'a <b>boat</b> & "quotes" ]]>\n* LOC: 00:00:00:00\tRED \x1b[2J'


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_own_reader_of_the_field_opens_what_is_written(tmp_path: Path, suffix: str) -> None:
    """In the order that was given; a prompt full of markup is one marker, and nothing else."""
    clips = [
        replace(CLIP, name="s1", file=tmp_path / "s 1.mp4", rate=Fraction(24), prompt=HOSTILE, note="too dark"),
        replace(CLIP, name="s2", file=tmp_path / "s2.mp4", rate=Fraction(24), frames=241, note=""),
    ]
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(timeline(clips, suffix, "cut"))
    assert MADE_BY.encode() in path.read_bytes()
    found = otio.adapters.read_from_file(str(path))
    made = list(found.find_clips())
    assert [one.name for one in made] == ["s1", "s2"]
    assert [one.duration().rescaled_to(24).value for one in made] == [121, 241]
    assert [Path(one.media_reference.target_url).name for one in made] == ["s%201.mp4", "s2.mp4"]
    marks = [[mark.name.casefold() for mark in one.markers] for one in made]
    assert [len(one) for one in marks] == [2, 1]
    assert marks[0][0] == 'a <b>boat</b> & "quotes" ]]> * loc: 00:00:00:00 red [2j'
    assert marks[0][1] == "too dark"


def test_clips_of_other_rates_keep_their_length(tmp_path: Path) -> None:
    """In an EDL, which has one rate for all of them, to the frame below."""
    clips = [replace(CLIP, rate=Fraction(24), file=tmp_path / "a.mp4")]
    clips.append(replace(CLIP, rate=Fraction(30), frames=151, file=tmp_path / "b.mp4"))
    path = tmp_path / "cut.edl"
    path.write_bytes(timeline(clips, ".edl", "cut"))
    found = list(otio.adapters.read_from_file(str(path), rate=24).find_clips())
    assert [one.duration().value for one in found] == [121, 120]


@pytest.mark.parametrize(
    ("frames", "seconds", "rate"),
    [(121, 121 / 24, 24), (150, 5.005, Fraction(30000, 1001)), (120, 5.0, 24), (100, 4, 25), (7, 2, Fraction(7, 2))],
)
def test_a_rate_is_one_that_there_is_where_it_is_near_one(frames: int, seconds: float, rate: Fraction | int) -> None:
    """Times in files are rounded."""
    assert frame_rate(frames, seconds) == rate
