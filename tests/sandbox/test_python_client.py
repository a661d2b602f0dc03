"""fal's own Python client, unpatched, in a child process that knows the sandbox by its environment only."""

from pathlib import Path

import pytest

from batch.sandbox import Faults, Queue, serve
from tests.support.loopback import PRO, SHOT, Script, browser

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


ONE_SUBMIT = """
async def main():
    fal_client.client.MAX_DELAY = 0.01
    real = asyncio.sleep
    fal_client.client.asyncio.sleep = lambda seconds: real(0)  # the client's own pauses between its tries
    try:
        handle = await fal_client.AsyncClient(default_timeout=TIMEOUT).submit(PRO, SHOT)
        tell(id=handle.request_id)
    except Exception as error:
        tell(error=type(error).__name__, code=getattr(error, "status_code", None), text=str(error))
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("fault", "posts", "accepted"),
    [
        ("submit:1=cut_after", 2, 2),
        ("submit=cut_after", 10, 10),
        ("submit=cut_half", 10, 10),
        ("submit=cut_before", 10, 0),
        ("submit:1-2=silent", 3, 3),
        ("submit=accept_then_502_nginx", 10, 10),
        ("submit=502_nginx", 10, 0),
        ("submit:1=accept_then_408", 2, 2),
        ("submit=accept_then_500", 1, 1),
        ("submit=garbage", 1, 1),
        ("submit=truncated", 1, 1),
        ("submit=403_locked", 1, 0),
        ("submit=401", 1, 0),
    ],
)
async def test_the_faults_bite(script: Script, fault: str, posts: int, accepted: int) -> None:
    """The stock client buys duplicates by itself: one submit() is up to ten requests, and the sandbox counts them."""
    async with serve(Queue(), faults=Faults.parse(fault)) as address:
        told = await script(address, ONE_SUBMIT.replace("TIMEOUT", "0.3" if "silent" in fault else "20"))
        assert (address.fault_injector.requests["submit"], address.queue.times_accepted(SHOT)) == (posts, accepted), (
            told
        )
        if "locked" in fault:
            assert told["code"] == 403
            assert "Exhausted balance" in str(told["text"])


async def test_a_locked_account_and_a_wrong_key_are_refused() -> None:
    """403 and 401 before anything is accepted; reads are locked too where that is wanted."""
    async with serve(Queue(), keys=frozenset({"right"})) as address, browser(address) as http:
        wrong = await http.post(f"/{PRO}", json=SHOT)
        http.headers["Authorization"] = "Key right"
        address.authorization.lock()
        locked = await http.post(f"/{PRO}", json=SHOT)
        assert (wrong.status_code, locked.status_code, address.queue.accepted) == (401, 403, 0)
        assert locked.json()["detail"].startswith("User is locked. Reason: Exhausted balance.")
        address.authorization.locked = None
        status = (await http.post(f"/{PRO}", json=SHOT)).json()["status_url"]
        address.authorization.lock()
        assert (await http.get(status)).status_code == 202
        address.authorization.locks_reads = True
        assert (await http.get(status)).status_code == 403
