"""A server on this machine that gives files, and misbehaves where it is asked to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = ("127.0.0.1",)
BODY = bytes(range(256)) * 400


@contextmanager
def served() -> Iterator[Server]:
    """Yield a server, and stop it."""
    server = Server()
    try:
        yield server
    finally:
        server.done.set()
        server.http.shutdown()
        server.http.server_close()


class Server:
    """Answers by the path that is asked for, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.body = BODY
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Authorization")))
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.done = threading.Event()
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, at: BaseHTTPRequestHandler) -> None:  # noqa: C901, PLR0912 - a list
        name = at.path.partition("?")[0].strip("/")
        if name.isdecimal():
            at.send_error(int(name))
        elif name == "loop":
            self.head(at, 302, Location="/loop")
        elif name == "to-file":
            self.head(at, 302, Location="file:///etc/passwd")
        elif name == "to-private":
            self.head(at, 302, Location=f"http://localhost:{self.http.server_port}/image")
        elif name == "moved":
            self.head(at, 301, Location="image")
        elif name == "silent":
            self.done.wait(20)
        elif name == "slow-head":
            self.drip(at, b"HTTP/1.1 200 OK\r\nX-Filling: " + b"x" * 1000)
        elif name == "stall":
            self.head(at, 200, **{"Content-Length": "1000"})
            at.wfile.write(b"x" * 10)
            at.wfile.flush()
            self.done.wait(20)
        elif name == "drip":
            self.head(at, 200, **{"Content-Length": "1000"})
            self.drip(at, b"x" * 1000)
        elif name == "short":
            self.head(at, 200, **{"Content-Length": str(2 * len(BODY))})
            at.wfile.write(BODY)
        elif name == "huge":
            self.head(at, 200, **{"Content-Length": str(2**62)})
        elif name == "lies":
            self.head(at, 200, **{"Content-Length": "-5"})
        elif name == "packed":
            self.head(at, 200, **{"Content-Encoding": "gzip", "Content-Length": "3"})
            at.wfile.write(b"abc")
        elif name == "broken-chunks":
            self.head(at, 200, **{"Transfer-Encoding": "chunked"})
            at.wfile.write(b"5\r\nabcde\r\nff\r\nabc")
        elif name == "no-http":
            at.wfile.write(b"hello\r\n\r\n")
        elif name == "endless":
            self.head(at, 200)
            try:
                while not self.done.is_set():
                    at.wfile.write(b"x" * 65536)
            except OSError:
                pass
        else:
            self.head(at, 200, **{"Content-Length": str(len(self.body))})
            at.wfile.write(self.body)

    def drip(self, at: BaseHTTPRequestHandler, data: bytes) -> None:
        try:
            for byte in data:
                at.wfile.write(bytes([byte]))
                at.wfile.flush()
                if self.done.wait(0.1):
                    return
        except OSError:
            pass

    def head(self, at: BaseHTTPRequestHandler, status: int, **fields: str) -> None:
        at.protocol_version = "HTTP/1.1"
        at.send_response(status)
        for name, value in {"Connection": "close", **fields}.items():
            at.send_header(name, value)
        at.end_headers()
