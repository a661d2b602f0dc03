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

import ssl
from base64 import b64encode
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import httpx
from fal_client.client import QUEUE_URL_FORMAT, AsyncBackupDomainTransport

from batch.errors import UsageError
from batch.fal.wire import NOT_SENT, Wire, reason_of

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
                raise ReplyLost(reason_of(error)) from error
            if isinstance(error, httpx.HTTPError):
                raise
            raise Unreachable(reason_of(error)) from error

    async def aclose(self) -> None:
        await self._network.aclose()


def _never_left(error: Exception) -> bool:
    """`Wire`'s word, with the proof behind it; httpx's own error of that name proves nothing."""
    return isinstance(error, httpx.ConnectError) and isinstance(error.__cause__, NOT_SENT)


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
            raise Unreachable(reason_of(error)) from error
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


def certificates() -> ssl.SSLContext:
    """Whom to believe: as the environment says, else as httpx does.

    Raises:
        UsageError: it names what cannot be used.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"the certificates that SSL_CERT_FILE names cannot be used: {error}") from error


def _guarded_network() -> _GuardedNetwork:
    trusted = certificates()
    try:
        network = _GuardedNetwork(verify=trusted, follow_redirects=False)
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
