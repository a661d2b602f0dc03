"""Reads the videos of a service that is played on this machine, in its own folder only."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import anyio

from batch.downloads.media_client import MediaClient
from batch.downloads.media_reply import BLOCK, MediaError, MediaReply, RefusedAddress


class PlayedFiles:
    """Fetches `file:` addresses below a folder; all others by a client.

    Args:
        folder: of the played service.
    """

    def __init__(self, folder: Path, client: MediaClient) -> None:
        self._folder = folder.resolve()
        self._client = client

    def get(self, url: str, *, start: int = 0, validator: str | None = None) -> AbstractAsyncContextManager[MediaReply]:
        """As `MediaClient.get`."""
        if urlsplit(url).scheme == "file":
            return self._file(url, start, validator)
        return self._client.get(url, start=start, validator=validator)

    @asynccontextmanager
    async def _file(self, url: str, start: int, validator: str | None) -> AsyncIterator[MediaReply]:
        path = _path(url)
        if not path.is_relative_to(self._folder):
            raise RefusedAddress("its address is no file of the sandbox")
        try:
            found = path.stat()
            now = f'"{found.st_size}-{found.st_mtime_ns}"'
            start = start if validator == now and start <= found.st_size else 0
            async with await anyio.open_file(path, "rb") as file:
                await file.seek(start)
                yield MediaReply(206 if start else 200, start, found.st_size, now, "video/mp4", _blocks(file))
        except FileNotFoundError as error:
            raise MediaError("the sandbox no longer has it") from error


def _path(url: str) -> Path:
    return Path(url2pathname(urlsplit(url).path)).resolve()


async def _blocks(file: "anyio.AsyncFile[bytes]") -> AsyncIterator[bytes]:
    while block := await file.read(BLOCK):
        yield block
