"""The demo shop without a browser: pages, forms, and what its toys tell the doors of the running stack."""

from __future__ import annotations

import json
import os
import random
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from typer.testing import CliRunner

from functions.report.view.words import texts
from infra.cli.main import app
from infra.local.clock import SimulatedClock
from infra.local.gateway import Answer, HttpRequest
from infra.local.stack import LocalStack
from infra.local.up import check_ports
from infra.shop import amocrm, pbx
from infra.shop.ads import LINKS, click_of
from infra.shop.amocrm import Contact, Lead
from infra.shop.catalogue import CATEGORIES, PRODUCTS
from infra.shop.crm import Crm
from infra.shop.opening import NUMBERS, open_shop, shop_settings
from infra.shop.pages import whole_number
from infra.shop.phone import spaced
from infra.shop.server import ShopServer
from shared.errors import BadInput
from shared.settings import parse_settings

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("shop"), SimulatedClock(NOW)) as running:
        yield running


@pytest.fixture(scope="module")
def shop(stack: LocalStack) -> Iterator[ShopServer]:
    opened = open_shop(stack, 0, os.urandom)
    yield opened
    opened.close()


def get(shop: ShopServer, target: str, cookie: str = "") -> Answer:
    return shop.handle(HttpRequest("GET", target, [("Cookie", cookie)] if cookie else [], b""))


def post(shop: ShopServer, target: str, **fields: str) -> Answer:
    return shop.handle(HttpRequest("POST", target, [], urlencode(fields).encode()))


def records(stack: LocalStack, kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for body in stack.objects("LakeBucket", f"raw/{kind}/").values() for line in body.splitlines()]


PAGES = [
    *("/", "/catalog/", "/calc/", "/calc/itog/", "/delivery/", "/contacts/", "/thanks/"),
    *(f"/catalog/{category}/" for category in CATEGORIES),
    *(f"/product/{product.slug}/" for product in PRODUCTS),
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_shop_has_the_snippet_and_the_number(shop: ShopServer, path: str) -> None:
    answer = get(shop, path)
    assert answer.status == 200
    text = answer.body.decode()
    assert shop.snippet in text
    assert '<a class="phone" href="tel:+74950000010">+7 495 000-00-10</a>' in text


@pytest.mark.parametrize("path", ["/demo/", "/demo/crm", "/demo/phone", "/demo/mail", "/demo/go/yandex"])
def test_the_back_rooms_have_no_tracker(shop: ShopServer, path: str) -> None:
    answer = get(shop, path)
    assert (answer.status, b"skvoz.js" in answer.body) == (200, False)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/product/nothing/", "/catalog/nothing/", "/static/nothing", "/static/..%2Fpages.py", "/demo/go/x"]
)
def test_what_there_is_not_is_a_404_of_the_shop(shop: ShopServer, path: str) -> None:
    assert get(shop, path).status == 404


@pytest.mark.parametrize(("target", "fields"), [
    ("/forms/callback", {"name": "А", "phone": "нет"}),
    ("/forms/callback", {}),
    ("/forms/order", {"product": PRODUCTS[0].slug, "name": "А", "phone": "12"}),
    ("/forms/order", {"product": PRODUCTS[0].slug, "name": "А", "phone": "+79000000017", "quantity": "0"}),
    ("/demo/phone", {"number": "12", "caller": "+79000000017"}),
    ("/demo/phone", {"number": "+74950000031", "caller": "+79000000017", "talk": "9999", "answered": "yes"}),
])  # fmt: skip
def test_a_form_that_cannot_be_right_is_shown_again_and_makes_no_lead(
    shop: ShopServer, target: str, fields: dict[str, str]
) -> None:
    before = len(shop.crm.leads)
    answer = post(shop, target, **fields)
    assert answer.status == 422
    assert 'role="alert"' in answer.body.decode()
    assert len(shop.crm.leads) == before


