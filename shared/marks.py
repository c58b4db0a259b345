"""What an address says: host, path, UTM marks and click id; and the form of it that may be stored.

The query is read once. Values are percent-decoded as UTF-8; a run of escapes that is none, as windows-1251 (old Russian mailers;
KOI8 cannot be told from it); links packed into links, up to three times. Nothing raises but what is no address.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from shared.hosts import plain_host
from shared.identity import may_hold_at, redact, redact_emails, without_credentials
from shared.texts import LIMITS, after_at, clean, hidden

UTM = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"})
# The first of these that an address carries is its click id: ads, then partners and mailers, then what free links carry as well
# (fbclid: posts; ysclid, srsltid: search results). gad_… stand where somebody cut the gclid; _openstat counts where it names Yandex
# Direct. Whose they are: functions/attribution/rules/clicks.tsv.
CLICK_IDS = (
    "yclid", "ymclid", "yzclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "ttclid", "rb_clickid", "twclid", "li_fat_id",
    "rdt_cid", "sccid", "epik", "qclid", "tblci", "dicbo", "mt_click_id", "gad_campaignid", "gad_source", "_openstat",
    "admitad_uid", "irclickid", "cjevent", "awc", "tduid", "mc_cid",
    "fbclid", "igshid", "igsh", "ysclid", "srsltid",
)  # fmt: skip
# Parameters whose values are about a person or open a door, whatever they look like. Last: who a mailer's link was written to.
PERSONAL = frozenset({
    "phone", "tel", "telephone", "mobile", "email", "e-mail", "mail", "fio", "firstname", "first_name", "lastname", "last_name",
    "surname", "patronymic", "password", "passwd", "pwd", "token", "access_token", "id_token", "session", "sessionid", "api_key",
    "mc_eid", "mkt_tok", "_hsenc", "_ke", "_kx", "vero_id", "oly_enc_id", "oly_anon_id", "ml_subscriber", "ml_subscriber_hash",
    "ck_subscriber_id", "omnisendcontactid", "trk_contact", "bsft_uid", "sc_uid", "ss_email_id", "vgo_ee",
})  # fmt: skip
# Ad systems' own ids: their digits stay in the stored address.
AD_IDS = frozenset({
    "utm_id", "campaign_id", "campaignid", "adgroup_id", "adgroupid", "group_id", "gbid", "ad_id", "adid",
    "banner_id", "creative", "creative_id", "keyword_id", "phrase_id", "targetid", "retargeting_id", "openstat", "mt_link_id",
})  # fmt: skip
# Matomo's names of the same marks (formerly Piwik's pk_): they speak where the address has no utm_ of that meaning.
MATOMO = {
    f"{prefix}_{name}": mark
    for prefix in ("mtm", "pk", "matomo", "piwik")
    for name, mark in {
        "source": "utm_source", "medium": "utm_medium", "campaign": "utm_campaign", "content": "utm_content", "kwd": "utm_term",
        "keyword": "utm_term",
    }.items()
}  # fmt: skip
SENT_FORM = "skvoz_request_id"  # the tracker's hidden field: in an address, the form went by GET and its fields are in the query
MOST_PARAMETERS = 200
MOST_PACKED = 3  # how often an address is percent-encoded upon itself, at most
LONG_QUERY = 1024  # characters; a longer one is stored with its marks first, so that cutting takes none of them
PAGE_SCHEMES = ("http", "https")
REFERRER_SCHEMES = (*PAGE_SCHEMES, "android-app", "ios-app")  # tel: and mailto: would name people, others say nothing
NO_NAMES: frozenset[str] = frozenset()
_KEPT_AS_IS = UTM.union(CLICK_IDS)
NO_ADDRESS = "an address needs a scheme and a host, for example https://shop.example/page"
_NETLOC = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+(?:%[^\]]*)?)\]|(?P<name>[^:\[\]]*))(?::\d{0,5})?", re.ASCII)
_NOT_IN_HOSTS = re.compile(r"[\s\ufffd<>\\^|%/?#@\[\]]")  # as browsers have it
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


class Address(NamedTuple):
    """`url` and `path` are safe to store; `marks` maps columns (utm_…, click_id_name, click_id) to decoded values."""

    url: str
    host: str
    path: str
    marks: Mapping[str, str]


def own_marks(site: Mapping[str, Any]) -> frozenset[str]:
    """Parameters that a site's settings read as marks or click ids (`sources.parameters`, `sources.click_ids`), but no personal
    ones. What they mean is said in SQL, over the stored address: a changed setting corrects the past."""
    told = site.get("sources", {})
    return frozenset(chain(told.get("click_ids", ()), *told.get("parameters", {}).values())) - PERSONAL


def read_address(text: str, schemes: tuple[str, ...] = PAGE_SCHEMES, own_marks: frozenset[str] = NO_NAMES) -> Address:
    """Address → its parts. ValueError when it is none of `schemes` or has no host. Credentials in it are dropped.

    Values of `own_marks` are stored like UTM values, with their digits and without e-mails; in UTF-8, under names in lower case.
    """
    parts = urlsplit(clean(text))
    if parts.scheme not in schemes:
        raise ValueError(NO_ADDRESS)
    netloc = parts.netloc.rpartition("@")[2]
    host = _host(netloc)
    marks: dict[str, str] = {}
    clicks: dict[str, str] = {}
    query = _read_query(parts.query, marks, clicks, own_marks)
    route, mark, tail = parts.fragment.rpartition("?")
    # Marks behind a hash route or a plain # count where the query has none.
    tail = _read_query(tail, marks, clicks, own_marks) if "=" in tail else _safe(tail)
    path = _safe(parts.path)
    url = f"{parts.scheme}://{netloc}{path}"
    if query:
        url = f"{url}?{query}"
    if parts.fragment:
        url = f"{url}#{_safe(route)}{mark}{tail}"
    told = {mark: marks[name] for name, mark in reversed(MATOMO.items()) if name in marks} if marks.keys() & MATOMO.keys() else {}
    told |= {name: value for name, value in marks.items() if name in UTM}
    return Address(url, host, path or "/", {**told, **_click_id(clicks)})


def safe_address(text: str) -> str:
    """What may be kept of an address that is perhaps none: nothing up to its last @, for that may be a user and a password."""
    try:
        return read_address(text, REFERRER_SCHEMES).url
    except ValueError:
        return hidden(after_at(text))


def without_query(url: str) -> str:
    """Address up to its query: what is kept of a visitor who does not want to be recognised."""
    return url.partition("#")[0].partition("?")[0]


def _host(netloc: str) -> str:
    """The host in its one spelling: without port, IPv6 without its zone. ValueError when it is none, or when its port is none: that
    is what a password with a slash in it looks like."""
    found = _NETLOC.fullmatch(netloc)
    if found is None:
        raise ValueError(NO_ADDRESS)
    host = plain_host(found["v6"].partition("%")[0] if found["v6"] else unquote(found["name"] or ""))
    if not host or len(host) > LIMITS["page_host"] or _NOT_IN_HOSTS.search(host) or not host.isprintable():
        raise ValueError(NO_ADDRESS)
    return host


def _read_query(query: str, marks: dict[str, str], clicks: dict[str, str], own_marks: frozenset[str]) -> str:
    """Notes the marks and click ids of a query, the first of each name that says something; gives the form of the query that may be
    stored. Of a sent form that is UTM and known click ids alone: whatever else is there, a person filled in."""
    is_form = SENT_FORM in query.lower()  # looked for in the whole of it: forms end with this field
    if "?" in query:
        query = query.replace("?utm_", "&utm_")  # marks appended to a link that had a query already
    kept: list[tuple[bool, str]] = []  # whether it is no mark, and the pair
    for pair in query.split("&", MOST_PARAMETERS)[:MOST_PARAMETERS]:
        sent_name, _, value = pair.partition("=")
        name = _name(sent_name)
        if name in _KEPT_AS_IS:
            told, pair = _mark(pair, sent_name, value)
            if told and (name != "_openstat" or _is_direct(told)):
                (marks if name in UTM else clicks).setdefault(name, told)
            kept.append((False, pair))
        elif is_form:
            continue
        elif name in own_marks:
            kept.append((False, f"{name}={_packed(_shown(value))}"))
        elif name in MATOMO:
            told, pair = _mark(pair, sent_name, value)
            if told:
                marks.setdefault(name, told)
            kept.append((False, pair))
        else:
            kept.append((True, _safe_pair(pair, name, value)))
    if len(query) > LONG_QUERY:
        kept.sort(key=itemgetter(0))
    return "&".join([pair for _, pair in kept])


def _name(sent: str) -> str:
    """Name of a parameter: in any case, with a mailer's `amp;` before it, escaped, or as a list (utm_source[], utm_source[0])."""
    name = sent.lower().removeprefix("amp;")  # mailers write &amp;utm_medium= into links
    if "%" in name:
        name = unquote(name)
    return name.partition("[")[0] if "[" in name else name


