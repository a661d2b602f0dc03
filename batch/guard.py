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

import ssl
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import aiohttp
import httpx
from fal_client.client import AsyncBackupDomainTransport
from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient

from batch.errors import UsageError

CONNECTIONS = 256
IDLE_SECONDS = 4.0
"""How long an idle connection is kept. Short: a POST on one that the server just closed is a false doubt."""

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
        try:
            return await self._whole_reply(request)
        except Exception as error:  # every kind of it: one that nobody foresaw is a lost reply too
            if request.method == "POST" and not isinstance(error.__cause__, NOT_SENT):
                raise ReplyLost(_said(error)) from error
            raise

    async def _whole_reply(self, request: httpx.Request) -> httpx.Response:
        response = await self._network.handle_async_request(request)
        try:
            body = await response.aread()
        finally:
            with suppress(httpx.HTTPError):  # the connection is broken already; the read has said so
                await response.aclose()
        headers = [(k, v) for k, v in response.headers.multi_items() if k not in ("content-encoding", "content-length")]
        return httpx.Response(response.status_code, headers=headers, content=body, request=request)

    async def aclose(self) -> None:
        await self._network.aclose()


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
            raise UsageError(
                f"the proxy {proxy.url.scheme}://{proxy.url.host} from the environment is of a kind that is not "
                "supported: set HTTPS_PROXY to an http:// proxy, or name fal's hosts in NO_PROXY"
            )
        return Guard(_network(proxy=proxy, **kwargs))


def _network(proxy: httpx.Proxy | None = None, verify: ssl.SSLContext | bool = True, **_: Any) -> AiohttpTransport:
    limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=IDLE_SECONDS)
    return AiohttpTransport(verify=verify, proxy=proxy, limits=limits)


def guarded_client(headers: Mapping[str, str], timeout: float) -> httpx.AsyncClient:
    """The httpx client to put under fal-client; proxies and certificates come from the environment, as ever."""
    backup = AsyncBackupDomainTransport(transport=httpx.MockTransport(_never))
    # The layer makes an httpx client of its own, whose proxy transports would bypass the guard: replaced.
    backup._client = _GuardedNetwork(verify=httpx.create_ssl_context(), follow_redirects=False)
    return httpx.AsyncClient(transport=Seal(backup), headers=headers, timeout=timeout, trust_env=False)


def _never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"the guard was bypassed: {request.method} {request.url}")


def _said(error: Exception) -> str:
    root = error.__cause__ or error
    text = str(root).strip()
    return f"{type(root).__name__}: {text}" if text else type(root).__name__
