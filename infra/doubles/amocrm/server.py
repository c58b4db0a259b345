"""The account behind HTTP on 127.0.0.1."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.doubles.amocrm import fields as fields_of
from infra.doubles.amocrm import shapes, writes
from infra.doubles.amocrm.account import Account
from infra.doubles.amocrm.gate import Keys, Limit
from infra.doubles.amocrm.hooks import Hooks
from infra.doubles.amocrm.lists import BadQuery, events, listed, notes, page_of
from infra.shop.amocrm import ACCOUNT_ID

_ONE = re.compile(r"/api/v4/(leads|contacts|companies|customers)/(\d+)")
_PURCHASES = re.compile(r"/api/v4/customers/(\d+)/transactions")
_NOTES = re.compile(r"/api/v4/leads/(\d+)/notes")
Reply = tuple[int, Any]


class AmoServer:
    """`with AmoServer(clock) as amo`: `amo.url`, `amo.account`, `amo.keys`, `amo.limit`. `clock` is the account's present;
    `seconds` is what calls are counted by. `before(path)` runs before each call is answered: a test may change the account there,
    or raise ConnectionError to break the connection."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        hooks: Hooks | None = None,
        *,
        seconds: Callable[[], float] = time.monotonic,
        account: Account | None = None,
    ) -> None:
        self.account = account or Account(clock, hooks)
        self.fields = fields_of.fields()
        self.keys, self.limit = Keys(clock), Limit(seconds)
        self.before: Callable[[str], None] = lambda path: None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> AmoServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        """Status and JSON; None for no body."""
        parts = urlsplit(target)
        with self._lock:
            verdict = self.limit.verdict()
            reply: Reply = (verdict, {"title": "Forbidden" if verdict == 403 else "Too many requests", "status": verdict})
            if verdict == 200:
                reply = self._judged(method, parts.path, parse_qsl(parts.query, keep_blank_values=True), headers, body)
            self.limit.note(method, target, reply[0])
            return reply

    def _judged(self, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes) -> Reply:
        try:
            told = json.loads(body) if body else None
        except ValueError:
            return 400, {"title": "Bad Request", "status": 400}
        if (method, path) == ("POST", "/oauth2/access_token"):
            return self.keys.exchange(told or {})
        if not self.keys.is_good(headers.get("authorization", "")):
            return 401, {"title": "Unauthorized", "status": 401}
        with self.account.changing(is_told=False):
            try:
                return self._got(path, query) if method == "GET" else self._written(method, path, told)
            except BadQuery as error:
                return 400, {"title": "Bad Request", "status": 400, "detail": str(error)}

    def _got(self, path: str, query: list[tuple[str, str]]) -> Reply:
        account, name = self.account, path.removeprefix("/api/v4/")
        if name in ("leads", "contacts", "companies", "customers"):
            return _or_empty(listed(account, name, query))
        if name == "leads/notes":
            return _or_empty(notes(account, query))
        if name == "events":
            return _or_empty(events(account, query))
        if name == "account":
            return 200, {"id": int(ACCOUNT_ID), "subdomain": "kvartal-example"}
        if name == "leads/pipelines":
            return 200, {"_embedded": {"pipelines": shapes.pipelines()}}
        if name == "leads/custom_fields":
            return _or_empty(page_of("custom_fields", self.fields.values(), query))
        if name == "users":
            return _or_empty(page_of("users", shapes.users(), query))
        if name == "leads/loss_reasons":
            return _or_empty(page_of("loss_reasons", shapes.loss_reasons(), query))
        if found := _PURCHASES.fullmatch(path):
            rows = [one for one in account.purchases.values() if one["customer_id"] == int(found[1])]
            return _or_empty(page_of("transactions", rows, query))
        if found := _NOTES.fullmatch(path):
            return _or_empty(page_of("notes", [one for one in account.notes if one["entity_id"] == int(found[1])], query))
        if found := _ONE.fullmatch(path):
            told = listed(account, found[1], [*query, ("filter[id][]", found[2])])
            return (200, told["_embedded"][found[1]][0]) if told else (204, None)
        return 404, {"title": "Not found", "status": 404}

    def _written(self, method: str, path: str, told: Any) -> Reply:
        account = self.account
        if path in ("/api/v4/leads", "/api/v4/leads/complex") and isinstance(told, list):
            if (wrong := fields_of.mistakes(self.fields, told)) is not None:
                return 400, wrong
            for one in told:
                fields_of.names(self.fields, one)
        if (method, path) == ("POST", "/api/v4/leads/complex"):
            return writes.complex_leads(account, told)
        if (method, path) == ("POST", "/api/v4/leads"):
            return writes.plain_leads(account, told)
        if method == "POST" and (found := _NOTES.fullmatch(path)):
            return writes.note(account, int(found[1]), told)
        if method == "PATCH" and (found := _ONE.fullmatch(path)) and found[1] == "leads":
            return writes.changed_lead(account, int(found[2]), told)
        return 404, {"title": "Not found", "status": 404}


def _or_empty(told: dict[str, Any] | None) -> Reply:
    return (200, told) if told is not None else (204, None)


def _handler(server: AmoServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                server.before(self.path)
                status, told = server.answer(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            except ConnectionError:
                self.close_connection = True
                return
            text = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            if told is not None:
                self.send_header("content-type", "application/hal+json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: tests and the demo look at `limit.calls`."""

    return Handler
