"""Whether a folder can hold a ledger is tried, and nothing of it stays."""

import sqlite3
from pathlib import Path

import pytest

from batch.ledger.file_system import cannot_hold_ledger


def test_a_local_disk_can(tmp_path: Path) -> None:
    """And is left as it was."""
    assert cannot_hold_ledger(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_keeps_nobody_out_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on some network drives."""
    monkeypatch.setattr("filelock.FileLock.acquire", lambda *_, **__: None)
    assert cannot_hold_ledger(tmp_path) == "a lock there keeps nobody out"


def test_a_disk_on_which_sqlite_fails_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its reason."""

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(sqlite3, "connect", fail)
    assert cannot_hold_ledger(tmp_path) == "SQLite cannot work there (disk I/O error)"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Of the system's."""
    with pytest.raises(OSError, match="none"):
        cannot_hold_ledger(tmp_path / "none")
