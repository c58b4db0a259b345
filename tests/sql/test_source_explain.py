"""`skvoz source explain` says what the refresh makes of the same visit, and why (infra/sources)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from functions.attribution.source_rules import RULES
from infra.sources import classify, visits
from infra.sources.explain import FIELDS, row_of, text_of
from infra.sources.links import Link
from infra.sources.visits import Visit, visits_of
from shared.settings import SiteSettings
from tests.lakes import HOST, NOW, Record, marts_of, shop

PAGE = f"https://{HOST}/sofas"
LINKS = [
    Link(
        "", f"{PAGE}?utm_source=Yandex.Direct&utm_medium=CPC&utm_campaign=A&utm_content=b&utm_term=c&yclid=1", "https://yandex.ru/"
    ),
    Link("", PAGE, "https://yandex.ru/search/?text=%D0%B4%D0%B8%D0%B2%D0%B0%D0%BD"),
    Link("", f"{PAGE}?gclid=abc", "https://www.google.com/"),
    Link("", PAGE, "android-app://org.telegram.messenger/"),
    Link("", PAGE, "https://chatgpt.com/"),
    Link("", PAGE, "https://notyandex.ru/"),
    Link("", PAGE, "https://www.xn--80aae5ai2ao.xn--p1ai/a"),
    Link("", PAGE),
    Link("", f"{PAGE}?from=partner-a&xclid=77", "https://partner.example/"),
    Link("", f"{PAGE}?utm_source=x%00y&utm_source=z", "javascript:alert(1)"),
    Link("", f"https://{HOST}:8443/?utm_source=a|b&utm_medium=c|d"),
]
OWN = {
    "own": [{"id": "partner-a", "category": "social", "channel": "Partners", "is_ad": True}],
    "parameters": {"utm_source": ["from"]},
    "click_ids": {"xclid": {"source": "partner-a", "medium": "paid"}},
}


def explained(url: str, referrer: str = "", settings: SiteSettings | None = None, agent: str | None = None) -> Visit:
    (visit,) = visits_of([Link("", url, referrer, agent)], settings, NOW)
    assert visit.error == ""
    return visit


def facts(visit: Visit) -> dict[str, str]:
    """Lines of the text by their first words."""
    lines = [line.strip() for line in text_of(visit).splitlines() if line.startswith("  ")]
    return {name.strip(): value.strip() for name, _, value in (line.partition("  ") for line in lines)}


def test_every_link_gets_what_a_whole_refresh_makes_of_it(tmp_path: Path) -> None:
    site = shop(sources=OWN)
    visits = visits_of(LINKS, site, NOW)
    records = [Record("hit", dict(visit.record or {})) for visit in visits]
    marts = marts_of(tmp_path, [Record("hit", {**r.values, "site_id": "shop"}) for r in records], site)
    columns = ("channel", "source", "medium", "campaign", "content", "term", "click_id", "is_direct")
    found = {row["visitor_id"]: [row[c] for c in columns] for row in marts.rows("sessions")}
    assert len(found) == len(LINKS)
    for visit in visits:
        told = row_of(visit)
        expected = dict(zip(columns, found[(visit.record or {})["visitor_id"]], strict=True))
        if expected["is_direct"]:
            expected["click_id"] = told["click_id"]  # told to show what was read; a direct visit has none
        assert {c: told[c] for c in columns} == expected, visit.link.url


def test_the_answer_has_every_field_and_names_the_rule() -> None:
    told = row_of(explained(LINKS[0].url, LINKS[0].referrer))
    assert tuple(told) == FIELDS
    assert (told["channel"], told["rule_id"], told["basis"], told["matched"]) == (
        "Yandex Direct",
        "yandex-direct",
        "utm",
        "yandex.direct",
    )
    assert (told["click_id_name"], told["click_id"], told["campaign"], told["term"]) == ("yclid", "1", "A", "c")


@pytest.mark.parametrize(
    ("url", "referrer", "where"),
    [
        ("", "https://chatgpt.com/", ".tsv"),
        ("?utm_source=vk", "", "vk is a name of it (shared/standard_sources.tsv)"),
        ("?utm_source=www.avito.ru", "", ".tsv)"),
        ("?gclid=1", "", "click id gclid (clicks.tsv)"),
        ("", f"https://blog.{HOST}/", f"{HOST} (the site's own host)"),
        ("", "https://nobody-knows.example/", "in no list, so it stands for itself"),
        ("?utm_source=nobody", "", "nobody knows it, so it stands for itself"),
        ("", "", "nothing names one"),
    ],
)
def test_it_says_in_which_file_the_source_is_written(url: str, referrer: str, where: str) -> None:
    assert where in text_of(explained(PAGE + url, referrer)).partition("decided")[2].splitlines()[1]


def test_the_rules_line_in_the_file_is_the_one_that_is_named() -> None:
    visit = explained(f"{PAGE}?utm_source=vk&utm_medium=cpc")
    name, _, rest = facts(visit)["rule"].partition(" (channels.tsv, line ")
    line = (RULES / "channels.tsv").read_text(encoding="utf-8").splitlines()[int(rest.partition(")")[0]) - 1]
    assert line.split("\t")[0] == name == row_of(visit)["rule_id"]


def test_where_no_rule_fits_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "rules_of", lambda site: {**classify.rules_of(site), "rule_channels": []})
    told = facts(explained(f"{PAGE}?utm_source=yandex&utm_medium=cpc"))
    assert told["rule"].startswith("no-rule: no line of channels.tsv fits")
    assert told["channel"] == "yandex / cpc"


def test_it_says_what_kept_a_rule_above_from_fitting() -> None:
    assert "vk-ads: kind of medium" in text_of(explained(f"{PAGE}?utm_source=vk"))
    assert ", here not told" in text_of(explained(f"{PAGE}?utm_source=vk"))


def test_a_sites_own_parameter_and_source_are_named_as_such() -> None:
    text = text_of(explained(f"{PAGE}?from=partner-a", settings=shop(sources=OWN)))
    assert "partner-a   (from the site's own parameter from)" in text
    assert "Partners: the site's own source has its channel (settings, sources.own)" in text
    assert "channel         Partners" in text


def test_what_is_personal_is_named_and_never_shown_from_the_stored_address() -> None:
    visit = explained(
        "https://user:secret@shop.example/?phone=89161234567&utm_source=vk", "https://mail.example/?email=a@b.example"
    )
    text = text_of(visit)
    assert "phone of the link (personal)" in text
    assert "email of the referrer (personal)" in text
    assert "user and password of the link" in text
    assert "secret" not in text + str(row_of(visit))


@pytest.mark.parametrize(("agent", "reason"), [("Googlebot/2.1", "bot"), ("", "bot"), (None, None)])
def test_a_robot_does_not_count(agent: str | None, reason: str | None) -> None:
    assert row_of(explained(PAGE, "https://yandex.ru/", agent=agent))["excluded"] == reason


def test_a_spam_referrer_does_not_count() -> None:
    told = row_of(explained(PAGE, "https://semalt.com/"))
    assert (told["excluded"], told["is_spam"]) == ("spam_referrer", True)


def test_without_settings_the_links_own_host_is_the_site_and_no_other_links(tmp_path: Path) -> None:
    links = [
        Link("", "https://a.example/", "https://blog.a.example/"),
        Link("", "https://b.example/", "https://a.example/"),
        Link("", "https://blog.a.example/", "https://c.example/"),
        Link("", "https://c.example/?utm_source=b.example"),
        Link("", "https://[2001:db8::1]/", "https://vk.com/"),
    ]
    together = [row_of(visit) for visit in visits_of(links, None, NOW)]
    alone: list[Any] = [row_of(visits_of([link], None, NOW)[0]) for link in links]
    assert together == alone
    assert [row["channel"] for row in together] == ["direct", "Referral", "Referral", "b.example / (not set)", "Social networks"]


def test_a_page_of_another_host_than_the_sites_is_noted() -> None:
    assert "other.example is none of the site's hosts" in text_of(explained("https://other.example/", settings=shop()))
    assert "none of the site's hosts" not in text_of(explained(f"https://m.{HOST}/", settings=shop()))


def test_what_the_door_refuses_has_its_reason() -> None:
    visits = visits_of([Link("", "shop.example/x"), Link("", PAGE)], None, NOW)
    assert [bool(visit.error) for visit in visits] == [True, False]
    assert row_of(visits[0])["error"] == "url must be a full http or https address"
