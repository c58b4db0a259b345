"""The clients of the shop "Kvartal" as they live (tests/data/story.json): hits of the tracker, leased numbers, calls told by the
PBX, a form, deals in amoCRM's own forms. Every deal lands on its true source, by the key that its way left behind.

Unlike test_story_doors.py nothing is imported but C's return, as amoCRM has no hook of a refund: visitors get their tokens, A, B
and D the very numbers that the story tells (each is the pool's only unused one when they come), and calls are resolved by who held
the number. What the story leaves out agrees with it: B comes back by himself before his call of the evening, D calls during the
visit of 28 October.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_plus

import pytest

from functions.report.figures import Figures
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.aws import client as aws_client
from shared.ids import uuid7
from shared.leases import pool_key
from shared.security import sign_webhook, token_sha256
from shared.settings import parse_settings
from shared.times import from_millis, to_millis
from shared.warehouse import Row
from tests.api.crm_amocrm import AMOCRM, STAGES, story
from tests.api.product_doors import SECRET, TOKEN, Doors, read_json

DATA = Path(__file__).parents[1] / "data"
STORY = read_json(DATA / "story.json")
CLIENTS, DEALS = STORY["clients"], STORY["deals"]
PAGE = "https://kvartal.example"
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
END = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
FORM_ID = "019a0000-0000-7000-8000-00000000000c"
SETTINGS = {
    "site_id": "kvartal",
    "name": "Квартал",
    "hosts": ["kvartal.example"],
    "stages": [{"money_stage": "won", "stages": STAGES}],
    "crm": {"token_sha256": [token_sha256(TOKEN)], "amocrm": AMOCRM},
    "numbers": {
        "default": "+74950000010",
        "static": [{"number": "+74950000041", "source": "vk", "medium": "cpc"}, {"number": "+74950000051", "source": "banner"}],
    },
}  # fmt: skip
D_CALL = {"start": "2026-10-28T12:36:00+03:00", "answer": "2026-10-28T12:36:11+03:00", "end": "2026-10-28T12:38:32+03:00"}


class Visitor:
    """A client's browser: it proposes an id once, then keeps the token that the server signs."""

    def __init__(self, shop: Shop, name: str) -> None:
        self.shop, self.name, self.visitor_id, self.token = shop, name, "", ""
        self.held: dict[str, str] | None = None

    def hit(self, at: datetime, path: str = "/", referrer: str = "", **more: Any) -> None:
        self.visitor_id = self.visitor_id or uuid7(at, self.name.encode() * 10)
        item = {"id": uuid7(at, f"hit of {self.name}".encode()), "t": to_millis(at), "kind": "page_view", "url": PAGE + path}
        item |= {"ref": referrer, **more}
        body = {"site": "kvartal", "visitor": self.token or self.visitor_id, "sent_at": to_millis(at), "hits": [item]}
        if self.held:
            body["lease"] = self.held
        told = self.shop.post(at, "/v1/hits", body)
        assert (told["accepted"], told["visitor"]) == (1, self.visitor_id)
        assert bool(told.get("lease")) == bool(self.held)
        self.token = told["token"]

    def lease(self, at: datetime) -> str:
        """The number that the page shows him."""
        told = self.shop.post(at, "/v1/numbers/lease", {"site": "kvartal", "visitor": self.token})
        assert told["kind"] == "dynamic", told
        self.held = {"number": told["number"], "id": told["lease"]["id"]}
        return self.held["number"]


