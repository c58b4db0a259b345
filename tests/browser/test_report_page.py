"""The report in a real browser: nothing is cut at the side, tree and paths open without script, unsubscribing is two clicks."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from functions.report import handler, render
from functions.report.extras import extras_of
from functions.report.store import Files, Ledger, Page
from tests.report_aws import BUCKET, TABLE, Clients
from tests.report_cases import NOW, figures_of, settings_of, shop, shop_before

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(chromium: Any) -> Any:
    return chromium


def written(folder: Path, language: str) -> dict[str, Path]:
    figures, settings = figures_of(shop(), shop_before()), settings_of(report={"language": language})
    extras = extras_of(figures, settings)
    mail = render.mail(
        figures, settings, "https://stats.example/v1/reports/t", extras, "https://stats.example/v1/reports/t/unsubscribe"
    )
    assert mail.picture is not None
    picture = f"data:image/png;base64,{base64.b64encode(mail.picture).decode()}"
    texts = {
        "page": render.page(figures, settings, extras, render.PAGE_LINKS),
        "mail": mail.html.replace(f"cid:{render.CHART_ID}", picture),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("width", [360, 390, 1200])
def test_nothing_reaches_beyond_the_screen(browser: Any, tmp_path: Path, width: int, language: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    for path in written(tmp_path, language).values():
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)"), path.name
    page.close()


def test_the_page_works_without_script_and_asks_for_nothing(browser: Any, tmp_path: Path) -> None:
    asked: list[str] = []
    page = browser.new_page(viewport={"width": 1200, "height": 900}, java_script_enabled=False)
    page.on("request", lambda request: asked.append(request.url))
    path = written(tmp_path, "ru")["page"]
    page.goto(path.as_uri())
    assert asked == [path.as_uri()]
    assert page.locator("svg text", has_text="Яндекс Директ").first.is_visible()
    campaign = page.locator("tr.campaign th", has_text="yandex_kuhni_msk_1")
    assert not campaign.is_visible()
    page.locator("#c1").check()
    page.locator("#c1s1").check()
    assert campaign.is_visible()
    touch = page.locator(".path li", has_text="vk_msk_1")
    assert not touch.is_visible()
    page.locator(".path summary", has_text="VK Реклама").click()
    assert touch.is_visible()
    source = page.locator(".days tr.source th", has_text="Яндекс Директ › Яндекс").first
    assert not source.is_visible()
    page.locator("#y1").check()
    assert source.is_visible()
    page.close()


def test_source_control_comes_right_after_summary_and_plan_and_names_its_tables(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(written(tmp_path, "ru")["page"].as_uri())
    views = page.evaluate("[...document.querySelectorAll('main [data-view]')].map(section => section.dataset.view)")
    assert list(dict.fromkeys(views))[:2] == ["summary", "source_control"]  # the shop has no plan
    tables = page.locator(".control table")
    assert tables.count() == 6
    assert page.locator(".control table > caption").count() == 6
    assert page.locator(".control th:not([scope])").count() == 0
    page.close()


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Ledger]]:
    """The report's handler behind a real server; its address, and the ledger that it writes."""
    with mock_aws():
        clients = Clients()
        monkeypatch.setattr(handler, "client", clients)
        monkeypatch.setenv("LEDGER_TABLE", TABLE)
        monkeypatch.setenv("FILES_BUCKET", BUCKET)
        ledger = Ledger(clients.dynamodb, TABLE)
        key = Files(clients.s3, BUCKET).keep("kvartal", "1", {"html": b"<p>x</p>"}, "x")
        ledger.keep_token("token", Page("kvartal", key, "hash", "Квартал", "ru"), NOW)

        class Door(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tail = "/unsubscribe" if self.path.endswith("/unsubscribe") else ""
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                event = {
                    "routeKey": f"{self.command} /v1/reports/{{token}}{tail}",
                    "pathParameters": {"token": self.path.split("/")[3]},
                    "headers": dict(self.headers),
                    "body": body.decode(),
                    "requestContext": {"http": {}, "timeEpoch": 1_791_860_400_000},
                }
                answer = handler.lambda_handler(event, None)
                self.send_response(answer["statusCode"])
                for name, value in answer["headers"].items():
                    self.send_header(name, value)
                self.end_headers()
                text = answer["body"]
                self.wfile.write(base64.b64decode(text) if answer["isBase64Encoded"] else text.encode())

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/reports/token", ledger
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def test_unsubscribing_takes_one_press_and_so_does_coming_back(browser: Any, door: tuple[str, Ledger]) -> None:
    address, ledger = door
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{address}/unsubscribe")
    assert not ledger.is_off("kvartal", "hash")
    page.get_by_role("button", name="Отписаться").click()
    page.get_by_role("heading", name="Вы отписаны").wait_for()
    assert ledger.is_off("kvartal", "hash")
    page.get_by_role("button", name="Я нажал по ошибке").click()
    page.get_by_role("heading", name="Отчёт будет приходить").wait_for()
    assert not ledger.is_off("kvartal", "hash")
    page.close()
