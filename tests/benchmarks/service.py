"""The part of fal's queue that a batch needs, answered as fast as one Python process can: for measuring clients only.

    python -m tests.benchmarks.service FOLDER SLOTS SECONDS SPREAD WAIT line|slot

Speaks HTTPS as localhost, with a certificate from FOLDER, and through a proxy of its own as fal's platform API, with no
history and the published price; prints the two ports, serves until its stdin closes, then prints what it saw as one
line of JSON. When a request starts and ends is settled the moment it is accepted, and replies are bytes with little to
fill in, so that it is the client that is measured. It is not faithful in anything else: the sandbox is.
"""

import json
import random
import re
import resource
import selectors
import socket
import ssl
import sys
import time
from bisect import bisect_right
from heapq import heapify, heapreplace
from math import ceil
from pathlib import Path

from batch.sandbox.certificates import Certificates

ID = "{:08x}-0000-4000-8000-000000000000"
ID_LENGTH = 36
PLATFORM = "api.fal.ai"
ENDPOINT = "fal-ai/kling-video/v2.1/pro/image-to-video"
PRICES = f'{{"prices": [{{"endpoint_id": "{ENDPOINT}", "unit_price": 0.098, "unit": "second", "currency": "USD"}}]}}'
HISTORY = '{"items": [], "next_cursor": null, "has_more": false}'
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Line:
    """The queue: first come, first served, on so many slots. Times are seconds of the machine's monotonic clock.

    Args:
        wait: so long each request waits before it runs though a slot is free.
        holds: it has its slot meanwhile (a runner that starts); else it stands in a line of others, one of whom is
            taken every tenth of a second.
    """

    def __init__(self, slots: int, seconds: float, spread: float, wait: float = 0.0, *, holds: bool = False) -> None:
        self._free = [0.0] * slots
        heapify(self._free)
        self._seconds, self._spread, self._wait, self._holds = seconds, spread, wait, holds
        self._chance = random.Random(0)
        self.prompts: list[str] = []
        self.starts: list[float] = []
        self._joined: list[float] = []
        self.ends: list[float] = []
        self.fetched: list[float | None] = []
        self.first: float | None = None

    def accept(self, prompt: str, now: float) -> int:
        self.first = now if self.first is None else self.first
        start = max(now, self._free[0]) + self._wait if self._holds else max(now + self._wait, self._free[0])
        end = start + self._seconds * (1 + self._spread * (2 * self._chance.random() - 1))
        heapreplace(self._free, end)
        self.prompts.append(prompt)
        self._joined.append(now)
        self.starts.append(start)
        self.ends.append(end)
        self.fetched.append(None)
        return len(self.ends) - 1

    def ahead(self, number: int, now: float) -> int:
        """How many stand before it; they start in the order they came."""
        others = 0.0 if self._holds else 10 * max(0.0, self._joined[number] + self._wait - now)
        return number - bisect_right(self.starts, now) + ceil(others)


class Replies:
    """Requests in, replies out: bytes and bytes."""

    def __init__(self, line: Line, port: int) -> None:
        self._line = line
        self._base = f"https://localhost:{port}/fal-ai/kling-video/requests/"
        self.asked = {"submit": 0, "status": 0, "result": 0}

    def to(self, head: bytes, body: bytes, now: float) -> bytes:
        if head.startswith(b"POST"):
            self.asked["submit"] += 1
            return self._submitted(self._line.accept(json.loads(body)["prompt"], now), now)
        path = head.split(b" ", 2)[1].partition(b"?")[0]
        if path.startswith(b"/v1/models/"):
            return _reply(b"200 OK", PRICES if path.endswith(b"/pricing") else HISTORY)
        if path.endswith(b"/status"):
            self.asked["status"] += 1
            return self._status(_number(path.removesuffix(b"/status")), now)
        self.asked["result"] += 1
        return self._result(_number(path), now)

    def _submitted(self, number: int, now: float) -> bytes:
        ahead = max(0, self._line.ahead(number, now))
        return _reply(b"200 OK", f'{{"status": "IN_QUEUE", {self._urls(number)}, "queue_position": {ahead}}}')

    def _status(self, number: int, now: float) -> bytes:
        urls = self._urls(number)
        if now >= self._line.ends[number]:
            taken = self._line.ends[number] - self._line.starts[number]
            said = f'{{"status": "COMPLETED", {urls}, "logs": null, "metrics": {{"inference_time": {taken}}}}}'
            return _reply(b"200 OK", said)
        if now >= self._line.starts[number]:
            return _reply(b"202 Accepted", f'{{"status": "IN_PROGRESS", {urls}, "logs": null}}')
        ahead = self._line.ahead(number, now)
        return _reply(b"202 Accepted", f'{{"status": "IN_QUEUE", {urls}, "queue_position": {ahead}}}')

    def _result(self, number: int, now: float) -> bytes:
        if now < self._line.ends[number]:
            return _reply(b"400 Bad Request", '{"detail": "Request is still in progress"}')
        if self._line.fetched[number] is None:
            self._line.fetched[number] = now
        return _reply(b"200 OK", f'{{"video": {{"url": "https://v3.fal.media/files/{ID.format(number)}.mp4"}}}}')

    def _urls(self, number: int) -> str:
        name = ID.format(number)
        url = self._base + name
        return (
            f'"request_id": "{name}", "response_url": "{url}", "status_url": "{url}/status", '
            f'"cancel_url": "{url}/cancel"'
        )


