"""Brings videos down beside all else: a few at a time, each tried again with backoff."""

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from batch.core.retry import Retry, backoff
from batch.core.video_files import VideoFile, VideoStore, WantedVideo
from batch.downloads.downloader import Downloader, NameTaken, OtherEnding, part_of
from batch.downloads.file_names import finished, fit, name_key, safe
from batch.downloads.made_files import likely_ending
from batch.downloads.media_reply import MediaError, RefusedAddress
from batch.files.permissions import make_folder_like

TRY_AGAIN = Retry(tries=8, base=1.0, ceiling=60.0)
"""Tries in a row that bring no byte more than those before."""
SECONDS_EACH = 3600.0
"""The longest time for one video in one run."""
WAITING_EACH = 16
"""Videos that wait for another try, for each that is fetched at a time."""
READ_AHEAD = 256
NAMES = 10_000
"""Names that are tried where all before are another's."""


@dataclass(slots=True)
class DownloadTally:
    """Counts of this run."""

    brought: int = 0
    bytes: int = 0
    failed: list[str] = field(default_factory=list)
    """What is told of each that did not come; the first ones."""
    failures: int = 0
    under_way: int = 0

    def fail(self, told: str) -> None:
        self.failures += 1
        if len(self.failed) < 5:
            self.failed.append(told)


class DownloadQueue:
    """The videos of one ledger that have not come down yet, and those that join them.

    Args:
        folder: where they go.
        base: the folder that their paths count from: the table's.
        at_once: fetched at a time.
        rand: gives chance, for backoff.
        retry: how often and after how long each is tried again.
    """

    def __init__(
        self,
        store: VideoStore,
        downloader: Downloader,
        folder: Path,
        base: Path,
        at_once: int,
        rand: Callable[[], float],
        retry: Retry = TRY_AGAIN,
    ) -> None:
        self.tally = DownloadTally()
        self._store = store
        self._downloader = downloader
        self._folder = folder
        self._base = base
        self._rand = rand
        self._retry = retry
        self._fetching = anyio.CapacityLimiter(at_once)
        self._begun = anyio.Semaphore(at_once * WAITING_EACH)
        self._fresh: deque[int] = deque()
        self._old: deque[int] = deque()
        self._after, self._left = 0, True
        """How far what earlier runs have left was read, and whether there may be more."""
        self._seen: set[str] = set()
        """Requests whose videos are being brought, were brought, or were given up in this run."""
        self._news = anyio.Event()
        self._closed = False
        self.stopped = ""
        """Why nothing more can be brought down: no room on the disk, say."""

    def offer(self, row: int) -> None:
        """A row has its video now."""
        self._fresh.append(row)
        self._news.set()

    def close(self) -> None:
        """No row will have one any more: `run` ends when all are brought, or given up."""
        self._closed = True
        self._news.set()

    async def run(self) -> None:
        """Brings what is missing, then what is offered, until it is closed and all is done. May be cancelled."""
        async with anyio.create_task_group() as tasks:
            while (row := await self._next()) is not None:
                await self._begun.acquire()
                tasks.start_soon(self._one, row, name=f"video of row {row}")

    async def _next(self) -> int | None:
        """New ones first, for their addresses are good; between them what earlier runs have left. None: no more."""
        while not self.stopped:
            if self._fresh:
                return self._fresh.popleft()
            if self._old:
                return self._old.popleft()
            if self._left:
                found = await self._store.rows_without_file(self._after, READ_AHEAD)
                self._old.extend(found)
                self._left, self._after = bool(found), max(found, default=self._after)
            elif self._closed:
                return None
            else:
                await self._news.wait()
                self._news = anyio.Event()
        return None

    async def _one(self, row: int) -> None:
        try:
            for request_id in [] if self.stopped else await self._store.videos_of(row):
                if request_id in self._seen or self.stopped:
                    continue
                self._seen.add(request_id)
                self.tally.under_way += 1
                try:
                    if video := await self._store.wanted_video(request_id):
                        await self._bring(video)
                finally:
                    self.tally.under_way -= 1
        finally:
            self._begun.release()

    async def _bring(self, video: WantedVideo) -> None:
        try:
            with anyio.fail_after(SECONDS_EACH):
                file = await self._tried(video)
        except (MediaError, TimeoutError, NameTaken) as error:
            reason = str(error) or f"it did not come within {SECONDS_EACH / 60:.0f} min"
            self.tally.fail(f"{_named(video)}: {reason}")
            await self._store.note_failure(video.request_id, reason)
        except OSError as error:
            self.stopped = self.stopped or f"videos cannot be written to {self._folder} ({error.strerror or error})"
            self._news.set()
        else:
            self.tally.brought += 1
            self.tally.bytes += file.size
            with anyio.CancelScope(shield=True):
                await self._store.note_file(video.request_id, file)

    async def _tried(self, video: WantedVideo) -> VideoFile:
        failures, most = 0, -1
        while True:
            async with self._fetching:
                video = await self._store.wanted_video(video.request_id) or video  # with what is known of it by now
                target = await self._target(video)
                try:
                    return await self._downloader.bring(video, target, video.validator)
                except RefusedAddress:
                    raise
                except NameTaken:
                    video = await self._renamed(video)
                    continue
                except OtherEnding as other:
                    await self._chosen(video, 1, other.suffix, part_of(target))
                    continue
                except MediaError:
                    come = _size(part_of(target))
                    failures, most = (1, come) if come > most else (failures + 1, most)
                    if failures >= self._retry.tries:
                        raise
            await anyio.sleep(backoff(self._retry, failures, self._rand))

    async def _target(self, video: WantedVideo) -> Path:
        if video.path is None:
            return await self._chosen(video, 1)
        target = self._base / video.path
        make_folder_like(target.parent, self._downloader.like)  # it may have been moved away, as a whole
        return target

    async def _renamed(self, video: WantedVideo) -> WantedVideo:
        """Something of the user's stands where it was to go: it gets another name."""
        await self._chosen(video, 2)
        return await self._store.wanted_video(video.request_id) or video

    async def _chosen(
        self, video: WantedVideo, first: int, suffix: str | None = None, come: Path | None = None
    ) -> Path:
        """A path that nothing stands at, and that is no other video's; kept for this one from now on.

        Args:
            suffix: of its name, where that is known from its bytes.
            come: where it stands already, to be put beside the path.
        """
        suffix = suffix or likely_ending(video.makes, video.url)
        make_folder_like(self._folder, self._downloader.like)
        planned = video.planned or safe(fit(video.id or video.request_id))
        for nth in range(first, NAMES):
            target = self._folder / finished(planned, video.request_id, video.take, nth, suffix)
            if target.exists() or part_of(target).exists():
                continue
            path = relative(target, self._base)
            if await self._store.reserve_path(video, path, name_key(path)):
                if come:
                    _move(come, part_of(target))
                return target
        raise MediaError(f"no name is left for it in {self._folder}")


def relative(target: Path, base: Path) -> str:
    """A path as it is written down: from the table's folder, with `/`; whole where there is no way from there."""
    try:
        return Path(os.path.relpath(target, base)).as_posix()
    except ValueError:  # on another drive
        return target.as_posix()


def _named(video: WantedVideo) -> str:
    return f"row {video.number}" if video.number is not None else f"request {video.request_id}"


def _move(come: Path, part: Path) -> None:
    come.rename(part)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
