"""What is said of tags and links that exist: each mistake once, with what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.utm.build import Wish, make
from infra.utm.check import Mistake, mistakes
from infra.utm.links import mistakes_of_link
from infra.utm.scheme import parse_scheme
from infra.utm.words import words_of
from shared.settings import parse_settings, published

PAGE = "https://shop.example/catalog"
TAGS = {"utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "spring"}


def codes(found: list[Mistake]) -> list[str]:
    return [mistake.code for mistake in found]


def of_tags(**changed: str) -> list[str]:
    """Codes of right tags with these changes; an empty text takes a tag out."""
    tags = {**TAGS, **{f"utm_{name}": value for name, value in changed.items()}}
    return codes(mistakes({name: value for name, value in tags.items() if value}))


# --- what is wrong with tags ------------------------------------------------------------------------------------------------------


def test_right_tags_have_no_mistakes() -> None:
    assert of_tags() == []
    assert of_tags(campaign="{campaign_id}", content="{ad_id}_{device_type}", term="{keyword}") == []
    assert of_tags(source="vk", campaign="{{campaign_id}}", content="{{banner_id}}") == []
    assert of_tags(source="google", content="{ifmobile:m}{ifnotmobile:d}|{_own}|{lpurl}") == []
    assert of_tags(campaign="поиск_[мск]_диваны", term="диван купить Москва") == []
    assert of_tags(source="telegram", medium="social", campaign="26-11-05") == []
    assert of_tags(source="market.partner.ru", medium="referral") == []
    assert mistakes({}) == mistakes({"q": "x", "yclid": "1"}) == []


@pytest.mark.parametrize(
    ("changed", "code", "suggestion"),
    [
        ({"source": "yandx"}, "mistyped", "yandex"),
        ({"source": "gogle"}, "mistyped", "google"),
        ({"source": "myblog"}, "unknown_source", ""),
        ({"source": "Yandex"}, "upper_case", "yandex"),
        ({"source": "yаndex"}, "lookalike", "yandex"),
        ({"medium": "сpc"}, "lookalike", "cpc"),
        ({"medium": "срс"}, "lookalike", "cpc"),
        ({"medium": "emial", "source": "email"}, "mistyped", "email"),
        ({"medium": "whatever"}, "unknown_medium", ""),
        ({"medium": ""}, "missing_medium", "cpc"),
        ({"source": ""}, "missing_source", ""),
        ({"campaign": ""}, "missing_campaign", "{campaign_id}"),
        ({"campaign": "spring sale"}, "space", "spring_sale"),
        ({"campaign": "spring "}, "edge_space", "spring"),
        ({"campaign": "spr\u200bing"}, "edge_space", "spring"),
        ({"campaign": "{campaignid}"}, "foreign_macro", "{campaign_id}"),
        ({"campaign": "{{campaign.id}}"}, "foreign_macro", "{campaign_id}"),
        ({"campaign": "__CAMPAIGN_ID__"}, "foreign_macro", "{campaign_id}"),
        ({"campaign": "{campain_id}"}, "unknown_macro", "{campaign_id}"),
        ({"source": "google", "campaign": "{campaign_id}"}, "foreign_macro", "{campaignid}"),
        ({"source": "vk", "campaign": "{campaign_id}"}, "foreign_macro", "{{ad_plan_id}}"),
        ({"source": "telegram", "campaign": "{campaign_id}"}, "foreign_macro", ""),
        ({"campaign": "[campaign name]"}, "unfilled", ""),
        ({"campaign": "{campaign_id"}, "unfilled", ""),
        ({"campaign": "%CAMPAIGN%"}, "unfilled", ""),
        ({"campaign": "undefined"}, "unfilled", ""),
        ({"campaign": "Ð²ÐµÑ\x81Ð½Ð°"}, "broken_text", "весна"),
        ({"campaign": "РІРµСЃРЅР°"}, "broken_text", "весна"),
        ({"campaign": "%D0%B2%D0%B5%D1%81"}, "encoded_twice", "вес"),
        ({"content": "ivan@shop.example"}, "personal", ""),
        ({"term": "+7 (495) 000-00-10"}, "personal", ""),
        ({"source": "cpc", "medium": "yandex"}, "swapped", "utm_source=yandex&utm_medium=cpc"),
    ],
)
def test_a_mistake_is_named_once_with_what_to_write_instead(changed: dict[str, str], code: str, suggestion: str) -> None:
    tags = {**TAGS, **{f"utm_{name}": value for name, value in changed.items()}}
    found = mistakes({name: value for name, value in tags.items() if value})
    assert [(m.code, m.suggestion) for m in found] == [(code, suggestion)]
    assert found[0].tag in found[0].message or code == "swapped"


def test_names_of_parameters_are_looked_at_too() -> None:
    found = mistakes({"utm_sourse": "yandex", "UTM_Medium": "cpc", "utm_campaign": "a", "utm_name": "b", "utm_id": "7"})
    assert [(m.code, m.suggestion) for m in found] == [
        ("mistyped_name", "utm_source"),
        ("name_case", "utm_medium"),
        ("unknown_name", ""),
    ]


def test_in_tags_that_have_arrived_every_macro_should_have_been_filled() -> None:
    tags = {**TAGS, "utm_campaign": "{campaign_id}"}
    assert codes(mistakes(tags)) == []
    assert codes(mistakes(tags, arrived=True)) == ["unfilled"]
    assert codes(mistakes({**TAGS, "utm_campaign": "{campaignid}"}, arrived=True)) == ["foreign_macro"]
    assert codes(mistakes({**TAGS, "utm_source": "partner.ru", "utm_content": "{sub1}"}, arrived=True)) == ["unfilled"]
    assert codes(mistakes({**TAGS, "utm_term": ""}, arrived=True)) == []  # autotargeting has no keyword


def test_a_site_knows_its_own_sources_and_is_none_itself() -> None:
    raw = {
        "site_id": "shop",
        "name": "Shop",
        "hosts": ["shop.example"],
        "sources": {
            "own": [{"id": "myblog", "synonyms": ["My Blog"]}],
            "contractors": [{"name": "A", "source": "yandex", "synonyms": ["agency-a"]}],
        },
    }
    words = words_of(published(parse_settings(raw)))
    for source in ("myblog", "my_blog", "agency-a"):
        assert codes(mistakes({**TAGS, "utm_source": source}, words=words)) == []
    found = mistakes({**TAGS, "utm_source": "www.shop.example"}, words=words, own_hosts=["shop.example"])
    assert codes(found) == ["own_source"]


def test_a_mailing_service_may_fill_what_nobody_lists() -> None:
    assert codes(mistakes({**TAGS, "utm_source": "email", "utm_medium": "email", "utm_content": "{{UserId}}"})) == []
    assert make(PAGE, "email", Wish(campaign="{{Campaign}}")).text.endswith("utm_campaign={{Campaign}}")


@given(st.dictionaries(st.text(max_size=14) | st.sampled_from(sorted(TAGS)), st.text(max_size=60)), st.booleans())
def test_no_tags_break_the_reading(tags: dict[str, str], arrived: bool) -> None:
    for mistake in mistakes(tags, arrived=arrived, own_hosts=["shop.example"]):
        assert mistake.code
        assert mistake.message


# --- what is wrong with links -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("?utm_source=yandex&utm_medium=cpc&utm_campaign={campaign_id}", []),
        ("", ["untagged"]),
        ("#utm_source=vk&utm_medium=cpc&utm_campaign=a", ["after_hash"]),
        ("#/r?utm_source=vk&utm_medium=cpc&utm_campaign=a", ["after_hash"]),
        ("?utm_source=vk&amp;utm_medium=cpc&amp;utm_campaign=a", ["html_entity"]),
        ("&utm_source=vk&utm_medium=cpc&utm_campaign=a", ["no_question_mark"]),
        ("?a=1?utm_source=vk&utm_medium=cpc&utm_campaign=a", ["second_question_mark"]),
        ("?utm_source=vk&utm_source=ok&utm_medium=cpc&utm_campaign=a", ["doubled"]),
        ("?utm_source=vk&utm_medium=cpc&utm_campaign=a&UTM_CAMPAIGN=b", ["doubled", "name_case"]),
        ("?utm_source=vk&utm_medium=cpc&utm_campaign=%7B%7Bad_plan_id%7D%7D", ["encoded_macro"]),
        ("?utm_source=vk&utm_medium=cpc&utm_campaign=%E2%E5%F1%ED%E0", ["broken_text"]),
        ("?utm_source=vk&utm_medium=cpc&utm_campaign=%25D0%25B2", ["encoded_twice"]),
        (f"?utm_source=yandex&utm_medium=cpc&utm_campaign={'a' * 4100}", ["too_long"]),
        ("?utmost=1&source=2", ["untagged"]),
    ],
)
def test_a_link_is_judged_as_it_stands(link: str, expected: list[str]) -> None:
    assert codes(mistakes_of_link(PAGE + link)) == expected


def test_a_link_that_is_no_address_says_so() -> None:
    (found,) = mistakes_of_link("shop.example/?utm_source=vk")
    assert (found.code, found.message) == ("address", "has no scheme; write https://shop.example/?utm_source=vk")


def test_tags_on_a_link_from_the_site_to_itself_are_a_mistake() -> None:
    link = f"{PAGE}?utm_source=vk&utm_medium=social&utm_campaign=a"
    assert codes(mistakes_of_link(link, own_hosts=["shop.example"])) == []
    assert codes(mistakes_of_link(link, found_on="www.shop.example")) == ["internal"]
    assert codes(mistakes_of_link(link, own_hosts=["shop.example"], found_on="blog.shop.example")) == ["internal"]
    assert codes(mistakes_of_link(link, own_hosts=["shop.example"], found_on="partner.example")) == []
    assert codes(mistakes_of_link(link, own_hosts=["other.example"])) == ["other_host"]
    assert codes(mistakes_of_link(link.replace("shop", "notshop"), own_hosts=["shop.example"])) == ["other_host"]


@given(st.text(max_size=80) | st.text(max_size=80).map(lambda text: f"https://shop.example/{text}"))
def test_no_link_breaks_the_reading(link: str) -> None:
    assert all(mistake.message for mistake in mistakes_of_link(link))


def test_existing_links_are_held_to_the_scheme_and_one_mistake_is_told_once() -> None:
    scheme = parse_scheme({"sources": ["yandex", "google"], "transliterate": True})
    link = f"{PAGE}?utm_source=yandx&utm_medium=cpc&utm_campaign=sofas-msk-202611&utm_term=Диван"
    found = mistakes_of_link(link, scheme=scheme)
    assert [(m.code, m.suggestion) for m in found] == [("mistyped", "yandex"), ("scheme", "divan")]
