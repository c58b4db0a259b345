"""What the report's page says when the reader's choice, the data or the paper are not the report's own: whose the static parts are,
what cannot be compared, what is missing; "back", phones and print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from functions.report.view.words import texts
from tests.browser import app_pages
from tests.browser.app_view_cases import budget, files_of, fit, small
from tests.snapshot_cases import sample, snapshot_of_deals

pytestmark = pytest.mark.browser
ROW = {"cost": 9_000_000, "visits": 100, "requests": 20, "qualified": 9, "sales": 5, "revenue": 18_000_000, "profit": 9_000_000}
A4 = {"portrait": 703, "landscape": 1032}  # pixels between margins of 12 mm


@pytest.fixture
def page(chromium: Any, errors: list[str]) -> Iterator[Any]:
    context = chromium.new_context(locale="ru-RU", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context.new_page()
    context.close()


@pytest.fixture
def put(page: Any, tmp_path: Path) -> Any:
    """Opens a page of files at an address's words; `static` stands in the section of that name."""

    def opened(files: Mapping[str, bytes], words: str, **static: str) -> Any:
        text = app_pages.inlined(files)
        for name, part in static.items():
            text = text.replace(f"Как в письме: {name}</p>", f"Как в письме: {name}</p>{part}")
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        page.goto("about:blank")
        page.goto(f"{path.as_uri()}#{words}")
        page.locator("#app .title").wait_for()
        page.wait_for_function("() => !document.querySelector('#app [aria-busy=true], #app .stage > .state[role=status]')")
        return page

    return opened


def say(path: str, **places: Any) -> str:
    found: Any = texts("ru")["views"]
    for part in path.split("."):
        found = found[part]
    return str(found).format(**places)


@pytest.mark.parametrize(
    "words",
    [
        f"&manager={quote('Анна Петрова')}", "&model=linear", "&basis=payment", "&compare=year", "&place=VK%2520Ads%2F",
        "&from=2026-10-01&to=2026-10-12",
    ],
)  # fmt: skip
def test_static_parts_say_what_they_are_made_for_under_any_other_choice(put: Any, words: str) -> None:
    page = put(sample(), f"view=quality{words}")
    note = page.locator(".of-report")
    note.wait_for()
    for told in ("13 сентября", "12 октября", "Последнее непрямое", "по дню заявки", "RUB", "без фильтров"):
        assert told in note.inner_text()


def test_nothing_is_noted_under_the_reports_own_choice(put: Any) -> None:
    assert put(sample(), "view=quality").locator(".of-report").count() == 0
    assert put(sample(), "view=quality&search=a&sort=-cost").locator(".of-report").count() == 0


def test_the_reports_verdict_stands_above_the_tiles_only_as_the_report_has_it(put: Any) -> None:
    top = "document.querySelector('{}').getBoundingClientRect().top"
    above = f"{top.format('.static')} < {top.format('ul.tiles')}"
    assert put(sample(), "view=summary").evaluate(above)
    page = put(sample(), "view=summary&model=linear")
    assert not page.evaluate(above)
    assert page.locator(".static .rest").inner_text() == say("summary.of_report")
    assert page.locator(".static .of-report").is_visible()


def test_back_and_forward_between_two_lists_of_deals_find_them_again(put: Any) -> None:
    page = put(snapshot_of_deals(2000), "view=deals&x_measure=sales&from=2026-09-01&to=2026-09-30")  # one page of requests
    state = page.locator(".card > .state").first
    state.filter(has_text="Выручка").wait_for()
    first = state.inner_text()
    page.locator(".nav a", has_text="Заявки и сделки").click()
    for _ in range(3):
        page.go_back()
        page.wait_for_function("text => document.querySelector('.card > .state')?.textContent === text", arg=first)
        page.go_forward()
        page.wait_for_function(
            "text => (now => now !== text && now?.includes('Выручка'))(document.querySelector('.card > .state')?.textContent)",
            arg=first,
        )  # fmt: skip


