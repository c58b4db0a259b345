"""The newest sales in the mail: the owner finds the deal that he knows under the campaign that brought it."""

from __future__ import annotations

from datetime import date
from typing import Any

from functions.report.figures import Figures
from functions.report.view.formats import Formats
from functions.report.view.mail_sales import newest_sales
from functions.report.view.names import Names
from tests.report_cases import deal, figures_of, path, settings_of, shop
from tests.unit.test_report_mail_content import mail_of, unwrapped
from tests.unit.test_report_render import HOSTILE, plain


def sold(place: int, **told: Any) -> dict[str, Any]:
    return deal(str(place), place, sale_day=date(2026, 10, place), **told)


def sales_of(figures: Figures) -> list[dict[str, Any]]:
    return newest_sales(figures, Formats("ru", "RUB", "Europe/Moscow"), Names(settings_of()))


def of(*deals: dict[str, Any], **more: Any) -> dict[str, Any]:
    rows = shop()
    return {**rows, "deals": list(deals), "deal_paths": [], **more}


def test_the_five_newest_sales_are_told_newest_first_and_what_did_not_sell_is_not() -> None:
    deals = [sold(day) for day in (3, 9, 5, 7, 1, 8)] + [deal("open", 11, sale_day=None)]
    assert [sale["name"] for sale in sales_of(figures_of(of(*deals)))] == [f"amocrm:{day}" for day in (9, 8, 7, 5, 3)]


def test_a_sale_is_told_with_its_campaign_and_how_that_is_known_in_both_parts() -> None:
    rows = of(sold(9, match_method="phone"), deal_paths=path("9", 9, ("Yandex Direct/yandex/cpc/poisk-msk", 1.0)))
    mail = mail_of(rows)
    for text in (plain(mail.html), unwrapped(mail.text)):
        assert "Последние продажи" in text
        assert "Яндекс Директ › Яндекс › poisk-msk Сделка amocrm:9, по телефону" in text


def test_a_sale_without_a_source_says_why() -> None:
    (sale,) = sales_of(figures_of(of(sold(9, no_source_reason="not_passed"))))
    assert sale["source"] == "Без источника"
    assert sale["how"].endswith(".")
    assert len(sale["how"]) > 20


def test_without_sales_or_without_deals_in_the_report_there_is_no_such_part() -> None:
    for mail in (mail_of(of(deal("open", 11, sale_day=None))), mail_of(of(sold(9)), sections=["channels"])):
        assert "Последние продажи" not in mail.html + mail.text


def test_names_of_a_sale_are_text_and_bounded() -> None:
    hostile = {**sold(9), "deal_id": HOSTILE * 20}
    rows = of(hostile, deal_paths=path("9", 9, ("x" * 500, 1.0)))
    mail = mail_of(rows)
    assert "<script" not in mail.html
    assert "x" * 200 not in mail.html
