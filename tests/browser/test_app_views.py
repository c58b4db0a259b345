"""The views of the report's page over the sample snapshot: they show what Python counts from the same files, in both languages,
on a phone, in the dark and on paper; and they bear empty data, no spend, and names that are not friendly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from functions.report.view.words import texts
from tests.browser import app_pages
from tests.browser.app_view_cases import (
    FIRST,
    HOSTILE,
    LAST,
    VIEWS,
    Files,
    advertising,
    budget,
    channel_of,
    files_of,
    fit,
    formats,
    money,
    parsed,
    small,
    sums,
    total_of,
)  # fmt: skip
from tests.unit.node import APP, node_of

pytestmark = pytest.mark.browser
AXE = APP / "node_modules" / "axe-core" / "axe.min.js"
PLAN = [
    {"month": "2026-09", "channel": None, "cost": 9_000_000, "sales": 15, "revenue": 2_000_000, "cpo": 550_000},
    {"month": "2026-10", "channel": None, "cost": 9_000_000, "requests": 50, "sales": 15, "revenue": 2_000_000, "cpo": 300_000},
    {"month": "2026-10", "channel": "VK Реклама", "sales": 3, "revenue": 400_000},
]
BUDGET = budget(
    fit("Yandex Direct", 0.6, 150_000, 6), fit("Google Ads", 0.45, 120_000, 3), fit("VK Ads", 0.8, 30_000, 1.5),
    fit(HOSTILE, 1, 1, 1, is_fit=False, why="few_weeks", weeks=5, a=None, b=None, cov=None),
)  # fmt: skip
Show = Callable[..., Any]


@pytest.fixture
def show(chromium: Any, tmp_path: Path) -> Iterator[Show]:
    """Opens a view of a snapshot in a page of its own; afterwards no script may have failed."""
    contexts, errors = [], []

    def opened(files: Files, view: str, width: int = 1200, words: str = "", **context: Any) -> Any:
        made = chromium.new_context(viewport={"width": width, "height": 900}, **context)
        contexts.append(made)
        made.set_default_timeout(15_000)
        page = made.new_page()
        page.on("pageerror", lambda error: errors.append(f"{view}: {error}"))
        page.on("console", lambda told: errors.append(f"{view}: {told.text}") if told.type == "error" else None)
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(app_pages.inlined(files), encoding="utf-8")
        page.goto(f"{path.as_uri()}#view={view}{words}")
        page.locator(f".view-{view}").wait_for()
        settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def settled(page: Any) -> None:
    """Nothing is being loaded any more."""
    page.wait_for_function("() => !document.querySelector('#app [aria-busy=true], #app .state[role=status]')")


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def cells(page: Any, table: str, row: str) -> dict[str, str]:
    """Figures of a row by their headings; notes below them are left out. The total is the row of the foot."""
    found = page.evaluate(
        """([table, row]) => {
          const rows = [...document.querySelectorAll(`#app table[aria-label="${table}"] tr`)]
          const one = rows.find(tr => (tr.querySelector('th.name bdi') ?? tr.querySelector('th.name'))?.textContent.trim() === row)
          return one && [...one.querySelectorAll('td')].map(td => {
            const copy = td.cloneNode(true)
            copy.querySelectorAll('small, .bar').forEach(note => note.remove())
            return [td.dataset.name, copy.textContent]
          })
        }""",
        [table, row],
    )
    assert found is not None, f"{table}: no row {row}"
    return {name: plain(text) for name, text in found}


def say(path: str, language: str = "ru", **places: Any) -> str:
    """A text of the views."""
    found: Any = texts(language)["views"]
    for part in path.split("."):
        found = found[part]
    return plain(str(found).format(**places))


def metric(key: str) -> str:
    return str(texts("ru")["app"].get("metrics", {}).get(key) or texts("ru")["metrics"][key])


def name_of(channel: int) -> str:
    return str(parsed()["places"]["name"][channel])


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_view_renders_whole_on_a_phone_in_both_languages(show: Show, language: str) -> None:
    files = files_of(language, plan=PLAN, budget=BUDGET)
    page = show(files, "summary", 360)
    for view in VIEWS:
        page.goto(f"{page.url.partition('#')[0]}#view={view}")
        page.locator(f".view-{view}").wait_for()
        settled(page)
        text = page.locator(f".view-{view}").inner_text()
        assert re.findall(r"\b(?:views|app)\.[a-z_.]+|undefined|NaN|\[object|\{[a-z]+\}", text) == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
        assert page.locator(f".view-{view} :is(h2, h3, strong)").count() > 0, view
        assert language == "ru" or view != "method" or re.findall(r"[а-яё]+", text.lower()) == []


def test_no_view_has_a_serious_fault_of_access(show: Show) -> None:
    node_of(APP)  # axe is one of its packages
    page = show(files_of(plan=PLAN, budget=BUDGET), "summary")
    page.evaluate(AXE.read_text("utf-8"))
    for view in VIEWS:
        page.evaluate(f"location.hash = '#view={view}'")
        page.locator(f".view-{view}").wait_for()
        settled(page)
        found = page.evaluate("async () => (await axe.run('#app')).violations")
        faults = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]
        assert faults == [], view


def test_views_keep_to_the_dark_and_to_paper(show: Show) -> None:
    page = show(files_of(plan=PLAN, budget=BUDGET), "payback", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.querySelector('.payback-part')).backgroundColor") == "rgb(26, 31, 40)"
    page.emulate_media(media="print")
    assert page.locator(".payback-part").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_tiles_are_the_sums_of_the_files(show: Show, language: str) -> None:
    page = show(files_of(language, plan=PLAN), "summary")
    now, before, look = sums()[0], sums(FIRST - 30, FIRST - 1)[0], formats(language)
    tiles = [plain(text) for text in page.locator(".tiles > li").all_inner_texts()]
    shown = [
        money(now["cost"], language), look.count(now["qualified"]), look.count(now["sales"]), money(now["revenue"], language),
        look.percent((now["profit"] - now["cost"]) / now["cost"]),
    ]  # fmt: skip
    for tile, figure in zip(tiles, shown, strict=True):
        assert plain(figure) in tile
    assert plain(look.percent((now["revenue"] - before["revenue"]) / before["revenue"])) in tiles[3]
    planned = (200_000_000 * 18 / 30) + (200_000_000 * 12 / 31)
    assert say("plan_is", language, value=money(planned, language)) in tiles[3]
    assert say("plan_share", language, share=look.share(now["revenue"] / round(planned))) in tiles[3]


def test_the_chart_of_two_metrics_follows_choice_and_address(show: Show) -> None:
    page = show(files_of(), "summary", words="&x_left=visits&x_right=sales&x_step=week")
    assert page.locator(".course h3").all_inner_texts() == [metric("visits"), metric("sales")]
    page.locator(".course").first.locator("summary").click()
    rows = page.locator(".course").first.locator("tbody tr td:first-of-type").all_inner_texts()
    assert sum(int(re.sub(r"\D", "", text)) for text in rows) == sums()[0]["visits"]
    page.get_by_label(say("summary.right")).select_option("-")
    assert page.locator(".course").count() == 1


def test_payback_tells_prices_and_return_of_advertising(show: Show) -> None:
    page, look = show(files_of(), "payback"), formats()
    rows = advertising()
    total = total_of(rows.values())
    parts = [plain(text) for text in page.locator(".payback-part").all_inner_texts()]
    for part, count in zip(parts, ("clicks", "requests", "sales"), strict=True):
        assert plain(money(total["cost"] / total[count])) in part, count
        assert plain(look.count(total[count])) in part, count
        for channel, row in rows.items():
            figure = money(row["cost"] / row[count]) if row[count] else say("payback.none")
            assert f"{name_of(channel)} {plain(figure)}" in part, (count, channel)
    answer = plain(page.locator(".return").inner_text())
    for figure in (
        look.percent((total["revenue"] - total["cost"]) / total["cost"]),
        look.percent((total["profit"] - total["cost"]) / total["cost"]),
        look.share(total["revenue"] / total["cost"]),
    ):  # fmt: skip
        assert plain(figure) in answer
    for channel, row in rows.items():
        told = cells(page, say("payback.table"), name_of(channel))
        assert told[metric("cost")] == plain(look.amount(round(row["cost"]) / 100))
        assert told[metric("clicks")] == plain(look.count(row["clicks"]))
        assert told[metric("sales")] == look.count(row["sales"])


def test_one_ad_system_opens_down_to_its_campaigns(show: Show) -> None:
    page = show(files_of(), "payback")
    page.get_by_label(say("payback.system")).select_option(label="VK Реклама")
    page.locator(".return", has_text="VK Реклама").wait_for()
    names = page.locator(f'table[aria-label="{say("payback.table")}"] tbody th').all_inner_texts()
    assert sorted(name.strip() for name in names) == ["mytarget", "vk"]
    page.locator(".payback-part .who a", has_text="mytarget").first.click()
    page.locator(".trail", has_text="mytarget").wait_for()
    assert "Распродажа <осень>" in page.locator(f'table[aria-label="{say("payback.table")}"]').inner_text()
    assert "place=" in page.url


def test_worked_cases_stand_in_the_text(show: Show) -> None:
    """M1 (ROMI +100, +144, +60 %; with one 50 % margin 0, +22, −20 %), M3 (ROAS 2.0, ROI 200 %), and 1,800 − 1,100 = 700."""
    cases = {
        "Яндекс": {"cost": 9_000_000, "revenue": 18_000_000, "profit": 9_000_000, "sales": 50, "requests": 375},
        "Google": {"cost": 10_000, "revenue": 24_400, "profit": 12_200, "sales": 1, "requests": 2},
        "Instagram": {"cost": 10_000, "revenue": 16_000, "profit": 8_000, "sales": 1, "requests": 2},
    }
    plan = [{"month": "2026-10", "channel": "Яндекс", "cpo": "1100.00"}]
    files = small(cases, plan=plan)
    page = show(files, "income", words="&from=2026-10-01&to=2026-10-12")
    table = say("income.table")
    assert [cells(page, table, name)[metric("romi")] for name in cases] == ["+100 %", "+144 %", "+60 %"]
    assert [cells(page, table, name)[metric("margin_romi")] for name in cases] == ["0 %", "+22 %", "−20 %"]
    over = cells(page, table, "Яндекс")
    assert [over[metric("cpo")], over[say("income.admissible_short")], over[say("income.over")]] == ["1 800", "1 100", "+700"]
    only = show(
        small({"Яндекс": cases["Яндекс"]}, plan=[{"month": "2026-10", "cpo": 1100}]),
        "income",
        words="&from=2026-10-01&to=2026-10-12",
    )
    told = plain(only.locator(".verdict-line").inner_text())
    assert told == "Допустимая цена продажи 1 100 ₽, по факту 1 800 ₽: на 700 ₽ больше. На всех продажах это 35 000 ₽."
    one = show(
        small({"SEO": {"cost": 5_000_000, "revenue": 10_000_000, "profit": 5_000_000, "sales": 10, "requests": 20}}), "payback"
    )
    assert "+100 %" in plain(one.locator(".return").inner_text())
    assert "200 %" in plain(one.locator(".return").inner_text())


def test_income_by_month_adds_up_and_opens_the_deals_of_its_days(show: Show) -> None:
    page, look = show(files_of(plan=PLAN), "income"), formats()
    october = sums(LAST - 11, LAST)[0]
    row = cells(page, say("income.months"), "октябрь 2026 г.")
    assert row[metric("revenue")] == plain(look.amount(round(october["revenue"]) / 100))
    assert row[metric("cost")] == plain(look.amount(round(october["cost"]) / 100))
    link = page.locator(f'table[aria-label="{say("income.months")}"] tr', has_text="октябрь").locator("td a").first
    assert {"view=deals", "from=2026-10-01", "to=2026-10-12"} <= set((link.get_attribute("href") or "").lstrip("#").split("&"))
    link.click()
    page.locator("h2.title", has_text=texts("ru")["app"]["views"]["deals"]).wait_for()


def test_the_funnel_has_every_step_with_its_loss(show: Show) -> None:
    page, look, now = show(files_of(), "funnel"), formats(), sums()[0]
    steps = [plain(text) for text in page.locator(".funnel > li").all_inner_texts()]
    ads = total_of(advertising().values())
    assert len(steps) == 7
    for step, name in zip(steps, ("impressions", "clicks", "visits", "requests", "qualified", "sales"), strict=False):
        assert step.startswith(f"{say(f'steps.{name}')} {plain(look.count(now[name]))}")
    assert say("funnel.passed", rate=look.share(ads["visits"] / now["clicks"])) in steps[2]
    assert (
        say("funnel.lost", count=look.count(now["visits"] - now["on_visit"]), loss=look.share(1 - now["on_visit"] / now["visits"]))
        in steps[3]
    )
    assert say("funnel.passed", rate=look.share(now["sales"] / now["qualified"])) in steps[5]


def test_a_step_that_fell_is_named_as_the_weak_place(show: Show) -> None:
    good = {"cost": 100, "visits": 1000, "requests": 200, "qualified": 100, "sales": 50}
    files = small({"Было": good, "Стало": good | {"requests": 60, "qualified": 30, "sales": 15}})
    page = show(files, "funnel", words=f"&compare=none&place={quote(quote('Стало') + '/')}")
    told = plain(page.locator(".said-lines .verdict-line").inner_text())
    assert told == say("funnel.weak_channel", step="заявки", rate="6 %", before="13 %")


def test_sections_and_landings_add_up(show: Show) -> None:
    page, data = show(files_of(), "funnel"), parsed()
    names, visits = data["landings"]["sections"], [0] * len(data["landings"]["sections"])
    for month in ("2026-09", "2026-10"):
        table = data[f"sections-{month}"]
        for day, section, count in zip(table["day"], table["section"], table["visits"], strict=True):
            visits[section] += count * (FIRST <= day <= LAST)
    assert cells(page, say("funnel.sections"), "/kuhni")[metric("visits")] == plain(formats().count(visits[names.index("/kuhni")]))
    rows = page.locator(f'table[aria-label="{say("funnel.landings")}"] tbody tr td:nth-of-type(1)').all_inner_texts()
    assert sum(int(re.sub(r"\D", "", text)) for text in rows) == sums()[0]["visits"]


def test_traffic_tells_each_channels_share_of_each_step(show: Show) -> None:
    page, look, found = show(files_of(), "traffic"), formats(), sums()
    labels = [
        plain(label or "") for label in page.locator(".stack").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    ]
    assert len(labels) == 5
    for label, stage in zip(labels, ("visits", "requests", "qualified", "sales", "revenue"), strict=True):
        for channel, row in found.items():
            if channel and row[stage]:
                assert plain(f"{name_of(channel)} {look.share(row[stage] / found[0][stage])}") in label
    assert cells(page, say("traffic.table"), texts("ru")["views"]["total"])[metric("sales")] == look.count(found[0]["sales"])


def test_qualification_counts_requests_and_their_reasons(show: Show) -> None:
    page, data, look = show(files_of(), "qualification"), parsed(), formats()
    model = data["manifest"]["models"].index("last_non_direct")
    counts: dict[int, list[float]] = {}
    for name in [page["name"] for page in data["manifest"]["pages"]]:
        rows = data[name]
        for at, day in enumerate(rows["day"]):
            if FIRST <= day <= LAST:
                none = next(place for place, kind in enumerate(data["places"]["kind"]) if kind == "no_source")
                shares = [(channel_of(touch[0]), touch[2][model]) for touch in rows["source"][at]] or [(none, 1.0)]
                for channel, weight in shares:
                    row = counts.setdefault(channel, [0.0, 0.0, 0.0])
                    for place, key in enumerate(("counted", "qualified", "disqualified")):
                        row[place] += weight * rows[key][at]
    for channel, (counted, qualified, lost) in counts.items():
        if counted or lost:
            told = cells(page, say("qualification.table"), name_of(channel))
            assert [told[say(f"qualification.{key}")] for key in ("counted", "qualified", "disqualified")] == [
                look.count(counted), look.count(qualified), look.count(lost)
            ]  # fmt: skip
    total = cells(page, say("qualification.table"), texts("ru")["views"]["total"])
    assert (
        cells(page, say("qualification.reasons"), "Дорого")[say("qualification.count")] == total[say("qualification.disqualified")]
    )


def test_the_team_is_told_by_its_people_and_a_hostile_name_is_text(show: Show) -> None:
    page, data, look = show(files_of(), "team"), parsed(), formats()
    for manager in ("Анна Петрова", "Борис <b>Жук</b>"):
        row = sums(is_in=lambda dim, manager=manager: data["dims"]["manager"][dim] == manager)[0]
        told = cells(page, say("team.manager"), manager)
        assert [told[metric("requests")], told[metric("sales")]] == [look.count(row["requests"]), look.count(row["sales"])]
        assert told[metric("revenue")] == plain(look.amount(round(row["revenue"]) / 100))
    assert page.locator("#app table b").count() == 0
    page.locator(".tabs a", has_text=say("team.branch")).click()
    assert cells(page, say("team.branch"), "Казань")
    assert "tab=branch" in page.evaluate("new Promise(done => setTimeout(() => done(location.hash), 300))")


def test_the_plan_is_held_against_the_fact_and_carried_to_the_months_end(show: Show) -> None:
    page, look = show(files_of(plan=PLAN), "plan"), formats()
    october = sums(LAST - 11, LAST)[0]
    row = cells(page, say("plan.site"), metric("revenue"))
    assert row == {
        say("plan.planned"): plain(money(200_000_000)), say("plan.fact"): plain(money(october["revenue"])),
        say("plan.share"): plain(look.share(october["revenue"] / 200_000_000)),
        say("plan.difference"): plain(money(october["revenue"] - 200_000_000)),
        say("plan.forecast"): plain(money(october["revenue"] / 12 * 31)),
    }  # fmt: skip
    assert say("plan.pace", passed=12, days=31) in plain(page.locator(".view-plan").inner_text())
    vk = sums(LAST - 11, LAST)[next(place for place, name in enumerate(parsed()["places"]["id"]) if name == "VK Ads")]
    assert cells(page, say("plan.channels"), "VK Реклама")[say("plan.fact")] == plain(money(vk["revenue"]))
    page.locator(".view-plan .view-bar select").first.select_option("2026-09")
    page.get_by_text(say("plan.over")).wait_for()


def test_without_a_plan_it_says_how_to_make_one(show: Show) -> None:
    assert say("plan.none") in plain(show(files_of(), "plan").locator(".view-plan").inner_text())
    assert say("income.no_plan") in plain(show(files_of(), "income").locator(".view-income").inner_text())


def test_the_calculator_answers_orders_and_budget_and_keeps_them_in_the_address(show: Show) -> None:
    page = show(files_of(budget=BUDGET), "budget")
    table, total = say("budget.table"), texts("ru")["views"]["total"]
    assert cells(page, table, total)[say("budget.expected")] == "42"
    page.get_by_label(say("budget.goal")).select_option("budget")
    page.get_by_label(say("budget.money", symbol="₽")).fill("400000")
    page.wait_for_function("() => location.hash.includes('x_amount=400000')")
    row = cells(page, table, total)
    spent = int(re.sub(r"\D", "", row[say("budget.all")]))
    assert 399_990 <= spent <= 400_000
    prices = {cells(page, table, name)[say("budget.next_price")] for name in ("Яндекс Директ", "Google Ads")}
    assert len(prices) == 1, "the next order costs the same in every channel with room"
    page.reload()
    page.locator(".view-budget").wait_for()
    assert cells(page, table, total) == row


def test_the_calculator_keeps_fixed_sums_warns_beyond_what_was_seen_and_names_what_it_cannot_count(show: Show) -> None:
    words = f"&x_goal=budget&x_amount=400000&{quote('x_fix:Google Ads')}=250000"
    page = show(files_of(budget=BUDGET), "budget", words=words)
    text = plain(page.locator(".view-budget").inner_text())
    assert say("budget.beyond", most=money(24_000_000)) in text
    assert say("budget.exceeded", money=money(60_000_000)) in text
    assert f"{HOSTILE}: {say('budget.why.few_weeks', weeks=5)}" in text
    assert page.locator("#app img").count() == 0
    none = show(files_of(budget=budget()), "budget")
    assert say("budget.none") in plain(none.locator(".view-budget").inner_text())


def test_the_library_of_terms_is_searched(show: Show) -> None:
    page = show(files_of(), "method")
    page.get_by_label(say("method.search")).fill("окупа")
    page.wait_for_function("() => document.querySelectorAll('.library > div').length < 10")
    assert say("terms.payback.name") in page.locator(".library").inner_text()
    page.get_by_label(say("method.search")).fill("<script>")
    page.get_by_text(say("method.nothing")).wait_for()


@pytest.mark.parametrize("view", VIEWS)
def test_empty_data_are_said_not_failed(show: Show, view: str) -> None:
    files = files_of(without=("traffic-", "results-", "landings-", "sections-", "requests-"), pages=[], budget=None)
    page = show(files, view)
    text = page.locator(f".view-{view}").inner_text()
    assert re.findall(r"NaN|Infinity|undefined|∞", text) == []
    assert page.locator("[role=alert]").count() == 0


def test_no_spend_leaves_prices_empty(show: Show) -> None:
    zero = {"cost": 0, "visits": 100, "clicks": 0, "requests": 10, "qualified": 5, "sales": 2, "revenue": 100_000, "profit": 50_000}
    page = show(small({"Листовки": zero}), "income")
    row = cells(page, say("income.table"), "Листовки")
    assert [row[metric("romi")], row[metric("margin_romi")]] == ["—", "—"]
    payback = show(small({"Листовки": zero}), "payback")
    assert payback.locator(".return .main dd").all_inner_texts()[0].strip() == "—"
    assert say("payback.free") in plain(payback.locator(".payback-part").first.inner_text())


@pytest.mark.parametrize("view", ["summary", "payback", "income", "funnel", "traffic"])
def test_hostile_names_are_shown_as_text(show: Show, view: str) -> None:
    long = "Ш" * 500
    row = {"cost": 100, "visits": 10, "requests": 5, "qualified": 5, "sales": 20, "revenue": 1000, "profit": 500}
    page = show(small({HOSTILE: row, long: row, "\u202eтиви": row, "=1+1": row | {"profit": 0}}), view, 360)
    assert page.locator("#app img").count() == 0
    assert HOSTILE in page.locator(f".view-{view}").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_filter_by_manager_takes_spend_away_and_says_so(show: Show) -> None:
    page = show(files_of(), "payback", words=f"&manager={quote('Анна Петрова')}")
    assert say("no_traffic") in plain(page.locator(".view-payback").inner_text())
    assert cells(page, say("payback.table"), texts("ru")["views"]["total"])[metric("cost")] == "—"
