"""Uploads local images to fal, each once, and says what a failure means for the row."""

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from mimetypes import guess_type
from pathlib import Path
from typing import TypeVar

import anyio

from batch.core.gateway import AccountRefused, NotSent, PrepareAnswer, Prepared, Refused
from batch.core.media_type import ENOUGH, Judged, sniff
from batch.core.object_lifecycle import ObjectLifecycle
from batch.core.upload_book import UploadBook, UploadForm
from batch.fal.redact import Redactor
from batch.fal.responses import ACCOUNT_REFUSALS, is_https_url, status_of, text_of, was_reached
from batch.fal.transport import Unreachable
from batch.job import Arguments, Job

UPLOADS_AT_ONCE = 4
UPLOAD_SECONDS = 600.0
"""The longest one upload takes, both of its ways together."""
REFUSED_UPLOADS = frozenset({400, 413, 422})
"""Replies to an upload that blame the file. A 404 is the service's own trouble: the client has the address from it."""
PROVEN_SECONDS = 86_400.0
"""An address that was known to be good so long ago is asked for before it is used again."""
USUAL_SECONDS = 6 * 86_400.0
"""How long an upload is counted on of which nothing was said: fal documents seven days at least."""
ELSEWHERE_SECONDS = 0.25
"""How often it is looked whether another run is done with the same picture."""

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class UploadBody:
    """What goes up: a file, or bytes that were made of it."""

    source: Path | bytes
    size: int
    media_type: str
    name: str
    picture: bool = True
    """It is for an input that holds an image."""


Upload = Callable[[UploadBody], Awaitable[str]]
"""Sends it; gives its URL."""
Form = Callable[[Path], UploadForm]
"""A local file → what it goes up as."""


def file_form(path: Path) -> UploadForm:
    """What a file that is no picture goes up as, sound or video: by how its name ends, where that says anything."""
    media_type, _ = guess_type(f"file{path.suffix}")
    return UploadForm(Judged(media_type or "application/octet-stream", path.suffix if media_type else ""))


class _Unreadable(Exception):
    """The image's file cannot be read."""


async def _from_disk(read: Callable[[], _Read]) -> _Read:
    try:
        return await anyio.to_thread.run_sync(read)
    except OSError as error:
        raise _Unreadable(error.strerror or str(error)) from error


class _Unusable(Exception):
    """The image's bytes, as they are to be uploaded, are no picture that can be used."""


class FailedElsewhere(Exception):
    """An upload has failed that another row waited for as well, or another machine made: what that means."""

    def __init__(self, answer: PrepareAnswer) -> None:
        super().__init__()
        self.answer = answer


class _Endless(Exception):
    """An upload that does not come to an end."""


class _NoBook:
    """Where nothing is kept beyond the run."""

    def known(self, digest: str, now: float) -> None:
        del digest, now

    def claim(self, digest: str, now: float) -> bool:
        del digest, now
        return True

    def keep(self, digest: str, url: str, now: float, expires_at: float | None) -> None:
        del digest, url, now, expires_at

    def prove(self, digest: str, now: float) -> None:
        del digest, now

    def forget(self, digest: str) -> None:
        del digest


