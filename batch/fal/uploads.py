"""Uploads local images to fal, each once, and says what a failure means for the row."""

import asyncio
from collections.abc import Awaitable, Callable
from mimetypes import guess_type
from pathlib import Path
from typing import TypeVar

import anyio

from batch.core.gateway import AccountRefused, NotSent, PrepareAnswer, Prepared, Refused
from batch.core.media_type import sniff
from batch.fal.redact import Redactor
from batch.fal.responses import ACCOUNT_REFUSALS, is_https_url, status_of, text_of, was_reached
from batch.fal.transport import Unreachable
from batch.job import Arguments, Job

UPLOADS_AT_ONCE = 4
UPLOAD_SECONDS = 600.0
"""The longest one upload takes, all of fal-client's own attempts together; some of them know no limit."""
REFUSED_UPLOADS = frozenset({400, 413, 422})
"""Replies to an upload that blame the file. A 404 is the service's own trouble: the client has the address from it."""

_Read = TypeVar("_Read")
Upload = Callable[[bytes, str, str], Awaitable[str]]
"""Bytes, media type and name of a file → its URL."""


class _Unreadable(Exception):
    """The image's file cannot be read."""


async def _from_disk(read: Awaitable[_Read]) -> _Read:
    try:
        return await read
    except OSError as error:
        raise _Unreadable(error.strerror or str(error)) from error


class _FailedForOther(Exception):
    """An upload that another row waited for as well has failed."""

    def __init__(self, answer: PrepareAnswer) -> None:
        super().__init__()
        self.answer = answer


class _Endless(Exception):
    """An upload that does not come to an end."""


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
        self._failures: dict[tuple[Path, int, int], PrepareAnswer] = {}

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        """Uploads the local images among the arguments; nothing here costs anything, all of it may be repeated."""
        prepared, before = dict(arguments), len(self._uploaded)
        for name in self._job.local:
            value = prepared.get(name) or ""
            several = isinstance(value, list)
            cells = [*value] if several else [value]
            for at, cell in enumerate(cells):
                if (path := self._local(cell)) is not None:
                    try:
                        cells[at] = await self._url_of(path)
                    except _Unreadable as error:
                        return Refused("image_unreadable", f"{name}: {path}: {error}")
                    except _FailedForOther as failed:
                        return failed.answer
                    except Exception as error:  # noqa: BLE001 - through clients with errors of their own; all is told
                        return self._failed(error)
            if value:
                prepared[name] = cells if several else cells[0]
        return Prepared(prepared, uploaded=len(self._uploaded) > before)

    async def _url_of(self, path: Path) -> str:
        stat = await _from_disk(anyio.Path(path).stat())
        seen = (path, stat.st_size, stat.st_mtime_ns)
        known = self._failures.get(seen)
        async with self._uploading.setdefault(seen, anyio.Lock()):  # rows that share an image wait for one upload
            if seen not in self._uploaded:
                failure = self._failures.get(seen)
                if failure and failure is not known:  # while this row waited: not tried once more for each of them
                    raise _FailedForOther(failure)
                try:
                    self._uploaded[seen] = _checked(await self._upload_file(path))
                except Exception as error:
                    self._failures[seen] = self._failed(error)
                    raise
            return self._uploaded[seen]

    async def _upload_file(self, path: Path) -> str:
        async with self._slots:
            image = await _from_disk(anyio.Path(path).read_bytes())
            media_type, name = _described(image, path)
            with anyio.move_on_after(UPLOAD_SECONDS):
                return await self._upload(image, media_type, name)
        raise _Endless(f"not done in {UPLOAD_SECONDS:.0f} s")

    def _failed(self, error: Exception) -> PrepareAnswer:
        status, reason = status_of(error), self._redact.message(f"upload failed: {error}")
        if status in ACCOUNT_REFUSALS:
            return AccountRefused(f"http_{status}", self._redact.message(text_of(error)))
        if status in REFUSED_UPLOADS:
            return Refused("upload_refused", reason)
        return NotSent(reason, reached=not isinstance(error, Unreachable) and was_reached(error))


def _described(image: bytes, path: Path) -> tuple[str, str]:
    """The media type and a name for the bytes of an image: by what they are, whatever the file is called."""
    found = sniff(image)
    if found and found.is_picture:
        return found.name, f"image{found.suffix}"
    # A format without a mark, like TGA. The name is sent as a header, which takes no umlauts; the rest says nothing.
    suffix = path.suffix if path.suffix.isascii() and path.suffix.isprintable() else ""
    return guess_type(f"image{suffix}")[0] or "application/octet-stream", f"image{suffix}"


def _checked(url: object) -> str:
    """The address of an uploaded file: it goes into a paid request, so it has to be one."""
    if not isinstance(url, str) or not is_https_url(url):
        raise ValueError("fal's storage gave no https address for the file")
    return url