def _click_id(clicks: Mapping[str, str]) -> dict[str, str]:
    name = next((name for name in CLICK_IDS if name in clicks), None)
    if name is None:
        return {}
    if len(clicks[name]) > LIMITS["click_id"]:
        return {"click_id_name": name}
    return {"click_id_name": name, "click_id": clicks[name]}


def _is_direct(openstat: str) -> bool:
    """Whether an Openstat mark (service;campaign;ad;place, mostly in base64) is of Yandex Direct: other systems write it too."""
    if ";" not in openstat:
        coded = openstat.replace(" ", "+").replace("-", "+").replace("_", "/")
        try:
            openstat = b64decode(coded + "=" * (-len(coded) % 4)).decode("latin-1")
        except ValueError:
            return False
    return openstat.lower().startswith("direct.yandex.")


def _mark(pair: str, sent_name: str, value: str) -> tuple[str, str]:
    """A mark's value, and its pair as it may be stored: as sent, unless something had to go or cannot be read strictly."""
    told = _unpacked(value)
    if may_hold_at(value) and (shown := _shown(value)) != told:
        return shown, f"{sent_name}={_packed(shown)}"
    return told, f"{sent_name}={_mended(value)}" if "%" in value else pair


def _safe_pair(pair: str, name: str, value: str) -> str:
    raw_name, equals, _ = pair.partition("=")
    if name in AD_IDS:
        return _mark(pair, raw_name, value)[1]
    if name in PERSONAL and value:
        return f"{name}=[removed]"
    shown = _safe(value)
    if "+" in shown:  # a plus as it stands (ivan+shop@…) and as a space (8+900+…)
        shown = _safe(shown, " ")
    return f"{_safe(raw_name)}{equals}{_mended(shown) if '%' in shown else shown}"


