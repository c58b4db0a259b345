"""A Trino of 127.0.0.1 that speaks the protocol of statements and knows no SQL: what it answers is told beforehand.

Addresses behave as Trino's: nothing runs before the first is asked, the latest gives the same answer again, older ones are gone.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_ADDRESS = re.compile(r"/v1/statement/(?:queued|executing)/(\w+)/slug/(\d+)")


@dataclass
class Script:
    """How a statement goes: so many answers without an end, then these rows, or this error (name, message)."""

    answers: int = 1
    columns: dict[str, str] = field(default_factory=dict)
    rows: list[list[Any]] = field(default_factory=list)
    error: tuple[str, str] | None = None
    bytes_read: int = 0
    minutes: int = 0  # that it says it runs
    is_in_parts: bool = False  # the rows come with each answer


@dataclass
class _Query:
    name: str
    sql: str
    script: Script
    state: str = "QUEUED"
    last: int = 0


class FakeTrino:
    """Context manager. `will(fragment, script)`: a statement with that fragment goes so; others end at once without rows."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.ran: list[str] = []  # statements that really began
        self.seen: list[tuple[str, str]] = []  # (method, path)
        self.authorizations: list[str | None] = []
        self.lose: set[str] = set()  # methods whose next answer is lost on the way
        self.refuses: int = 0  # status that every request gets
        self.body: bytes | None = None  # instead of any answer
        self.host_told = ""  # in the addresses; empty = the true one
        self._scripts: list[tuple[str, Script]] = []
        self._queries: dict[str, _Query] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def will(self, fragment: str, script: Script) -> None:
        """From now on; what was told last counts first."""
        self._scripts.insert(0, (fragment, script))

    def state_of(self, name: str) -> str:
        """QUEUED (handed over), RUNNING, FINISHED, FAILED."""
        return self._queries[name].state

    def end(self, name: str) -> None:
        """A query ends while nobody asks."""
        self._queries[name].state = "FINISHED"

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body."""
        self.seen.append((method, path))
        if self.refuses:
            return self.refuses, b"no"
        if self.body is not None:
            return 200, self.body
        if method == "POST":
            return self._hand_over(body.decode())
        found = _ADDRESS.fullmatch(path)
        query = self._queries.get(found.group(1)) if found else None
        if found is None or query is None:
            return 404, b"not found"
        token = int(found.group(2))
        if method == "DELETE":
            query.state = "FAILED"
            return 204, b""
        if token not in (query.last, query.last + 1) or token == 0:
            return 410, b"gone"
        query.last = token
        return self._tell(query)

    def _hand_over(self, sql: str) -> tuple[int, bytes]:
        name = f"20261122_000000_{len(self._queries):05}_abcde"
        told = next((script for fragment, script in self._scripts if fragment in sql), Script())
        if asked := re.search(r"system\.runtime\.queries WHERE query_id = '(\w+)'", sql):
            known = self._queries.get(asked.group(1))
            rows = [[known.state, "USER_CANCELED" if known.state == "FAILED" else None]] if known else []
            told = Script(columns={"state": "varchar", "error_code": "varchar"}, rows=rows)
        self._queries[name] = _Query(name, sql, told)
        return self._page(self._queries[name], following=1)

    def _tell(self, query: _Query) -> tuple[int, bytes]:
        if query.state == "QUEUED":
            query.state = "RUNNING"
            self.ran.append(query.sql)
        if query.last <= query.script.answers and query.state == "RUNNING":
            return self._page(query, following=query.last + 1, with_rows=query.script.is_in_parts)
        if query.state == "FAILED" or query.script.error:
            query.state = "FAILED"
            return self._page(query, error=query.script.error or ("USER_CANCELED", "Query was canceled"))
        query.state = "FINISHED"
        return self._page(query, with_rows=True)

    def _page(
        self, query: _Query, following: int = 0, error: tuple[str, str] | None = None, with_rows: bool = False
    ) -> tuple[int, bytes]:
        host = self.host_told or f"http://127.0.0.1:{self.port}"
        stage = "queued" if following <= 1 else "executing"
        page: dict[str, Any] = {
            "id": query.name,
            "infoUri": f"{host}/ui/query.html?{query.name}",
            "stats": {
                "state": query.state,
                "physicalInputBytes": query.script.bytes_read,
                "elapsedTimeMillis": query.script.minutes * 60_000,
            },
        }
        if following:
            page["nextUri"] = f"{host}/v1/statement/{stage}/{query.name}/slug/{following}"
        if error:
            page["error"] = {"errorName": error[0], "message": error[1], "errorType": "USER_ERROR", "errorCode": 1}
        if with_rows and query.script.columns:
            page["columns"] = [
                {"name": name, "type": kind, "typeSignature": {"rawType": kind, "arguments": []}}
                for name, kind in query.script.columns.items()
            ]
            page["data"] = query.script.rows
        return 200, json.dumps(page).encode()

    def _handler(fake) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # head and body in one piece

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                fake.authorizations.append(self.headers.get("authorization"))
                status, content = fake.answer(self.command, self.path, body)
                if self.command in fake.lose:
                    fake.lose.discard(self.command)
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = _serve

            def log_message(self, *_: object) -> None:
                return

        return Handler
