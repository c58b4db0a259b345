"""What addresses say, and what of them may be stored."""

from __future__ import annotations

from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.hosts import plain_host
from shared.marks import CLICK_IDS, UTM, own_marks, read_address, without_query

SHOP = "https://shop.example/"
# No % (a value that still looks encoded is decoded again) and no // (what looks like a user and password goes).
WORDS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="@%/"), min_size=1, max_size=40)


def marks(query: str) -> dict[str, str]:
    return dict(read_address(f"{SHOP}?{query}").marks)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("utm_source=yandex&utm_medium=cpc", {"utm_source": "yandex", "utm_medium": "cpc"}),
        ("UTM_Source=Yandex&Utm_MEDIUM=CPC", {"utm_source": "Yandex", "utm_medium": "CPC"}),
        ("utm_term=%D0%BA%D1%83%D1%85%D0%BD%D0%B8+%D0%BD%D0%B0%20%D0%B7%D0%B0%D0%BA%D0%B0%D0%B7", {"utm_term": "кухни на заказ"}),
        ("utm_term=%EA%F3%F5%ED%E8", {"utm_term": "кухни"}),
        ("utm_term=кухни", {"utm_term": "кухни"}),
        ("utm_term=50%&utm_content=%zz%D0", {"utm_term": "50%", "utm_content": "%zzР"}),
        ("utm_campaign=a%3Db%26c", {"utm_campaign": "a=b&c"}),
        ("utm_campaign=a=b", {"utm_campaign": "a=b"}),
        ("utm_source=first&utm_source=second", {"utm_source": "first"}),
        (
            "utm_source[]=list&utm_source[]=second&utm_medium[0]=x&utm%5Fterm%5Ba%5D=y",
            {
                "utm_source": "list",
                "utm_medium": "x",
                "utm_term": "y",
            },
        ),
        ("id=5?utm_source=yandex&utm_medium=cpc", {"utm_source": "yandex", "utm_medium": "cpc"}),
        ("utm_term=%25D0%25BA%25D1%2583%25D1%2585", {"utm_term": "кух"}),
        ("utm_source=ya%2525ndex%25252Eru", {"utm_source": "ya%ndex%2Eru"}),
        ("utm_source=ya%25252Eru", {"utm_source": "ya.ru"}),
        ("utm_source=ya%2525252Eru", {"utm_source": "ya%2Eru"}),
        ("utm_term=50%25+off", {"utm_term": "50% off"}),
        ("utm_term=%D0%BA%D1%83%D1", {"utm_term": "ку"}),
        ("utm_term=%CC%A8%C4", {"utm_term": "МЁД"}),
        ("utm_term=%EA%F3%F5%ED%E8+%D0%BD%D0%B0+%E7%E0%EA%E0%E7", {"utm_term": "кухни на заказ"}),
        ("utm_term=%CB%D5%C8", {"utm_term": "ЛХИ"}),  # KOI8-R
        ("utm_term=a%00b%0D%0Ac", {"utm_term": "a b  c"}),
        ("utm_term=%ED%A0%80x", {"utm_term": "н\xa0Ђx"}),  # half a surrogate pair
        ("utm_source=https://vera:pass@post.example/", {"utm_source": "https://post.example/"}),
        ("utm_source=https%3A%2F%2Fvera%3Ap%2540ss%40post.example", {"utm_source": "https://post.example"}),
        ("utm_source=&utm_source=second", {"utm_source": "second"}),
        ("utm_source=%20", {}),
        ("a=1&amp;utm_source=letter", {"utm_source": "letter"}),
        ("utm_content=vera%40post.example", {"utm_content": "[email]"}),
        ("utm_term=79000000017", {"utm_term": "79000000017"}),
        ("utm_sources=x&xutm_source=y", {}),
        ("yclid=15620471938264051729", {"click_id_name": "yclid", "click_id": "15620471938264051729"}),
        ("GCLID=EAIaIQ_-x", {"click_id_name": "gclid", "click_id": "EAIaIQ_-x"}),
        ("ysclid=free&yclid=paid", {"click_id_name": "yclid", "click_id": "paid"}),
        ("ysclid=free", {"click_id_name": "ysclid", "click_id": "free"}),
        ("fbclid=free&admitad_uid=partner", {"click_id_name": "admitad_uid", "click_id": "partner"}),
        ("admitad_uid=partner&ScCid=paid", {"click_id_name": "sccid", "click_id": "paid"}),
        ("mt_click_id=mt-x-1&mt_link_id=1&gad_source=1&mc_eid=1", {"click_id_name": "mt_click_id", "click_id": "mt-x-1"}),
        ("gad_source=1&gad_campaignid=20&gclid=Cj0", {"click_id_name": "gclid", "click_id": "Cj0"}),
        ("gad_source=1&gad_campaignid=20", {"click_id_name": "gad_campaignid", "click_id": "20"}),
        ("mc_cid=1f&mc_eid=1", {"click_id_name": "mc_cid", "click_id": "1f"}),
        ("_openstat=direct.yandex.ru;1;2;ya", {"click_id_name": "_openstat", "click_id": "direct.yandex.ru;1;2;ya"}),
        (
            "_openstat=ZGlyZWN0LnlhbmRleC5ydTsxOzI7eWE",
            {"click_id_name": "_openstat", "click_id": "ZGlyZWN0LnlhbmRleC5ydTsxOzI7eWE"},
        ),
        ("_openstat=market.yandex.ru;1;2;3", {}),
        ("_openstat=bWFya2V0LnlhbmRleC5ydTsxOzI7Mw", {}),
        ("_openstat=%D0%B0&_openstat=x", {}),
        ("mtm_source=letter&mtm_medium=email&MTM_KWD=k", {"utm_source": "letter", "utm_medium": "email", "utm_term": "k"}),
        ("pk_source=one&utm_source=two&pk_campaign=c", {"utm_source": "two", "utm_campaign": "c"}),
        ("piwik_campaign=a&pk_campaign=&matomo_campaign=b", {"utm_campaign": "b"}),
        ("fbclid=" + "x" * 513, {"click_id_name": "fbclid"}),
        ("", {}),
        ("&&=&==", {}),
    ],
)
def test_marks_of_a_query(query: str, expected: dict[str, str]) -> None:
    assert marks(query) == expected


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(UTM), WORDS)))
def test_marks_survive_their_encoding(values: dict[str, str]) -> None:
    assert marks(urlencode(values)) == values
    assert marks("&".join(f"{name.upper()}={quote(value, safe='')}" for name, value in values.items())) == values


