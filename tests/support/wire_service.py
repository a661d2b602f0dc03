"""A second, much smaller fal than the sandbox: a CONNECT proxy with TLS behind it, whose every byte a test decides.

It shares no code with `batch.sandbox`, so that the two check one another.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

KEY = "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab:5ec2e7f00dfeedface5ec2e7f00dfeed"
QUEUE_HOSTS = ("queue.fal.run", "queue.falrun.com")
FOREIGN_HOSTS = ("evil.example.net", "storage.example.net", "queue.fal.run.evil.example.net")
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"
SURROUNDINGS = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_FORCE_AUTH_BY_USER"),
)
Head = dict[str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """One request, as it came."""

    host: str
    method: str
    path: str
    headers: Head
    body: bytes
    line: int
    """Which connection it came by."""
    number: int
    """The n-th request of all, from 1."""


class Line:
    """One connection, in the hands of the test."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.reader = reader
        self._writer = writer
        self.open = True

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()

    async def close(self) -> None:
        """The TLS way: everything sent arrives, then the end."""
        self.open = False
        self._writer.close()

    async def reset(self) -> None:
        """The rude way: TCP RST."""
        self.open = False
        sock = self._writer.transport.get_extra_info("socket")
        if sock is None:  # the client was quicker
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def client_gone(self) -> None:
        await self.reader.read()
        self.open = False

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self._writer.start_tls(context)

    def abort(self) -> None:
        self._writer.transport.abort()


Act = Callable[[Line, Heard], Awaitable[None]]


