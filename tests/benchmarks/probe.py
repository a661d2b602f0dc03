"""How many requests a second the service answers, asked by a client that does nothing else."""

import selectors
import socket
import ssl
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import CA_FILE, Case, Service

CONNECTIONS = 64
SECONDS = 3.0
SUBMIT = b'POST /fal-ai/kling HTTP/1.1\r\nhost: localhost\r\ncontent-length: 15\r\n\r\n{"prompt": "a"}'
ASK = (
    b"GET /fal-ai/kling-video/requests/00000000-0000-4000-8000-000000000000/status?logs=0 HTTP/1.1\r\n"
    b"host: localhost\r\naccept: */*\r\nauthorization: Key benchmark\r\nuser-agent: probe\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the service is able to do on this machine."""

    a_second: float
    """Requests answered in a second, with one core for the asking and one for the service."""
    share: float
    """Of one core, used by the service meanwhile."""

    def __str__(self) -> str:
        return (
            f"{self.a_second:,.0f} requests a second over {CONNECTIONS} connections, {self.share:.0%} of one core, "
            f"{self.share / self.a_second * 1e6:.0f} µs of CPU each"
        )


def capacity() -> Capacity:
    """Asks for a status on every connection again as soon as it is answered."""
    with tempfile.TemporaryDirectory(prefix="kling-batch-probe-") as name:
        with Service(Case(slots=1, rows=1, seconds=1.0), Path(name)) as service:
            context = ssl.create_default_context(cafile=Path(name) / CA_FILE)
            connections = [_connected(service.port, context) for _ in range(CONNECTIONS)]
            _exchange(connections[0], SUBMIT)
            began = time.monotonic()
            asked = _ask_for(connections, began + SECONDS)
            took = time.monotonic() - began
        return Capacity(asked / took, service.seen["cpu"] / took)


def _connected(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")


def _exchange(connection: ssl.SSLSocket, request: bytes) -> bytes:
    connection.sendall(request)
    return connection.recv(65_536)


def _ask_for(connections: list[ssl.SSLSocket], until: float) -> int:
    """How many were answered; what is still in the air at the end is not counted."""
    answered = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
            connection.sendall(ASK)
        while time.monotonic() < until:
            for key, _ in selector.select():
                connection = key.fileobj  # type: ignore[assignment]  # it is what was registered
                connection.recv(65_536)
                connection.sendall(ASK)
                answered += 1
    for connection in connections:
        connection.close()
    return answered


if __name__ == "__main__":
    sys.exit(print(f"the service: {capacity()}"))
