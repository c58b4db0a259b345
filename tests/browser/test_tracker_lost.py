"""A number that is not the visitor's any more: he gets another one, or the page's own, and never keeps a stranger's."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.browser.shop import Shop, settled, until
from tests.browser.test_tracker_pools import HEARD, LEASE, PHONE, RENEW, swapped

pytestmark = pytest.mark.browser


def give_up(shop: Shop, number: str) -> None:
    """The site gave the number up, more than a minute ago."""
    for item in shop.dynamodb.scan(TableName="numbers")["Items"]:
        if item["sk"]["S"] in (number, "guard"):
            shop.dynamodb.delete_item(TableName="numbers", Key={"pk": item["pk"], "sk": item["sk"]})


def more_than(tries: list[str], count: int) -> bool:
    return len(tries) > count


def test_a_number_that_changes_in_one_tab_changes_in_the_others(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    assert swapped(shop, tab) == "+74950000031"
    second = tab.context.new_page()
    assert swapped(shop, second) == "+74950000031"
    settled(shop, second, 2)
    give_up(shop, "+74950000031")
    shop.settle("+74950000032")
    second.evaluate("skvoz.event('back')")
    second.wait_for_selector('#link[href="tel:+74950000032"]')
    tab.wait_for_selector('#link[href="tel:+74950000032"]')


def test_who_comes_back_after_his_lease_asks_at_his_first_move(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    tab.clock.install()
    swapped(shop, tab)
    tab.clock.run_for(4_000_000)
    assert (shop.came(LEASE), shop.came(RENEW)) == (1, 0)
    give_up(shop, "+74950000031")
    shop.settle("+74950000032")
    tab.mouse.move(5, 5)
    tab.wait_for_selector('#link[href="tel:+74950000032"]')
    assert shop.came(LEASE) == 2


@pytest.mark.parametrize("sign", ["a move", "the tab that he sees"])
def test_who_moved_before_he_left_the_tab_asks_at_once_when_he_is_back(shop: Shop, tab: Any, sign: str) -> None:
    shop.settle("+74950000031")
    tab.clock.install()
    swapped(shop, tab)
    tab.mouse.move(5, 5)
    tab.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    tab.clock.fast_forward(2_400_000)
    give_up(shop, "+74950000031")
    shop.settle("+74950000032")
    tab.evaluate("delete document.hidden")
    assert (shop.came(LEASE), shop.came(RENEW)) == (1, 0)
    if sign == "a move":
        tab.mouse.move(9, 9)
    else:
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    tab.wait_for_selector('#link[href="tel:+74950000032"]', timeout=5_000)
    assert shop.came(LEASE) == 2


def test_who_lost_his_number_while_the_door_was_down_asks_again_each_minute(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    tab.clock.install()
    swapped(shop, tab)
    give_up(shop, "+74950000031")
    shop.settle("+74950000032")
    tries: list[str] = []

    def refuse(route: Any) -> None:
        tries.append(route.request.url)
        route.abort()

    tab.route(f"**{LEASE}", refuse)
    tab.evaluate("skvoz.event('back')")
    until(tab, lambda: len(tries) == 1)
    for _ in range(3):
        tab.clock.run_for(61_000)
        before = len(tries)
        for n in range(20):
            tab.mouse.move(5 + n, 5)
            tab.evaluate("document.body.append('more')")
        tab.clock.run_for(1_000)
        until(tab, partial(more_than, tries, before))
    assert len(tries) <= 5
    tab.unroute(f"**{LEASE}")
    tab.clock.run_for(61_000)
    tab.mouse.move(5, 5)
    tab.wait_for_selector('#link[href="tel:+74950000032"]', timeout=5_000)


@pytest.mark.parametrize(("attributes", "link"), [("", "+74950000010"), ('data-phones="8 (495) 000-00-10"', "84950000010")])
def test_where_no_number_is_left_the_pages_own_comes_back(shop: Shop, tab: Any, attributes: str, link: str) -> None:
    shop.settle("+74950000031", numbers={"prefix_percent": 100, "replaces": ["+74950000010"]})
    shop.attributes = attributes
    assert swapped(shop, tab, "/a", HEARD + PHONE) == "+74950000031"
    settled(shop, tab, 1)
    give_up(shop, "+74950000031")
    tab.evaluate("skvoz.event('back')")
    tab.wait_for_selector(f'#link[href="tel:{link}"]', timeout=5_000)
    assert tab.inner_text("#link") == "8 (495) 000-00-10"
    assert [(told["number"], told["kind"]) for told in tab.evaluate("heard")] == [("+74950000031", "dynamic"), (link, "none")]
    assert shop.came(LEASE) == 2


def test_a_number_that_is_not_his_any_more_goes_however_late_the_next_one_comes(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    swapped(shop, tab)
    give_up(shop, "+74950000031")
    shop.settle("+74950000032")
    gate = shop.hold(LEASE)
    tab.evaluate("skvoz.event('back')")
    until(tab, lambda: shop.came(LEASE) == 2)
    tab.wait_for_timeout(850)
    gate.set()
    tab.wait_for_selector('#link[href="tel:+74950000032"]')
