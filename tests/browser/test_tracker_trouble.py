"""What goes wrong on the way: nothing breaks the page, no accepted hit is lost, no request is doubled."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.conftest import ARGUMENTS
from tests.browser.shop import CALL, SITE, Shop, kept, loaded, settled, until

pytestmark = pytest.mark.browser

FORM = f'{CALL}<form id="order" method="post" action="/thanks"><input name="phone"><button>send</button></form>'
BACK = """<script>addEventListener('pageshow', (event) => { if (event.persisted) window.came = true })</script>"""


def opened(shop: Shop, tab: Any, html: str = FORM) -> None:
    shop.bodies["/form"] = html
    tab.goto(f"{shop.pages}/form")


def sent(tab: Any) -> None:
    tab.click("button")
    tab.wait_for_url("**/thanks")


def request_ids(shop: Shop) -> list[str]:
    return [request["request_id"] for request in shop.stored("request")]


def throttle(tab: Any, latency: int, session: Any = None) -> Any:
    """Every answer comes so many milliseconds later. Gives what to change it with."""
    session = session or tab.context.new_cdp_session(tab)
    session.send("Network.enable")
    conditions = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", conditions)
    return session


def test_a_blocked_script_breaks_neither_page_nor_form(shop: Shop, tab: Any) -> None:
    tab.route("**/skvoz.js", lambda route: route.abort("blockedbyclient"))
    opened(shop, tab, FORM + "<script>(window.skvozq = window.skvozq || []).push((skvoz) => skvoz.event('price'))</script>")
    tab.evaluate("window.skvoz?.event('price')")
    sent(tab)
    assert shop.forms == [{"phone": [""]}]
    assert shop.posts == []


def test_blocked_hits_break_nothing_and_come_when_the_block_ends(shop: Shop, tab: Any) -> None:
    tab.route("**/v1/hits", lambda route: route.abort("blockedbyclient"))
    opened(shop, tab)
    loaded(tab)
    sent(tab)
    assert shop.forms[0]["skvoz_request_id"]
    loaded(tab)
    assert kept(tab, "outbox")
    tab.unroute("**/v1/hits")
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 4)
    assert request_ids(shop) == shop.forms[0]["skvoz_request_id"]


def test_a_beacon_carries_what_a_refused_fetch_could_not(shop: Shop, tab: Any) -> None:
    tab.add_init_script("window.fetch = () => Promise.reject(new TypeError('refused'))")
    tab.goto(f"{shop.pages}/a")
    loaded(tab)
    tab.evaluate("""Object.defineProperty(document, 'hidden', { value: true })
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))""")
    until(tab, lambda: shop.kinds() == ["page_view"])
    assert len(kept(tab, "outbox")) == 1  # a beacon tells nothing of its arrival


def test_without_beacons_hits_wait_for_the_next_page(shop: Shop, tab: Any) -> None:
    tab.add_init_script("navigator.sendBeacon = undefined; if (location.pathname === '/a') window.fetch = () => Promise.reject(1)")
    tab.goto(f"{shop.pages}/a")
    loaded(tab)
    tab.goto(f"{shop.pages}/b")
    settled(shop, tab, 2)
    assert [hit["page_path"] for hit in shop.stored()] == ["/a", "/b"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_hits_that_the_server_could_not_take_come_later_and_once(shop: Shop, tab: Any, status: int) -> None:
    shop.status = status
    tab.clock.install()
    opened(shop, tab)
    until(tab, lambda: shop.came("/v1/hits") == 1)
    assert (len(kept(tab, "outbox")), shop.stored()) == (1, [])
    shop.status = 0
    until(tab, lambda: tab.clock.run_for(500) or shop.came("/v1/hits") == 2)
    settled(shop, tab, 1)
    tab.clock.run_for(130_000)
    assert [record["kind"] for record in shop.collect.stored()] == ["page_view"]
    assert shop.came("/v1/hits") == 2


def test_an_event_of_a_tab_closed_the_same_moment_arrives(shop: Shop, tab: Any) -> None:
    tab.add_init_script("""window.outlive = []
      const own = fetch
      window.fetch = (url, how) => { outlive.push(how.keepalive); return own(url, how) }
      navigator.sendBeacon = undefined""")
    tab.goto(f"{shop.pages}/a")
    settled(shop, tab, 1)
    assert set(tab.evaluate("outlive")) == {True}
    other = tab.context.new_page()
    tab.evaluate("skvoz.event('price')")
    tab.close()
    until(other, lambda: shop.kinds() == ["page_view", "event"])


def test_tries_come_at_longer_and_longer_intervals_up_to_two_minutes(shop: Shop, tab: Any) -> None:
    tab.add_init_script("window.tries = []; window.fetch = () => { tries.push(Date.now()); return Promise.reject(1) }")
    tab.clock.install()
    opened(shop, tab)
    loaded(tab)
    tab.wait_for_function("tries.length === 1")
    tab.clock.run_for(500_000)
    tries = tab.evaluate("tries")
    pauses = [(later - earlier) / 1000 for earlier, later in pairwise(tries)]
    assert pauses == pytest.approx([2, 4, 8, 16, 32, 64, 120, 120, 120], abs=0.5)


def test_hits_older_than_a_week_are_dropped(shop: Shop, tab: Any) -> None:
    shop.is_down = True
    opened(shop, tab)
    loaded(tab)
    tab.evaluate("skvoz.event('price')")
    tab.evaluate(
        """(key) => {
          const [view, event] = JSON.parse(localStorage[key])
          const aged = (name, days) => ({ ...event, id: event.id.replace(/.$/, days), name, t: event.t - days * 864e5 })
          localStorage[key] = JSON.stringify([view, aged('stale', 8), aged('late', 6)])
        }""",
        f"skvoz_outbox_{SITE}",
    )
    shop.is_down = False
    tab.goto(f"{shop.pages}/b")
    settled(shop, tab, 3)
    assert [hit.get("event_name") for hit in shop.stored()] == ["late", None, None]
    assert "stale" not in "".join(body for _, body in shop.posts)


def test_a_slow_network_loses_and_doubles_nothing(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    opened(shop, tab)
    loaded(tab)
    session = throttle(tab, 3000)
    sent(tab)
    throttle(tab, 0, session)
    until(tab, lambda: len(shop.stored()) == 3)
    assert sorted(shop.kinds()) == ["form", "page_view", "page_view"]
    assert request_ids(shop) == shop.forms[0]["skvoz_request_id"]
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1


@pytest.mark.parametrize("milliseconds", [1000, 3000])
def test_a_network_slow_from_the_start_shows_the_pages_own_number_and_loses_nothing(
    shop: Shop, tab: Any, milliseconds: int
) -> None:
    tab.context.set_default_timeout(40_000)  # four answers, one after the other, of 3 s each
    shop.settle("+74950000031")
    throttle(tab, milliseconds)
    opened(shop, tab)
    until(tab, lambda: bool(kept(tab, "lease")), tries=600)
    assert tab.get_attribute("#call", "href") == "tel:+74950000010"  # the answer came too late to change the page
    tab.dblclick("button", no_wait_after=True)
    tab.wait_for_url("**/thanks")
    tab.wait_for_selector('#call[href="tel:+74950000031"]')
    until(tab, lambda: len(shop.stored()) >= 3, tries=600)
    settled(shop, tab, 3)
    assert sorted(shop.kinds()) == ["form", "page_view", "page_view"]
    assert request_ids(shop) == shop.forms[-1]["skvoz_request_id"]
    assert len({hit["visitor_id"] for hit in shop.stored()}) == 1


def test_a_form_sent_while_the_door_is_down_is_one_request_later(shop: Shop, tab: Any) -> None:
    shop.is_down = True
    opened(shop, tab)
    loaded(tab)
    sent(tab)
    until(tab, lambda: shop.came("/v1/hits") >= 2)
    shop.is_down = False
    settled(shop, tab, 3)
    assert request_ids(shop) == shop.forms[0]["skvoz_request_id"]


def test_hits_whose_answer_was_lost_are_stored_once(shop: Shop, tab: Any) -> None:
    answers = shop.hold("/v1/hits")
    opened(shop, tab)
    until(tab, lambda: shop.came("/v1/hits") == 1)
    sent(tab)  # the page goes before its answers come
    answers.set()
    settled(shop, tab, 3)
    assert request_ids(shop) == shop.forms[0]["skvoz_request_id"]


def test_a_script_loaded_twice_runs_once(shop: Shop, tab: Any) -> None:
    shop.tags = 2
    opened(shop, tab)
    loaded(tab)
    tab.click("#call")
    sent(tab)
    settled(shop, tab, 4)
    assert shop.kinds() == ["page_view", "call_click", "form", "page_view"]


def test_the_back_button_sends_no_form_again(shop: Shop, tab: Any) -> None:
    opened(shop, tab)
    loaded(tab)
    sent(tab)
    settled(shop, tab, 3)
    tab.go_back()
    settled(shop, tab, 4)
    assert shop.kinds() == ["page_view", "form", "page_view", "page_view"]
    assert request_ids(shop) == shop.forms[0]["skvoz_request_id"]


@pytest.fixture
def cached_tab(chromium_path: str, playwright: Any, errors: list[str]) -> Iterator[Any]:
    """A tab of a browser that keeps pages for the back button: playwright switches that off."""
    off = ["--disable-back-forward-cache", "--disable-features=BackForwardCache"]
    browser = playwright.chromium.launch(executable_path=chromium_path, args=list(ARGUMENTS), ignore_default_args=off)
    context = browser.new_context()
    context.set_default_timeout(15_000)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context.new_page()
    browser.close()


def test_a_page_restored_from_the_cache_is_seen_again_and_its_form_is_the_same_request(shop: Shop, cached_tab: Any) -> None:
    tab = cached_tab
    shop.settle("+74950000031")
    opened(shop, tab, FORM.replace("<form", BACK + "<form"))
    tab.wait_for_selector('#call[href="tel:+74950000031"]')
    settled(shop, tab, 1)
    sent(tab)
    settled(shop, tab, 3)
    tab.evaluate("history.back()")
    tab.wait_for_function("window.came === true")
    settled(shop, tab, 4)
    assert tab.get_attribute("#call", "href") == "tel:+74950000031"
    sent(tab)
    settled(shop, tab, 5)
    assert shop.kinds() == ["page_view", "form", "page_view", "page_view", "page_view"]
    assert [form["skvoz_request_id"] for form in shop.forms] == [request_ids(shop)] * 2
    assert len(request_ids(shop)) == 1
