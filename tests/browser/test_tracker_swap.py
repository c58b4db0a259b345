"""What of a page becomes the visitor's number, in which spelling, and what is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.shop import Shop, until

pytestmark = pytest.mark.browser

LEASE = "/v1/numbers/lease"
CALL = '<a id="call" href="tel:+74950000010" onclick="return false">8 (495) 000-00-10</a>'


def swapped(shop: Shop, tab: Any, html: str, number: str = "+74950000031", **numbers: Any) -> None:
    """A page with the html and a link, once the link has the number. The site's own: +74950000010."""
    shop.settle(number, **({"numbers": {"default": "+74950000010", "prefix_percent": 100, **numbers}} if numbers else {}))
    shop.bodies["/a"] = html + CALL
    tab.goto(f"{shop.pages}/a")
    tab.wait_for_selector(f'#call[href="tel:{number}"]')


def text(tab: Any, selector: str) -> str:
    told: str = tab.evaluate("(selector) => document.querySelector(selector).textContent", selector)
    return told


def attribute(tab: Any, selector: str, name: str) -> str:
    told: str = tab.evaluate("([selector, name]) => document.querySelector(selector).getAttribute(name)", [selector, name])
    return told


LINKS = {
    "tel:+7 495 000-00-10": "tel:+74950000031",
    "tel:+7%20(495)%20000-00-10": "tel:+74950000031",
    "tel:%2B7%28495%29%C2%A00000010": "tel:+74950000031",
    "tel:84950000010": "tel:+74950000031",
    "tel:(495)0000010": "tel:+74950000031",
    "tel:%28495%290000010": "tel:+74950000031",
    "TEL:8-495-000-00-10": "TEL:+74950000031",
    "tel:+74950000010;ext=5": "tel:+74950000031;ext=5",
    "tel:+74950000010,,5%23": "tel:+74950000031,,5%23",
    "tel:+749500000100": "tel:+749500000100",
    "tel:+78120000010": "tel:+78120000010",
    "sms:+74950000010": "sms:+74950000010",
    "https://wa.me/74950000010": "https://wa.me/74950000010",
}


def test_links_to_the_number_in_any_spelling_call_the_visitors_number_and_no_other_links_do(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, "".join(f'<p><a class="one" href="{href}">call</a></p>' for href in LINKS))
    hrefs = tab.evaluate("[...document.querySelectorAll('.one')].map((link) => link.getAttribute('href'))")
    assert dict(zip(LINKS, hrefs, strict=True)) == LINKS


TEXTS = {
    "8 (495) 000-00-10": "8 (495) 000-00-31",
    "+7 (495) 000‑00‑10": "+7 (495) 000‑00‑31",
    "+7(495)000–00–10": "+7(495)000–00–31",
    "8.495.000.00.10": "8.495.000.00.31",
    "+7\u00a0495\u2009000\u202f00\u00a010": "+7\u00a0495\u2009000\u202f00\u00a031",
    "+7 495 000\u200b-00\u200b-10": "+7 495 000\u200b-00\u200b-31",
    "+7 495 000\u00ad00\u00ad10": "+7 495 000\u00ad00\u00ad31",
    "8 495 000−00−10": "8 495 000−00−31",
    "74950000010": "74950000031",
    "(495) 000 00 10": "(495) 000 00 31",
    "т.84950000010доб.5": "т.84950000031доб.5",
    "8-495-000-00-10, 8-495-000-00-10": "8-495-000-00-31, 8-495-000-00-31",
    "495-000-00-101": "495-000-00-101",
    "7495000001": "7495000001",
    "8 (812) 000-00-10": "8 (812) 000-00-10",
}


def test_the_number_is_found_in_any_spelling_and_keeps_it(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, "".join(f'<p class="one">{one}</p>' for one in TEXTS))
    shown = tab.evaluate("[...document.querySelectorAll('.one')].map((one) => one.textContent)")
    assert dict(zip(TEXTS, shown, strict=True)) == TEXTS


