"""The portal's REST API over HTTP on 127.0.0.1: /rest/USER/CODE/METHOD, `batch`, and what it answers where it does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.doubles.bitrix24.methods import Listed, RestError, run
from infra.doubles.bitrix24.php import parameters_of
from infra.doubles.bitrix24.portal import Portal

MOST_COMMANDS = 50
_LIMIT = ("QUERY_LIMIT_EXCEEDED", 503, "Too many requests")
_BLOCKED = ("OPERATION_TIME_LIMIT", 429, "Method is blocked due to operation time limit.")


class Bitrix24Server:
    """`url` is what goes into crm.bitrix24.api.url; the webhook's code is the portal's."""

    def __init__(self, portal: Portal, port: int = 0) -> None:
        self.portal = portal
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/rest/{self.portal.user}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def answer(self, path: str, parameters: Mapping[str, Any]) -> tuple[int, Any]:
        """Status and body of one call."""
        try:
            with self.portal.acting():
                return 200, self._called(path, parameters)
        except RestError as error:
            return error.status, {"error": error.code, "error_description": error.description}

    def _called(self, path: str, parameters: Mapping[str, Any]) -> Any:
        portal = self.portal
        if portal.outages and (status := portal.outages.pop(0)):
            raise RestError("INTERNAL_SERVER_ERROR", status)
        user, _, rest = path.removeprefix("/rest/").partition("/")
        code, _, method = rest.partition("/")
        if (user, code) != (str(portal.user), portal.code):
            raise RestError("NO_AUTH_FOUND", 401, "Wrong authorization data")
        if not portal.bucket.takes():
            raise RestError(*_LIMIT)
        method = method.rstrip("/").removesuffix(".json")
        if method == "batch":
            return {"result": self._batch(parameters), "time": {"operating": 0}}
        result = self._run(method, parameters)
        told = {"result": {"items": result} if isinstance(result, Listed) else result, "time": self._time(method)}
        return {**told, **({"total": result.total} if isinstance(result, Listed) else {})}

    def _batch(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        commands = parameters.get("cmd") or {}
        commands = dict(enumerate(commands)) if isinstance(commands, list) else commands
        if len(commands) > MOST_COMMANDS:
            raise RestError("ERROR_BATCH_LENGTH_EXCEEDED", 400, "Max batch length exceeded")
        parts: dict[str, dict[str, Any]] = {f"result{part}": {} for part in ("", "_error", "_total", "_next", "_time")}
        for name, text in commands.items():
            method, _, query = str(text).partition("?")
            try:
                result = self._run(method, parameters_of(query))
            except RestError as error:
                parts["result_error"][name] = {"error": error.code, "error_description": error.description}
                if error.code == _BLOCKED[0]:
                    parts["result_time"][name] = self._time(method)
                continue
            parts["result_time"][name] = self._time(method)
            parts["result"][name] = {"items": result} if isinstance(result, Listed) else result
            if isinstance(result, Listed):
                parts["result_total"][name] = result.total
                parts["result_next"] |= {name: result.next} if result.next else {}
        return {name: part or [] for name, part in parts.items()}  # PHP writes an empty dictionary as a list

    def _run(self, method: str, parameters: Mapping[str, Any]) -> Any:
        operating = self.portal.operating
        if operating.is_blocked(method):
            raise RestError(*_BLOCKED)
        operating.spend(method, self.portal.cost)
        return run(self.portal, method, parameters)

    def _time(self, method: str) -> dict[str, Any]:
        operating = self.portal.operating
        return {
            "duration": self.portal.cost,
            "operating_reset_at": operating.reset_at(method),
            "operating": operating.spent(method),
        }


def _handler(server: Bitrix24Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            is_json = "json" in (self.headers.get("content-type") or "")
            path, _, query = self.path.partition("?")
            self._reply(path, {**parameters_of(query), **(json.loads(body) if is_json and body else parameters_of(body.decode()))})

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            self._reply(path, parameters_of(query))

        def _reply(self, path: str, parameters: Mapping[str, Any]) -> None:
            status, told = server.answer(path, parameters)
            body = json.dumps(told, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing: the test or the demo does."""

    return Handler