class Shop:
    """The site, its pool of numbers, its PBX and its CRM, on one running stack."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack, self.doors = stack, Doors(stack, SETTINGS)
        stack.publish(parse_settings(SETTINGS))
        stack.put_secret("kvartal/calls-generic", SECRET)

    def post(self, at: datetime, path: str, body: Mapping[str, Any]) -> Any:
        self.doors.at(at)
        headers = {"content-type": "text/plain", "origin": PAGE, "user-agent": AGENT}
        answer = self.stack.call("POST", path, headers, json.dumps(body, ensure_ascii=False))
        assert answer.status in (200, 202), answer.body
        return answer.json()

    def own(self, number: str) -> None:
        """One more number in the pool."""
        item = {"pk": {"S": pool_key("kvartal")}, "sk": {"S": number}}
        aws_client("dynamodb").put_item(TableName=self.stack.environment["NUMBERS_TABLE"], Item=item)

    def ring(self, at: datetime, body: Mapping[str, Any]) -> Any:
        """The PBX tells a call when it is over."""
        self.doors.at(at)
        raw = json.dumps(body).encode()
        headers = {"content-type": "application/json", **sign_webhook(raw, f"call-{body['call_id']}", SECRET, at)}
        answer = self.stack.call("POST", "/v1/calls/generic/kvartal", headers, raw)
        assert answer.status == 200, answer.body
        return answer.json()

    def amocrm(self, at: datetime, body: bytes) -> None:
        self.doors.at(at)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        assert self.stack.call("POST", f"/v1/crm/amocrm/kvartal/{TOKEN}", headers, body).status == 202
        self.stack.pump()  # the queue keeps nothing for the weeks that the story takes


def told_call(name: str) -> dict[str, Any]:
    call: dict[str, Any] = read_json(DATA / f"telephony/call_end_{name}.json")
    return call


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class Lived(NamedTuple):
    """What the marts and the doors say at the end."""

    deals: dict[str, Row]
    requests: dict[str, Row]
    calls: dict[str, Row]
    figures: Figures
    numbers: dict[str, str]
    resolved: dict[str, Any]
    visitors: dict[str, str]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with LocalStack(tmp_path_factory.mktemp("living"), SimulatedClock(at("2026-10-12T06:00:00+03:00"))) as stack:
        shop = Shop(stack)
        people = {name: Visitor(shop, name) for name in "ABCD"}
        numbers, resolved = play(shop, people)
        shop.doors.at(END)
        payment = {"type": "payment", "provider": "amocrm", "deal_id": DEALS["C"]["ids"]["amocrm_lead"], "payment_id": "return-1"}
        payment |= {"amount": f"-{DEALS['C']['returned']}", "occurred_at": DEALS["C"]["returned_at"]}
        shop.doors.import_([payment])
        shop.doors.refresh()
        deals = {row["deal_id"].removeprefix("amocrm:"): row for row in shop.doors.rows(_DEALS)}
        yield Lived(
            {name: deals[deal["ids"]["amocrm_lead"]] for name, deal in DEALS.items()},
            {row["request_id"]: row for row in shop.doors.rows("SELECT * FROM requests")},
            {row["call_id"]: row for row in shop.doors.rows("SELECT * FROM calls")},
            shop.doors.figures(date(2026, 10, 12), date(2026, 11, 20)),
            numbers,
            resolved,
            {name: visitor.visitor_id for name, visitor in people.items()},
        )


def play(shop: Shop, people: Mapping[str, Visitor]) -> tuple[dict[str, str], dict[str, Any]]:
    """Everything in the order of its time; the numbers that were shown and what the calls were resolved to."""
    numbers: dict[str, str] = {}
    resolved: dict[str, Any] = {}
    acts: list[tuple[datetime, Callable[[datetime], None]]] = []
    a, b, d = (CLIENTS[name] for name in "ABD")

    def sees_number(name: str, number: str) -> Callable[[datetime], None]:
        def act(now: datetime) -> None:
            shop.own(number)
            numbers[name] = people[name].lease(now)

        return act

    def rings(name: str, body: Mapping[str, Any]) -> Callable[[datetime], None]:
        def act(now: datetime) -> None:
            resolved[name] = shop.ring(now, body)

        return act

    def views(name: str, path: str, referrer: str = "", **more: Any) -> Callable[[datetime], None]:
        return lambda now: people[name].hit(now, path, referrer, **more)

    minute, first = timedelta(minutes=1), {name: at(CLIENTS[name]["first_visit"]) for name in "ABCD"}
    acts += [
        (first["A"], views("A", f"/?utm_source=yandex&utm_medium=cpc&utm_campaign=708815521&yclid={a['yclid']}", "https://yandex.ru/")),
        (first["A"] + 9 * minute, views("A", "/contacts")),
        (first["A"] + 9 * minute, sees_number("A", "+74950000031")),
        (first["A"] + 10 * minute, views("A", "/dveri")),
        (at(told_call("answered")["hangup_time"]), rings("A", told_call("answered"))),
        (first["B"], views("B", f"/?utm_source=google&utm_medium=cpc&utm_campaign=22381907754&gclid={b['gclid']}")),
        (at("2026-10-14T19:06:40+03:00"), views("B", "/contacts")),
        (at("2026-10-14T19:11:40+03:00"), sees_number("B", "+74950000033")),
        (at(told_call("missed")["hangup_time"]), rings("B", told_call("missed"))),
        (at(told_call("outgoing")["hangup_time"]), rings("B out", told_call("outgoing"))),
        (first["C"], views("C", "/?utm_source=vk&utm_medium=cpc&utm_campaign=15520873", "https://vk.com/")),
        (first["C"] + 7 * minute, views("C", "/parket", kind="form", form="Расчёт", request_id=FORM_ID)),
        (first["D"], views("D", f"/?utm_source=facebook&utm_medium=cpc&utm_campaign=autumn&fbclid={d['fbclid']}")),
        (
            at("2026-10-28T12:30:00+03:00"),
            views("D", f"/?utm_source=google&utm_medium=cpc&utm_campaign=22381907754&gclid={d['gclid']}"),
        ),
        (at("2026-10-28T12:35:00+03:00"), sees_number("D", "+74950000034")),
        (
            at(D_CALL["end"]),
            rings(
                "D",
                told_call("answered")
                | {"call_id": "kv-pbx-42013520931", "our_number": "0074950000034", "client_number": "0079000000063"}
                | {"start_time": D_CALL["start"], "agent_answer_time": D_CALL["answer"], "hangup_time": D_CALL["end"]}
                | {"duration": 141},
            ),
        ),
    ]  # fmt: skip
    acts += [(from_millis(hook.at * 1000) + timedelta(seconds=3), telling(shop, people, hook.body)) for hook in story()]
    for moment, act in sorted(acts, key=lambda one: one[0]):
        act(moment)
    return numbers, resolved


def visitor_field(value: str) -> str:
    """The field of D's lead that carries the visitor, as it is written in the form."""
    field = quote_plus("leads[add][0][custom_fields][1]")
    return f"{field}%5Bname%5D=skvoz_visitor_id&{field}%5Bvalues%5D%5B0%5D%5Bvalue%5D={value}"


