"""Where a visit came from: addresses and referrers as they are seen, and what the rule table makes of them."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from functions.attribution import rules as rule_tables
from functions.attribution import source_rules
from functions.attribution.source_rules import RULES, source_rows
from shared.robots import verdict_of
from shared.settings import parse_settings
from shared.source_settings import plain_name
from shared.sources import standard_channels, standard_sources, table
from tests.lakes import BROWSER, NOW, Marts, hit, marts_of, shop, utc, write
from tests.landings import Landing, Verdict, landed, verdicts
from tests.source_cases import GROUPED, GROUPED_BY_CAMPAIGN, HERE, SEEN, TERMS, grouped_addresses, here, media_addresses


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    return verdicts(tmp_path_factory.mktemp("seen"), [Landing(url, referrer) for url, referrer, _ in SEEN])


@pytest.mark.parametrize("number", range(len(SEEN)), ids=lambda n: f"{SEEN[n][0]} from {SEEN[n][1]}")
def test_where_a_visit_came_from(number: int, seen: list[Verdict]) -> None:
    session = seen[number].session
    assert (session["channel"], session["source"], session["medium"]) == SEEN[number][2]


def test_a_search_engine_tells_its_phrase(tmp_path: Path) -> None:
    found = verdicts(tmp_path, [Landing(HERE, referrer) for referrer, _ in TERMS])
    assert [verdict.session["term"] for verdict in found] == [term for _, term in TERMS]


def test_a_tag_outranks_the_phrase_and_a_phrase_alone_starts_no_visit(tmp_path: Path) -> None:
    tagged = verdicts(tmp_path / "a", [Landing(here("utm_source=yandex&utm_medium=cpc&utm_term=x"), "https://yandex.ru/?text=y")])
    assert tagged[0].session["term"] == "x"
    engine = {"referrer_host": "yandex.ru"}
    twice = [
        hit("v", utc("10-05 12:00"), referrer="https://yandex.ru/?text=one", **engine),
        hit("v", utc("10-05 12:05"), referrer="https://yandex.ru/?text=two", **engine),
    ]
    rows = marts_of(tmp_path / "b", twice).rows("sessions")
    assert [(row["term"], row["hits"]) for row in rows] == [("one", 2)]


def test_tags_fall_into_the_default_channel_group_of_google_analytics(tmp_path: Path) -> None:
    urls = grouped_addresses()
    groups = [row[-1] for row in (*GROUPED, *GROUPED_BY_CAMPAIGN)]
    found = verdicts(tmp_path, [Landing(url) for url in urls])
    wrong = {url: (group, v.group) for url, group, v in zip(urls, groups, found, strict=True) if v.group != group}
    assert wrong == {}


def test_a_medium_is_of_its_kind_and_paid_ones_are_ads_of_any_source(tmp_path: Path) -> None:
    sources = ("acme", "google", "vk", "amazon", "telegram")
    asked = [(source, url, kind) for source in sources for url, kind in media_addresses(source)]
    found = verdicts(tmp_path, [Landing(url) for _, url, _ in asked])
    wrong = {url: (kind, v.decided["medium_kind"]) for (_, url, kind), v in zip(asked, found, strict=True)
             if v.decided["medium_kind"] != kind}  # fmt: skip
    assert wrong == {}
    ads = {"paid", "cpm", "display", "video-ads", "audio-ads", "affiliate", "offline"}
    by_network = {"network": {"google"}}  # of words that say only where: Google's own macro values
    mistaken = [url for (source, url, kind), v in zip(asked, found, strict=True)
                if v.decided["is_ad"] != (kind in ads or source in by_network.get(kind, ()))]  # fmt: skip
    assert mistaken == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], ("yandex / cpc", "yandex", "cpc", "Paid Search", "no-rule")),
        (["spam"], ("yandex / cpc", "yandex", "cpc", "Paid Search", "no-rule")),
        (["utm-other"], ("yandex / cpc", "yandex", "cpc", "Paid Search", "utm-other")),  # one row that fits all tags
    ],
)
def test_rules_that_fit_nothing_lose_no_visit(
    rows: list[str], expected: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_rules(tmp_path / "rules", "channels.tsv", rows, monkeypatch)
    [found] = verdicts(tmp_path / "lake", [Landing(here("utm_source=yandex&utm_medium=cpc"))])
    decided = found.decided
    assert tuple(decided[name] for name in ("channel", "source", "medium", "channel_group", "rule_id")) == expected
    assert (found.session["channel"], decided["is_direct"], decided["is_ad"]) == (expected[0], False, False)


def test_without_a_table_of_groups_everything_is_unassigned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_rules(tmp_path / "rules", "groups.tsv", [], monkeypatch)
    found = verdicts(tmp_path / "lake", [Landing(here("utm_source=yandex&utm_medium=cpc")), Landing(HERE, "https://yookassa.ru/")])
    assert [(v.session["channel"], v.group) for v in found] == [("Yandex Direct", "Unassigned"), ("direct", "Direct")]


def only_rules(folder: Path, name: str, kept: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The refresh goes by a copy of the rules in which one file has its header and these rows alone."""
    shutil.copytree(RULES, folder)
    lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / name).write_text("".join([lines[0], *(x for x in lines[1:] if x.split("\t")[0] in kept)]), encoding="utf-8")
    monkeypatch.setattr(rule_tables, "source_rows", partial(source_rules.source_rows, rules=folder))