def test_text_of_visitors_is_escaped(shop: ShopServer) -> None:
    post(shop, "/forms/callback", name="<script>alert(1)</script>", phone="+79000000099")
    text = get(shop, "/demo/crm").body.decode()
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


def test_a_form_becomes_a_lead_whose_webhooks_reach_the_lake(stack: LocalStack, shop: ShopServer) -> None:
    request_id = "019aa000-0000-7000-8000-000000000001"
    told = {"product": "kabel-60m", "name": "Вера", "phone": "8 900 000-00-17", "email": "Vera@Post.example", "quantity": "2"}
    answer = post(shop, "/forms/order", **told, skvoz_request_id=request_id, skvoz_visitor_id="v-1")
    assert (answer.status, answer.header("location")) == (303, "/thanks/")
    lead = list(shop.crm.leads.values())[-1]
    post(shop, f"/demo/crm/{lead.lead_id}", stage=amocrm.WON, price="22 400", cost="13000", reason="")
    stack.pump()
    states = [r for r in records(stack, "crm_event") if r["deal_id"] == str(lead.lead_id)]
    assert {r["provider"] for r in states} == {"amocrm"}
    assert {r["request_id"] for r in states if "request_id" in r} == {request_id}
    assert any(r.get("phone_hash") for r in states)
    won = next(r for r in states if r.get("stage") == "won")
    assert (won["amount"], won["cost_price"], won["pipeline"]) == (22400, 13000, amocrm.PIPELINE)
    assert [told.status for told in shop.crm.told if told.status >= 300] == []


def test_a_lost_lead_tells_its_reason(stack: LocalStack, shop: ShopServer) -> None:
    post(shop, "/forms/callback", name="Глеб", phone="+79000000042")
    lead = list(shop.crm.leads.values())[-1]
    post(shop, f"/demo/crm/{lead.lead_id}", stage=amocrm.LOST, price="0", cost="", reason="11938870")
    stack.pump()
    lost = [r for r in records(stack, "crm_event") if r["deal_id"] == str(lead.lead_id) and r.get("stage") == "lost"]
    assert [r["loss_reason"] for r in lost] == ["Дорого"]


def test_a_call_is_told_to_the_stack_and_makes_a_lead_with_its_request_id(stack: LocalStack, shop: ShopServer) -> None:
    answer = post(shop, "/demo/phone", number="+7 495 000-00-51", caller="+7 900 000-00-63", talk="65", answered="yes")
    assert answer.status == 303
    call = shop.phone.calls[-1]
    assert (call.status, call.resolved_by) == (200, "number")
    lead = list(shop.crm.leads.values())[-1]
    assert lead.fields["skvoz_request_id"] == call.request_id
    (record,) = [r for r in records(stack, "call") if r["request_id"] == call.request_id]
    assert (record["number"], record["talk_seconds"], record["utm_source"]) == ("+74950000051", 65, "banner")


def caller_of(answer: Answer) -> tuple[str, str]:
    """(the number in the form, the cookie that keeps it)."""
    shown = re.search(r'name="caller"[^>]* value="([^"]*)"', answer.body.decode())
    cookie = answer.header("set-cookie")
    assert shown
    assert cookie
    return shown[1], cookie.partition(";")[0]


def test_each_browser_has_a_phone_of_its_own_and_keeps_it(shop: ShopServer) -> None:
    numbers = set()
    for _ in range(20):
        number, cookie = caller_of(get(shop, "/demo/phone"))
        numbers.add(number)
        assert caller_of(get(shop, "/demo/phone?number=%2B74950000031", f"other=1; {cookie}")) == (number, cookie)
    assert len(numbers) == 20


def test_a_number_that_was_typed_instead_is_kept(shop: ShopServer) -> None:
    answer = post(shop, "/demo/phone", number=NUMBERS[1], caller="8 900 000-00-64", talk="5", answered="yes")
    cookie = (answer.header("set-cookie") or "").partition(";")[0]
    assert caller_of(get(shop, "/demo/phone", cookie))[0] == "+7 900 000-00-64"


