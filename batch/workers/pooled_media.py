"""Fetches videos by workers: streamed to the run, or straight into a folder that all machines see."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio

from batch.core.video_files import VideoFile, WantedVideo
from batch.downloads.downloader import Downloader, in_thread, placed, prepared
from batch.downloads.media_reply import MediaError, MediaReply, RefusedAddress
from batch.workers.calls import MediaFault, MediaHead, WorkerLost
from batch.workers.pool import Member, WorkerPool

FETCH_SECONDS = 3600.0
"""The longest time for one video."""
PIECE_SECONDS = 180.0
"""And that for a piece of it: a worker itself gives up a connection that stalls before."""


class PooledMedia:
    """A `MediaSource` whose bytes come by way of workers; the run checks and keeps them as it does its own."""

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool

    @asynccontextmanager
    async def get(self, url: str, *, start: int = 0, validator: str | None = None) -> AsyncIterator[MediaReply]:
        """As `MediaClient.get`; a worker that was lost is a connection that broke off."""
        member = await self.pool.choose()
        if member is None:
            raise MediaError(self.pool.nobody)
        token = secrets.token_hex(8)
        try:
            try:
                head = await self.pool.ask(
                    *("open_video", token, url, start, validator), of=member, seconds=PIECE_SECONDS
                )
            except WorkerLost as lost:
                raise MediaError(str(lost)) from lost
            if not isinstance(head, MediaHead):
                raise _error(head)
            blocks = self._blocks(member, token)
            yield MediaReply(head.status, head.start, head.total, head.validator, head.media_type, blocks)
        finally:
            if not member.gone.is_set():
                self.pool.begin(member, "close_video", token)

    async def _blocks(self, member: Member, token: str) -> AsyncIterator[bytes]:
        while True:
            try:
                piece = await self.pool.ask("next_piece", token, of=member, seconds=PIECE_SECONDS)
            except WorkerLost as lost:
                raise MediaError(str(lost)) from lost
            if not isinstance(piece, bytes):
                raise _error(piece)
            if not piece:
                return
            yield piece


def _error(fault: object) -> MediaError:
    if not isinstance(fault, MediaFault):
        return MediaError("a worker gave an answer of no known kind")
    return RefusedAddress(fault.message) if fault.refused else MediaError(fault.message)


@dataclass(frozen=True, slots=True)
class SharedDownloader(Downloader):
    """Has workers fetch and check videos right where they are to be; the run gives each its name.

    Every try has a `.part` file of its own: a worker that was taken for dead writes into none that counts.
    """

    pool: WorkerPool

    async def bring(self, video: WantedVideo, target: Path, validator: str | None) -> VideoFile:
        """As `Downloader.bring`; what has come of a try that failed is not kept."""
        if await in_thread(target.exists):
            return await Downloader.bring(self, video, target, validator)
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        await in_thread(lambda: _fresh(part, target, self.like))
        try:
            found = await self.pool.ask("fetch_to", video, str(part), seconds=FETCH_SECONDS)
            if not isinstance(found, VideoFile):
                raise _error(found)
            await in_thread(lambda: _named(part, target, found))
        except WorkerLost as lost:
            raise MediaError(str(lost)) from lost
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(lambda: part.unlink(missing_ok=True))
        return found


def _fresh(part: Path, target: Path, like: Path) -> None:
    """The one `.part` file of this video, empty: those of tries that were killed are taken away."""
    for old in target.parent.iterdir():
        if old.name.startswith(f"{target.name}.") and old.name.endswith(".part"):
            with suppress(OSError):
                old.unlink()
    prepared(part, like)


def _named(part: Path, target: Path, found: VideoFile) -> None:
    if part.stat().st_size != found.size:
        raise MediaError(f"the worker wrote {found.size:,} bytes, and here they are not: is the folder really shared?")
    placed(part, target)
