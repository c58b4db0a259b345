"""What the mail must not say: a return known in part, a verdict beside another sentence, promises of what nobody has; and how its
figures stay whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from functions.report import render
from functions.report.extras import Extras, extras_of
from functions.report.figures import Figures
from functions.report.mailing.lines import COLUMNS, wrapped
from functions.report.marts.questions import MOST_RESTATED
from functions.report.view.mail_fit import fitting, table_fit, width
from functions.report.view.mail_verdict import MOST_LINES
from tests.report_cases import cost, deal, figures_of, path, results, settings_of, shop, shop_before
from tests.unit.test_report_mail_content import PLAN, own, priced
from tests.unit.test_report_render import OFF, URL, plain

KIND = {"channel": "Yandex Direct", "is_ad": True, "is_unnamed": False}
PARTLY = {
    "spend": [cost("Yandex Direct", "yandex", "50000")],
    "results": [
        results("Yandex Direct", "a", requests=40.0, sales=12.0, revenue=Decimal(1000), gross_profit=Decimal(300)),
        results("Yandex Direct", "b", requests=40.0, sales=12.0, revenue=Decimal(900_000)),
    ],
    "channels": [KIND],
}


def losing() -> dict[str, Any]:
    """Advertising loses, the whole site earns."""
    return {
        "spend": [cost("Yandex Direct", "yandex", "100000")],
        "results": [
            results("Yandex Direct", "a", requests=40.0, sales=12.0, revenue=Decimal(60_000), gross_profit=Decimal(20_000)),
            results("Organic search", "g", requests=90.0, sales=30.0, revenue=Decimal(900_000), gross_profit=Decimal(400_000)),
        ],
        "channels": [KIND],
    }


def sent(figures: Figures, extras: Extras | None = None, **report: Any) -> render.Mail:
    return render.mail(figures, settings_of(report=report), URL, extras or Extras(), OFF)


def spaced(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("language", "headline", "note"),
    [
        ("ru", "ROMI +1 702 %, выручка 901 тыс. ₽", "У части выручки нет себестоимости"),
        ("en", "ROMI +1,702%, revenue ₽901K", "A part of the revenue has no cost price"),
    ],
)
def test_a_return_on_a_part_of_the_money_is_no_headline_and_is_marked(language: str, headline: str, note: str) -> None:
    mail = sent(figures_of(PARTLY, report={"language": language}), language=language)
    assert spaced(mail.subject).startswith(f"Квартал: {headline}")
    assert "−99" not in mail.subject + mail.preheader
    for text in (plain(mail.html), spaced(mail.text)):
        assert note in text
    whole = sent(figures_of(priced(), report={"language": language}), language=language)
    assert note not in plain(whole.html)


def test_the_verdict_on_advertising_stands_at_a_sentence_about_advertising() -> None:
    figures = figures_of(losing())
    assert figures["verdict"]["tone"] == "bad"
    mail = sent(figures)
    (line,) = [line for line in re.split(r"\n(?=\S)", mail.text) if "[Плохо]" in line and not line.startswith("*")]
    assert "Реклам" in line or "реклам" in line
    shown = plain(mail.html)
    assert shown.count("Плохо") == mail.text.count("[Плохо]")
    assert re.search(r"[Рр]еклам[^.✓!]*[.:] Плохо", shown)


def verdict_of(count: int, *tones: str) -> dict[str, Any]:
    parts = [{"code": "look_findings", "tone": tone, "values": {"count": n + 1}, "anchor": ""} for n, tone in enumerate(tones)]
    return {"tone": "none", "parts": parts[:count]}


def test_a_verdict_of_more_than_seven_sentences_says_how_many_the_page_has_besides() -> None:
    figures = figures_of(shop())
    told = [sent({**figures, "verdict": verdict_of(n, *["bad"] * 10)}) for n in (MOST_LINES, MOST_LINES + 3)]
    for mail, left in zip(told, ("", "Ещё выводов: 3"), strict=True):
        html, text = plain(mail.html), spaced(mail.text)
        assert all(f"Замечаний контроля источников: {n}." in html for n in range(1, MOST_LINES + 1))
        assert ("Ещё выводов" in html, "Ещё выводов" in text) == (bool(left), bool(left))
        assert left in html
        assert left in text


LONG = "Оченьдлинноеназвание-" * 20


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_long_name_is_cut_and_the_sentence_about_it_is_whole(language: str) -> None:
    before = {"results": [results(LONG, "a", requests=30.0, sales=10.0, revenue=Decimal(90_000), gross_profit=Decimal(1000))]}
    now = {
        "spend": [cost(LONG, "a", "90000")],
        "results": [results(LONG, "a", requests=30.0, sales=20.0, revenue=Decimal(90_000), gross_profit=Decimal(1000))],
    }
    plan = [{"month": month, "channel": LONG[:200], "cpo": "1100"} for month in ("2026-09", "2026-10")]
    mail = sent(figures_of(now, before, report={"language": language, "plan": plan}), language=language, plan=plan)
    says = {
        "ru": ["…: продаж на заявку было 33,3 %, стало 66,7 %", "…»: валовая прибыль меньше расходов на 89 000 ₽."],
        "en": ["…: sales per request 33.3% before, 66.7% now", "…” lost most: its gross profit is ₽89,000 below its cost."],
    }
    for text in (plain(mail.html), spaced(mail.text)):
        assert LONG[:100] not in text
        for words in says[language]:
            assert words in text


def test_a_workbook_that_is_cut_says_what_is_cut() -> None:
    rows = shop()
    rows["deals"] = [deal("1", 3, deals_total=12_345)]
    rows["deal_paths"] = path("1", 3, ("direct", 1.0), length=40)
    figures = figures_of(rows, {"results": [{**row, "revenue": row["revenue"] * 2} for row in rows["results"]]})
    figures["calls"] = {**figures["calls"], "list_total": 9_999}
    figures["site_sections"] = {"total": 210, "rows": []}
    figures["restated"] = {**figures["restated"], "total": MOST_RESTATED + 1}
    made = extras_of(figures, settings_of())._replace(own=(own(3, 2, "a")._replace(is_cut=True),))
    told = spaced(sent(figures, made).text)
    said = re.search(r"Сокращено: (.*?)\. Осталь", told)
    assert said is not None
    for words in (
        "сделки (1 из 12 345)",
        "пути длиннее 20 касаний",
        "звонки (4 из 9 999)",
        "разделы сайта (0 из 210)",
        "изменения прошлых дней",
        "«Свой раздел",
    ):
        assert words in said[1], words
    assert re.search(r"причины изменения выручки \(5 из \d+\)", said[1])
    assert "Ничего не сокращено" not in told


def test_a_workbook_with_every_row_says_so() -> None:
    rows = {**shop(), "deal_paths": path("4", 12, ("direct", 1.0))}
    figures = figures_of(rows)
    mail = sent(figures, extras_of(figures, settings_of()))
    assert "Ничего не сокращено" in plain(mail.html)
    assert "звонки" in spaced(mail.text)


def scoped(**immature: Any) -> tuple[Figures, dict[str, Any]]:
    report = {"sections": ["summary", "channels", "deals", "method"]}
    figures = figures_of(shop(), report=report)
    quality = figures["data_quality"]
    quality = {**quality, "is_last_day_complete": False, "immature": {**quality["immature"], **immature}}
    return {**figures, "scope": "Агентство", "data_quality": quality}, report


def test_readers_of_a_scope_are_promised_only_what_they_have() -> None:
    figures, report = scoped()
    mail = sent(figures, extras_of(figures, settings_of(report=report)), **report)
    for text in (plain(mail.html), spaced(mail.text)):
        assert "Во вложении книга Excel" in text
        assert "сделки с путями" in text
        assert "звонки" not in text.lower()
        assert "Заявок без источника" not in text


def test_readers_of_a_scope_learn_how_far_to_trust_its_figures() -> None:
    figures, report = scoped()
    told = plain(sent(figures, **report).html)
    told = told[told.index("Качество данных") :]
    assert "последний день неполный" in told
    assert "Свежих заявок: 75 (41,7 %)" in told
    figures, report = scoped(median_days=None, requests=0, share=None)
    unknown = plain(sent(figures, **report).html)
    assert "Качество данных" in unknown
    assert "Свежих заявок" not in unknown
    assert "Продаж ещё не было" not in unknown


def test_a_site_without_a_brand_is_named_once_at_the_head_of_the_text() -> None:
    assert sent(figures_of(shop())).text.splitlines()[0] == "Квартал. Отчёт по рекламе за последние дни"
    branded = sent(figures_of(shop()), brand={"name": "Агентство"})
    assert branded.text.splitlines()[0] == "Агентство. Отчёт по рекламе за последние дни: Квартал"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_text_part_fits_78_columns_and_is_plain(language: str) -> None:
    rows = shop()
    rows["spend"].append(cost('A & B <i> "C"', "a", "5000"))
    report = {"language": language, "plan": PLAN}
    figures = figures_of(rows, shop_before(), report=report)
    text = sent(figures, extras_of(figures, settings_of(report=report)), **report).text
    assert [line for line in text.splitlines() if len(line) > COLUMNS and "://" not in line] == []
    assert unescape(text) == text
    assert '* A & B <i> "C"' in text


def test_wrapped_lines_hang_under_their_words_and_figures_stay_whole() -> None:
    money = "1\u00a0234\u00a0567\u00a0₽"
    lines = wrapped(f"- {'слово ' * 11}{money} {'слово ' * 5}\n\n* Имя\n  {'цифра; ' * 20}").split("\n")
    assert lines[0].startswith("- слово")
    assert re.match(r"  \S", lines[1])
    assert re.match(r"    \S", lines[-1])
    assert sum(money in line for line in lines) == 1
    assert "" in lines
    url = "https://stats.example/" + "x" * 200
    assert wrapped(f"Страница: {url}").endswith(url)


@pytest.mark.parametrize("digits", range(1, 14))
def test_type_is_as_large_as_its_figures_allow(digits: int) -> None:
    text = f"{10 ** (digits - 1):,}".replace(",", "\u00a0") + "\u00a0₽"
    size = fitting([text], 104, 19)
    assert size <= 19
    assert width(text) * size <= 104
    assert size == 19 or width(text) * (size + 0.5) > 104


def test_columns_of_the_table_share_a_phone_by_what_stands_in_them() -> None:
    cells: list[Mapping[str, str]] = [{"cost": "5", "revenue": "123\u00a0456\u00a0789"}, {"cost": "12", "revenue": "1"}]
    fit = table_fit(cells, {"cost": "Cost", "revenue": "Revenue"})
    assert sum(fit["shares"]) <= 100
    assert fit["shares"][1] > fit["shares"][0]
    assert fit["phone"] <= 12
    assert fit["wide"] <= 13


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_largest_mail_with_own_sections_stays_under_80_kb(language: str) -> None:
    """Names of 76 characters that five bytes each stand for, as long as a link to a channel still carries them."""
    names = [f"{n}-{'&' * 76}" for n in range(40)]
    rows, before = shop(scale=20), shop_before()
    rows["channels"] = [{**KIND, "channel": name} for name in names]
    before["results"] = []
    for place, name in enumerate(names):
        money = {"revenue": Decimal("98765432.10") + place, "gross_profit": Decimal("48765432.10")}
        rows["spend"].append(cost(name, name, "123456.78", name))
        rows["results"].append(results(name, name, name, requests=33.3, sales=2.2, **money))
        before["results"].append(results(name, name, name, requests=13.3, sales=12.2, **money))
    rows["unknown_stages"] = [{"pipeline": name, "stage": name, "deals": 3} for name in names]
    for question in ("money_without_rate", "spend_without_rate"):
        rows[question] = [{"currency": name, "lines": 1, "amount": Decimal(1)} for name in names]
    rows["unknown_values"] = [
        {"parameter": "utm_source", "value": n, "visits": 5, "is_new": True, "values_total": 50} for n in names
    ]
    plan = PLAN + [{**row, "channel": name, "cpo": "1100"} for row in PLAN for name in names[:10]]
    changes = {"name": "&" * 120, "report": {"language": language, "plan": plan, "brand": {"name": "&" * 120}}}
    figures, settings = figures_of(rows, before, **changes), settings_of(**changes)
    owns = tuple(own(10, 6, "&" * 60)._replace(title="&" * 120) for _ in range(10))
    extras = extras_of(figures, settings)._replace(own=owns, failed=("chart", "workbook", "funnel"))
    mail = render.mail(figures, settings, f"{URL}{'x' * 60}", extras, OFF)
    assert 60_000 < len(mail.html.encode()) <= render.MOST_MAIL_BYTES
    assert {"ru": "на странице отчёта", "en": "on the page of the report"}[language] in plain(mail.html)