@pytest.mark.parametrize("cookie", ["demo_caller=", "demo_caller=%D0%BD", "demo_caller=12", 'demo_caller="><script>', "=;;="])
def test_an_unreadable_cookie_is_no_number(shop: ShopServer, cookie: str) -> None:
    assert re.fullmatch(r"\+7 900 000-\d\d-\d\d", caller_of(get(shop, "/demo/phone", cookie))[0])


@pytest.mark.parametrize(("number", "shown"), [("+79000004821", "+7 900 000-48-21"), ("+4915112345678", "+4915112345678")])
def test_numbers_are_shown_as_people_write_them(number: str, shown: str) -> None:
    assert spaced(number) == shown


def test_how_a_call_was_resolved_is_told_in_the_reports_words(shop: ShopServer) -> None:
    post(shop, "/demo/phone", number="+74950000051", caller="+79000000065", talk="5", answered="yes")
    assert shop.phone.calls[-1].resolved_by == "number"
    assert texts("ru")["calls"]["resolved"]["number"] in get(shop, "/demo/phone").body.decode()


def lead_of(shop: ShopServer, phone: str) -> Lead:
    post(shop, "/forms/callback", name="Олег", phone=phone)
    return list(shop.crm.leads.values())[-1]


def test_the_first_button_of_a_lead_saves_and_moves_nothing(shop: ShopServer) -> None:
    lead = lead_of(shop, "+79000000081")
    post(shop, f"/demo/crm/{lead.lead_id}", stage="58113406", price="0", cost="")
    form = get(shop, "/demo/crm").body.decode().partition(f'id="lead-{lead.lead_id}"')[2].partition("</form>")[0]
    first = re.findall(r"<button[^>]*>[^<]*", form)[0]
    assert ("name=" in first, first.rpartition(">")[2]) == (False, "Сохранить")
    assert post(shop, f"/demo/crm/{lead.lead_id}", price="9 000", cost="5000", reason="11938870").status == 303
    assert (lead.status_id, lead.price, lead.fields[amocrm.COST_FIELD]) == ("58113406", 9000, "5000")
    assert shop.crm.told[-1].what == "leads[update]"


@pytest.mark.parametrize(("price", "cost", "named"), [
    ("9000 р", "", "Бюджет"), ("сто", "1", "Бюджет"), ("", "1", "Бюджет"), ("100000000", "", "Бюджет"),
    ("9000", "5000 р", "Себестоимость"), ("9000", "-1", "Себестоимость"), ("9000", "10,50", "Себестоимость"),
])  # fmt: skip
def test_money_that_is_no_number_is_named_and_nothing_is_saved(shop: ShopServer, price: str, cost: str, named: str) -> None:
    lead = lead_of(shop, "+79000000082")
    told = len(shop.crm.told)
    answer = post(shop, f"/demo/crm/{lead.lead_id}", stage=amocrm.WON, price=price, cost=cost, reason="11938872")
    form = answer.body.decode().partition(f'id="lead-{lead.lead_id}"')[2].partition("</form>")[0]
    assert answer.status == 422
    assert f'role="alert">{named}' in form
    assert (f'name="price" inputmode="numeric" maxlength="12" value="{price}"' in form, f'value="{cost}"' in form) == (True, True)
    assert 'value="11938872" selected' in form
    assert answer.body.decode().count('role="alert"') == 1
    assert (lead.status_id, lead.price, len(shop.crm.told)) == ("58113402", 0, told)


def test_a_form_of_a_lead_without_its_fields_is_a_mistake_not_a_crash(shop: ShopServer) -> None:
    assert post(shop, f"/demo/crm/{lead_of(shop, '+79000000083').lead_id}", stage=amocrm.WON).status == 422


