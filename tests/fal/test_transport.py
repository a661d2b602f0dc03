"""One POST for each submit, whatever becomes of its reply: every error there is, and real sockets that misbehave."""

import asyncio
import gzip
import json
import os
import random
import socket
import ssl
import sys
from functools import partial
from pathlib import Path

import aiohttp
import httpx
import pytest
from aiohttp.client_exceptions import UnixClientConnectorError
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from batch.core.gateway import Accepted, Finished, InDoubt, NotSent, Receipt, SubmitAnswer, Unclear, Video
from batch.errors import UsageError
from batch.fal import client as fal
from batch.fal import wire as network_wire
from batch.fal.client import FalGateway
from batch.fal.hosts import FalHosts
from batch.fal.wire import CONNECT_SECONDS
from jobs.kling import KLING_2_1_PRO
from tests.support.wire_service import (
    KEY,
    QUEUE_HOSTS,
    TUNNEL,
    Act,
    Heard,
    Line,
    Wire,
    accepted,
    answering,
    point_to,
    queue_of,
    reply,
    request_id,
    saying,
)

SHOT = {"prompt": "a ship", "image_url": "https://example.com/ship.png"}
RECEIPT = Receipt(
    "r", *(f"https://queue.fal.run/fal-ai/kling-video/requests/r{end}" for end in ("/status", "", "/cancel"))
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


def gateway() -> FalGateway:
    return FalGateway(KLING_2_1_PRO, local=lambda cell: None)


async def submit() -> SubmitAnswer:
    async with gateway() as service:
        return await service.submit(SHOT)


# Every error there is


class Network:
    """Stands where aiohttp's session stands: fails as it is told, in connecting or in the body of a reply."""

    status = 200
    raw_headers = ()

    def __init__(self, *errors: BaseException, in_body: bool = False) -> None:
        self._errors = list(errors)
        self._in_body = in_body
        self.hosts: list[str] = []

    async def request(self, method: str, url: str, **_: object) -> "Network":
        self.hosts.append(URL(url).host or "")
        if self._in_body:
            return self
        raise self._error()

    async def read(self) -> bytes:
        raise self._error()

    async def close(self) -> None:
        pass

    def _error(self) -> BaseException:
        return self._errors.pop(0) if len(self._errors) > 1 else self._errors[0]


def under_the_guard(monkeypatch: pytest.MonkeyPatch, network: Network) -> Network:
    monkeypatch.setattr(network_wire, "_session", lambda _: network)
    return network


def family(*heads: type[BaseException]) -> list[type[BaseException]]:
    """The classes and all that descend from them."""
    found = dict.fromkeys(heads)
    for head in heads:
        found |= dict.fromkeys(family(*head.__subclasses__()))
    return list(found)


WHERE = ConnectionKey("queue.fal.run", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
ASKED = RequestInfo(URL("https://queue.fal.run"), "POST", CIMultiDictProxy(CIMultiDict()), URL("https://queue.fal.run"))


def made(kind: type[BaseException]) -> BaseException:
    """An instance of an error, with what its own `str()` needs."""
    if issubclass(kind, UnixClientConnectorError):
        return kind("/run/x", WHERE, OSError(111, "refused"))
    if issubclass(kind, aiohttp.ClientConnectorCertificateError):
        return kind(WHERE, ssl.CertificateError("not trusted"))
    if issubclass(kind, aiohttp.ClientConnectorError):
        return kind(WHERE, OSError(111, "refused"))
    if issubclass(kind, aiohttp.ClientResponseError):
        return kind(ASKED, (), status=502, message="Bad Gateway")
    if issubclass(kind, aiohttp.ServerFingerprintMismatch):
        return kind(b"one", b"other", "queue.fal.run", 443)
    if issubclass(kind, httpx.HTTPStatusError):
        request = httpx.Request("POST", "https://queue.fal.run")
        return kind("said", request=request, response=httpx.Response(500, request=request))
    return kind() if issubclass(kind, httpx.StreamError) and kind is not httpx.StreamError else kind("said")


AIOHTTP = family(aiohttp.ClientError)
HTTPX = family(httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict)
OTHERS = [OSError, ConnectionResetError, TimeoutError, RuntimeError, ValueError, ssl.SSLError, EOFError, RecursionError]

CERTAINLY_NOT_SENT = {
    "ClientConnectorError",
    "ClientConnectorDNSError",
    "ClientProxyConnectionError",
    "ClientSSLError",
    "ClientConnectorSSLError",
    "ClientConnectorCertificateError",
    "UnixClientConnectorError",
    "ConnectionTimeoutError",
    "ClientHttpProxyError",
    "ServerFingerprintMismatch",
    "InvalidURL",
    "InvalidUrlClientError",
}


def test_the_list_of_errors_is_long_enough_to_mean_something() -> None:
    """The families below are found by themselves; none of them is empty by mistake."""
    assert len(AIOHTTP) >= 28
    assert len(HTTPX) >= 24
    assert {kind.__name__ for kind in AIOHTTP} >= CERTAINLY_NOT_SENT


@pytest.mark.parametrize("kind", AIOHTTP, ids=lambda kind: kind.__name__)
async def test_an_error_of_aiohttp_is_unsent_only_where_it_proves_it(
    kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of connecting are NotSent, on both hosts; all the others InDoubt after one POST."""
    network = under_the_guard(monkeypatch, Network(made(kind)))
    answer = await submit()
    if kind.__name__ in CERTAINLY_NOT_SENT:
        assert isinstance(answer, NotSent)
        assert network.hosts in (["queue.fal.run"], list(QUEUE_HOSTS))
    else:
        assert isinstance(answer, InDoubt)
        assert network.hosts == ["queue.fal.run"]


@pytest.mark.parametrize("kind", [*HTTPX, *OTHERS], ids=lambda kind: kind.__name__)
async def test_an_error_without_proof_is_a_doubt(kind: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """httpx's own ConnectError, with nothing of aiohttp's behind it, proves nothing: one POST, InDoubt."""
    network = under_the_guard(monkeypatch, Network(made(kind)))
    assert isinstance(await submit(), InDoubt)
    assert network.hosts == ["queue.fal.run"]


@pytest.mark.parametrize("kind", [*AIOHTTP, *HTTPX, *OTHERS], ids=lambda kind: kind.__name__)
async def test_a_question_that_fails_is_unclear(kind: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised under a GET or PUT, poll, collect and cancel answer Unclear."""
    under_the_guard(monkeypatch, Network(made(kind)))
    async with gateway() as service:
        assert isinstance(await service.poll(RECEIPT), Unclear)
        assert isinstance(await service.collect(RECEIPT, Finished()), Unclear)
        assert isinstance(await service.cancel(RECEIPT), Unclear)


@pytest.mark.parametrize("kind", [*AIOHTTP, *HTTPX, *OTHERS], ids=lambda kind: kind.__name__)
async def test_an_error_in_the_body_comes_too_late_to_be_unsent(
    kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a status line there, the POST has left, whatever the error's name: InDoubt, one POST."""
    network = under_the_guard(monkeypatch, Network(made(kind), in_body=True))
    assert isinstance(await submit(), InDoubt)
    assert network.hosts == ["queue.fal.run"]


async def test_what_went_wrong_is_said_in_the_words_of_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds a row in doubt, or reads why it waits, sees what the network said."""
    under_the_guard(monkeypatch, Network(aiohttp.ClientPayloadError("cut off")))
    async with gateway() as service:
        answers = await service.submit(SHOT), await service.poll(RECEIPT)
    assert [type(answer) for answer in answers] == [InDoubt, Unclear]
    assert all("ClientPayloadError: cut off" in repr(answer) for answer in answers), answers


async def test_a_lost_reply_of_the_backup_host_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The primary host's refusal proves nothing about the POST that the backup host took."""
    errors = made(aiohttp.ClientConnectorError), aiohttp.ServerDisconnectedError()
    network = under_the_guard(monkeypatch, Network(*errors))
    assert isinstance(await submit(), InDoubt)
    assert network.hosts == list(QUEUE_HOSTS)


async def test_a_shutdown_in_mid_post_is_nobodys_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancellation is passed on, neither swallowed nor made an answer of."""
    under_the_guard(monkeypatch, Network(asyncio.CancelledError()))
    with pytest.raises(asyncio.CancelledError):
        await submit()


# Real sockets that lose the reply


async def silent(line: Line, heard: Heard) -> None:
    await line.client_gone()


async def hang_up(line: Line, heard: Heard) -> None:
    await line.close()


async def reset(line: Line, heard: Heard) -> None:
    await line.reset()


async def drip(line: Line, heard: Heard) -> None:
    """A reply that never ends, a byte at a time: each one keeps the read timeout from firing."""
    await line.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        await line.send(b" ")
        await asyncio.sleep(0.01)


GOOD = json.dumps(accepted(1)).encode()
NGINX = b"<html><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></html>"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n"
HTML = {"content-type": "text/html"}

LOST_REPLIES: dict[str, Act] = {
    "closed after the body": hang_up,
    "reset after the body": reset,
    "half a status line": saying(b"HTTP/1.1 2"),
    "a status line alone": saying(b"HTTP/1.1 200 OK\r\n"),
    "no HTTP at all": saying(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "a header without a colon": saying(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", GOOD),
    "a body cut short": saying(reply(200, accepted(1))[:-40]),
    "chunks cut short": saying(CHUNKED, b"%x\r\n" % (len(GOOD) + 9), GOOD[:40]),
    "chunks without an end": saying(CHUNKED, b"14\r\n", GOOD[:20], b"\r\n"),
    "a chunk that is none": saying(CHUNKED, b"zz\r\n", GOOD),
    "a body without length, cut": saying(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", GOOD[:-1]),
    "broken gzip": answering(200, raw=b"\x1f\x8b" + GOOD, headers={"content-encoding": "gzip"}),
    "gzip cut short": answering(200, raw=gzip.compress(GOOD)[:-30], headers={"content-encoding": "gzip"}),
    "200 and garbage": answering(200, raw=NGINX, headers=HTML),
    "200 and nothing": answering(200, raw=b""),
    "200 and a list": answering(200, [accepted(1)]),
    "200 and null": answering(200, None),
    "200 and no id": answering(200, {"status": "IN_QUEUE"}),
    "200 and an empty id": answering(200, accepted(1) | {"request_id": ""}),
    "200 and an id that is none": answering(200, accepted(1) | {"request_id": "a\u0000\ud800"}),
    "200 and a number for an id": answering(200, accepted(1) | {"request_id": 7}),
    "200 nested without end": answering(200, raw=b"[" * 200_000),
    "200 with a number without end": answering(200, raw=b'{"request_id": ' + b"9" * 10_000 + b"}"),
    "204": answering(204, raw=b"", headers={"content-length": ""}),
    "303": answering(303, raw=b"", headers={"location": "https://queue.falrun.com/elsewhere"}),
    "307": answering(307, raw=b"", headers={"location": "https://queue.falrun.com/elsewhere"}),
    "308": answering(308, raw=b"", headers={"location": "/fal-ai/elsewhere"}),
    "408": answering(408, {"detail": "Request Timeout"}),
    "409": answering(409, {"detail": "Conflict"}),
    "418": answering(418, {"detail": "a teapot"}),
    "499": answering(499, {"detail": "Client Closed Request"}),
    "500": answering(500, {"detail": "Internal Server Error"}),
    "502 of nginx": answering(502, raw=NGINX, headers=HTML),
    "503 of nginx": answering(503, raw=NGINX, headers=HTML),
    "504 of nginx": answering(504, raw=NGINX, headers=HTML),
    "503": answering(503, {"detail": "Service Unavailable"}, {"x-fal-request-id": "r"}),
    "504": answering(504, {"detail": "start timeout"}, {"X-Fal-Request-Timeout-Type": "user"}),
}


@pytest.mark.parametrize("act", LOST_REPLIES.values(), ids=LOST_REPLIES)
async def test_a_lost_reply_is_a_doubt_after_one_post(act: Act, wire: Wire) -> None:
    """The POST arrives once over both hosts; the answer claims nothing, and carries no key."""
    wire.act = act
    answer = await submit()
    assert isinstance(answer, InDoubt)
    assert answer.reason.isprintable()
    assert [post.host for post in wire.posts] == ["queue.fal.run"]
    assert len(wire.heard) == 1


@pytest.mark.parametrize("act", [silent, drip], ids=["silent", "a slow drip"])
async def test_a_reply_that_does_not_end_is_a_doubt(act: Act, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is bounded as a whole, not from byte to byte; then InDoubt, after one POST."""
    monkeypatch.setattr(fal, "SUBMIT_SECONDS", 0.3)
    wire.act = act
    assert isinstance(await submit(), InDoubt)
    assert len(wire.heard) == 1


async def test_a_connection_closed_before_the_request_was_read_is_a_doubt(wire: Wire) -> None:
    """The handshake was made, so the bytes may have left: no second connection, on neither host."""
    wire.greet = Line.close
    assert isinstance(await submit(), InDoubt)
    assert wire.tunnels == ["queue.fal.run"]
    assert wire.heard == []


async def test_a_post_on_a_connection_that_closes_is_a_doubt_and_not_repeated(wire: Wire) -> None:
    """On one that was used before, too: the server may have taken it."""
    async with gateway() as service:
        assert isinstance(await service.poll(RECEIPT), Finished)
        wire.act = hang_up
        assert isinstance(await service.submit(SHOT), InDoubt)
    assert len(wire.posts) == 1
    assert [one.line for one in wire.heard] == [0, 0]


async def test_a_question_may_be_asked_twice_on_the_wire(wire: Wire) -> None:
    """The same stale connection under a GET is no trouble: it is asked again by itself."""
    calm = wire.act

    async def hang_up_once(line: Line, heard: Heard) -> None:
        await (hang_up if heard.number == 2 else calm)(line, heard)

    wire.act = hang_up_once
    async with gateway() as service:
        answers = [await service.poll(RECEIPT) for _ in range(2)]
    assert all(isinstance(answer, Finished) for answer in answers)
    assert [one.line for one in wire.heard] == [0, 0, 1]


WHOLE_REPLIES: dict[str, Act] = {
    "with a length": answering(200, accepted(1)),
    "201": answering(201, accepted(1)),
    "gzip": answering(200, raw=gzip.compress(GOOD), headers={"content-encoding": "gzip"}),
    "gzip in chunks": saying(
        CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"),
        *(b"%x\r\n%s\r\n" % (len(part), part) for part in [gzip.compress(GOOD)]),
        b"0\r\n\r\n",
    ),
    "chunks": saying(CHUNKED, b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)),
    "until the end": saying(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", GOOD),
    "until the end, HTTP/1.0": saying(b"HTTP/1.0 200 OK\r\n\r\n", GOOD),
    "100 first": saying(b"HTTP/1.1 100 Continue\r\n\r\n", reply(200, accepted(1))),
    "a header in another alphabet": answering(200, accepted(1), {"x-note": "für später"}),
    "a cookie": answering(200, accepted(1), {"set-cookie": "a=b; Domain=.fal.run; Secure"}),
    "a UTF-8 mark": answering(200, raw=b"\xef\xbb\xbf" + GOOD),
    "an id alone": answering(200, {"request_id": request_id(1)}),
}


@pytest.mark.parametrize("act", WHOLE_REPLIES.values(), ids=WHOLE_REPLIES)
async def test_a_reply_with_an_id_is_a_receipt(act: Act, wire: Wire) -> None:
    """However HTTP wraps it, and even where fal-client cannot read it: the id is not lost."""
    wire.act = act
    answer = await submit()
    assert isinstance(answer, Accepted)
    assert answer.receipt.request_id == request_id(1)
    assert len(wire.heard) == 1


async def test_what_leaves_is_the_bare_arguments_with_key_and_deadline(wire: Wire) -> None:
    """The body is the arguments, nothing added; the headers carry the key and the start deadline."""
    async with FalGateway(KLING_2_1_PRO, local=lambda cell: None) as service:
        assert isinstance(await service.submit(SHOT | {"prompt": "Æther 🚢"}, 1234.0), Accepted)
    [post] = wire.posts
    assert post.path == "/fal-ai/kling-video/v2.1/pro/image-to-video"
    assert json.loads(post.body) == SHOT | {"prompt": "Æther 🚢"}
    assert post.headers["authorization"] == f"Key {KEY}"
    assert post.headers["x-fal-request-timeout"] == "1234.0"
    assert not {"x-fal-store-io", "proxy-authorization"} & set(post.headers)


# Proxies and hosts


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_leaves_the_row_unsent(
    scheme: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens at HTTPS_PROXY, which is of a kind that can be used: NotSent."""
    with socket.socket() as bound:  # and not listening: connections are refused, and nobody else gets the port
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{bound.getsockname()[1]}")
        assert isinstance(await submit(), NotSent)
    assert wire.heard == []


CONNECT_REFUSALS = {
    "403": b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
    "502": b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad",
    "closed without a word": b"",
    "half a line": b"HTTP/1.1 2",
    "no HTTP": b"220 smtp.example.com ESMTP\r\n\r\n",
    "200, then closed": b"HTTP/1.1 200 OK\r\n\r\n",
    "200, then no TLS": b"HTTP/1.1 200 OK\r\n\r\n220 smtp.example.com ESMTP\r\n",
}


@pytest.mark.parametrize("refusal", CONNECT_REFUSALS.values(), ids=CONNECT_REFUSALS)
async def test_a_proxy_that_makes_no_tunnel_leaves_the_row_unsent(refusal: bytes, wire: Wire) -> None:
    """Without a tunnel there is nothing that a POST could have left through: NotSent."""
    wire.on_connect = lambda host: refusal
    assert isinstance(await submit(), NotSent)
    assert set(wire.tunnels) <= set(QUEUE_HOSTS)
    assert wire.heard == []


async def test_a_proxy_that_never_answers_leaves_the_row_unsent(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to a connection has a deadline of its own, shorter than the reply's: NotSent, no doubt."""
    assert 2 * CONNECT_SECONDS < fal.SUBMIT_SECONDS
    monkeypatch.setattr(network_wire, "CONNECT_SECONDS", 0.2)
    wire.on_connect = lambda host: None
    assert isinstance(await submit(), NotSent)
    assert wire.tunnels == list(QUEUE_HOSTS)


async def test_a_handshake_that_never_ends_leaves_the_row_unsent(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tunnel without anyone behind it: no TLS, so nothing was sent."""
    monkeypatch.setattr(network_wire, "CONNECT_SECONDS", 0.2)
    wire.on_connect = lambda host: TUNNEL + b"\x16"  # the first byte of a TLS record, and silence
    assert isinstance(await submit(), NotSent)
    assert wire.heard == []


@pytest.mark.parametrize("refusal", [b"", b"HTTP/1.1 2"], ids=["closed", "half a line"])
async def test_the_backup_host_is_tried_where_the_first_one_cannot_be_reached(refusal: bytes, wire: Wire) -> None:
    """One POST, and it went to queue.falrun.com."""
    wire.on_connect = lambda host: refusal if host == "queue.fal.run" else TUNNEL
    assert isinstance(await submit(), Accepted)
    assert wire.tunnels == list(QUEUE_HOSTS)
    assert [post.host for post in wire.posts] == ["queue.falrun.com"]
    assert json.loads(wire.posts[0].body) == SHOT


@pytest.mark.parametrize("act", [hang_up, reset, answering(502, raw=NGINX)], ids=["closed", "reset", "502"])
async def test_a_reply_that_the_backup_host_loses_is_a_doubt(act: Act, wire: Wire) -> None:
    """One POST to the backup host, and none after it."""
    wire.on_connect = lambda host: b"" if host == "queue.fal.run" else TUNNEL
    wire.act = act
    assert isinstance(await submit(), InDoubt)
    assert [post.host for post in wire.posts] == ["queue.falrun.com"]


async def test_a_foreign_certificate_leaves_the_row_unsent(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SSL_CERT_FILE the service's authority is unknown: NotSent, on both hosts."""
    monkeypatch.delenv("SSL_CERT_FILE")
    answer = await submit()
    assert isinstance(answer, NotSent)
    assert "Certificate" in answer.reason
    assert wire.heard == []


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "nonsense"])
async def test_a_certificate_file_that_cannot_be_used_is_told(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of the environment ends the command with one line that names it."""
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        gateway()


async def test_a_host_in_no_proxy_is_reached_without_the_proxy(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY takes the hosts out, and the way without a proxy is guarded too."""
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setattr("batch.fal.receipts.HOSTS", FalHosts(f"localhost:{wire.tls_port}"))
    wire.act = answering(200, accepted(1, f"https://localhost:{wire.tls_port}/requests"))
    async with gateway() as service:
        answer = await service.submit(SHOT)
        assert isinstance(answer, Accepted)
        wire.act = queue_of(wire)
        assert isinstance(await service.poll(answer.receipt), Finished)
    assert wire.tunnels == ["queue.fal.run"]
    assert [one.host for one in wire.heard] == ["queue.fal.run", "localhost"]


CHILD = """
import asyncio, sys
from batch.fal.client import FalGateway
from jobs.kling import KLING_2_1_PRO
async def main():
    async with FalGateway(KLING_2_1_PRO, local=lambda cell: None) as service:
        print(await service.submit({"prompt": "a ship", "image_url": "https://example.com/ship.png"}))
asyncio.run(main())
"""


@pytest.mark.parametrize(("act", "answer"), [(None, "Accepted("), (hang_up, "InDoubt(")], ids=["answered", "closed"])
async def test_another_queue_host_from_the_environment_is_guarded_too(
    act: Act | None, answer: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAL_QUEUE_RUN_HOST, read when fal-client is imported: one POST to that host, without a proxy."""
    wire.act = act or wire.act
    environment = os.environ | {"FAL_QUEUE_RUN_HOST": f"localhost:{wire.tls_port}"}
    del environment["HTTPS_PROXY"]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", CHILD, env=environment, stdout=pipe, stderr=pipe
    )
    out, err = await asyncio.wait_for(child.communicate(), 30)
    assert child.returncode == 0, err.decode()
    assert err == b""
    assert out.decode().startswith(answer)
    assert [post.host for post in wire.posts] == ["localhost"]
    assert wire.tunnels == []


@pytest.mark.parametrize("proxy", ["socks5://u:hunter2@127.0.0.1:9", "socks4://127.0.0.1:9", "ftp://127.0.0.1:9"])
async def test_a_proxy_of_an_unknown_kind_is_told_before_anything_is_sent(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that names its kind and what to set instead, without its password."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UsageError) as told:
        gateway()
    assert proxy.partition(":")[0] in str(told.value)
    assert "HTTPS_PROXY" in str(told.value)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:notaport", "http://u:hunter2/7@proxy:80", "://proxy"])
async def test_a_proxy_that_cannot_be_read_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing mistake in HTTPS_PROXY is a line, not a traceback, and shows no password."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UsageError, match="proxy") as told:
        gateway()
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("proxy", ["http://[bad", "http://a..b:80", f"http://{'a' * 70}:80", "http://127.0.0.1:99999"])
async def test_a_proxy_that_no_host_can_be_leaves_the_row_unsent(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong before there is a connection is NotSent, also where it is no error of the network's."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert isinstance(await submit(), NotSent)


@pytest.mark.parametrize("way_out", ["HTTPS_PROXY", "NO_PROXY"])
async def test_a_proxy_of_an_unknown_kind_is_no_trouble_where_it_is_not_used(
    way_out: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the message says to do helps: another proxy for https, or fal's hosts in NO_PROXY."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    if way_out == "NO_PROXY":
        monkeypatch.delenv("HTTPS_PROXY")
        monkeypatch.setenv("NO_PROXY", "fal.run,falrun.com,fal.ai,fal.media")
        async with gateway():
            return
    assert isinstance(await submit(), Accepted)


async def test_a_proxy_that_wants_a_password_gets_it_and_nobody_else(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """user:password of HTTPS_PROXY goes to the proxy alone, and into no answer."""
    point_to(wire, monkeypatch, "mallory:hunter2@")
    assert isinstance(await submit(), Accepted)
    assert wire.passwords == ["Basic bWFsbG9yeTpodW50ZXIy"]
    assert "hunter2" not in str(wire.posts[0].headers)
    for refusal in CONNECT_REFUSALS.values():
        wire.on_connect = partial(lambda refusal, host: refusal, refusal)
        answer = await submit()
        assert isinstance(answer, NotSent)
        assert "hunter2" not in repr(answer)
    monkeypatch.setenv("HTTPS_PROXY", "http://mallory:hunter2@127.0.0.1:1")
    assert "hunter2" not in repr(await submit())


# Many at once, and the end


def mixed(wire: Wire, rows: int, seed: int) -> Act:
    """A night's faults, drawn by a seed: each POST waits for all the others, then they are answered in disorder."""
    rng = random.Random(seed)
    everyone = asyncio.Event()
    plain = wire.act

    async def act(line: Line, heard: Heard) -> None:
        posting = heard.method == "POST"
        fault = rng.choice(list(LOST_REPLIES.values())) if rng.random() < 0.4 else plain
        for _ in range(rng.randrange(30)):
            await asyncio.sleep(0)
        if posting and len(wire.posts) == rows:
            everyone.set()
        if posting:
            await everyone.wait()
        await fault(line, heard)

    return act


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_among_many_at_once_each_id_stays_beside_its_own_arguments(seed: int, wire: Wire) -> None:
    """60 rows, faults by chance: one POST for each, and the video of each id is that of its own prompt."""
    prompts = [f"shot-{number}" for number in range(60)]
    calm = wire.act
    wire.act = mixed(wire, len(prompts), seed)
    async with gateway() as service:
        answers = await asyncio.gather(*(service.submit(SHOT | {"prompt": prompt}) for prompt in prompts))
        assert sorted(json.loads(post.body)["prompt"] for post in wire.posts) == sorted(prompts)
        wire.act = calm
        for prompt, answer in zip(prompts, answers, strict=True):
            assert isinstance(answer, Accepted | InDoubt)
            if isinstance(answer, Accepted):
                told = await service.collect(answer.receipt, Finished())
                assert isinstance(told, Video)
                assert told.url == f"https://v3.fal.media/{prompt}.mp4"
    assert sum(isinstance(answer, Accepted) for answer in answers) > 20


async def test_a_post_that_is_cancelled_leaves_nothing_behind(wire: Wire) -> None:
    """Outside of a shield, a cancelled submit takes its connection along, and the next one is its own."""
    arrived, gone = asyncio.Event(), asyncio.Event()
    calm = wire.act

    async def unanswered(line: Line, heard: Heard) -> None:
        arrived.set()
        await line.client_gone()
        gone.set()

    async with gateway() as service:
        wire.act = unanswered
        lost = asyncio.create_task(service.submit(SHOT))
        await arrived.wait()
        lost.cancel()
        await asyncio.wait([lost])
        assert lost.cancelled()
        async with asyncio.timeout(5):
            await gone.wait()
        wire.act = calm
        assert isinstance(await service.submit(SHOT), Accepted)
    assert [post.line for post in wire.posts] == [0, 1]


async def test_a_receipt_is_never_that_of_an_earlier_row(wire: Wire) -> None:
    """What fails before anything leaves, in the task that was just given a receipt, finds none."""
    async with gateway() as service:
        assert isinstance(await service.submit(SHOT), Accepted)
        assert isinstance(await service.submit({"prompt": object()}), InDoubt)
        wire.act = answering(204, raw=b"", headers={"content-length": ""})
        assert isinstance(await service.submit(SHOT), InDoubt)
    assert len(wire.posts) == 2


async def test_the_end_closes_every_connection(wire: Wire) -> None:
    """After the block no socket is open; warnings about unclosed ones are errors here."""
    gone = []
    calm = wire.act

    async def watched(line: Line, heard: Heard) -> None:
        await calm(line, heard)
        gone.append(line)

    wire.act = watched
    async with gateway() as service:
        await asyncio.gather(*(service.submit(SHOT) for _ in range(5)))
    async with asyncio.timeout(5):
        for line in gone:
            while not line.reader.at_eof():  # noqa: ASYNC110 - the socket's end has no event of ours
                await asyncio.sleep(0)
