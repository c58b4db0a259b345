"""The tracker in a real browser against the real handler: page, tracker and hit door on two origins of this machine."""

from __future__ import annotations

import base64
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.api.collect_door import Collect, recorded
from tests.requires import missing

pytestmark = pytest.mark.browser

MARKS = (
    "?utm_source=yandex&utm_medium=cpc&utm_campaign=708815521&utm_term=%D0%BA%D1%83%D1%85%D0%BD%D0%B8&yclid=15620471938264051729"
)
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PAGE = """<!doctype html><meta charset="utf-8"><title>Кухни</title><link rel="icon" href="data:,">
<a id="call" href="tel:+74950000010" onclick="return false">call</a>
<script async src="{door}/skvoz.js" data-site="kvartal" {attributes}></script>"""


class Shop:
    """Two servers: the shop's pages, and the hit door, which can be taken down."""

    def __init__(self, collect: Collect) -> None:
        self.collect, self.is_down, self.posts, self.attributes = collect, False, 0, ""
        self._lock = threading.Lock()
        self._servers = [self._serve(self._page), self._serve(self._door)]
        self.pages, self.door = (f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers)
        collect.publish({"site_id": "kvartal", "name": "Квартал", "hosts": ["127.0.0.1"], "origins": [self.pages]})

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def stored(self, kind: str = "hit") -> list[dict[str, Any]]:
        """Records, each once, in order of their time."""
        with self._lock:
            records = {record["record_id"]: record for record in self.collect.stored(kind)}
        return sorted(records.values(), key=lambda record: (record["occurred_at"], record["record_id"]))

    def _serve(self, answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self, self.rfile.read(int(self.headers.get("content-length", 0))))

            do_POST = do_OPTIONS = do_GET

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def _page(self, http: BaseHTTPRequestHandler, body: bytes) -> None:
        _reply(
            http,
            200,
            {"content-type": "text/html; charset=utf-8"},
            PAGE.format(door=self.door, attributes=self.attributes).encode(),
        )

    def _door(self, http: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = urlsplit(http.path)
        if http.command == "POST":
            self.posts += 1
            if self.is_down:
                http.close_connection = True
                return
        event = recorded("hits_post")
        event |= {
            "routeKey": f"{http.command} {parts.path}",
            "body": body.decode(),
            "queryStringParameters": dict(parse_qsl(parts.query)),
        }
        event["headers"] = {name.lower(): value for name, value in http.headers.items()}
        event["cookies"] = [cookie.strip() for cookie in http.headers.get("cookie", "").split(";") if cookie]
        event["requestContext"]["timeEpoch"] = time.time_ns() // 1_000_000
        with self._lock:
            answer = self.collect.call(event)
        headers = [*answer["headers"].items(), *(("set-cookie", cookie) for cookie in answer.get("cookies", ()))]
        sent = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
        _reply(http, answer["statusCode"], headers, sent)


def _reply(http: BaseHTTPRequestHandler, status: int, headers: Any, body: bytes) -> None:
    http.send_response(status)
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        http.send_header(name, value)
    http.send_header("content-length", str(len(body)))
    http.end_headers()
    http.wfile.write(body)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        missing("needs Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    made = Shop(Collect(monkeypatch))
    yield made
    made.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A page of a visitor who was never here."""
    context = chromium.new_context(locale="ru-RU")
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


def until(tab: Any, is_so: Callable[[], bool]) -> None:
    """Bounded poll on the servers' side."""
    for _ in range(200):
        if is_so():
            return
        tab.wait_for_timeout(50)
    pytest.fail("it did not happen within ten seconds")


def loaded(tab: Any) -> None:
    tab.wait_for_function("window.skvoz")


def outbox(tab: Any) -> list[Any]:
    kept: list[Any] = tab.evaluate("JSON.parse(localStorage.getItem('skvoz_outbox_kvartal') || '[]')")
    return kept


def test_page_view_arrives_with_its_marks(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/kuhni{MARKS}", referer="https://yandex.ru/")
    until(tab, lambda: len(shop.stored()) == 1)
    [hit] = shop.stored()
    assert (hit["kind"], hit["via"], hit["page_path"], hit["page_title"]) == ("page_view", "tracker", "/kuhni", "Кухни")
    assert (hit["utm_source"], hit["utm_medium"], hit["utm_campaign"], hit["utm_term"]) == ("yandex", "cpc", "708815521", "кухни")
    assert (hit["click_id_name"], hit["click_id"]) == ("yclid", "15620471938264051729")
    assert (hit["referrer_host"], hit["language"]) == ("yandex.ru", "ru-RU")
    assert hit["ip_masked"] == "198.51.100.0"
    assert "Chrom" in hit["user_agent"]
    until(tab, lambda: outbox(tab) == [])


def test_visitor_stays_the_same_from_page_to_page(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: len(shop.stored()) == 1)
    until(tab, lambda: outbox(tab) == [])
    cookies = {cookie["name"]: cookie for cookie in tab.context.cookies(shop.door)}
    assert cookies["skvoz_vid"]["httpOnly"] is True
    tab.evaluate("localStorage.clear()")
    tab.goto(f"{shop.pages}/b")
    until(tab, lambda: len(shop.stored()) == 2)
    assert {hit["visitor_id"] for hit in shop.stored()} == {cookies["skvoz_vid"]["value"]}
    until(tab, lambda: tab.evaluate("JSON.parse(localStorage.getItem('skvoz_visitor_kvartal'))") == cookies["skvoz_vid"]["value"])


def test_pages_of_a_single_page_application_are_seen(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/a")
    loaded(tab)
    tab.evaluate("history.pushState({}, '', '/b?x=1')")
    tab.evaluate("history.replaceState({}, '', '/b?x=1')")
    until(tab, lambda: len(shop.stored()) == 2)
    tab.go_back()
    until(tab, lambda: len(shop.stored()) == 3)
    assert [hit["page_path"] for hit in shop.stored()] == ["/a", "/b", "/a"]
    assert shop.stored()[1]["referrer"] == f"{shop.pages}/a"


def test_event_form_and_call_click(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/a{MARKS}")
    loaded(tab)
    tab.evaluate("skvoz.event('price')")
    request_id = tab.evaluate("skvoz.request('', 'callback')")
    assert tab.evaluate("skvoz.request('kv-17')") == "kv-17"
    tab.click("#call")
    until(tab, lambda: len(shop.stored()) == 5 and len(shop.stored("request")) == 2)
    assert sorted(hit["kind"] for hit in shop.stored()) == ["call_click", "event", "form", "form", "page_view"]
    requests = {request["request_id"]: request for request in shop.stored("request")}
    assert requests.keys() == {request_id, "kv-17"}
    assert requests[request_id]["form_name"] == "callback"
    assert requests[request_id]["utm_source"] == "yandex"
    assert requests[request_id]["visitor_id"] == shop.stored()[0]["visitor_id"]


def test_hits_wait_while_the_door_is_down_and_go_with_the_next_page(shop: Shop, tab: Any) -> None:
    shop.is_down = True
    tab.goto(f"{shop.pages}/a{MARKS}")
    until(tab, lambda: shop.posts >= 1)
    assert len(outbox(tab)) == 1
    assert shop.stored() == []
    shop.is_down = False
    tab.goto(f"{shop.pages}/b")
    until(tab, lambda: len(shop.stored()) == 2)
    assert [hit["page_path"] for hit in shop.stored()] == ["/a", "/b"]
    assert shop.stored()[0]["utm_source"] == "yandex"
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1
    until(tab, lambda: outbox(tab) == [])


def test_the_same_page_tries_again_by_itself(shop: Shop, tab: Any) -> None:
    shop.is_down = True
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.posts >= 1)
    shop.is_down = False
    until(tab, lambda: len(shop.stored()) == 1)


def test_refused_hits_are_not_repeated(shop: Shop, tab: Any) -> None:
    shop.attributes = 'data-consent="perhaps"'
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.posts == 1 and outbox(tab) == [])
    assert shop.stored() == []


def test_without_consent_nothing_is_kept_in_the_browser(shop: Shop, tab: Any) -> None:
    shop.attributes = 'data-consent="denied"'
    tab.goto(f"{shop.pages}/a{MARKS}")
    until(tab, lambda: len(shop.stored()) == 1)
    [hit] = shop.stored()
    assert hit["consent"] == "denied"
    assert not hit.keys() & {"visitor_id", "ip_masked", "user_agent", "click_id"}
    assert tab.evaluate("localStorage.length") == 0
    assert tab.context.cookies(shop.door) == []
    tab.evaluate("skvoz.consent('granted')")
    tab.evaluate("skvoz.event('agreed')")
    until(tab, lambda: len(shop.stored()) == 2)
    assert shop.stored()[1]["visitor_id"] == tab.evaluate("JSON.parse(localStorage.getItem('skvoz_visitor_kvartal'))")


def test_page_that_is_not_listed_sends_hits_in_vain(shop: Shop, tab: Any) -> None:
    shop.collect.publish({"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"]})
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.posts >= 1)
    assert shop.stored() == []