SPLIT = {
    "<span>8 (495)</span> <b>000-00-10</b>": "<span>8 (495)</span> <b>000-00-31</b>",
    "<small>+7</small>(495)<span><i>000</i>-<i>00</i>-<i>10</i></span>": (
        "<small>+7</small>(495)<span><i>000</i>-<i>00</i>-<i>31</i></span>"
    ),
    "8 (495)\n    <strong>\n 000-00-10</strong>": "8 (495)\n    <strong>\n 000-00-31</strong>",
    "8 <!-- code -->495<wbr>0000010": "8 <!-- code -->495<wbr>0000031",
    '8 (495) <a href="/contacts">000-00-10</a>': '8 (495) <a href="/contacts">000-00-31</a>',
    "<div>8 (495)</div><div>000-00-10</div>": "<div>8 (495)</div><div>000-00-10</div>",
    "495<br>0000010": "495<br>0000010",
    '495<span class="skvoz-noswap">1</span>0000010': '495<span class="skvoz-noswap">1</span>0000010',
    "<span>12</span><span>84950000010</span><span>34</span>": "<span>12</span><span>84950000031</span><span>34</span>",
}


def test_a_number_spread_over_elements_is_one_where_it_reads_as_one(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, "".join(f'<section class="one">{one}</section>' for one in SPLIT))
    shown = tab.evaluate("[...document.querySelectorAll('.one')].map((one) => one.innerHTML)")
    assert dict(zip(SPLIT, shown, strict=True)) == SPLIT


def test_the_parts_of_a_link_read_as_one_also_where_they_are_blocks(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, '<a id="one" href="tel:+74950000010"><div>8 (495)</div><div>000-00-10</div></a>')
    assert tab.inner_html("#one") == "<div>8 (495)</div><div>000-00-31</div>"
    tab.evaluate("document.querySelector('#one').lastChild.firstChild.data = '000 00 10'")
    assert tab.inner_html("#one") == "<div>8 (495)</div><div>000 00 31</div>"


def test_a_number_of_another_length_is_shown_as_the_site_writes_numbers_also_where_it_is_split(shop: Shop, tab: Any) -> None:
    shop.attributes = 'data-phones="000-00-10,+7 495 000-00-10"'
    html = '<p id="one">т. 000-00-10</p><p id="two"><b>000</b>-<b>00-10</b>, офис</p><img id="img" alt="000-00-10">'
    swapped(shop, tab, html, default="+74950000010", shown_as="8 (###) ###-##-##")
    assert text(tab, "#one") == "т. 8 (495) 000-00-31"
    assert text(tab, "#two") == "8 (495) 000-00-31, офис"
    assert attribute(tab, "#img", "alt") == "8 (495) 000-00-31"
    assert text(tab, "#call") == "8 (495) 000-00-31"


def test_the_prefix_of_the_page_stays_when_the_new_number_has_another_code(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, '<p id="one">8 (495) 000-00-10 / +7 495 000 00 10</p>', "+78120000031")
    assert text(tab, "#one") == "8 (812) 000-00-31 / +7 812 000 00 31"


ATTRIBUTES = """
<img id="img" alt="Звоните 8 (495) 000-00-10" title="+7 495 000-00-10">
<button id="icon" aria-label="Позвонить: 8 495 000 00 10"><i></i></button>
<input id="hint" type="tel" placeholder="+7 (495) 000-00-10">
<div id="data" data-phone="84950000010" data-tel="+7 (495) 000-00-10" data-other="84950000010" data-own-number="84950000010"></div>
<input id="button" type="button" value="Звоните 8 (495) 000-00-10"><input id="submit" type="submit" value="8 (495) 000-00-10">
"""


def test_texts_in_attributes_are_swapped_and_those_of_the_sites_list(shop: Shop, tab: Any) -> None:
    shop.attributes = 'data-attributes="data-own-number, onclick, ]"'
    swapped(shop, tab, ATTRIBUTES)
    expected = {
        ("#img", "alt"): "Звоните 8 (495) 000-00-31",
        ("#img", "title"): "+7 495 000-00-31",
        ("#icon", "aria-label"): "Позвонить: 8 495 000 00 31",
        ("#hint", "placeholder"): "+7 (495) 000-00-31",
        ("#data", "data-phone"): "84950000031",
        ("#data", "data-tel"): "+7 (495) 000-00-31",
        ("#data", "data-own-number"): "84950000031",
        ("#data", "data-other"): "84950000010",
        ("#button", "value"): "Звоните 8 (495) 000-00-31",
        ("#submit", "value"): "8 (495) 000-00-31",
        ("#call", "onclick"): "return false",
    }
    assert {place: attribute(tab, *place) for place in expected} == expected


