"""Ledgers to test with: files of their own, as a run opens them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batch.ledger.ledger import Ledger
from tests.support.enrolled_tables import EnrolledTable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shots.csv.ledger"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as opened:
        yield opened


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., EnrolledTable]]:
    made: list[EnrolledTable] = []

    def batch(rows: int, **how: str) -> EnrolledTable:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(EnrolledTable(folder, rows, **how))
        return made[-1]

    yield batch
    for one in made:
        one.ledger.close()