def _safe(text: str, plus: str = "+") -> str:
    """Part of an address without phones, e-mails and credentials, looked for under every layer of encoding. `plus` is what + stands
    for."""
    text = unpacked = without_credentials(text)
    for _ in range(MOST_PACKED if "%" in text or plus == " " else 0):
        unpacked = _decoded(unpacked, plus)
        shown = redact(unpacked)
        if shown != unpacked:
            return _packed(shown)
        if "%" not in unpacked:
            break
    return redact(text)


def _mended(value: str) -> str:
    """A value with escapes that the strictest reader takes: another encoding than UTF-8, control characters and a % that begins no
    escape are written anew."""
    try:
        if not _STRAY.search(value) and unquote_to_bytes(value).decode().isprintable():
            return value
    except UnicodeDecodeError:
        pass
    return _packed(_decoded(value))


def _packed(text: str) -> str:
    return quote(text, safe="/[]")


def _shown(value: str) -> str:
    """A mark's value, decoded, as it may be stored."""
    return redact_emails(_unpacked(value, without_credentials))


def _unpacked(value: str, show: Callable[[str], str] = str) -> str:
    """A mark's value, decoded; once more while every % of what came out begins an escape, as redirectors pack links into links.
    `show` is done to each layer: decoded, a password's %2F is a slash, and looks like the end of the host."""
    text = _decoded(show(value))
    for _ in range(MOST_PACKED - 1):
        if "%" not in text or _STRAY.search(text):
            break
        text = _decoded(show(text))
    return text


def _decoded(value: str, plus: str = " ") -> str:
    if "%" not in value and "+" not in value:
        return clean(value)
    value = value.replace("+", plus)
    try:
        return clean(unquote_to_bytes(value).decode())
    except UnicodeDecodeError:
        return clean(_ESCAPES.sub(lambda run: _letters(unquote_to_bytes(run[0])), value))


def _letters(raw: bytes) -> str:
    """Letters of one run of escapes: UTF-8, also cut within its last letter, else windows-1251."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        whole = raw[: error.start].decode()
        is_cut = error.reason == "unexpected end of data" and any(c.isalpha() and not c.isascii() for c in whole)
        return whole if is_cut else raw.decode("cp1251", "replace")
