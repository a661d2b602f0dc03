"""Faults as clients meet them on the wire."""

import httpx
import pytest

from batch.sandbox import Faults, Queue, serve
from tests.support.loopback import PRO, SHOT, Script, browser

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("status=no_logs", lambda reply: "logs" not in reply.json() and reply.status_code == 200),
        ("status=unknown_state", lambda reply: reply.json()["status"] == "PAUSED"),
        ("status=garbage", lambda reply: reply.text.startswith("<!doctype")),
        ("status=502_nginx", lambda reply: reply.status_code == 502 and "nginx" in reply.text),
        ("status=429(7)", lambda reply: reply.status_code == 429 and reply.headers["retry-after"] == "7"),
        ("status=slow(0.01)", lambda reply: reply.json()["status"] == "COMPLETED"),
        ("run=image_load_error", lambda reply: reply.json()["error_type"] == "image_load_error"),
    ],
)
async def test_reads_can_be_spoiled_too(fault: str, check: object) -> None:
    """A status that is late, wrong or nonsense; the run itself failing by plan."""
    async with serve(Queue(1, 0.0), faults=Faults.parse(fault)) as address, browser(address) as http:
        sent = (await http.post(f"/{PRO}", json=SHOT)).json()
        assert callable(check)
        assert check(await http.get(sent["status_url"], params={"logs": 0}))


async def test_faults_can_change_while_it_runs() -> None:
    """A new plan counts from there."""
    async with serve(Queue()) as address, browser(address) as http:
        assert (await http.post(f"/{PRO}", json=SHOT)).status_code == 200
        address.fault_injector.plan(Faults.parse("submit:1=cut_after"))
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(f"/{PRO}", json=SHOT)
        assert (await http.post(f"/{PRO}", json=SHOT)).status_code == 200
        assert address.queue.accepted == 3
