"""Speaks HTTP on one client connection through uvicorn, and does there what a planned fault says.

Between the protocol and the service stands `FaultyConnectionApp`: it hands a request on, or applies its fault.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from batch.sandbox.faults import Act, Fault, FaultInjector, kind_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

KEEP_ALIVE = 75  # seconds an idle connection is kept: nginx's default, as fal's edge is one


@dataclass(slots=True)
class ReplyBuffer:
    """A whole reply, held back before it is sent."""

    code: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def hold(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.code, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.code, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    def replaced(self, body: bytes) -> "ReplyBuffer":
        """The same status and headers with another body, as if whole."""
        others = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        return ReplyBuffer(self.code, [*others, (b"content-length", str(len(body)).encode())], body)

    def as_bytes(self) -> bytes:
        phrase = HTTPStatus(self.code).phrase if self.code in set(HTTPStatus) else ""
        lines = [f"HTTP/1.1 {self.code} {phrase}".encode(), *(name + b": " + value for name, value in self.headers)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


class FaultyConnection(H11Protocol):
    """One client connection, decrypted. `lost` is set when it is gone for good."""

    def __init__(self, config: Config, state: ServerState, service: App, fault_injector: FaultInjector) -> None:
        super().__init__(config, state, {})
        self.app = FaultyConnectionApp(service, fault_injector, self)
        self.lost = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()


class FaultyConnectionApp:
    """An ASGI application round the service, for one connection."""

    def __init__(self, service: App, fault_injector: FaultInjector, connection: FaultyConnection) -> None:
        self._service = service
        self._fault_injector = fault_injector
        self._connection = connection

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        kind = kind_of(scope["method"], scope["path"])
        self._fault_injector.requests[kind] += 1
        if not self._fault_injector.watches(kind):
            await self._service(scope, receive, send)
            return
        body = await _whole_body(receive)
        rule = self._fault_injector.next(kind, scope["path"] + body.decode(errors="replace"))
        if rule is None or rule.fault is None:
            await self._service(scope, _replayed(body, receive), send)
        else:
            await self._apply(rule.fault, scope, body, receive, send)

    async def _apply(self, fault: Fault, scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        reply = ReplyBuffer()
        if fault.accepts:
            await self._service(scope, _replayed(body, receive), reply.hold)
        match fault.act:
            case Act.CUT:
                await self._cut(b"")
            case Act.HALF:
                whole = reply.as_bytes()
                await self._cut(whole[: len(whole) - len(reply.body) // 2 - 1])
            case Act.SILENT:
                await self._connection.lost.wait()
            case Act.SLOW:
                if not await self._lost_within(fault.seconds):
                    await reply.send(send)
            case Act.ANSWER:
                await _canned(fault).send(send)
            case _:
                await reply.replaced(_mangled(fault.act, reply.body)).send(send)

    async def _cut(self, sent: bytes) -> None:
        """Ends the connection after these bytes, and waits until it is gone: nothing may be sent after."""
        transport = self._connection.transport
        if sent:
            transport.write(sent)
            transport.close()
        else:
            transport.abort()
        await self._connection.lost.wait()

    async def _lost_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._connection.lost.wait()
        except TimeoutError:
            return False
        return True


def uvicorn_settings() -> tuple[Config, ServerState]:
    """uvicorn's protocol without its server: no logging of its own, no signals, no lifespan."""
    config = Config(
        _no_app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE,
    )
    config.load()
    return config, ServerState()


async def _no_app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  (an ASGI application's arguments)
    raise AssertionError("each connection has its own application")


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, given once more; then whatever else there is to receive."""
    replayed = False

    async def once() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _canned(fault: Fault) -> ReplyBuffer:
    headers = [(b"content-type", fault.content_type.encode())]
    if fault.seconds:
        headers.append((b"retry-after", f"{fault.seconds:g}".encode()))
    return ReplyBuffer(fault.code, headers).replaced(fault.body.encode())


def _mangled(act: Act, body: bytes) -> bytes:
    if act is Act.GARBAGE:
        return b"<!doctype html><p>Everything is fine.</p>"
    if act is Act.TRUNCATED:
        return body[: len(body) // 2]
    status = json.loads(body)
    if act is Act.NO_LOGS:
        status.pop("logs", None)
    else:
        status["status"] = "PAUSED"
    return json.dumps(status).encode()
