"""fal's own Python client, unpatched, in a child process that knows the sandbox by its environment only."""

from pathlib import Path

import pytest

from batch.sandbox import Queue, serve
from tests.support.loopback import SHOT, Script

pytestmark = pytest.mark.anyio


async def test_the_async_client_does_all_it_can(script: Script) -> None:
    """submit, iter_events, get, status, cancel, upload_file, and errors with their detail."""
    async with serve(Queue(slots=1, run_seconds=0.3)) as address:
        told = await script(
            address,
            """
async def main():
    client = fal_client.AsyncClient()
    handle = await client.submit(PRO, SHOT)
    waiting = await client.submit(PRO, {**SHOT, "prompt": "behind"})
    states = [type(e).__name__ async for e in handle.iter_events(with_logs=True)]
    result = await handle.get()
    await waiting.cancel()
    doomed = await client.submit(PRO, {"prompt": "no image", "duration": "7"})
    try:
        await doomed.get()
    except fal_client.client.FalClientHTTPError as error:
        refused = [error.status_code, [d["loc"][1] for d in error.message]]
    blob = bytes(range(256)) * 4000
    url = await client.upload(blob, "image/png", "a picture.png")
    import httpx
    same = httpx.get(url).content == blob
    film = httpx.get(result["video"]["url"]).content
    tell(urls=[handle.status_url, handle.response_url, handle.cancel_url], id=handle.request_id, states=states,
         video=result["video"], refused=refused, upload=url, same=same, film=len(film))
asyncio.run(main())
""",
        )
        url = f"https://queue.fal.run/fal-ai/kling-video/requests/{told['id']}"
        assert told["urls"] == [f"{url}/status", url, f"{url}/cancel"]
        assert told["states"][-1] == "Completed"  # type: ignore[index]
        assert "InProgress" in told["states"]  # type: ignore[operator]
        assert told["refused"] == [422, ["image_url", "duration"]]
        assert str(told["upload"]).startswith("https://v3.fal.media/files/")
        assert told["same"]
        assert told["film"] == told["video"]["file_size"] > 0  # type: ignore[index]
        assert address.queue.accepted == 3
        assert address.fault_injector.requests["upload"] == 1


async def test_the_sync_client_does_all_it_can(script: Script, tmp_path: Path) -> None:
    """The same through `subscribe`, `submit`, `status`, `result`, `cancel` and `upload_file`."""
    picture = tmp_path / "ship.png"
    picture.write_bytes(b"a picture")
    async with serve(Queue(slots=2, run_seconds=0.2)) as address:
        told = await script(
            address,
            f"""
client = fal_client.SyncClient()
image = client.upload_file({str(picture)!r})
result = client.subscribe(PRO, {{**SHOT, "image_url": image}})
handle = client.submit(PRO, SHOT, start_timeout=60)
seen = type(client.status(PRO, handle.request_id)).__name__
handle.get()
again = client.result(PRO, handle.request_id)
try:
    client.cancel(PRO, handle.request_id)
except fal_client.client.FalClientHTTPError as error:
    late = [error.status_code, error.response.json()]
other = client.upload_file({str(picture)!r}, repository="fal")
import httpx
tell(image=image, result=result, seen=seen, again=again, late=late, other=httpx.get(other).text)
""",
        )
        assert told["seen"] == "InProgress"
        assert told["late"] == [400, {"status": "ALREADY_COMPLETED"}]
        assert told["other"] == "a picture"
        assert address.queue.times_accepted({**SHOT, "image_url": told["image"]}) == 1


async def test_a_client_may_also_come_straight_to_localhost(script: Script) -> None:
    """FAL_QUEUE_RUN_HOST=localhost:PORT, without a proxy; the URLs lead back to where one came from."""
    async with serve(Queue(run_seconds=0.0)) as address:
        told = await script(
            address,
            f"""
import os
for name in ("HTTPS_PROXY", "https_proxy"):
    os.environ.pop(name)
os.environ["FAL_QUEUE_RUN_HOST"] = "localhost:{address.port}"
for name in [name for name in sys.modules if name.startswith("fal_client")]:
    del sys.modules[name]
import fal_client
handle = fal_client.SyncClient().submit(PRO, SHOT)
tell(status=handle.status_url, video=handle.get()["video"]["url"])
""",
        )
        home = f"https://localhost:{address.port}/"
        assert str(told["status"]).startswith(home)
        assert str(told["video"]).startswith(home)
