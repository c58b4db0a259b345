"""What the mail says: a verdict, five figures, what moved them, the channels, how far to trust them; short, whole and harmless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from markupsafe import Markup

from functions.report import render
from functions.report.extras import Extras, extras_of
from functions.report.figures import Figures, build
from functions.report.mailing.attached import size_of
from functions.report.marts.questions import Answers, Period
from functions.report.own.section import Own
from functions.report.view.formats import Formats
from functions.report.view.mail import MEASURES, MORE_MEASURES, link_to
from tests.report_cases import cost, deal, figures_of, model, path, results, settings_of, shop, shop_before
from tests.unit.test_report_render import HOSTILE, OFF, URL, Tags, outputs, plain

PLAN = [
    {"month": month, "revenue": "2000000", "sales": 60, "cost": "150000", "qualified": 100, "cpo": "1100"}
    for month in ("2026-09", "2026-10")
]


def priced() -> dict[str, Any]:
    """The shop with a cost price of everything."""
    rows = shop()
    for row in rows["no_source"]:
        if row["unpriced_parts"]:
            row |= {"gross_profit": row["revenue"] / 2, "priced_parts": 1, "unpriced_parts": 0, "unpriced_revenue": Decimal(0)}
    return rows


def mail_of(rows: Mapping[str, Any], before: Mapping[str, Any] | None = None, **report: Any) -> render.Mail:
    changes = {"report": report} if report else {}
    return render.mail(figures_of(rows, before, **changes), settings_of(**changes), URL, Extras(), OFF)


def unwrapped(text: str) -> str:
    """A text part as it is read."""
    return re.sub(r"\s+", " ", text)


def of_period(kind: str, first: date, last: date, rows: Mapping[str, Any] | None = None, **changes: Any) -> render.Mail:
    at = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
    figures = build(settings_of(**changes), Period(first, last), Answers(rows or priced()), Answers({}), at)
    return render.mail({**figures, "kind": kind}, settings_of(**changes), URL)


@pytest.mark.parametrize(
    ("kind", "first", "last", "language", "ends"),
    [
        ("day", date(2026, 9, 13), date(2026, 10, 12), "ru", " — 30 дней по 12 октября 2026"),
        ("day", date(2026, 9, 12), date(2026, 10, 12), "ru", " — 31 день по 12 октября 2026"),
        ("day", date(2026, 10, 12), date(2026, 10, 12), "ru", " — 12 октября 2026"),
        ("week", date(2026, 10, 5), date(2026, 10, 11), "ru", " — неделя 5–11 окт. 2026 г."),
        ("month", date(2026, 10, 1), date(2026, 10, 31), "ru", " — октябрь 2026"),
        ("day", date(2026, 9, 13), date(2026, 10, 12), "en", " — 30 days to October 12, 2026"),
        ("month", date(2026, 10, 1), date(2026, 10, 31), "en", " — October 2026"),
    ],
)
def test_the_subject_carries_the_figures_and_the_period_of_its_kind(
    kind: str, first: date, last: date, language: str, ends: str
) -> None:
    subject = of_period(kind, first, last, report={"language": language}).subject.replace("\u00a0", " ").replace("\u202f", " ")
    figures = {"ru": "ROMI с маржой +416,1 %, выручка 1,8 млн ₽", "en": "margin ROMI +416.1%, revenue ₽1.8M"}[language]
    assert subject == f"Квартал: {figures}{ends}"


def test_daily_weekly_and_monthly_mails_are_told_apart_at_their_head() -> None:
    heads = {kind: plain(of_period(kind, date(2026, 10, 1), date(2026, 10, 31)).html) for kind in ("day", "week", "month")}
    for kind, words in {"day": "за последние дни", "week": "за неделю", "month": "за месяц"}.items():
        assert f"Отчёт по рекламе {words}" in heads[kind]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({}, "Квартал: данных за период нет — "),
        ({"spend": [cost("A", "a", "412345")]}, "Квартал: расход 412 тыс. ₽, выручки пока нет — "),
        ({"spend": [cost("A", "a", "100")], "results": [results("A", "a", revenue=Decimal(150), sales=1.0)]},
         "Квартал: ROMI +50 %, выручка 150 ₽ — "),
        ({"results": [results("A", "a", revenue=Decimal("2500000"), sales=1.0)]}, "Квартал: выручка 2,5 млн ₽ — "),
    ],
)  # fmt: skip
def test_the_subject_never_promises_a_figure_that_is_not_there(rows: Mapping[str, Any], told: str) -> None:
    assert mail_of(rows).subject.replace("\u00a0", " ").startswith(told)


def test_the_preheader_carries_figures_and_stands_first_in_the_body() -> None:
    mail = mail_of(shop(), shop_before())
    shown = mail.preheader.replace("\u00a0", " ")
    assert shown.startswith("Расход 181 тыс. ₽, целевых заявок 135,3, продаж 70,4.")
    body = plain(mail.html[mail.html.index("<body") :])
    assert body.strip().startswith(shown)


def test_the_five_tiles_tell_the_figures_of_the_period() -> None:
    mail, totals = mail_of(priced(), shop_before(), plan=PLAN), figures_of(priced())["totals"]
    formats, html = Formats("ru", "RUB", "Europe/Moscow"), plain(mail.html)
    told = [("Расход", formats.money(totals["cost"])), ("Выручка", formats.money(totals["revenue"]))]
    told += [(name, formats.count(totals[measure])) for name, measure in (("Продажи", "sales"),)]
    told += [("ROMI с маржой", formats.percent(totals["margin_romi"]))]
    for name, value in told:
        assert f"{name} {value}".replace("\u00a0", " ") in html
        assert re.search(rf"^{name}: {re.escape(value)}", mail.text, re.M)


def test_every_measure_of_the_whole_is_in_the_mail() -> None:
    figures, formats = figures_of(shop()), Formats("ru", "RUB", "Europe/Moscow")
    html = plain(mail_of(shop()).html)
    for measure in {*MEASURES, *MORE_MEASURES, "qualified"}:
        assert formats.figure(measure, figures["totals"][measure]).replace("\u00a0", " ") in html, measure


def test_plan_and_fact_are_told_with_the_price_of_a_sale_that_is_700_over() -> None:
    """The worked case of docs/method.md: 18,000 spent on ten sales, 1,100 a sale admissible."""
    rows = {
        "spend": [cost("Google Ads", "google", "18000")],
        "results": [results("Google Ads", "google", requests=20.0, sales=10.0, revenue=Decimal(90_000))],
    }
    plan = [{"month": month, "revenue": "100000", "cost": "20000", "cpo": "1100"} for month in ("2026-09", "2026-10")]
    mail = mail_of(rows, plan=plan)
    for text in (plain(mail.html), mail.text.replace("\u00a0", " ")):
        assert "Допустимая цена продажи 1 100 ₽, по факту 1 800 ₽: на 700 ₽ больше." in text
        # 18 of September's 30 days and 12 of October's 31: 60,000 + 38,709.68.
        assert "Выручка: 90 000 ₽ при плане 98 710 ₽ — 91,2 % плана" in text
    assert "План и факт" not in plain(mail_of(rows).html)


def test_the_table_of_channels_has_12_rows_and_states_the_sum_of_the_rest() -> None:
    rows = {
        "spend": [cost(f"Канал {n:02}", "a", "10") for n in range(30)],
        "results": [results(f"Канал {n:02}", "a", requests=1.0, revenue=Decimal(100 + n)) for n in range(30)],
    }
    html = plain(mail_of(rows).html)
    # 31 channels: 10 and "no source" are shown; the 20 smallest earned 100 + … + 119.
    assert sum(f"Канал {n:02} 10 1 0" in html for n in range(30)) == 10
    assert "Без источника 0 0 0 0 —" in html
    assert "Остальные (20) 200 20 0 2 190 —" in html


@pytest.mark.parametrize("language", ["ru", "en"])
def test_verdicts_are_words_and_few_data_comes_with_its_interval(language: str) -> None:
    rows = {
        "spend": [cost("Google Ads", "google", "100000"), cost("VK Ads", "vk", "100000"), cost("Meta Ads", "m", "100000")],
        "results": [
            results("Google Ads", "google", requests=50.0, sales=20.0, revenue=Decimal(400_000), gross_profit=Decimal(200_000)),
            results("VK Ads", "vk", requests=50.0, sales=20.0, revenue=Decimal(400_000), gross_profit=Decimal(50_000)),
            results("Meta Ads", "m", requests=20.0, sales=4.0, revenue=Decimal(400_000), gross_profit=Decimal(200_000)),
        ],
    }
    html = plain(mail_of(rows, language=language).html)
    few = "Meta Ads Мало данных заявка → продажа: 9,3–37,8 % с вероятностью 90 %"
    said = {"ru": ("Google Ads Хорошо", "VK Реклама Плохо", few),
            "en": ("Google Ads Good", "VK Ads Bad", "Meta Ads Little data")}[language]  # fmt: skip
    for words in said:
        assert words in html
    assert {"ru": "меньше 10 продаж — мало данных", "en": "under 10 sales: too few data"}[language] in html


def test_at_most_five_findings_are_told_with_what_to_do_and_the_rest_is_counted() -> None:
    figures = figures_of(shop(), shop_before())
    html = plain(mail_of(shop(), shop_before()).html)
    assert len(figures["source_control"]["findings"]) == 9
    assert "Meta Ads: ни одного обращения, раньше было 30 (11,3 %). Проверьте, идёт ли реклама" in html
    assert "И ещё замечаний: 4." in html


def test_the_mail_tells_how_far_its_figures_can_be_trusted() -> None:
    html = plain(mail_of(shop(), shop_before()).html)
    for text in (
        "Заявок без источника: 6 (не передан 5, затёрт 1).",
        "Не разобрано сделок: 9 (самая старая ждёт 9 дн.), их заявки в отчёт ещё не входят.",
        "Свежих заявок: 75 (41,7 %). До продажи обычно проходит дней: 6, так что их деньги ещё впереди.",
        "Цифры прошлых дней не менялись.",
        "Нет курса USD: 450 полученных денег",
    ):
        assert text in html


def test_days_without_costs_are_named_by_channel() -> None:
    def told(gaps: list[dict[str, Any]]) -> str:
        figures = figures_of(shop())
        quality = {**figures["data_quality"], "cost_gaps": gaps}
        return plain(render.mail({**figures, "data_quality": quality}, settings_of(), URL).html)

    gap = {"channel": "Yandex Direct", "days": 2, "first": "2026-10-03", "last": "2026-10-04"}
    assert "Дни без расходов: Яндекс Директ — 2 (03.10.2026 – 04.10.2026). Загрузите их" in told([gap])
    assert "Пропусков в расходах не найдено." in told([])


def test_parts_that_could_not_be_made_are_named_in_words() -> None:
    figures = {**figures_of(shop()), "failed": ["funnel"]}
    mail = render.mail(figures, settings_of(), URL, Extras(failed=("chart", "workbook")))
    words = "Не удалось составить: воронку, график, книгу Excel. Остальные части отчёта верны и полны."
    assert words in plain(mail.html)
    assert f"! {words}" in unwrapped(mail.text)


def own(rows: int, columns: int, text: str, in_mail: bool = True) -> Own:
    names, cells = tuple(f"Столбец {n}" for n in range(columns)), ((text,) * columns,) * rows
    return Own("managers", f"Свой раздел {HOSTILE}", Markup("<p>page</p>"), names, cells, cells, False, in_mail)


def test_own_sections_that_want_to_are_in_the_mail_as_tables_of_ten_rows() -> None:
    mail = render.mail(figures_of(shop()), settings_of(), URL, Extras(own=(own(25, 3, HOSTILE), own(1, 1, "нет", in_mail=False))))
    html = plain(mail.html)
    assert html.count("Свой раздел") == 1
    assert "Столбец 0 Столбец 1 Столбец 2 " in html
    assert html.count("HYPERLINK") == 10 * 3
    assert "15" in html[html.index("Столбец 2") :]
    assert not [tag for tag, _ in Tags(mail.html).found if tag == "img"]
    assert "нет" not in re.findall(r"^- .*", mail.text, re.M)


def test_own_sections_too_large_for_a_mail_are_told_by_title() -> None:
    made = Extras(own=tuple(own(10, 6, "&" * 60) for _ in range(10)))
    mail = render.mail(figures_of(shop()), settings_of(), URL, made)
    assert len(mail.html.encode()) <= render.MOST_MAIL_BYTES
    assert plain(mail.html).count("Таблица велика для письма; она на странице отчёта.") == 10


def test_the_workbook_is_announced_with_its_rows() -> None:
    figures, settings = figures_of(shop()), settings_of()
    extras = extras_of(figures, settings)
    assert extras.workbook is not None
    sheets, rows = size_of(extras.workbook)
    assert rows > 200
    mail = render.mail(figures, settings, URL, extras)
    assert f"Во вложении книга Excel: листов {sheets}, строк {rows}. В ней все каналы" in plain(mail.html)
    big = extras._replace(workbook=extras.workbook + b"\0" * 7_000_000)
    assert "больше 7 МБ и не вложена" in unwrapped(render.mail(figures, settings, URL, big).text)
    assert "Все строки — на странице отчёта." in render.mail(figures, settings, URL).text


def test_what_is_no_workbook_has_no_rows() -> None:
    assert size_of(b"PK") == (0, 0)


def test_the_mail_leads_to_the_views_of_the_page_and_to_single_channels() -> None:
    hrefs = {attrs["href"] for tag, attrs in Tags(mail_of(shop()).html).found if tag == "a"}
    assert {f"{URL}#view={name}" for name in ("deals", "models", "funnel", "channels", "source_control")} <= hrefs
    assert f"{URL}#view=channels&place=Yandex%2520Direct%2F" in hrefs
    assert {URL, OFF} <= hrefs


def test_a_place_is_written_as_the_page_reads_it() -> None:
    assert (
        link_to("https://x.example/t", "channels", "a/b и&?")
        == "https://x.example/t#view=channels&place=a%252Fb%2520%25D0%25B8%2526%253F%2F"
    )
    assert link_to("https://x.example/t", "channels", "ы" * 300) == "https://x.example/t#view=channels"
    assert link_to("", "channels", "a") == ""


def test_without_a_page_there_are_no_links() -> None:
    mail = render.mail(figures_of(shop()), settings_of(), "")
    assert not [tag for tag, _ in Tags(mail.html).found if tag == "a"]
    assert "#view" not in mail.text


def test_the_mail_has_the_sections_that_the_settings_choose_in_their_order() -> None:
    html = plain(mail_of(shop(), sections=["quality", "channels", "deals"]).html)
    assert html.index("Качество данных") < html.index("Окупаемость каналов")
    assert "Контроль источников" not in html
    assert "Сделки и пути" in html
    assert "Модели атрибуции" not in html


def test_the_mail_says_why_it_comes_and_offers_to_stop() -> None:
    for text in (plain(mail_of(shop()).html), unwrapped(mail_of(shop()).text)):
        assert "ваш адрес указан в настройках отчётов сайта «Квартал»" in text
    assert OFF in mail_of(shop()).text
    assert "unsubscribe" not in render.mail(figures_of(shop()), settings_of(), URL).html


def test_a_campaign_name_does_not_become_a_link_in_the_mail() -> None:
    rows = {"spend": [cost("Счёт закрыт: http://evil.example www.evil.example", "a", "5")]}
    html = outputs(figures_of(rows))["html"]
    shown = plain(html[html.index("<body") :])
    assert "evil.example" in shown
    assert not re.search(r"http://evil|www\.evil", shown)
    assert all(str(attrs["href"]).startswith(URL) for tag, attrs in Tags(html).found if tag == "a")


def test_names_cannot_break_lines_or_turn_the_direction_of_text() -> None:
    rows = {"spend": [cost("зима\n\nИтого: 999 \u202eлево\x00", "a", "5")]}
    mail = mail_of(rows)
    assert "зима Итого: 999 лево" in mail.text
    assert "\u202e" not in mail.html + mail.subject


def test_the_name_of_a_site_adds_nothing_to_a_header_and_is_cut() -> None:
    figures = figures_of(shop())
    site = {**figures["site"], "name": "Дом\r\nBcc: evil@evil.example " + "ы" * 500}  # as older settings may have it
    subject = render.mail({**figures, "site": site}, settings_of(), URL).subject
    assert "\n" not in subject
    assert len(subject) < 200


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_largest_mail_stays_under_80_kb(language: str) -> None:
    """3,000 campaigns, 50 channels, names of 500 characters that need escaping, and everything to complain about."""
    rows = shop(scale=250)
    names = [f"{n}-" + ("Очень длинное & <название> канала «Ромашка» " * 12)[:497] for n in range(50)]
    for name in names:
        rows["spend"].append(cost(name, name, "123456.78", name))
        money = {"revenue": Decimal("98765432.10"), "gross_profit": Decimal("48765432.10")}
        rows["results"].append(results(name, name, name, requests=3.3, sales=2.2, **money))
        rows["models"] += [model(m, name, sales=3.3, revenue=Decimal("98765432.10")) for m in ("first", "last")]
    rows["unknown_stages"] = [{"pipeline": names[0], "stage": name, "deals": 3} for name in names]
    rows["money_without_rate"] = [{"currency": name, "lines": 1, "amount": Decimal(1)} for name in names]
    rows["deals"] = [deal(str(n), n % 12 + 1, deals_total=5000) for n in range(500)]
    rows["deal_paths"] = [touch for n in range(500) for touch in path(str(n), n % 12 + 1, ("direct", 1.0))]
    changes = {"name": "Ы" * 120, "report": {"language": language, "plan": PLAN, "brand": {"name": "Ы" * 120}}}
    figures = figures_of(rows, shop_before(), **changes)
    mail = render.mail(figures, settings_of(**changes), URL + "x" * 60, extras_of(figures, settings_of(**changes)), OFF)
    assert len(mail.html.encode()) <= render.MOST_MAIL_BYTES
    assert "None" not in plain(mail.html)


def test_an_empty_period_is_told_and_nothing_is_divided() -> None:
    mail = mail_of({})
    for text in (plain(mail.html), mail.text):
        assert "Источник есть у всех заявок." in text
        assert "nan" not in text.lower()
        assert "None" not in text


def test_a_month_without_sales_shows_dashes_and_no_verdict_on_luck() -> None:
    asked = results("Google Ads", "google", requests=12.0, qualified=5.0)
    rows = {"spend": [cost("Google Ads", "google", "50000")], "results": [asked]}
    html = plain(mail_of(rows).html)
    assert "Google Ads Мало данных" in html
    assert "CPO —" in html


def _figures_equal(figures: Figures, html: str) -> list[str]:
    formats = Formats("ru", "RUB", "Europe/Moscow")
    missing = []
    for channel in figures["channels"]:
        shown = " ".join(formats.figure(measure, channel[measure]) for measure in MEASURES).replace("\u00a0", " ")
        if shown not in html:
            missing.append(f"{channel['channel']}: {shown}")
    return missing


def test_every_row_of_the_table_is_that_of_figures_json() -> None:
    assert _figures_equal(figures_of(shop()), plain(mail_of(shop()).html)) == []


def test_hostile_names_stay_text_in_every_place_of_the_mail() -> None:
    rows = {
        "spend": [cost(HOSTILE, HOSTILE, "5", HOSTILE)],
        "results": [results(HOSTILE, HOSTILE, revenue=Decimal(500), sales=1.0)],
        "unknown_stages": [{"pipeline": HOSTILE, "stage": HOSTILE, "deals": 1}],
    }
    figures = {**figures_of(rows, name=HOSTILE), "scope": HOSTILE, "failed": ["<u>"]}
    settings = settings_of(name=HOSTILE, report={"brand": {"name": HOSTILE}})
    mail = render.mail(figures, settings, URL, Extras(), OFF)
    tags = Tags(mail.html).found
    assert not [tag for tag, attrs in tags if tag in ("img", "script", "u") or any(a.startswith("on") for a in attrs)]
    assert {str(attrs["href"]).partition("#")[0] for tag, attrs in tags if tag == "a"} == {URL, OFF}
    assert "49=HYPERLINK" not in mail.html
