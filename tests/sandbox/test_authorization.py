"""Whose key is accepted."""

import pytest

from batch.sandbox import Queue, serve
from tests.support.loopback import PRO, SHOT, browser

pytestmark = pytest.mark.anyio


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