OWN: dict[str, Any] = {
    "own": [
        {"id": "avito-pro", "name": "Авито Про", "synonyms": ["avito_pro", "Avito Context"], "channel": "Авито", "is_ad": True},
        {"id": "yandex", "synonyms": ["yandex_new"], "is_significant": False},
        {"id": "partner", "category": "social", "hosts": ["partner.example", "blog.example/shop"]},
        {"id": "chatgpt", "hosts": ["google.com"]},
        {"id": "our-channel", "category": "messenger", "hosts": ["t.me/OurChannel"]},
        {"id": "vc.ru", "name": "VC"},
    ]
}


def test_a_sites_own_sources_outrank_the_standard_ones(tmp_path: Path) -> None:
    landings = [
        Landing(here("utm_source=AVITO.pro&utm_medium=x")), Landing(here("utm_source=avito%20context&utm_medium=cpc")),
        Landing(here("utm_source=yandex_new&utm_medium=cpc")), Landing(HERE, "https://www.partner.example/"),
        Landing(HERE, "https://www.google.com/"), Landing(HERE, "https://www.google.ru/"),
        Landing(HERE, "https://blog.example/shop?x"), Landing(HERE, "https://blog.example/"),
        Landing(HERE, "https://t.me/ourchannel/12"), Landing(HERE, "https://t.me/other"), Landing(here("utm_source=vc.ru")),
    ]  # fmt: skip
    found = verdicts(tmp_path, landings, shop(sources=OWN))
    assert [(v.session["channel"], v.session["source"], v.decided["is_ad"]) for v in found] == [
        ("Авито", "avito-pro", True), ("Авито", "avito-pro", True), ("Yandex Direct", "yandex", True),
        ("Social networks", "partner", False), ("AI assistants", "chatgpt", False), ("Organic search", "google", False),
        ("Social networks", "partner", False), ("Referral", "blog.example", False),
        ("Messengers", "our-channel", False), ("Messengers", "telegram", False), ("Social networks", "vc.ru", False),
    ]  # fmt: skip
    assert [v.session["is_significant"] for v in found] == [True, True, *[False] * 9]


@pytest.mark.parametrize("apart", [False, True])
def test_contractors_are_one_channel_or_several(apart: bool, tmp_path: Path) -> None:
    contractors = [
        {"name": "Агентство А", "source": "yandex", "synonyms": ["ya_agency"]},
        {"name": "Агентство Б", "source": "yandex", "campaigns": ["b-*", "*%d_*"]},
    ]
    tags = ["utm_source=ya-agency&utm_medium=cpc", "utm_source=yandex&utm_medium=cpc&utm_campaign=B-spring",
            "utm_source=yandex&utm_medium=cpc&utm_campaign=own", "utm_source=yandex&utm_medium=organic&utm_campaign=b-free",
            "utm_source=yandex&utm_medium=cpc&utm_campaign=c%25d_e"]  # fmt: skip
    site = shop(sources={"contractors": contractors, "contractors_apart": apart})
    found = verdicts(tmp_path, [Landing(here(tag)) for tag in tags], site)
    own = ["Yandex Direct", "Organic search"]  # a free visit is no contractor's
    expected = ["Yandex Direct · Агентство А", "Yandex Direct · Агентство Б", *own, "Yandex Direct · Агентство Б"]
    assert [v.session["channel"] for v in found] == (
        expected if apart else ["Yandex Direct", "Yandex Direct", *own, "Yandex Direct"]
    )
    assert {v.session["source"] for v in found} == {"yandex"}


