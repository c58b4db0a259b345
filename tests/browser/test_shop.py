"""From the ad link to the mail in a real browser, on the running stack and its demo shop: what `make up` shows to a newcomer."""

from __future__ import annotations

import io
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from infra.local.clock import RealClock
from infra.local.stack import LocalStack
from infra.shop.mailbox import attachments, html_of
from infra.shop.opening import NUMBERS, open_shop
from infra.shop.server import ShopServer

pytestmark = pytest.mark.browser

AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"  # headless is a robot
)
SHOWN = {f"{n[:2]} {n[2:5]} {n[5:8]}-{n[8:10]}-{n[10:]}" for n in NUMBERS}
DEFAULT = "+7 495 000-00-10"
PATIENCE = 15.0  # seconds
WALK_SECONDS = 120.0  # README promises the walk within two minutes; people read while they walk, a browser does not


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("shop"), RealClock()) as running:
        yield running


@pytest.fixture(scope="module")
def shop(stack: LocalStack) -> Iterator[ShopServer]:
    opened = open_shop(stack, 0, os.urandom)
    stop = threading.Event()
    pumping = threading.Thread(target=_pump, args=(stack, stop), daemon=True)
    pumping.start()
    yield opened
    stop.set()
    pumping.join()
    opened.close()


def _pump(stack: LocalStack, stop: threading.Event) -> None:
    while not stop.wait(0.2):
        stack.pump()


def visitor(chromium: Any) -> Any:
    """A browser of his own, in Russian."""
    context = chromium.new_context(user_agent=AGENT, locale="ru-RU", viewport={"width": 1000, "height": 800})
    context.set_default_timeout(PATIENCE * 1000)
    return context


def comes_by(context: Any, shop: ShopServer, link: str) -> Any:
    """A click on an ad link of the start screen opens the shop in a new tab."""
    start = context.new_page()
    start.goto(f"{shop.url}/demo/")
    with context.expect_page() as opened:
        start.click(f"a.link.{link}")
    page = opened.value
    page.wait_for_url(re.compile(f"^{re.escape(shop.url)}/(?!demo)"))
    start.close()
    page.bring_to_front()  # the tab behind another is a hidden one
    return page


def number_on(page: Any) -> str:
    """The number in the header, once it is a leased one."""
    swapped = "d => { const e = document.querySelector('header .phone'); return e && e.textContent.trim() !== d }"
    page.wait_for_function(swapped, arg=DEFAULT, polling=100)
    return str(page.text_content("header .phone")).strip().replace("\u00a0", " ")


def until(found: Callable[[], Any]) -> Any:
    """What `found` gives once it gives something."""
    end = time.monotonic() + PATIENCE
    while not (value := found()) and time.monotonic() < end:
        time.sleep(0.05)
    assert value
    return value


def raw(stack: LocalStack, kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for body in stack.objects("LakeBucket", f"raw/{kind}/").values() for line in body.splitlines()]


def figures_of(stack: LocalStack) -> dict[str, Any]:
    """The figures of the latest report."""
    kept = [body for key, body in stack.objects("FilesBucket", "reports/").items() if key.endswith(".json")]
    return max((dict(json.loads(body)) for body in kept), key=lambda figures: len(figures["deals"]))


def row_of(html: str, channel: str) -> str:
    """The mail's row of a channel, as its reader sees it."""
    table = html[html.index('<table class="ch"') :].partition("</table>")[0]
    rows = [row for row in re.findall(r"<tr\b.*?</tr>", table, re.DOTALL) if channel in visible(row)]
    assert len(rows) == 1, f"{len(rows)} rows of the mail name {channel}"
    return visible(rows[0])


def visible(markup: str) -> str:
    text = unescape(re.sub(r"<[^>]*>", " ", markup))
    return " ".join(text.replace("\u2060", "").replace("\u200b", "").split())


def rows_of(book: bytes, sheet: str) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_name(sheet).to_python()


def told(text: str, lead_id: int) -> str:
    """What the mail's text part says of a sale: the line of its source and the next one."""
    lines = text.splitlines()
    at = next(place for place, line in enumerate(lines) if f"amocrm:{lead_id}" in line)
    return " ".join(" ".join(lines[at - 1 : at + 1]).split())


def wins(page: Any, shop: ShopServer, lead_id: int, cost: int) -> None:
    """The manager: price as it is, the cost, paid."""
    page.goto(f"{shop.url}/demo/crm")
    card = page.locator(f"#lead-{lead_id}")
    card.locator("[name=cost]").fill(str(cost))
    card.get_by_role("button", name="Оплачено").click()
    page.wait_for_selector(f"#lead-{lead_id} .stage.now:has-text('Оплачено')")