@pytest.mark.parametrize("view", ["channels", "deals", "traffic"])
def test_nothing_reaches_below_the_page(put: Any, page: Any, view: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    put(sample(), f"view={view}")
    assert page.evaluate("document.documentElement.scrollHeight - document.body.getBoundingClientRect().bottom - scrollY") <= 40


def test_the_apps_style_leaves_folds_of_static_parts_alone(put: Any) -> None:
    fold = '<details class="fold" open><summary>Открытые</summary><p>внутри</p></details>'
    page = put(sample(), "view=source_control", source_control=fold)
    assert page.locator("details.fold").evaluate("one => getComputedStyle(one).display") == "block"
    inside, head = (page.locator(f"details.fold {one}").bounding_box() for one in ("p", "summary"))
    assert inside["y"] >= head["y"] + head["height"] - 1


@pytest.mark.parametrize("width", A4.values(), ids=A4)
@pytest.mark.parametrize("view", ["channels", "models", "deals", "summary", "payback"])
def test_print_keeps_tables_whole(put: Any, page: Any, view: str, width: int) -> None:
    put(sample(), f"view={view}")
    page.set_viewport_size({"width": width, "height": 1000})
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#app thead").first.evaluate("one => getComputedStyle(one).display") == "table-header-group"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('#app .wide')]"
    assert page.evaluate(f"{wide}.filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1).length") == 0


def test_static_tables_of_models_stay_only_for_models_that_the_live_one_has_not(put: Any) -> None:
    table = "<table><tr><th>Канал</th><th>Марков</th></tr></table>"
    page = put(sample(), "view=models", models=table)
    assert "Марков" in page.locator(".static .rest").inner_text()
    assert put(sample(), "view=models").locator(".static").count() == 0


def test_the_reports_own_plan_stands_only_where_it_is_not_the_months(put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app_pages.SECTIONS, "plan", "План и факт")
    plan = [
        {"month": "2026-10", "channel": None, "sales": 15},
        {"month": "2026-10", "channel": "Неведомый", "cost": 100, "is_unknown": True},
    ]
    page = put(files_of(plan=plan), "view=plan")
    assert "13 сентября" in page.locator(".static .rest").inner_text()
    assert page.locator(".view-note").inner_text() == say("plan.unknown", channels="Неведомый")
    whole = {"from": "2026-09-01", "to": "2026-09-30", "kind": "month"}
    assert put(files_of(plan=plan, report=whole), "view=plan").locator(".static").count() == 0


def test_days_without_any_data_are_not_days_of_zeros(put: Any) -> None:
    page = put(small({"Яндекс": ROW}), "view=summary")
    assert "данных нет, сравнить не с чем" in page.locator(".against").inner_text()
    assert page.locator(".tiles li", has_text=say("no_earlier")).count() == 5
    assert page.locator(".tiles li", has_text="было").count() == 0
    page = put(small({"Яндекс": ROW}), "view=funnel")
    assert say("funnel.no_before") in page.locator(".said-lines").inner_text()
    page = put(small({"Яндекс": ROW}), "view=method")
    assert "1–12 октября 2026" in page.locator(".settings").inner_text().replace("\u00a0", " ")


def test_a_reader_of_one_channel_has_its_plan_under_its_own_name(put: Any) -> None:
    plan = [{"month": "2026-10", "channel": "Яндекс", "sales": 9, "cpo": 1100}]
    days = "&from=2026-10-01&to=2026-10-12"
    page = put(small({"Яндекс": ROW}, plan=plan, scope="Отдел Б"), f"view=income{days}")
    assert "Допустимая цена продажи" in page.locator(".verdict-line").inner_text()
    page = put(small({"Яндекс": ROW}, plan=plan, scope="Отдел Б"), "view=plan")
    assert page.locator("#plan-site").inner_text() == "Отдел Б"
    page = put(small({"Яндекс": ROW, "Google": ROW}, plan=plan, scope="Отдел Б"), f"view=income{days}")
    assert page.locator(".view-note").inner_text() == say("income.no_plan_here")


def test_one_missing_file_is_no_revoked_link(page: Any) -> None:
    files = {name: body for name, body in sample().items() if not name.startswith("results-linear-request")}
    with app_pages.hosted(files) as (url, _):
        page.goto(f"{url}?view=channels&model=linear")
        page.locator("[role=alert]", has_text="Часть данных не пришла").wait_for()
        page.get_by_label("Модель атрибуции").select_option("last_non_direct")
        page.locator("table.live tbody tr").first.wait_for()
        files.clear()
        page.get_by_label("Модель атрибуции").select_option("linear")
        page.locator("[role=alert]", has_text="Ссылка на отчёт больше не действует").wait_for()


def test_a_phone_sorts_by_a_list(put: Any, page: Any) -> None:
    assert not put(sample(), "view=channels").locator(".sorting").is_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    page.get_by_label(say("sort.by")).select_option(label="Визиты")
    cells = page.locator('tbody tr.level-1 td[data-name="Визиты"]')

    def told() -> list[int]:
        return [int("".join(filter(str.isdigit, text.split("\n")[-2 if "%" in text else -1]))) for text in cells.all_inner_texts()][
            :-1
        ]

    page.wait_for_function("() => location.hash.includes('sort=-visits')")
    falling = told()
    assert falling == sorted(falling, reverse=True)
    page.get_by_role("button", name=say("sort.down")).click()
    page.wait_for_function("() => location.hash.includes('sort=visits')")
    assert told() == falling[::-1]


def test_the_calculator_says_what_it_does_not_understand_and_where_it_guesses(put: Any) -> None:
    told = budget(fit("Yandex Direct", 0.6, 84_114, 8), fit("VK Ads", 0.4, 24_959, 1.7), fit("Google Ads", 1.0, 24_505, 1.3))
    files = files_of(budget=told)
    for words in ("abc", "-5"):
        page = put(files, f"view=budget&x_amount={words}")
        assert page.locator(".budget-says [role=alert]").inner_text() == say("budget.misread", told=words)
        assert "около 44 заказов" in page.locator(".budget-says .muted").inner_text()
        assert page.locator(".budget-says", has_text=say("budget.guess")).count() == 0
    page = put(files, "view=budget&x_amount=1")
    assert say("budget.guess") in page.locator(".budget-says").inner_text()
    assert page.locator(".budget-says [role=alert]").count() == 0
    page = put(files, "view=budget&x_goal=budget&x_amount=100000&x_weeks=1")
    assert "8,5 заказа" in (text := page.locator(".budget-says").inner_text()) or "заказов" in text