def test_own_parameters_are_read_where_utm_is_missing(tmp_path: Path) -> None:
    site = shop(
        sources={
            "parameters": {"utm_source": ["from", "src"], "utm_campaign": ["cid"]},
            "click_ids": {"partner_click": {"source": "partner", "medium": "affiliate"}},
        }
    )
    queries = ["from=Yandex.Direct&cid=79001234567", "src=second&from=first", "utm_source=vk&from=first", "from=&src=x",
               "FROM=a%2Bb+c", "partner_click=abc1234567", "from=%EF%BB", "from=%D0%BA%D0%BE%D1%82"]  # fmt: skip
    found = verdicts(tmp_path, [Landing(here(query)) for query in queries], site)
    assert [v.session["source"] for v in found] == ["yandex", "first", "vk", "x", "a+b c", "partner", "п»", "кот"]
    assert (found[0].session["campaign"], found[5].session["channel"], found[5].session["click_id"]) == (
        "79001234567", "Affiliate", "abc1234567",
    )  # fmt: skip


def test_settings_and_rules_that_change_correct_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, [landed("v", Landing(here("utm_source=boardads&utm_medium=promo-x&from=agency")))], NOW)
    marts = Marts(tmp_path, shop())

    def channel() -> str:
        marts.refresh(NOW)
        [row] = marts.rows("sessions")
        return str(row["channel"])

    assert channel() == "boardads / promo-x"
    marts.sites = [shop(sources={"own": [{"id": "board", "synonyms": ["boardads"], "channel": "Billboards"}]})]
    assert channel() == "Billboards"
    rules = tmp_path / "rules-of-tomorrow"
    shutil.copytree(RULES, rules)
    media = rules / "media.tsv"
    media.write_text(
        media.read_text(encoding="utf-8").replace("kind\tpattern\n", "kind\tpattern\nemail\t^promo-x$\n"), encoding="utf-8"
    )
    monkeypatch.setattr(source_rules, "source_rows", partial(source_rules.source_rows, rules=rules))
    monkeypatch.setattr(rule_tables, "source_rows", source_rules.source_rows)
    marts.sites = [shop()]
    assert channel() == "E-mail"


def test_spam_referrers_and_readers_too_fast_make_no_visit(tmp_path: Path) -> None:
    at = utc("10-05 12:00")
    records = [hit("spammed", at, referrer="https://semalt.com/", referrer_host="semalt.com"), hit("spammed", utc("10-05 12:01"))]
    records += [hit("fast", utc(f"10-05 12:00:{n % 60:02}.{n:03}"), page_path=f"/{n}") for n in range(61)]
    records += [hit("reader", utc(f"10-05 12:00:{n % 60:02}.{n:03}"), page_path=f"/{n}") for n in range(60)]
    records += [hit("fast", utc("10-06 12:00"))]
    marts = marts_of(tmp_path, records)
    left_out = {(row["visitor_id"], row["reason"]) for row in marts.rows("excluded_visitors")}
    assert left_out == {("spammed", "spam_referrer"), ("fast", "speed")}
    assert sorted((row["visitor_id"], str(row["day"])) for row in marts.rows("sessions")) == [
        ("fast", "2026-10-06"),
        ("reader", "2026-10-05"),
    ]
    assert len(marts.rows("hits")) == len(records)


