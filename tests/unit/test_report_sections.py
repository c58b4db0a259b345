"""Sections beside the tables of channels: chart, calls, contact channels, deals; the same in mail, text part and page."""

from __future__ import annotations

import gzip
import re
from decimal import Decimal

import pytest

from functions.report import render
from functions.report.chart import Chart
from functions.report.extras import Extras
from functions.report.view.contacts import duration
from functions.report.view.formats import Formats
from functions.report.view.words import plural, texts
from tests.report_cases import deal, figures_of, path, settings_of, shop
from tests.unit.test_report_render import OFF, URL, Tags, outputs, plain

EXTRAS = Extras(Chart('<svg xmlns="http://www.w3.org/2000/svg"></svg>', b"png", 'Больше всего: "А" & <b>'), b"PK")


def test_the_chart_is_a_drawing_on_the_page_and_a_picture_with_words_in_the_mail() -> None:
    figures, settings = figures_of(shop()), settings_of()
    page = render.page(figures, settings, EXTRAS, render.PAGE_LINKS)
    assert EXTRAS.chart is not None
    assert EXTRAS.chart.svg in page
    mail = render.mail(figures, settings, URL, EXTRAS)
    ((_, picture),) = [found for found in Tags(mail.html).found if found[0] == "img"]
    assert (picture["src"], picture["alt"]) == ("cid:chart@skvoz", EXTRAS.chart.alt)
    assert EXTRAS.chart.alt in mail.text
    assert mail.picture == b"png"


def test_the_page_links_its_workbook_and_its_figures() -> None:
    def links(extras: Extras) -> list[str | None]:
        page = render.page(figures_of({}), settings_of(), extras, render.PAGE_LINKS)
        return [attrs["href"] for tag, attrs in Tags(page).found if tag == "a"]

    assert links(EXTRAS) == ["?format=xlsx", "?format=json"]
    assert links(Extras()) == ["?format=json"]


SENTENCES = {
    "ru": (
        "VK Реклама › Яндекс Директ › Прямые заходы", "Последнее непрямое касание: № 2 из 3 касаний.", "Связь: по номеру заявки.",
        "Не передан: сделка пришла из CRM без источника.", "всего 23 касания", "Источник указан в самой заявке",
        "сумма сделки 40 000 ₽",
    ),
    "en": (
        "VK Ads › Yandex Direct › Direct", "The last touch that is not direct: no. 2 of 3 touches.", "Match: by the request id.",
        "Not passed: the deal came from the CRM without a source.", "23 touches in all", "The request itself names its source",
        "deal sum ₽40,000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_deal_shows_its_path_its_match_and_why_this_source(language: str) -> None:
    shown = plain(outputs(figures_of(shop()), report={"language": language})["page"])
    assert not [sentence for sentence in SENTENCES[language] if sentence not in shown]


def test_the_page_lists_every_deal_and_the_mail_leads_to_them() -> None:
    deals = [deal(str(n), 3, revenue=Decimal(1000 + n), amount=Decimal(1000 + n), deals_total=40) for n in range(40)]
    found = outputs(figures_of({"deals": deals}))
    assert len(set(re.findall(r"amocrm:\d+", found["page"]))) == 40
    for name in ("html", "text"):
        assert f"{URL}#view=deals" in found[name]


def test_deals_that_are_not_listed_are_told() -> None:
    assert "Показано 1 из 7 123, самые новые." in plain(outputs(figures_of({"deals": [deal("1", 3, deals_total=7123)]}))["page"])


def test_calls_and_contact_channels_are_on_the_page() -> None:
    shown = re.sub(r"\s+", " ", plain(outputs(figures_of(shop()))["page"]))
    for text in ("Форма", "Звонок", "Сделка без заявки", "Пропущенные", "звонивший уже известен", "2 ч 52 мин", "298"):
        assert text in shown, f"the page lacks {text}"


def test_a_period_without_calls_and_deals_says_so() -> None:
    page = plain(outputs(figures_of({}))["page"])
    assert "Звонков за период не было." in page
    assert "По заявкам периода сделок нет." in page


def test_the_mail_offers_to_stop_and_the_page_does_not() -> None:
    found = outputs(figures_of(shop()))
    assert OFF in found["html"]
    assert OFF in found["text"]
    assert "unsubscribe" not in found["page"]


@pytest.mark.parametrize(
    ("language", "count", "shown"),
    [("ru", 1, "1 касание"), ("ru", 2, "2 касания"), ("ru", 5, "5 касаний"), ("ru", 11, "11 касаний"), ("ru", 21, "21 касание"),
     ("ru", 112, "112 касаний"), ("en", 1, "1 touch"), ("en", 0, "0 touches"), ("en", 21, "21 touches")],
)  # fmt: skip
def test_numbers_take_the_form_that_the_language_asks_for(language: str, count: int, shown: str) -> None:
    words = texts(language)
    assert plural(count, words["touches_in_all"], words) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 с"), (14.6, "15 с"), (320, "5 мин 20 с"), (3599.7, "1 ч"), (7530, "2 ч 6 мин"), (360000, "100 ч")]
)
def test_durations_are_told_in_whole_units(seconds: float, shown: str) -> None:
    assert duration(seconds, Formats("ru", "RUB", "UTC"), texts("ru")).replace("\u00a0", " ") == shown


def test_a_period_of_thousands_of_campaigns_is_shown_whole_and_its_newest_200_deals_and_it_is_mailed_small() -> None:
    rows = shop(scale=167)
    touches = [("Yandex Direct/yandex/cpc/yandex_kuhni_msk_0", 1.0), *[("direct", 0.0)] * 4]
    rows["deals"] = [deal(str(n), n % 12 + 1, deals_total=5000) for n in range(5000)]
    rows["deal_paths"] = [touch for n in range(5000) for touch in path(str(n), n % 12 + 1, *touches)]
    found = outputs(figures_of(rows))
    assert len(found["html"].encode()) <= 80_000
    assert len(set(re.findall(r"amocrm:\d+", found["page"]))) == 200
    assert "Показано 200 из 5 000, самые новые." in plain(found["page"])
    assert len(gzip.compress(found["page"].encode())) < 4_400_000


def test_only_parts_that_the_report_has_are_defined_on_the_page() -> None:
    """A scope's page would define a budget made of no sales at all: weeks younger than 0 days."""
    words = texts("ru")

    def defined(*sections: str) -> set[str]:
        page = render.page(figures_of(shop()), settings_of(report={"sections": list(sections)}))
        terms = re.findall(r"<dt>(.*?)</dt>", page)
        parts = ("drivers", "plan", "payback", "income", "funnel", "qualification", "team", "budget")
        return {part for part in parts if words[part]["definition"].partition(": ")[0] in terms}

    assert len(defined()) == 8
    assert defined("summary", "funnel", "method") == {"drivers", "funnel"}
    assert defined("deals", "method") == set()
