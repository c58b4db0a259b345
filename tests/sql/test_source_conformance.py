"""What the authors of other systems expect of addresses and referrers (tests/data/referrers, origins and licences in its README).

Cases that we decide otherwise are named here with the reason; every other one must come out as theirs.
"""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lakes import shop
from tests.landings import Landing, Verdict, verdicts
from tests.source_cases import REFERRERS, clickstream_cases, clickstream_landing

pytestmark = pytest.mark.conformance

SITE_URL = "https://shop.example/"


def told(name: str) -> Any:
    return json.loads((REFERRERS / name).read_text(encoding="utf-8"))


CASES = clickstream_cases()
EXAMPLE = shop(hosts=["example.com"], sources={"click_ids": {"xclid": {"source": "x-partner", "medium": "referral"}}})


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    found = verdicts(tmp_path_factory.mktemp("aws"), [clickstream_landing(case) for case in CASES], EXAMPLE)
    return {case["name"]: verdict for case, verdict in zip(CASES, found, strict=True)}


GROUPS = {"Internal": "Direct"}  # a page of the site itself: we call it direct, the visit keeps its source
SOURCES = {"Direct": "(direct)", "Google Video": "google", "Facebook (Referral)": "facebook"}
MEDIA = {"None": "(none)", "(Organic)": "organic", "(CPC)": "cpc", "(Referral)": "social"}
# Of a parameter that is repeated the first counts with us, as it does for UTM; of several parameters of an engine the first that is
# there. They join them with commas. `q` is Google's own parameter: they leave the phrase out at google.com and take it elsewhere.
TERMS = {
    "testParseWithReferrer": "flowers",
    "testParseWithReferrer2": "flowers",
    "testParseWithReferrer3": "flowers2",
    "testParseWithRuleConfig1": "flowers",
    "testParseWithRuleConfig2": "abc,123",  # a tag on our own link is believed before the engine's phrase
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_sources_of_clickstream_analytics(case: dict[str, Any], aws: dict[str, Verdict]) -> None:
    verdict, expected = aws[case["name"]], case["expected"]
    session = verdict.session
    assert verdict.group == GROUPS.get(expected["channelGroup"], expected["channelGroup"])
    # What follows a # is no part of the query; | separates the parts of our keys.
    source = SOURCES.get(expected["source"], expected["source"]).partition("#")[0].replace("|", "/")
    assert session["source"] == source.lower()
    if expected["medium"]:
        assert session["medium"] == MEDIA.get(expected["medium"], expected["medium"])
    assert session["term"] == TERMS.get(case["name"], expected["term"])
    assert (session["campaign"] or "Direct") == (expected["campaign"] or "Direct")  # direct visits have no campaign with us
    assert session["content"] == expected["content"]
    click = json.loads(expected["clid"])["value"] if expected["clid"] else None
    assert session["click_id"] == click


def categories() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = told("aws-clickstream-traffic_source_category_rule_v0.json")
    return rows


GROUP_OF = {
    "Search": "Organic Search", "Social": "Organic Social", "Video": "Organic Video", "Shopping": "Organic Shopping",
}  # fmt: skip
# Places on their lists that are something else with us: we go by what people do there, not by who owns it. The first group of each
# list is no host at all as they write it; a form with a path counts only where the host means something else without it.
NO_HOST = {"android-app//com.google.android.googlequicksearchbox/https/www.google.com": "other", "linkedin.android": "other",
           "google+.com": "other"}  # fmt: skip
ELSEWHERE = {
    **NO_HOST,
    # Mail, messengers, pictures in motion, assistants, maps: kinds of their own.
    "mail.rambler.ru": "email", "mail.yandex.ru": "email", "email.seznam.cz": "email",
    "www.icq.com": "messenger", "web.telegram.org": "messenger", "org.telegram.messenger": "messenger", "wechat.com": "messenger",
    "mp.weixin.qq.com": "messenger", "open.weixin.qq.com": "messenger", "channels.weixin.qq.com": "messenger",
    "nicovideo.jp": "video", "niconico.com": "video", "youtu.be": "video", "youtube.com": "video", "vimeo.com": "video",
    "bilibili.com": "video", "douyu.com": "video", "huya.com": "video", "twitcasting.tv": "video",
    "chat.openai.com": "ai", "chatgpt.com": "ai", "www.perplexity.ai": "ai", "you.com": "ai",
    "maps.google.com": "maps", "maps.google.de": "maps",
    # Ad networks and payment pages.
    "aax-us-east.amazon-adsystem.com": "ads", "aax.amazon-adsystem.com": "ads", "yabs.yandex.com": "ads",
    "checkout.stripe.com": "payment",
    "checkout.shopify.com": "payment",
    "yabs.yandex.de": "ads",
    # Social places with a search box are social places.
    "www.facebook.com": "social", "zen.yandex.ru": "social", "digg.com": "social", "friendfeed.com": "social",
    # Services and publishers whose links are plain links.
    "cnn.com": "other", "www.cnn.com": "other", "stripe.com": "other", "s3.amazonaws.com": "other", "webmaster.yandex.ru": "other",
    "groups.google.com": "other", "play.google.com": "other", "sites.google.com": "other", "translate.google.com": "other",
    "login.live.com": "payment", "cgi2.nintendo.co.jp": "other",
}  # fmt: skip


def test_every_host_of_clickstream_analytics_is_of_its_category(tmp_path: Path) -> None:
    rows = categories()
    found = verdicts(tmp_path, [Landing(SITE_URL, f"https://{row['url']}/") for row in rows])
    wrong = {
        row["url"]: (row["category"], verdict.group, verdict.decided.get("category"))
        for row, verdict in zip(rows, found, strict=True)
        if verdict.decided.get("category") != ELSEWHERE.get(row["url"], verdict.decided.get("category"))
        or (row["url"] not in ELSEWHERE and verdict.group != GROUP_OF[row["category"]])
    }
    assert wrong == {}


def matomo(name: str) -> list[str]:
    listed = yaml.safe_load((REFERRERS / name).read_text(encoding="utf-8"))
    if name != "matomo-SearchEngines.yml":
        return [host for hosts in listed.values() for host in hosts]
    return [url for engines in listed.values() for engine in engines for url in engine["urls"]]


@pytest.mark.parametrize(
    ("name", "category"),
    [("matomo-SearchEngines.yml", "search"), ("matomo-Socials.yml", "social"), ("matomo-AIAssistants.yml", "ai")],
)
def test_every_place_of_matomo_is_of_its_kind(name: str, category: str, tmp_path: Path) -> None:
    places = [text.replace("{}", "de") for text in matomo(name)]
    found = verdicts(tmp_path, [Landing(SITE_URL, f"https://{place}") for place in places])
    wrong = {
        place: verdict.decided.get("category")
        for place, verdict in zip(places, found, strict=True)
        if verdict.decided.get("category") != ELSEWHERE.get(place, category)
    }
    assert wrong == {}


MEDIUM_WORDS = (
    "", "cpc", "ppc", "cpm", "cpv", "retargeting", "paid", "paidsearch", "paid_social", "paid-video", "organic", "social",
    "social-network", "social-media", "sm", "social network", "social media", "video", "online-video", "email", "e-mail",
    "sms", "audio", "push", "mobile", "app-notification",
)  # fmt: skip
KINDS_OF_SOURCE = {"google.com": "Search", "facebook.com": "Social", "youtube.com": "Video", "amazon.com": "Shopping", "acme": ""}
# They ask after the source's category only where the medium says nothing of its own; Google Analytics asks after the source first.
OTHERWISE = {
    **{("google.com", word): "Organic Search" for word in ("email", "e-mail", "sms", "audio", "push", "mobile",
                                                            "app-notification")},
    **{("amazon.com", word): "Organic Shopping" for word in ("video", "online-video", "sm", "social", "social-network",
                                                              "social-media", "social network", "social media")},
    ("amazon.com", "paid-video"): "Paid Shopping", ("acme", "paid-video"): "Paid Other",  # a paid medium before "video"
    ("acme", "cpm"): "Display", ("acme", "organic"): "Organic Search",
}  # fmt: skip


def their_channel(category: str, source: str, medium: str) -> str:
    """The first of their channel rules that fits."""
    fields = {
        "traffic_source_category": category, "traffic_source_source": source, "traffic_source_medium": medium,
        "traffic_source_campaign": "", "traffic_source_content": "", "traffic_source_term": "", "traffic_source_campaign_id": "",
        "traffic_source_clid_platform": "", "traffic_source_clid": "", "page_view_latest_referrer": "",
        "page_view_latest_referrer_host": "",
    }  # fmt: skip

    def fits(condition: dict[str, Any]) -> bool:
        if "op::and" in condition:
            return all(map(fits, condition["op::and"]))
        if "op::or" in condition:
            return any(map(fits, condition["op::or"]))
        value, wanted = fields[condition["field"]], condition.get("value", "")
        wanted = "" if wanted == "__empty__" else wanted
        match condition["op"]:
            case "eq":
                return bool(value == wanted)
            case "not_eq":
                return bool(value != wanted)
            case "in":
                return value in condition["values"]
            case "match":
                return re.match(wanted, value) is not None
            case "not_match":
                return re.match(wanted, value) is None
            case "contain":
                return wanted in value
            case "start_with":
                return bool(wanted) and value.startswith(wanted)
            case "end_with":
                return value.endswith(wanted)
        raise AssertionError(condition["op"])

    rules = told("aws-clickstream-traffic_source_channel_rule_v0.json")
    return next((rule["channel"] for rule in rules if fits(rule["condition"])), "Unassigned")


def test_media_are_grouped_as_clickstream_analytics_groups_them(tmp_path: Path) -> None:
    pairs = [pair for pair in product(KINDS_OF_SOURCE, MEDIUM_WORDS) if pair != ("acme", "")]
    urls = [f"{SITE_URL}?utm_source={source}&utm_medium={medium.replace(' ', '%20')}" for source, medium in pairs]
    found = verdicts(tmp_path, [Landing(url) for url in urls])
    wrong = {
        pair: (theirs, verdict.group)
        for pair, verdict in zip(pairs, found, strict=True)
        for theirs in [their_channel(KINDS_OF_SOURCE[pair[0]], *pair)]
        if verdict.group != OTHERWISE.get(pair, theirs)
    }
    assert wrong == {}


CAMPAIGNS = told("snowplow-campaign-attribution-cases.json")["cases"]
COLUMN_OF = {"mkt_medium": "utm_medium", "mkt_source": "utm_source", "mkt_term": "utm_term", "mkt_content": "utm_content",
             "mkt_campaign": "utm_campaign"}  # fmt: skip


@pytest.mark.parametrize("case", CAMPAIGNS, ids=lambda case: str(case["name"]))
def test_own_parameters_of_snowplow(case: dict[str, Any], tmp_path: Path) -> None:
    """Their mapping names every parameter; with us utm_ is always read, so `no mapping` finds the tags where theirs finds none."""
    own = {COLUMN_OF[field]: [n for n in names if not n.startswith("utm_")] for field, names in case["mapping"].items()}
    query = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in case["query"])
    site = shop(sources={"parameters": own})
    [verdict] = verdicts(tmp_path, [Landing(f"{SITE_URL}?{query}")], site)
    expected = dict(case["expected"])
    if case["name"].startswith("no mapping"):
        tags = dict(case["query"])
        expected |= {name: tags[f"utm_{name}"] for name in ("medium", "source", "term", "content", "campaign")}
    if not expected["source"] and not expected["medium"]:
        assert verdict.session["is_direct"]  # a campaign alone names no source; the visit is direct, the tag stays on its hit
        return
    found = verdict.session
    assert {name: found[name] for name in ("medium", "term", "content", "campaign", "click_id")} == {
        name: expected[name] for name in ("medium", "term", "content", "campaign", "click_id")
    }
    assert verdict.decided["matched"] == expected["source"].lower()
