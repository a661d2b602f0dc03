"""Which pictures were uploaded with a key: each once, for all tables, while fal has it."""

from contextlib import closing
from pathlib import Path

import pytest

from batch.account.book_file import open_book_file
from batch.account.upload_records import CLAIMED_SECONDS, LEFT_SECONDS, UploadRecords
from batch.core.upload_book import KnownUpload

NOW = 1_800_000_000.0
DAY = 86_400.0
URL = "https://v3.fal.media/files/a.png"


def records(folder: Path) -> UploadRecords:
    return UploadRecords(folder / "an.book")


def test_what_one_run_has_uploaded_the_next_one_knows(tmp_path: Path) -> None:
    """On whatever connection, until it is forgotten."""
    with records(tmp_path) as one, records(tmp_path) as other:
        assert one.known("a", NOW) is None
        assert one.claim("a", NOW)
        one.keep("a", URL, NOW, None)
        assert other.known("a", NOW + 999 * DAY) == KnownUpload(URL, NOW, None)
        assert other.known("b", NOW) is None
        other.prove("a", NOW + DAY)
        assert one.known("a", NOW) == KnownUpload(URL, NOW + DAY, None)
        one.forget("a")
        assert other.known("a", NOW) is None


def test_two_runs_do_not_upload_the_same_picture_at_once(tmp_path: Path) -> None:
    """The second waits; a run that was killed over it is waited for a minute."""
    with records(tmp_path) as one, records(tmp_path) as other:
        assert one.claim("a", NOW)
        assert not other.claim("a", NOW + CLAIMED_SECONDS - 1)
        assert not one.claim("a", NOW + 1)
        assert other.known("a", NOW) is None
        one.keep("b", URL, NOW, None)
        assert not other.claim("b", NOW + 1e6)  # it was uploaded between the two questions
        assert other.claim("a", NOW + CLAIMED_SECONDS + 1)
        other.forget("a")
        assert one.claim("a", NOW)


def test_a_picture_that_expires_soon_is_uploaded_anew(tmp_path: Path) -> None:
    """A request may wait for hours before its image is fetched; where all it had was less, half of it is enough."""
    with records(tmp_path) as one:
        one.keep("a", URL, NOW, NOW + 6 * DAY)
        assert one.known("a", NOW + 5 * DAY) is not None
        assert one.known("a", NOW + 6 * DAY - LEFT_SECONDS + 1) is None
        assert one.claim("a", NOW + 6 * DAY)
        one.keep("b", URL, NOW, NOW + 3600)
        assert one.known("b", NOW + 1700) is not None
        assert one.known("b", NOW + 1900) is None


def test_a_book_of_before_is_brought_up_to_date(tmp_path: Path) -> None:
    """Nothing is lost of it."""
    with closing(open_book_file(tmp_path / "an.book")) as older:
        older.executescript("DROP TABLE upload; DROP TABLE learnt; DROP TABLE run; PRAGMA user_version = 2;")
    with records(tmp_path) as one:
        assert one.claim("a", NOW)
        assert not one.claim("a", NOW)


def test_without_a_book_nothing_is_known_and_it_is_said_once(tmp_path: Path) -> None:
    """A disk that is full costs an upload, not the night."""
    said: list[str] = []
    (tmp_path / "file").write_text("")
    with UploadRecords(tmp_path / "file" / "an.book", said.append) as one:
        for _ in range(2):
            assert one.known("a", NOW) is None
            assert one.claim("a", NOW)
            one.keep("a", URL, NOW, None)
    assert len(said) == 1
    assert "uploaded again" in said[0]


@pytest.mark.parametrize("back", [-1e6, 1e6])
def test_a_clock_that_was_set_does_not_block_a_picture(tmp_path: Path, back: float) -> None:
    """Neither way."""
    with records(tmp_path) as one:
        assert one.claim("a", NOW)
        assert one.claim("a", NOW + back)
