"""A media server over TLS, with the faults of real ones made from outside: one fault for each request, in order."""

import asyncio
import gzip
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import trustme

PIECE = 1 << 14


@dataclass(frozen=True, slots=True)
class Wrong:
    """What goes wrong with one reply."""

    status: int = 0
    cut: float | None = None
    """The connection is closed after this share of the body."""
    stall: float | None = None
    """Nothing more comes after this share of it."""
    trickle: bool = False
    """A byte at a time, with all the time in the world."""
    body: bytes | None = None
    """Another one."""
    length: int | None = None
    """Said to be so long."""
    whole: bool = False
    """A `Range` is ignored."""
    endless: bool = False
    location: str = ""
    packed: bool = False
    """Compressed, though nobody asked for it."""
    chunked: bool = False
    """No length is said."""
    etag: str | None = None
    """Another one; "" is none."""


@dataclass(slots=True)
class Asked:
    """A request that came."""

    path: str
    headers: dict[str, str]


@dataclass
class MediaServer:
    """Files by path. `wrong` holds the faults to come of each path; the last one that is `for_ever` stays."""

    files: dict[str, bytes] = field(default_factory=dict)
    wrong: dict[str, list[Wrong]] = field(default_factory=lambda: defaultdict(list))
    for_ever: dict[str, Wrong] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    """Bytes of bodies that were handed to the network."""
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}{path}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(work := asyncio.ensure_future(self._serve(reader, writer)))
        await asyncio.wait([work])
        self._tasks.discard(work)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while await self._exchange(reader, writer):
                pass

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its reply; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        self.asked.append(Asked(path, headers))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._reply(method, path, headers, writer)
        finally:
            self.at_once -= 1

    async def _reply(self, method: str, path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        waiting = self.wrong[path]
        wrong = waiting.pop(0) if waiting else self.for_ever.get(path, Wrong())
        body = self.files.get(path) if wrong.body is None else wrong.body
        etag = f'"{hash(body) & 0xFFFFFFFF:x}"' if wrong.etag is None else wrong.etag
        said: dict[str, str] = {"etag": etag} if etag else {}
        status, start = 200 if body is not None else 404, 0
        if wrong.status or wrong.location:
            status, body = wrong.status or 302, b""
            said["location"] = wrong.location
        body = body or b""
        if (wanted := headers.get("range")) and status == 200 and not wrong.whole:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            if headers.get("if-range", etag) != etag:
                start = 0
            elif start >= len(body):
                status, said["content-range"] = 416, f"bytes */{len(body)}"
            else:
                status, said["content-range"] = 206, f"bytes {start}-{len(body) - 1}/{len(body)}"
        rest = b"" if status == 416 else body[start:]
        if wrong.packed:
            rest, said["content-encoding"] = gzip.compress(rest), "gzip"
        if wrong.chunked or wrong.endless:
            said["transfer-encoding"] = "chunked"
        else:
            said["content-length"] = str(len(rest) if wrong.length is None else wrong.length)
        lines = [f"HTTP/1.1 {status} so", *(f"{name}: {value}" for name, value in said.items()), "", ""]
        writer.write("\r\n".join(lines).encode("latin-1"))
        if method == "HEAD":
            await writer.drain()
            return True
        if wrong.endless:
            await self._endless(writer, rest or b"\0")
        return await self._body(rest, wrong, writer)

    async def _body(self, rest: bytes, wrong: Wrong, writer: asyncio.StreamWriter) -> bool:
        end = (
            len(rest) if wrong.cut is None and wrong.stall is None else int(len(rest) * (wrong.cut or wrong.stall or 0))
        )
        for at in range(0, end, 1 if wrong.trickle else PIECE):
            piece = rest[at : min(end, at + (1 if wrong.trickle else PIECE))]
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if wrong.chunked else piece)
            await writer.drain()
            self.sent += len(piece)
            if wrong.trickle:
                await asyncio.sleep(3600)
        if wrong.stall is not None:
            await asyncio.sleep(3600)
        if wrong.chunked and wrong.cut is None:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return wrong.cut is None and wrong.length is None

    async def _endless(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        block = (piece * (PIECE // len(piece) + 1))[:PIECE]
        while not writer.is_closing():
            writer.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)  # where the connection is lost, drain lets nobody else have a turn
            self.sent += len(block)


_AUTHORITY = trustme.CA()


def trusted() -> ssl.SSLContext:
    """Knows the server's certificate, and no other."""
    return ssl.create_default_context(cafile=None, cadata=_AUTHORITY.cert_pem.bytes().decode())


def write_authority(path: Path) -> Path:
    """For a child process, which is told of it by SSL_CERT_FILE."""
    _AUTHORITY.cert_pem.write_to_path(str(path))
    return path


@asynccontextmanager
async def serving(files: dict[str, bytes] | None = None) -> AsyncIterator[MediaServer]:
    """A server of these files while the block runs."""
    server = MediaServer(dict(files or {}))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _AUTHORITY.issue_cert("localhost").configure_cert(context)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(server._tasks):
            task.cancel()
        await asyncio.gather(*server._tasks, return_exceptions=True)
