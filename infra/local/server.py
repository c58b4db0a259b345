"""The gateway on a real socket: http.server, because it hands over the request line and repeated headers as they came."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.local.gateway import MOST_BODY_BYTES, Answer, HttpRequest, refusal

_NO_BODY = frozenset({204, 304})


class HttpServer:
    """Serves `handle` on 127.0.0.1 in threads of its own; port 0 takes a free one."""

    def __init__(self, handle: Callable[[HttpRequest], Answer], port: int = 0) -> None:
        self._server = _Server(("127.0.0.1", port), _handler(handle))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop and free the port; requests under way may finish."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who closed the page mid-answer is no news."""


def _handler(handle: Callable[[HttpRequest], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "skvoz-local", ""
        # Answers are written in two pieces; without this the second waits for the client's delayed ACK (40 ms).
        disable_nagle_algorithm = True
        timeout = 30

        def _do(self) -> None:
            try:
                body = self._chunks() if self._is_chunked() else self._body()
            except ValueError:
                self._refuse(400, "Bad Request")
                return
            if body is None:
                self._refuse(413, "Request Entity Too Large")
                return
            headers = [(name, _latin(value)) for name, value in self.headers.items()]
            self._send(handle(HttpRequest(self.command, self.path, headers, body, self.client_address[0])))

        def _refuse(self, status: int, message: str) -> None:
            # What is left of the request is not read, so the connection cannot be used again.
            self.close_connection = True
            self._send(refusal(status, message))

        def _is_chunked(self) -> bool:
            return "chunked" in self.headers.get("Transfer-Encoding", "").lower()

        def _body(self) -> bytes | None:
            """The body, or None when it is larger than the gateway takes. ValueError when its length is no number."""
            length = int(self.headers.get("Content-Length") or 0)
            if length < 0:
                raise ValueError("a length cannot be negative")
            return self.rfile.read(length) if length <= MOST_BODY_BYTES else None

        def _chunks(self) -> bytes | None:
            body = bytearray()
            while size := int(self.rfile.readline(100).partition(b";")[0], 16):
                if len(body) + size > MOST_BODY_BYTES:
                    return None
                body += self.rfile.read(size)
                self.rfile.readline(100)
            while self.rfile.readline(1000).strip():
                pass
            return bytes(body)

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers:
                if name not in ("content-length", "connection"):
                    self.send_header(name, value.encode("utf-8", "replace").decode("latin-1"))
            if self.close_connection:
                self.send_header("connection", "close")
            if answer.status not in _NO_BODY:
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD" and answer.status not in _NO_BODY:
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: access is in the functions' log."""

    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler._do)
    return Handler


def _latin(value: str) -> str:
    """Header bytes are read as Latin-1 by http.server; API Gateway passes UTF-8."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
