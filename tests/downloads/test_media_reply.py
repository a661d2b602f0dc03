"""Why media may not be had: an address that is refused is not asked again, all else is."""

from batch.downloads.media_reply import BLOCK, MediaError, RefusedAddress


def test_a_refusal_is_a_failure_of_its_own_kind() -> None:
    """Whoever handles failures handles it, too."""
    assert issubclass(RefusedAddress, MediaError)
    assert not issubclass(MediaError, OSError)  # which would mean the disk
    assert BLOCK == 1 << 18  # what a kill may lose of each that is under way
