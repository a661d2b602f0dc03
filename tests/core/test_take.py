"""Takes: what is known of each."""

from dataclasses import FrozenInstanceError

import pytest

from batch.core.take import Take


def test_a_take_never_changes() -> None:
    """What was made stays what it is, whatever is made after it."""
    take = Take(1, 1, "r1", "https://v", None, 490_000, 2.0, 3.0, chosen=True)
    with pytest.raises(FrozenInstanceError):
        take.number = 2  # type: ignore[misc]
