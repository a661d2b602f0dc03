"""Videos by way of workers: streamed and resumed, or straight into a folder that all see; whatever dies meanwhile."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from batch.core.video_files import VideoFile, WantedVideo
from batch.downloads.downloader import Downloader, NameTaken, part_of
from batch.downloads.media_client import MediaClient
from batch.downloads.media_reply import MediaError, RefusedAddress
from batch.workers.pooled_media import PooledMedia, SharedDownloader
from batch.workers.row_worker import PIECE
from tests.support.media_server import MediaServer, Wrong, serving, trusted
from tests.support.mp4_files import an_mp4
from tests.support.simulated import Service, service_queue
from tests.support.simulated_workers import SimulatedHost, pooled

VIDEO = an_mp4(3 * PIECE)
FACTS = VideoFile(len(VIDEO), hashlib.sha256(VIDEO).hexdigest())


class Try:
    """A server, workers that fetch from it, and a downloader of a run."""

    def __init__(self, folder: Path, server: MediaServer, host: SimulatedHost, pool: Any) -> None:
        self.server, self.host, self.pool = server, host, pool
        self.target = folder / "v.mp4"
        self.table = folder / "shots.csv"
        self.table.touch()
        self.validator: str | None = None

    async def _keep(self, _request_id: str, validator: str | None) -> None:
        self.validator = validator

    def wanted(self, **what: Any) -> WantedVideo:
        given = {"size": len(VIDEO), "seconds": 5.0, "url": self.server.url("/v.mp4")} | what
        return WantedVideo(request_id="r1", row=1, number=2, id="s1", planned="v", **given)

    async def bring(self, **what: Any) -> VideoFile:
        downloader = Downloader(PooledMedia(self.pool), self.table, self._keep)
        return await downloader.bring(self.wanted(**what), self.target, self.validator)

    async def bring_shared(self, **what: Any) -> VideoFile:
        downloader = SharedDownloader(PooledMedia(self.pool), self.table, self._keep, self.pool)
        return await downloader.bring(self.wanted(**what), self.target, None)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.target.parent.iterdir())


def trying(tmp_path: Path, check: Callable[[Try], Awaitable[None]], workers: int = 1) -> None:
    async def both() -> None:
        async with (
            serving({"/v.mp4": VIDEO}) as server,
            MediaClient(trusted(), public_only=False) as client,
        ):
            host = SimulatedHost(Service(service_queue(1, 1.0)), start_seconds=0.0, media=client)
            async with pooled(host, workers) as (pool, _):
                await check(Try(tmp_path, server, host, pool))

    asyncio.run(both())


def test_a_video_comes_by_way_of_a_worker(tmp_path: Path) -> None:
    """In pieces; checked and named by the run, as its own are."""

    async def check(one: Try) -> None:
        assert await one.bring() == FACTS
        assert one.target.read_bytes() == VIDEO
        assert one.host.named("w1").asked.count("next_piece") == 4
        with anyio.fail_after(5):
            while "close_video" not in one.host.named("w1").asked:  # noqa: ASYNC110 - it has no event of ours
                await anyio.sleep(0.01)

    trying(tmp_path, check)


def test_a_video_whose_worker_dies_is_gone_on_with_by_another(tmp_path: Path) -> None:
    """From where it was: what has come is kept."""

    async def check(one: Try) -> None:
        async with PooledMedia(one.pool).get(one.server.url("/v.mp4")) as reply:
            come = await anext(reply.blocks)
            next(worker for worker in one.host.workers if "open_video" in worker.asked).kill()
            with pytest.raises(MediaError, match="was lost"):
                await anext(reply.blocks)
        assert PIECE <= len(come) < 2 * PIECE
        part_of(one.target).write_bytes(come)
        one.validator = reply.validator
        assert await one.bring() == FACTS
        assert one.server.asked[-1].headers.get("range") == f"bytes={len(come)}-"
        assert one.target.read_bytes() == VIDEO

    trying(tmp_path, check, workers=2)


def test_what_a_server_does_wrong_is_told_as_ever(tmp_path: Path) -> None:
    """A status, and an address that is refused for good."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [Wrong(status=503)]
        with pytest.raises(MediaError, match="HTTP 503"):
            await one.bring()
        with pytest.raises(RefusedAddress):
            await one.bring(url="ftp://example.com/v.mp4")

    trying(tmp_path, check)


def test_a_video_is_written_where_it_is_to_be_by_a_worker_that_sees_the_folder(tmp_path: Path) -> None:
    """Fetched and checked there; no byte of it comes by the run, which gives it its name."""

    async def check(one: Try) -> None:
        (one.target.parent / "v.mp4.0000.part").write_bytes(b"of a try that was killed")
        assert await one.bring_shared() == FACTS
        assert one.target.read_bytes() == VIDEO
        assert one.files == ["shots.csv", "v.mp4"]
        assert "next_piece" not in one.host.named("w1").asked
        assert await one.bring_shared() == FACTS  # it is there: nothing is fetched
        assert one.host.named("w1").asked.count("fetch_to") == 1
        one.target.write_bytes(b"of the user's")
        with pytest.raises(NameTaken):
            await one.bring_shared()

    trying(tmp_path, check)


def test_what_did_not_come_whole_leaves_nothing_in_the_shared_folder(tmp_path: Path) -> None:
    """Nor does a worker that dies at it."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [Wrong(status=503)]
        with pytest.raises(MediaError, match="HTTP 503"):
            await one.bring_shared()
        with pytest.raises(MediaError, match="fal says the video has 7"):
            await one.bring_shared(size=7)
        assert one.files == ["shots.csv"]

        async def kill() -> None:
            await anyio.sleep(0.03)
            one.host.named("w1").kill()

        one.server.wrong["/v.mp4"] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill)
            with pytest.raises(MediaError, match="was lost"):
                await one.bring_shared()
        assert one.files == ["shots.csv"]

    trying(tmp_path, check)


def test_a_folder_that_is_not_shared_after_all_is_noticed(tmp_path: Path) -> None:
    """What a worker says it has written is not there."""

    async def check(one: Try) -> None:
        worker = one.host.named("w1")

        async def call(name: str, *arguments: Any) -> Any:
            return FACTS if name == "fetch_to" else await type(worker).call(worker, name, *arguments)

        worker.call = call  # type: ignore[method-assign]
        with pytest.raises(MediaError, match="is the folder really shared"):
            await one.bring_shared()
        assert one.files == ["shots.csv"]

    trying(tmp_path, check)