@pytest.mark.parametrize(
    ("signals", "excluded"),
    [
        ({"user_agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}, "bot"),
        ({"user_agent": "-"}, "bot"),  # the door saw no header
        ({"agent_verdict": verdict_of("curl/8")}, "bot"),  # the door's verdict is believed while its rules are ours,
        ({"user_agent": "curl/8", "agent_verdict": verdict_of(BROWSER)}, None),
        ({"user_agent": "curl/8", "agent_verdict": "person:0badc0de"}, "bot"),  # and judged anew once they are not
        ({"agent_verdict": "robot:0badc0de"}, None),
        ({"user_agent": None, "language": None}, None),  # an import that does not say,
        ({"language": "-"}, None),
        ({"language": "-", "screen": "800x600"}, "bot"),
        ({"language": "ru", "screen": "800x600", "asn": 16509}, "bot"),
        ({"language": "ru", "asn": 16509}, None),  # people use VPNs
        ({"is_own": True}, "own_address"),
        ({"is_test": True}, "test"),
    ],
)
def test_robots_and_ourselves_are_flagged_not_dropped(signals: dict[str, Any], excluded: str | None, tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [hit("v", utc("10-05 12:00"), **signals)])
    assert [row["excluded"] for row in marts.rows("hits")] == [excluded]
    assert len(marts.rows("sessions")) == (excluded is None)


def test_rule_files_name_only_what_there_is() -> None:
    channels, kinds = table(RULES / "channels.tsv"), {row["kind"] for row in table(RULES / "media.tsv")} | {"unset", "unknown"}
    assert {row["channel"] for row in channels} - {""} <= set(standard_channels())
    assert {k for row in channels for k in row["medium_kind"].split("|")} - {""} <= kinds
    named = {s for row in channels for s in row["source"].split("|")} - {"", "(direct)", "direct"}
    places = {row["source"] for row in table(RULES / "places.tsv")}
    assert named <= set(standard_sources()) | places
    assert {row["medium_kind"] for row in table(RULES / "clicks.tsv")} <= kinds
    assert len({row["rule_id"] for row in channels}) == len(channels)


def test_a_synonym_belongs_to_one_source() -> None:
    seen: dict[str, str] = {}
    for source in standard_sources().values():
        for name in {plain_name(text) for text in (source.id, *source.synonyms, *source.ad_synonyms)}:
            assert seen.setdefault(name, source.id) == source.id, name
        assert all(text == plain_name(text) for text in (*source.synonyms, *source.ad_synonyms)), source.id


def test_every_place_is_told_once_a_site() -> None:
    rows = source_rows([shop()])["rule_places"]
    keys = [(row["site_id"], row["place"]) for row in rows]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"own": [{"id": "a", "synonyms": ["x"]}, {"id": "b", "synonyms": ["X "]}]}, "given twice"),
        ({"own": [{"id": "a"}, {"id": "a"}]}, "given twice"),
        ({"own": [{"id": "avito.pro"}, {"id": "avito-pro"}]}, "given twice"),
        ({"own": [{"id": "a", "synonyms": ["b"]}, {"id": "b"}]}, "given twice"),
        ({"own": [{"id": "a", "hosts": ["www.p.example"]}, {"id": "b", "hosts": ["p.example"]}]}, "given twice"),
        ({"own": [{"id": "a", "hosts": ["a.example"]}]}, "given twice"),  # the site's own host
        ({"own": [{"id": "a"}], "contractors": [{"name": "A", "source": "yandex", "synonyms": ["A"]}]}, "given twice"),
        ({"contractors": [{"name": "A", "source": "yandex"}]}, "needs synonyms"),
        ({"parameters": {"utm_source": ["utm_term"]}}, "read anyway"),
        ({"own_addresses": ["300.1.1.1"]}, "an address or a network"),
        ({"own": [{"id": "a", "colour": "red"}]}, "colour"),
    ],
)
def test_settings_of_sources_name_their_mistakes(sources: dict[str, Any], message: str) -> None:
    from shared.errors import SettingsError

    with pytest.raises(SettingsError) as refused:
        parse_settings({"site_id": "a", "name": "a", "hosts": ["a.example"], "sources": sources})
    assert message in str(refused.value) + " ".join(f"{field.path} {field.message}" for field in refused.value.fields)
