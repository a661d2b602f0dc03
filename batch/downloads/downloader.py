"""Brings one video down to its file: streamed, resumed, checked, then renamed into place."""

import hashlib
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import anyio

from batch.core.media_type import ENOUGH
from batch.core.video_files import VideoFile, WantedVideo
from batch.downloads.made_files import NotMade, ending
from batch.downloads.media_reply import MediaError, MediaReply
from batch.downloads.mp4_boxes import NotAVideo, read_mp4
from batch.files.atomic import sync_folder
from batch.files.permissions import make_like

MOST_BYTES = 400_000_000
"""Of a body whose length nobody says: ten seconds at 320 Mbit/s."""
TOLERANCE_SECONDS = 0.5
"""How far a video's length may be from what was bought."""

T = TypeVar("T")


class MediaSource(Protocol):
    """Where the bytes come from: `MediaClient`, or files of the service that is played on this machine."""

    def get(
        self, url: str, *, start: int = 0, validator: str | None = None
    ) -> AbstractAsyncContextManager[MediaReply]: ...


class NameTaken(Exception):
    """Something that is not this video stands where its file should."""


class OtherEnding(Exception):
    """What came is whole, and of another kind than the name of its file says; `suffix` is the right one."""

    def __init__(self, suffix: str) -> None:
        super().__init__(suffix)
        self.suffix = suffix


@dataclass(frozen=True, slots=True)
class Downloader:
    """Brings videos down, one try a call.

    Args:
        source: fetches.
        like: the file whose rights a video gets: the table.
        keep_validator: has what the `.part` file will hold written down, before it holds it.
    """

    source: MediaSource
    like: Path
    keep_validator: Callable[[str, str | None], Awaitable[None]]

    async def bring(self, video: WantedVideo, target: Path, validator: str | None) -> VideoFile:
        """The video, whole and checked, at `target`. What has come is kept beside it, for the next try.

        Args:
            validator: of what stands in the `.part` file.

        Raises:
            MediaError: it did not come, or not whole, or what came is not the video.
            NameTaken: another file stands there.
            OtherEnding: it is whole beside `target`, which should be called otherwise.
            OSError: it cannot be written.
        """
        part = part_of(target)
        if await in_thread(target.exists):  # an earlier run may have ended just before it wrote that down
            try:
                return await in_thread(lambda: _checked(target, video)[0])
            except (MediaError, OSError) as error:
                raise NameTaken(str(error)) from error
        have = await in_thread(lambda: prepared(part, self.like))
        if not (have and have == video.size):  # all of it may be there already
            await self._fetch(video, part, have if validator else 0, validator)
        return await in_thread(lambda: _finished(part, target, video))

    async def fetch_into(self, video: WantedVideo, part: Path) -> VideoFile:
        """The video, whole, checked and on the disk, in a file that is there and empty. Raises as `bring` does."""
        await self._fetch(video, part, 0, None)
        return await in_thread(lambda: _whole(part, video)[0])

    async def _fetch(self, video: WantedVideo, part: Path, have: int, validator: str | None) -> None:
        async with self.source.get(video.url, start=have, validator=validator) as reply:
            if reply.status == 416 and have and reply.total == have:
                return
            if reply.status not in (200, 206):
                if reply.status == 416:
                    await in_thread(part.unlink)
                raise MediaError(f"HTTP {reply.status}")
            start = reply.start
            other = reply.validator is not None and reply.validator != validator
            if start not in (0, have) or (start and other):
                raise MediaError("the server answers with another part of the file than was asked for")
            size = _size(video, reply)
            if start == 0:
                await in_thread(lambda: os.truncate(part, 0))
                await self.keep_validator(video.request_id, reply.validator)
            await _write(part, start, size, reply)


def part_of(target: Path) -> Path:
    """Where a video stands until it is whole."""
    return target.with_name(f"{target.name}.part")


def _size(video: WantedVideo, reply: MediaReply) -> int | None:
    """How large it will be, by all that is known before it comes."""
    if video.size is not None and reply.total is not None and video.size != reply.total:
        raise MediaError(f"the file there has {reply.total:,} bytes, and fal says the video has {video.size:,}")
    size = reply.total if video.size is None else video.size
    if size is not None and size > MOST_BYTES:
        raise MediaError(f"the file there has {size:,} bytes: that is no video of some seconds")
    return size


async def _write(part: Path, start: int, size: int | None, reply: MediaReply) -> None:
    most, at = MOST_BYTES if size is None else size, start
    async for block in reply.blocks:
        if at + len(block) > most:
            await in_thread(lambda: os.truncate(part, 0))
            raise MediaError(f"more than {most:,} bytes come: that is not the video")
        await in_thread(partial(_append, part, at, block))
        at += len(block)
    if size is not None and at < size:
        raise MediaError(f"the connection broke off after {at:,} of {size:,} bytes")


def _append(part: Path, at: int, block: bytes) -> None:
    with part.open("r+b") as file:
        file.seek(at)
        file.write(block)


def prepared(part: Path, like: Path) -> int:
    """The `.part` file, made where there is none; how much stands in it."""
    with suppress(FileExistsError):
        make_like(part, like)
    return part.stat().st_size


def _checked(path: Path, video: WantedVideo) -> tuple[VideoFile, str]:
    """What stands there, if it is what was made, and whole; and the ending that its name should have."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if video.size is not None and size != video.size:
            raise MediaError(f"the file has {size:,} bytes, and fal says the video has {video.size:,}")
        try:
            suffix = ending(video.makes, file.read(ENOUGH), video.url)
            seconds = read_mp4(file) if suffix == ".mp4" else None
        except (NotAVideo, NotMade) as error:
            raise MediaError(f"it {error}") from error
        if seconds is not None and video.seconds is not None and abs(seconds - video.seconds) > TOLERANCE_SECONDS:
            raise MediaError(f"it lasts {seconds:.1f} s, and {video.seconds:g} s were bought")
        file.seek(0)
        return VideoFile(size, hashlib.file_digest(file, "sha256").hexdigest()), suffix


def _finished(part: Path, target: Path, video: WantedVideo) -> VideoFile:
    """Checked, on the disk, and only then under its name. What fails is not resumed: it begins anew."""
    try:
        found, suffix = _whole(part, video)
    except MediaError:
        part.unlink()
        raise
    if suffix != target.suffix.lower():
        raise OtherEnding(suffix)
    placed(part, target)
    return found


def _whole(part: Path, video: WantedVideo) -> tuple[VideoFile, str]:
    """Checked, and on the disk; with the ending that its name should have."""
    found = _checked(part, video)
    with part.open("r+b") as file:
        os.fsync(file.fileno())
    return found


def placed(part: Path, target: Path) -> None:
    """Under its name."""
    if target.exists():
        raise NameTaken("a file of that name was put there meanwhile")
    part.rename(target)
    with suppress(OSError):  # it stands there, whole; some file systems cannot sync folders
        sync_folder(target.parent)


async def in_thread(call: Callable[[], T]) -> T:
    """Whatever the disk takes its time for."""
    return await anyio.to_thread.run_sync(call)