def test_the_start_screen_the_bar_and_the_readme_count_the_same_steps(shop: ShopServer) -> None:
    text = get(shop, "/demo/").body.decode()
    steps = re.findall(r"<li><b>([^<]+)\.</b>", text)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## See it live")[2].partition("\n## ")[0]
    told = re.findall(r"^(\d)\. \*\*", section, re.MULTILINE)
    bar = re.findall(r"<a href=[^>]*>([^<]+)</a>", text.partition('class="bar"')[2].partition("</div></div>")[0])
    assert steps == bar == ["Реклама", "Магазин", "Телефон", "CRM", "Почта"]
    assert [int(number) for number in told] == [1, 2, 3, 4, 5]


def test_moves_of_a_lead_made_within_a_second_keep_their_order() -> None:
    sent: list[str] = []
    crm = Crm(lambda body: sent.append(body) or Answer(202, [], b""), lambda: NOW)  # type: ignore[func-returns-value]  # None is what it should give
    lead = crm.take("x", "Вера", "+79000000017")
    for stage in ("58113404", amocrm.WON):
        crm.move(lead.lead_id, stage, 100, None)
    stamps = [int(dict(parse_qsl(body))["leads[status][0][last_modified]"]) for body in sent if "leads%5Bstatus" in body]
    assert stamps == sorted(set(stamps))


def test_webhooks_have_amocrms_shape() -> None:
    lead = Lead(41870233, "Заявка & «+»", NOW, price=186400, fields={"skvoz_request_id": "r-1", "empty": ""})
    form = {name: value for name, (value,) in parse_qs(amocrm.lead_moved(lead, "58113402", NOW)).items()}
    assert form["leads[status][0][name]"] == "Заявка & «+»"
    assert (form["leads[status][0][old_status_id]"], form["leads[status][0][price]"]) == ("58113402", "186400")
    assert (form["leads[status][0][custom_fields][0][name]"], form["leads[status][0][custom_fields][0][values][0][value]"]) == (
        "skvoz_request_id",
        "r-1",
    )
    assert "leads[status][0][custom_fields][1][name]" not in form
    assert form["account[id]"] == amocrm.ACCOUNT_ID
    contact = parse_qs(amocrm.contact_added(Contact(5, "Вера", "+79000000017", "v@x.example", NOW, [41870233]), NOW))
    assert contact["contacts[add][0][linked_leads_id][41870233][ID]"] == ["41870233"]
    assert contact["contacts[add][0][custom_fields][0][code]"] == ["PHONE"]


def test_a_missed_call_has_no_answer_and_ends_after_the_wait() -> None:
    event = pbx.call_ended("c", "+74950000031", "+79000000042", NOW, 37, None)
    assert (event["agent_answer_time"], event["duration"], event["session_data"]) == (None, 0, [])
    assert datetime.fromisoformat(event["hangup_time"]) == NOW + timedelta(seconds=37)
    assert event["our_number"] == "0074950000031"


def test_every_ad_link_has_a_click_id_of_its_own() -> None:
    chance = random.Random(1)
    for link in LINKS:
        one, other = click_of(link.name, chance), click_of(link.name, chance)
        assert one is not None
        assert one[1] == link.referrer
        assert (one == other) == ("{click}" not in link.query)
    assert click_of("nothing", chance) is None


@pytest.mark.parametrize(
    ("text", "number"), [("14 900", 14900), ("0", 0), ("", None), ("-1", None), ("٣", None), ("1e3", None), ("101", 101)]
)
def test_numbers_are_read_as_people_type_them(text: str, number: int | None) -> None:
    assert whole_number(text, 0, 99_999) == number


def test_the_pool_is_filled_and_the_spend_of_today_is_there(stack: LocalStack, shop: ShopServer) -> None:
    stack.pump()
    rows = [r for r in records(stack, "cost") if r.get("utm_campaign") == "tp-poisk-msk"]
    assert [r["day"] for r in rows] == ["2026-11-22"]
    assert len(NUMBERS) == 6
    assert post(shop, "/demo/phone", number=NUMBERS[0], caller="+79000000077", talk="5", answered="no").status == 303
    assert shop.phone.calls[-1].resolved_by == "nothing"  # a number that nobody has leased yet