def test_from_the_ad_link_to_the_mail_a_form_and_a_call_are_found_with_their_sources(
    stack: LocalStack, shop: ShopServer, chromium: Any
) -> None:
    began = time.monotonic()
    first = visitor(chromium)
    page = comes_by(first, shop, "yandex")
    number = number_on(page)
    assert number in SHOWN
    assert page.evaluate("document.referrer") == "https://yandex.ru/"
    page.click("a.card >> nth=0")
    page.wait_for_selector("form#order")
    assert number_on(page) == number
    second_tab = first.new_page()
    second_tab.goto(f"{shop.url}/contacts/")
    assert number_on(second_tab) == number
    assert str(second_tab.text_content(".big-phone")).strip().replace("\u00a0", " ") == number
    page.fill("[name=name]", "Вера Лугова")
    page.fill("[name=phone]", "8 (900) 000-00-17")
    page.click("form#order button")
    page.wait_for_url("**/thanks/")

    order = until(lambda: next(iter(shop.crm.leads.values()), None))
    assert order.fields.keys() == {"skvoz_request_id", "skvoz_visitor_id"}
    request = until(lambda: [one for one in raw(stack, "request") if one["request_id"] == order.fields["skvoz_request_id"]])[0]
    assert request["visitor_id"] == order.fields["skvoz_visitor_id"]
    events = until(lambda: [e for e in raw(stack, "crm_event") if e.get("request_id")])
    assert (events[0]["provider"], events[0]["deal_id"]) == ("amocrm", str(order.lead_id))
    assert events[0]["request_id"] == request["request_id"]

    second = visitor(chromium)
    his = comes_by(second, shop, "vk")
    his_number = number_on(his)
    assert his_number in SHOWN - {number}
    his.get_by_role("button", name="Дальше").click()
    his.get_by_role("button", name="Итог").click()
    assert his.url == f"{shop.url}/calc/itog/"
    his.wait_for_function(
        "n => document.querySelector('#calc a[href^=\"tel:\"]').textContent.replace(/\\u00a0/g, ' ').trim() === n", arg=his_number
    )
    with second.expect_page() as opened:
        his.click("#calc a[href^='tel:']")
    phone = opened.value
    phone.wait_for_selector(".handset")
    assert phone.input_value("[name=number]").replace(" ", "").replace("-", "") == his_number.replace(" ", "").replace("-", "")
    phone.click("button.ring")
    phone.wait_for_selector(".calls li")
    (call,) = shop.phone.calls
    assert (call.status, call.resolved_by) == (200, "lease")
    assert call.visitor_id == his.evaluate("skvoz.visitor()")

    manager = visitor(chromium).new_page()
    wins(manager, shop, order.lead_id, 9000)
    rang = max(shop.crm.leads.values(), key=lambda lead: lead.lead_id)
    shop.crm.move(rang.lead_id, rang.status_id, 48000, None)
    wins(manager, shop, rang.lead_id, 30000)
    manager.goto(f"{shop.url}/demo/mail")
    with manager.expect_navigation(timeout=60_000):
        manager.click("#send", timeout=60_000)
    manager.wait_for_selector("article.letter")

    deals = {deal["deal_id"]: deal for deal in figures_of(stack)["deals"]}
    by_form, by_call = deals[f"amocrm:{order.lead_id}"], deals[f"amocrm:{rang.lead_id}"]
    assert (by_form["match_method"], by_form["contact_channel"]) == ("request_id", "form")
    assert (by_form["channel"], by_form["campaign"]) == ("Yandex Direct", "tp-poisk-msk")
    assert float(by_form["revenue"]) == order.price
    assert (by_call["match_method"], by_call["contact_channel"]) == ("request_id", "call")
    assert (by_call["channel"], by_call["campaign"]) == ("VK Ads", "vk-remont")
    assert float(by_call["revenue"]) == 48000
    (mail,) = shop.mailbox.mails()
    for channel, price in (("Яндекс Директ", order.price), ("VK Реклама", 48000)):
        assert f"{price:,}".replace(",", " ") in row_of(html_of(mail), channel)
    text = mail.get_body(("plain",)).get_content()
    read = visible(html_of(mail))
    for lead, campaign in ((order, "tp-poisk-msk"), (rang, "vk-remont")):
        assert f"{campaign} Сделка amocrm:{lead.lead_id}, по номеру заявки" in read
        assert f"{campaign} Сделка amocrm:{lead.lead_id}, по номеру заявки" in told(text, lead.lead_id)
    (book,) = attachments(mail)
    assert book.name.endswith(".xlsx")
    (row,) = [row for row in rows_of(book.content, "Сделки") if f"amocrm:{order.lead_id}" in row]
    assert {"tp-poisk-msk", "по номеру заявки"} <= set(row)

    with manager.context.expect_page() as opened:
        manager.frame_locator(".letter iframe").get_by_role("link", name="Открыть полный отчёт").first.click()
    report = opened.value
    report.goto(f"{report.url.partition('#')[0]}#view=deals")
    line = report.locator(".deal-list tr", has_text="tp-poisk-msk")
    line.locator("button.fold").click()
    detail = report.locator(".deal-detail")
    detail.wait_for()
    assert "по номеру заявки" in detail.inner_text()
    assert "Яндекс Директ" in detail.locator("ol").inner_text()
    assert time.monotonic() - began < WALK_SECONDS


