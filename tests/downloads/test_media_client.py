"""What comes over the wire: bounded, to public hosts only, told for what it is where it is no use."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from batch.downloads import media_client
from batch.downloads.media_client import MediaClient
from batch.downloads.media_reply import BLOCK, MediaError, RefusedAddress
from tests.support.media_server import MediaServer, Wrong, serving, trusted

BODY = bytes(range(256)) * 40_000


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def fetching(check: Callable[[MediaServer, MediaClient], Awaitable[Any]], **how: Any) -> Any:
    """A server with one file, and a client that may reach it."""

    async def both() -> Any:
        async with serving({"/v.mp4": BODY}) as server, MediaClient(trusted(), public_only=False, **how) as client:
            return await check(server, client)

    return asyncio.run(both())


async def all_of(client: MediaClient, url: str, **how: Any) -> tuple[bytes, list[int]]:
    """The body, and how large its blocks were."""
    body, sizes = b"", []
    async with client.get(url, **how) as reply:
        async for block in reply.blocks:
            body += block
            sizes.append(len(block))
    return body, sizes


def test_a_file_comes_in_small_blocks() -> None:
    """10 MB, and never much more than one of them in memory."""

    async def check(server: MediaServer, client: MediaClient) -> None:
        body, sizes = await all_of(client, server.url("/v.mp4"))
        assert body == BODY
        assert max(sizes) < 3 * BLOCK
        assert server.asked[0].headers["accept-encoding"] == "identity"
        assert "authorization" not in server.asked[0].headers
        assert "cookie" not in server.asked[0].headers

    fetching(check)


def test_the_rest_of_a_file_is_asked_for_on_the_condition_that_it_is_the_same() -> None:
    """By `Range` and `If-Range`; another file comes whole."""

    async def check(server: MediaServer, client: MediaClient) -> None:
        url = server.url("/v.mp4")
        async with client.get(url) as reply:
            same, total = reply.validator, reply.total
        assert total == len(BODY)
        async with client.get(url, start=1000, validator=same) as reply:
            assert (reply.status, reply.start, reply.total) == (206, 1000, len(BODY))
            assert b"".join([block async for block in reply.blocks]) == BODY[1000:]
        async with client.get(url, start=1000, validator='"other"') as reply:
            assert (reply.status, reply.start) == (200, 0)
        async with client.get(url, start=len(BODY), validator=same) as reply:
            assert (reply.status, reply.total) == (416, len(BODY))

    fetching(check)


@pytest.mark.parametrize("etag", ['W/"weak"', "", "unquoted"])
def test_a_tag_that_proves_nothing_is_none(etag: str) -> None:
    """A weak one is the same for files that differ in bytes."""

    async def check(server: MediaServer, client: MediaClient) -> None:
        server.wrong["/v.mp4"] = [Wrong(etag=etag)]
        async with client.get(server.url("/v.mp4")) as reply:
            assert reply.validator is None

    fetching(check)


@pytest.mark.parametrize("wrong", [Wrong(cut=0.5), Wrong(cut=0.5, chunked=True), Wrong(cut=0.5, packed=True)])
def test_a_body_that_breaks_off_gives_what_had_come_and_says_so(wrong: Wrong) -> None:
    """However it was sent."""

    async def check(server: MediaServer, client: MediaClient) -> None:
        server.wrong["/v.mp4"] = [wrong]
        come: list[bytes] = []

        async def take() -> None:
            async with client.get(server.url("/v.mp4")) as reply:
                async for block in reply.blocks:
                    come.append(block)  # noqa: PERF401 - what came before it broke off counts

        with pytest.raises(MediaError, match="broke off"):
            await take()
        assert BODY.startswith(b"".join(come))
        assert come

    fetching(check)


@pytest.mark.parametrize("wrong", [Wrong(stall=0.1), Wrong(trickle=True)])
def test_a_body_that_stands_still_ends(wrong: Wrong) -> None:
    """Also one that sends a byte now and then, to look alive."""

    async def check(server: MediaServer, client: MediaClient) -> None:
        server.wrong["/v.mp4"] = [wrong]
        with pytest.raises(MediaError, match="next to nothing came"):
            await all_of(client, server.url("/v.mp4"))

    fetching(check, stall_seconds=0.2)


def test_a_body_that_somebody_has_compressed_is_unpacked() -> None:
    """It cannot be resumed, for nobody knows what a part of it would be."""

    async def check(server: MediaServer, client: MediaClient) -> None:
        server.wrong["/v.mp4"] = [Wrong(packed=True)]
        async with client.get(server.url("/v.mp4")) as reply:
            assert (reply.validator, reply.total) == (None, None)
            assert b"".join([block async for block in reply.blocks]) == BODY

    fetching(check)


@pytest.mark.parametrize(
    "location",
    ["http://example.com/v.mp4", "ftp://example.com/v.mp4", "file:///etc/passwd", "https://u:p@example.com/"],
)
def test_a_redirect_goes_to_https_addresses_only(location: str) -> None:
    """And none goes on for ever."""

    async def check(server: MediaServer, client: MediaClient) -> None:
        server.wrong["/v.mp4"] = [Wrong(location=location)]
        with pytest.raises(RefusedAddress, match="no https address"):
            await all_of(client, server.url("/v.mp4"))

    fetching(check)


def test_redirects_are_followed_for_a_while() -> None:
    """To another address of the same file, also a relative one; a circle ends."""

    async def check(server: MediaServer, client: MediaClient) -> None:
        server.wrong["/a"] = [Wrong(location="/b")]
        server.wrong["/b"] = [Wrong(status=307, location=server.url("/v.mp4"))]
        assert (await all_of(client, server.url("/a")))[0] == BODY
        server.for_ever["/c"] = Wrong(location="/c")
        with pytest.raises(MediaError, match="again and again"):
            await all_of(client, server.url("/c"))

    fetching(check)


@pytest.mark.parametrize(
    "location", ["https://127.0.0.1:1/", "https://[::1]/", "https://localhost/", "https://10.0.0.1/"]
)
def test_a_redirect_to_a_private_address_is_refused_where_the_first_one_was_public(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is connected to."""
    connected: list[str] = []

    async def check(server: MediaServer, client: MediaClient) -> None:
        real = client._session.request

        async def request(method: str, url: Any, **how: Any) -> Any:
            connected.append(str(url))
            return await real(method, server.url("/v.mp4"), **how)

        monkeypatch.setattr(client._session, "request", request)
        client._public_only = True
        server.wrong["/v.mp4"] = [Wrong(location=location)]
        with pytest.raises(RefusedAddress, match="private network"):
            await all_of(client, "https://v3.fal.media/v.mp4")

    fetching(check)
    assert connected == ["https://v3.fal.media/v.mp4"]