class Authority:
    """Certifies fal's host names, for whoever trusts its file."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.file = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names = (*QUEUE_HOSTS, "rest.fal.ai", "v3.fal.media", "api.fal.ai", "localhost", *FOREIGN_HOSTS)
        authority.issue_cert(*names).configure_cert(self.context)


class Wire:
    """What was heard, and what is answered: change `act`, `on_connect` and `greet` at will."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority.file
        self._context = authority.context
        self.port = 0
        self.tls_port = 0
        self.tunnels: list[str] = []
        self.passwords: list[str | None] = []
        self.heard: list[Heard] = []
        self.act: Act = queue_of(self)
        self.on_connect: Callable[[str], bytes | None] = lambda host: TUNNEL
        """The answer to a CONNECT: b"" closes without one, None never answers, TUNNEL and more leaves it at that."""
        self.greet: Callable[[Line], Awaitable[None]] | None = None
        """Comes before the first request is read."""
        self._lines: list[Line] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def posts(self) -> list[Heard]:
        return [one for one in self.heard if one.method == "POST"]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Wire"]:
        proxy = await asyncio.start_server(self._proxied, "127.0.0.1", 0)
        direct = await asyncio.start_server(self._direct, "127.0.0.1", 0, ssl=self._context)
        self.port = proxy.sockets[0].getsockname()[1]
        self.tls_port = direct.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            for server in (proxy, direct):
                server.close()
            for task in self._tasks:
                task.cancel()
            for line in self._lines:
                line.abort()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for server in (proxy, direct):
                await server.wait_closed()

    def environment(self, credentials: str = "") -> dict[str, str]:
        proxy = f"http://{credentials}127.0.0.1:{self.port}"
        return {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(self._authority), "FAL_KEY": KEY}

    async def _direct(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._served(reader, writer, proxied=False)

    async def _proxied(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._served(reader, writer, proxied=True)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, proxied: bool) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        line = Line(len(self._lines), reader, writer)
        self._lines.append(line)
        try:
            with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
                host = await self._tunnel(line) if proxied else "localhost"
                if host and self.greet:
                    await self.greet(line)
                while host and line.open:
                    line.open = await self._one(line, host)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _tunnel(self, line: Line) -> str | None:
        _, target, headers = await _head(line.reader)
        host = target.rpartition(":")[0]
        self.tunnels.append(host)
        self.passwords.append(headers.get("proxy-authorization"))
        answer = self.on_connect(host)
        if answer is None:
            await line.client_gone()
            return None
        await line.send(answer)
        if answer != TUNNEL:
            if answer.startswith(TUNNEL):
                await line.client_gone()
            return None
        await line.start_tls(self._context)
        return host

    async def _one(self, line: Line, host: str) -> bool:
        method, path, headers = await _head(line.reader)
        if "chunked" in headers.get("transfer-encoding", ""):
            raise AssertionError("a request in chunks: nothing here sends one")
        body = await line.reader.readexactly(int(headers.get("content-length", "0")))
        heard = Heard(host, method, path, headers, body, line.number, len(self.heard) + 1)
        self.heard.append(heard)
        await self.act(line, heard)
        return line.open


async def _head(reader: asyncio.StreamReader) -> tuple[str, str, Head]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return method, target, {name.strip().lower(): value.strip() for name, _, value in pairs}


def reply(status: int, body: object = None, headers: Head | None = None, *, raw: bytes | None = None) -> bytes:
    """A whole HTTP reply; `body` as JSON, or `raw` as it is."""
    payload = json.dumps(body).encode() if raw is None else raw
    lines = {"content-type": "application/json", "content-length": str(len(payload))} | (headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + payload


def answering(status: int, body: object = None, headers: Head | None = None, *, raw: bytes | None = None) -> Act:
    async def act(line: Line, heard: Heard) -> None:
        await line.send(reply(status, body, headers, raw=raw))

    return act


def saying(*parts: bytes) -> Act:
    """These bytes, then the end of the connection."""

    async def act(line: Line, heard: Heard) -> None:
        await line.send(*parts)
        await line.close()

    return act


def accepted(number: int, base: str = "https://queue.fal.run/fal-ai/kling-video/requests") -> dict[str, object]:
    """What fal says to a submit."""
    name = request_id(number)
    return {
        "status": "IN_QUEUE",
        "request_id": name,
        "response_url": f"{base}/{name}",
        "status_url": f"{base}/{name}/status",
        "cancel_url": f"{base}/{name}/cancel",
        "queue_position": 0,
    }


def request_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def queue_of(wire: Wire) -> Act:
    """Accepts every POST; the n-th request of all gets the id n, whose result is a URL made of its own prompt.

    Its request history is empty, and it tells no price.
    """

    async def act(line: Line, heard: Heard) -> None:
        if heard.method == "POST":
            await line.send(reply(200, accepted(heard.number)))
        elif heard.path.partition("?")[0].endswith("/status"):
            await line.send(reply(200, {"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 2.5}}))
        elif heard.path.endswith("/cancel"):
            await line.send(reply(202, {"status": "CANCELLATION_REQUESTED"}))
        elif heard.host == "api.fal.ai":
            await line.send(reply(200, {"items": [], "has_more": False, "next_cursor": None, "prices": []}))
        else:
            number = int(heard.path.rpartition("-")[2])
            prompt = json.loads(wire.heard[number - 1].body)["prompt"]
            await line.send(reply(200, {"video": {"url": f"https://v3.fal.media/{prompt}.mp4"}}))

    return act


@pytest.fixture(scope="session", name="authority")
def the_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that certifies the service of every test."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(name="plain_surroundings")
def the_surroundings(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no key and no authority of the machine's own."""
    for name in SURROUNDINGS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("FAL_HOME_DIR", str(authority.file.parent / "no-login"))
    monkeypatch.setenv("FAL_KEY", KEY)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))  # one certificate loads faster than the world's


@pytest.fixture(name="wire")
async def the_wire(
    authority: Authority, plain_surroundings: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Wire]:
    """The service of this test, which the environment points to."""
    async with Wire(authority).serving() as wire:
        point_to(wire, monkeypatch)
        yield wire


def point_to(wire: Wire, monkeypatch: pytest.MonkeyPatch, credentials: str = "") -> None:
    for name, value in wire.environment(credentials).items():
        monkeypatch.setenv(name, value)
