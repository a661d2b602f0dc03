"""Many videos: a few at a time, what fails again later, nothing of the user's overwritten, nothing fetched twice."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from batch.core.video_files import VideoFile, WantedVideo
from batch.downloads import download_queue
from batch.downloads.download_queue import DownloadQueue, relative
from batch.downloads.downloader import Downloader
from tests.support.runs import play_in_line
from tests.support.video_rows import Source


class Store:
    """The ledger's part, in memory: rows of these numbers, each with a video."""

    makes = "video"
    size: int | None = None

    def __init__(self, rows: Sequence[int], planned: Callable[[int], str] = "v{}".format) -> None:
        self.rows = list(rows)
        self.planned = planned
        self.paths: dict[str, tuple[str, str]] = {}
        self.files: dict[str, VideoFile] = {}
        self.failures: dict[str, str] = {}
        self.validators: dict[str, str | None] = {}
        self.most_asked = 0

    async def rows_without_file(self, after: int, limit: int) -> list[int]:
        found = [row for row in sorted(self.rows) if row > after and f"r{row}" not in self.files][:limit]
        self.most_asked = max(self.most_asked, len(found))
        return found

    async def videos_of(self, row: int) -> list[str]:
        return [] if f"r{row}" in self.files else [f"r{row}"]

    async def wanted_video(self, request_id: str) -> WantedVideo | None:
        name, row = request_id, int(request_id[1:])
        if name in self.files:
            return None
        return WantedVideo(
            request_id=name,
            row=row,
            number=row + 1,
            url=f"https://v.example.com/{name}",
            id=None,
            planned=self.planned(row),
            path=self.paths.get(name, ("", None))[1],
            validator=self.validators.get(name),
            makes=self.makes,
            size=self.size,
        )

    async def reserve_path(self, video: WantedVideo, path: str, name_key: str) -> bool:
        taken = any(key == name_key for one, (key, _) in self.paths.items() if one != video.request_id)
        if not taken:
            self.paths[video.request_id] = (name_key, path)
        return not taken

    async def note_validator(self, request_id: str, validator: str | None) -> None:
        self.validators[request_id] = validator

    async def note_file(self, request_id: str, file: VideoFile) -> None:
        assert request_id not in self.files
        self.files[request_id] = file

    async def note_failure(self, request_id: str, reason: str) -> None:
        self.failures[request_id] = reason


def bring(
    tmp_path: Path,
    store: Store,
    source: Source,
    *,
    at_once: int = 4,
    meanwhile: Callable[[DownloadQueue], Awaitable[None]] | None = None,
) -> DownloadQueue:
    """A queue run to its end, on a mock clock."""
    table = tmp_path / "shots.csv"
    table.touch()

    async def night() -> DownloadQueue:
        downloader = Downloader(source, table, store.note_validator)
        queue = DownloadQueue(store, downloader, tmp_path / "videos", tmp_path, at_once, lambda: 0.5)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(queue.run)
            if meanwhile:
                await meanwhile(queue)
            queue.close()
        return queue

    found: DownloadQueue = play_in_line(night)
    return found


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "videos").iterdir())


def test_what_is_missing_comes_down_a_few_at_a_time(tmp_path: Path) -> None:
    """Each once; the list of what is missing is never read far ahead."""
    store, source = Store(range(1, 601)), Source()
    queue = bring(tmp_path, store, source, at_once=3)
    assert len(store.files) == 600
    assert set(source.asked.values()) == {1}
    assert source.most_at_once <= 3
    assert store.most_asked <= download_queue.READ_AHEAD
    assert (queue.tally.brought, queue.tally.failures, queue.tally.under_way) == (600, 0, 0)
    assert names(tmp_path) == sorted(f"v{n}.mp4" for n in range(1, 601))


def test_a_row_that_has_its_video_only_now_comes_down_too(tmp_path: Path) -> None:
    """And is brought once, though it is found in both ways."""
    store, source = Store([1]), Source()

    async def meanwhile(queue: DownloadQueue) -> None:
        for row in (2, 3, 2, 3):
            store.rows.append(row)
            queue.offer(row)
            await anyio.sleep(1)

    bring(tmp_path, store, source, meanwhile=meanwhile)
    assert set(store.files) == {"r1", "r2", "r3"}
    assert set(source.asked.values()) == {1}


