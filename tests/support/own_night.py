"""A night of a test's own: no other test's purchases stand in its account's book."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.night import Night, night


@pytest.fixture(name="now")
def own_night(tmp_path: Path) -> Iterator[Night]:
    """A service, and a folder beside which the book has its own."""
    home = tmp_path / "home"
    home.mkdir()
    with night(home) as one:
        yield one
