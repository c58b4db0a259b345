"""Addresses as bad as they come, through every door: each has a stated outcome (docs/operations.md), accepted with what or rejected
with its reason. Never a 5xx, never lost. Made-up ones: test_collect_any_address.py."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.marks import own_marks
from shared.texts import LIMITS
from tests.api.collect_door import Collect
from tests.api.every_door import SHOP, came_through, fresh, through_each_door


@pytest.fixture(scope="module")
def collect() -> Iterator[Collect]:
    with fresh() as collect:
        yield collect


LONG = "x=" + "y" * 100 + "&"
PAGES: list[tuple[str, str, dict[str, str | None]]] = [
    ("8 KB of query: marks counted, stored first", f"?{LONG * 78}utm_source=vk&cid=17", {
        "utm_source": "vk", "page_url": (f"{SHOP}?utm_source=vk&cid=17&" + LONG * 78)[:2048],
    }),
    ("8 KB of path: cut", "a" * 8000 + "?utm_source=vk", {"utm_source": "vk", "page_path": "/" + "a" * 1023}),
    ("8 KB of one mark: cut", "?utm_source=" + "v" * 8000, {"utm_source": "v" * LIMITS["utm_source"]}),
    ("8 KB of a click id: its name", "?yclid=" + "1" * 8000, {"click_id_name": "yclid", "click_id": None}),
    ("8 KB of percent signs", "?utm_source=" + "%25" * 2600, {"utm_source": "%" * LIMITS["utm_source"]}),
    ("packed ten times", "?utm_source=%" + "25" * 9 + "41", {"utm_source": "%25252525252541"}),
    ("twice: the first", "?utm_source=a&utm_source=b", {"utm_source": "a"}),
    ("a list: its first", "?utm_source[]=a&utm_source[]=b&utm_medium%5B0%5D=cpc", {"utm_source": "a", "utm_medium": "cpc"}),
    ("NUL: a space", "?utm_source=a%00b&utm_term=a\x00b", {"utm_source": "a b", "utm_term": "a b"}),
    ("half a surrogate pair: U+FFFD", "?utm_source=a\ud800b", {"utm_source": "a\ufffdb"}),
    ("half a pair in the path", "a\udc00", {"page_path": "/a\ufffd"}),
    ("packed into a link", "?utm_term=%25D0%25BA%25D1%2583%25D1%2585%25D0%25BD%25D0%25B8", {"utm_term": "кухни"}),
    ("UTF-8 beside windows-1251", "?utm_source=%D1%8F%D0%BD%D0%B4%D0%B5%D0%BA%D1%81&utm_term=%EA%F3%F5%ED%E8", {
        "utm_source": "яндекс", "utm_term": "кухни",
    }),
    ("both in one value", "?utm_term=%EA%F3%F5%ED%E8+%D0%BD%D0%B0+%E7%E0%EA%E0%E7", {"utm_term": "кухни на заказ"}),
    ("KOI8-R: as windows-1251", "?utm_term=%CB%D5%C8%CE%C9", {"utm_term": "ЛХИОЙ"}),
    ("cut within a letter", "?utm_term=%D0%BA%D1%83%D1", {"utm_term": "ку"}),
    ("a broken escape", "?utm_term=50%&x=%zz", {"utm_term": "50%", "page_url": f"{SHOP}?utm_term=50%25&x=%25zz"}),
    ("a second question mark", "?id=5?utm_source=vk&utm_medium=cpc", {"utm_source": "vk", "utm_medium": "cpc"}),
    ("spaces and broken escapes in the path", "keyword/太古 食乜^$@()[- #]%好/", {"page_path": "/keyword/太古 食乜^$@()[-"}),
    ("a script in a mark: text", "?utm_source=<script>alert(1)</script>", {"utm_source": "<script>alert(1)</script>"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("page", "expected"), [(page, expected) for _, page, expected in PAGES], ids=[name for name, _, _ in PAGES]
)
def test_a_hostile_page_is_accepted_through_every_door(collect: Collect, page: str, expected: dict[str, str | None]) -> None:
    for stored in through_each_door(collect, SHOP + page):
        assert isinstance(stored, dict), stored
        assert (stored["page_host"], {name: stored.get(name) for name in expected}) == ("kvartal.example", expected)
        assert len(stored["page_url"]) <= 2048


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://квартал.рф/", "квартал.рф"),
        ("https://xn--80aae5ai2ao.xn--p1ai/", "квартал.рф"),
        ("https://XN--80AAE5AI2AO.xn--p1ai./", "квартал.рф"),
        ("https://WWW.КВАРТАЛ.РФ:8443/", "квартал.рф"),
        ("https://%D0%BA%D0%B2%D0%B0%D1%80%D1%82%D0%B0%D0%BB.рф/", "квартал.рф"),
        ("https://xn--99999999.example/", "xn--99999999.example"),
        ("https://xn--kvartal-.example/", "xn--kvartal-.example"),
        ("https://Kvartal.Example../", "kvartal.example."),
        ("https://my_shop.example/", "my_shop.example"),
        ("http://[2001:DB8::1]:8080/", "2001:db8::1"),
        ("http://[fe80::1%25eth0]/", "fe80::1"),
        ("http://kvartal.example:80/", "kvartal.example"),
        ("https://user:pass@kvartal.example/", "kvartal.example"),
    ],
)
def test_a_host_has_one_spelling(collect: Collect, url: str, host: str) -> None:
    for stored in through_each_door(collect, url, url):
        assert isinstance(stored, dict), stored
        assert (stored["page_host"], stored["referrer_host"]) == (host, host)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,<b>x</b>", "file:///C:/page.html", "about:blank", "blob:https://kvartal.example/1",
        "android-app://com.example/", "tel:+79161234567", "mailto:vera@post.example", "/kuhni", "kuhni", "index.php?id=1",
        "https://", "https:///kuhni", "https://./", "https://kvartal .example/", "https://kvartal\x00.example/",
        "https://kvartal|.example/", "https://kvartal\\.example/", "https://[::1", "https://kvartal.example:port/",
        "https://kvartal.example:100000/", "https://user:pa/ss@kvartal.example/", "https://user%40kvartal.example/", "x" * 8000,
        "https://" + "a" * 256, "http://[v1.x]/",
    ],
)  # fmt: skip
def test_what_is_no_page_address_is_rejected_and_as_a_referrer_left_out(collect: Collect, url: str) -> None:
    assert through_each_door(collect, url) == ["bad_url"] * 3
    if url.startswith("android-app:"):
        return
    for stored in through_each_door(collect, SHOP, url):
        assert isinstance(stored, dict), stored
        assert stored.keys() & {"referrer", "referrer_host"} == set()


@pytest.mark.parametrize("sent", [["https://kvartal.example/"], {"href": "https://kvartal.example/"}, 5, True, 1.5])
def test_a_list_an_object_or_a_number_is_no_address(collect: Collect, sent: object) -> None:
    assert through_each_door(collect, sent) == ["bad_url"] * 2
    assert through_each_door(collect, SHOP, sent) == ["bad_field"] * 2


@pytest.mark.parametrize(
    ("sent", "url", "host"),
    [
        ("www.kvartal.example/kuhni/", "https://www.kvartal.example/kuhni/", "kvartal.example"),
        ("kvartal.example?utm_source=vk", "https://kvartal.example?utm_source=vk", "kvartal.example"),
        ("//kvartal.example/a", "https://kvartal.example/a", "kvartal.example"),
        ("kvartal.example:8443", "https://kvartal.example:8443", "kvartal.example"),
        ("квартал.рф/кухни", "https://квартал.рф/кухни", "квартал.рф"),
        ("xn--80aae5ai2ao.xn--p1ai#a", "https://xn--80aae5ai2ao.xn--p1ai#a", "квартал.рф"),
        ("www.example.com/dining/%/", "https://www.example.com/dining/%/", "example.com"),
    ],
)
def test_only_an_import_may_leave_out_the_scheme(collect: Collect, sent: str, url: str, host: str) -> None:
    assert [came_through(collect, door, sent) for door in ("hits", "pixel")] == ["bad_url"] * 2
    stored = came_through(collect, "import", sent, sent)
    assert isinstance(stored, dict), stored
    assert (stored["page_url"], stored["page_host"], stored["referrer"], stored["referrer_host"]) == (url, host, url, host)


@pytest.mark.parametrize(
    "sent",
    [
        "index.php?id=1",
        "kuhni.html",
        "/kuhni",
        "kuhni/a",
        "localhost/a",
        "203.0.113.7/a",
        "vera@post.example",
        "a..b/",
        "u:p@shop.ru/",
        "-",
    ],
)
def test_what_may_be_a_file_or_a_path_is_no_address_without_a_scheme(collect: Collect, sent: str) -> None:
    assert came_through(collect, "import", sent) == "bad_url"


@pytest.mark.parametrize(
    ("referrer", "stored", "host"),
    [
        ("android-app://com.Google.Android.GM/", "android-app://com.Google.Android.GM/", "com.google.android.gm"),
        (
            "android-app://com.google.android.googlequicksearchbox/https/www.google.com",
            "android-app://com.google.android.googlequicksearchbox/https/www.google.com",
            "com.google.android.googlequicksearchbox",
        ),
        ("ios-app://544007664/vnd.youtube/www.youtube.com", "ios-app://544007664/vnd.youtube/www.youtube.com", "544007664"),
        ("https://ya.ru/?" + "q=" + "%D0%BA" * 1400, None, "ya.ru"),
        ("https://user:pass@ya.ru/a", "https://ya.ru/a", "ya.ru"),
        ("https://ya.ru/?text=%EA%F3%F5%ED%E8", "https://ya.ru/?text=%D0%BA%D1%83%D1%85%D0%BD%D0%B8", "ya.ru"),
    ],
)
def test_referrers_keep_what_classification_reads(collect: Collect, referrer: str, stored: str | None, host: str) -> None:
    for hit in through_each_door(collect, SHOP, referrer):
        assert isinstance(hit, dict), hit
        assert hit["referrer_host"] == host
        assert hit["referrer"] == stored if stored else len(hit["referrer"]) in (2046, 2047, 2048)
        assert not hit["referrer"].endswith(("%", "%D"))


BOMBS = [
    *(f"{SHOP}?{name}={'%25' * 2600}" for name in ("utm_source", "q", "cid", "ad_id")),
    SHOP + "%25" * 2600,
    f"{SHOP}?{'%25=&' * 1600}",
    f"{SHOP}?utm_term={'%EA%zz' * 9000}",
    f"{SHOP}?q={'%2F%2Fu' * 9000}%40",
    f"{SHOP}?q={'//u' * 2600}@",
    f"{SHOP}?{'a@' * 4000}",
    "@" + "//" * 30_000,
    "a." * 30_000,
    "x%40" * 15_000,
    "https://" + "xn--a." * 10_000,
]


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb[:40])
def test_a_bomb_costs_no_more_than_its_length(collect: Collect, bomb: str) -> None:
    """What grows with the square of the length takes seconds here."""
    started = time.process_time()
    came_through(collect, "import", bomb)
    came_through(collect, "import", SHOP, bomb)
    assert time.process_time() - started < 0.5


def test_own_marks_of_the_settings_reach_the_door(collect: Collect) -> None:
    assert own_marks(collect_settings(collect)) == {"cid", "partner_click"}
    stored = came_through(collect, "hits", f"{SHOP}?cid=79161234567&q=79161234567")
    assert isinstance(stored, dict)
    assert parse_qsl(urlsplit(stored["page_url"]).query) == [("cid", "79161234567"), ("q", "[phone]")]


def collect_settings(collect: Collect) -> dict[str, Any]:
    [key] = [key for key in collect.clients.s3.keys("files") if key.endswith("kvartal/current.json")]
    settings: dict[str, Any] = json.loads(collect.clients.s3.body("files", key))
    return settings
