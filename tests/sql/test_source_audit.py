"""`skvoz source audit`: what the links that were used have wrong, with what hangs on it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from infra.sources.audit import Audit, Finding, audit
from infra.sources.marts import folder_marts
from infra.sources.tables import audit_text
from infra.warehouse.local import refresh_folder
from shared.settings import SiteSettings, parse_settings, published
from tests.lakes import HOST, NOW, Record, cost, deal, hit, request, shop, utc, write

START = utc("11-15 10:00")


def audited(root: Path, records: Sequence[Record], site: SiteSettings | None = None, days: int = 30) -> Audit:
    site = site or shop()
    write(root, records, NOW)
    refresh_folder(root, [site], NOW)
    with folder_marts(root, site.site_id) as warehouse:
        return audit(warehouse, site, days)


def seen(*ads: str, **more: Any) -> list[Record]:
    """A visit of a visitor of his own for each."""
    return [hit(f"v{n}-{ad}-{len(more)}", START, ad, **{"page_url": f"https://{HOST}/", **more}) for n, ad in enumerate(ads)]


def of(found: Audit, kind: str, code: str = "") -> list[Finding]:
    return [finding for finding in found.findings if finding.kind == kind and code in ("", finding.code)]


def test_ads_that_only_a_referrer_or_a_click_id_tells_of_are_untagged(tmp_path: Path) -> None:
    banner = {"referrer": "https://googleads.g.doubleclick.net/x", "referrer_host": "googleads.g.doubleclick.net"}
    records = [
        *seen("", "", **banner),
        *seen("", click_id_name="gclid", click_id="1"),
        *seen("google/cpc/a", click_id_name="gclid", click_id="2", page_path="/x"),
    ]
    found = of(audited(tmp_path, records), "untagged")
    assert [(f.code, f.value, f.visits) for f in found] == [("referrer", "googleads.g.doubleclick.net", 2), ("click", "gclid", 1)]
    assert "Google Ads" in found[1].advice


def test_free_links_are_not_called_untagged_ads(tmp_path: Path) -> None:
    search = {"referrer": "https://yandex.ru/", "referrer_host": "yandex.ru"}
    records = [
        *seen("", **search),
        *seen("", click_id_name="fbclid", click_id="1"),
        *seen("", click_id_name="ysclid", click_id="1"),
    ]
    assert of(audited(tmp_path, records), "untagged") == []


def test_mistakes_of_tags_are_told_with_visits_requests_and_days(tmp_path: Path) -> None:
    records = [*seen("yandx/cpc/a", "yandx/cpc/a"), *seen("yandex/cpc/{campaign_id}"), *seen("vk/сpc/b"), *seen("vk")]
    records += [
        request("q", utc("11-15 12:00"), visitor="v0-yandx/cpc/a-0"),
        deal("d", utc("11-15 13:00"), "won", "1000", request_id="q"),
    ]
    found = audited(tmp_path, records)
    (mistyped,) = of(found, "mistake", "mistyped")
    assert (mistyped.value, mistyped.visits, mistyped.hits, mistyped.requests) == ("yandx", 2, 2, 1.0)
    assert mistyped.first_day == mistyped.last_day == START.date()
    assert "did you mean yandex?" in mistyped.advice
    assert [f.value for f in of(found, "mistake", "unfilled")] == ["{campaign_id}"]
    assert [f.value for f in of(found, "mistake", "lookalike")] == ["сpc"]
    assert [f.visits for f in of(found, "mistake", "missing_medium")] == [1]


def test_macros_and_broken_text_in_content_and_keyword_are_found_and_keywords_are_not(tmp_path: Path) -> None:
    records = [*seen("vk/cpc/a", utm_content="{{banner_id}}"), *seen("vk/cpc/a", "vk/cpc/a", utm_term="купить диван, Россия")]
    records += seen("google/cpc/a", utm_term="%7Bkeyword%7D", page_path="/y")
    found = of(audited(tmp_path, records), "mistake")
    assert {(f.code, f.value) for f in found} == {("unfilled", "{{banner_id}}"), ("encoded_twice", "%7Bkeyword%7D")}


def test_tags_in_the_fragment_and_on_the_sites_own_links_are_found(tmp_path: Path) -> None:
    behind = seen("email/email/a", page_url=f"https://{HOST}/#utm_source=email&utm_medium=email&utm_campaign=a")
    both = seen("email/email/b", page_url=f"https://{HOST}/?utm_source=email&utm_medium=email#utm_source=x", page_path="/z")
    inside = seen("vk/social/c", referrer=f"https://{HOST}/", referrer_host=HOST, page_path="/c")
    found = audited(tmp_path, [*behind, *both, *inside])
    assert [(f.value, f.visits) for f in of(found, "mistake", "after_hash")] == [("email", 1)]
    assert [f.visits for f in of(found, "mistake", "internal")] == [1]


def test_spellings_of_one_tag_are_told_of_and_one_spelling_alone_is_not(tmp_path: Path) -> None:
    records = [*seen("vk/cpc/Spring", "vk/cpc/Spring", "vk/cpc/spring", "Google/cpc/Only")]
    found = of(audited(tmp_path, records), "mistake", "upper_case")
    assert [(f.value, f.visits) for f in found] == [("spring", 1)]
    assert "is also written Spring" in found[0].advice


def test_spellings_come_from_the_entry_keys_where_the_lake_is_gone(tmp_path: Path) -> None:
    write(tmp_path, seen("Yandx/cpc/a"), NOW)
    refresh_folder(tmp_path, [shop()], NOW)
    for path in (tmp_path / "raw").rglob("*.jsonl"):
        path.unlink()
    with folder_marts(tmp_path, "shop") as warehouse:
        found = audit(warehouse, shop(), 30)
    assert [f.value for f in of(found, "mistake", "mistyped")] == ["yandx"]


def test_costs_without_visits_are_told_apart_by_what_is_missing(tmp_path: Path) -> None:
    costs = [
        cost("11-14", ad, amount, account=ad, scope=ad)
        for ad, amount in (("vk/cpc/a", "10"), ("vk/cpc/lost", "20"), ("mts/cpc/z", "90"))
    ]
    found = of(audited(tmp_path, [*seen("vk/cpc/a"), *costs]), "cost")
    assert [(f.code, f.value, f.cost) for f in found] == [
        ("source", "mts / z", Decimal(90)),
        ("campaign", "vk / lost", Decimal(20)),
    ]


def test_unknown_values_come_with_settings_that_make_them_known(tmp_path: Path) -> None:
    records = [
        *seen("yandx/cpc/a"),
        *seen("Our Partner/cpc/b"),
        *seen("vk/weird/c"),
        *seen("", click_id_name="nobodyclid", click_id="1"),
    ]
    found = audited(tmp_path, records)
    assert {(f.code, f.value) for f in of(found, "unknown")} == {
        ("utm_source", "yandx"), ("utm_source", "our partner"), ("utm_medium", "weird"), ("click_id", "nobodyclid"),
    }  # fmt: skip
    own = {each["id"]: each for each in found.settings["sources"]["own"]}
    assert own["yandex"] == {"id": "yandex", "synonyms": ["yandx"]}
    assert own["our-partner"]["category"] == "other"
    decided = {"own": list(own.values()), "click_ids": {"nobodyclid": {"source": "our-partner", "medium": "paid"}}}
    again = audited(tmp_path / "again", records, shop(sources=decided))
    assert {(f.code, f.value) for f in of(again, "unknown")} == {("utm_medium", "weird")}


def test_the_settings_that_are_printed_are_valid_yaml_for_the_settings_file(tmp_path: Path) -> None:
    found = audited(
        tmp_path, seen("yandx/cpc/a", "Наш партнёр: ё/cpc/b", "наш_партнёр: ё/cpc/b", "???/cpc/c", "!!!/cpc/c", "77/cpc/d")
    )
    written = audit_text(found, 20).partition("skvoz source diff\n")[2]
    site = parse_settings({**published(shop()), **yaml.safe_load(written)})
    assert {own.id for own in site.sources.own} == {"yandex", "наш-партнёр-ё", "source", "source-2", "77"}


def test_own_parameters_are_audited_like_tags(tmp_path: Path) -> None:
    site = shop(sources={"parameters": {"utm_source": ["from"], "utm_medium": ["kind"]}})
    found = audited(tmp_path, seen("", page_url=f"https://{HOST}/?from=yandx&kind=cpc"), site)
    assert [f.value for f in of(found, "mistake", "mistyped")] == ["yandx"]


def test_only_the_last_days_of_the_data_are_looked_at(tmp_path: Path) -> None:
    old = [hit("old", utc("11-01 10:00"), "yandx/cpc/a"), hit("new", START, "vk/cpc/a")]
    assert of(audited(tmp_path, old, days=7), "mistake") == []
    assert len(of(audited(tmp_path / "all", old, days=30), "mistake")) == 1


def test_robots_and_tests_are_not_audited(tmp_path: Path) -> None:
    records = [
        *seen("yandx/cpc/a", user_agent="Googlebot/2.1"),
        *seen("yandx/cpc/b", is_test=True, page_path="/t"),
        *seen("vk/cpc/a"),
    ]
    assert audited(tmp_path, records).findings == []


def test_all_well_and_nothing_yet_are_said(tmp_path: Path) -> None:
    assert "all is well" in audit_text(audited(tmp_path, seen("vk/cpc/a", "yandex/cpc/b")), 20)
    assert "no hits yet" in audit_text(audited(tmp_path / "empty", [cost("11-14", "vk/cpc/a", "10")]), 20)


def test_long_lists_are_bounded_and_the_rest_is_counted(tmp_path: Path) -> None:
    text = audit_text(audited(tmp_path, seen(*(f"nobody{n}x{n}/cpc/a" for n in range(30)))), 5)
    assert "values that no rule knows: 30" in text
    assert "… and 25 more" in text
