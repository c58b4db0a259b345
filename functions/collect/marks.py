"""What an address says: host, path, UTM marks and click id; and the form of it that may be stored.

The query is read once. Values are percent-decoded as UTF-8, else as windows-1251 (old Russian mailers), and never raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes, urlsplit

from functions.collect.texts import LIMITS, clean, hidden
from shared.hosts import plain_host
from shared.identity import redact, redact_emails

UTM = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"})
# The first of these that an address carries is its click id. Paid clicks come first: ysclid and srsltid mark free search
# results and ride along with paid ones.
CLICK_IDS = (
    "yclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "fbclid", "ttclid", "rb_clickid", "ymclid", "twclid", "li_fat_id",
    "ysclid", "srsltid",
)  # fmt: skip
# Parameters whose values are about a person or open a door, whatever they look like.
PERSONAL = frozenset({
    "phone", "tel", "telephone", "mobile", "email", "e-mail", "mail", "fio", "firstname", "first_name", "lastname", "last_name",
    "surname", "patronymic", "password", "passwd", "pwd", "token", "access_token", "id_token", "session", "sessionid", "api_key",
})  # fmt: skip
# Ad systems' own ids: their digits stay in the stored address.
AD_IDS = frozenset({
    "utm_id", "campaign_id", "campaignid", "gad_campaignid", "adgroup_id", "adgroupid", "group_id", "gbid", "ad_id", "adid",
    "banner_id", "creative", "creative_id", "keyword_id", "phrase_id", "targetid", "retargeting_id", "openstat", "_openstat",
})  # fmt: skip
SENT_FORM = "skvoz_request_id"  # the tracker's hidden field: in an address, the form went by GET and its fields are in the query
MOST_PARAMETERS = 200
MOST_PACKED = 3  # how often an address is percent-encoded upon itself, at most
PAGE_SCHEMES = ("http", "https")
REFERRER_SCHEMES = (*PAGE_SCHEMES, "android-app", "ios-app")  # tel: and mailto: would name people, others say nothing
_KEPT_AS_IS = UTM.union(CLICK_IDS)


class Address(NamedTuple):
    """`url` and `path` are safe to store; `marks` maps columns (utm_…, click_id_name, click_id) to decoded values."""

    url: str
    host: str
    path: str
    marks: Mapping[str, str]


def read_address(text: str, schemes: tuple[str, ...] = PAGE_SCHEMES) -> Address:
    """Address → its parts. ValueError when it is none of `schemes` or has no host. Credentials in it are dropped."""
    parts = urlsplit(clean(text))
    host = parts.hostname
    if not host or " " in host or len(host) > LIMITS["page_host"] or parts.scheme not in schemes:
        raise ValueError("an address needs a scheme and a host, for example https://shop.example/page")
    marks: dict[str, str] = {}
    clicks: dict[str, str] = {}
    query = _read_query(parts.query, marks, clicks)
    route, mark, tail = parts.fragment.rpartition("?")
    # Marks behind a hash route or a plain # count where the query has none.
    tail = _read_query(tail, marks, clicks) if "=" in tail else _safe(tail)
    path = _safe(parts.path)
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"
    if query:
        url = f"{url}?{query}"
    if parts.fragment:
        url = f"{url}#{_safe(route)}{mark}{tail}"
    return Address(url, plain_host(host), path or "/", {**marks, **_click_id(clicks)})


def safe_address(text: str) -> str:
    """What may be kept of an address that is perhaps none."""
    try:
        return read_address(text, REFERRER_SCHEMES).url
    except ValueError:
        return hidden(text)


def without_query(url: str) -> str:
    """Address up to its query: what is kept of a visitor who does not want to be recognised."""
    return url.partition("#")[0].partition("?")[0]


def _read_query(query: str, marks: dict[str, str], clicks: dict[str, str]) -> str:
    """Notes the marks and click ids of a query, the first of each name; gives the form of the query that may be stored.

    Of a sent form that is its marks alone: whatever else is there, a person filled in.
    """
    is_form = SENT_FORM in query.lower()  # looked for in the whole of it: forms end with this field
    kept: list[str] = []
    for pair in query.split("&", MOST_PARAMETERS)[:MOST_PARAMETERS]:
        name, _, value = pair.partition("=")
        name = name.lower().removeprefix("amp;")  # mailers write &amp;utm_medium= into links
        if name not in _KEPT_AS_IS:
            if not is_form:
                kept.append(_safe_pair(pair, name, value))
            continue
        kept.append(redact_emails(pair))
        if decoded := redact_emails(_decoded(value)):
            (marks if name in UTM else clicks).setdefault(name, decoded)
    return "&".join(kept)


def _click_id(clicks: Mapping[str, str]) -> dict[str, str]:
    name = next((name for name in CLICK_IDS if name in clicks), None)
    if name is None:
        return {}
    if len(clicks[name]) > LIMITS["click_id"]:
        return {"click_id_name": name}
    return {"click_id_name": name, "click_id": clicks[name]}


def _safe_pair(pair: str, name: str, value: str) -> str:
    if name in AD_IDS:
        return redact_emails(pair)
    if name in PERSONAL and value:
        return f"{name}=[removed]"
    raw_name, equals, _ = pair.partition("=")
    shown = _safe(value)
    if "+" in shown:  # a plus as it stands (ivan+shop@…) and as a space (8+900+…)
        shown = _safe(shown, " ")
    return f"{_safe(raw_name)}{equals}{shown}"


def _safe(text: str, plus: str = "+") -> str:
    """Part of an address without phones and e-mails, looked for under every layer of encoding. `plus` is what + stands for."""
    unpacked = text
    for _ in range(MOST_PACKED if "%" in text or plus == " " else 0):
        unpacked = _decoded(unpacked, plus)
        shown = redact(unpacked)
        if shown != unpacked:
            return quote(shown, safe="/[]")
        if "%" not in unpacked:
            break
    return redact(text)


def _decoded(value: str, plus: str = " ") -> str:
    if "%" not in value and "+" not in value:
        return clean(value)
    raw = unquote_to_bytes(value.replace("+", plus))
    try:
        return clean(raw.decode())
    except UnicodeDecodeError:
        return clean(raw.decode("cp1251", "replace"))
