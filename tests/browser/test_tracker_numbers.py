"""Leased numbers in a real browser, against the real doors of hits and numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.shop import MARKS, POOL, SITE, Shop, kept, loaded, settled, until

pytestmark = pytest.mark.browser

LEASE, RENEW = "/v1/numbers/lease", "/v1/numbers/renew"
PHONES = """
<a id="link" href="tel:+74950000010" onclick="return false"><b>8 (495)</b> 000-00-10</a>
<p id="text">Звоните: +7 495 000‑00‑10, 8(495)0000011 доб. 5 или (495) 000 00 10 / 84950000010 8 800 000-00-10</p>
<p id="left" data-skvoz-noswap>+7 495 000-00-10 <a href="tel:+74950000010" onclick="return false">факс</a></p>
<p id="other">12+7 495 000-00-100, заказ 4950000010, +7 (812) 000-00-10</p><textarea id="area">+7 495 000-00-10</textarea>
"""


def shown(tab: Any, selector: str = "#link") -> str:
    text: str = tab.inner_text(selector)
    return text


def swapped(shop: Shop, tab: Any, path: str = "/a") -> str:
    """The number that the page shows once it has its lease."""
    shop.bodies.setdefault(path, PHONES)
    tab.goto(f"{shop.pages}{path}")
    tab.wait_for_function("document.querySelector('#link').getAttribute('href') !== 'tel:+74950000010'")
    number: str = tab.get_attribute("#link", "href")
    return number.removeprefix("tel:")


def batches(shop: Shop) -> list[dict[str, Any]]:
    return [json.loads(body) for path, body in shop.posts if path == "/v1/hits"]


def until_of(shop: Shop, number: str) -> int:
    """When the number's lease ends, by the table."""
    key = {"pk": {"S": f"pool#{SITE}#main"}, "sk": {"S": number}}
    return int(shop.dynamodb.get_item(TableName="numbers", Key=key)["Item"]["until"]["N"])


