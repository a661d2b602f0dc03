"""The one door to the network: at most one POST leaves for each submit, whatever happens to its reply.

fal-client repeats a POST whose reply is lost up to ten times, and its backup-host layer repeats one whose
connection looks unmade. Both decide by httpx's errors. So two transports of ours enclose everything:

    httpx.AsyncClient  →  Seal  →  fal-client's backup hosts  →  httpx (proxies)  →  Guard  →  aiohttp

`Guard` stands right on the network. It reads the whole reply, and turns every failure of a POST that may
have left into `ReplyLost`, which no layer above takes for its own. What it lets through as an httpx error
has certainly not been sent, so the backup host may be tried. `Seal` stands on top: no httpx error and no
refusal reaches fal-client's own retry loop.

    Exchange                 what went wrong with one HTTP exchange
    ├── Unreachable      a POST that certainly did not leave; a GET or PUT without a usable reply
    ├── ReplyLost        a POST that may have been accepted
    └── Answered         any reply but 2xx
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import aiohttp
import httpx
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from fal_client.client import QUEUE_URL_FORMAT, AsyncBackupDomainTransport
from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient

from batch.errors import UsageError

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
"""aiohttp's own errors that prove that no byte of the request left. Its httpx translation is no proof:
httpx-aiohttp 0.2 calls every `ClientConnectionError` a `ConnectTimeout`, a dropped reply included."""


last_body: ContextVar[bytes | None] = ContextVar("last_body", default=None)
"""The body of the last 2xx reply in this task: a receipt that fal-client cannot read is still a receipt."""


class Exchange(Exception):
    """One HTTP exchange that did not give a 2xx reply."""


class Unreachable(Exchange):
    """Certainly not sent (POST), or simply no usable reply (GET, PUT)."""


class ReplyLost(Exchange):
    """A POST that may have been accepted."""


class Answered(Exchange):
    """A reply with another status than 2xx, read to its end."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        self.body = body


class Guard(httpx.AsyncBaseTransport):
    """Innermost: reads whole replies; a POST that may have left never looks unsent."""

    def __init__(self, network: httpx.AsyncBaseTransport) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response | None = None
        try:
            await request.aread()  # the copy for the backup host is unread, and would go out in chunks
            response = await self._network.handle_async_request(request)
            return await _whole(response, request)
        except Exception as error:  # every kind of it: one that nobody foresaw is a lost reply too
            if request.method == "POST" and not (response is None and _never_left(error)):
                raise ReplyLost(_said(error)) from error
            if isinstance(error, httpx.HTTPError):
                raise
            raise Unreachable(_said(error)) from error  # httpx-aiohttp leaves some of aiohttp's errors as they are

    async def aclose(self) -> None:
        await self._network.aclose()


async def _whole(response: httpx.Response, request: httpx.Request) -> httpx.Response:
    try:
        body = await response.aread()
    finally:
        with suppress(httpx.HTTPError):  # the connection is broken already; the read has said so
            await response.aclose()
    # As bytes: a header may hold any of them.
    headers = [pair for pair in response.headers.raw if pair[0].lower() not in (b"content-encoding", b"content-length")]
    return httpx.Response(response.status_code, headers=headers, content=body, request=request)


def _never_left(error: Exception) -> bool:
    cause = error if isinstance(error, aiohttp.ClientError) else error.__cause__
    return isinstance(cause, NOT_SENT) and not isinstance(cause, aiohttp.RedirectClientError)


class Seal(httpx.AsyncBaseTransport):
    """Outermost: what is left of errors and refusals passes fal-client by, as an `Exchange`."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._inner.handle_async_request(request)
            body = await response.aread()
        except httpx.HTTPError as error:
            raise Unreachable(_said(error)) from error
        if not response.is_success:
            raise Answered(response.status_code, response.headers, body)
        last_body.set(body)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _GuardedNetwork(HttpxAiohttpClient):
    """httpx with every transport guarded: its own, and those it mounts for proxies from the environment."""

    # httpx hands every argument over by name; the ones that do not matter here stay in `kwargs`.
    def _init_transport(self, **kwargs: Any) -> httpx.AsyncBaseTransport:  # type: ignore[override]
        return Guard(_network(**kwargs))

    def _init_proxy_transport(self, proxy: httpx.Proxy, **kwargs: Any) -> httpx.AsyncBaseTransport:  # type: ignore[override]
        if proxy.url.scheme not in ("http", "https"):
            return _Unsupported(proxy)  # no trouble where fal's hosts go another way
        return Guard(_network(proxy=proxy, **kwargs))


class _Unsupported(httpx.AsyncBaseTransport):
    """Stands for a proxy of a kind that aiohttp does not speak: nothing leaves."""

    def __init__(self, proxy: httpx.Proxy) -> None:
        self.name = f"{proxy.url.scheme}://{proxy.url.host}"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 - httpx's signature
        raise Unreachable(f"the proxy {self.name} is of a kind that is not supported")


class _Connector(aiohttp.TCPConnector):
    """Bounds the way to a connection, and says of every failure on it that nothing was sent.

    aiohttp says so itself, but for a proxy that closes or talks nonsense in place of a tunnel (that looks like a
    reply lost) and for a name that no host can have.
    """

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:  # noqa: ASYNC109 - aiohttp's signature
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await super().connect(req, traces, timeout)
        except (TimeoutError, *NOT_SENT):  # aiohttp makes a ConnectionTimeoutError of the first
            raise
        except Exception as error:
            raise aiohttp.ClientConnectorError(
                req.connection_key, OSError(None, f"no connection ({_said(error)})")
            ) from error


def _network(verify: ssl.SSLContext, proxy: httpx.Proxy | None = None, **_: Any) -> AiohttpTransport:
    if proxy and (credentials := proxy.raw_auth):
        # As a header: aiohttp deprecates its own way, which takes no password beyond Latin-1 either.
        basic = b64encode(b":".join(credentials)).decode("ascii")
        proxy = httpx.Proxy(proxy.url, headers={"Proxy-Authorization": f"Basic {basic}"})

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_Connector(limit=CONNECTIONS, keepalive_timeout=IDLE_SECONDS, ssl=verify)
        )

    return AiohttpTransport(verify=verify, proxy=proxy, client=session)


def guarded_client(headers: Mapping[str, str], timeout: float) -> httpx.AsyncClient:
    """The httpx client to put under fal-client; proxies and certificates come from the environment, as ever.

    Raises:
        UsageError: the environment names a proxy or certificates that cannot be used.
    """
    backup = AsyncBackupDomainTransport(transport=httpx.MockTransport(_never))
    # The layer makes an httpx client of its own, whose proxy transports would bypass the guard: replaced.
    backup._client = _Straight(_guarded_network())  # type: ignore[assignment]  # it needs no more than this of it
    return httpx.AsyncClient(transport=Seal(backup), headers=headers, timeout=timeout, trust_env=False)


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
