"""Videos that are made while their runs wait."""

from pathlib import Path

import httpx
import pytest

from batch.sandbox import Queue, Recording, serve
from batch.sandbox.media import Fetch
from tests.support.loopback import PRO, SHOT, browser, until
from tests.support.queues import Clock

pytestmark = pytest.mark.anyio


async def test_a_run_completes_when_its_video_is_made(tmp_path: Path) -> None:
    """With a renderer, COMPLETED means that the file is there; with `media_base` its URL is a file's."""
    seen: list[bytes] = []

    def render(given: object, target: Path, /, *, fetch: Fetch) -> None:
        assert isinstance(given, dict)
        seen.append(fetch(given["image_url"]))
        if given["prompt"] == "breaks":
            raise RuntimeError("no such colour")
        target.write_bytes(b"a film")

    async with serve(Queue(2, 0.0), render=render, media_base=tmp_path / "films") as address, browser(address) as http:
        upload = await http.post("https://v3.fal.media/files/upload", content=b"a picture")
        given = {**SHOT, "image_url": upload.json()["access_url"]}
        made, broken, wrong = [
            (await http.post(f"/{PRO}", json={**given, **more})).json()
            for more in ({}, {"prompt": "breaks"}, {"duration": "6"})
        ]
        for sent in (made, broken, wrong):
            await until(lambda url=sent["status_url"]: _completed(http, url))
        video = (await http.get(made["response_url"])).json()["video"]
        film = tmp_path / "films" / f"{made['request_id']}.mp4"
        assert (video["url"], video["file_size"], film.read_bytes()) == (film.as_uri(), 6, b"a film")
        failed = await http.get(broken["response_url"])
        assert (failed.status_code, "no such colour" in failed.text) == (500, True)
        assert (await http.get(wrong["response_url"])).status_code == 422
        assert seen == [b"a picture", b"a picture"]


async def test_a_held_run_is_let_go_when_there_is_no_renderer_any_more(tmp_path: Path) -> None:
    """Killed in mid-render and started again without a renderer: the run completes all the same."""
    clock = Clock()
    queue = Queue(1, 10.0, clock=clock, holds_runs=True, recording=Recording(tmp_path))
    request = queue.submit(PRO, SHOT)
    clock.now += 11
    async with serve(Queue(1, 10.0, clock=clock, recording=Recording(tmp_path))) as address, browser(address) as http:
        reply = await http.get(f"/fal-ai/kling-video/requests/{request.id}")
        assert reply.status_code == 200


async def _completed(http: httpx.AsyncClient, url: str) -> bool:
    return (await http.get(url)).status_code == 200
