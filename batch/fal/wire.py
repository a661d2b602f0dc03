"""The wire under the guard: one exchange over aiohttp, its reply read whole and within bounds."""

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from fal_client.auth import FAL_QUEUE_RUN_HOST, FAL_RUN_HOST

from batch.fal.hosts import FalHosts
from batch.fal.reply_body import MOST, Unreadable, decoded, read_body

CONNECTIONS = 256
IDLE_SECONDS = 4.0
"""How long an idle connection is kept. Short: a POST on one that the server just closed is a false doubt."""
CONNECT_SECONDS = 20.0
"""The longest way to a connection (DNS, TCP, the proxy's tunnel, TLS). Twice that, for the backup host's sake, is
less than the wait for a reply: a network that swallows everything leaves rows unsent, not in doubt."""
NOT_SENT = (
    aiohttp.ClientConnectorError,  # refused, unreachable, DNS, TLS; a proxy that could not be reached
    aiohttp.ConnectionTimeoutError,  # no connection in time, or none free in the pool
    aiohttp.ClientHttpProxyError,  # the proxy refused to connect us
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
)
"""aiohttp's own errors that prove that no byte of the request left."""
HOSTS = FalHosts(FAL_RUN_HOST, FAL_QUEUE_RUN_HOST)
"""As fal-client has them from the environment: read when it is imported."""
fresh: ContextVar[bool] = ContextVar("fresh", default=False)
"""Set by who distrusts a connection: the next request in this task goes by a new one, and so do all after it."""
KNOWN = 10_000
"""So many ids are remembered: a reply that is repeated is repeated soon."""
_RECEIPT_ID = re.compile(rb'"request_id"\s*:\s*"([^"]+)"')
_ASKED_ID = re.compile(rb"/requests/([^/?]+)")
_NOTHING = (b"", b"")
_SECRET = ("authorization",)
_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")
"""What a body's headers say of it no longer holds once it is read."""


class Wire(httpx.AsyncBaseTransport):
    """aiohttp under httpx: one exchange, its reply read whole, no further than `extensions["most"]` bytes."""

    def __init__(self, certificates: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        self._sessions = _Sessions(certificates)
        self._proxy = {"proxy": str(proxy.url), "proxy_headers": proxy.headers} if proxy else {}
        self._known: dict[bytes, None] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._sessions.one() as session:
            reply = await self._send(session, request)
            most = request.extensions.get("most", MOST)
            try:
                body = await _body(reply, most)
                headers = [(name, value) for name, value in reply.raw_headers if name.lower() not in _OF_THE_WIRE]
            except Unreadable as error:
                raise httpx.DecodingError(str(error)) from error
            except Exception as error:  # whatever it is, there was a reply to read
                raise httpx.ReadError(reason_of(error)) from error
            if self._repeated(request, body):
                if (connection := _connection.get()) is not None:
                    connection.close()  # whose reply comes next on it nobody knows
                raise httpx.ReadError("it repeats the reply to an earlier request")
            return httpx.Response(reply.status, headers=headers, content=body, request=request)

    def _repeated(self, request: httpx.Request, body: bytes) -> bool:
        """Whether a POST was given the id of a request that another one was given, or that was asked about."""
        post = request.method == "POST"
        found = (_RECEIPT_ID.search(body) if post else _ASKED_ID.search(request.url.raw_path)) or _NOTHING
        name = found[1]
        known = post and name in self._known
        self._known[name] = None
        while len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]
        return known and bool(name)

    async def _send(self, session: aiohttp.ClientSession, request: httpx.Request) -> aiohttp.ClientResponse:
        url = str(request.url)
        secret = () if HOSTS.own(url) else _SECRET
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        source = request.extensions.get("file")  # bytes, or a path: read while it goes, not before
        file = source.open("rb") if isinstance(source, Path) else source
        try:
            return await session.request(
                request.method,
                url,
                headers=[(name, value) for name, value in headers if name.lower() not in secret],
                data=file or request.content or None,
                allow_redirects=False,
                timeout=_timeout(**request.extensions.get("timeout", {})),
                **self._proxy,  # type: ignore[arg-type]  # the two options above
            )
        except NOT_SENT as error:
            if isinstance(error, aiohttp.RedirectClientError):
                raise
            raise httpx.ConnectError(reason_of(error)) from error  # what the backup host is tried on
        finally:
            if isinstance(source, Path) and file:
                file.close()

    async def aclose(self) -> None:
        await self._sessions.aclose()


