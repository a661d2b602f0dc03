"""What one worker does: each submit once, whatever is delivered twice or late; pictures and videos in pieces."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from batch.core.gateway import Accepted, InDoubt, NotSent, Prepared, Refused
from batch.downloads.media_reply import MediaError, MediaReply, RefusedAddress
from batch.workers.calls import MediaFault, MediaHead, Pulse
from batch.workers.row_worker import IDLE_SECONDS, PIECE, RowWorker
from tests.support.simulated import Service, play, service_queue
from tests.support.simulated_workers import NoMedia

SHOT = {"prompt": "shot", "image_url": "https://example.com/a.png", "duration": "5"}


class Uploading(Service):
    """Keeps what was uploaded; what begins with `bad` is refused."""

    def __init__(self) -> None:
        super().__init__(service_queue(10, 10.0))
        self.seen: list[tuple[str, bytes]] = []

    async def prepare(self, arguments: dict[str, Any]) -> Any:
        ((name, cell),) = arguments.items()
        held = await anyio.Path(cell).read_bytes()
        self.seen.append((cell, held))
        if held.startswith(b"bad"):
            return Refused("image_unreadable", f"{name}: {cell} is no picture")
        if held.startswith(b"off"):
            return NotSent(f"upload of {cell} failed")
        return Prepared({name: "https://v3.fal.media/x"}, uploaded=True)


def test_a_submit_that_is_delivered_twice_is_done_once() -> None:
    """Also while the first is under way; both have the one answer."""
    service = Service(service_queue(10, 10.0))
    worker = RowWorker(service, NoMedia(), lambda: 0.0)
    answers: list[Any] = []

    async def twice() -> None:
        async with anyio.create_task_group() as tasks:

            async def one() -> None:
                answers.append(await worker.submit("token", SHOT, 3600.0, 10.0))

            tasks.start_soon(one)
            tasks.start_soon(one)
        answers.append(await worker.submit("token", SHOT, 3600.0, 10.0))

    play(twice)
    assert len(service.queue.requests) == 1
    assert isinstance(answers[0], Accepted)
    assert answers[0] == answers[1] == answers[2]


def test_a_submit_that_failed_where_nobody_foresaw_it_is_in_doubt_the_second_time() -> None:
    """It may have been sent."""

    class Failing(Service):
        async def submit(self, arguments: Any, start_timeout: float = 0.0) -> Any:
            raise RuntimeError

    worker = RowWorker(Failing(service_queue(1, 1.0)), NoMedia(), lambda: 0.0)

    async def twice() -> Any:
        with pytest.raises(RuntimeError):
            await worker.submit("token", SHOT, 3600.0, 10.0)
        return await worker.submit("token", SHOT, 3600.0, 10.0)

    assert isinstance(play(twice), InDoubt)


def test_a_submit_that_comes_too_late_is_let_be() -> None:
    """And may then be asked for by another token."""
    service = Service(service_queue(10, 10.0))
    worker = RowWorker(service, NoMedia(), lambda: 100.0)

    async def late() -> list[Any]:
        return [await worker.submit("a", SHOT, 3600.0, 99.9), await worker.submit("b", SHOT, 3600.0, 100.0)]

    first, second = play(late)
    assert first == NotSent("it came to the worker too late")
    assert isinstance(second, Accepted)
    assert len(service.queue.requests) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_picture_is_uploaded_from_its_bytes_or_from_where_it_stands(tmp_path: Path) -> None:
    """Nothing of it is left; what is said of it names the file where it is from."""
    service = Uploading()
    worker = RowWorker(service, NoMedia())
    ready = await worker.prepare("image_url", "/home/me/a.jpg", b"good")
    assert ready == Prepared({"image_url": "https://v3.fal.media/x"})
    assert ready.uploaded
    cell, held = service.seen[0]
    assert (Path(cell).suffix, held, await anyio.Path(cell).exists()) == (".jpg", b"good", False)
    bad = await worker.prepare("image_url", "/home/me/b.jpg", b"bad")
    assert bad == Refused("image_unreadable", "image_url: /home/me/b.jpg is no picture")
    assert await worker.prepare("image_url", "/home/me/c.jpg", b"off") == NotSent("upload of /home/me/c.jpg failed")
    shared = tmp_path / "shared.png"
    shared.write_bytes(b"there")
    await worker.prepare("image_url", str(shared), shared)
    assert service.seen[-1] == (str(shared), b"there")


class Media:
    """Serves blocks, and then breaks off where it is told to."""

    def __init__(self, blocks: list[bytes], fault: Exception | None = None, refused: Exception | None = None) -> None:
        self._blocks, self._fault, self._refused = blocks, fault, refused
        self.asked: list[tuple[str, int, str | None]] = []
        self.open = 0

    @asynccontextmanager
    async def get(self, url: str, *, start: int = 0, validator: str | None = None) -> AsyncIterator[MediaReply]:
        self.asked.append((url, start, validator))
        if self._refused:
            raise self._refused
        self.open += 1
        try:
            yield MediaReply(206 if start else 200, start, 99, '"x"', "video/mp4", self._pieces())
        finally:
            self.open -= 1

    async def _pieces(self) -> AsyncIterator[bytes]:
        for block in self._blocks:
            yield block
        if self._fault:
            raise self._fault


async def taken(worker: RowWorker) -> list[Any]:
    pieces = []
    while True:
        pieces.append(await worker.next_piece("v"))
        if not pieces[-1] or isinstance(pieces[-1], MediaFault):
            return pieces


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_video_is_handed_on_in_pieces() -> None:
    """Of about a megabyte; the last one is empty, and then it is let go."""
    block = bytes(PIECE // 4)
    media = Media([block] * 6)
    worker = RowWorker(Service(service_queue(1, 1.0)), media)
    assert await worker.open_video("v", "https://x", 7, '"x"') == MediaHead(206, 7, 99, '"x"', "video/mp4")
    assert [len(piece) for piece in await taken(worker)] == [PIECE, PIECE // 2, 0]
    await worker.close_video("v")
    assert media.open == 0
    assert media.asked == [("https://x", 7, '"x"')]
    assert isinstance(await worker.next_piece("v"), MediaFault)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_video_that_breaks_off_gives_what_had_come_and_then_says_so() -> None:
    """And goes on to say so: an end that is none is never told as one."""
    worker = RowWorker(Service(service_queue(1, 1.0)), Media([b"come"], MediaError("it broke off")))
    await worker.open_video("v", "https://x", 0, None)
    assert await taken(worker) == [b"come", MediaFault("it broke off")]
    assert await worker.next_piece("v") == MediaFault("it broke off")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_address_that_is_refused_is_refused() -> None:
    """It is not tried again."""
    worker = RowWorker(Service(service_queue(1, 1.0)), Media([], refused=RefusedAddress("private")))
    assert await worker.open_video("v", "https://x", 0, None) == MediaFault("private", refused=True)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_video_whose_run_has_died_is_let_go() -> None:
    """When the next one is fetched."""
    at = [0.0]
    media = Media([b"x"])
    worker = RowWorker(Service(service_queue(1, 1.0)), media, lambda: at[0])
    await worker.open_video("old", "https://x", 0, None)
    at[0] = IDLE_SECONDS + 1
    await worker.open_video("v", "https://x", 0, None)
    assert media.open == 1
    assert await worker.pulse() == Pulse(at[0])
