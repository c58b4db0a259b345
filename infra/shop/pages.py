"""Pages of the demo shop: templates, static files and forms over the local gateway's request and answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.local.gateway import Answer, HttpRequest

HERE = Path(__file__).parent
HTML = "text/html; charset=utf-8"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_ZONE = ZoneInfo("Europe/Moscow")


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(HERE / "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["roubles"] = roubles
    made.filters["moment"] = moment
    return made


def page(template: str, values: Mapping[str, Any], status: int = 200) -> Answer:
    """A template filled in; everything from outside is escaped."""
    body = _templates().get_template(f"{template}.html.j2").render(values)
    return Answer(status, [("content-type", HTML), ("cache-control", "no-store")], body.encode())


def static(name: str) -> Answer | None:
    """A file of `static/`; None where there is none of that name."""
    found = {path.name: path for path in (HERE / "static").iterdir()}.get(name)
    if found is None:
        return None
    return Answer(200, [("content-type", _TYPES[found.suffix]), ("cache-control", "no-cache")], found.read_bytes())


def redirect(target: str) -> Answer:
    """On to another page after a form: reloading that page does not post again."""
    return Answer(303, [("location", target)], b"")


def form_of(request: HttpRequest) -> dict[str, str]:
    """Fields of a posted form; of repeated ones the last."""
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def query_of(request: HttpRequest) -> dict[str, str]:
    """Fields of the query."""
    return dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))


def whole_number(text: str, least: int, most: int) -> int | None:
    """A number as people type it (`14 900`), or None when it is none or out of bounds."""
    digits = "".join(text.split())
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        return None
    return int(digits) if least <= int(digits) <= most else None


def roubles(amount: int) -> str:
    """14900 → `14 900 ₽`, with spaces that do not break."""
    return f"{amount:,}".replace(",", "\u00a0") + "\u00a0₽"


def moment(at: datetime) -> str:
    """When, for people: Moscow time."""
    return f"{at.astimezone(_ZONE):%H:%M:%S}"
