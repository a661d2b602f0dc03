"""Small files: whole or not at all, never wider open than the table."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from batch.report_page.small_files import write_small


def test_a_file_is_replaced_and_as_private_as_the_table(tmp_path: Path) -> None:
    """Nothing is left beside it."""
    table = tmp_path / "shots.csv"
    table.write_text("prompt\n")
    table.chmod(0o600)
    for data in (b"one", b"two"):
        write_small(tmp_path / "a.json", data, table)
        assert (tmp_path / "a.json").read_bytes() == data
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "shots.csv"]


def test_several_may_write_the_same_at_once(tmp_path: Path) -> None:
    """Copies of equal pictures have one name."""
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda n: write_small(tmp_path / "a.jpg", bytes(1000), tmp_path / "a.jpg"), range(200)):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """Where a folder stands in its place."""
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OSError, match=r"a\.json"):
        write_small(tmp_path / "a.json", b"one", tmp_path / "gone.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