def telling(shop: Shop, people: Mapping[str, Visitor], recorded: bytes) -> Callable[[datetime], None]:
    """amoCRM's hook, with the ids that this shop's tracker and telephony gave in place of the recorded ones."""

    def act(now: datetime) -> None:
        swaps = {
            "form-C": FORM_ID,
            STORY["calls"]["A"]["ids"]["uis"]: told_call("answered")["call_id"],
            visitor_field(CLIENTS["D"]["metrika_client_id"]): visitor_field(people["D"].visitor_id),
        }
        body = recorded
        for old, new in swaps.items():
            body = body.replace(old.encode(), new.encode())
        shop.amocrm(now, body)

    return act


_DEALS = """SELECT d.*, c.channel, c.campaign, f.channel AS first_channel
FROM deals AS d
LEFT JOIN credits AS c ON c.request_id = d.request_id AND c.model = 'last_non_direct'
LEFT JOIN credits AS f ON f.request_id = d.request_id AND f.model = 'first'"""


def test_each_visitor_is_shown_the_number_of_the_story(lived: Lived) -> None:
    assert lived.numbers == {"A": "+74950000031", "B": "+74950000033", "D": "+74950000034"}


def test_calls_find_the_visitor_who_held_the_number(lived: Lived) -> None:
    for name in "ABD":
        assert lived.resolved[name]["visitor_id"] == lived.visitors[name], name
        assert lived.resolved[name]["resolved_by"] == "lease"
    answered = lived.calls[told_call("answered")["call_id"]]
    assert (answered["is_answered"], answered["wait_seconds"], answered["talk_seconds"], answered["is_target"]) == (
        True,
        14,
        194,
        True,
    )
    missed = lived.calls[told_call("missed")["call_id"]]
    assert (missed["is_answered"], missed["wait_seconds"], missed["talk_seconds"], missed["is_target"]) == (False, 37, 0, False)