def test_the_visitor_sees_his_number_in_the_pages_own_spelling(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    assert swapped(shop, tab) == "+74950000031"
    assert shown(tab) == "8 (495) 000-00-31"
    assert shown(tab, "#text") == (
        "Звоните: +7 495 000‑00‑31, 8(495)0000031 доб. 5 или (495) 000 00 31 / 84950000031 8 800 000-00-10"
    )
    assert shown(tab, "#left") == "+7 495 000-00-10 факс"
    assert tab.get_attribute("#left a", "href") == "tel:+74950000010"
    assert tab.evaluate("document.querySelector('#area').value") == "+7 495 000-00-10"


def test_other_numbers_are_left_alone(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    swapped(shop, tab)
    assert shown(tab, "#other") == "12+7 495 000-00-100, заказ 4950000031, +7 (812) 000-00-10"


def test_a_second_page_and_a_second_tab_show_the_same_number_without_asking(shop: Shop, tab: Any) -> None:
    shop.settle(*POOL)
    number = swapped(shop, tab)
    answers = shop.hold("/v1/hits")
    assert swapped(shop, tab, "/b") == number
    second = tab.context.new_page()
    assert swapped(shop, second, "/c") == number
    answers.set()
    settled(shop, second, 3)
    assert shop.came(LEASE) == 1
    assert {batch["lease"]["number"] for batch in batches(shop)[1:]} == {number}


def test_two_visitors_see_two_numbers(shop: Shop, tab: Any, chromium: Any) -> None:
    shop.settle(*POOL)
    number = swapped(shop, tab)
    context = chromium.new_context()
    assert swapped(shop, context.new_page()) != number
    context.close()


def test_blocks_that_come_late_are_swapped_too(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    swapped(shop, tab)
    tab.evaluate("""document.body.insertAdjacentHTML('beforeend',
      '<div id="late"><a href="tel:84950000010">call</a> +7 (495) 000-00-11</div>')""")
    tab.evaluate("document.querySelector('#other').firstChild.data = 'теперь +7 495 000-00-10'")
    assert shown(tab, "#late") == "call +7 (495) 000-00-31"
    assert tab.get_attribute("#late a", "href") == "tel:+74950000031"
    assert shown(tab, "#other") == "теперь +7 495 000-00-31"


def test_a_page_without_a_phone_leases_none_until_one_comes(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    shop.bodies["/a"] = "<p>+7 495 000-00-10</p>"
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    tab.evaluate("skvoz.event('price')")
    settled(shop, tab, 2)
    assert shop.came(LEASE) == 0
    tab.evaluate("""document.body.insertAdjacentHTML('beforeend', '<a id="link" href="tel:+74950000010">call</a>')""")
    tab.wait_for_selector('[href="tel:+74950000031"]')
    assert shop.came(LEASE) == 1


def test_numbers_of_the_tag_are_found_in_texts_and_no_others_are_swapped(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    shop.attributes = 'data-phones="+7 812 000-00-10"'
    shop.bodies["/a"] = '<p id="other">+7 495 000-00-10, 8 (812) 000 00 10</p>'
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shown(tab, "#other") == "+7 495 000-00-10, 8 (495) 000 00 31")


def test_a_number_of_another_length_is_shown_as_the_site_writes_it(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    shop.attributes = 'data-phones="0000010"'
    shop.bodies["/a"] = '<p id="other">000-00-10</p>'
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shown(tab, "#other") == "+7 495 000-00-31")


def test_a_late_answer_waits_for_the_next_page(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    shop.bodies["/a"] = PHONES
    answer = shop.hold(LEASE)
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.came(LEASE) == 1)
    tab.wait_for_timeout(850)
    answer.set()
    until(tab, lambda: bool(kept(tab, "lease")))
    assert shown(tab) == "8 (495) 000-00-10"
    assert swapped(shop, tab, "/b") == "+74950000031"
    assert shop.came(LEASE) == 1


def test_without_a_number_the_page_keeps_its_own(shop: Shop, tab: Any) -> None:
    shop.settle(numbers={})
    shop.bodies["/a"] = PHONES
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: bool(kept(tab, "lease")))
    assert kept(tab, "lease")["kind"] == "none"
    assert shown(tab) == "8 (495) 000-00-10"


def test_the_door_of_numbers_down_leaves_the_page_alone(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    shop.bodies["/a"] = PHONES
    tab.route(f"**{LEASE}", lambda route: route.abort())
    with tab.expect_event("requestfailed"):
        tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    assert shown(tab) == "8 (495) 000-00-10"


def test_the_number_of_the_source_stays_on_the_next_pages(shop: Shop, tab: Any) -> None:
    static = [{"number": "+74950000041", "source": "yandex", "medium": "cpc"}]
    shop.settle(numbers={"default": "+74950000010", "static": static})
    shop.bodies["/a"] = PHONES
    tab.goto(f"{shop.pages}/a{MARKS}")
    tab.wait_for_selector('#link[href="tel:+74950000041"]')
    assert swapped(shop, tab, "/b") == "+74950000041"
    assert shop.came(LEASE) == 1
    # Over by the time the third page begins: the second one, still open, must not be the one that leases anew.
    tab.add_init_script(f"""if (location.pathname === '/c') localStorage.setItem('skvoz_lease_{SITE}',
      JSON.stringify({{ ...JSON.parse(localStorage.getItem('skvoz_lease_{SITE}')), until: Date.now() - 1 }}))""")
    assert swapped(shop, tab, "/c") == "+74950000041"
    assert shop.came(LEASE) == 2


def test_a_lease_is_renewed_while_the_visitor_is_active(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    tab.clock.install()
    swapped(shop, tab)
    tab.mouse.move(5, 5)
    before = until_of(shop, "+74950000031")
    tab.clock.run_for(61_000)
    until(tab, lambda: shop.came(RENEW) == 1)
    until(tab, lambda: until_of(shop, "+74950000031") > before)
    tab.clock.run_for(180_000)
    tab.evaluate("skvoz.event('price')")
    tab.clock.run_for(1_000)
    until(tab, lambda: len(shop.stored()) == 2)
    assert shop.came(RENEW) == 1


def test_a_page_in_the_background_does_not_renew(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    tab.clock.install()
    swapped(shop, tab)
    tab.mouse.move(5, 5)
    tab.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    tab.clock.run_for(121_000)
    tab.evaluate("delete document.hidden")
    tab.clock.run_for(61_000)
    assert shop.came(RENEW) == 0  # nor for what was done before
    tab.mouse.move(9, 9)
    tab.clock.run_for(61_000)
    until(tab, lambda: shop.came(RENEW) == 1)


def test_what_scrolls_by_itself_does_not_renew_and_the_wheel_does(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    tab.clock.install()
    swapped(shop, tab)
    tab.evaluate("document.querySelector('#text').dispatchEvent(new Event('scroll'))")
    tab.clock.run_for(61_000)
    tab.evaluate("document.querySelector('#text').dispatchEvent(new WheelEvent('wheel', { bubbles: true }))")
    assert shop.came(RENEW) == 0
    tab.clock.run_for(61_000)
    until(tab, lambda: shop.came(RENEW) == 1)


def test_a_click_on_the_number_is_a_sign_of_life(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    swapped(shop, tab)
    before = until_of(shop, "+74950000031")
    tab.click("#link")
    until(tab, lambda: shop.kinds() == ["page_view", "call_click"])
    assert batches(shop)[-1]["lease"]["number"] == "+74950000031"
    until(tab, lambda: until_of(shop, "+74950000031") > before)


def test_a_lost_lease_is_leased_anew(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    swapped(shop, tab)
    shop.settle("+74950000032")
    for item in shop.dynamodb.scan(TableName="numbers")["Items"]:  # the site gave the number up, more than a minute ago
        if item["sk"]["S"] in ("+74950000031", "guard"):
            shop.dynamodb.delete_item(TableName="numbers", Key={"pk": item["pk"], "sk": item["sk"]})
    tab.evaluate("skvoz.event('back')")
    tab.wait_for_selector('#link[href="tel:+74950000032"]')
    assert shown(tab) == "8 (495) 000-00-32"
    assert shop.came(LEASE) == 2


def test_pages_that_draw_the_number_themselves_are_told(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    shop.bodies["/a"] = """<script>
      (window.skvozq = window.skvozq || []).push((skvoz) => skvoz.number((shown) => { window.told = shown.shown }))
    </script>"""
    tab.goto(f"{shop.pages}/a")
    tab.wait_for_function("window.told === '+7 495 000-00-31'")
    assert tab.evaluate("new Promise((done) => skvoz.number((shown) => done(shown.number)))") == "+74950000031"


def test_two_scripts_that_undo_each_other_come_to_an_end(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    swapped(shop, tab)
    tab.evaluate("""(() => {
      const other = document.querySelector('#other'), theirs = 'наш +7 495 000-00-10'
      window.turns = 0
      const undo = () => { if (other.textContent !== theirs) { window.turns++; other.textContent = theirs } }
      new MutationObserver(undo).observe(other, { childList: true, characterData: true, subtree: true })
      undo()
    })()""")
    tab.wait_for_function("window.turns > 900")
    assert tab.evaluate("window.turns") < 1_100
    assert shown(tab, "#other") == "наш +7 495 000-00-10"
    tab.wait_for_timeout(1_100)
    tab.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=late>+7 495 000-00-10</p>')")
    assert shown(tab, "#late") == "+7 495 000-00-31"  # the rest of the page goes on


def test_the_core_leases_nothing(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    shop.script, shop.bodies["/a"] = "skvoz.core.js", PHONES
    tab.goto(f"{shop.pages}/a")
    loaded(tab)
    tab.evaluate("skvoz.number(() => { throw new Error('never') })")
    settled(shop, tab, 1)
    assert "lease" not in batches(shop)[0]
    assert shop.came(LEASE) == 0
    assert shown(tab) == "8 (495) 000-00-10"