def test_what_people_type_and_what_machines_read_is_left_alone(shop: Shop, tab: Any) -> None:
    ours = json.dumps({"@type": "Organization", "telephone": "+7 495 000-00-10"})
    html = f"""<script id="ld" type="application/ld+json">{ours}</script>
      <style id="style">i::after {{ content: '84950000010' }}</style>
      <form><input id="typed" type="tel" name="phone" value="84950000010"><input id="hidden" type="hidden" value="84950000010">
      <button id="button" value="84950000010">call</button>
      <select id="select"><option value="1">84950000010</option></select><textarea id="area">84950000010</textarea></form>
      <div id="editable" contenteditable><p>84950000010</p></div><p id="plain" contenteditable="false">84950000010</p>"""
    swapped(shop, tab, html)
    tab.fill("#area", "мой 8 (495) 000-00-10")
    tab.fill("#typed", "8 (495) 000-00-10")
    tab.evaluate("document.querySelector('#editable p').append(' 8 (495) 000-00-10')")
    tab.wait_for_function("document.querySelector('#plain').textContent === '84950000031'")
    assert text(tab, "#ld") == ours
    assert "84950000010" in text(tab, "#style")
    assert [tab.input_value(one) for one in ("#typed", "#area")] == ["8 (495) 000-00-10", "мой 8 (495) 000-00-10"]
    assert [attribute(tab, one, "value") for one in ("#typed", "#hidden", "#button")] == ["84950000010"] * 3
    assert [text(tab, one) for one in ("#select", "#area")] == ["84950000010"] * 2
    assert text(tab, "#editable") == "84950000010 8 (495) 000-00-10"


@pytest.mark.parametrize("mark", ["data-skvoz-noswap", 'class="fax skvoz-noswap"'])
def test_a_marked_block_keeps_its_number_also_when_it_changes(shop: Shop, tab: Any, mark: str) -> None:
    html = f'<div {mark}><p id="one">8 495 000-00-10 <a href="tel:+74950000010">факс</a><img alt="84950000010"></p></div>'
    swapped(shop, tab, html)
    tab.evaluate("""document.querySelector('#one').insertAdjacentHTML('beforeend', '<b title="84950000010">84950000010</b>')""")
    tab.evaluate("document.querySelector('#one img').alt = '8 4950000010'")
    tab.evaluate("document.body.insertAdjacentHTML('beforeend', '<i id=late>84950000010</i>')")
    assert text(tab, "#late") == "84950000031"
    assert tab.inner_html("#one") == (
        '8 495 000-00-10 <a href="tel:+74950000010">факс</a><img alt="8 4950000010"><b title="84950000010">84950000010</b>'
    )


