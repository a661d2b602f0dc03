"""Does what a run asks of a worker, one call each: it keeps nothing of a row, and may die at any time."""

import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from batch.core.gateway import (
    CancelAnswer,
    CollectAnswer,
    Finished,
    Gateway,
    InDoubt,
    NotSent,
    PollAnswer,
    PrepareAnswer,
    Receipt,
    Refused,
    RequestHistory,
    SubmitAnswer,
    Unclear,
    UnitPrice,
)
from batch.core.video_files import VideoFile, WantedVideo
from batch.downloads.downloader import Downloader, MediaSource
from batch.downloads.media_reply import MediaError, RefusedAddress
from batch.job import Arguments
from batch.workers.calls import MediaFault, MediaHead, Pulse

PIECE = 1 << 20
"""Bytes of a video that are handed on at once, about."""
IDLE_SECONDS = 300.0
"""A video that nobody has taken more of for so long is let go."""


@dataclass(eq=False, slots=True)
class _Submit:
    """A submit that was asked for: should it be delivered twice, it is done once."""

    done: anyio.Event = field(default_factory=anyio.Event)
    answer: SubmitAnswer | None = None


@dataclass(eq=False, slots=True)
class _Video:
    """A video that is being fetched."""

    held: AsyncExitStack
    blocks: AsyncIterator[bytes]
    taken_at: float
    fault: MediaFault | None = None


class RowWorker:
    """The calls of `RemoteWorker`.

    Args:
        gateway: its cells of local images are paths.
        media: what videos come from.
        clock: seconds since 1970.
        draining: whether this machine is about to go.
        is_there: whether a file that was uploaded is so still; None: nobody knows.
    """

    def __init__(
        self,
        gateway: Gateway,
        media: MediaSource,
        clock: Callable[[], float] = time.time,
        draining: Callable[[], bool] = lambda: False,
        is_there: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        self._gateway = gateway
        self._media = media
        self._clock = clock
        self._draining = draining
        self._is_there = is_there
        self._submits: dict[str, _Submit] = {}
        self._videos: dict[str, _Video] = {}

    async def pulse(self) -> Pulse:
        """It lives."""
        return Pulse(self._clock(), self._draining())

    async def submit(self, token: str, arguments: Arguments, start_timeout: float, latest: float) -> SubmitAnswer:
        """One POST, and none where it would leave too late.

        Args:
            token: of this one submit.
            latest: when it may leave at the latest, by the clock of this machine: by then the run may have seen that
                it never left, and have sent another one.
        """
        if known := self._submits.get(token):
            await known.done.wait()
            return known.answer or InDoubt("the worker was told twice to send it, and the first time has failed")
        if self._clock() > latest:
            return NotSent("it came to the worker too late")
        mine = self._submits[token] = _Submit()
        try:
            mine.answer = await self._gateway.submit(arguments, start_timeout)
        finally:
            mine.done.set()
        return mine.answer

    async def prepare(self, name: str, shown: str, picture: bytes | Path) -> PrepareAnswer:
        """Uploads one file: its address is the one argument of what comes back.

        Args:
            name: of the input that it is for.
            shown: how the file is called where it is from.
            picture: the file itself, or where it stands for this machine, too.
        """
        if isinstance(picture, Path):
            return await self._gateway.prepare({name: str(picture)})
        with tempfile.TemporaryDirectory(prefix="kling-batch-") as folder:
            path = Path(folder, f"file{Path(shown).suffix}")
            await anyio.to_thread.run_sync(path.write_bytes, picture)
            answer = await self._gateway.prepare({name: str(path)})
        if isinstance(answer, Refused):
            return Refused(answer.error_type, answer.message.replace(str(path), shown))
        if isinstance(answer, NotSent):
            return NotSent(answer.reason.replace(str(path), shown), answer.reached)
        return answer

    async def is_there(self, url: str) -> bool:
        return self._is_there is not None and await self._is_there(url)

    async def poll(self, receipt: Receipt) -> PollAnswer:
        return await self._gateway.poll(receipt)

    async def collect(self, receipt: Receipt, finished: Finished) -> CollectAnswer:
        return await self._gateway.collect(receipt, finished)

    async def cancel(self, receipt: Receipt) -> CancelAnswer:
        return await self._gateway.cancel(receipt)

    async def request_history(self, since: float) -> RequestHistory | Unclear:
        return await self._gateway.request_history(since)

    async def unit_price(self) -> UnitPrice | Unclear:
        return await self._gateway.unit_price()

    # Videos

    async def open_video(self, token: str, url: str, start: int, validator: str | None) -> MediaHead | MediaFault:
        """Begins to fetch a video, whose pieces are then taken one by one."""
        await self._let_go()
        held = AsyncExitStack()
        try:
            reply = await held.enter_async_context(self._media.get(url, start=start, validator=validator))
        except MediaError as error:
            return MediaFault(str(error), isinstance(error, RefusedAddress))
        self._videos[token] = _Video(held, reply.blocks, self._clock())
        return MediaHead(reply.status, reply.start, reply.total, reply.validator, reply.media_type)

    async def next_piece(self, token: str) -> bytes | MediaFault:
        """The next bytes of a video; none: that was all of it. A piece before a fault is handed on first."""
        video = self._videos.get(token)
        if video is None:
            return MediaFault("the worker has let it go")
        if video.fault:
            return video.fault
        video.taken_at = self._clock()
        piece = bytearray()
        try:
            while len(piece) < PIECE:
                piece += await anext(video.blocks)
        except StopAsyncIteration:
            pass
        except MediaError as error:
            video.fault = MediaFault(str(error), isinstance(error, RefusedAddress))
        return video.fault if video.fault and not piece else bytes(piece)

    async def fetch_to(self, video: WantedVideo, part: str) -> VideoFile | MediaFault:
        """Fetches a video into a file that the run has made, in a folder that this machine sees as well."""
        downloader = Downloader(self._media, Path(part), _nothing_kept)
        try:
            return await downloader.fetch_into(video, Path(part))
        except MediaError as error:
            return MediaFault(str(error), isinstance(error, RefusedAddress))
        except OSError as error:
            return MediaFault(f"{part} cannot be written there ({error.strerror or error})")

    async def close_video(self, token: str) -> None:
        if video := self._videos.pop(token, None):
            await video.held.aclose()

    async def _let_go(self) -> None:
        """Those whose run has died."""
        old = [one for one, video in self._videos.items() if self._clock() - video.taken_at > IDLE_SECONDS]
        for token in old:
            await self.close_video(token)


async def _nothing_kept(_request_id: str, _validator: str | None) -> None:
    """What has come of a try that failed is taken away."""
