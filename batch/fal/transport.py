"""The network under fal-client: at most one POST leaves for each submit, whatever is lost.

fal-client repeats a POST whose reply is lost up to ten times, and its backup-host layer repeats one whose
connection looks unmade. Both decide by httpx's errors. So two transports of ours enclose everything:

    httpx.AsyncClient  →  Seal  →  fal-client's backup hosts  →  httpx (proxies)  →  Guard  →  Wire (aiohttp)

`Wire` sends the key to fal's own hosts only, whoever named the address. It reads the whole reply, no further than it
may go, and calls unsent only what aiohttp's own errors prove unsent. `Guard` turns every other failure of a POST into
`ReplyLost`, which no layer above takes for its own. What it lets through as an httpx error has certainly not been
sent, so the backup host may be tried. `Seal` stands on top: no httpx error and no refusal reaches fal-client's own
retry loop.

    Exchange                 what went wrong with one HTTP exchange
    ├── Unreachable      a POST that certainly did not leave; a GET or PUT without a usable reply
    │   └── UnusableReply  a GET or PUT whose reply came, but is too long, or encoded in an unknown way
    ├── ReplyLost        a POST that may have been accepted
    └── ErrorResponse    any reply but 2xx
"""

import asyncio
import re
import ssl
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from fal_client.auth import FAL_QUEUE_RUN_HOST, FAL_RUN_HOST
from fal_client.client import QUEUE_URL_FORMAT, AsyncBackupDomainTransport

from batch.errors import UsageError
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


last_body: ContextVar[bytes | None] = ContextVar("last_body", default=None)
"""The body of the last 2xx reply in this task: a receipt that fal-client cannot read is still a receipt."""


last_date: ContextVar[str | None] = ContextVar("last_date", default=None)
"""The `Date` of the last 2xx reply in this task: the service's own clock."""


class Exchange(Exception):
    """One HTTP exchange that did not give a 2xx reply."""


class Unreachable(Exchange):
    """Certainly not sent (POST), or simply no usable reply (GET, PUT)."""


class UnusableReply(Unreachable):
    """A reply to a GET or PUT that nobody can read."""


class ReplyLost(Exchange):
    """A POST that may have been accepted."""


class ErrorResponse(Exchange):
    """A reply with another status than 2xx, read to its end."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        self.body = body


class Guard(httpx.AsyncBaseTransport):
    """Innermost: a POST that may have left never looks unsent."""

    def __init__(self, network: httpx.AsyncBaseTransport) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            await request.aread()  # the copy for the backup host is unread, and would go out in chunks
            return await self._network.handle_async_request(request)
        except Exception as error:  # every kind of it: one that nobody foresaw is a lost reply too
            if request.method == "POST" and not _never_left(error):
                raise ReplyLost(_said(error)) from error
            if isinstance(error, httpx.HTTPError):
                raise
            raise Unreachable(_said(error)) from error

    async def aclose(self) -> None:
        await self._network.aclose()


def _never_left(error: Exception) -> bool:
    """`Wire`'s word, with the proof behind it; httpx's own error of that name proves nothing."""
    return isinstance(error, httpx.ConnectError) and isinstance(error.__cause__, NOT_SENT)


class Wire(httpx.AsyncBaseTransport):
    """aiohttp under httpx: one exchange, its reply read whole, no further than `extensions["most"]` bytes."""

    def __init__(self, certificates: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        self._sessions = _Sessions(certificates)
        self._proxy = {"proxy": str(proxy.url), "proxy_headers": proxy.headers} if proxy else {}
        self._given: dict[bytes, None] = {}

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
                raise httpx.ReadError(_said(error)) from error
            if request.method == "POST" and self._repeated(body):
                if (connection := _connection.get()) is not None:
                    connection.close()  # whose reply comes next on it nobody knows
                raise httpx.ReadError("it repeats the reply to an earlier request")
            return httpx.Response(reply.status, headers=headers, content=body, request=request)

    def _repeated(self, body: bytes) -> bool:
        """Whether a receipt has been given before, to another POST."""
        found = _RECEIPT_ID.search(body)
        if found is None:
            return False
        known = found[1] in self._given
        self._given[found[1]] = None
        while len(self._given) > GIVEN:
            del self._given[next(iter(self._given))]
        return known

    async def _send(self, session: aiohttp.ClientSession, request: httpx.Request) -> aiohttp.ClientResponse:
        url = str(request.url)
        secret = () if HOSTS.own(url) else _SECRET
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        try:
            return await session.request(
                request.method,
                url,
                headers=[(name, value) for name, value in headers if name.lower() not in secret],
                data=request.content or None,
                allow_redirects=False,
                timeout=_timeout(**request.extensions.get("timeout", {})),
                **self._proxy,  # type: ignore[arg-type]  # the two options above
            )
        except NOT_SENT as error:
            if isinstance(error, aiohttp.RedirectClientError):
                raise
            raise httpx.ConnectError(_said(error)) from error  # what the backup host is tried on

    async def aclose(self) -> None:
        await self._sessions.aclose()


_connection: ContextVar[ResponseHandler | None] = ContextVar("_connection", default=None)
"""The connection of the last request in this task; a reply that has been read has let go of it already."""
GIVEN = 10_000
"""So many receipts are remembered: one that is repeated is repeated soon."""
_RECEIPT_ID = re.compile(rb'"request_id"\s*:\s*"([^"]+)"')
_SECRET = ("authorization",)
_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")
"""What a body's headers say of it no longer holds once it is read."""


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