def test_a_page_whose_only_phone_is_marked_leases_none(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    shop.bodies["/a"] = f'<p data-skvoz-noswap>{CALL}</p><script type="application/ld+json">"+74950000010"</script>'
    shop.attributes = 'data-phones="+74950000010"'
    tab.goto(f"{shop.pages}/a")
    until(tab, lambda: shop.kinds() == ["page_view"])
    tab.evaluate("skvoz.event('price')")
    until(tab, lambda: shop.kinds() == ["page_view", "event"])
    assert shop.came(LEASE) == 0


def test_blocks_put_in_later_are_swapped_before_they_are_seen(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, '<div id="box">old</div>')
    shown = tab.evaluate("""async () => {
      const box = document.querySelector('#box')
      box.innerHTML = '<span>8 (495)</span> <b>000-00-10</b><img alt="84950000010"><a href="tel:84950000010">call</a>'
      await new Promise(requestAnimationFrame)
      return box.innerHTML
    }""")
    assert shown == '<span>8 (495)</span> <b>000-00-31</b><img alt="84950000031"><a href="tel:+74950000031">call</a>'


def test_parts_that_come_one_after_the_other_are_swapped_once_they_read_as_one(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, '<p id="one">8 (495) </p><p id="two"><b>8 (495)</b> <i>000-00-</i></p>')
    tab.evaluate("document.querySelector('#one').insertAdjacentHTML('beforeend', '<b>000-00-10</b>')")
    assert text(tab, "#one") == "8 (495) 000-00-31"
    tab.evaluate("document.querySelector('#two i').firstChild.data = '000-00-10'")
    assert text(tab, "#two") == "8 (495) 000-00-31"


def test_attributes_that_change_later_are_swapped(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, '<a id="one" href="/contacts">call</a><img id="img"><input id="button" type="button" value="call">')
    tab.evaluate("""(() => {
      document.querySelector('#one').href = 'tel:84950000010'
      document.querySelector('#img').alt = '8 (495) 000-00-10'
      document.querySelector('#img').dataset.phone = '84950000010'
      document.querySelector('#button').value = '84950000010'
    })()""")
    assert attribute(tab, "#one", "href") == "tel:+74950000031"
    assert attribute(tab, "#img", "alt") == "8 (495) 000-00-31"
    assert attribute(tab, "#img", "data-phone") == "84950000031"
    assert attribute(tab, "#button", "value") == "84950000031"


SHADOW = """
<div id="before"></div><div id="closed"></div><div id="fax" data-skvoz-noswap></div><div id="later"></div>
<iframe id="frame" srcdoc="8 (495) 000-00-10"></iframe>
<script>
  const phone = '<p>8 (495) <b>000-00-10</b></p><a href="tel:84950000010" title="84950000010">call</a>'
  for (const id of ['before', 'fax']) document.getElementById(id).attachShadow({ mode: 'open' }).innerHTML = phone
  window.closed_ = document.getElementById('closed').attachShadow({ mode: 'closed' })
  closed_.innerHTML = phone
</script>
"""
IN_SHADOW = '<p>8 (495) <b>000-00-31</b></p><a href="tel:+74950000031" title="84950000031">call</a>'


def test_open_shadow_roots_are_a_part_of_the_page_closed_ones_and_frames_are_not(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, SHADOW)
    inner = "(id) => document.getElementById(id).shadowRoot.innerHTML"
    assert tab.evaluate(inner, "before") == IN_SHADOW
    tab.evaluate("document.getElementById('later').attachShadow({ mode: 'open' }).innerHTML = phone")
    assert tab.evaluate(inner, "later") == IN_SHADOW
    tab.evaluate("""(() => {
      const made = document.createElement('div')
      made.id = 'made'
      made.attachShadow({ mode: 'open' }).innerHTML = phone
      document.body.append(made)
    })()""")
    assert tab.evaluate(inner, "made") == IN_SHADOW
    tab.evaluate("document.getElementById('made').shadowRoot.querySelector('b').textContent = '000 00 10'")
    tab.evaluate("document.getElementById('fax').shadowRoot.append('84950000010')")
    assert tab.evaluate(inner, "made").startswith("<p>8 (495) <b>000 00 31</b></p>")
    assert "31" not in tab.evaluate(inner, "fax")
    assert "31" not in tab.evaluate("closed_.innerHTML")
    assert tab.frame_locator("#frame").locator("body").inner_text() == "8 (495) 000-00-10"


def test_a_click_on_a_number_in_a_shadow_root_is_told(shop: Shop, tab: Any) -> None:
    swapped(shop, tab, '<div id="before"></div>')
    tab.evaluate("""document.getElementById('before').attachShadow({ mode: 'open' }).innerHTML =
      '<a href="tel:84950000010" onclick="return false"><b>call</b></a>'""")
    tab.click("#before b")
    until(tab, lambda: shop.kinds() == ["page_view", "call_click"])


def test_a_phone_in_a_shadow_root_alone_is_reason_enough_to_lease(shop: Shop, tab: Any) -> None:
    shop.settle("+74950000031")
    shop.bodies["/a"] = """<div id="one"></div><script>document.getElementById('one').attachShadow({ mode: 'open' }).innerHTML =
      '<a href="tel:+74950000010">call</a>'</script>"""
    tab.goto(f"{shop.pages}/a")
    tab.wait_for_selector('#one [href="tel:+74950000031"]')


def test_a_page_that_grows_block_by_block_is_not_read_anew_each_time(shop: Shop, tab: Any) -> None:
    """Each block alone is looked through: the page's size must not tell in what a block costs."""
    swapped(shop, tab, '<div id="list"></div>')
    grow = """async (blocks) => {
      const list = document.querySelector('#list')
      const began = performance.now()
      for (let n = 0; n < blocks; n++) {
        list.insertAdjacentHTML('beforeend', `<p><b>${n}</b> <i title="call">8 (495) 111-11-11</i></p>`)
        await 0 // the observer's turn
      }
      return (performance.now() - began) / blocks
    }"""
    small = min(tab.evaluate(grow, 100) for _ in range(3))
    tab.evaluate(grow, 5000)
    large = min(tab.evaluate(grow, 100) for _ in range(3))
    print(f"milliseconds a block: {small:.3f} on a small page, {large:.3f} among 5,000 others")
    assert large < max(10 * small, 1)
    tab.evaluate("document.querySelector('#list').insertAdjacentHTML('beforeend', '<p id=last>8 495 000 00 10</p>')")
    assert text(tab, "#last") == "8 495 000 00 31"