@pytest.mark.parametrize(
    "url", ["https://localhost:1/", "https://192.168.0.1/", "https://[::ffff:127.0.0.1]/v", "nonsense"]
)
def test_a_private_address_is_refused_before_anything_is_connected_to(url: str) -> None:
    """By its name alone."""

    async def check() -> None:
        async with MediaClient(trusted()) as client:
            with pytest.raises(RefusedAddress):
                await all_of(client, url)

    asyncio.run(check())


def test_a_public_name_that_leads_to_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it led to a moment ago: it is the address that is connected to which is looked at."""

    async def resolve(_self: object, host: str, port: int = 0, family: int = socket.AF_INET) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)

    async def check() -> None:
        async with serving({"/v.mp4": BODY}) as server, MediaClient(trusted()) as client:
            with pytest.raises(RefusedAddress, match=r"rebound.example.com leads to this machine or a private network"):
                await all_of(client, f"https://rebound.example.com:{server.port}/v.mp4")
            assert server.asked == []

    asyncio.run(check())


def test_a_certificate_that_nobody_vouches_for_is_not_believed() -> None:
    """Nor is a name that is not the server's."""

    async def check() -> None:
        async with serving({"/v.mp4": BODY}) as server:
            async with MediaClient(media_client.ssl.create_default_context(), public_only=False) as client:
                with pytest.raises(MediaError, match="no connection to localhost"):
                    await all_of(client, server.url("/v.mp4"))
            async with MediaClient(trusted(), public_only=False) as client:
                with pytest.raises(MediaError, match=r"no connection to 127.0.0.1"):
                    await all_of(client, server.url("/v.mp4").replace("localhost", "127.0.0.1"))

    asyncio.run(check())


def test_a_reply_that_says_it_is_another_part_of_nothing_is_no_use() -> None:
    """A 206 has to say which."""

    async def check(server: MediaServer, client: MediaClient) -> None:
        server.wrong["/v.mp4"] = [Wrong(status=206)]
        with pytest.raises(MediaError, match="does not name"):
            await all_of(client, server.url("/v.mp4"), start=9, validator='"x"')

    fetching(check)


def test_a_proxy_of_the_environment_is_used_with_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are its to resolve; addresses that are private by themselves are refused all the same."""
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 502 no\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def check() -> None:
        listening = await asyncio.start_server(proxy, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
        async with MediaClient(trusted()) as client:
            with pytest.raises(MediaError):
                await all_of(client, "https://v3.fal.media/v.mp4")
            with pytest.raises(RefusedAddress):
                await all_of(client, "https://10.0.0.1/v.mp4")
        listening.close()

    asyncio.run(check())
    assert len(asked) == 1
    assert asked[0].startswith(b"CONNECT v3.fal.media:443")
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in asked[0]