def test_the_outgoing_try_is_a_call_and_no_request(lived: Lived) -> None:
    outgoing = lived.calls[told_call("outgoing")["call_id"]]
    assert outgoing["direction"] == "out"
    calls = [row for row in lived.requests.values() if row["contact_channel"] == "call"]
    assert len(calls) == 3


def test_each_deal_lands_on_its_true_source_by_the_key_that_its_way_left(lived: Lived) -> None:
    told = {name: (row["channel"], row["campaign"], row["match_method"]) for name, row in lived.deals.items()}
    assert told == {
        "A": ("Yandex Direct", "708815521", "call_id"),
        "B": ("Google Ads", "22381907754", "phone"),
        "C": ("VK Ads", "15520873", "request_id"),
        "D": ("Google Ads", "22381907754", "visitor"),
    }
    assert lived.deals["D"]["first_channel"] == "Meta Ads"
    assert lived.deals["C"]["request_id"] == FORM_ID
    assert lived.deals["A"]["request_id"] == lived.resolved["A"]["request_id"]


def test_deals_end_as_the_story_says(lived: Lived) -> None:
    for name in "AD":
        row, deal = lived.deals[name], DEALS[name]
        assert (row["revenue"], row["gross_profit"]) == (Decimal(deal["amount"]), Decimal(deal["profit"]))
        assert (row["order_id"], row["meaning"]) == (deal["order"], "won")
    returned, deal = lived.deals["C"], DEALS["C"]
    assert returned["revenue"] == Decimal(deal["net_amount"])
    assert returned["gross_profit"] == Decimal(deal["net_amount"]) - Decimal(deal["net_cost"])
    lost = lived.deals["B"]
    assert (lost["meaning"], lost["loss_reason"], lost["sale_day"]) == ("lost", "Не дозвонились", None)


def test_the_figures_show_calls_contact_channels_and_deals_with_their_paths(lived: Lived) -> None:
    figures = lived.figures
    assert {name: figures["calls"][name] for name in ("incoming", "answered", "missed", "target", "outgoing")} == {
        "incoming": 3, "answered": 2, "missed": 1, "target": 2, "outgoing": 1,
    }  # fmt: skip
    assert figures["calls"]["resolved"]["lease"] == 3
    channels = {row["contact_channel"]: (row["made"], row["sales"]) for row in figures["contact_channels"]}
    assert (channels["call"], channels["form"]) == ((3, 2), (1, 1))
    d = next(deal for deal in figures["deals"] if deal["deal_id"].endswith(DEALS["D"]["ids"]["amocrm_lead"]))
    assert [touch["channel"] for touch in d["path"]] == ["Meta Ads", "Google Ads"]
    assert (d["channel"], d["why"]["code"], d["match_method"]) == ("Google Ads", "last_non_direct", "visitor")
    assert figures["totals"]["sales"] == 3
    assert sum(row["revenue"] for row in figures["contact_channels"]) == figures["totals"]["revenue"]
