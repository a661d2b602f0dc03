"""Uploads local images to fal, each once, and says what a failure means for the row."""

import asyncio
from collections.abc import Awaitable, Callable
from mimetypes import guess_type
from pathlib import Path
from typing import TypeVar

import anyio

from batch.core.gateway import AccountRefused, NotSent, PrepareAnswer, Prepared, Refused
from batch.core.media_type import Judged, sniff
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
Judge = Callable[[bytes], Judged]
"""Bytes as they are to be uploaded → what they go up as. Called in a thread: it may decode them."""
_Seen = tuple[Path, int, int, bool]
"""A file as it stood when it was uploaded: size, time of its last change; whether a picture was wanted."""


def by_marks(data: bytes) -> Judged:
    """What bytes are by the mark that they begin with; whatever has none goes up all the same."""
    found = sniff(data)
    if found and found.is_picture:
        return Judged(found.name, found.suffix)
    return Judged("application/octet-stream")


def by_ending(path: Path) -> Judged:
    """What a file that is no picture goes up as, sound or video: by how its name ends, where that says anything."""
    media_type, _ = guess_type(f"file{path.suffix}")
    suffix = path.suffix if media_type and path.suffix.isascii() else ""  # it is sent as a header
    return Judged(media_type or "application/octet-stream", suffix)


class _Unreadable(Exception):
    """The image's file cannot be read."""


async def _from_disk(read: Awaitable[_Read]) -> _Read:
    try:
        return await read
    except OSError as error:
        raise _Unreadable(error.strerror or str(error)) from error


class _Unusable(Exception):
    """The image's bytes, as they are to be uploaded, are no picture that can be used."""


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
        local: gives the file that a cell refers to, None where the cell is a URL or a data URI.
        judge: what the bytes of a picture go up as, at the moment they do.
    """

    def __init__(
        self,
        job: Job,
        local: Callable[[str], Path | None],
        upload: Upload,
        redact: Redactor,
        judge: Judge = by_marks,
    ) -> None:
        self._job = job
        self._local = local
        self._upload = upload
        self._redact = redact
        self._judge = judge
        self._slots = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._uploaded: dict[_Seen, str] = {}
        self._uploading: dict[_Seen, anyio.Lock] = {}
        self._failures: dict[_Seen, PrepareAnswer] = {}

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        """Uploads the local files among the arguments; nothing here costs anything, all of it may be repeated."""
        prepared, before = dict(arguments), len(self._uploaded)
        for name in self._job.local:
            value = prepared.get(name) or ""
            cells = [*value] if isinstance(value, list) else [value]
            for at, cell in enumerate(cells):
                if (path := self._local(cell)) is not None:
                    ready = await self._ready(name, path)
                    if not isinstance(ready, str):
                        return ready
                    cells[at] = ready
            if value:
                prepared[name] = cells if isinstance(value, list) else cells[0]
        return Prepared(prepared, uploaded=len(self._uploaded) > before)

    async def _ready(self, name: str, path: Path) -> str | PrepareAnswer:
        """The URL of a file, or why its row has to go without."""
        try:
            return await self._url_of(path, self._judge if name in self._job.images else None)
        except _Unreadable as error:
            return Refused("image_unreadable", f"{name}: {path}: {error}")
        except _Unusable as error:
            return Refused("image_unreadable", f"{name}: {path} {error}; it was changed since it was checked")
        except _FailedForOther as failed:
            return failed.answer
        except Exception as error:  # noqa: BLE001 - it goes through clients with errors of their own; all is told
            return self._failed(error)

    async def _url_of(self, path: Path, judge: Judge | None) -> str:
        stat = await _from_disk(anyio.Path(path).stat())
        seen = (path, stat.st_size, stat.st_mtime_ns, judge is not None)
        known = self._failures.get(seen)
        async with self._uploading.setdefault(seen, anyio.Lock()):  # rows that share an image wait for one upload
            if seen not in self._uploaded:
                failure = self._failures.get(seen)
                if failure and failure is not known:  # while this row waited: not tried once more for each of them
                    raise _FailedForOther(failure)
                try:
                    self._uploaded[seen] = _checked(await self._upload_file(path, judge))
                except Exception as error:
                    self._failures[seen] = self._failed(error)
                    raise
            return self._uploaded[seen]

    async def _upload_file(self, path: Path, judge: Judge | None) -> str:
        async with self._slots:
            data = await _from_disk(anyio.Path(path).read_bytes())
            judged = await anyio.to_thread.run_sync(judge, data) if judge else by_ending(path)
            if judged.problem:
                raise _Unusable(judged.problem)
            with anyio.move_on_after(UPLOAD_SECONDS):  # nothing of the file's name: it says nothing to fal
                return await self._upload(data, judged.media_type, f"{'image' if judge else 'file'}{judged.suffix}")
        raise _Endless(f"not done in {UPLOAD_SECONDS:.0f} s")

    def _failed(self, error: Exception) -> PrepareAnswer:
        status, reason = status_of(error), self._redact.message(f"upload failed: {error}")
        if status in ACCOUNT_REFUSALS:
            return AccountRefused(f"http_{status}", self._redact.message(text_of(error)))
        if status in REFUSED_UPLOADS:
            return Refused("upload_refused", reason)
        return NotSent(reason, reached=not isinstance(error, Unreachable) and was_reached(error))


def _checked(url: object) -> str:
    """The address of an uploaded file: it goes into a paid request, so it has to be one."""
    if not isinstance(url, str) or not is_https_url(url):
        raise ValueError("fal's storage gave no https address for the file")
    return url
