"""Accepts connections on the one port: as a proxy that is every host itself, or TLS as localhost.

CONNECT host:port   answered 200, then TLS with a certificate for that host: how HTTPS_PROXY leads any client here
a TLS ClientHello   TLS with a certificate for localhost and 127.0.0.1
anything else       400
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from batch.sandbox.certificates import Certificates
from batch.sandbox.faults import Act, Fault, FaultInjector
from batch.sandbox.faulty_connection import App, FaultyConnection, uvicorn_settings

HELLO = 0x16  # the first byte of a TLS handshake
LONGEST_HEAD = 16_384
BACKLOG = 1024
HANDSHAKE_SECONDS = 30.0
CLOSING_SECONDS = 1.0
CONNECT_ACCEPTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
NOT_HTTPS = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: 46\r\n\r\n"
    b"The sandbox speaks https, and CONNECT as proxy"
)


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback interface; port 0 takes any free one. OSError when the port is taken."""
    return socket.create_server(("127.0.0.1", port), backlog=BACKLOG)


class TlsProxy:
    """Takes connections on a listening socket and serves the application on them, until cancelled."""

    def __init__(
        self, listener: socket.socket, certificates: Certificates, service: App, fault_injector: FaultInjector
    ) -> None:
        self._listener = listener
        self._certificates = certificates
        self._fault_injector = fault_injector
        config, self._state = uvicorn_settings()
        self._connection: Callable[[], FaultyConnection] = lambda: FaultyConnection(
            config, self._state, service, fault_injector
        )
        listener.setblocking(False)

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as clients:
                while True:
                    try:
                        client, _ = await loop.sock_accept(self._listener)
                    except OSError:  # no more file descriptors: new clients wait in the backlog until others leave
                        await asyncio.sleep(0.05)
                    else:
                        clients.create_task(self._serve(client), name="sandbox connection")
        finally:
            # uvicorn's protocol starts a task for each request; with their connections gone, they end by themselves
            await asyncio.gather(*self._state.tasks, return_exceptions=True)

    async def _serve(self, client: socket.socket) -> None:
        try:
            context = await self._tls_context_for(client)
            if context is not None:
                await self._serve_http(client, context)
        except (OSError, ssl.SSLError, TimeoutError):
            pass  # the client went away, or does not trust us: its own decision
        finally:
            client.close()

    async def _tls_context_for(self, client: socket.socket) -> ssl.SSLContext | None:
        """Finds out what the client speaks, and answers a CONNECT; None when it is refused."""
        loop = asyncio.get_running_loop()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first = await _peek(client)
        if first == HELLO:
            return self._certificates.context("localhost", "127.0.0.1")
        host = await _host_asked_for(client) if first is not None else None
        if host is None:
            await loop.sock_sendall(client, NOT_HTTPS if first is not None else b"")
            return None
        rule = self._fault_injector.next("connect", host)
        if rule is not None and rule.fault is not None and not await _admits(client, rule.fault):
            return None
        context = self._certificates.context(host)
        await loop.sock_sendall(client, CONNECT_ACCEPTED)
        return context

    async def _serve_http(self, client: socket.socket, context: ssl.SSLContext) -> None:
        _, connection = await asyncio.get_running_loop().connect_accepted_socket(
            self._connection, client, ssl=context, ssl_handshake_timeout=HANDSHAKE_SECONDS, ssl_shutdown_timeout=1.0
        )
        try:
            await connection.lost.wait()
        finally:
            connection.transport.abort()
            with suppress(TimeoutError):  # a transport that was closed already tells nobody again
                async with asyncio.timeout(CLOSING_SECONDS):
                    await connection.lost.wait()


async def _admits(client: socket.socket, fault: Fault) -> bool:
    """Whether a CONNECT that meets a fault is accepted all the same; the request behind it has not been sent yet."""
    loop = asyncio.get_running_loop()
    if fault.act is Act.SILENT:
        await loop.sock_recv(client, 1)  # ends when the client gives up
    elif fault.act is Act.SLOW:
        await asyncio.sleep(fault.seconds)
        return True
    elif fault.act is Act.ANSWER:
        head = f"HTTP/1.1 {fault.code} Refused\r\nconnection: close\r\ncontent-length: {len(fault.body)}\r\n\r\n"
        await loop.sock_sendall(client, (head + fault.body).encode())
    return False


async def _peek(client: socket.socket) -> int | None:
    """The first byte, left where it is: it belongs to the TLS handshake. None when the client closed instead."""
    while True:
        try:
            first = client.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            await _readable(client)
        else:
            return first[0] if first else None


async def _readable(client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(client, ready.set)
    except NotImplementedError:  # Windows' event loop cannot wait for that
        await asyncio.sleep(0.01)
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(client)


async def _host_asked_for(client: socket.socket) -> str | None:
    """The host of a CONNECT; None for any other request."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = await asyncio.get_running_loop().sock_recv(client, LONGEST_HEAD)
        head += more
        if not more or len(head) > LONGEST_HEAD:
            return None
    method, _, rest = head.partition(b" ")
    if method != b"CONNECT":
        return None
    return rest.split(b" ", 1)[0].decode("latin-1").rpartition(":")[0].strip("[]") or None
