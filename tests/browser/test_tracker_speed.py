"""On a slow network: how soon the visitor's number stands on the page, and that nothing moves when it comes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.shop import POOL, Shop, until

pytestmark = pytest.mark.browser

LEASE = "/v1/numbers/lease"
LATENCY = 400  # milliseconds a request, as on a bad mobile network
BYTES_A_SECOND = 400 * 1000 // 8
PATIENCE = 800  # milliseconds for which the tracker waits for an answer
MOST_SHIFT = 0.01  # of what pages may have, 0.1 (web.dev, CLS), a tenth

MEASURE = """
  window.shift = 0
  window.swaps = []
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
  document.addEventListener('skvoz:number', () => swaps.push(performance.now()))
"""
TEXT = "<p>Кухни на заказ в Москве: замер, доставка и сборка за две недели, рассрочка без переплаты.</p>"
PAGE = f"""<style>body {{ font: 16px sans-serif; margin: 0 }} header, footer {{ display: flex; gap: 16px; padding: 16px }}</style>
<header><b>Квартал</b><nav>Кухни Шкафы Контакты</nav>
  <a class="phone" href="tel:+74950000010"><small>8 (495)</small> <strong>000-00-10</strong></a><span>Москва</span></header>
<main>{TEXT * 3}<p>Звоните +7 (495) 000-00-10 или 8 (495) 000-00-10, мы отвечаем без выходных.</p>{TEXT * 3}
  <img alt="8 (495) 000-00-10" width="300" height="100" src="data:,"></main>
<footer><span>+7 495 000-00-10</span><a href="tel:84950000010">Позвонить 84950000010</a><span>© Квартал</span></footer>"""


def slow(tab: Any, latency: int) -> None:
    session = tab.context.new_cdp_session(tab)
    session.send("Network.enable")
    conditions = {"offline": False, "latency": latency, "downloadThroughput": BYTES_A_SECOND, "uploadThroughput": BYTES_A_SECOND}
    session.send("Network.emulateNetworkConditions", conditions)


def opened(shop: Shop, tab: Any, path: str = "/a", latency: int = LATENCY) -> float:
    """Milliseconds from the navigation to the swapped number, and the page has settled."""
    shop.bodies[path] = PAGE
    tab.goto(f"{shop.pages}{path}")
    tab.wait_for_selector('.phone:not([href="tel:+74950000010"])')
    frames(tab)
    return float(tab.evaluate("swaps[0]"))


def frames(tab: Any) -> None:
    """Two frames are painted: what moved is counted."""
    tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")


def test_the_number_comes_on_a_slow_network_and_moves_nothing(shop: Shop, tab: Any) -> None:
    shop.settle(*POOL)
    tab.add_init_script(MEASURE)
    slow(tab, LATENCY)
    first = opened(shop, tab)
    start = float(tab.evaluate("performance.getEntriesByName(document.querySelector('script[data-site]').src)[0].responseEnd"))
    assert "000-00-10" not in tab.inner_text("body")
    shift = float(tab.evaluate("shift"))
    second = opened(shop, tab, "/b")
    again = float(tab.evaluate("shift"))
    tab.evaluate("document.body.insertAdjacentHTML('afterbegin', '<div style=height:300px></div>')")
    tab.wait_for_function("shift > 0.1")  # what moves is seen
    print(f"number after {first:.0f} ms of the first page ({first - start:.0f} after the script), {second:.0f} of the second")
    print(f"layout shift {shift:.4f} and {again:.4f}")
    assert first - start < 2 * (LATENCY + PATIENCE)  # a hit, whose answer names the visitor, and the lease
    assert first < 4 * LATENCY + 2 * PATIENCE
    assert second < 2 * LATENCY + PATIENCE  # page and script alone: the number is there
    assert max(shift, again) <= MOST_SHIFT


def test_on_a_network_slower_than_the_patience_nothing_changes_under_the_readers_eyes(shop: Shop, tab: Any) -> None:
    shop.settle(*POOL)
    tab.add_init_script(MEASURE)
    slow(tab, PATIENCE + 200)
    shop.bodies["/a"] = PAGE
    tab.goto(f"{shop.pages}/a")
    before = tab.inner_html("main")
    tab.wait_for_function("Object.keys(localStorage).some((key) => key.startsWith('skvoz_lease_'))")
    frames(tab)
    assert tab.inner_html("main") == before
    assert tab.evaluate("swaps") == []
    assert shop.came(LEASE) == 1
    second = opened(shop, tab, "/b")
    print(f"number after {second:.0f} ms of the second page")
    assert shop.came(LEASE) == 1


@pytest.mark.parametrize("trouble", ["slow", "down"])
def test_a_quick_lease_after_a_slow_hit_changes_nothing_under_the_readers_eyes(shop: Shop, tab: Any, trouble: str) -> None:
    """Of a first page the hit is answered before its number can be asked for: the reader waited for both."""
    shop.settle(*POOL)
    tab.add_init_script(MEASURE)
    shop.bodies["/a"] = PAGE
    gate = shop.hold("/v1/hits") if trouble == "slow" else None
    shop.is_down = trouble == "down"
    tab.goto(f"{shop.pages}/a")
    before = tab.inner_html("html")
    until(tab, lambda: shop.came("/v1/hits") == 1)
    tab.wait_for_timeout(PATIENCE + 200)
    if gate:
        gate.set()
    shop.is_down = False  # the next try comes by itself
    tab.wait_for_function("Object.keys(localStorage).some((key) => key.startsWith('skvoz_lease_'))")
    frames(tab)
    assert (tab.inner_html("html"), tab.evaluate("swaps"), shop.came(LEASE)) == (before, [], 1)
    opened(shop, tab, "/b")
    assert shop.came(LEASE) == 1


def test_the_hit_and_the_lease_are_waited_for_each_by_itself(shop: Shop, tab: Any) -> None:
    shop.settle(*POOL)
    tab.add_init_script(MEASURE)
    shop.bodies["/a"] = PAGE
    gates = {path: shop.hold(path) for path in ("/v1/hits", LEASE)}
    tab.goto(f"{shop.pages}/a")
    for path, gate in gates.items():
        until(tab, lambda path=path: shop.came(path) == 1)  # type: ignore[misc]
        tab.wait_for_timeout(PATIENCE // 2 + 50)
        gate.set()
    tab.wait_for_selector('.phone:not([href="tel:+74950000010"])')


@pytest.mark.parametrize("spelled", ["8 (495) 000-00-10", "+7 495 000‑00‑10", "84950000010"])
def test_a_swapped_number_takes_the_place_of_the_pages_own(shop: Shop, tab: Any, spelled: str) -> None:
    """In a font whose digits are equally wide, as most are, to the pixel."""
    shop.settle("+74950000031")
    shop.bodies["/a"] = f'<a id="one" style="font: 16px monospace" href="tel:+74950000010">{spelled}</a>'
    gate = shop.hold("/v1/hits")
    tab.goto(f"{shop.pages}/a")
    width = tab.evaluate("document.querySelector('#one').getBoundingClientRect().width")
    until(tab, lambda: shop.came("/v1/hits") == 1)
    gate.set()
    tab.wait_for_selector('#one[href="tel:+74950000031"]')
    assert tab.evaluate("document.querySelector('#one').getBoundingClientRect().width") == width
