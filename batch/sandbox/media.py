"""Keeps the files of the service, uploads and videos, and has the videos of the runs rendered."""

import asyncio
import base64
import re
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from batch.sandbox.outcomes import JSON, Outcome, model_error
from batch.sandbox.queue import Queue, State

# The `ftyp` box of an MP4: enough for a file to be told by its first bytes, nothing to play.
PLACEHOLDER = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
MEDIA_HOST = "v3.fal.media"
RENDERERS = 2

Fetch = Callable[[str], bytes]


class Renderer(Protocol):
    """Makes the video of an input at `target`. `fetch` gives the bytes behind the input's URLs."""

    def __call__(self, given: Mapping[str, object], target: Path, /, *, fetch: Fetch) -> None: ...


@dataclass(frozen=True, slots=True)
class Makes:
    """What runs make: the ending and the type of their files, and the result around one (fal docs: `File`)."""

    suffix: str = ".mp4"
    type: str = "video/mp4"
    result: Callable[[JSON], JSON] = lambda file: {"video": file}
    render: Renderer | None = None
    """What makes the files; None: what makes those of all endpoints."""


def _usual(_: str) -> Makes:
    return Makes()


class Media:
    """Files below `folder`: `uploads/…` as the clients sent them, and the videos (in `video_folder` if one is given).

    `fetch` serves the URLs that are neither ours nor `data:`; without it these fail, for there is no network.
    `makes` tells by the id of a request what it makes.
    """

    def __init__(
        self,
        folder: Path,
        video_folder: Path | None = None,
        fetch: Fetch | None = None,
        makes: Callable[[str], Makes] = _usual,
    ) -> None:
        self.uploads = folder / "uploads"
        self.videos = video_folder or folder / "videos"
        self.uploads.mkdir(parents=True, exist_ok=True)
        self.videos.mkdir(parents=True, exist_ok=True)
        self._by_file_url = video_folder is not None
        self._fetch = fetch
        self.makes = makes

    def keep(self, path: str, data: bytes) -> None:
        """Stores an upload under its path below `/files/`."""
        target = self.uploads / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def new_path(self, name: str) -> str:
        """A fresh path for an upload of this name."""
        return f"{uuid.uuid4().hex}/{re.sub(r'[^A-Za-z0-9._-]', '_', name).lstrip('.') or 'upload.bin'}"

    def find(self, path: str) -> Path | None:
        """The file served at `/files/{path}`, if there is one."""
        folder, rest = (
            (self.videos, path.removeprefix("videos/")) if path.startswith("videos/") else (self.uploads, path)
        )
        found = (folder / rest).resolve()
        return found if found.is_relative_to(folder.resolve()) and found.is_file() else None

    def video(self, request_id: str) -> Path:
        """Where what a run makes is kept."""
        return self.videos / f"{request_id}{self.makes(request_id).suffix}"

    def describe(self, request_id: str, host: str = MEDIA_HOST) -> JSON:
        """The result of a run that made a video (fal docs: Kling's output is `{"video": File}`)."""
        target = self.video(request_id)
        if self._by_file_url and not target.exists():
            target.write_bytes(PLACEHOLDER)
        size = target.stat().st_size if target.exists() else len(PLACEHOLDER)
        url = target.resolve().as_uri() if self._by_file_url else f"https://{host}/files/videos/{target.name}"
        made = self.makes(request_id)
        return made.result({"url": url, "content_type": made.type, "file_name": target.name, "file_size": size})

    def fetch(self, url: str) -> bytes:
        """The bytes behind an input's URL: a `data:` URI, an upload of ours, else whatever `fetch` was given."""
        if url.startswith("data:"):
            head, _, body = url.partition(",")
            return base64.b64decode(body) if head.endswith(";base64") else unquote_to_bytes(body)
        path = urlsplit(url).path
        found = self.find(path.removeprefix("/files/")) if path.startswith("/files/") else None
        if found is not None:
            return found.read_bytes()
        if self._fetch is None:
            raise FileNotFoundError(f"{url} is not in the sandbox, which has no network")
        return self._fetch(url)


class RenderWorker:
    """Makes the videos, in the order of submission, and releases each run when its file is there."""

    def __init__(self, queue: Queue, media: Media, render: Renderer) -> None:
        self._queue = queue
        self._media = media
        self._render = render
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        queue.holds_runs = True
        for request in queue.requests:
            if request.held and request.state is not State.COMPLETED:
                self.enqueue(request.id)

    def enqueue(self, request_id: str) -> None:
        """Has the video of a request made that was just accepted."""
        if self._queue.request(request_id).held:
            self._waiting.put_nowait(request_id)

    async def work(self) -> None:
        """Renders until cancelled, a few at once; a render under way is finished, so that no thread outlives this."""
        with ThreadPoolExecutor(RENDERERS, "sandbox-renderer") as threads:
            async with asyncio.TaskGroup() as group:
                for number in range(RENDERERS):
                    group.create_task(self._renderer(threads), name=f"sandbox renderer {number}")

    async def _renderer(self, threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            request_id = await self._waiting.get()
            if self._queue.status(request_id).state is not State.COMPLETED:
                self._queue.release(request_id, await loop.run_in_executor(threads, self._make, request_id))

    def _make(self, request_id: str) -> Outcome | None:
        target = self._media.video(request_id)
        part = target.with_suffix(f".part{target.suffix}")
        try:
            render = self._media.makes(request_id).render or self._render
            render(self._queue.request(request_id).input, part, fetch=self._media.fetch)
            part.replace(target)
        except Exception as error:  # noqa: BLE001  (whatever a renderer trips over is that run's failure, as at the service)
            part.unlink(missing_ok=True)
            return model_error("internal_server_error", f"{type(error).__name__}: {error}")
        return None
