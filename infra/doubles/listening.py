"""An HTTP server on 127.0.0.1, the base of doubles of CRMs: `with Double() as server: server.url`."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit


class Asked(NamedTuple):
    """One call. Header names in lower case; of a query's name the last value counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class Answered(NamedTuple):
    """Status, what goes out as JSON (None: nothing) and further headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


class Listening(ABC):
    """Calls are answered one after another, by `_answer`: a double's state needs no locks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Address without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @abstractmethod
    def _answer(self, asked: Asked) -> Answered:
        """What is answered to a call."""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # headers and body in one packet: two of them wait 40 ms for each other

            def _handle(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                parts = urlsplit(self.path)
                query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                with outer._lock:
                    status, body, more = outer._answer(
                        Asked(self.command, parts.path, query, headers, json.loads(raw) if raw else None)
                    )
                text = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", "content-length": str(len(text)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle

            def log_message(self, format: str, *arguments: Any) -> None:
                """Silent."""

        return Handler


class Window:
    """Calls of the last `seconds`, by the double's own clock (unix seconds): `is_full()` counts one more, or refuses it."""

    def __init__(self, most: int, seconds: float, now: Callable[[], float]) -> None:
        self.most, self._seconds, self._now = most, seconds, now
        self._calls: list[float] = []

    def is_full(self) -> bool:
        now = self._now()
        self._calls = [at for at in self._calls if now - at < self._seconds]
        if len(self._calls) >= self.most:
            return True
        self._calls.append(now)
        return False
