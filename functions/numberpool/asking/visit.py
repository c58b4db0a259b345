"""What a lease request tells of the visit: marks, page, region, device. Pure; hostile text is no mark and no region, not an error.

Pools and static numbers are chosen by the marks as they came; what is stored of them (`stored_marks`, `kept_marks`) holds neither
e-mails nor phones: no figure is made of these, so that they need not keep every id of a campaign that looks like a phone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from functions.numberpool.pools import Visit, device_of
from shared.addresses import is_of_proxy
from shared.hosts import plain_host
from shared.identity import redact
from shared.records import LEASE

MOST_MARK, MOST_MARK_BYTES = 100, 500
_LIMITS = {column.name: column.limit for column in LEASE.columns if column.name.startswith("utm_")}
MARKS = tuple(_LIMITS)
MOST_USER_AGENT = 512  # characters; what robots and devices are told by
_MOST_URL, _MOST_REGION = 4096, 100
_REGION_HEADERS = ("x-skvoz-region", "cloudfront-viewer-country-region-name")
_CONTROLS = dict.fromkeys([*range(32), 127], " ")


def visit_of(sent: Mapping[str, Any], headers: Mapping[str, str], site: Mapping[str, Any]) -> Visit:
    """`sent`: the request's body; names of `headers` are lower case. A page that tells no address has the origin's host."""
    host, path = _page(sent.get("page_url"))
    origin = headers.get("origin", "")
    agent = headers.get("user-agent", "")[:MOST_USER_AGENT]
    return Visit(_marks(sent), host or _page(origin)[0], path, _region(sent, headers, site), device_of(agent))


def stored_marks(marks: Mapping[str, str]) -> dict[str, str]:
    """What the lake keeps of a visit's marks."""
    return {name: redact(text)[: _LIMITS[name]].rstrip() for name, text in marks.items()}


def kept_marks(marks: Mapping[str, str]) -> dict[str, str]:
    """What the table keeps of stored marks: each cut to MOST_MARK characters, the last ones so that all have MOST_MARK_BYTES: an
    item of 1,024 bytes takes one unit to write, with each sign of life."""
    kept: dict[str, str] = {}
    left = MOST_MARK_BYTES
    for name in MARKS:
        cut = marks.get(name, "")[:MOST_MARK].encode()[: max(left, 0)].decode("utf-8", "ignore").rstrip()
        if cut:
            kept[name] = cut
            left -= len(cut.encode())
    return kept


def _page(url: object) -> tuple[str, str]:
    """Host and path of an address, "" and "" for what is none."""
    if not isinstance(url, str):
        return "", ""
    try:
        parts = urlsplit(url[:_MOST_URL])
        host = plain_host(parts.hostname or "")
    except ValueError:
        return "", ""
    return (host, parts.path or "/") if host else ("", "")


def _region(sent: Mapping[str, Any], headers: Mapping[str, str], site: Mapping[str, Any]) -> str:
    """The page's word, else that of the site's proxy; what anybody else's headers say is not believed."""
    if told := _text(sent.get("region"), _MOST_REGION):
        return told
    if not is_of_proxy(headers, site):
        return ""
    return next((told for name in _REGION_HEADERS if (told := _text(unquote(headers.get(name, "")), _MOST_REGION))), "")


def _marks(sent: Mapping[str, Any]) -> dict[str, str]:
    """The marks as sent; those of the page's address where none were."""
    marks = {name: text for name in MARKS if (text := _text(sent.get(name), _LIMITS[name]))}
    url = sent.get("page_url")
    if marks or not isinstance(url, str) or len(url) > _MOST_URL:
        return marks
    try:
        query = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return {}
    return {name: text for name, value in reversed(query) if name in MARKS and (text := _text(value, _LIMITS[name]))}


def _text(told: object, limit: int) -> str:
    if not isinstance(told, str):
        return ""
    text = told if told.isprintable() else told.translate(_CONTROLS).encode("utf-8", "replace").decode()
    return text.strip()[:limit].rstrip()
