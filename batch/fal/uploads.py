"""Uploads local images to fal, each once, and says what a failure means for the row."""

import asyncio
from collections.abc import Awaitable, Callable
from mimetypes import guess_type
from pathlib import Path

import anyio

from batch.core.gateway import AccountRefused, NotSent, PrepareAnswer, Prepared, Refused
from batch.fal.redact import Redactor
from batch.fal.responses import ACCOUNT_REFUSALS, REFUSED_SUBMITS, is_https_url, status_of, text_of
from batch.job import Arguments, Job

UPLOADS_AT_ONCE = 4
UPLOAD_SECONDS = 600.0
"""The longest one upload takes, all of fal-client's own attempts together; some of them know no limit."""

Upload = Callable[[bytes, str, str], Awaitable[str]]
"""Bytes, media type and name of a file → its URL."""


class Uploads:
    """The local images of one job's rows.

    Args:
        local: gives the file that an image cell refers to, None where the cell is a URL or a data URI.
    """

    def __init__(self, job: Job, local: Callable[[str], Path | None], upload: Upload, redact: Redactor) -> None:
        self._job = job
        self._local = local
        self._upload = upload
        self._redact = redact
        self._slots = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._uploaded: dict[tuple[Path, int, int], str] = {}
        self._uploading: dict[tuple[Path, int, int], anyio.Lock] = {}

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        """Uploads the local images among the arguments; nothing here costs anything, all of it may be repeated."""
        prepared = dict(arguments)
        for name in self._job.images:
            if (path := self._local(prepared.get(name) or "")) is not None:
                try:
                    prepared[name] = await self._url_of(path)
                except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
                    return Refused("image_unreadable", f"{name}: {error.strerror or error}: {path}")
                except Exception as error:  # noqa: BLE001 - it goes through clients with errors of their own; all is told
                    return self._failed(error)
        return Prepared(prepared)

    async def _url_of(self, path: Path) -> str:
        stat = await anyio.Path(path).stat()
        seen = (path, stat.st_size, stat.st_mtime_ns)
        async with self._uploading.setdefault(seen, anyio.Lock()):  # rows that share an image wait for one upload
            if seen not in self._uploaded:
                media_type = guess_type(path.name)[0] or "application/octet-stream"
                # The client sends the name as a header, which takes no umlauts; the name says nothing to fal anyway.
                name = f"image{path.suffix}" if path.suffix.isascii() and path.suffix.isprintable() else "image"
                async with self._slots:
                    image = await anyio.Path(path).read_bytes()
                    with anyio.fail_after(UPLOAD_SECONDS):
                        url = await self._upload(image, media_type, name)
                self._uploaded[seen] = _checked(url)
            return self._uploaded[seen]

    def _failed(self, error: Exception) -> PrepareAnswer:
        status, reason = status_of(error), self._redact.message(f"upload failed: {error}")
        if status in ACCOUNT_REFUSALS:
            return AccountRefused(f"http_{status}", self._redact.message(text_of(error)))
        if status in REFUSED_SUBMITS:
            return Refused("upload_refused", reason)
        return NotSent(reason)


def _checked(url: object) -> str:
    """The address of an uploaded file: it goes into a paid request, so it has to be one."""
    if not isinstance(url, str) or not is_https_url(url):
        raise ValueError("fal's storage gave no https address for the file")
    return url