def _number(path: bytes) -> int:
    return int(path[-ID_LENGTH:][:8], 16)


def _reply(status: bytes, body: str) -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
    return head + body.encode()


class Connection:
    """One client's connection: a handshake first, then requests, each answered as soon as it is whole."""

    def __init__(self, client: ssl.SSLSocket, replies: Replies) -> None:
        self.client = client
        self._replies = replies
        self._greeted = False
        self._seen = b""

    def ready(self) -> bool:
        """Reads what there is; False when the client is gone."""
        try:
            if not self._greeted:
                self.client.do_handshake()
                self._greeted = True
            while True:
                if not (more := self.client.recv(65_536)):
                    return False
                self._take(more)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False

    def _take(self, more: bytes) -> None:
        self._seen += more
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head, rest = self._seen[:end], self._seen[end + 4 :]
            length = _length(head)
            if len(rest) < length:
                return
            self.client.sendall(self._replies.to(head, rest[:length], time.monotonic()))
            self._seen = rest[length:]


def _length(head: bytes) -> int:
    if not head.startswith(b"POST"):
        return 0
    found = LENGTH.search(head)
    assert found, "a POST without a length"
    return int(found[1])


class Server:
    """One thread, one selector.

    Args:
        listener: takes clients of the queue.
        proxy: takes clients that ask for a tunnel first, wherever to; it ends here.
    """

    def __init__(
        self, listener: socket.socket, proxy: socket.socket, context: ssl.SSLContext, replies: Replies
    ) -> None:
        self._listener, self._proxy, self._context, self._replies = listener, proxy, context, replies
        self._selector = selectors.DefaultSelector()
        self.connections = 0
        self.longest = 0.0
        """The longest that anybody may have waited for the service itself: one round over all that was ready."""

    def serve(self, stop: int) -> None:
        """Until the descriptor `stop` can be read."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._proxy, selectors.EVENT_READ)
        self._selector.register(stop, selectors.EVENT_READ)
        while True:
            events = self._selector.select()
            began = time.monotonic()
            for key, _ in events:
                if key.fd == stop:
                    return
                self._turn(key)
            self.longest = max(self.longest, time.monotonic() - began)

    def _turn(self, key: selectors.SelectorKey) -> None:
        if key.data is None:
            self._accept(key.fileobj)  # type: ignore[arg-type]  # one of the two listeners
        elif not key.data.ready():
            self._selector.unregister(key.fileobj)
            key.data.client.close()

    def _accept(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        if listener is self._proxy:
            _open_tunnel(client)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setblocking(False)
        wrapped = self._context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        self.connections += 1
        self._selector.register(wrapped, selectors.EVENT_READ, Connection(wrapped, self._replies))


def _open_tunnel(client: socket.socket) -> None:
    """Two or three a run: they are waited for."""
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        asked += client.recv(1)
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")


def main() -> None:
    folder, slots = Path(sys.argv[1]), int(sys.argv[2])
    seconds, spread, wait = (float(one) for one in sys.argv[3:6])
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    proxy = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    line = Line(slots, seconds, spread, wait, holds=sys.argv[6] == "slot")
    replies = Replies(line, port)
    context = Certificates(folder).context("localhost", "127.0.0.1", PLATFORM)
    server = Server(listener, proxy, context, replies)
    print(port, proxy.getsockname()[1], flush=True)
    before = _cpu()
    server.serve(sys.stdin.fileno())
    seen = {
        "asked": replies.asked,
        "prompts": line.prompts,
        "starts": line.starts,
        "ends": line.ends,
        "fetched": line.fetched,
        "first": line.first,
        "connections": server.connections,
        "longest": server.longest,
        "cpu": _cpu() - before,
    }
    print(json.dumps(seen), flush=True)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
