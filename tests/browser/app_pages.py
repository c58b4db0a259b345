"""The report's app in a small page of its own: the static page's style and a few sections, the sample snapshot, inlined or behind a
server that sends what the door sends."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parents[2] / "functions" / "report"
APP = ROOT / "app" / "report.js"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SECTIONS = {
    "summary": "Сводка отчёта",
    "source_control": "Контроль источников",
    "channels": "Каналы, источники, кампании",
    "models": "Модели атрибуции",
    "quality": "Качество данных",
    "own_section": "Свой раздел",
}


def shell(script: str) -> str:
    """A page as `render.page` makes them: sections by view, then the app."""
    text = (ROOT / "templates" / "page.css").read_text("utf-8")
    css = re.sub(r"\{%.*?%\}", "", re.sub(r"\{% for .*?%\}.*?\{% endfor %\}", "", text, flags=re.S))
    sections = "".join(
        f'<section class="card" data-view="{name}" aria-labelledby="{name}"><div class="head"><h2 id="{name}">{title}</h2></div>'
        f'<p class="part">Как в письме: {name}</p></section>'
        for name, title in SECTIONS.items()
    )
    return f"""<!DOCTYPE html><html lang="ru"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Квартал</title>
<style>{css}</style></head><body><header><p class="over">Отчёт по рекламе</p><h1><bdi>Квартал</bdi></h1>
<p class="when"><span><strong>13 сентября – 12 октября 2026 г.</strong></span>
<span class="muted">Данные до 05:40</span></p>
<p class="muted">По дню заявки</p><p class="lead">На каждый рубль пришло два.</p></header>
<main data-waiting="Загружаем данные…" data-failed="Живые таблицы не загрузились.">{sections}</main>{script}</body></html>"""


def inlined(files: Mapping[str, bytes]) -> str:
    """The page as a file: everything is in it."""
    data = "".join(
        f'<script type="application/json" data-name="{name}">{body.decode().replace("<", chr(92) + "u003c")}</script>'
        for name, body in files.items()
    )
    return shell(f"{data}<script>{APP.read_text('utf-8').replace('</script', '<' + chr(92) + '/script')}</script>")


@contextmanager
def hosted(files: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Address of the page behind a server, and the names of data that were asked for. A name taken out of `files` is a 404."""
    asked: list[str] = []
    page = shell('<script src="?data=app.js" defer></script>').encode()

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = parse_qs(urlsplit(self.path).query).get("data", [""])[0]
            body, kind = page, "text/html; charset=utf-8"
            if name == "app.js":
                body, kind = APP.read_bytes(), "text/javascript; charset=utf-8"
            elif name:
                asked.append(name)
                if name not in files:
                    self.send_error(404)
                    return
                body, kind = files[name], "application/json"
            packed = gzip.compress(body, 1)
            self.send_response(200)
            headers = {"content-type": kind, "content-encoding": "gzip", "content-length": str(len(packed))}
            for header, value in {**headers, "content-security-policy": CSP}.items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(packed)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/reports/token", asked
    finally:
        server.shutdown()
        server.server_close()
