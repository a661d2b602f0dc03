"""What every table does."""

from pathlib import Path

import pytest

from batch.table import TableChanged
from tests.support.csv_files import opened, put


def test_reading_notices_that_the_file_was_replaced(tmp_path: Path) -> None:
    """Records never come from another file than the one that was opened."""
    table = opened(tmp_path, b"a,b\n1,2\n")
    assert table.unchanged()
    put(tmp_path, b"a,b\n1,2\n3,4\n")
    assert not table.unchanged()
    with pytest.raises(TableChanged):
        list(table.records())
