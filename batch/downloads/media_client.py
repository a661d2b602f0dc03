"""Fetches media over https without any key of ours: bounded, and from public hosts only.

Every name's addresses are looked at as they are connected to, so that none can turn into a private one in between. Only
https redirects are followed, each looked at like the first address. Behind a proxy of the environment the names are the
proxy's to resolve; addresses that say themselves where they lead are refused all the same.
"""

import asyncio
import base64
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from batch.downloads.media_reply import BLOCK, MediaError, MediaReply, RefusedAddress
from batch.downloads.public_hosts import is_public_address, may_be_public

CONNECT_SECONDS = 20.0
REDIRECTS = 5
LEAST_BYTES = 1 << 16
"""So many bytes at least have to come within `stall_seconds`: a connection that trickles is as good as none."""
_REDIRECTED = frozenset({301, 302, 303, 307, 308})


class MediaClient:
    """A client for media; an async context manager.

    Args:
        certificates: whom to believe.
        public_only: False for a service that is played on this machine.
        schemes: of the addresses that are asked.
        stall_seconds: how long so little may come that it counts as nothing.
    """

    def __init__(
        self,
        certificates: ssl.SSLContext,
        *,
        public_only: bool = True,
        stall_seconds: float = 60.0,
        at_once: int = 16,
        schemes: Sequence[str] = ("https",),
    ) -> None:
        self._public_only = public_only
        self._schemes = schemes
        self._stall = stall_seconds
        self._proxies = _proxies()
        own = {host for address in self._proxies.values() if (host := urlsplit(address).hostname)}
        resolver = _PublicResolver(own) if public_only else None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=certificates, resolver=resolver, limit=at_once),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=stall_seconds),
            headers={"User-Agent": "kling-batch", "Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @asynccontextmanager
    async def get(
        self, url: str, *, start: int = 0, validator: str | None = None, end: int | None = None, method: str = "GET"
    ) -> AsyncIterator[MediaReply]:
        """One reply, redirects followed.

        Args:
            start: the first byte that is wanted, where what came before is of `validator`.
            end: the last one, where not all is wanted.

        Raises:
            MediaError: nobody answers, or the answer is no use.
        """
        wanted: dict[str, str] = {}
        if start or end is not None:
            wanted["Range"] = f"bytes={start}-{'' if end is None else end}"
        if start and validator:
            wanted["If-Range"] = validator
        with _readable_errors():
            reply = await self._followed(method, url, wanted)
        try:
            yield MediaReply(*_head(reply), self._blocks(reply))
        finally:
            reply.close()  # what is left of it is not waited for

    async def _followed(self, method: str, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        for _ in range(REDIRECTS + 1):
            address = self._checked(url)
            reply = await self._session.request(
                method, address, headers=headers, allow_redirects=False, **self._proxy_for(address)
            )
            if reply.status not in _REDIRECTED:
                return reply
            reply.close()
            url = str(address.join(URL(reply.headers.get("location", ""))))
        raise MediaError("it is redirected again and again")

    def _checked(self, url: str) -> URL:
        try:
            address = URL(url)
            host = address.host
        except ValueError as error:
            raise RefusedAddress("its address cannot be read") from error
        if address.scheme not in self._schemes or not host or address.user or address.password:
            raise RefusedAddress("its address is no https address: nothing is fetched from it")
        if self._public_only and not may_be_public(host):
            raise RefusedAddress(f"its address leads to this machine or a private network ({host}), and is refused")
        return address

    def _proxy_for(self, address: URL) -> dict[str, Any]:
        proxy = self._proxies.get(address.scheme) or self._proxies.get("all")
        if not proxy or proxy_bypass(address.host or ""):
            return {}
        parsed = URL(proxy if "://" in proxy else f"http://{proxy}")
        if parsed.scheme not in ("http", "https"):
            raise MediaError(f"the proxy {parsed.scheme}://{parsed.host} is of a kind that is not supported")
        known = {}
        if parsed.user is not None:
            basic = base64.b64encode(f"{parsed.user}:{parsed.password or ''}".encode()).decode("ascii")
            known = {"Proxy-Authorization": f"Basic {basic}"}
        return {"proxy": parsed.with_user(None), "proxy_headers": known}

    async def _blocks(self, reply: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Blocks of about `BLOCK` bytes; where it breaks off, first what had come."""
        unpack = _Unpacked(reply.headers.get("content-encoding", "").strip().lower())
        block, fault = bytearray(), None
        ended = False
        while not ended:
            raw, ended, fault = await self._some(reply)
            for piece in unpack.pieces(raw):
                block += piece
                if len(block) >= BLOCK:
                    yield bytes(block)
                    block.clear()
        if block:
            yield bytes(block)
        if fault is not None or not unpack.whole:
            raise MediaError(f"the connection broke off{f' ({fault})' if fault else ''}")

    async def _some(self, reply: aiohttp.ClientResponse) -> tuple[bytes, bool, str | None]:
        """What comes next, whether it is the last of it, and why, where it broke off."""
        come = bytearray()
        try:
            async with asyncio.timeout(self._stall):
                while len(come) < LEAST_BYTES:
                    piece = await reply.content.readany()
                    if not piece:
                        return bytes(come), True, None
                    come += piece
        except TimeoutError:
            return bytes(come), True, f"next to nothing came for {self._stall:g} s"
        except (aiohttp.ClientError, OSError) as error:
            come += _left_in(reply.content)
            return bytes(come), True, str(error).strip() or type(error).__name__
        return bytes(come), False, None


def _left_in(stream: aiohttp.StreamReader) -> bytes:
    """What had come when it broke off: aiohttp keeps it, and gives the error in its place."""
    left = b"".join(getattr(stream, "_buffer", ()))
    return left[getattr(stream, "_buffer_offset", 0) :]


class _Unpacked:
    """Takes the compression off that somebody on the way has put on, though none was asked for."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise MediaError(f"it came encoded as {encoding[:40]!r}, which nobody asked for")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding not in ("", "identity") else None

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        """In small pieces, whatever they unpack into."""
        if self._inflate is None:
            yield raw
            return
        try:
            while raw and not self._inflate.eof:
                yield self._inflate.decompress(raw, BLOCK)
                raw = self._inflate.unconsumed_tail
        except zlib.error as error:
            raise MediaError(f"it came damaged ({error})") from error

    @property
    def whole(self) -> bool:
        """Whether nothing of it is lacking."""
        return self._inflate is None or self._inflate.eof


def _head(reply: aiohttp.ClientResponse) -> tuple[int, int, int | None, str | None, str]:
    headers = reply.headers
    packed = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
    etag = headers.get("etag", "")
    strong = etag if etag.startswith('"') and etag.isascii() and etag.isprintable() and len(etag) < 300 else None
    length = _number(headers.get("content-length"))
    start, total = 0, None if packed else length
    if reply.status in (206, 416):
        unit, _, rest = headers.get("content-range", "").strip().partition(" ")
        span, _, whole = rest.partition("/")
        total = _number(whole)
        start = _number(span.partition("-")[0]) or 0
        if unit != "bytes" or packed or (reply.status == 206 and not span[:1].isdigit()):
            raise MediaError("the server answers with a part of the file that it does not name")
    return reply.status, start, total, None if packed else strong, headers.get("content-type", "")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


class _PublicResolver(AbstractResolver):
    """Gives addresses out on the internet only.

    Args:
        also: hosts that may be anywhere: the user's own proxies.
    """

    def __init__(self, also: set[str]) -> None:
        self._system = aiohttp.ThreadedResolver()
        self._also = also

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        public = [one for one in found if host in self._also or is_public_address(one["host"])]
        if not public:
            raise _PrivateHost(f"{host} leads to this machine or a private network, and is refused")
        return public

    async def close(self) -> None:
        await self._system.close()


class _PrivateHost(OSError):
    """A name whose addresses are all private."""


@contextmanager
def _readable_errors() -> Iterator[None]:
    """Whatever aiohttp fails on is told as a MediaError."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, _PrivateHost):
            raise RefusedAddress(str(error.os_error)) from error
        raise MediaError(f"no connection to {error.host} ({error.strerror or error.os_error})") from error
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise MediaError(f"no answer ({str(error).strip() or type(error).__name__})") from error


def _proxies() -> dict[str, str]:
    """Of the environment, as fal-client takes them, too."""
    return {
        scheme: address for scheme, address in getproxies().items() if scheme in ("http", "https", "all") and address
    }