@given(WORDS)
def test_windows_1251_is_understood_where_utf_8_is_not(word: str) -> None:
    try:
        raw = word.encode("cp1251")
        raw.decode()
    except UnicodeEncodeError:
        return
    except UnicodeDecodeError:
        assert marks("utm_term=" + quote_plus(raw)) == {"utm_term": word}


@given(st.sampled_from([name for name in CLICK_IDS if name != "_openstat"]), st.integers(10_000_000_000, 10**20))
def test_click_ids_survive_in_the_stored_address(name: str, click_id: int) -> None:
    page = read_address(f"{SHOP}?{name}={click_id}")
    assert page.url == f"{SHOP}?{name}={click_id}"
    assert page.marks["click_id"] == str(click_id)


@pytest.mark.parametrize("fragment", ["utm_source=vk", "/catalog?utm_source=vk", "!/a?b=1&utm_source=vk"])
def test_marks_behind_the_hash_count_where_the_query_has_none(fragment: str) -> None:
    assert read_address(f"{SHOP}#{fragment}").marks == {"utm_source": "vk"}
    assert read_address(f"{SHOP}?utm_source=ok#{fragment}").marks == {"utm_source": "ok"}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("https://u:p@shop.example/", "https://shop.example/"),
        ("HTTPS://Shop.example:8443/a?b=1#c", "https://Shop.example:8443/a?b=1#c"),
        ("https://shop.example/a?email=vera&x=1", "https://shop.example/a?email=[removed]&x=1"),
        ("https://shop.example/a?q=vera@post.example", "https://shop.example/a?q=[email]"),
        ("https://shop.example/a?q=vera%40post.example", "https://shop.example/a?q=[email]"),
        ("https://shop.example/a?q=8+900+000+00+17", "https://shop.example/a?q=[phone]"),
        ("https://shop.example/a?q=9161234567&r=(916)+123-45-67", "https://shop.example/a?q=[phone]&r=[phone]"),
        (
            "https://shop.example/a?q=ivan%2540mail.ru&ivan%40mail.ru=%2B79161234567",
            "https://shop.example/a?q=[email]&[email]=[phone]",
        ),
        ("https://shop.example/a?q=ivan.p+shop@mail.ru", "https://shop.example/a?q=[email]"),
        ("https://shop.example/call%20me%209161234567/x", "https://shop.example/call%20me%20[phone]/x"),
        ("https://shop.example/u/9161234567", "https://shop.example/u/[phone]"),
        ("https://shop.example/a+b?x=a+b%20c", "https://shop.example/a+b?x=a+b%20c"),
        (
            "https://shop.example/?utm_id=9161234567&campaign_id=79161234567",
            "https://shop.example/?utm_id=9161234567&campaign_id=79161234567",
        ),
        ("https://shop.example/a?q=%2B7%20(900)%20000-00-17", "https://shop.example/a?q=[phone]"),
        ("https://shop.example/u/vera@post.example", "https://shop.example/u/[email]"),
        ("https://shop.example/#vera@post.example", "https://shop.example/#[email]"),
        ("https://shop.example/?utm_content=vera@post.example", "https://shop.example/?utm_content=[email]"),
        ("https://shop.example/?token=abc&Password=x", "https://shop.example/?token=[removed]&password=[removed]"),
        ("https://shop.example", "https://shop.example"),
        (" https://shop.example/a b\t ", "https://shop.example/a b"),
        (
            "https://shop.example/?mc_eid=1f&MKT_TOK=x&_ke=y",
            "https://shop.example/?mc_eid=[removed]&mkt_tok=[removed]&_ke=[removed]",
        ),
        (
            "https://shop.example/?mc_cid=79161234567&mt_click_id=9161234567",
            "https://shop.example/?mc_cid=79161234567&mt_click_id=9161234567",
        ),
        ("https://shop.example/?e%6Dail=vera", "https://shop.example/?email=[removed]"),
        ("https://shop.example/?next=https://vera:pass@post.example/a", "https://shop.example/?next=https://post.example/a"),
        (
            "https://shop.example/?next=https%3A%2F%2Fvera%3Apass%40post.example",
            "https://shop.example/?next=https%3A%2F%2Fpost.example",
        ),
        ("https://shop.example/?ad_id=u%3Ap%40post.example", "https://shop.example/?ad_id=u%3A[email]"),
        ("https://shop.example/?q=%EA%F3&p=50%&r=%00a", "https://shop.example/?q=%D0%BA%D1%83&p=50%25&r=a"),
        ("https://shop.example/?q=%D0%BA+%D1%83&p=%25", "https://shop.example/?q=%D0%BA+%D1%83&p=%25"),
    ],
)
def test_stored_address_carries_nothing_personal(sent: str, stored: str) -> None:
    assert read_address(sent).url == stored


