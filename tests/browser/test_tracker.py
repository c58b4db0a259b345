"""The tracker in a real browser against the real handlers: views, visitors, consent, the outbox."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.shop import MARKS, PROXIED, SITE, Shop, kept, loaded, settled, until

pytestmark = pytest.mark.browser

BLOCKED_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })"


def test_page_view_arrives_with_its_marks(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/kuhni{MARKS}", referer="https://yandex.ru/")
    settled(shop, tab, 1)
    [hit] = shop.stored()
    assert (hit["kind"], hit["via"], hit["page_path"], hit["page_title"]) == ("page_view", "tracker", "/kuhni", "Кухни")
    assert (hit["utm_source"], hit["utm_medium"], hit["utm_campaign"], hit["utm_term"]) == ("yandex", "cpc", "708815521", "кухни")
    assert (hit["click_id_name"], hit["click_id"]) == ("yclid", "15620471938264051729")
    assert (hit["referrer_host"], hit["language"]) == ("yandex.ru", "ru-RU")
    assert hit["ip_masked"] == "198.51.100.0"
    assert "Chrom" in hit["user_agent"]


@pytest.mark.parametrize("script", ["skvoz.js", "skvoz.core.js"])
def test_visitor_stays_the_same_from_page_to_page(shop: Shop, tab: Any, script: str) -> None:
    shop.script = script
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    [cookie] = tab.context.cookies(shop.door)
    assert (cookie["name"], cookie["httpOnly"]) == (f"skvoz_{SITE}", True)
    token = kept(tab, "visitor")
    assert token.split(".")[0] == shop.stored()[0]["visitor_id"]
    tab.evaluate("localStorage.clear()")
    tab.goto(f"{shop.pages}/b")
    settled(shop, tab, 2)
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1
    assert kept(tab, "visitor").split(".")[0] == token.split(".")[0] == tab.evaluate("skvoz.visitor()")


def test_visitor_stays_the_same_without_cookies(shop: Shop, tab: Any) -> None:
    shop.has_cookies = False
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    tab.goto(f"{shop.pages}/b")
    settled(shop, tab, 2)
    assert tab.context.cookies() == []
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1


def test_visitor_stays_the_same_without_storage(shop: Shop, tab: Any) -> None:
    tab.add_init_script(BLOCKED_STORAGE)
    tab.goto(f"{shop.pages}/a")
    loaded(tab)
    tab.evaluate("skvoz.event('price')")
    until(tab, lambda: len(shop.stored()) == 2)
    tab.goto(f"{shop.pages}/b")
    until(tab, lambda: len(shop.stored()) == 3)
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1


def test_a_page_of_another_site_than_the_doors_keeps_its_visitor(shop: Shop, tab: Any) -> None:
    tab.goto(f"http://localhost:{shop.ports[0]}/a")
    settled(shop, tab, 1)
    tab.goto(f"http://localhost:{shop.ports[0]}/b")
    settled(shop, tab, 2)
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1


def test_parallel_first_batches_are_of_one_visitor(shop: Shop, tab: Any) -> None:
    answers = shop.hold("/v1/hits")
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.came("/v1/hits") == 1)
    tab.evaluate("skvoz.request(null, 'callback')")
    until(tab, lambda: shop.came("/v1/hits") == 2)
    answers.set()
    settled(shop, tab, 2)
    assert shop.kinds() == ["page_view", "form"]
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1


def test_two_tabs_opened_at_once_are_of_one_visitor(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/empty")  # before the shop had a tracker
    settled(shop, tab, 1)
    tab.evaluate("localStorage.clear()")
    tab.context.clear_cookies()
    answers = shop.hold("/v1/hits")
    with tab.context.expect_page(), tab.context.expect_page():
        tab.evaluate("['/a', '/b'].forEach((path) => window.open(path, '_blank'))")
    until(tab, lambda: shop.came("/v1/hits") == 3)
    answers.set()
    settled(shop, tab, 3)
    assert len({hit["visitor_id"] for hit in shop.stored()[1:]}) == 1


def test_pages_of_a_single_page_application_are_seen(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/a")
    loaded(tab)
    tab.evaluate("history.pushState({}, '', '/b?x=1')")
    tab.evaluate("history.replaceState({}, '', '/b?x=2')")  # the same page, another filter
    tab.evaluate("location.hash = 'prices'")
    until(tab, lambda: len(shop.stored()) == 2)
    tab.evaluate("history.replaceState({}, '', '/c')")
    until(tab, lambda: len(shop.stored()) == 3)
    tab.evaluate("history.go(-2)")
    until(tab, lambda: len(shop.stored()) == 4)
    assert [hit["page_path"] for hit in shop.stored()] == ["/a", "/b", "/c", "/a"]
    assert [hit["referrer"] for hit in shop.stored()[1:3]] == [f"{shop.pages}/a", f"{shop.pages}/b?x=2"]


def test_hashes_are_pages_where_the_site_says_so(shop: Shop, tab: Any) -> None:
    shop.attributes = "data-hash"
    tab.goto(f"{shop.pages}/a#/one")
    loaded(tab)
    tab.evaluate("location.hash = '/two'")
    settled(shop, tab, 2)
    assert [hit["page_url"].partition("#")[2] for hit in shop.stored()] == ["/one", "/two"]


def test_first_touch_is_kept(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/a{MARKS}", referer="https://yandex.ru/")
    settled(shop, tab, 1)
    tab.goto(f"{shop.pages}/b?utm_source=vk")
    settled(shop, tab, 2)
    first = tab.evaluate("skvoz.first()")
    assert (first["url"], first["ref"]) == (f"{shop.pages}/a{MARKS}", "https://yandex.ru/")


def test_event_request_and_call_click(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/a{MARKS}")
    loaded(tab)
    tab.evaluate("skvoz.event('price')")
    request_id = tab.evaluate("skvoz.request('', 'callback')")
    assert tab.evaluate("skvoz.request('kv-17')") == "kv-17"
    tab.click("#call")
    until(tab, lambda: len(shop.stored()) == 5 and len(shop.stored("request")) == 2)
    assert sorted(shop.kinds()) == ["call_click", "event", "form", "form", "page_view"]
    requests = {request["request_id"]: request for request in shop.stored("request")}
    assert requests.keys() == {request_id, "kv-17"}
    assert requests[request_id]["form_name"] == "callback"
    assert requests[request_id]["utm_source"] == "yandex"
    assert requests[request_id]["visitor_id"] == shop.stored()[0]["visitor_id"]


def test_calls_made_before_the_script_came_are_kept(shop: Shop, tab: Any) -> None:
    shop.bodies["/a"] = "<script>(window.skvozq = window.skvozq || []).push((skvoz) => skvoz.event('early'))</script>"
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 2)
    tab.evaluate("skvozq.push((skvoz) => skvoz.event('late'))")
    settled(shop, tab, 3)
    assert [hit.get("event_name") for hit in shop.stored()] == [None, "early", "late"]


def test_hits_wait_while_the_door_is_down_and_go_with_the_next_page(shop: Shop, tab: Any) -> None:
    shop.is_down = True
    tab.goto(f"{shop.pages}/a{MARKS}")
    until(tab, lambda: shop.came("/v1/hits") >= 1)
    assert len(kept(tab, "outbox")) == 1
    assert shop.stored() == []
    shop.is_down = False
    tab.goto(f"{shop.pages}/b")
    settled(shop, tab, 2)
    assert [hit["page_path"] for hit in shop.stored()] == ["/a", "/b"]
    assert shop.stored()[0]["utm_source"] == "yandex"
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1


def test_the_same_page_tries_again_by_itself(shop: Shop, tab: Any) -> None:
    shop.is_down = True
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.came("/v1/hits") >= 1)
    shop.is_down = False
    settled(shop, tab, 1)


def test_refused_hits_are_not_repeated(shop: Shop, tab: Any) -> None:
    shop.attributes = 'data-consent="perhaps"'
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.came("/v1/hits") == 1 and kept(tab, "outbox") == [])
    assert shop.stored() == []


def test_the_outbox_is_bounded_and_junk_in_it_does_no_harm(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    tab.evaluate(f"""localStorage.setItem('skvoz_outbox_{SITE}', '{{"junk": 1}}')""")
    shop.is_down = True
    tab.evaluate("for (let i = 0; i < 150; i++) skvoz.event('e' + i)")
    until(tab, lambda: shop.came("/v1/hits") >= 2)
    assert [json.loads(shop.posts[-1][1])["hits"][0]["name"], len(kept(tab, "outbox"))] == ["e50", 100]
    shop.is_down = False
    settled(shop, tab, 101)


@pytest.mark.parametrize("signal", ['data-consent="denied"', "gpc", "dnt"])
def test_without_consent_nothing_is_kept_and_no_number_leased(shop: Shop, tab: Any, signal: str) -> None:
    shop.settle("+74950000031")
    if signal == "gpc":
        tab.context.set_extra_http_headers({"sec-gpc": "1"})
        tab.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })")
    elif signal == "dnt":  # without its header: the page's word alone
        tab.add_init_script("Object.defineProperty(navigator, 'doNotTrack', { value: '1' })")
    else:
        shop.attributes = signal
    tab.goto(f"{shop.pages}/a{MARKS}")
    until(tab, lambda: len(shop.stored()) == 1)
    [hit] = shop.stored()
    assert hit["consent"] == "denied"
    assert not hit.keys() & {"visitor_id", "ip_masked", "user_agent", "click_id"}
    assert tab.evaluate("skvoz.visitor()") is None
    tab.evaluate("skvoz.event('price')")
    until(tab, lambda: len(shop.stored()) == 2)
    assert tab.evaluate("localStorage.length") == 0
    assert tab.context.cookies(shop.door) == []
    assert shop.came("/v1/numbers/lease") == 0


def test_consent_given_later_brings_the_visitor_with_his_source(shop: Shop, tab: Any) -> None:
    shop.attributes = 'data-consent="denied"'
    tab.goto(f"{shop.pages}/a{MARKS}")
    until(tab, lambda: len(shop.stored()) == 1)
    tab.evaluate("skvoz.consent('granted')")
    settled(shop, tab, 2)
    hit = shop.stored()[1]
    assert (hit["kind"], hit["consent"], hit["click_id"]) == ("page_view", "granted", "15620471938264051729")
    assert hit["visitor_id"] == tab.evaluate("skvoz.visitor()")


def test_consent_withdrawn_takes_everything_out_of_the_browser(shop: Shop, tab: Any) -> None:
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    tab.evaluate("skvoz.consent('denied'); skvoz.event('after')")
    until(tab, lambda: len(shop.stored()) == 2)
    assert tab.evaluate("localStorage.length") == 0
    assert "visitor_id" not in shop.stored()[1]


def test_page_that_is_not_listed_sends_hits_in_vain(shop: Shop, tab: Any) -> None:
    shop.collect.publish({"site_id": SITE, "name": "Квартал", "hosts": ["kvartal.example"]})
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.came("/v1/hits") >= 1)
    assert shop.stored() == []


def test_doors_are_looked_for_beside_the_script(shop: Shop, tab: Any) -> None:
    shop.script = "stat/skvoz.js?v=1/2"
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    assert shop.asked[0] == "/stat/v1/hits"


def test_on_a_path_of_the_site_the_cookie_is_its_own_and_remembers_alone(shop: Shop, tab: Any) -> None:
    shop.source = PROXIED
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    [cookie] = tab.context.cookies(shop.pages)
    assert (cookie["name"], cookie["sameSite"], cookie["httpOnly"]) == (f"skvoz_{SITE}", "Lax", True)
    tab.evaluate("localStorage.clear()")
    tab.goto(f"{shop.pages}/b")
    settled(shop, tab, 2)
    assert set(shop.asked) >= {f"{PROXIED}/v1/hits"} == {path for path in shop.asked if path.endswith("/hits")}
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1


@pytest.mark.parametrize("end", ["", "/"])
def test_doors_are_where_the_tag_says(shop: Shop, tab: Any, end: str) -> None:
    shop.attributes = f'data-endpoint="{shop.door}/stat{end}"'
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    assert shop.asked[0] == "/stat/v1/hits"
