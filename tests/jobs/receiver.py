"""A real HTTP server that takes webhooks and answers as it is told to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def content(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def is_signed_by(self, secret: str) -> bool:
        """As the receiver's side of Standard Webhooks does it, written apart from our own."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """What came in, and what is answered: a status, or headers with it, or a function that writes what it likes."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[int | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    always: int | Callable[[BaseHTTPRequestHandler], None] = 204
    came: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, number: int, seconds: float = 60) -> list[Received]:
        with self.came:
            self.came.wait_for(lambda: len(self.received) >= number, seconds)
            assert len(self.received) >= number, f"{len(self.received)} of {number} came"
            return list(self.received)

    def took(self, request: Received) -> int | Callable[[BaseHTTPRequestHandler], None]:
        with self.came:
            self.received.append(request)
            self.came.notify_all()
            return self.answers.pop(0) if self.answers else self.always


@contextmanager
def receiving(context: Any = None) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.took(Received(self.path, headers, body, time.monotonic()))
            if callable(answer):
                answer(self)
            else:
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 200

        def handle_error(self, *_: Any) -> None:
            pass  # A client that gave up is what some tests are about.

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
