"""Tagged links: what is made, what is refused, and what is said of links that exist."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.utm.address import read_address, with_tags
from infra.utm.build import BadTags, Wish, make
from infra.utm.check import MACRO
from infra.utm.rows import read_rows, table
from infra.utm.scheme import latin, parse_scheme
from infra.utm.systems import SYSTEMS
from infra.utm.words import standard_words
from shared.errors import BadInput, SettingsError
from shared.marks import read_address as read_at_the_door

PAGE = "https://shop.example/catalog"


def refusal(address: str, **options: Any) -> str:
    with pytest.raises(BadInput) as error:
        make(address, "yandex_direct", Wish(), **options)
    return error.value.message


# --- the systems ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "query"),
    [
        ("yandex_direct", "utm_source=yandex&utm_medium=cpc&utm_campaign={campaign_id}&utm_content={ad_id}&utm_term={keyword}"),
        ("google_ads", "utm_source=google&utm_medium=cpc&utm_campaign={campaignid}&utm_content={creative}&utm_term={keyword}"),
        ("vk_ads", "utm_source=vk&utm_medium=cpc&utm_campaign={{ad_plan_id}}&utm_content={{banner_id}}"),
    ],
)
def test_a_system_fills_in_campaign_ad_and_keyword_itself(system: str, query: str) -> None:
    assert make(PAGE, system, Wish()).text == f"{PAGE}?{query}"


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=lambda s: s.id)
def test_the_tags_of_every_system_are_known_to_the_rules(system: Any) -> None:
    words = standard_words()
    assert words.kind_of(system.medium) in ("paid", "email", "sms", "social", "offline")
    assert not system.source or words.source_of(system.source)
    wish = Wish(source=system.source or "vk", campaign=system.campaign or "spring")
    assert make(PAGE, system.id, wish).advice == ()
    assert all(MACRO.fullmatch(macro.text) for macro in system.macros)
    assert all(system.knows(text) for text in (system.campaign, system.content, system.term, system.landing_page) if text)


def test_what_only_the_marketer_can_say_is_asked_for() -> None:
    with pytest.raises(BadTags) as error:
        make(PAGE, "qr", Wish())
    assert [(m.code, m.tag) for m in error.value.mistakes] == [
        ("missing_source", "utm_source"),
        ("missing_campaign", "utm_campaign"),
    ]
    assert make(PAGE, "qr", Wish(source="flyer", campaign="opening")).text.endswith(
        "?utm_source=flyer&utm_medium=qr&utm_campaign=opening"
    )


def test_an_unknown_system_is_told_with_all_that_there_are() -> None:
    with pytest.raises(BadInput, match="there is no ad system yandex; choose from yandex_direct, google_ads, vk_ads"):
        make(PAGE, "yandex", Wish())


def test_fields_of_ad_systems_take_the_tags_alone() -> None:
    made = make("", "yandex_direct", Wish(campaign="sofas|{campaign_id}"), form="suffix").text
    assert made == "utm_source=yandex&utm_medium=cpc&utm_campaign=sofas%7C{campaign_id}&utm_content={ad_id}&utm_term={keyword}"
    assert make("", "google_ads", Wish(), form="template").text.startswith("{lpurl}?utm_source=google&")
    with pytest.raises(BadInput, match="VK Ads has no tracking templates"):
        make("", "vk_ads", Wish(), form="template")


def test_a_link_that_yandex_direct_would_strip_of_its_tags_is_refused() -> None:
    assert "drops the tags" in refusal(f"https://shop.example/{'a' * 4100}")
    assert make(f"https://shop.example/{'a' * 4100}", "google_ads", Wish()).text


# --- addresses --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "made"),
    [
        ("https://shop.example", "https://shop.example/?T"),
        ("https://shop.example/a?", "https://shop.example/a?T"),
        ("https://shop.example/a?x=1&y=a+b%20c", "https://shop.example/a?x=1&y=a+b%20c&T"),
        ("https://shop.example/a?x=1#part", "https://shop.example/a?x=1&T#part"),
        ("https://shop.example/#/route?x=1", "https://shop.example/?T#/route?x=1"),
        ("https://SHOP.example:8443/A", "https://shop.example:8443/A?T"),
        ("http://[2001:db8::1]/a", "http://[2001:db8::1]/a?T"),
        ("https://магазин.рф/диваны и кровати", "https://xn--80aairftm.xn--p1ai/"
         "%D0%B4%D0%B8%D0%B2%D0%B0%D0%BD%D1%8B%20%D0%B8%20%D0%BA%D1%80%D0%BE%D0%B2%D0%B0%D1%82%D0%B8?T"),
        ("https://xn--80aairftm.xn--p1ai/", "https://xn--80aairftm.xn--p1ai/?T"),
        ("https://shop.example/?id={offer_id}&q=100%", "https://shop.example/?id={offer_id}&q=100%25&T"),
        ("  https://shop.example/a  ", "https://shop.example/a?T"),
    ],
)  # fmt: skip
def test_tags_join_what_an_address_has_already(address: str, made: str) -> None:
    assert with_tags(address, {"utm_source": "vk"}) == made.replace("T", "utm_source=vk")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("shop.example/catalog", "has no scheme; write https://shop.example/catalog"),
        ("//shop.example/catalog", "has no scheme; write https://shop.example/catalog"),
        ("shop.example:8080/a", "has no scheme; write https://shop.example:8080/a"),
        ("javascript:alert(1)", "only pages (http, https) can be tagged, not javascript:"),
        ("tel:+74950000010", "only pages"),
        ("https:///a", "has no host"),
        ("https://shop..example/", "shop..example is no host name"),
        ("https://sho p.example/", "is no host name"),
        ("https://[::1/", "is no address"),
        ("https://shop.example:99999/", "is no address"),
        ("https://shop.example/a\u200bb", "invisible character (U+200B)"),
        ("https://shop.example/\udcff", "invisible character (U+DCFF)"),
        ("https://shop.example/a\x00", "invisible character (U+0000)"),
        ("https://user:secret@shop.example/", "has a user or a password"),
        ("{lpurl}?utm_source=google", "--form template"),
        ("", "has no scheme"),
        (f"https://shop.example/{'a' * 20_000}", "at most 16,384"),
    ],
)
def test_an_address_that_cannot_be_tagged_is_told_with_what_to_write(address: str, told: str) -> None:
    assert told in refusal(address)
    assert "secret" not in refusal(address)


def test_tags_that_are_there_already_are_named_and_taken_out_only_on_demand() -> None:
    address = "https://shop.example/a?UTM_Source=old&x=1&amp;utm_term=b&utm_id=7#/r?utm_medium=cpc&y=2"
    told = refusal(address)
    assert all(had in told for had in ("UTM_Source=old", "utm_term=b", "utm_id=7", "utm_medium=cpc", "--replace"))
    assert with_tags(address, {"utm_source": "vk"}, replace=True) == "https://shop.example/a?x=1&utm_source=vk#/r?y=2"


@given(
    path=st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"], exclude_characters="?#{}_"), max_size=30),
    value=st.text(max_size=40),
    pairs=st.lists(st.tuples(st.text(string.ascii_letters, min_size=1, max_size=5), st.text(max_size=10)), max_size=3),
)
def test_whatever_is_said_comes_out_of_the_link_again(path: str, value: str, pairs: list[tuple[str, str]]) -> None:
    value = value.encode("utf-8", "ignore").decode()
    rest = urlencode([(name, text.encode("utf-8", "ignore").decode()) for name, text in pairs])
    link = with_tags(f"https://shop.example/{path}?{rest}#end", {"utm_source": "vk", "utm_campaign": value})
    parts = urlsplit(link)
    assert link.isascii()
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "shop.example", "end")
    asked = parse_qsl(rest, keep_blank_values=True)
    told = parse_qsl(parts.query, keep_blank_values=True)
    assert told == [*asked, ("utm_source", "vk"), *([("utm_campaign", value)] if value else [])]


@given(st.text(max_size=60).map(lambda text: f"https://shop.example/{text}"))
def test_a_link_that_was_made_is_an_address_again(text: str) -> None:
    try:
        link = with_tags(text, {"utm_source": "vk"}, replace=True)
    except BadInput:
        return
    assert [tag.name for tag in read_address(link).tags] == ["utm_source"]
    assert parse_qs(urlsplit(link).query)["utm_source"] == ["vk"]


def test_the_door_reads_what_was_built() -> None:
    link = make("https://магазин.рф/a?x=1#top", "email", Wish(campaign="Весна & лето #1", content="a=b?")).text
    marks = read_at_the_door(link).marks
    assert (marks["utm_source"], marks["utm_campaign"], marks["utm_content"]) == ("email", "Весна & лето #1", "a=b?")


# --- naming schemes ---------------------------------------------------------------------------------------------------------------

SCHEME: dict[str, Any] = {
    "sources": ["yandex", "google"],
    "media": ["cpc"],
    "transliterate": True,
    "campaign": {
        "pattern": "{product}-{region}-{yyyymm}",
        "parts": {"product": ["sofas", "beds", "kukhni"], "region": ["msk", "spb"]},
    },
}


def made(campaign: str, scheme: dict[str, Any] = SCHEME) -> str:
    link = make(PAGE, "yandex_direct", Wish(campaign=campaign), parse_scheme(scheme)).text
    return parse_qs(urlsplit(link).query)["utm_campaign"][0]


def scheme_mistakes(campaign: str, **wish: str) -> list[str]:
    with pytest.raises(BadTags) as error:
        make(PAGE, "yandex_direct", Wish(campaign=campaign, **wish), parse_scheme(SCHEME))
    return [mistake.message for mistake in error.value.mistakes]


def test_names_are_spelled_as_the_scheme_wants() -> None:
    assert made("Кухни-MSK-202611") == "kukhni-msk-202611"
    assert made("Sofas-SPB-202612") == "sofas-spb-202612"
    assert made("") == "{campaign_id}"  # a macro alone is a name too
    free = {"transliterate": True, "separator": "-"}
    assert made("Весенняя  Распродажа|{campaign_id}", free) == "vesennyaya-rasprodazha|{campaign_id}"
    assert made("Весенняя Распродажа", {"case": "keep"}) == "Весенняя_Распродажа"


def test_cyrillic_becomes_latin_letter_by_letter() -> None:
    assert latin("Съешь ещё этих мягких французских булок, да выпей чаю") == (
        "Sesh eshchyo etikh myagkikh frantsuzskikh bulok, da vypey chayu"
    )
    assert latin("ЖЁЛТЫЙ Щит; 100 % abc") == "ZhYoLTYY Shchit; 100 % abc"


def test_a_name_that_breaks_the_scheme_is_told_part_by_part() -> None:
    assert scheme_mistakes("sofa-msk-202613") == [
        "utm_campaign sofa-msk-202613: product sofa: did you mean sofas?",
        "utm_campaign sofa-msk-202613: yyyymm 202613 is no such date; for example 202611",
    ]
    assert scheme_mistakes("tables-msk-202611") == [
        "utm_campaign tables-msk-202611: product tables: allowed: sofas, beds, kukhni",
    ]
    assert scheme_mistakes("sale") == [
        "utm_campaign sale: does not fit {product}-{region}-{yyyymm}; for example sofas-msk-202611",
    ]
    assert scheme_mistakes("sofas-msk-202611", source="yandex.ru", medium="retargeting") == [
        "utm_source yandex.ru: allowed: yandex, google",
        "utm_medium retargeting: allowed: cpc",
    ]


def test_a_scheme_without_macros_wants_names() -> None:
    strict = {**SCHEME, "campaign": {**SCHEME["campaign"], "or_macro": False}}
    with pytest.raises(BadTags, match="does not fit"):
        made("", strict)


@pytest.mark.parametrize(
    ("changed", "place", "told"),
    [
        ({"colour": "red"}, "colour", "Extra inputs"),
        ({"case": "upper"}, "case", "'lower' or 'keep'"),
        ({"separator": " "}, "separator", "'_', '-' or '.'"),
        ({"campaign": {"pattern": "sale"}}, "campaign", "needs parts in braces"),
        ({"campaign": {"pattern": "{product"}}, "campaign", "needs parts in braces"),
        ({"campaign": {"pattern": "{a}-{yyyy}"}}, "campaign", "parts does not say its values; write a: any"),
        ({"campaign": {"pattern": "{yyyy}{mm}"}}, "campaign", "nobody can tell them apart"),
        ({"campaign": {"pattern": "{yyyy}-{yyyy}"}}, "campaign", "twice"),
        ({"campaign": {"pattern": "{yyyy}", "parts": {"b": "any"}}}, "campaign", "the pattern has no {b}"),
        ({"campaign": {"pattern": "{yyyy}", "parts": {"yyyy": ["2026"]}}}, "campaign", "is a date"),
        ({"campaign": {"pattern": "{a}", "parts": {"a": []}}}, "campaign.parts.a", "at least 1"),
    ],
)
def test_a_wrong_scheme_is_told_with_its_place(changed: dict[str, Any], place: str, told: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse_scheme({**SCHEME, **changed})
    assert any(field.path.startswith(place) and told in field.message for field in error.value.fields), error.value.fields


# --- lists of links ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/\n\nhttps://b.example/?x=1,2;3\n",
        "address\nhttps://a.example/\n\"https://b.example/?x=1,2;3\"\n",
        "\ufeffСсылка\thttps\nhttps://a.example/\tx\nhttps://b.example/?x=1,2;3\ty\n",
        "campaign;url\r\nx;https://a.example/\r\n;\r\ny;\"https://b.example/?x=1,2;3\"\r\n",
    ],
)  # fmt: skip
def test_lists_are_read_as_people_save_them(tmp_path: Path, text: str) -> None:
    for encoding in ("utf-8", "cp1251", "utf-16"):
        (tmp_path / "links").write_bytes(text.encode(encoding, "ignore"))
        rows = read_rows(str(tmp_path / "links"), others=True)
        assert [row.address for row in rows] == ["https://a.example/", "https://b.example/?x=1,2;3"]


def test_a_list_that_says_nothing_is_refused(tmp_path: Path) -> None:
    for text, told in (
        ("", "has no links"),
        ("link,campain\nhttps://a.example/,x\n", "nobody knows the column campain"),
        ("link,campaign\n,x\n", "has no address"),
        ("https://a.example/\n" * 50_001, "give at most 50,000"),
    ):
        (tmp_path / "links").write_text(text)
        with pytest.raises(BadInput, match=told):
            read_rows(str(tmp_path / "links"))
    with pytest.raises(BadInput, match="cannot be read"):
        read_rows(str(tmp_path))


def test_a_table_for_spreadsheets_has_no_formulas() -> None:
    assert table(("a", "b"), [("=1+1", "x,y"), ("-1", "@x")]) == "a,b\n'=1+1,\"x,y\"\n'-1,'@x\n"
