"""Starting and stopping the sandbox."""

import asyncio
import sys

import httpx
import pytest

import batch.sandbox
from batch.errors import MissingExtra, UsageError
from batch.sandbox import Faults, Queue, serve
from tests.support.loopback import PRO, SHOT, browser, until

pytestmark = pytest.mark.anyio


async def test_it_stops_at_once_with_clients_hanging_on() -> None:
    """Open connections, a stream under way, a request never answered: nothing is left when the block ends."""
    before = asyncio.all_tasks()
    async with serve(Queue(1, 300.0), faults=Faults.parse("submit:2=silent")) as address:
        http = browser(address)
        url = (await http.post(f"/{PRO}", json=SHOT)).json()["status_url"]
        hanging = [
            asyncio.create_task(http.post(f"/{PRO}", json=SHOT, timeout=30)),
            asyncio.create_task(http.get(f"{url}/stream", timeout=30)),
        ]

        async def both_hang() -> bool:
            return address.queue.accepted == 2 and address.fault_injector.requests["stream"] == 1

        await until(both_hang)
    assert asyncio.all_tasks() - set(hanging) == before
    lost = await asyncio.gather(*hanging, return_exceptions=True)
    assert [isinstance(error, httpx.TransportError) for error in lost] == [True, True]
    await http.aclose()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", address.port)


async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    """Not wrapped in a group: tests and commands fail with their own error."""
    with pytest.raises(ZeroDivisionError):
        async with serve(Queue()):
            raise ZeroDivisionError


async def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    """UsageError with the port."""
    async with serve(Queue()) as address:
        with pytest.raises(UsageError, match=f"port {address.port}"):
            async with serve(Queue(), port=address.port):
                pass


async def test_without_the_extra_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """`import batch.sandbox` works; using it says what to type."""
    for name in [name for name in sys.modules if name.startswith("batch.sandbox.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(MissingExtra, match=r"the sandbox needs trustme: .* -m pip install 'trustme>="):
        async with batch.sandbox.serve(Queue()):
            pass
