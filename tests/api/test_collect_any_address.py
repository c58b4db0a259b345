"""Whatever an address holds, through every door: accepted or rejected with a reason, readable, and without user and password."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from urllib.parse import quote, unquote_to_bytes, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.collect_door import Collect
from tests.api.every_door import LINE, SHOP, came_through, everything, fresh, through_each_door

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
few = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def collect() -> Iterator[Collect]:
    with fresh() as collect:
        yield collect


PARTS = st.one_of(
    ANY_TEXT,
    st.sampled_from(
        ["%", "%25", "%00", "%zz", "%ED%A0%80", "\ud800", "//", "@", "[", "]", "?", "#", "|", "%2525D0", "&amp;", "utm_source"]
    ),
    st.binary(max_size=8).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw)),
)
PIECES = st.lists(PARTS, max_size=6).map("".join)
SCHEMES = st.sampled_from(["https://", "http://", "HTTPS://", "//", "", "android-app://", "javascript:", "data:", "https:"])
HOSTS = st.one_of(PIECES, st.sampled_from(["kvartal.example", "квартал.рф", "[::1]", "u:p@ya.ru", "ya.ru:99", "xn--p1ai"]))
QUERIES = st.lists(
    st.tuples(st.sampled_from(["utm_source", "utm_term[]", "cid", "q", "yclid", "email", "x"]) | PIECES, PIECES), max_size=5
)
ADDRESSES = st.builds(
    lambda scheme, host, path, query, fragment: f"{scheme}{host}/{path}?{'&'.join(map('='.join, query))}#{fragment}",
    SCHEMES, HOSTS, PIECES, QUERIES, PIECES,
)  # fmt: skip


@few
@given(ADDRESSES, ADDRESSES)
def test_any_address_is_accepted_or_rejected_with_a_reason(collect: Collect, url: str, ref: str) -> None:
    for stored in through_each_door(collect, url, ref):
        if isinstance(stored, str):
            assert stored == "bad_url"
            continue
        for host in (stored["page_host"], stored.get("referrer_host", "a")):
            assert host == host.lower()
            assert host.isprintable()
            assert not set(host) & set(" /?#@|\\[]%<>")
        assert stored["page_path"].startswith("/")
        for name in stored.keys() & {"page_url", "referrer", "page_path", "utm_source", "utm_term"}:
            assert "\x00" not in stored[name]
            stored[name].encode()


@few
@given(QUERIES)
def test_a_stored_query_can_be_read_by_the_strictest_reader(collect: Collect, query: list[tuple[str, str]]) -> None:
    """As SQL does on every engine: UTF-8 alone, and no % that begins no escape."""
    url = f"{SHOP}?" + "&".join(map("=".join, query))
    stored = came_through(collect, "hits", url, url)
    assert isinstance(stored, dict)
    for address in (stored["page_url"], stored["referrer"]):
        if len(address) == 2048:
            continue
        for pair in urlsplit(address).query.split("&"):
            _, equals, value = pair.partition("=")
            if equals:
                assert quote(unquote_to_bytes(value).decode(), safe="") is not None
                assert value.count("%") == len([c for c in value.split("%")[1:] if len(c) >= 2 and int(c[:2], 16) >= 0])


LETTERS = st.text("абвгдежзийклмнопрстуфхцчшщъыьэюяё", min_size=1, max_size=20)


@few
@given(LETTERS, st.sampled_from(["рф", "example", "москва"]))
def test_a_host_in_its_letters_and_in_punycode_is_one_host(collect: Collect, label: str, zone: str) -> None:
    def ascii_form(text: str) -> str:
        return text if text.isascii() else "xn--" + text.encode("punycode").decode()

    plain, packed = f"https://{label}.{zone}/", f"https://{ascii_form(label)}.{ascii_form(zone)}/"
    spellings = (plain, plain.upper(), packed, packed.upper(), packed.replace("://", "://www."))
    stored = [came_through(collect, "import", "https://kvartal.example/", url) for url in spellings]
    assert {hit["referrer_host"] for hit in stored if isinstance(hit, dict)} == {f"{label}.{zone}"}


USER, PASSWORD = "kr0tov", "s3cret"
SECRETS = st.builds("{}{}{}".format, st.just(PASSWORD), st.sampled_from(["", "!", "@x", "%40", ":", "-a.b", "%2F"]), st.just(""))
WITH_CREDENTIALS = st.builds(
    "{}{}:{}@{}/{}".format,
    st.sampled_from(["https://", "http://", "ftp://", "//", "HTTPS://"]),
    st.just(USER),
    SECRETS,
    st.sampled_from(["kvartal.example", "localhost", "квартал.рф", "203.0.113.7:99", "[::1]", "a b", "x:port"]),
    st.sampled_from(["", "a?b=1", "#c"]),
)
NESTED = st.one_of(
    WITH_CREDENTIALS,
    st.builds(
        "{}?{}={}".format, st.just(SHOP), st.sampled_from(["next", "utm_source", "cid", "ad_id", "yclid", "x[]"]), WITH_CREDENTIALS
    ),
    st.builds(
        lambda name, inner, times: f"{SHOP}?{name}={packed(inner, times)}",
        st.sampled_from(["next", "utm_source", "cid", "ad_id", "yclid"]),
        WITH_CREDENTIALS,
        st.integers(1, 3),
    ),
    st.builds("{}go/{}".format, st.just(SHOP), WITH_CREDENTIALS),
    st.builds("{}#{}".format, st.just(SHOP), WITH_CREDENTIALS),
    st.just(f"https://{USER}:{PASSWORD}/{PASSWORD}@kvartal.example/"),
    st.builds(lambda password: f"https:/{USER}:{password}@kvartal.example/", SECRETS),
    st.builds(lambda password: f"{USER}:{password}@kvartal.example/", SECRETS),
)


def packed(text: str, times: int) -> str:
    for _ in range(times):
        text = quote(text, safe="")
    return text


@few
@given(NESTED, NESTED, st.booleans())
def test_credentials_are_stored_nowhere(url: str, ref: str, is_rejected: bool) -> None:
    """Neither in the lake, nor among what was rejected, nor in answers and logs."""
    with fresh() as collect, contextlib.redirect_stdout(io.StringIO()) as out:
        answers = [
            collect.hits({"url": url, "ref": ref, **({"id": "17"} if is_rejected else {})}),
            collect.pixel(site="kvartal", url=url, ref=ref),
            collect.pixel(headers={"referer": url}, site="kvartal"),
            collect.lines({**LINE, "page_url": url, "referrer": ref, **({"occurred_at": "x"} if is_rejected else {})}),
        ]
        kept = everything(collect)
    for where in (kept, json.dumps(answers), out.getvalue()):
        assert PASSWORD not in where
        assert USER not in where


def test_credentials_in_other_text_are_not_kept_either() -> None:
    text = f"см. https://{USER}:{PASSWORD}@kvartal.example/a"
    lines = [{**LINE, name: text} for name in ("event_name", "visitor_id", "utm_source", "click_id", "user_agent", "kind")]
    with fresh() as collect:
        collect.hits({"title": text, "kind": "event", "name": text})
        collect.hits(text, [text], {"id": text})
        collect.lines(*lines, text.encode(), f'{{"a": "https:\\/\\/{USER}:{PASSWORD}/x@b"'.encode())
        kept = everything(collect)
    assert kept.count("см.") == 11
    assert PASSWORD not in kept
