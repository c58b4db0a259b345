"""The report's app in a real browser: it takes over the static page, every figure opens its deals, and what one chooses stands in
the address. The page is small (tests/browser/app_pages.py), the snapshot is the sample one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from functions.report import render
from shared.report_settings import SECTIONS
from tests.browser.app_pages import hosted, inlined
from tests.report_cases import figures_of, settings_of, shop, shop_before
from tests.snapshot_cases import sample, snapshot_of_deals
from tests.unit.node import APP, node_of

pytestmark = pytest.mark.browser
VK = "VK Реклама"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with hosted(sample()) as (url, _):
        yield url


@pytest.fixture
def page(chromium: Any, errors: list[str]) -> Iterator[Any]:
    """A tab in which no script may fail and nothing may break the page's policy."""
    context = chromium.new_context(locale="ru-RU", viewport={"width": 1400, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(10_000)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield context.new_page()
    context.close()


def until(page: Any, told: str) -> None:
    """Wait for an expression to be true. (Playwright's own waiting evaluates texts, which the page's policy forbids.)"""
    for _ in range(300):
        if page.evaluate(told):
            return
        page.wait_for_timeout(33)
    raise AssertionError(f"not within ten seconds: {told}")


def row(page: Any, name: str) -> Any:
    return page.locator("table.live tbody tr[role=row]", has=page.locator("th.name", has_text=name)).first


def figure(page: Any, name: str, column: str) -> str:
    return str(row(page, name).locator(f'td[data-name="{column}"]').inner_text()).split("\n")[0].strip()


def shown(page: Any, url: str) -> None:
    page.goto(url)
    page.locator("#app .title").wait_for()
    page.locator("#app table.live tbody tr, #app .static, #app .view").first.wait_for()


def test_a_file_needs_no_server_and_asks_for_nothing(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(inlined(sample()), "utf-8")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if not request.url.startswith("blob:") else None)
    shown(page, file.as_uri() + "#view=channels")
    assert int(figure(page, VK, "Расход").replace("\u00a0", "")) > 0
    page.get_by_role("link", name="Модели атрибуции").click()
    page.locator("h2.title", has_text="Модели").wait_for()
    assert "view=models" in page.evaluate("location.hash")
    assert [url.partition("#")[0] for url in asked] == [file.as_uri()]


def test_a_hosted_page_asks_only_for_what_it_shows(page: Any) -> None:
    with hosted(sample()) as (url, asked):
        shown(page, f"{url}?view=channels")
        months = {"2026-08", "2026-09", "2026-10"}  # the period and the one before
        told = {f"{stem}-{month}" for stem in ("traffic", "results-last_non_direct-request") for month in months}
        assert set(asked) == {"manifest", "places", "dims"} | told
        assert len(asked) == len(set(asked))


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_opens_without_a_fault_and_fits_the_screen(page: Any, address: str, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    shown(page, address)
    names = [name for name in SECTIONS if page.locator(f'.nav a[href*="view={name}"]').count()]
    assert {"channels", "models", "deals", "summary", "quality"} <= set(names)
    for name in names:
        shown(page, f"{address}?view={name}")
        until(page, "document.querySelector('[aria-busy=true]') === null")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.locator("[role=alert]").count() == 0, name
        assert "app." not in page.locator("#app").inner_text(), name
        assert "NaN" not in page.locator("#app").inner_text(), name
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(18, 22, 29)") == (scheme == "dark")


def test_a_row_opens_down_to_the_keyword_and_stays_open_after_a_reload(page: Any, address: str) -> None:
    shown(page, f"{address}?view=channels")
    for level, name in enumerate((VK, "mytarget", "Бренд", "объявление 1"), 1):
        one = row(page, name)
        assert one.get_attribute("aria-level") == str(level)
        assert one.get_attribute("aria-expanded") == "false"
        one.locator("button.fold").click()
    assert row(page, "шкаф купе цена").get_attribute("aria-level") == "5"
    until(page, "location.search.includes('open=')")
    page.reload()
    row(page, "шкаф купе цена").wait_for()
    row(page, VK).locator("button.fold").click()
    assert row(page, "mytarget").count() == 0


def test_rows_add_up_to_the_total(page: Any, address: str) -> None:
    shown(page, f"{address}?view=channels&from=2026-01-01&to=2026-10-12")
    for column in ("Расход", "Визиты", "Выручка"):
        cells = page.locator(f'table.live tbody tr.level-1 td[data-name="{column}"]').all_inner_texts()
        told = [int(text.split("\n")[0].replace("\u00a0", "")) for text in cells]
        total = page.locator(f'table.live tfoot td[data-name="{column}"]').inner_text().split("\n")[0].replace("\u00a0", "")
        assert abs(sum(told) - int(total)) <= len(told), column  # each is rounded to a whole rouble when shown


def test_a_figure_opens_the_deals_behind_it_and_back_returns(page: Any, address: str) -> None:
    shown(page, f"{address}?view=channels")
    count = int(figure(page, VK, "Заявки"))
    row(page, VK).locator('td[data-name="Заявки"] a').click()
    page.locator("h2.title", has_text="Заявки и сделки").wait_for()
    page.locator(".deal-list tbody tr").first.wait_for()
    until(page, "document.querySelector('.card > .state').textContent.includes('Выручка')")
    assert page.locator(".card > .state").first.inner_text().startswith(f"{count} ")
    sources = page.locator(".deal-list td:nth-child(3) > bdi").all_inner_texts()
    assert len(sources) == count
    assert {text.split(" › ")[0] for text in sources} == {VK}
    assert page.evaluate("document.activeElement.className") == "title"
    page.go_back()
    row(page, VK).wait_for()
    assert page.locator("h2.title").inner_text() == "Каналы и кампании"


def test_a_part_of_a_request_is_told_as_a_part_and_parts_add_up_to_the_figure(page: Any, address: str) -> None:
    for basis in ("request", "touch"):
        shown(page, f"{address}?view=channels&model=linear&basis={basis}")
        requests, revenue = figure(page, VK, "Заявки"), figure(page, VK, "Выручка")
        for column, told in (("Заявки", f"заявок {requests}"), ("Выручка", f"выручка {revenue},")):
            shown(page, f"{address}?view=channels&model=linear&basis={basis}")
            row(page, VK).locator(f'td[data-name="{column}"] a').click()
            page.locator(".state.parts").wait_for()
            assert told in page.locator(".state.parts").inner_text(), basis
            assert page.locator(".card > .stale").count() == 0
        head, *rows = CalamineWorkbook.from_filelike(BytesIO(saved(page, "Excel"))).get_sheet_by_index(0).to_python()
        parts = sum(float(str(one[head.index("Выручка в выбранном")] or 0)) for one in rows)
        assert round(parts) == int(revenue.replace("\u00a0", ""))
        assert any(0 < float(str(one[head.index("Доля в выбранном")])) < 1 for one in rows)


def test_figures_that_no_list_adds_up_to_open_none(page: Any, address: str) -> None:
    shown(page, f"{address}?view=channels&basis=payment&columns=cost,visits,requests,sales,revenue,gross_profit")
    linked = page.locator("table.live td a").evaluate_all("all => [...new Set(all.map(one => one.closest('td').dataset.name))]")
    assert linked == ["Заявки", "Продажи"]
    shown(page, f"{address}?view=channels&tab=landings")
    assert page.locator("table.live td a").count() == 0
    shown(page, f"{address}?view=payback")
    page.locator("table.live tfoot td").first.wait_for()
    assert page.locator("table.live tbody td a").count() > 0
    assert page.locator("table.live tfoot td a").count() == 0, "advertising alone is not everything"


def test_reasons_of_dropping_open_the_requests_dropped_for_them(page: Any, address: str) -> None:
    shown(page, f"{address}?view=qualification&model=linear&place=VK%2520Ads/")
    dropped = page.locator("dl.keys a.figure").nth(2)
    count = dropped.inner_text()
    dropped.click()
    page.locator(".state.parts").wait_for()
    assert page.locator(".state.parts").inner_text().startswith(f"На выбранное приходится {count}: ")
    page.go_back()
    page.locator('td[data-name="Заявок"] a, td[data-name="Отсеяно"] a').last.click()
    page.get_by_role("button", name="Показать все причины").wait_for()
    assert page.locator(".card > .state", has_text="Причина отсева: Дорого").count() == 1


def test_a_deal_tells_its_path_and_why(page: Any, address: str) -> None:
    shown(page, f"{address}?view=deals&model=linear")
    page.locator(".deal-list button.fold").nth(1).click()
    detail = page.locator(".deal-detail").first
    detail.wait_for()
    assert "Линейная" in detail.inner_text()
    assert "%" in detail.locator("ol").inner_text()
    page.get_by_label("Порядок").select_option("revenue")
    until(page, "document.querySelector('.card > .state').textContent.includes('Выручка')")
    texts = page.locator('.deal-list td[data-name="Выручка"]').all_inner_texts()
    money = [float(text.replace("\u00a0", "").replace(",", ".").replace("—", "0")) for text in texts]
    assert money == sorted(money, reverse=True)
    assert money[0] > 0


def test_names_from_outside_are_text(page: Any, address: str) -> None:
    shown(page, f"{address}?view=deals")
    assert page.locator("#app b").count() == 0
    page.get_by_role("button", name="Фильтры").click()
    page.get_by_label("Менеджер").select_option(label="Борис <b>Жук</b>")
    chip = page.locator(".chip", has_text="Борис <b>Жук</b>")
    chip.wait_for()


def test_filters_stand_in_the_address_and_spend_is_not_split_by_them(page: Any, address: str) -> None:
    shown(page, f"{address}?view=channels")
    whole = int(figure(page, VK, "Заявки"))
    page.get_by_role("button", name="Фильтры").click()
    page.get_by_label("Менеджер").select_option(label="Анна Петрова")
    until(page, "document.querySelector('table.live td[data-name=\"Расход\"]').innerText === '—'")
    assert 0 < int(figure(page, VK, "Заявки")) < whole
    until(page, "new URLSearchParams(location.search).get('manager') === 'Анна Петрова'")
    page.reload()
    page.locator(".chip", has_text="Анна Петрова").click()
    until(page, "document.querySelector('table.live td[data-name=\"Расход\"]').innerText !== '—'")
    assert int(figure(page, VK, "Заявки")) == whole


def test_another_period_model_and_basis_change_the_figures_and_static_sections_say_whose_they_are(page: Any, address: str) -> None:
    shown(page, f"{address}?view=quality")
    assert page.locator(".of-report").count() == 0
    page.get_by_role("combobox", name="Период", exact=True).select_option("all")
    page.locator(".of-report", has_text="За период отчёта").wait_for()
    page.get_by_role("link", name="Каналы и кампании").click()
    row(page, VK).wait_for()
    before = figure(page, VK, "Заявки")
    page.get_by_label("Модель атрибуции").select_option("linear")
    until(page, f"!document.querySelector('table.live').innerText.includes({before!r})")
    page.get_by_label("Дата результата").select_option("payment")
    until(page, "location.search.includes('basis=payment') && location.search.includes('model=linear')")
    page.get_by_label("Сравнить").select_option("none")
    until(page, "document.querySelector('table.live td .change') === null")


def test_sort_search_and_columns(page: Any, address: str) -> None:
    shown(page, f"{address}?view=channels")
    header = page.locator("th[role=columnheader]", has_text="Визиты")
    header.locator("button").click()
    until(page, "document.querySelector('th[aria-sort=descending]') !== null")
    visits = page.locator('tbody tr.level-1 td[data-name="Визиты"]').all_inner_texts()
    told = [int(text.split("\n")[0].replace("\u00a0", "")) for text in visits]
    assert told[:-1] == sorted(told[:-1], reverse=True)
    assert page.locator("tbody tr.level-1 th").last.inner_text() == "Без источника"
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert page.locator("tbody tr.level-1 th").last.inner_text() == "Без источника"
    page.get_by_role("searchbox").fill("ретаргет")
    row(page, "Ретаргетинг").wait_for()
    assert row(page, "Бренд").count() == 0
    page.get_by_role("searchbox").fill("нет такого")
    page.get_by_text("Ничего не найдено").wait_for()
    page.get_by_role("searchbox").fill("")
    page.locator(".choice summary").click()
    page.locator(".choice").get_by_label("CTR").check()
    page.locator("th[role=columnheader]", has_text="CTR").wait_for()
    until(page, "location.search.includes('ctr')")


def saved(page: Any, name: str) -> bytes:
    with page.expect_download() as told:
        page.get_by_role("button", name=name).click()
    return Path(told.value.path()).read_bytes()


def test_what_is_seen_is_saved_as_csv_and_xlsx(page: Any, address: str) -> None:
    shown(page, f"{address}?view=channels&open=Yandex%2520Direct/&open=Yandex%2520Direct/yandex/")
    row(page, "Распродажа <осень>").wait_for()
    rows = page.locator("table.live tbody tr").count()
    lines = saved(page, "CSV").decode("utf-8-sig").splitlines()
    assert len(lines) == rows + 2
    assert lines[0].replace('"', "").startswith("Канал, источник, кампания;Оценка;Расход;")
    assert any(line.startswith("Яндекс Директ › yandex › Распродажа <осень>;") for line in lines)
    sheet = CalamineWorkbook.from_filelike(BytesIO(saved(page, "Excel"))).get_sheet_by_index(0).to_python()
    assert len(sheet) == rows + 2
    head, total = sheet[0], sheet[-1]
    assert total[0] == "Итого"
    assert isinstance(total[head.index("Расход")], float)
    told = page.locator('table.live tfoot td[data-name="Расход"]').inner_text().split("\n")[0].replace("\u00a0", "")
    assert round(float(str(total[head.index("Расход")]))) == int(told)


def test_a_static_table_is_saved_as_it_is_seen(page: Any, tmp_path: Path) -> None:
    static = render.page(figures_of(shop(), shop_before()), settings_of())
    begin = static.index('<section data-view="source_control"')
    own = re.compile(r'<section class="card" data-view="source_control".*?</section>', re.S)
    section = static[begin : static.index("</section>", begin) + len("</section>")]
    file = tmp_path / "report.html"
    file.write_text(own.sub(lambda _: section, inlined(sample())), "utf-8")
    shown(page, file.as_uri() + "#view=source_control")
    button = page.get_by_role("button", name="Сохранить в CSV: По каналам и источникам")
    seen = page.locator('table:has(caption:text-is("По каналам и источникам")) tr:visible').count()
    button.focus()
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    lines = Path(waiting.value.path()).read_text("utf-8-sig").splitlines()
    assert waiting.value.suggested_filename.endswith("По каналам и источникам.csv")
    assert len(lines) == seen
    assert lines[0].split(";")[1:3] == ["Обращения", "Сделки"]
    assert lines[-1].startswith("Итого;")
    assert lines[-1].split(";")[1].isdigit()


def test_deals_are_saved_whole(page: Any, address: str) -> None:
    shown(page, f"{address}?view=deals&from=2025-09-08&to=2026-10-12")
    page.locator(".deal-list tbody tr").first.wait_for()
    sheet = CalamineWorkbook.from_filelike(BytesIO(saved(page, "Excel"))).get_sheet_by_index(0).to_python()
    assert len(sheet) == 601


def test_the_table_is_one_stop_of_the_tab_key_and_arrows_move_in_it(page: Any, address: str) -> None:
    shown(page, f"{address}?view=channels")
    assert page.locator('table.live [tabindex="0"]').count() == 1
    page.locator("th.name .sort").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('tr').dataset.index") == "0"
    page.keyboard.press("ArrowRight")  # a closed row opens
    page.locator("tr.level-2").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('tr').getAttribute('aria-level')") == "2"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    until(page, "document.querySelector('tr.level-2') === null")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    for _ in range(5):  # the row opens; verdict, spend and visits, which have no deals; requests
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator("h2.title", has_text="Заявки и сделки").wait_for()


def test_a_missing_file_is_told_and_the_static_section_stays(page: Any, errors: list[str]) -> None:
    files = {name: body for name, body in sample().items() if name != "traffic-2026-10"}
    with hosted(files) as (url, _):
        page.goto(f"{url}?view=models")
        page.locator("[role=alert]", has_text="Часть данных не пришла").wait_for()
        page.get_by_text("Как в письме: models").wait_for()
    assert [text for text in errors if "404" not in text] == []
    errors.clear()


def test_a_revoked_link_leaves_the_static_report_and_says_so(page: Any, errors: list[str]) -> None:
    with hosted({}) as (url, _):
        page.goto(url)
        page.locator("[role=alert]", has_text="Живые таблицы не загрузились").wait_for()
        page.get_by_text("Как в письме: channels").wait_for()
        assert page.locator("#app").count() == 0
    errors.clear()


def test_a_view_that_fails_is_named_and_the_others_go_on(page: Any, errors: list[str]) -> None:
    landings = json.loads(sample()["manifest"])
    files = {**sample(), "manifest": json.dumps({**landings, "thresholds": None}).encode()}
    with hosted(files) as (url, _):
        page.goto(f"{url}?view=channels")
        page.locator("[role=alert]", has_text="«Каналы и кампании» не показался").wait_for()
        page.get_by_text("Как в письме: channels").wait_for()
        page.get_by_role("link", name="Заявки и сделки").click()
        page.locator(".deal-list tbody tr").first.wait_for()
    errors.clear()


def test_a_mails_link_to_a_part_opens_its_view(page: Any, address: str) -> None:
    shown(page, f"{address}#quality")
    assert page.locator("h2.title").inner_text() == "Качество данных"


def test_an_address_of_nobodys_making_opens_the_report_and_says_what_it_has_not(page: Any, address: str) -> None:
    for anchor in ("#%E0%A4%A", "#nonsense"):
        shown(page, f"{address}{anchor}")
        assert page.locator(".nav [aria-current]").count() == 1
    shown(page, f"{address}#source_control")
    assert page.locator("h2.title").inner_text() == page.locator(".nav [aria-current]").inner_text() == "Контроль источников"
    shown(page, f"{address}?view=channels&from=2019-01-01&to=2019-01-31")
    page.locator(".stale", has_text="данных нет: история этой страницы").wait_for()
    page.get_by_role("combobox", name="Период", exact=True).select_option("all")
    until(page, "document.querySelector('.stage .stale') === null")


def test_a_mails_link_to_a_channel_opens_it_in_its_view(page: Any) -> None:
    with hosted(sample()) as (url, _):
        page.route(f"{url}*", lambda route: _with_row(route) if "data=" not in route.request.url else route.continue_())
        page.goto(f"{url}#channel-0a1b2c3d")
        page.locator(".chip", has_text=VK).wait_for()
        page.locator("table.live tr.level-1").first.wait_for()
        assert page.locator("h2.title").inner_text() == "Каналы и кампании"
        assert page.locator("table.live tr.level-1").count() == 1


def _with_row(route: Any) -> None:
    """The page with a row of its static table, as templates/channels.html.j2 makes it."""
    answer = route.fetch()
    text = f'<p id="channel-0a1b2c3d"><bdi>{VK}</bdi></p><p class="part">Как в письме: channels</p>'
    route.fulfill(response=answer, body=answer.text().replace('<p class="part">Как в письме: channels</p>', text))


def test_print_is_the_current_view_with_every_row(page: Any, address: str) -> None:
    shown(page, f"{address}?view=deals&from=2025-09-08&to=2026-10-12&x_order=oldest")
    until(page, "document.querySelector('.card > .state').textContent.includes('Выручка')")
    seen = page.locator(".deal-list tbody tr[role=row]").count()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert seen < 100 < page.locator(".deal-list tbody tr[role=row]").count() == 600
    assert not page.locator(".nav").is_visible()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    until(page, "document.querySelectorAll('.deal-list tbody tr[role=row]').length < 100")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(page: Any, address: str, scheme: str) -> None:
    node_of(APP)
    axe = (APP / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    page.emulate_media(color_scheme=scheme)
    for words in (
        "view=channels&open=Yandex%2520Direct/",
        "view=channels&tab=landings",
        "view=models",
        "view=deals",
        "view=quality",
    ):
        shown(page, f"{address}?{words}")
        page.get_by_role("button", name="Фильтры").click()
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(told => told.violations)")
        grave = [
            (fault["id"], node["html"][:200], node["failureSummary"])
            for fault in found
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"][:3]
        ]
        assert grave == [], words


SCROLL = """async () => {
  const area = document.querySelector('.wide.long')
  for (let step = 0; step < 60; step++) {
    area.scrollTop += 900
    await new Promise(requestAnimationFrame)
  }
  return { drawn: document.querySelectorAll('.deal-list tbody tr[role=row]').length, at: area.scrollTop }
}"""


def opened(page: Any, url: str) -> float:
    """Milliseconds from asking for the page to its first deal."""
    page.goto(f"{url}?view=deals&from=2025-09-08&to=2026-10-12&compare=none")
    page.locator(".deal-list tbody tr[role=row]").first.wait_for()
    return float(page.evaluate("performance.getEntriesByName('first deal')[0].startTime"))


def busy(session: Any) -> float:
    """Seconds that the page's thread has worked (its own clock: other work on the machine does not count)."""
    return float(next(one["value"] for one in session.send("Performance.getMetrics")["metrics"] if one["name"] == "TaskDuration"))


def test_a_hundred_thousand_deals_open_within_a_second_and_scroll_smoothly(page: Any) -> None:
    page.add_init_script("""new MutationObserver((_, watch) => {
      if (!document.querySelector('.deal-list tbody tr[role=row]')) return
      performance.mark('first deal')
      watch.disconnect()
    }).observe(document, { childList: true, subtree: true })""")
    with hosted(snapshot_of_deals(100_000)) as (url, asked):
        tries = [opened(page, url)]
        while min(tries) > 1000 and len(tries) < 3:  # the machine may have other work
            tries.append(opened(page, url))
        assert min(tries) <= 1000, tries
        assert len({name for name in asked if name.startswith("requests-")}) <= 2
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = busy(session)
        told = page.evaluate(SCROLL)
        assert told["drawn"] < 80
        assert told["at"] > 20_000
        assert (busy(session) - before) / 60 <= 0.03, "work for each of sixty frames of a fast scroll"
