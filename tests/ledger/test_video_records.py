"""What the ledger knows of videos and their files."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from batch.core import states
from batch.core.jobs import Jobs
from batch.core.states import State
from batch.core.video_files import KeptVideo, VideoFile
from batch.ledger.async_ledger import async_ledger, in_line
from batch.ledger.ledger import Ledger
from batch.ledger.result_rows import enrolled_rows
from batch.ledger.snapshot import last_event
from batch.ledger.video_records import (
    PlannedName,
    VideoRecords,
    forget_file,
    kept_videos,
    name_collisions,
    named_rows,
    plan_names,
    rename_doubled,
    videos_without_file,
)
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.simulated import play
from tests.support.video_rows import succeed, with_videos

FILE = VideoFile(3000, "ab" * 32)


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    given = with_videos(tmp_path, ["a", "", "c"])
    with Ledger.open(given.ledger) as opened:
        yield opened


def asked(ledger: Ledger, check: Callable[[VideoRecords], Awaitable[Any]]) -> Any:
    async def ask() -> Any:
        async with async_ledger(ledger, in_line) as store:
            return await check(VideoRecords(ledger, store, Jobs(JOB), lambda: 2e9))

    return play(ask)


def test_what_is_missing_is_listed_piece_by_piece(ledger: Ledger) -> None:
    """In the order of the rows; what has come down is not among it, nor what has no video."""

    async def check(records: VideoRecords) -> None:
        assert await records.rows_without_file(0, 2) == [1, 2]
        assert await records.rows_without_file(2, 2) == [3]
        video = await records.wanted_video("r2")
        assert video
        assert await records.reserve_path(video, "v/b.mp4", "v/b.mp4")
        await records.note_file("r2", FILE)
        assert await records.rows_without_file(0, 9) == [1, 3]
        assert await records.wanted_video("r2") is None

    asked(ledger, check)
    assert videos_without_file(ledger) == 2
    assert list(kept_videos(ledger)) == [KeptVideo("r2", 2, 3, "v/b.mp4", 3000, FILE.sha256)]
    forget_file(ledger, "r2")
    assert videos_without_file(ledger) == 3
    assert list(kept_videos(ledger)) == []


def test_a_wanted_video_is_told_with_all_that_is_known_of_it(ledger: Ledger) -> None:
    """Its size as fal says, its length as it was bought, its name as it was planned."""
    ledger.apply(1, states.again(State.SUCCEEDED, 1e9))
    ledger.db.execute("UPDATE row SET arguments = json_set(arguments, '$.duration', '10') WHERE id = 1")
    succeed(ledger, 1, "r9", "https://v/9", '{"video": {"url": "https://v/9", "file_size": 77}}')
    plan_names(ledger, [PlannedName(1, 2, "boat", "boat")])

    async def check(records: VideoRecords) -> None:
        assert await records.videos_of(1) == ["r9", "r1"]
        video = await records.wanted_video("r9")
        assert video
        assert (video.request_id, video.number, video.url, video.size, video.seconds) == (
            "r9",
            2,
            "https://v/9",
            77,
            10.0,
        )
        assert (video.id, video.planned, video.take, video.path) == ("a", "boat", 2, None)
        other = await records.wanted_video("r2")
        assert other
        assert (other.id, other.planned, other.take, other.size, other.seconds) == (None, None, 1, None, 5.0)
        before = await records.wanted_video("r1")
        assert before
        assert (before.id, before.planned, before.take, before.seconds) == ("a", "boat", 1, None)

    asked(ledger, check)


def test_a_path_is_one_videos_for_good(ledger: Ledger) -> None:
    """Also one that differs in case; the video itself may take another one."""

    async def check(records: VideoRecords) -> None:
        one, two = await records.wanted_video("r1"), await records.wanted_video("r2")
        assert one
        assert two
        assert await records.reserve_path(one, "v/Boat.mp4", "v/boat.mp4")
        assert not await records.reserve_path(two, "v/boat.mp4", "v/boat.mp4")
        await records.note_validator("r1", '"etag"')
        known = await records.wanted_video("r1")
        assert known
        assert (known.path, known.validator) == ("v/Boat.mp4", '"etag"')
        assert await records.reserve_path(known, "v/Boat_2.mp4", "v/boat_2.mp4")
        known = await records.wanted_video("r1")
        assert known
        assert (known.path, known.validator) == ("v/Boat_2.mp4", None)
        await records.note_failure("r1", "HTTP 404")
        assert await records.wanted_video("r1")

    asked(ledger, check)
    assert ledger.db.execute("SELECT error FROM video_file").fetchall() == [("HTTP 404",)]


def test_a_file_is_an_event_and_is_shown(ledger: Ledger) -> None:
    """So the table is written anew, and says where it is; once there is a newer take it is of that one."""
    before = last_event(ledger)

    async def check(records: VideoRecords) -> None:
        video = await records.wanted_video("r1")
        assert video
        await records.reserve_path(video, "v/a.mp4", "v/a.mp4")
        await records.note_file("r1", FILE)

    asked(ledger, check)
    assert ledger.db.execute("SELECT row, at, old, new, detail FROM event WHERE seq > ?", (before,)).fetchall() == [
        (1, 2e9, "succeeded", "succeeded", "v/a.mp4")
    ]
    assert [row.video_path for row in enrolled_rows(ledger)] == ["v/a.mp4", None, None]
    ledger.apply(1, states.again(State.SUCCEEDED, 3e9))
    assert [row.video_path for row in enrolled_rows(ledger)] == ["v/a.mp4", None, None]
    succeed(ledger, 1, "r9", "https://v/9")
    assert [row.video_path for row in enrolled_rows(ledger)] == [None, None, None]
    assert videos_without_file(ledger) == 3


def test_names_in_common_are_found_and_told_apart(ledger: Ledger) -> None:
    """By the rows as the spreadsheet numbers them."""
    rows = list(named_rows(ledger))
    assert [(row.row, row.place, row.number, row.id) for row in rows] == [(1, 0, 2, "a"), (2, 1, 3, ""), (3, 2, 4, "c")]
    assert rows[0].arguments["prompt"] == "shot a"
    plan_names(ledger, [PlannedName(row.row, row.number, f"x{row.number % 2}", f"x{row.number % 2}") for row in rows])
    assert name_collisions(ledger, 9) == [("x0", [2, 4])]
    rename_doubled(ledger, lambda number, name: f"{name}_{number}", str.casefold)
    assert name_collisions(ledger, 9) == []
    plan_names(ledger, [])
    assert name_collisions(ledger, 9) == []
