"""Clips: what is known of each."""

from pathlib import Path

import pytest

from batch.export.clips import Clip

CLIP = Clip("s1", Path("/v/s1.mp4"), 2, "s1", 1, "r1", "a boat", "", 121, None, 5.04)


def test_a_clip_never_changes() -> None:
    """It is handed from part to part."""
    with pytest.raises(AttributeError):
        CLIP.take = 2  # type: ignore[misc]