FIELDS = "name=Vera&phone=8+900&comment=secret"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (f"?{FIELDS}&skvoz_request_id=r-1&skvoz_visitor_id=v-1", ""),
        (f"?skvoz_request_id=&{FIELDS}", ""),
        (f"?{FIELDS}&SKVOZ_Request_Id=r-1#price", "#price"),
        (f"?utm_source=vk&{FIELDS}&yclid=17&skvoz_request_id=r-1&UTM_Term=x", "?utm_source=vk&yclid=17&UTM_Term=x"),
        ("?campaign_id=7&skvoz_request_id=r-1", ""),
        ("?" + "x=1&" * 300 + f"{FIELDS}&skvoz_request_id=r-1", ""),
        (f"?a=1#/thanks?{FIELDS}&skvoz_request_id=r-1&utm_source=vk", "?a=1#/thanks?utm_source=vk"),
        (f"?{FIELDS}", "?name=Vera&phone=[removed]&comment=secret"),
    ],
)
def test_of_a_form_sent_by_get_the_address_keeps_its_marks_alone(sent: str, stored: str) -> None:
    assert read_address(f"{SHOP}thanks{sent}").url == f"{SHOP}thanks{stored}"


OWN = frozenset({"cid", "partner_click"})


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("?cid=79161234567", "?cid=79161234567"),
        ("?CID=79161234567&x=79161234567", "?cid=79161234567&x=[phone]"),
        ("?cid=vera%40post.example+9161234567", "?cid=[email]%209161234567"),
        ("?cid=%EA%F3&cid[]=50%", "?cid=%D0%BA%D1%83&cid=50%25"),
        ("?cid=%25D0%25BA", "?cid=%D0%BA"),
        ("#/a?partner_click=79161234567", "#/a?partner_click=79161234567"),
        ("?cid=79161234567&skvoz_request_id=r", ""),
    ],
)
def test_a_sites_own_parameters_are_kept_as_marks_are(sent: str, stored: str) -> None:
    page = read_address(SHOP + sent, own_marks=OWN)
    assert (page.url, page.marks) == (SHOP + stored, {})


def test_own_parameters_are_those_of_the_settings_but_for_personal_ones() -> None:
    parameters = {"utm_source": ["from", "src"], "utm_campaign": ["cid", "phone"]}
    sources = {"parameters": parameters, "click_ids": {"partner_click": {"source": "p", "medium": "paid"}}}
    assert own_marks({"sources": sources}) == {"from", "src", "cid", "partner_click"}
    assert own_marks({}) == frozenset()


