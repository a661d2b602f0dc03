"""The port: connections as they are taken, refused and kept."""

import asyncio
import json

import httpx
import pytest

from batch.sandbox import Faults, Queue, serve
from tests.support.loopback import PRO, SHOT, browser, trusting

pytestmark = pytest.mark.anyio


async def test_plain_http_is_sent_away() -> None:
    """400, whether asked as a server or as a proxy, and for nonsense; a client that says nothing is no harm."""
    async with serve(Queue()) as address:
        for said in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http://x/ HTTP/1.1\r\n\r\n", b"hello\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
            writer.write(said)
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()
            await writer.wait_closed()
        _, mute = await asyncio.open_connection("127.0.0.1", address.port)
        mute.close()
        await mute.wait_closed()
        async with browser(address) as http:
            assert (await http.post(f"/{PRO}", json=SHOT)).status_code == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [("cut_before", httpx.TransportError), ("503", httpx.ProxyError), ("silent", httpx.TimeoutException)],
)
async def test_a_connection_can_be_refused_before_anything_is_sent(fault: str, error: type[Exception]) -> None:
    """A proxy that refuses, drops or ignores a CONNECT: certainly not sent; the next one is let in."""
    async with serve(Queue(), faults=Faults.parse(f"connect~queue:1={fault}")) as address, browser(address) as http:
        with pytest.raises(error):
            await http.post(f"/{PRO}", json=SHOT, timeout=0.3)
        assert address.fault_injector.requests["submit"] == 0
        assert (await http.post(f"/{PRO}", json=SHOT)).status_code == 200


async def test_five_hundred_clients_at_once_are_served() -> None:
    """Each on a connection of its own that stays open, and is used again."""
    async with serve(Queue(40, 300.0)) as address:
        trusted = trusting(address.ca_file)
        body = json.dumps(SHOT).encode()
        headers = ("host: localhost", "authorization: Key x", f"content-length: {len(body)}")
        head = "\r\n".join([f"POST /{PRO} HTTP/1.1", *headers, "", ""])

        async def client() -> list[str]:
            reader, writer = await asyncio.open_connection(
                "localhost", address.port, ssl=trusted, ssl_shutdown_timeout=1.0
            )
            told = []
            for _ in range(2):
                writer.write(head.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(answer.split(b"content-length: ")[1].split(b"\r\n")[0])
                told.append(json.loads(await reader.readexactly(length))["request_id"])
            writer.close()
            await writer.wait_closed()
            return told

        told = await asyncio.gather(*(client() for _ in range(500)))
        assert len({name for names in told for name in names}) == address.queue.accepted == 1000
