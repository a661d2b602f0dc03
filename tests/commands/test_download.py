"""`download`: what is missing comes, what is there is left alone, and nobody is asked for a key."""

from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from batch.commands.batch import Batch
from batch.commands.download import DownloadOptions, download_batch
from batch.core import states
from batch.core.states import State
from batch.errors import Exit, LedgerBusy, LedgerError, UsageError
from batch.ledger.file import locked
from batch.ledger.ledger import Ledger
from batch.reports.outcome import Outcome
from tests.support.sheets import SHOTS, batch
from tests.support.video_rows import Source, with_videos

REMEDY = ": remove it, and `download` brings it again"


def download(given: Batch, source: Source, said: list[str] | None = None, **options: Any) -> Outcome:
    say = (said if said is not None else []).append
    told = DownloadOptions(**options)
    return download_batch(given, told, say, open_media=source.opened(), rand=lambda: 0.0)  # type: ignore[arg-type]


def test_what_is_missing_comes_down_and_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    """The table names the files then; a file that is gone comes again, to the same place."""
    given, source = with_videos(tmp_path), Source()
    outcome = download(given, source)
    assert outcome.exit_code is Exit.DONE
    assert sorted(path.name for path in (tmp_path / "shots.csv.videos").iterdir()) == ["0.mp4", "1.mp4", "2.mp4"]
    assert "shots.csv.videos/1.mp4" in given.manifest.path.read_text()
    assert set(source.asked.values()) == {1}
    (tmp_path / "shots.csv.videos" / "1.mp4").unlink()
    download(given, source)
    assert sorted(source.asked.values()) == [1, 1, 2]
    assert (tmp_path / "shots.csv.videos" / "1.mp4").exists()


def test_rows_at_fal_of_a_model_that_is_not_known_here_are_told_of(tmp_path: Path) -> None:
    """As by every other command; nothing is fetched."""
    given, source = with_videos(tmp_path), Source()
    with Ledger.open(given.ledger) as ledger:
        ledger.apply(1, states.again(State.SUCCEEDED, 2e9))
        ledger.apply(1, states.claimed(2e9, None, 1))
        ledger.db.execute("UPDATE endpoint SET name = 'fal-ai/gone' WHERE name <> ''")
    with pytest.raises(UsageError, match="kling-batch model add fal-ai/gone"):
        download(given, source)
    assert not source.asked


def test_what_is_no_longer_as_it_came_is_told_and_left_alone(tmp_path: Path) -> None:
    """Only where it is asked for: somebody may have cut it. Once it is removed it comes again."""
    given, source, said = with_videos(tmp_path), Source(), []
    download(given, source)
    cut, other = (tmp_path / "shots.csv.videos" / f"{n}.mp4" for n in (0, 1))
    cut.write_bytes(b"cut by hand")
    other.write_bytes(bytes(3000))
    assert download(given, source, said).exit_code is Exit.DONE
    assert said == []
    outcome = download(given, source, said, verify=True)
    assert outcome.exit_code is Exit.STOPPED_EARLY
    assert cut.read_bytes() == b"cut by hand"
    assert [line for line in said if "not what was brought down" in line] == [
        f"row 2: {cut} is not what was brought down (11 bytes, and it had 3,000){REMEDY}",
        f"row 3: {other} is not what was brought down (other bytes){REMEDY}",
    ]
    assert outcome.json()["videos"]["damaged"] == 2
    cut.unlink()
    other.unlink()
    assert download(given, source, verify=True).exit_code is Exit.DONE


def test_a_folder_and_names_may_be_said(tmp_path: Path) -> None:
    """With any column of the table."""
    given = with_videos(tmp_path)
    download(given, Source(), folder=str(tmp_path / "clips"), name="{column:id}_{row:04}")
    assert sorted(path.name for path in (tmp_path / "clips").iterdir()) == ["a_0002.mp4", "b_0003.mp4", "c_0004.mp4"]


def test_videos_of_a_table_that_is_gone_come_down_all_the_same(tmp_path: Path) -> None:
    """From the ledger alone; the table cannot be written, which is said."""
    given = with_videos(tmp_path)
    given.manifest.path.unlink()
    outcome = download(given, Source())
    assert len(list((tmp_path / "shots.csv.videos").iterdir())) == 3
    assert outcome.unwritten


def test_without_a_ledger_or_beside_a_run_nothing_is_done(tmp_path: Path) -> None:
    """One process at a time has the ledger."""
    with pytest.raises(LedgerError, match="nothing was run"):
        download(batch(tmp_path, SHOTS, "other.csv"), Source())
    given, source = with_videos(tmp_path), Source()
    with locked(given.ledger), pytest.raises(LedgerBusy):
        download(given, source)
    assert not source.asked


def test_whatever_fails_is_told_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3, and the same command again goes on."""
    monkeypatch.setattr("anyio.sleep", lambda _: to_thread.run_sync(int))
    given = with_videos(tmp_path)
    outcome = download(given, Source(lambda _: "HTTP 410"))
    assert outcome.exit_code is Exit.STOPPED_EARLY
    assert "row 2: HTTP 410" in outcome.text(run=False)
    assert outcome.next_command == f"kling-batch download {given.manifest.path}"
