"""Mail and page: the same figures in both, hostile names harmless, nothing cut silently, both languages whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.report import render
from functions.report.figures import Figures, build
from functions.report.marts.questions import Answers
from functions.report.view.formats import Formats, clean
from functions.report.view.words import texts
from tests.report_cases import (
    DATA_TO,
    PERIOD,
    call_number,
    calls,
    contact,
    cost,
    deal,
    figures_of,
    kind,
    lease_pool,
    listed_call,
    model,
    path,
    settings_of,
    shop,
    unanswered_call,
    unknown,
)

URL = "https://stats.example/v1/reports/token"
OFF = URL + "/unsubscribe"
HOSTILE = '<img src=x onerror=alert(1)>"\'&{{7*7}}=HYPERLINK("http://evil.example")'


class Tags(HTMLParser):
    """Tags and attributes of a document."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def outputs(figures: Figures, **changes: Any) -> dict[str, str]:
    settings = settings_of(**changes)
    mail = render.mail(figures, settings, URL, unsubscribe_url=OFF)
    return {"html": mail.html, "text": mail.text, "page": render.page(figures, settings)}


def plain(html: str) -> str:
    """Text of a document as read: no tags, plain spaces."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


@pytest.mark.parametrize("language", ["ru", "en"])
def test_mail_text_and_page_show_the_same_totals(language: str) -> None:
    figures = figures_of(shop())
    formats = Formats(language, "RUB", "Europe/Moscow")
    shown = [formats.figure(measure, value).replace("\u00a0", " ") for measure, value in figures["totals"].items()]
    for name, output in outputs(figures, report={"language": language}).items():
        missing = [figure for figure in shown if figure not in plain(output)]
        assert not missing, f"{name} lacks {missing}"


def test_every_channel_is_in_mail_text_and_page() -> None:
    for output in outputs(figures_of(shop())).values():
        for name in ("Яндекс Директ", "Google Ads", "Прочий трафик", "Без источника", "Офлайн-реклама"):
            assert name in plain(output)


def test_every_campaign_is_on_the_page() -> None:
    page = plain(outputs(figures_of(shop(scale=30)))["page"])
    assert all(f"google_kuhni_msk_{n} " in page for n in range(120))


def test_names_from_outside_stay_text() -> None:
    rows = {
        "spend": [cost(HOSTILE, HOSTILE, "5", HOSTILE)],
        "visits": [{"channel": HOSTILE, "source": HOSTILE, "campaign": "x", "visits": 1}],
        "unknown_values": [unknown("utm_source", HOSTILE, 1, is_new=True)],
        "channels": [kind(HOSTILE, is_unnamed=True)],
        "left_out": [{"request_id": "request-5", "reason": "<u>"}],
        "unknown_stages": [{"pipeline": HOSTILE, "stage": HOSTILE, "deals": 1}],
        "money_without_rate": [{"currency": "<b>", "lines": 1, "amount": Decimal(1)}],
        "hits": [{"reason": "<u>", "hits": 1}],
        "models": [model("first", HOSTILE, sales=1.0, revenue=Decimal(1))],
        "deals": [
            deal(
                HOSTILE, 3, request_id="r", stage=HOSTILE, manager=HOSTILE, loss_reason=HOSTILE, order_id=HOSTILE, meaning=HOSTILE
            ),
            deal("5", 3, contact_channel=HOSTILE, match_method=HOSTILE, currency="<b>", revenue=None),
        ],
        "deal_paths": [
            {**path("x", 3, ("a", 1.0))[0], "request_id": "r", "channel": HOSTILE, "source": HOSTILE, "campaign": HOSTILE}
        ],
        "contact_channels": [contact(HOSTILE, 1, 1, 0.0, Decimal(0), None)],
        "calls": [calls(HOSTILE, 1, 1, 1, 1)],
        "call_list": [
            listed_call(HOSTILE, 9, answered_by=HOSTILE, channel=HOSTILE, calls_total=2),
            unanswered_call("2", 10, HOSTILE, number=HOSTILE, channel=HOSTILE, source=HOSTILE, campaign=HOSTILE, calls_total=2),
        ],
        "call_numbers": [call_number(HOSTILE, 0, 900), call_number("+74950000031", 60, 600)],
        "lease_pools": [lease_pool(None, 9, 8), lease_pool(HOSTILE, 9, 8, 1)],
        "lease_reasons": [{"kind": HOSTILE, "reason": HOSTILE, "visitors": 1}],
    }
    found = outputs(figures_of(rows, name=HOSTILE))
    for name in ("html", "page"):
        tags = Tags(found[name]).found
        assert not [tag for tag, attrs in tags if tag in ("img", "script", "u") or any(a.startswith("on") for a in attrs)]
        links = {str(attrs["href"]).partition("#view=")[0] for tag, attrs in tags if tag == "a"}
        assert {link for link in links if not link.startswith("#")} <= {URL, OFF}
        assert "49=HYPERLINK" not in found[name]


def test_an_empty_period_says_so_and_divides_nothing() -> None:
    for output in outputs(figures_of({})).values():
        assert "За период нет ни визитов, ни заявок, ни расходов" in plain(output)
        assert "nan" not in output.lower()
        assert "None" not in output


def test_the_time_of_the_data_is_the_sites_own() -> None:
    assert "Данные до 05:40, 13 октября 2026 (Москва)" in outputs(figures_of({}))["text"]
    there = outputs(figures_of({}, time_zone="Asia/Vladivostok"), time_zone="Asia/Vladivostok")
    assert "Данные до 12:40, 13 октября 2026 (Владивосток)" in there["text"]


def test_data_that_ends_before_the_period_is_told() -> None:
    late = datetime(2026, 10, 12, 23, 59, tzinfo=ZoneInfo("Europe/Moscow"))
    stale = build(settings_of(), PERIOD, Answers({}), Answers({}), late)
    for output in outputs(stale).values():
        assert "последний день неполный" in plain(output)
    assert "последний день неполный" not in outputs(build(settings_of(), PERIOD, Answers({}), Answers({}), DATA_TO))["text"]


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = outputs(figures_of(shop()))["page"]
    assert not [tag for tag, attrs in Tags(page).found if tag in ("script", "link", "iframe", "form") or "src" in attrs]
    assert "@import" not in page
    assert "url(" not in page


def test_both_languages_have_the_same_texts_with_the_same_places() -> None:
    def flat(node: Any, path: str = "") -> dict[str, set[str]]:
        if isinstance(node, Mapping):
            return {k: v for name, child in node.items() for k, v in flat(child, f"{path}.{name}").items()}
        assert node, f"{path} is empty"
        return {path: set(re.findall(r"{(\w+)}", str(node)))}

    ru, en = texts("ru"), texts("en")

    assert flat(ru).keys() == flat(en).keys()
    assert [path for path in flat(ru) if flat(ru)[path] != flat(en)[path]] == []


class TestFormats:
    @pytest.mark.parametrize(
        ("language", "value", "shown"),
        [
            ("ru", Decimal("1234567.50"), "1 234 568 ₽"),
            ("ru", Decimal("-12.50"), "−12,50 ₽"),
            ("ru", 333.333333, "333,33 ₽"),
            ("en", Decimal("1234567.50"), "₽1,234,568"),
            ("en", Decimal("-12.50"), "−₽12.50"),
            ("ru", None, "—"),
        ],
    )
    def test_money(self, language: str, value: Any, shown: str) -> None:
        assert Formats(language, "RUB", "UTC").money(value).replace("\u00a0", " ") == shown

    @pytest.mark.parametrize(
        ("fraction", "shown"), [(1.44, "+144 %"), (-0.2, "−20 %"), (0.4455, "+44,6 %"), (0.0, "0 %"), (-0.00001, "0 %")]
    )
    def test_romi_has_its_sign(self, fraction: float, shown: str) -> None:
        assert Formats("ru", "RUB", "UTC").percent(fraction).replace("\u00a0", " ") == shown

    def test_a_sum_of_parts_shows_one_digit_and_a_whole_count_none(self) -> None:
        formats = Formats("ru", "RUB", "UTC")
        assert (formats.count(12), formats.count(12.34), formats.count(0.02)) == ("12", "12,3", "0,0")

    def test_other_currencies_keep_their_sign(self) -> None:
        assert Formats("en", "USD", "UTC").money(5) == "$5"
        assert Formats("ru", "XYZ", "UTC").money(5) == "5\u00a0XYZ"

    def test_a_long_name_is_cut_with_a_mark(self) -> None:
        assert clean("а" * 100, 10) == "а" * 9 + "…"


def test_parts_that_make_a_whole_are_shown_as_one() -> None:
    formats = Formats("en", "RUB", "Europe/Moscow")
    assert formats.count(116.000000001) == formats.count(115.999999999) == formats.count(116) == "116"
    assert formats.count(34.666666667) == "34.7"