class Seal(httpx.AsyncBaseTransport):
    """Outermost: what is left of errors and refusals passes fal-client by, as an `Exchange`."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._inner.handle_async_request(request)
            body = await response.aread()
        except httpx.DecodingError as error:
            raise UnusableReply(str(error)) from error
        except httpx.HTTPError as error:
            raise Unreachable(_said(error)) from error
        if not response.is_success:
            raise ErrorResponse(response.status_code, response.headers, body)
        last_body.set(body)
        last_date.set(response.headers.get("date"))
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _GuardedNetwork(httpx.AsyncClient):
    """httpx with every transport guarded: its own, and those it mounts for proxies from the environment."""

    # httpx hands every argument over by name; the ones that do not matter here stay in `kwargs`.
    def _init_transport(self, **kwargs: Any) -> httpx.AsyncBaseTransport:  # type: ignore[override]
        return Guard(_wire(**kwargs))

    def _init_proxy_transport(self, proxy: httpx.Proxy, **kwargs: Any) -> httpx.AsyncBaseTransport:  # type: ignore[override]
        if proxy.url.scheme not in ("http", "https"):
            return _Unsupported(proxy)  # no trouble where fal's hosts go another way
        return Guard(_wire(proxy=proxy, **kwargs))


class _Unsupported(httpx.AsyncBaseTransport):
    """Stands for a proxy of a kind that aiohttp does not speak: nothing leaves."""

    def __init__(self, proxy: httpx.Proxy) -> None:
        self.name = f"{proxy.url.scheme}://{proxy.url.host}"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 - httpx's signature
        raise Unreachable(f"the proxy {self.name} is of a kind that is not supported")


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
                req.connection_key, OSError(None, f"no connection ({_said(error)})")
            ) from error


def _wire(verify: ssl.SSLContext, proxy: httpx.Proxy | None = None, **_: Any) -> Wire:
    if proxy and (credentials := proxy.raw_auth):
        # As a header: aiohttp deprecates its own way, which takes no password beyond Latin-1 either.
        basic = b64encode(b":".join(credentials)).decode("ascii")
        proxy = httpx.Proxy(proxy.url, headers={"Proxy-Authorization": f"Basic {basic}"})
    return Wire(verify, proxy)


def guarded_client(headers: Mapping[str, str], timeout: float) -> httpx.AsyncClient:
    """The httpx client to put under fal-client; proxies and certificates come from the environment, as ever.

    Raises:
        UsageError: the environment names a proxy or certificates that cannot be used.
    """
    backup = AsyncBackupDomainTransport(transport=httpx.MockTransport(_never))
    # The layer makes an httpx client of its own, whose proxy transports would bypass the guard: replaced.
    backup._client = _Straight(_guarded_network())  # type: ignore[assignment]  # it needs no more than this of it
    known = {"Accept-Encoding": "gzip, deflate", **headers}
    return httpx.AsyncClient(transport=Seal(backup), headers=known, timeout=timeout, trust_env=False)


class _Straight:
    """What the backup layer needs of an httpx client, without a second round of cookies and redirects."""

    def __init__(self, network: _GuardedNetwork) -> None:
        self._network = network

    async def send(self, request: httpx.Request, *, stream: bool) -> httpx.Response:  # noqa: ARG002 - httpx's signature
        return await self._network._transport_for_url(request.url).handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()


def _guarded_network() -> _GuardedNetwork:
    try:
        certificates = httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"the certificates that SSL_CERT_FILE names cannot be used: {error}") from error
    try:
        network = _GuardedNetwork(verify=certificates, follow_redirects=False)
    except httpx.InvalidURL as error:  # its text may hold a piece of a password
        raise UsageError(f"a proxy in the environment is no URL; {_PROXY_REMEDY}") from error
    except ValueError as error:
        raise UsageError(f"a proxy in the environment cannot be used ({error}): {_PROXY_REMEDY}") from error
    way = network._transport_for_url(httpx.URL(QUEUE_URL_FORMAT))
    if isinstance(way, _Unsupported):
        raise UsageError(f"the proxy {way.name} is of a kind that is not supported: {_PROXY_REMEDY}")
    return network


_PROXY_REMEDY = "set HTTPS_PROXY to an http:// proxy, or name fal's hosts in NO_PROXY"


def _never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"the guard was bypassed: {request.method} {request.url}")


def _said(error: Exception) -> str:
    root = error.__cause__ or error
    if isinstance(root, aiohttp.ClientConnectorError) and root.strerror:
        return f"{type(root).__name__}: {root.host}: {root.strerror}"  # its own text shows the SSL context
    text = str(root).strip()
    return f"{type(root).__name__}: {text}" if text else type(root).__name__