_connection: ContextVar[ResponseHandler | None] = ContextVar("_connection", default=None)
"""The connection of the last request in this task; a reply that has been read has let go of it already."""


async def _body(reply: aiohttp.ClientResponse, most: int) -> bytes:
    stream = reply.content
    try:
        body = await read_body(stream, most)
        return decoded(body, reply.headers.get("content-encoding", ""), most)
    except BaseException:  # what is left of it must not be taken for the next reply
        reply.close()
        raise


class _Sessions:
    """aiohttp's sessions: one, until a connection of it is distrusted. Then another one, and that one ends unused."""

    def __init__(self, certificates: ssl.SSLContext) -> None:
        self._certificates = certificates
        self._newest: aiohttp.ClientSession | None = None
        self._at_work: Counter[aiohttp.ClientSession] = Counter()
        """Exchanges of each session; none is cut off by another one's distrust."""

    @asynccontextmanager
    async def one(self) -> AsyncIterator[aiohttp.ClientSession]:
        if fresh.get():
            fresh.set(False)
            self._newest = None
        session = self._newest = self._newest or _session(self._certificates)
        self._at_work[session] += 1
        try:
            yield session
        finally:
            self._at_work[session] -= 1
            await self._close_idle()

    async def _close_idle(self) -> None:
        if len(self._at_work) > 1:
            for session in [
                one for one, exchanges in self._at_work.items() if not exchanges and one is not self._newest
            ]:
                del self._at_work[session]
                await session.close()

    async def aclose(self) -> None:
        for session in self._at_work:
            await session.close()


@lru_cache
def _timeout(connect: float | None = None, read: float | None = None, **_: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(sock_connect=connect, sock_read=read)


def _session(certificates: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = _Connector(certificates)
    return aiohttp.ClientSession(connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())


class _Connector(aiohttp.TCPConnector):
    """Bounds the way to a connection, and says of every failure on it that nothing was sent.

    One on which something came that nobody had asked for is closed, not used again: what is on the way may have
    repeated a reply, and the next one would be taken for another request's.

    aiohttp says so itself, but for a proxy that closes or talks nonsense in place of a tunnel (that looks like a
    reply lost) and for a name that no host can have.
    """

    def __init__(self, certificates: ssl.SSLContext) -> None:
        super().__init__(limit=CONNECTIONS, keepalive_timeout=IDLE_SECONDS, ssl=certificates)

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:  # noqa: ASYNC109 - aiohttp's signature
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                while True:
                    connection = await super().connect(req, traces, timeout)
                    if connection.protocol is None or not connection.protocol.should_close:
                        _connection.set(connection.protocol)
                        return connection
                    connection.close()
        except (TimeoutError, *NOT_SENT):  # aiohttp makes a ConnectionTimeoutError of the first
            raise
        except Exception as error:
            raise aiohttp.ClientConnectorError(
                req.connection_key, OSError(None, f"no connection ({reason_of(error)})")
            ) from error


def reason_of(error: Exception) -> str:
    """What went wrong, for a person."""
    root = error.__cause__ or error
    if isinstance(root, aiohttp.ClientConnectorError) and root.strerror:
        return f"{type(root).__name__}: {root.host}: {root.strerror}"  # its own text shows the SSL context
    text = str(root).strip()
    return f"{type(root).__name__}: {text}" if text else type(root).__name__