def test_the_send_button_says_that_it_works_and_comes_back_with_the_page(shop: ShopServer, chromium: Any) -> None:
    page = visitor(chromium).new_page()
    page.goto(f"{shop.url}/demo/mail")
    page.route("**/demo/mail/send", lambda route: route.abort())
    page.evaluate("document.getElementById('send').form.addEventListener('submit', e => e.preventDefault())")
    page.click("#send")
    assert page.locator("#send").is_disabled()
    assert page.text_content("#send") == "Собираем отчёт, до полминуты…"
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert page.locator("#send").is_enabled()
    assert page.text_content("#send") == "Отправить отчёт"


def test_the_report_can_be_sent_again(stack: LocalStack, shop: ShopServer, chromium: Any) -> None:
    page = visitor(chromium).new_page()
    page.goto(f"{shop.url}/demo/mail")
    before = len(shop.mailbox.mails())
    for more in (1, 2):
        with page.expect_navigation(timeout=60_000):
            page.click("#send", timeout=60_000)
        assert len(shop.mailbox.mails()) == before + more, page.text_content("main")
    assert page.get_by_role("heading", name="Почта владельца").is_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/catalog/",
        "/product/radiator-8/",
        "/contacts/",
        "/calc/",
        "/delivery/",
        "/demo/",
        "/demo/crm",
        "/demo/phone",
        "/demo/mail",
    ],
)
def test_no_page_is_wider_than_a_phone_or_has_errors(shop: ShopServer, chromium: Any, path: str) -> None:
    context = chromium.new_context(user_agent=AGENT, viewport={"width": 360, "height": 740})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{shop.url}{path}")
    page.wait_for_load_state("networkidle")
    assert errors == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    cut = "[...document.querySelectorAll('.bar a')].filter(a => a.getBoundingClientRect().right > 360).map(a => a.textContent)"
    assert page.evaluate(cut) == []
    context.close()


@pytest.mark.parametrize("width", [390, 1000])
def test_the_letter_is_as_high_as_its_content(shop: ShopServer, chromium: Any, width: int) -> None:
    if not shop.mailbox.mails():
        shop.mailbox.send_report()
    context = chromium.new_context(viewport={"width": 800, "height": 740})
    page = context.new_page()
    page.goto(f"{shop.url}/demo/mail")
    page.wait_for_load_state("networkidle")
    page.set_viewport_size({"width": width, "height": 740})
    heights = "f => [f.clientHeight, f.contentDocument.documentElement.scrollHeight, f.contentDocument.body.offsetHeight]"
    page.wait_for_function(
        "() => { const f = document.querySelector('.letter iframe'), d = f.contentDocument.documentElement;"
        " return d.scrollHeight === f.clientHeight && f.clientHeight > 1000 }"
    )
    shown, content, body = page.eval_on_selector(".letter iframe", heights)
    assert shown == content
    assert content - body < 60  # no empty end below it
    context.close()


def test_numbers_stay_on_one_line_of_a_phone(shop: ShopServer, chromium: Any) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 740})
    page = context.new_page()
    for path in ("/thanks/", "/delivery/", "/contacts/", "/product/radiator-8/"):
        page.goto(f"{shop.url}{path}")
        assert (
            page.evaluate("[...document.querySelectorAll('a[href^=\"tel:\"]')].filter(a => a.getClientRects().length > 1).length")
            == 0
        )
    context.close()


def test_enter_in_a_money_field_saves_and_leaves_the_stage(shop: ShopServer, chromium: Any) -> None:
    lead = shop.crm.take("Заявка", "Вера", "+79000000091")
    shop.crm.move(lead.lead_id, "58113406", 100, None)
    page = visitor(chromium).new_page()
    page.goto(f"{shop.url}/demo/crm")
    price = page.locator(f"#lead-{lead.lead_id} [name=price]")
    price.fill("9 000")
    with page.expect_navigation():
        price.press("Enter")
    assert (lead.price, lead.status_id) == (9000, "58113406")


def test_two_visitors_call_from_two_phones(shop: ShopServer, chromium: Any) -> None:
    callers = []
    for _ in range(2):
        page = visitor(chromium).new_page()
        page.goto(f"{shop.url}/demo/phone")
        callers.append(page.input_value("[name=caller]"))
        page.reload()
        assert page.input_value("[name=caller]") == callers[-1]
    assert callers[0] != callers[1]


def test_the_shop_loads_nothing_from_elsewhere(stack: LocalStack, shop: ShopServer, chromium: Any) -> None:
    page = visitor(chromium).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop.url)
    page.wait_for_load_state("networkidle")
    assert asked
    assert {url for url in asked if not url.startswith((shop.url, stack.url))} == set()