def test_the_report_is_mailed_with_its_files_and_again_on_demand(stack: LocalStack, shop: ShopServer) -> None:
    for mails in (1, 2):
        assert post(shop, "/demo/mail/send").status == 303
        assert len(shop.mailbox.mails()) == mails
    assert "Письмо 2" in get(shop, "/demo/mail").body.decode()
    assert "Теплодом" in get(shop, "/demo/mail/1/html").body.decode()
    file = get(shop, "/demo/mail/1/file/1")
    assert (file.status, file.body[:2]) == (200, b"PK")
    for missing in ("/demo/mail/9", "/demo/mail/x/html", "/demo/mail/1/file/9"):
        assert get(shop, missing).header("location") == "/demo/mail"


def test_the_report_speaks_english_where_asked() -> None:
    for language in ("ru", "en"):
        settings = parse_settings(shop_settings("token", language, "http://127.0.0.1:1"))
        assert (settings.report.language, settings.hosts) == (language, ["127.0.0.1", "localhost"])


def test_mails_have_their_time_on_them(shop: ShopServer) -> None:
    post(shop, "/demo/mail/send")
    post(shop, "/demo/mail/send")
    tabs = re.findall(r">Письмо (\d) · (\d\d:\d\d:\d\d)</a>", get(shop, "/demo/mail").body.decode())
    assert [int(number) for number, _ in tabs] == list(range(1, len(shop.mailbox.mails()) + 1))
    assert {at for _, at in tabs} == {f"{NOW + timedelta(hours=3):%H:%M:%S}"}


def test_after_unsubscribing_the_button_says_so_and_leads_back(stack: LocalStack, shop: ShopServer) -> None:
    post(shop, "/demo/mail/send")
    assert shop.mailbox.way_back() == ""
    link = str(shop.mailbox.mails()[-1]["List-Unsubscribe"]).strip("<>")
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert stack.call("POST", urlsplit(link).path, form, "List-Unsubscribe=One-Click").status == 200
    before = len(shop.mailbox.mails())
    answer = post(shop, "/demo/mail/send")
    text = answer.body.decode()
    assert (answer.status, len(shop.mailbox.mails())) == (409, before)
    assert "получатель отписался" in text
    assert f'<a href="{link}"' in text
    assert 'class="letter"' in text  # the mails that he had are still there
    assert stack.call("POST", urlsplit(link).path, form, "undo=1").status == 200
    assert post(shop, "/demo/mail/send").status == 303
    assert len(shop.mailbox.mails()) == before + 1


def test_a_report_that_cannot_be_sent_says_why(shop: ShopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("the marts are on strike")

    monkeypatch.setattr(shop.mailbox, "send_report", broken)
    answer = post(shop, "/demo/mail/send")
    assert answer.status == 502
    assert "the marts are on strike" in answer.body.decode()


def test_a_report_that_waits_for_the_data_is_not_called_unsubscribed(shop: ShopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.mailbox, "send_report", lambda: 0)
    answer = post(shop, "/demo/mail/send")
    assert answer.status == 409
    assert "данные ещё обновляются" in answer.body.decode()


def test_a_port_in_use_is_named_with_the_options_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput) as caught:
            check_ports({"--port": 0, "--shop-port": port})
    assert [(field.path, field.message) for field in caught.value.fields] == [
        (f"--shop-port {port}", "is in use by another program")
    ]
    assert "make up UP=" in caught.value.message
    check_ports({"--port": 0, "--shop-port": port})  # free again: nothing of the check is left behind


def test_one_port_cannot_serve_both() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    with pytest.raises(BadInput, match="choose others") as caught:
        check_ports({"--port": port, "--shop-port": port})
    assert [field.message for field in caught.value.fields] == ["must be different ports"]


def test_skvoz_up_on_a_busy_port_ends_without_a_trace_or_a_folder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(app, ["up", "--port", port, "--shop-port", "0", "--root", str(tmp_path / "up")])
    assert (result.exit_code, f"--port {port}: is in use" in result.output) == (2, True)
    assert not (tmp_path / "up").exists()
