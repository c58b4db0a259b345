"""A shop's pages and our doors (hits, numbers) as two servers of this machine, the doors by their real handlers."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from functions.numberpool import handler as numberpool
from shared.leases import pool_key
from tests.api.collect_door import Collect, recorded

SITE = "kvartal"
PROXIED = "/stat"  # a path that the doors also answer under, as a site's own server would pass it on
POOL = tuple(f"+749500000{n}" for n in (31, 32, 33, 34, 35))
MARKS = (
    "?utm_source=yandex&utm_medium=cpc&utm_campaign=708815521&utm_term=%D0%BA%D1%83%D1%85%D0%BD%D0%B8&yclid=15620471938264051729"
)
HEAD = '<!doctype html><meta charset="utf-8"><title>Кухни</title><link rel="icon" href="data:,">'
CALL = '<a id="call" href="tel:+74950000010" onclick="return false">call</a>'


class Shop:
    """`attributes` of the script's tag, `bodies` of pages by path; the doors can be taken down, be slow or refuse."""

    def __init__(self, patch: pytest.MonkeyPatch, dynamodb: Any) -> None:
        self.collect, self.dynamodb = Collect(patch), dynamodb
        self.collect.clients.dynamodb = dynamodb
        for name, value in {"CALL_STREAM": "calls", "LEASE_STREAM": "leases"}.items():
            patch.setenv(name, value)
        patch.setattr(numberpool, "client", self.collect.clients)
        for made in numberpool.CACHES:
            made.cache_clear()
        self.attributes, self.script, self.tags = "", "skvoz.js", 1
        self.bodies: dict[str, str] = {}
        self.is_down, self.has_cookies = False, True
        self.status = 0  # the status that all posts are answered with, if any
        self.held: dict[str, threading.Event] = {}  # path → what its answers wait for
        self.posts: list[tuple[str, str]] = []  # path and body of what came to the doors
        self.asked: list[str] = []  # paths as asked for
        self.forms: list[dict[str, list[str]]] = []  # what the shop's own server got: values by name of the field
        self._lock = threading.Lock()
        self._servers = [self._serve(self._page), self._serve(self._door)]
        self.ports = [server.server_address[1] for server in self._servers]
        self.pages, self.door = (f"http://127.0.0.1:{port}" for port in self.ports)
        self.source = self.door  # where the tag has the script from
        self.settle()

    def settle(self, *numbers: str, **settings: Any) -> None:
        """Publish the site's settings, and put numbers into its pool."""
        origins = [self.pages, f"http://localhost:{self.ports[0]}"]
        base: dict[str, Any] = {"site_id": SITE, "name": "Квартал", "hosts": ["127.0.0.1"], "origins": origins}
        base["numbers"] = {"default": "+74950000010", "replaces": ["+74950000011"], "prefix_percent": 100}
        self.collect.publish({**base, **settings})
        for number in numbers:
            self.dynamodb.put_item(TableName="numbers", Item={"pk": {"S": pool_key(SITE)}, "sk": {"S": number}})

    def close(self) -> None:
        for gate in self.held.values():
            gate.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def stored(self, kind: str = "hit") -> list[dict[str, Any]]:
        """Records, each once, in order of their time."""
        with self._lock:
            records = {record["record_id"]: record for record in self.collect.stored(kind)}
        return sorted(records.values(), key=lambda record: (record["occurred_at"], record["record_id"]))

    def kinds(self) -> list[str]:
        return [hit["kind"] for hit in self.stored()]

    def came(self, path: str) -> int:
        """How many posts a door got."""
        return sum(one == path for one, _ in self.posts)

    def hold(self, path: str) -> threading.Event:
        """Answers of a door wait until the event is set."""
        self.held[path] = threading.Event()
        return self.held[path]

    def _serve(self, answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self, self.rfile.read(int(self.headers.get("content-length", 0))))

            do_POST = do_OPTIONS = do_GET

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()  # seconds between looks at its end
        return server

    def _page(self, http: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = urlsplit(http.path)
        if parts.path.startswith(f"{PROXIED}/"):
            self._door(http, body, {"x-skvoz-host": "127.0.0.1"})
            return
        if http.command == "POST" or parts.path == "/thanks":
            self.forms.append(parse_qs(body.decode() or parts.query, keep_blank_values=True))
        tag = f'<script async src="{self.source}/{self.script}" data-site="{SITE}" {self.attributes}></script>'
        html = HEAD + self.bodies.get(parts.path, CALL) + tag * self.tags
        _reply(http, 200, {"content-type": "text/html; charset=utf-8"}, html.encode())

    def _door(self, http: BaseHTTPRequestHandler, body: bytes, added: Mapping[str, str] = MappingProxyType({})) -> None:
        parts = urlsplit(http.path.removeprefix(PROXIED))
        if http.command == "POST":
            self.asked.append(http.path)
            self.posts.append((parts.path, body.decode()))
            if self.is_down:
                http.close_connection = True
                return
            if parts.path in self.held:
                self.held[parts.path].wait(20)
            if self.status:
                cors = {"access-control-allow-origin": self.pages, "access-control-allow-credentials": "true"}
                _reply(http, self.status, cors, b"")
                return
        event = recorded("hits_post")
        event |= {
            "routeKey": f"{http.command} {parts.path}",
            "body": body.decode(),
            "queryStringParameters": dict(parse_qsl(parts.query)),
        }
        event["headers"] = {name.lower(): value for name, value in http.headers.items()} | dict(added)
        cookies = http.headers.get("cookie", "") if self.has_cookies else ""
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";") if cookie]
        event["requestContext"]["timeEpoch"] = time.time_ns() // 1_000_000
        with self._lock:
            is_number = parts.path.startswith("/v1/numbers")
            answer = numberpool.lambda_handler(event, None) if is_number else self.collect.call(event)
        set_cookies = answer.get("cookies", ()) if self.has_cookies else ()
        headers = [*answer["headers"].items(), *(("set-cookie", cookie) for cookie in set_cookies)]
        sent = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
        _reply(http, answer["statusCode"], headers, sent)


def _reply(http: BaseHTTPRequestHandler, status: int, headers: Any, body: bytes) -> None:
    try:
        http.send_response(status)
        for name, value in headers.items() if isinstance(headers, dict) else headers:
            http.send_header(name, value)
        http.send_header("content-length", str(len(body)))
        http.end_headers()
        http.wfile.write(body)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the page was left before its answer came


def until(tab: Any, is_so: Callable[[], bool], tries: int = 200) -> None:
    """Bounded poll on the servers' side, 50 ms a try."""
    for _ in range(tries):
        if is_so():
            return
        tab.wait_for_timeout(50)
    pytest.fail(f"it did not happen within {tries * 0.05:.0f} seconds")


def loaded(tab: Any) -> None:
    tab.wait_for_function("Boolean(window.skvoz?.event)")


def kept(tab: Any, part: str) -> Any:
    """What the tracker keeps in the browser."""
    return tab.evaluate(f"JSON.parse(localStorage.getItem('skvoz_{part}_{SITE}'))")


def settled(shop: Shop, tab: Any, hits: int) -> None:
    """So many hits are stored, and the browser knows it."""
    until(tab, lambda: len(shop.stored()) == hits and kept(tab, "outbox") == [])
