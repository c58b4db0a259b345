"""Large and busy pages: what the tracker costs them, and that it stays with them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.shop import CALL, Shop, until

pytestmark = pytest.mark.browser

LINKS = 2_000
MOST = 2_500  # milliseconds for all of them, on a slow machine


def swapped(shop: Shop, tab: Any, html: str) -> None:
    shop.settle("+74950000031")
    shop.bodies["/a"] = html + CALL
    tab.goto(f"{shop.pages}/a")
    tab.wait_for_selector('#call[href="tel:+74950000031"]')


def test_thousands_of_links_in_one_block_are_swapped_and_the_block_is_not_read_for_each(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, '<p id="block"></p>')
    took = tab.evaluate(
        """async (links) => {
          const made = Array.from({ length: links }, (_, n) => Object.assign(document.createElement('a'),
            { href: n % 2 ? 'tel:84950000010' : '/' + n, textContent: '8 (495) 000-00-10' }))
          const block = document.querySelector('#block')
          const began = performance.now()
          for (const link of made) block.append(link, ', ')
          await new Promise((done) => setTimeout(done))
          return performance.now() - began
        }""",
        LINKS,
    )
    print(f"{took:.0f} ms for {LINKS} links")
    assert tab.inner_text("#block").count("8 (495) 000-00-31") == LINKS
    assert tab.locator('#block [href="tel:+74950000031"]').count() == LINKS // 2
    assert took < MOST


def test_a_catalogue_without_an_end_is_swapped_to_its_end(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, '<div id="list"></div>')
    for _ in range(3):
        tab.evaluate("""async () => {
          for (let n = 0; n < 500; n++) {
            document.querySelector('#list').insertAdjacentHTML('beforeend', '<p title="84950000010">8 495 000-00-10</p>')
            await 0 // the observer's turn
          }
        }""")
        tab.wait_for_timeout(1_100)
    assert tab.inner_text("#list").count("8 495 000-00-31") == 1_500
    assert tab.locator('#list [title="84950000031"]').count() == 1_500


def test_a_page_without_a_phone_that_changes_all_the_time_is_seldom_read(shop: Shop, tab: Any) -> None:
    """A look at the whole page takes 100 ms here: it may come every five seconds then, and comes when there is a phone."""
    shop.settle("+74950000031")
    shop.attributes = 'data-phones="+7 495 000-00-10"'
    shop.bodies["/a"] = "<p id=clock>0</p>"
    tab.add_init_script("""{
      const own = document.createTreeWalker
      window.looks = 0
      document.createTreeWalker = function (root, ...rest) {
        if (root === document.documentElement && !window.isQuick) {
          looks++
          for (const began = Date.now(); Date.now() - began < 100;) ;
        }
        return own.call(this, root, ...rest)
      }
      setInterval(() => { document.querySelector('#clock').textContent = Date.now() }, 50)
    }""")
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: tab.evaluate("looks") > 0)
    before = tab.evaluate("looks")
    tab.wait_for_timeout(3_000)
    assert tab.evaluate("looks") - before <= 2
    tab.evaluate("""isQuick = true; document.body.insertAdjacentHTML('beforeend', '<p id="late">8 (495) 000-00-10</p>')""")
    tab.wait_for_function("document.querySelector('#late').textContent === '8 (495) 000-00-31'")
