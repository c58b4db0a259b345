"""The proxy snippets of docs/tracker.md in the servers that they are for: nginx, and PHP as on a shared hosting of 1C-Bitrix."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_tracker_proxies import snippet

PATIENCE = 10.0  # seconds
CONF = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {outer}
  server {{ listen 127.0.0.1:{port}; server_name shop.example; {inner} }}
}}
"""


class Api(BaseHTTPRequestHandler):
    """The API behind the proxy: keeps what came, answers as the door of hits does."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.came.append({"path": self.path, "method": self.command, "headers": headers, "body": body})  # type: ignore[attr-defined]
        answer = json.dumps({"taken": 1}).encode()
        self.send_response(202)
        for name, value in (("content-type", "application/json"), ("set-cookie", "skvoz_shop=token; SameSite=Lax")):
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def api() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.came = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["nginx", "php"])
def proxy(request: pytest.FixtureRequest, api: ThreadingHTTPServer, tmp_path: Path) -> Iterator[int]:
    """Port of a web server with the snippet as it stands, but for the API's address, which is http and on this machine."""
    binary = shutil.which(request.param) or shutil.which(f"/usr/sbin/{request.param}")
    if binary is None:
        pytest.skip(f"{request.param} is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = snippet(request.param).replace("https://", "http://").replace("YOUR-API", f"127.0.0.1:{api.server_port}")
    command = (_nginx if request.param == "nginx" else _php)(binary, text, port, tmp_path)
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_it_listens(port, running, tmp_path / "log")
        yield port
    finally:
        running.terminate()
        running.wait(PATIENCE)


def _nginx(binary: str, text: str, port: int, folder: Path) -> list[str]:
    outer, _, inner = text.partition("# in server { }")
    (folder / "nginx.conf").write_text(CONF.format(folder=folder, outer=outer, inner=inner, port=port), "utf-8")
    command = [binary, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert checked.returncode == 0, checked.stderr
    return command


def _php(binary: str, text: str, port: int, folder: Path) -> list[str]:
    """PHP's own server with `index.php` as the file that all addresses lead to, as the .htaccess beside it does in Apache."""
    (folder / "index.php").write_text(text, "utf-8")
    return [binary, "-S", f"127.0.0.1:{port}", str(folder / "index.php")]


def _until_it_listens(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the web server does not answer: {log.read_text('utf-8')}")


def asked(port: int, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, str]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body.encode() or None, {"Host": "shop.example", **told})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_a_hit_is_handed_on_with_the_visitor_and_our_cookie_alone(proxy: int, api: Any) -> None:
    cookies = "basket=7; skvoz_shop=id.time.signature; sid=8"
    status, headers = asked(
        proxy,
        "POST",
        "/skvoz/v1/hits",
        '{"site": "shop"}',
        Cookie=cookies,
        DNT="1",
        Origin="https://shop.example",
        X_Skvoz_Viewer="8.8.8.8",
    )
    (came,) = api.came
    assert (came["path"], came["method"], came["body"]) == ("/v1/hits", "POST", '{"site": "shop"}')
    assert came["headers"]["cookie"] == "skvoz_shop=id.time.signature"
    assert came["headers"]["x-skvoz-host"] == "shop.example"
    assert came["headers"]["x-skvoz-viewer"] == "127.0.0.1"  # who asked, not who he says he is
    assert came["headers"]["x-skvoz-proxy"] == "PROXY-TOKEN"
    assert (came["headers"]["dnt"], came["headers"]["origin"]) == ("1", "https://shop.example")
    assert (status, headers["set-cookie"]) == (202, "skvoz_shop=token; SameSite=Lax")
    assert headers["content-type"] == "application/json"


def test_the_script_is_handed_on_without_the_sites_cookies(proxy: int, api: Any) -> None:
    status, _ = asked(proxy, "GET", "/skvoz/skvoz.js?v=2", Cookie="basket=7; sid=8")
    (came,) = api.came
    assert (status, came["path"], came["method"]) == (202, "/skvoz.js?v=2", "GET")
    assert came["headers"].get("cookie", "") == ""


def test_a_lease_is_handed_on_as_it_is(proxy: int, api: Any) -> None:
    asked(proxy, "POST", "/skvoz/v1/numbers/lease", '{"site": "shop", "page": "https://shop.example/?q=%D1%82"}')
    (came,) = api.came
    assert (came["path"], came["body"]) == ("/v1/numbers/lease", '{"site": "shop", "page": "https://shop.example/?q=%D1%82"}')
