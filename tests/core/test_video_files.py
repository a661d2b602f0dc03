"""Videos as files: the ledger keeps what the downloads ask for."""

import pytest

from batch.core.video_files import VideosBrought, VideoStore
from batch.ledger.video_records import VideoRecords
from tests.support.protocols import methods, signature


@pytest.mark.parametrize("name", methods(VideoStore))
def test_the_ledger_has_every_method_that_is_asked_of_it(name: str) -> None:
    """Same parameters in the same order, same types, awaited alike."""
    assert signature(getattr(VideoRecords, name)) == signature(methods(VideoStore)[name])


def test_of_nothing_nothing_is_told() -> None:
    """Counts are zero where nothing was tried."""
    brought = VideosBrought(folder="shots.csv.videos")
    assert (brought.brought, brought.bytes, brought.missing, brought.reasons) == (0, 0, 0, ())
