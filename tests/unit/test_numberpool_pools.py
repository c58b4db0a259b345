"""Which pool a visit belongs to, and what a lease request tells of the visit."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.numberpool.asking.visit import MARKS, kept_marks, stored_marks, visit_of
from functions.numberpool.pools import Visit, device_of, fits_path, is_per_page, pool_of
from functions.numberpool.rules import Rules, rules_of
from shared.records import LEASE
from shared.security import token_sha256
from shared.settings import parse_settings, published
from tests.api.numbers_door import recorded

VISIT = Visit(
    {"utm_source": "Yandex", "utm_medium": "cpc", "utm_campaign": "Осень"}, "spb.shop.example", "/doors/oak", "СПб", "phone"
)
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"


def rules(*pools: dict[str, Any]) -> Rules:
    """Pools as a site publishes them."""
    site = {"site_id": "shop", "name": "Shop", "hosts": ["shop.example"], "numbers": {"pools": list(pools)}}
    return rules_of(published(parse_settings(site)))


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, True),
        ({"sources": ["vk", " yandex "]}, True), ({"sources": ["vk"]}, False),
        ({"media": ["CPC"]}, True), ({"media": ["organic"]}, False),
        ({"campaigns": ["осень"]}, True), ({"campaigns": ["весна"]}, False),
        ({"hosts": ["www.spb.shop.example"]}, True), ({"hosts": ["shop.example"]}, False),
        ({"pages": ["/doors/*"]}, True), ({"pages": ["/doors"]}, False), ({"pages": ["/windows/*", "/*/oak"]}, True),
        ({"regions": ["спб", "ленобласть"]}, True), ({"regions": ["москва"]}, False),
        ({"devices": ["phone", "tablet"]}, True), ({"devices": ["desktop"]}, False),
        ({"sources": ["yandex"], "devices": ["desktop"]}, False),
        ({"sources": ["yandex"], "media": ["cpc"], "hosts": ["spb.shop.example"], "regions": ["СПБ"]}, True),
    ],
)  # fmt: skip
def test_of_every_list_that_is_not_empty_one_entry_must_fit(wanted: dict[str, Any], fits: bool) -> None:
    assert pool_of(rules({"name": "one", **wanted}), VISIT) == ("one" if fits else "main")


def test_the_first_pool_that_fits_is_the_visits() -> None:
    both = rules({"name": "phones", "devices": ["phone"]}, {"name": "yandex", "sources": ["yandex"]})
    assert pool_of(both, VISIT) == "phones"
    assert pool_of(both, VISIT._replace(device="desktop")) == "yandex"
    assert pool_of(both, Visit({})) == "main"


def test_what_a_visit_does_not_tell_fits_no_wish() -> None:
    for wish in ({"sources": ["x"]}, {"hosts": ["x.example"]}, {"pages": ["/*"]}, {"regions": ["x"]}):
        assert pool_of(rules({"name": "one", **wish}), Visit({})) == "main"


def test_pools_of_pages_or_hosts_are_asked_for_on_each_page() -> None:
    assert not is_per_page(rules({"name": "one", "sources": ["x"]}))
    assert is_per_page(rules({"name": "one", "sources": ["x"]}, {"name": "two", "pages": ["/a"]}))
    assert is_per_page(rules({"name": "two", "hosts": ["a.example"]}))
    assert not is_per_page(Rules())


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("/spb/", "/spb/*", True), ("/spb/a/b", "/spb/*", True), ("/spb", "/spb/*", False), ("/spbx", "/spb*", True),
        ("/a/x/c", "/a/*/c", True), ("/a/c", "/a/*/c", False), ("/a/x/c/d", "/a/*/c", False), ("/", "/", True), ("/A", "/a", True),
        ("/%D1%81%D0%BF%D0%B1/x", "/спб/*", True), ("/спб/x", "/%D1%81%D0%BF%D0%B1/*", True), ("/x.html", "/*.html", True),
        ("/aba", "/a*a*a", False), ("/aaa", "/a*a*a", True), ("/ab", "/ab*b", False), ("", "/*", False), ("/a.c", "/a?c", False),
    ],
)  # fmt: skip
def test_a_star_stands_for_any_text(path: str, pattern: str, fits: bool) -> None:
    assert fits_path(path, pattern) is fits


@given(st.text("ab/", max_size=12).map("/".__add__), st.text("ab/*", max_size=8).map("/".__add__))
def test_a_pattern_means_the_same_as_its_regular_expression(path: str, pattern: str) -> None:
    import re

    as_regex = ".*".join(map(re.escape, pattern.split("*")))
    assert fits_path(path, pattern) == bool(re.fullmatch(as_regex, path))


def test_a_pattern_made_to_hurt_takes_no_time() -> None:
    began = time.process_time()
    for _ in range(100):
        assert not fits_path("/" + "a" * 4000 + "b", "/" + "a*" * 149 + "c")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (PHONE, "phone"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1", "phone"),
        ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) Version/12.1.2 Mobile/15E148 Safari/604.1", "tablet"),
        ("Mozilla/5.0 (Linux; Android 13; SM-X900) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", "phone"),
        ("Mozilla/5.0 (Android 14; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0", "tablet"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36", "desktop"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15", "desktop"),
        ("Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Touch; Tablet PC 2.0)", "desktop"),
        ("Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Lumia) Chrome/52 Mobile Safari/537.36 Edge/15", "phone"),
        ("Opera/9.80 (J2ME/MIDP; Opera Mini/9.80; U; ru) Presto/2.5.25 Version/10.54", "phone"),
        ("", "desktop"),
    ],
)  # fmt: skip
def test_devices_are_told_by_the_words_of_the_browser(agent: str, device: str) -> None:
    assert device_of(agent) == device


# --- what a request tells ---------------------------------------------------------------------------------------------------------

PROXY = {"x-skvoz-proxy": "proxy-token"}
SITE = {"site_id": "shop", "proxy_token_sha256": [token_sha256("proxy-token")]}


def test_a_request_tells_marks_page_region_and_device() -> None:
    sent = {
        "page_url": "https://www.Shop.example:8443/Doors/?utm_source=other",
        "utm_source": "yandex", "utm_term": "двери", "utm_id": "7", "region": " Казань ",
    }  # fmt: skip
    assert visit_of(sent, {"user-agent": PHONE}, SITE) == Visit(
        {"utm_source": "yandex", "utm_term": "двери"}, "shop.example", "/Doors/", "Казань", "phone"
    )


def test_marks_of_the_address_count_where_none_were_sent() -> None:
    sent = {"page_url": "https://shop.example/?utm_source=vk&utm_source=other&utm_content=%D0%B1&gclid=1"}
    assert visit_of(sent, {}, SITE).marks == {"utm_source": "vk", "utm_content": "б"}


def test_a_page_that_tells_no_address_has_its_origins_host_and_no_path() -> None:
    visit = visit_of({}, {"origin": "https://xn--80aae5ai2ao.xn--p1ai"}, SITE)
    assert (visit.host, visit.path) == ("квартал.рф", "")


def test_the_region_is_the_pages_word_else_its_proxys_and_nobody_elses() -> None:
    told = {"x-skvoz-region": "%D0%9A%D0%B0%D0%B7%D0%B0%D0%BD%D1%8C", "cloudfront-viewer-country-region-name": "Tatarstan"}
    assert visit_of({}, told, SITE).region == ""
    assert visit_of({}, told | {"x-skvoz-proxy": "guessed"}, SITE).region == ""
    assert visit_of({}, told | PROXY, SITE).region == "Казань"
    assert visit_of({}, {**PROXY, "cloudfront-viewer-country-region-name": "Tatarstan"}, SITE).region == "Tatarstan"
    assert visit_of({"region": "Самара"}, told | PROXY, SITE).region == "Самара"


def test_no_stored_mark_is_longer_than_its_column_or_names_a_person() -> None:
    limits = {column.name: column.limit for column in LEASE.columns if column.name in MARKS}
    sent = dict.fromkeys(MARKS, "ivan@shop.example +7 900 000-00-17 " + "я" * 5000)
    stored = stored_marks(visit_of(sent, {}, SITE).marks)
    assert {name for name, text in stored.items() if 0 < len(text) <= limits[name]} == set(MARKS)
    assert not any("ivan" in text or "900" in text for text in [*stored.values(), *kept_marks(stored).values()])
    short = stored_marks(visit_of({"utm_source": "a@b.ru " * 100}, {}, SITE).marks)
    assert len(short["utm_source"]) <= limits["utm_source"]


def test_a_campaigns_id_that_looks_like_a_phone_still_chooses_the_pool() -> None:
    visit = visit_of({"utm_campaign": "79000000017"}, {}, SITE)
    assert pool_of(rules({"name": "one", "campaigns": ["79000000017"]}), visit) == "one"
    assert stored_marks(visit.marks) == {"utm_campaign": "[phone]"}


def test_the_table_keeps_so_little_of_the_marks_that_a_sign_of_life_stays_one_write_unit() -> None:
    kept = kept_marks(dict.fromkeys(MARKS, "я" * 300))
    assert all(len(text) <= 100 for text in kept.values())
    assert list(kept) == ["utm_source", "utm_medium", "utm_campaign"]
    # A number's item as DynamoDB counts it: names and values; a map has 3 bytes and 1 a pair of its own.
    item = {
        "pk": f"pool#{'s' * 40}#{'p' * 40}", "sk": "+123456789012345", "lease_id": "l" * 36, "visitor_id": "v" * 36,
        "until": "1" * 8,
        "leased_at": "1" * 8, "added_at": "1" * 8, "retired_at": "1" * 8, "is_confirmed": "1", "prefix": "2001:db8:1234:5600::/56",
        "marks": "---",
    }  # fmt: skip
    size = sum(len(name) + len(value) for name, value in item.items())
    size += sum(len(name) + len(text.encode()) + 1 for name, text in kept_marks(dict.fromkeys(MARKS, "x" * 100)).items())
    assert size <= 1024


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@given(
    st.dictionaries(st.sampled_from([*MARKS, "page_url", "region"]), _JSON),
    st.dictionaries(st.sampled_from(["origin", "user-agent", "x-skvoz-region"]), st.text(max_size=60)),
)
def test_whatever_is_sent_there_is_a_pool(sent: dict[str, Any], headers: dict[str, str]) -> None:
    visit = visit_of(sent, {**headers, **PROXY}, SITE)
    json.dumps([*visit.marks.values(), visit.region]).encode()
    wishes = {"sources": ["a"], "hosts": ["a.example"], "pages": ["/a*"], "regions": ["a"], "devices": ["phone"]}
    for name, wish in wishes.items():
        assert pool_of(rules({"name": "one", name: wish}), visit) in ("one", "main")


@pytest.mark.parametrize(
    "url",
    ["https://[::1", "http://", "//", "javascript:alert(1)", "https://shop.example:99999999/", "\ud800", "https://\ud800/",
     "x" * 50_000,
     "https://a℀b.example/", "https://shop.example/" + "%" * 3000, "https://" + "xn--" * 500],
)  # fmt: skip
def test_a_hostile_address_is_no_page_or_a_page_of_nobody(url: str) -> None:
    visit = visit_of({"page_url": url, "region": "\ud800\x00" * 100}, {}, SITE)
    assert pool_of(rules({"name": "one", "hosts": ["spb.shop.example"]}, {"name": "two", "pages": ["/spb/*"]}), visit) == "main"
    visit.region.encode()


def test_the_recorded_browser_is_a_desktop_of_its_page() -> None:
    event = recorded("numbers_lease_post")
    visit = visit_of(json.loads(event["body"]), event["headers"], SITE)
    assert (visit.host, visit.path, visit.device) == ("kvartal.example", "/dveri", "desktop")
    assert visit.marks == {"utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "708815521"}
