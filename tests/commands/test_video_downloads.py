"""Videos that come down beside a run: as soon as a row has its own, and never in its way."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import current_time

from batch.commands.batch import Batch
from batch.commands.rerun import Selection
from batch.commands.run import Surroundings, run
from batch.core.run_options import RunOptions
from batch.errors import Exit, UsageError
from batch.ledger.ledger import Ledger
from batch.reports.outcome import Outcome
from tests.support.runs import a_service, play_in_line, reaching
from tests.support.sheets import batch
from tests.support.simulated import EPOCH, Service
from tests.support.video_rows import Source

SHOTS = "id,prompt,image\n" + "".join(f"s{n},shot {n},https://x.y/{n}.png\n" for n in range(12))


def run_videos(
    given: Batch, service: Service, source: Source, said: list[str] | None = None, **options: Any
) -> Outcome:
    """One run whose videos come down from this source, on a mock clock."""
    around = Surroundings(
        connect=reaching(service),
        now=lambda: EPOCH + current_time(),
        rand=lambda: 0.5,
        show_progress=False,
        open_media=source.opened(),  # type: ignore[arg-type]
    )
    told = RunOptions(**{"concurrency": 4, "download": "", **options})
    say = (said if said is not None else []).append
    outcome: Outcome = play_in_line(lambda: run(given, told, say, None, around))
    return outcome


def cells(given: Batch, name: str) -> list[str]:
    with given.manifest.path.open(newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def test_every_video_is_a_file_and_the_table_says_which(tmp_path: Path) -> None:
    """Beside the table, called as its pictures; nothing is bought for it, nothing fetched twice."""
    given, service, source = batch(tmp_path, SHOTS), a_service(), Source()
    outcome = run_videos(given, service, source)
    assert outcome.exit_code is Exit.DONE
    assert cells(given, "video_path") == [f"shots.csv.videos/{n}.mp4" for n in range(12)]
    for url, path in zip(cells(given, "video_url"), cells(given, "video_path"), strict=True):
        assert (tmp_path / path).read_bytes() == source.video(url)
    assert set(source.asked.values()) == {1}
    assert service.asked["submit"] == 12
    assert "12 videos brought down to" in outcome.text()
    again = run_videos(given, service, source)
    assert (again.exit_code, service.asked["submit"], sum(source.asked.values())) == (Exit.DONE, 12, 12)


def test_the_night_is_as_long_as_it_was_and_nobody_is_asked_more(tmp_path: Path) -> None:
    """Downloads take no slot and no question."""
    plain, slow = a_service(), a_service()
    there, here = batch(tmp_path, SHOTS, "plain.csv"), batch(tmp_path, SHOTS)
    run_videos(there, plain, Source(), download=None)
    run_videos(here, slow, Source(lambda nth: "HTTP 503" if nth < 3 else None))
    assert slow.asked == plain.asked
    assert sum(slow.lags) / 12 == pytest.approx(sum(plain.lags) / 12, rel=0.1)


def test_videos_that_do_not_come_are_told_and_buy_nothing(tmp_path: Path) -> None:
    """Exit 3: something is left; the next run, or `download`, brings them."""
    given, service, said = batch(tmp_path, SHOTS), a_service(), []
    outcome = run_videos(given, service, Source(lambda _: "HTTP 403"), said)
    assert outcome.exit_code is Exit.STOPPED_EARLY
    assert outcome.standing.at_fal == 0
    assert outcome.spent_now == 12 * 490_000
    assert "12 videos have not come down yet" in outcome.text()
    assert "HTTP 403" in outcome.text()
    assert outcome.next_command == f"kling-batch download {given.manifest.path}"
    assert outcome.json()["videos"]["missing"] == 12
    assert cells(given, "video_path") == [""] * 12
    assert all(cells(given, "video_url"))
    source = Source()
    again = run_videos(given, service, source)
    assert again.exit_code is Exit.DONE
    assert service.asked["submit"] == 12
    assert len(source.asked) == 12


def test_names_in_common_are_refused_before_anything_is_bought(tmp_path: Path) -> None:
    """And leave nothing behind."""
    given, service = batch(tmp_path, SHOTS), a_service()
    with pytest.raises(UsageError, match="would all be called x"):
        run_videos(given, service, Source(), name="x")
    assert service.asked["submit"] == 0


def test_the_folder_and_the_names_that_were_said_hold_until_others_are_said(tmp_path: Path) -> None:
    """Rows that come later go to the same place."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_videos(given, service, Source(), download=str(tmp_path / "clips"), name="{id}")
    assert cells(given, "video_path")[0] == "clips/s0.mp4"
    with given.manifest.path.open("a") as file:
        file.write("late,late shot,https://x.y/late.png" + "," * 12 + "\n")
    run_videos(given, service, Source())
    assert cells(given, "video_path")[-1] == "clips/late.mp4"


def test_results_elsewhere_name_the_files_from_there(tmp_path: Path) -> None:
    """A path in a table counts from that table."""
    (tmp_path / "out").mkdir()
    given = batch(tmp_path, SHOTS)
    target = tmp_path / "out" / "results.csv"
    given = replace(given, target=target, manifest=replace(given.manifest, reads_own=False))
    run_videos(given, a_service(), Source())
    lines = target.read_text().splitlines()
    at = lines[0].split(",").index("video_path")
    assert lines[1].split(",")[at] == "results.csv.videos/0.mp4"
    assert (target.parent / lines[1].split(",")[at]).exists()


def test_a_video_that_is_bought_again_has_a_file_of_its_own(tmp_path: Path) -> None:
    """The first one stays; the table names the new one."""
    given, service, source = batch(tmp_path, SHOTS), a_service(), Source()
    run_videos(given, service, source)
    given.manifest.path.write_text(given.manifest.path.read_text().replace("shot 3,", "another 3,"))
    around = Surroundings(
        connect=reaching(service),
        now=lambda: EPOCH + current_time(),
        rand=lambda: 0.5,
        show_progress=False,
        open_media=source.opened(),  # type: ignore[arg-type]
    )
    mark = Selection(failed=False, stale=True).mark
    play_in_line(lambda: run(given, RunOptions(concurrency=4, download=""), lambda _: None, mark, around))
    assert cells(given, "video_path")[3] == "shots.csv.videos/3_take2.mp4"
    assert (tmp_path / "shots.csv.videos" / "3.mp4").exists()
    with Ledger.read(given.ledger) as ledger:
        assert ledger.db.execute("SELECT COUNT(*) FROM video_file").fetchone() == (13,)


def test_a_run_that_is_over_by_its_time_leaves_the_rest_to_the_next_one(tmp_path: Path) -> None:
    """What has come so far stays."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_videos(given, service, Source(lambda _: "HTTP 403"))
    outcome = run_videos(given, service, Source(lambda nth: "HTTP 503" if nth < 7 else None), max_seconds=10)
    assert outcome.exit_code is Exit.STOPPED_EARLY
    assert outcome.videos
    assert outcome.videos.missing == 12