def test_a_long_query_is_stored_with_its_marks_first() -> None:
    long = "&".join(f"x{n}={'y' * 100}" for n in range(30))
    page = read_address(f"{SHOP}?{long}&cid=17&utm_source=vk", own_marks=OWN)
    assert page.url == f"{SHOP}?cid=17&utm_source=vk&{long}"
    assert read_address(f"{SHOP}?x=y&utm_source=vk").url == f"{SHOP}?x=y&utm_source=vk"


def test_path_of_a_bare_host_is_the_root() -> None:
    assert read_address("https://shop.example").path == "/"


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("WWW.Shop.Example.", "shop.example"),
        ("xn--80aae5ai2ao.xn--p1ai", "квартал.рф"),
        ("www.xn--p1ai", "рф"),
        ("xn--", "xn--"),
        ("xn--\u00e9.example", "xn--\u00e9.example"),
        ("xn--99999999.example", "xn--99999999.example"),
        ("a.xn--a-rc4g.example", "a.xn--a-rc4g.example"),  # half a surrogate pair
        ("xn--x-din.example", "xn--x-din.example"),  # a line separator
        ("xn--google-.com", "xn--google-.com"),  # plain letters, disguised
        ("xn--oogle-r74b.com", "xn--oogle-r74b.com"),  # a Kelvin sign, which would become a k
        ("xn--oogle-dq33a.com", "xn--oogle-dq33a.com"),  # a full-width g
        ("xn--80ak6aa92e.com", "аррӏе.com"),  # letters of another alphabet are other letters
        ("XN--80AAE5AI2AO.XN--P1AI", "квартал.рф"),
        ("КВАРТАЛ.РФ", "квартал.рф"),
        ("\u043a\u0438\u0438\u0306.рф", "\u043a\u0438\u0439.рф"),  # й in two parts
        ("ｓｈｏｐ。example", "shop.example"),
        ("", ""),
    ],
)
def test_plain_host(host: str, plain: str) -> None:
    assert plain_host(host) == plain


@given(st.text(max_size=80))
def test_plain_host_never_fails_and_can_be_stored(host: str) -> None:
    plain_host("xn--" + host).encode()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "//shop.example/",
        "https://",
        "mailto:a@b.example",
        "https://[::1",
        "data:,x",
        "https://a b/",
        "https://./",
        "https://a\\b/",
        "https://a|b/",
        "https://a\u200bb/",
        "https://u%40b/",
        "https://u:pa/ss@host/",
        "https://shop.example:port/",
        "https://shop.example:123456/",
        "https://u%40[::1]/",
        "https://[::1]a/",
        "https://a\x00b/",
        "javascript:alert(1)",
        "about:blank",
        "file:///C:/a.html",
        "https:/u:p@shop.example/",
        "https:u:p@shop.example",
    ],
)
def test_no_address_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|Invalid|IPv6"):
        read_address(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Shop.Example.:8443/a", "shop.example"),
        ("https://u:p@shop.example:/a", "shop.example"),
        ("https://a:b@c:d@shop.example/", "shop.example"),
        ("https://my_shop.example/", "my_shop.example"),
        ("https://%D0%BA%D0%B2%D0%B0%D1%80%D1%82%D0%B0%D0%BB.рф/", "квартал.рф"),
        ("https://xn--80aae5ai2ao.xn--p1ai/", "квартал.рф"),
        ("http://[2001:DB8::1]:8080/a", "2001:db8::1"),
        ("http://[fe80::1%25eth0]/", "fe80::1"),
        ("http://203.0.113.7:80/", "203.0.113.7"),
        ("http://localhost:3000/", "localhost"),
    ],
)
def test_host_of_an_address(url: str, host: str) -> None:
    assert read_address(url).host == host


def test_host_longer_than_its_column_is_refused_not_cut() -> None:
    with pytest.raises(ValueError, match="address"):
        read_address("https://" + "a" * 256 + "/")


def test_thousands_of_parameters_are_not_read() -> None:
    page = read_address(SHOP + "?" + "x=1&" * 5_000 + "utm_source=late")
    assert page.marks == {}
    assert len(page.url) < 2_000


@pytest.mark.parametrize(
    ("url", "bare"), [("https://a/b?c#d", "https://a/b"), ("https://a/b#c?d", "https://a/b"), ("https://a/", "https://a/")]
)
def test_without_query(url: str, bare: str) -> None:
    assert without_query(url) == bare
