"""Pools, codes, the event, and one number over tabs: against the real door of numbers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.leases import pool_key
from shared.visitors import sign_visitor
from tests.api.collect_door import VISITOR_SECRET
from tests.browser.shop import POOL, SITE, Shop, kept, settled, until

pytestmark = pytest.mark.browser

LEASE, RENEW, HITS = "/v1/numbers/lease", "/v1/numbers/renew", "/v1/hits"
PHONE = '<a id="link" href="tel:+74950000010" onclick="return false">8 (495) 000-00-10</a>'
HEARD = """<script>
  window.heard = []
  document.addEventListener('skvoz:number', (event) => heard.push(event.detail))
</script>"""


def settle(shop: Shop, *pools: dict[str, Any], **numbers: Any) -> None:
    shop.settle(*POOL, numbers={"default": "+74950000010", "prefix_percent": 100, "pools": list(pools), **numbers})


def put(shop: Shop, pool: str, *numbers: str) -> None:
    for number in numbers:
        shop.dynamodb.put_item(TableName="numbers", Item={"pk": {"S": pool_key(SITE, pool)}, "sk": {"S": number}})


def bodies(shop: Shop, path: str) -> list[dict[str, Any]]:
    return [json.loads(body) for one, body in shop.posts if one == path]


def swapped(shop: Shop, tab: Any, path: str = "/a", html: str = PHONE) -> str:
    """The number that the page shows once it shows one of ours."""
    shop.bodies.setdefault(path, html)
    tab.goto(f"{shop.pages}{path}")
    tab.wait_for_function("document.querySelector('#link').getAttribute('href') !== 'tel:+74950000010'")
    return linked(tab)


def linked(tab: Any) -> str:
    return str(tab.get_attribute("#link", "href")).removeprefix("tel:")


def test_the_lease_of_a_pool_is_renewed_in_its_pool(shop: Shop, tab: Any) -> None:
    settle(shop, {"name": "cpc", "media": ["cpc"]})
    put(shop, "cpc", "+74950000051")
    tab.clock.install()
    shop.bodies["/a"] = PHONE
    tab.goto(f"{shop.pages}/a?utm_source=yandex&utm_medium=cpc")
    tab.wait_for_selector('#link[href="tel:+74950000051"]')
    lease = {"number": "+74950000051", "id": kept(tab, "lease")["lease"]["id"], "pool": "cpc"}
    tab.mouse.move(5, 5)
    tab.clock.run_for(61_000)
    until(tab, lambda: shop.came(RENEW) == 1)
    assert bodies(shop, RENEW)[0]["lease"] == lease
    tab.click("#link")
    until(tab, lambda: shop.kinds() == ["page_view", "call_click"])
    assert bodies(shop, HITS)[-1]["lease"] == lease
    tab.clock.run_for(61_000)
    until(tab, lambda: shop.came(RENEW) == 2)  # after an answer without a pool, too
    assert bodies(shop, RENEW)[1]["lease"] == lease
    until(tab, lambda: kept(tab, "lease")["lease"]["expires_in"] == 300)


def test_the_region_of_the_tag_chooses_the_pool(shop: Shop, tab: Any) -> None:
    settle(shop, {"name": "spb", "regions": ["Санкт-Петербург"]})
    put(shop, "spb", "+78120000051")
    shop.attributes = 'data-region="Санкт-Петербург"'
    assert swapped(shop, tab) == "+78120000051"
    assert bodies(shop, LEASE)[0]["region"] == "Санкт-Петербург"


def spb(shop: Shop) -> None:
    settle(shop, {"name": "spb", "pages": ["/spb*"]})
    put(shop, "spb", "+78120000051", "+78120000052")


def test_where_pools_have_pages_each_page_asks_for_its_own_number(shop: Shop, tab: Any) -> None:
    spb(shop)
    moscow = swapped(shop, tab, "/moscow")
    assert moscow in POOL
    petersburg = swapped(shop, tab, "/spb")
    assert petersburg.startswith("+7812")
    assert swapped(shop, tab, "/spb/contacts") == petersburg
    assert swapped(shop, tab, "/moscow") == moscow
    assert shop.came(LEASE) == 4


def test_a_page_read_again_does_not_ask_again(shop: Shop, tab: Any) -> None:
    spb(shop)
    number = swapped(shop, tab, "/spb")
    settled(shop, tab, 1)
    assert swapped(shop, tab, "/spb") == number
    settled(shop, tab, 2)
    assert shop.came(LEASE) == 1


def test_tabs_on_pages_of_two_pools_renew_each_its_own_number(shop: Shop, tab: Any) -> None:
    spb(shop)
    moscow = swapped(shop, tab, "/moscow")
    second = tab.context.new_page()
    petersburg = swapped(shop, second, "/spb")
    settled(shop, second, 2)
    assert linked(tab) == moscow
    for hits, one, number in ((3, tab, moscow), (4, second, petersburg)):
        one.evaluate("skvoz.event('price')")
        settled(shop, one, hits)
        assert bodies(shop, HITS)[-1]["lease"]["number"] == number
    assert linked(tab) == moscow


def test_in_a_single_page_application_the_new_path_shows_its_own_number(shop: Shop, tab: Any) -> None:
    spb(shop)
    moscow = swapped(shop, tab, "/moscow", HEARD + PHONE)
    tab.evaluate("history.pushState({}, '', '/spb')")
    tab.wait_for_selector('#link[href^="tel:+7812"]')
    petersburg = linked(tab)
    assert tab.inner_text("#link").startswith("8 (812) 000-00-5")
    asked = [(lease["page_url"], lease["ref"], lease["first"]["url"]) for lease in bodies(shop, LEASE)]
    assert asked == [
        (f"{shop.pages}{path}", ref, f"{shop.pages}/moscow") for path, ref in (("/moscow", ""), ("/spb", f"{shop.pages}/moscow"))
    ]
    tab.go_back()
    tab.wait_for_selector(f'#link[href="tel:{moscow}"]')
    assert [told["number"] for told in tab.evaluate("heard")] == [moscow, petersburg, moscow]


def test_an_answer_for_a_path_that_was_left_is_not_shown(shop: Shop, tab: Any) -> None:
    spb(shop)
    gate = shop.hold(LEASE)
    shop.bodies["/moscow"] = HEARD + PHONE
    tab.goto(f"{shop.pages}/moscow")
    until(tab, lambda: shop.came(LEASE) == 1)
    tab.evaluate("history.pushState({}, '', '/spb')")
    gate.set()
    tab.wait_for_selector('#link[href^="tel:+7812"]')
    assert [told["number"] for told in tab.evaluate("heard")] == [linked(tab)]
    assert shop.came(LEASE) == 2


def test_without_pages_in_pools_a_single_page_application_leases_once(shop: Shop, tab: Any) -> None:
    settle(shop)
    number = swapped(shop, tab)
    tab.evaluate("history.pushState({}, '', '/b')")
    settled(shop, tab, 2)
    tab.evaluate("history.pushState({}, '', '/c')")
    settled(shop, tab, 3)
    assert (linked(tab), shop.came(LEASE)) == (number, 1)


CODE = f'{PHONE}<p>Ваш код: <b id="code" data-skvoz-code></b></p>'


def test_the_visitors_code_is_shown_where_the_page_has_a_place_for_it(shop: Shop, tab: Any) -> None:
    settle(shop, visitor_codes=True)
    swapped(shop, tab, "/a", CODE)
    tab.wait_for_function("document.querySelector('#code').textContent !== ''")
    code = tab.inner_text("#code")
    assert re.fullmatch(r"[1-9]\d{5}", code)
    assert bodies(shop, LEASE)[0]["code"] is True
    swapped(shop, tab, "/b", CODE)
    assert tab.inner_text("#code") == code
    tab.evaluate("document.body.insertAdjacentHTML('beforeend', '<i id=late data-skvoz-code>------</i>')")
    tab.wait_for_function("(code) => document.querySelector('#late').textContent === code", arg=code)
    assert shop.came(LEASE) == 1


def test_a_place_for_the_code_that_comes_after_the_lease_asks_once_more_and_once_only(shop: Shop, tab: Any) -> None:
    settle(shop, visitor_codes=True)
    number = swapped(shop, tab, "/a", HEARD + PHONE)
    assert bodies(shop, LEASE)[0]["code"] is False
    tab.evaluate("document.body.insertAdjacentHTML('beforeend', '<i id=code data-skvoz-code></i>')")
    tab.wait_for_function("/^\\d{6}$/.test(document.querySelector('#code').textContent)")
    assert (linked(tab), shop.came(LEASE)) == (number, 2)
    assert len(tab.evaluate("heard")) == 1  # the same number is no change
    swapped(shop, tab, "/b", CODE)
    settled(shop, tab, 2)
    assert shop.came(LEASE) == 2


def test_a_site_without_codes_leaves_their_place_as_it_is_and_is_asked_once(shop: Shop, tab: Any) -> None:
    settle(shop)
    swapped(shop, tab, "/a", CODE)
    for n in (2, 3):
        swapped(shop, tab, "/b", CODE)
        settled(shop, tab, n)
    assert (tab.inner_text("#code"), shop.came(LEASE)) == ("", 1)


def test_a_place_for_the_code_is_enough_to_ask(shop: Shop, tab: Any) -> None:
    settle(shop, visitor_codes=True)
    shop.bodies["/a"] = "<b id=code data-skvoz-code></b>"
    tab.goto(f"{shop.pages}/a")
    tab.wait_for_function("/^\\d{6}$/.test(document.querySelector('#code').textContent)")


def test_the_page_hears_of_a_number_when_it_is_shown_and_when_it_changes(shop: Shop, tab: Any) -> None:
    settle(shop)
    number = swapped(shop, tab, "/a", HEARD + PHONE)
    shown = f"+7 495 000-00-{number[-2:]}"
    assert tab.evaluate("heard") == [{"number": number, "shown": shown, "kind": "dynamic"}]
    tab.evaluate("skvoz.event('price')")
    settled(shop, tab, 2)
    assert len(tab.evaluate("heard")) == 1
    swapped(shop, tab, "/b", HEARD + PHONE)
    assert tab.evaluate("heard") == [{"number": number, "shown": shown, "kind": "dynamic"}]


def test_a_listener_that_fails_takes_the_number_from_nobody(shop: Shop, tab: Any, errors: list[str]) -> None:
    settle(shop)
    html = """<script>
      document.addEventListener('skvoz:number', () => { throw new Error('theirs') });
      (window.skvozq = window.skvozq || []).push((skvoz) => {
        skvoz.number(() => { throw new Error('theirs') })
        skvoz.number((shown) => { window.told = shown })
      })
    </script>"""
    number = swapped(shop, tab, "/a", html + PHONE)
    assert tab.evaluate("told") == {"number": number, "shown": f"+7 495 000-00-{number[-2:]}", "kind": "dynamic"}
    until(tab, lambda: len(errors) == 2)
    assert kept(tab, "lease")["number"] == number
    errors.clear()


def test_tabs_opened_together_show_one_number(shop: Shop, tab: Any) -> None:
    settle(shop)
    shop.bodies["/a"] = PHONE
    gate = shop.hold(HITS)
    tabs = [tab, tab.context.new_page(), tab.context.new_page()]
    for one in tabs:
        one.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.came(HITS) == 3)
    gate.set()
    for one in tabs:
        one.wait_for_function("document.querySelector('#link').getAttribute('href') !== 'tel:+74950000010'")
    until(tab, lambda: len({linked(one) for one in tabs}) == 1)


def test_the_own_number_of_another_pool_is_left_alone_in_a_single_page_application(shop: Shop, tab: Any) -> None:
    settle(shop, {"name": "spb", "pages": ["/spb*"], "default": "+78120000010"})
    put(shop, "spb", "+78120000051")
    assert swapped(shop, tab, "/spb") == "+78120000051"
    tab.evaluate("history.pushState({}, '', '/contacts')")
    tab.wait_for_selector('#link[href^="tel:+7495"]')
    tab.evaluate("""document.body.insertAdjacentHTML('beforeend',
      '<p id="spb">8 (812) 000-00-10</p><p id="own">8 (495) 000-00-10</p><p id="former">8 (812) 000-00-51</p>')""")
    assert tab.inner_text("#spb") == "8 (812) 000-00-10"
    own = f"8 (495) 000-00-{linked(tab)[-2:]}"
    assert (tab.inner_text("#own"), tab.inner_text("#former")) == (own, own)


def test_a_token_of_yesterday_leases_once_a_hit_has_brought_a_fresh_one(shop: Shop, tab: Any) -> None:
    settle(shop)
    number = swapped(shop, tab)
    settled(shop, tab, 1)
    visitor_id = kept(tab, "visitor").partition(".")[0]
    token = sign_visitor(SITE, visitor_id, datetime.now(UTC) - timedelta(hours=25), [VISITOR_SECRET])
    tab.evaluate(f"localStorage.setItem('skvoz_visitor_{SITE}', '{json.dumps(token)}')")
    tab.evaluate(f"localStorage.removeItem('skvoz_lease_{SITE}')")
    gate = shop.hold(HITS)
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.came(LEASE) == 2)
    tab.evaluate("document.body.append('more')")
    tab.wait_for_timeout(400)
    assert shop.came(LEASE) == 2  # the same token is not tried again
    gate.set()
    tab.wait_for_selector(f'#link[href="tel:{number}"]')
    assert shop.came(LEASE) == 3
