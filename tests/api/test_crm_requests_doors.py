"""Forms and imported letters, chats and messages as new requests: from the hit door and the import to amoCRM's double."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from functions.collect.people.handover import MOST_OF_BATCH
from infra.doubles.amocrm.server import AmoServer
from shared.identity import email_hash, phone_hash
from shared.new_requests import PLACE
from shared.settings import parse_settings, published
from shared.sites import current_key
from shared.times import from_millis
from shared.touches import Touch
from shared.ways import Way, way_item
from tests.api.collect_door import FILES, LAKE, Collect, body_of, counted, now_of
from tests.api.new_requests import Amo, World, world

QUEUE = "crm-tasks"
KEY = b"key-of-the-hashes"
PHONE, EMAIL = "+79000000017", "vera@post.example"
FORM = {
    "kind": "form", "request_id": "kv-17", "form": "Расчёт", "url": "https://kvartal.example/kuhni?tel=89000000017",
    "contact": {"phones": ["8 (900) 000-00-17"], "emails": ["Vera@Post.example"]},
}  # fmt: skip
NOW = now_of("hits_post")
FIRST = {"t": 1790000000000, "url": "https://kvartal.example/akcii?utm_source=vk&utm_medium=cpc", "ref": "https://vk.com/feed"}
MARKED = (
    "https://kvartal.example/kuhni?tel=89000000017&utm_source=yandex&utm_medium=cpc&utm_campaign=kuhni&yclid=18446744073709551617"
)


class Doors(Collect):
    """The hit door of a site that hands its forms and letters to amoCRM."""

    def __init__(self, patch: pytest.MonkeyPatch, made: World) -> None:
        patch.setenv("CRM_TASK_QUEUE_URL", QUEUE)
        super().__init__(patch)
        self.world, self.clients.dynamodb = made, made.dynamodb
        made.clients = self.clients
        self.settle()

    def settle(self, *channels: str, **changes: Any) -> None:
        told = {
            "site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"], "pii": "vault", "forms": {"contacts": True},
            "crm": {"new_requests": {"url": "https://crm.example/new", "channels": channels or ("form", "email", "chat")}},
            **changes,
        }  # fmt: skip
        self.publish(told)
        self.forget()

    @property
    def queued(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.clients.sqs.messages.get(QUEUE, [])]

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(self.clients.s3.body(LAKE, message["key"]))["data"] for message in self.queued]


@pytest.fixture
def made() -> Iterator[World]:
    with world() as one:
        yield one


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch, made: World) -> Doors:
    return Doors(monkeypatch, made)


def refusals(printed: str) -> list[tuple[str, int]]:
    return [(one["Reason"], one["RequestNotHandedOver"]) for one in counted(printed, "RequestNotHandedOver")]


def line(**changes: Any) -> dict[str, Any]:
    at = now_of("import_post") - timedelta(hours=1)
    told = {"type": "request", "occurred_at": at.isoformat(), "contact_channel": "email", "request_id": "letter-1", "email": EMAIL}
    return {**told, **changes}


# --- forms ------------------------------------------------------------------------------------------------------------------------


def test_a_form_is_handed_over_with_its_way_and_without_a_plain_contact(doors: Doors) -> None:
    assert doors.hits({**FORM, "url": MARKED, "first": FIRST})["statusCode"] == 202
    (told,) = doors.objects
    assert told == {
        "site_id": "kvartal", "door": "hits", "request_id": "kv-17", "contact_channel": "form", "form_name": "Расчёт",
        "visitor_id": doors.stored("request")[0]["visitor_id"], "started_at": told["started_at"],
        "phone_hash": phone_hash(PHONE, KEY), "email_hash": email_hash(EMAIL, KEY),
        "page_url": MARKED.replace("89000000017", "[removed]"), "landing": "https://kvartal.example/akcii",
        "first_at": "2026-09-21T14:13:20+00:00", "first_source": "vk / cpc", "last_source": "yandex / cpc / kuhni",
        "utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "kuhni",
        "click_id_name": "yclid", "click_id": "18446744073709551617",
    }  # fmt: skip
    everything = doors.clients.s3.all_bytes(LAKE).decode() + str(doors.queued)
    assert "0000017" not in everything.replace(told["click_id"], "")
    assert "post.example" not in everything.lower()


def test_without_a_first_touch_the_page_of_the_form_tells_its_marks(doors: Doors) -> None:
    doors.hits({**FORM, "url": "https://kvartal.example/kuhni?utm_source=vk&gclid=abc"})
    (told,) = doors.objects
    assert (told["utm_source"], told["click_id_name"], told["click_id"], told["last_source"]) == ("vk", "gclid", "abc", "vk")
    assert {"first_source", "landing"}.isdisjoint(told)


@pytest.mark.parametrize(
    ("touch", "source"),
    [
        ({"url": "https://kvartal.example/", "ref": ""}, "direct"),
        ({"url": "https://kvartal.example/", "ref": "https://www.kvartal.example/a"}, "direct"),
        ({"url": "https://kvartal.example/", "ref": "https://vk.com/feed"}, "vk.com"),
        ({"url": "https://kvartal.example/?gclid=abc"}, "gclid"),
        ({"url": "https://kvartal.example/?utm_source=tg"}, "tg"),
        ({"url": "https://kvartal.example/", "ref": "no address"}, "direct"),
    ],
)
def test_a_first_touch_tells_its_source(doors: Doors, touch: dict[str, Any], source: str) -> None:
    doors.hits({**FORM, "first": {**FIRST, "ref": "", **touch}})
    assert doors.objects[0]["first_source"] == source


def test_a_visit_that_began_with_the_first_touch_has_its_source_and_marks(doors: Doors) -> None:
    began = {**FIRST, "t": int((NOW - timedelta(minutes=20)).timestamp() * 1000)}
    doors.hits({**FORM, "t": None, "ref": "https://kvartal.example/akcii", "first": began})
    (told,) = doors.objects
    assert (told["first_source"], told["last_source"], told["utm_source"]) == ("vk / cpc", "vk / cpc", "vk")


def test_of_a_later_visit_an_inner_page_knows_no_source(doors: Doors) -> None:
    doors.hits({**FORM, "ref": "https://kvartal.example/akcii", "first": FIRST})
    (told,) = doors.objects
    assert told["first_source"] == "vk / cpc"
    assert {"last_source", "utm_source"}.isdisjoint(told)


@pytest.mark.parametrize("ref", ["https://yandex.ru/", "android-app://org.telegram.messenger/"])
def test_of_a_later_visit_an_entry_page_tells_where_it_came_from(doors: Doors, ref: str) -> None:
    doors.hits({**FORM, "ref": ref, "first": FIRST})
    assert doors.objects[0]["last_source"] == ref.split("/")[2]


@pytest.mark.parametrize(
    "touches",
    [
        1, "a", [], {}, {"url": 1}, {"t": "x", "url": "https://a.example/"}, {"t": 1e30, "url": "https://a.example/"},
        {"url": "x", "t": 1},
    ],
)  # fmt: skip
def test_touches_that_are_none_cost_no_request(doors: Doors, touches: Any) -> None:
    doors.hits({**FORM, "first": touches})
    assert "first_source" not in doors.objects[0]


@pytest.mark.parametrize(
    ("changes", "batch", "reason"),
    [
        ({"contact": None}, {}, "no_contact"),
        ({}, {"test": True}, "test"),
        ({}, {"consent": "denied"}, "no_contact"),
        ({"t": int((NOW - timedelta(days=2)).timestamp() * 1000)}, {"sent_at": None}, "late"),
    ],
)
def test_what_is_no_news_or_nobodys_is_counted_and_stays_here(
    doors: Doors, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], batch: dict[str, Any], reason: str
) -> None:
    assert doors.hits({**FORM, **changes}, **batch)["statusCode"] == 202
    assert doors.queued == []
    assert refusals(capsys.readouterr().out) == [(reason, 1)]
    assert len(doors.stored("request")) == 1


def test_a_batch_hands_over_so_many_forms(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    own = [{"request_id": f"kv-{n}", "contact": {"phones": [f"8 (900) 000-00-{n:02}"]}} for n in range(MOST_OF_BATCH + 2)]
    doors.hits(*({**FORM, "id": f"0199d7a1-5c30-7d44-8a55-7f0a1b2c3d{n:02}", **told} for n, told in enumerate(own)))
    assert len(doors.queued) == MOST_OF_BATCH
    assert refusals(capsys.readouterr().out) == [("too_many", 1)] * 2


def test_sites_that_ask_for_calls_alone_get_no_forms_and_need_no_queue(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    doors.settle("call")
    monkeypatch.delenv("CRM_TASK_QUEUE_URL")
    doors.hits(FORM)
    assert (doors.queued, doors.clients.s3.keys(LAKE, PLACE)) == ([], [])


@pytest.mark.parametrize("service", ["s3", "sqs"])
def test_a_store_that_fails_costs_the_request_and_not_the_hits(
    doors: Doors, capsys: pytest.CaptureFixture[str], service: str
) -> None:
    doors.clients(service).fail("put_object" if service == "s3" else "send_message")
    answer = doors.hits(FORM)
    assert (answer["statusCode"], len(doors.stored())) == (202, 1)
    printed = capsys.readouterr().out
    assert refusals(printed) == [("store", 1)]
    assert "kv-17" in printed
    assert "0000017" not in printed


def test_a_vault_that_fails_hands_over_nobody(
    doors: Doors, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(**call: Any) -> Any:
        raise OSError("the vault is closed")

    monkeypatch.setattr(doors.clients.dynamodb, "update_item", refusing)
    assert doors.hits(FORM)["statusCode"] == 202
    assert doors.queued == []
    assert refusals(capsys.readouterr().out) == [("no_vault", 1)]


def test_sites_do_not_write_over_each_others_requests(doors: Doors) -> None:
    """Ids of requests come from browsers: anybody may tell any."""
    other = {
        "site_id": "other", "name": "Другой", "hosts": ["other.example"], "pii": "vault", "forms": {"contacts": True},
        "crm": {"new_requests": {"url": "https://crm.example/new", "channels": ["form"]}},
    }  # fmt: skip
    doors.clients.s3.put_object(Bucket=FILES, Key=current_key("other"), Body=orjson.dumps(published(parse_settings(other))))
    doors.hits(FORM)
    doors.hits({**FORM, "url": "https://other.example/"}, site="other", headers={"origin": "https://other.example"})
    assert [one["site_id"] for one in doors.objects] == ["kvartal", "other"]


def test_from_the_form_to_the_lead(doors: Doors, made: World) -> None:
    doors.hits({**FORM, "first": FIRST})
    doors.hits({**FORM, "first": FIRST})  # the tracker's second try
    with AmoServer(lambda: made.now) as server:
        amo = Amo(made, server)
        amo.settle()
        amo.lose("POST /api/v4/leads/complex")
        for text in list(doors.clients.sqs.messages[QUEUE]):
            order = _order(text)
            assert made.until_done(order) is None
        (lead,) = amo.leads
        assert lead.lead.fields["skvoz_request_id"] == "kv-17"
        (contact,) = server.account.contacts.values()
        assert (list(contact.phones), contact.email) == ([PHONE], EMAIL)


def _order(text: str) -> Any:
    from functions.crm_webhook.tasks.orders import order_of

    return order_of(text)


# --- imports ----------------------------------------------------------------------------------------------------------------------


def test_an_imported_letter_is_handed_over_with_its_sender_in_the_vault(doors: Doors) -> None:
    answer = body_of(doors.lines(line(utm_source="mailing"), line(contact_channel="messenger", request_id="m-1")))
    assert (answer["accepted"], answer["handed_over"]) == (2, 1)  # messenger is not asked for
    (told,) = doors.objects
    assert (told["request_id"], told["contact_channel"], told["utm_source"]) == ("letter-1", "email", "mailing")
    assert told["email_hash"] == email_hash(EMAIL, KEY)
    assert doors.world.vault.get("kvartal", "email", told["email_hash"]) is not None
    assert EMAIL not in doors.clients.s3.all_bytes(LAKE).decode() + str(doors.queued)


def test_an_imported_request_has_the_source_of_its_marks_and_the_first_one_of_its_visitor(doors: Doors, made: World) -> None:
    """The chat told the visitor's id, and the visitor leased a number before."""
    visitor, before = "0199d7a1-5c2e-7b6a-9c11-000000000001", from_millis(1_790_000_000_000)
    first = Touch(before, "https://kvartal.example/akcii", {"utm_source": "vk"}, "vk.com")
    way = Way(first, "lease-1", before, {}, "")
    made.dynamodb.put_item(TableName="numbers", Item=way_item("kvartal", visitor, way))
    doors.lines(line(visitor_id=visitor, utm_source="mailing"), line(request_id="letter-2", page_url=MARKED))
    one, two = doors.objects
    assert (one["first_source"], one["landing"], one["last_source"]) == ("vk", first.url, "mailing")
    assert (two["last_source"], two["click_id_name"], "first_source" in two) == ("yandex / cpc / kuhni", "yclid", False)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"occurred_at": datetime(2026, 1, 1, tzinfo=UTC).isoformat()}, "late"),
        ({"email": None}, "no_contact"),
        ({"is_test": True}, "test"),
    ],
)
def test_imported_history_and_nobodys_requests_stay_here(
    doors: Doors, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], reason: str
) -> None:
    told = {name: value for name, value in line(**changes).items() if value is not None}
    assert body_of(doors.lines(told))["handed_over"] == 0
    assert doors.queued == []
    assert refusals(capsys.readouterr().out) == [(reason, 1)]


@pytest.mark.parametrize("service", ["s3", "sqs"])
def test_an_import_whose_request_cannot_be_handed_over_is_to_be_sent_again(doors: Doors, service: str) -> None:
    if service == "sqs":
        doors.clients.sqs.fail("send_message", times=1)
    else:
        put = doors.clients.s3.put_object

        def refusing(**call: Any) -> Any:
            if call["Key"].startswith(PLACE):
                raise OSError("no room")
            return put(**call)

        doors.clients.s3.put_object = refusing  # type: ignore[method-assign]
    assert doors.lines(line())["statusCode"] == 503
    if service == "s3":
        doors.clients.s3.put_object = put  # type: ignore[method-assign]
    assert body_of(doors.lines(line()))["handed_over"] == 1
    assert [one["webhook_id"] for one in doors.queued] == ["letter-1"]


def test_an_import_without_such_requests_is_answered_as_ever(doors: Doors) -> None:
    assert "handed_over" not in body_of(doors.lines(line(contact_channel="visit")))
