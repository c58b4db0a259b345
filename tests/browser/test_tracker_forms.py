"""Forms in a real browser: one request for one sent form, whatever the form is like, and no field values unless asked for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.shop import SITE, Shop, kept, loaded, settled, until

pytestmark = pytest.mark.browser

PHONE, EMAIL = "+7 (900) 765-43-21", "anna@example.ru"
FIELDS = '<input name="phone" type="tel"><input name="email" type="email"><input name="note"><button>send</button>'
FORM = f'<form id="order" method="post" action="/thanks">{FIELDS}</form>'
AJAX = f"""<form id="order">{FIELDS}</form><script>
  document.querySelector('#order').addEventListener('submit', (event) => {{
    event.preventDefault()
    ;(window.sent = window.sent || []).push(Object.fromEntries(new FormData(event.target)))
  }})
</script>"""


def fill(tab: Any) -> None:
    tab.fill("[name=phone]", PHONE)
    tab.fill("[name=email]", EMAIL)
    tab.fill("[name=note]", "a secret note")


def requests(shop: Shop) -> list[dict[str, Any]]:
    return shop.stored("request")


def opened(shop: Shop, tab: Any, html: str) -> None:
    """A page with this body, the tracker there."""
    shop.bodies["/form"] = html
    tab.goto(f"{shop.pages}/form")
    loaded(tab)


def sent_hits(shop: Shop) -> list[dict[str, Any]]:
    return [hit for path, body in shop.posts if path == "/v1/hits" for hit in json.loads(body)["hits"]]


def test_a_sent_form_is_a_request_and_carries_its_ids_to_the_shop(shop: Shop, tab: Any) -> None:
    opened(shop, tab, FORM)
    settled(shop, tab, 1)
    fill(tab)
    tab.click("button")
    tab.wait_for_url("**/thanks")
    settled(shop, tab, 3)
    [request] = requests(shop)
    [got] = shop.forms
    assert got["skvoz_request_id"] == [request["request_id"]]
    assert got["skvoz_visitor_id"] == [request["visitor_id"]] == [shop.stored()[0]["visitor_id"]]
    assert (*got["phone"], request["form_name"], request["contact_channel"]) == (PHONE, "order", "form")


@pytest.mark.parametrize("script", ["skvoz.js", "skvoz.core.js"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_field_values_leave_the_page(shop: Shop, tab: Any, method: str, script: str) -> None:
    shop.script = script
    shop.settle("+74950000031", forms={"contacts": True})
    opened(shop, tab, FORM.replace("post", method))
    fill(tab)
    tab.click("button")
    tab.wait_for_url("**/thanks*")
    settled(shop, tab, 3)
    tab.evaluate("location.href = '/after'")
    settled(shop, tab, 4)
    assert shop.forms[0]["note"] == ["a secret note"]
    told = "".join(body for _, body in shop.posts) + json.dumps(shop.stored()) + tab.evaluate("JSON.stringify(localStorage)")
    assert [text for text in ("765-43-21", "anna", "secret", "note", "skvoz_request_id") if text in told] == []
    assert [urlsplit(hit["page_url"]).query for hit in shop.stored()] == [""] * 4
    assert urlsplit(shop.stored()[3]["referrer"])[2:] == ("/thanks", "", "")
    assert "phone_hash" not in requests(shop)[0]


def test_of_a_form_sent_by_get_the_address_keeps_its_marks(shop: Shop, tab: Any) -> None:
    marks = '<input type="hidden" name="utm_source" value="vk"><input type="hidden" name="yclid" value="17">'
    opened(shop, tab, f'<form action="/thanks#price">{marks}{FIELDS.replace("<button", marks + "<button")}</form>')
    fill(tab)
    tab.click("button")
    tab.wait_for_url("**/thanks*")
    settled(shop, tab, 3)
    hit = shop.stored()[2]
    assert hit["page_url"].partition("#")[0] == f"{shop.pages}/thanks?utm_source=vk&yclid=17&utm_source=vk&yclid=17&"
    assert (hit["utm_source"], hit["click_id"]) == ("vk", "17")
    [first] = [one for one in sent_hits(shop) if one["url"].startswith(f"{shop.pages}/thanks")][:1]
    assert "note" not in first["url"]


def test_phones_and_e_mails_are_told_where_the_page_opted_in(shop: Shop, tab: Any) -> None:
    shop.settle(forms={"contacts": True})
    shop.attributes = "data-contacts"
    more = '<input name="hotel" value="1234567"><input type="password" name="email_password" value="p@ss">'
    opened(shop, tab, AJAX.replace("<button", more + "<button"))
    settled(shop, tab, 1)
    fill(tab)
    tab.click("button")
    until(tab, lambda: len(requests(shop)) == 1)
    [contact] = [hit["contact"] for hit in sent_hits(shop) if "contact" in hit]
    assert contact == {"phones": [PHONE], "emails": [EMAIL]}
    assert requests(shop)[0].keys() >= {"phone_hash", "email_hash"}
    assert "secret note" not in "".join(body for _, body in shop.posts)


def test_contacts_are_never_kept_in_the_browser(shop: Shop, tab: Any) -> None:
    shop.settle(forms={"contacts": True})
    shop.attributes = "data-contacts"
    opened(shop, tab, AJAX)
    settled(shop, tab, 1)
    shop.is_down = True
    fill(tab)
    tab.click("button")
    until(tab, lambda: shop.came("/v1/hits") == 2)
    storage = tab.evaluate("JSON.stringify(localStorage)")
    assert "form" in storage
    assert [text for text in ("765-43-21", "7654321", "anna@") if text in storage] == []
    shop.is_down = False
    until(tab, lambda: len(requests(shop)) == 1)
    assert "phone_hash" not in requests(shop)[0]


def test_a_script_of_the_site_finds_the_ids_in_its_form(shop: Shop, tab: Any) -> None:
    opened(shop, tab, AJAX)
    settled(shop, tab, 1)
    tab.click("button")
    settled(shop, tab, 2)
    [got] = tab.evaluate("window.sent")
    assert got["skvoz_request_id"] == requests(shop)[0]["request_id"]
    assert got["skvoz_visitor_id"] == tab.evaluate("skvoz.visitor()")


def test_fields_that_hide_the_forms_properties_break_nothing(shop: Shop, tab: Any) -> None:
    names = ("id", "action", "name", "submit", "elements", "method", "target", "reset", "children")
    inputs = "".join(f'<input name="{name}" value="1">' for name in names)
    form = f'<form data-skvoz-name="Заказ" method="post" action="/thanks">{inputs}<button type="submit">send</button></form>'
    opened(shop, tab, form)
    tab.click("button")
    tab.wait_for_url("**/thanks")
    settled(shop, tab, 3)
    [got] = shop.forms
    assert got.keys() == {*names, "skvoz_request_id", "skvoz_visitor_id"}
    assert got["skvoz_request_id"] == [requests(shop)[0]["request_id"]]
    assert requests(shop)[0]["form_name"] == "Заказ"


@pytest.mark.parametrize(
    "field",
    [
        '<input name="skvoz_request_id" value="theirs"><input type="hidden" name="skvoz_request_id">',
        '<input name="skvoz_request_id" value="theirs" disabled>',
        '<select name="skvoz_request_id"><option>theirs</option></select>',
        '<select name="skvoz_request_id" multiple><option selected>theirs</option></select>',
        '<textarea name="skvoz_request_id">theirs</textarea>',
        '<input type="checkbox" name="skvoz_request_id" value="theirs">',
        '<input type="checkbox" name="skvoz_request_id" value="theirs" checked>',
        '<input type="file" name="skvoz_request_id">',
    ],
)
def test_fields_named_like_ours_carry_our_id(shop: Shop, tab: Any, field: str) -> None:
    opened(shop, tab, f'<form method="post" action="/thanks">{field}<button>send</button></form>')
    tab.click("button")
    tab.wait_for_url("**/thanks")
    settled(shop, tab, 3)
    assert set(shop.forms[0]["skvoz_request_id"]) == {requests(shop)[0]["request_id"]}


def test_a_form_sent_twice_is_one_request_until_it_is_reset_or_half_an_hour_passes(shop: Shop, tab: Any) -> None:
    tab.clock.install()
    opened(shop, tab, AJAX)
    tab.dblclick("button")
    tab.click("button")
    assert len({one["skvoz_request_id"] for one in tab.evaluate("window.sent")}) == 1
    tab.evaluate("document.querySelector('#order').reset()")
    tab.click("button")
    tab.clock.run_for(31 * 60_000)
    tab.click("button")
    ids = [one["skvoz_request_id"] for one in tab.evaluate("window.sent")]
    assert len(ids) == 5
    assert len(set(ids)) == 3

    def told() -> list[str]:
        return list(dict.fromkeys(hit["request_id"] for hit in sent_hits(shop) if hit["kind"] == "form"))

    until(tab, lambda: len(told()) == 3)  # the last click's hits are still on their way
    assert told() == list(dict.fromkeys(ids))


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ('data-skvoz-name="one" aria-label="two" id="three" name="four"', "one"),
        ('aria-label="two" id="three" name="four"', "two"),
        ('id="three" name="four"', "three"),
        ('name="four"', "four"),
        ("", None),
    ],
)
def test_names_of_forms(shop: Shop, tab: Any, attributes: str, name: str | None) -> None:
    opened(shop, tab, f'<form {attributes} onsubmit="return false"><button>send</button></form>')
    tab.click("button")
    until(tab, lambda: len(requests(shop)) == 1)
    assert requests(shop)[0].get("form_name") == name


@pytest.mark.parametrize(
    "form",
    [
        '<form data-skvoz-ignore onsubmit="return false"><button>send</button></form>',
        '<div data-skvoz-ignore><form onsubmit="return false"><button>send</button></form></div>',
        '<form role="search" onsubmit="return false"><button>find</button></form>',
        '<dialog open><form method="dialog"><button>close</button></form></dialog>',
    ],
)
def test_forms_that_are_no_requests(shop: Shop, tab: Any, form: str) -> None:
    opened(shop, tab, form)
    tab.click("button")
    tab.evaluate("skvoz.event('after')")
    settled(shop, tab, 2)
    assert shop.kinds() == ["page_view", "event"]
    assert tab.evaluate("document.querySelectorAll('[name^=skvoz]').length") == 0


def test_a_site_may_tell_the_request_of_a_form_itself(shop: Shop, tab: Any) -> None:
    opened(shop, tab, '<form id="order" data-skvoz-ignore method="post" action="/thanks"></form>')
    request_id = tab.evaluate(
        "(() => { const form = document.forms[0]; const id = skvoz.request(null, form); form.submit(); return id })()"
    )
    tab.wait_for_url("**/thanks")
    settled(shop, tab, 3)
    assert [request["request_id"] for request in requests(shop)] == [request_id] == shop.forms[0]["skvoz_request_id"]


def test_without_consent_a_form_has_its_request_and_no_visitor(shop: Shop, tab: Any) -> None:
    shop.attributes = 'data-consent="denied" data-contacts'
    opened(shop, tab, FORM)
    fill(tab)
    tab.click("button")
    tab.wait_for_url("**/thanks")
    until(tab, lambda: len(requests(shop)) == 1)
    assert shop.forms[0]["skvoz_visitor_id"] == [""]
    assert shop.forms[0]["skvoz_request_id"] == [requests(shop)[0]["request_id"]]
    assert "visitor_id" not in requests(shop)[0]
    assert not any("contact" in hit for hit in sent_hits(shop))
    assert kept(tab, "outbox") is None
    assert tab.evaluate(f"localStorage.getItem('skvoz_visitor_{SITE}')") is None