class Uploads:
    """The local images of one job's rows.

    Args:
        local: gives the file that a cell refers to, None where the cell is a URL or a data URI.
        upload: sends one.
        is_there: whether an address that was good a while ago is so still.
        book: what was uploaded before, over all tables of the account.
        form: what a picture goes up as.
        lifecycle: how long uploads live, where somebody said so.
        at_once: files that are read or sent at a time.
    """

    def __init__(
        self,
        job: Job,
        local: Callable[[str], Path | None],
        upload: Upload,
        redact: Redactor,
        *,
        is_there: Callable[[str], Awaitable[bool]] | None = None,
        book: UploadBook | None = None,
        form: Form = lambda _: UploadForm(),
        lifecycle: ObjectLifecycle | None = None,
        now: Callable[[], float] = time.time,
        at_once: int = UPLOADS_AT_ONCE,
    ) -> None:
        self._job = job
        self._local = local
        self._upload = upload
        self._redact = redact
        self._is_there = is_there
        self._book: UploadBook = book or _NoBook()
        self._form = form
        self._lifecycle = lifecycle
        self._now = now
        self._slots = asyncio.Semaphore(at_once)
        self._digests: dict[tuple[Path, int, int], str] = {}
        self._uploaded: dict[str, str] = {}
        """Of this run: digest → URL."""
        self._uploading: dict[str, anyio.Lock] = {}
        self._failures: dict[str, PrepareAnswer] = {}
        self._sent = 0

    def of(self, job: Job) -> "Uploads":
        """The same for the rows of another job: a picture that several of them show goes up once."""
        other = copy(self)
        other._job = job
        return other

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        """Uploads the local files among the arguments; nothing here costs anything, all of it may be repeated."""
        prepared, before = dict(arguments), self._sent
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
        return Prepared(prepared, uploaded=self._sent > before)

    async def _ready(self, name: str, path: Path) -> str | PrepareAnswer:
        """The URL of a file, or why its row has to go without."""
        try:
            return await self._url_of(path, picture=name in self._job.images)
        except _Unreadable as error:
            return Refused("image_unreadable", f"{name}: {path}: {error}")
        except _Unusable as error:
            return Refused("image_unreadable", f"{name}: {path} {error}; it was changed since it was checked")
        except Exception as error:  # noqa: BLE001 - it goes through clients with errors of their own; all is told
            return self._failed(error)

    async def _url_of(self, path: Path, *, picture: bool) -> str:
        form = self._form if picture else file_form
        digest = await self._digest(path)
        key = digest if picture else f"{digest} as {file_form(path).judged.media_type}"
        known = self._failures.get(key)
        async with self._uploading.setdefault(key, anyio.Lock()):  # rows that share an image wait for one upload
            if key not in self._uploaded:
                failure = self._failures.get(key)
                if failure and failure is not known:  # while this row waited: not tried once more for each of them
                    raise FailedElsewhere(failure)
                try:
                    self._uploaded[key] = await self._known(key) or await self._new(path, digest, key, form)
                except Exception as error:
                    self._failures[key] = self._failed(error)
                    raise
            return self._uploaded[key]

    async def _digest(self, path: Path) -> str:
        """Of the file's bytes: read once for as long as it stays the same."""
        stat = await _from_disk(path.stat)
        seen = (path, stat.st_size, stat.st_mtime_ns)
        if seen not in self._digests:
            async with self._slots:
                self._digests[seen] = await _from_disk(partial(_digest, path))
        return self._digests[seen]

    async def _known(self, digest: str) -> str | None:
        """The address of what was uploaded before, or is just being uploaded by another run."""
        while True:
            known = await anyio.to_thread.run_sync(self._book.known, digest, self._now())
            if known is None:
                if await anyio.to_thread.run_sync(self._book.claim, digest, self._now()):
                    return None
                await anyio.sleep(ELSEWHERE_SECONDS)
                continue
            if abs(self._now() - known.proven_at) < PROVEN_SECONDS or self._is_there is None:
                return known.url
            if await self._is_there(known.url):
                await anyio.to_thread.run_sync(self._book.prove, digest, self._now())
                return known.url
            await anyio.to_thread.run_sync(self._book.forget, digest)

    async def _new(self, path: Path, digest: str, key: str, form: Form) -> str:
        try:
            url = _checked(await self._upload_file(path, form))
            await self._require_same(path, digest)
        except BaseException:  # whoever waits for it may try now
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._book.forget, key)
            raise
        self._sent += 1
        now, seconds = self._now(), self._lifecycle.seconds if self._lifecycle else USUAL_SECONDS
        await anyio.to_thread.run_sync(self._book.keep, key, url, now, None if seconds is None else now + seconds)
        return url

    async def _require_same(self, path: Path, digest: str) -> None:
        """Nobody may be given the address of other bytes for those that were there before."""
        if await self._digest(path) != digest:
            raise _Unusable("was saved anew while it went up")

    async def _upload_file(self, path: Path, form: Form) -> str:
        async with self._slots:
            made = await _from_disk(partial(form, path))
            if made.judged.problem:
                raise _Unusable(made.judged.problem)
            body = await _from_disk(partial(_body, path, made, picture=form is not file_form))
            with anyio.move_on_after(UPLOAD_SECONDS):
                return await self._upload(body)
        raise _Endless(f"not done in {UPLOAD_SECONDS:.0f} s")

    def _failed(self, error: Exception) -> PrepareAnswer:
        if isinstance(error, FailedElsewhere):
            return error.answer
        status, reason = status_of(error), self._redact.message(f"upload failed: {error}")
        if status in ACCOUNT_REFUSALS:
            return AccountRefused(f"http_{status}", self._redact.message(text_of(error)))
        if status in REFUSED_UPLOADS:
            return Refused("upload_refused", reason)
        return NotSent(reason, reached=not isinstance(error, Unreachable) and was_reached(error))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _body(path: Path, form: UploadForm, *, picture: bool) -> UploadBody:
    if form.converted is not None:
        return UploadBody(form.converted, len(form.converted), *_described(form.converted, form), picture)
    with path.open("rb") as file:
        return UploadBody(path, os.fstat(file.fileno()).st_size, *_described(file.read(ENOUGH), form), picture)


def _described(start: bytes, form: UploadForm) -> tuple[str, str]:
    """The media type and a name for an image, by its bytes, whatever the file is called: that says nothing to fal."""
    if form.judged.media_type:
        what = "image" if form.judged.media_type.startswith("image/") else "file"
        return form.judged.media_type, f"{what}{form.judged.suffix}"
    found = sniff(start)
    if found and found.is_picture:
        return found.name, f"image{found.suffix}"
    return "application/octet-stream", "image"


def _checked(url: object) -> str:
    """The address of an uploaded file: it goes into a paid request, so it has to be one."""
    if not isinstance(url, str) or not is_https_url(url):
        raise ValueError("fal's storage gave no https address for the file")
    return url