def test_a_failure_is_tried_again_and_then_told(tmp_path: Path) -> None:
    """With backoff, for as long as it makes sense; the others do not wait for it."""
    store = Store(range(1, 4))
    source = Source(lambda nth: "HTTP 404" if nth < 4 else None)
    queue = bring(tmp_path, store, source)
    assert set(store.files) == {"r1", "r2", "r3"}
    assert queue.tally.failures == 0
    for_ever = Source(lambda _: "HTTP 410")
    store.files.clear()
    (tmp_path / "videos").rename(tmp_path / "before")
    queue = bring(tmp_path, store, for_ever)
    assert store.failures == dict.fromkeys(("r1", "r2", "r3"), "HTTP 410")
    assert queue.tally.failures == 3
    assert sorted(queue.tally.failed) == ["row 2: HTTP 410", "row 3: HTTP 410", "row 4: HTTP 410"]
    assert set(for_ever.asked.values()) == {download_queue.TRY_AGAIN.tries}


def test_those_that_wait_for_another_try_take_no_place_from_others(tmp_path: Path) -> None:
    """A dozen dead addresses do not hold up the rest."""
    order: list[str] = []

    class Half(Source):
        def video(self, url: str) -> bytes:
            order.append(url)
            return super().video(url)

    store, source = Store(range(1, 25)), Half(lambda nth: "HTTP 503" if nth == 1 else None)
    source._wrong = lambda nth: "HTTP 503" if nth == 1 and len(source.asked) <= 12 else None
    bring(tmp_path, store, source, at_once=2)
    assert len(store.files) == 24
    assert order[0] == "https://v.example.com/r13"


def test_a_file_of_the_users_keeps_its_name_and_its_bytes(tmp_path: Path) -> None:
    """The video gets the next one; also where two rows' names were the same, whatever their case."""
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "boat.mp4").write_text("mine")
    store = Store([1, 2], planned=lambda row: ("boat", "Boat")[row - 1])
    bring(tmp_path, store, Source())
    assert (tmp_path / "videos" / "boat.mp4").read_text() == "mine"
    assert names(tmp_path) == ["Boat.mp4", "boat.mp4", "boat_2.mp4"]
    assert {path for _, path in store.paths.values()} == {
        f"videos/{name}" for name in names(tmp_path) if name != "boat.mp4"
    }


def test_a_file_that_was_put_in_its_place_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """The video had its name first, but it never came."""
    store = Store([1])
    store.paths["r1"] = ("videos/v1.mp4", "videos/v1.mp4")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "v1.mp4").write_text("mine")
    bring(tmp_path, store, Source())
    assert (tmp_path / "videos" / "v1.mp4").read_text() == "mine"
    assert store.paths["r1"][1] == "videos/v1_2.mp4"
    assert "r1" in store.files


def test_a_disk_that_is_full_ends_it_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other video is tried, and nothing is raised: rows go on being bought and brought home."""

    async def full(*_: Any) -> VideoFile:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Downloader, "bring", full)
    store, source = Store(range(1, 500)), Source()
    queue = bring(tmp_path, store, source)
    assert "No space left on device" in queue.stopped
    assert not store.files
    assert len(store.paths) < 100


def test_what_comes_is_called_by_what_it_is(tmp_path: Path) -> None:
    """Its address named no kind, or another one: it is fetched once, and has the ending of its bytes."""

    class Pictures(Source):
        def video(self, url: str) -> bytes:
            return (b"\xff\xd8\xff\xe0" if url.endswith("r1") else b"\x89PNG\r\n\x1a\n").ljust(3000, b"x")

    store, source = Store([1, 2]), Pictures()
    store.makes, store.size = "image", 3000
    queue = bring(tmp_path, store, source)
    assert names(tmp_path) == ["v1.jpg", "v2.png"]
    assert store.paths["r1"][1] == "videos/v1.jpg"
    assert (queue.tally.brought, set(source.asked.values())) == (2, {1})
    assert (tmp_path / "videos" / "v1.jpg").stat().st_size == 3000


def test_what_is_nothing_of_the_kind_is_told(tmp_path: Path) -> None:
    """A video is no picture, and stands under no name."""
    store = Store([1])
    store.makes = "image"
    queue = bring(tmp_path, store, Source())
    assert queue.tally.brought == 0
    assert store.failures == {"r1": "it is a video, and no picture"}
    assert names(tmp_path) == []


def test_a_way_is_told_from_the_tables_folder(tmp_path: Path) -> None:
    """With slashes, also out of it."""
    assert relative(tmp_path / "videos" / "a.mp4", tmp_path) == "videos/a.mp4"
    assert relative(tmp_path.parent / "elsewhere" / "a.mp4", tmp_path) == "../elsewhere/a.mp4"
