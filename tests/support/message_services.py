"""Services that take messages, played on loopback: HTTP under any host name by way of a proxy, and a mail server."""

import json
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import trustme


@dataclass
class Received:
    """What came, and how the next ones are answered."""

    posts: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Host, path and body of each."""
    mails: list[str] = field(default_factory=list)
    refuse: int = 0
    """So many of the next posts are answered with 500."""
    port: int = 0
    mail_port: int = 0
    authority: Path = Path()

    def text(self) -> str:
        """All that came, to be looked through."""
        return "\n".join(
            [*(f"{host} {path} {body.decode(errors='replace')}" for host, path, body in self.posts), *self.mails]
        )


def _handler(received: Received, authority: trustme.CA) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        host = ""

        def do_CONNECT(self) -> None:
            self.host = self.path.partition(":")[0]
            self.send_response(200)
            self.end_headers()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(self.host).configure_cert(context)
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)  # type: ignore[assignment]
            self.close_connection = False

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received.posts.append((self.host or self.headers["Host"], self.path, body))
            if received.refuse:
                received.refuse -= 1
                self.answer(500, b"{}")
            else:
                told = {"ok": True, "result": {"message_id": 1, "chat": {"id": 1}}, "id": "1", "success": True}
                self.answer(200, b"ok" if "slack" in self.host else json.dumps(told).encode())

        def do_PUT(self) -> None:
            self.do_POST()

        def do_GET(self) -> None:
            self.answer(200, b'{"ok": true, "result": []}')

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def log_message(self, *_: Any) -> None: ...

    return Handler


def _mail_handler(received: Received) -> type[socketserver.StreamRequestHandler]:
    class Mail(socketserver.StreamRequestHandler):
        """As much of SMTP (RFC 5321) as one client speaks."""

        def handle(self) -> None:
            self.say("220 here")
            for line in self.rfile:
                verb = line.split()[0].upper() if line.split() else b""
                if verb == b"EHLO":
                    self.say("250-here\r\n250 AUTH PLAIN LOGIN")
                elif verb == b"AUTH":
                    self.say("235 in")
                elif verb == b"DATA":
                    self.say("354 go on")
                    text = b"".join(iter(self.rfile.readline, b".\r\n"))
                    received.mails.append(text.decode(errors="replace"))
                    self.say("250 kept")
                elif verb == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    return Mail


class _MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def message_services(folder: Path) -> Iterator[Received]:
    """Both, while the block runs."""
    authority = trustme.CA()
    received = Received(authority=folder / "authority.pem")
    authority.cert_pem.write_to_path(str(received.authority))
    web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(received, authority))
    mail = _MailServer(("127.0.0.1", 0), _mail_handler(received))
    received.port, received.mail_port = web.server_port, mail.server_address[1]
    threads = [Thread(target=one.serve_forever, args=(0.05,)) for one in (web, mail)]
    for thread in threads:
        thread.start()
    try:
        yield received
    finally:
        for one in (web, mail):
            one.shutdown()
            one.server_close()
        for thread in threads:
            thread.join()
