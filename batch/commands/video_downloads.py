"""Has the videos of a batch brought down to files, beside a run or on their own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio

from batch.commands import signals
from batch.commands.batch import Batch
from batch.commands.ended import Ended
from batch.commands.media_sources import media_source
from batch.commands.messages import Say
from batch.core.paths import sandbox_home, video_folder
from batch.core.states import State, Transition
from batch.core.video_files import VideosBrought
from batch.downloads.download_queue import DownloadQueue, relative
from batch.downloads.downloader import Downloader, MediaSource
from batch.ledger.async_ledger import AsyncLedger, async_ledger
from batch.ledger.ledger import Ledger
from batch.ledger.video_records import VideoRecords, videos_without_file

OpenMedia = Callable[[Batch], AbstractAsyncContextManager[MediaSource]]
"""Opens what the videos of a batch are fetched from."""
FOLDER, TEMPLATE = "video_folder", "video_name"
"""Where the ledger keeps the folder and the template that were said last: they hold until others are said."""


@asynccontextmanager
async def open_media(batch: Batch) -> AsyncIterator[MediaSource]:
    """Workers, while there are some; else the internet, or of a sandbox of the batch's own its folder.

    Raises:
        UsageError: the environment names certificates that cannot be used.
    """
    if batch.fleet and batch.fleet.pool:
        from batch.workers.pooled_media import PooledMedia

        yield PooledMedia(batch.fleet.pool)
        return
    async with media_source(sandbox_home(batch.manifest.path) if batch.sandbox else None) as source:
        yield source


def chosen_folder(batch: Batch, ledger: Ledger, said: str | None) -> Path:
    """Where videos go: as said now, as said last, or beside the table; kept for the next time."""
    base = batch.manifest.path.resolve().parent
    kept = ledger.meta(FOLDER)
    folder = Path(said).absolute() if said else base / kept if kept else video_folder(batch.table)
    ledger.set_meta(FOLDER, relative(folder, base))
    return folder


def chosen_template(ledger: Ledger, said: str | None) -> str | None:
    """How they are named: as said now, or last; None: by their pictures."""
    if said:
        ledger.set_meta(TEMPLATE, said)
    return said or ledger.meta(TEMPLATE)


def _offer(queue: DownloadQueue, row: int, transition: Transition) -> None:
    if transition.new is State.SUCCEEDED:
        queue.offer(row)


class VideoDownloads:
    """The downloads of one run.

    Args:
        folder: where the videos go.
        at_once: fetched at a time.
        rand, now: chance, and seconds since 1970.
    """

    def __init__(
        self,
        batch: Batch,
        ledger: Ledger,
        folder: Path,
        at_once: int,
        say: Say,
        *,
        open_media: OpenMedia,
        rand: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._batch = batch
        self._ledger = ledger
        self._folder = folder
        self._at_once = at_once
        self._say = say
        self._open_media = open_media
        self._rand = rand
        self._now = now
        self._queue: DownloadQueue | None = None

    @property
    def brought(self) -> int:
        """How many have come down so far."""
        return self._queue.tally.brought if self._queue else 0

    @asynccontextmanager
    async def beside(self, store: AsyncLedger) -> AsyncIterator[None]:
        """While the block runs, what is missing comes down, and what it makes; at its end the rest is waited for."""
        async with self._open_media(self._batch) as source:
            base = self._batch.manifest.path.resolve().parent
            records = VideoRecords(self._ledger, store, self._batch.manifest.jobs, self._now)
            downloader = self._downloader(source, records)
            queue = self._queue = DownloadQueue(records, downloader, self._folder, base, self._at_once, self._rand)
            store.when_changed.append(partial(_offer, queue))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(queue.run, name="downloads")
                yield
                if left := videos_without_file(self._ledger) - queue.tally.failures:
                    self._say(f"{left:,} video{'' if left == 1 else 's'} to come down to {self._folder}")
                queue.close()
            if queue.stopped:
                self._say(queue.stopped)

    def _downloader(self, source: MediaSource, records: VideoRecords) -> Downloader:
        """Of workers that see the folder themselves, where there are some."""
        fleet, like = self._batch.fleet, self._batch.manifest.path
        if fleet and fleet.pool and fleet.is_shared(self._folder):
            from batch.workers.pooled_media import SharedDownloader

            return SharedDownloader(source, like, records.note_validator, fleet.pool)
        return Downloader(source, like, records.note_validator)

    def outcome(self) -> VideosBrought:
        """What came of it."""
        tally = self._queue.tally if self._queue else None
        return VideosBrought(
            folder=str(self._folder),
            brought=tally.brought if tally else 0,
            bytes=tally.bytes if tally else 0,
            missing=videos_without_file(self._ledger),
            reasons=tuple(tally.failed) if tally else (),
        )


async def bring_videos(
    ledger: Ledger, videos: VideoDownloads, ended: Ended, say: Say, max_seconds: float | None = None
) -> None:
    """Nothing is bought or asked after: what has not come down yet comes, until a signal, or the time is up."""
    async with anyio.create_task_group() as listener, async_ledger(ledger) as store:
        with anyio.move_on_after(max_seconds) as scope:
            listener.start_soon(_until_signal, scope, ended, say, name="signals")
            async with videos.beside(store):
                pass
        listener.cancel_scope.cancel()


async def _until_signal(scope: anyio.CancelScope, ended: Ended, say: Say) -> None:
    try:
        with signals.listening() as first_signal:
            await first_signal()
            say("stopping: what has come so far is kept, and the next time goes on from there")
            scope.cancel()
            await anyio.sleep_forever()
    finally:
        ended.interrupted = signals.asked_to_end()
