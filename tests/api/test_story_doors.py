"""The clients of the shop "Kvartal" (tests/data/story.json) through the doors: hits and calls imported, deals told by the CRM,
spend as files. Each deal lands on its true source, the return lowers the money, margins follow the costs.

The story tells clicks, calls and deals. What it leaves out is added so that it agrees with it: B comes back by himself before his
call of the evening, D calls during the visit of 28 October.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from functions.report.figures import Figures
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.warehouse import Row
from tests.api.product_doors import Doors, read_json

STORY = read_json(Path(__file__).parents[1] / "data/story.json")
CLIENTS, CALLS, DEALS, SPEND = (STORY[name] for name in ("clients", "calls", "deals", "ad_cost"))
FIRST, LAST = date(2026, 10, 12), date(2026, 11, 20)
BEFORE_RETURN, END = datetime(2026, 11, 15, 6, 0, tzinfo=UTC), datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
PAGE = "https://kvartal.example/"
# account → (source, medium, campaign) of its spend
ACCOUNTS = {
    "yandex_direct": ("yandex", "cpc", "708815521"),
    "google_ads": ("google", "cpc", "22381907754"),
    "vk_ads": ("vk", "cpc", "15520873"),
    "meta": ("facebook", "cpc", "autumn"),
}
STAGES = {
    "Неразобранное": "unsorted",
    "Первичный контакт": "working",
    "Замер": "qualified",
    "Успешно реализовано": "won",
    "Закрыто и не реализовано": "lost",
}
SETTINGS = {
    "site_id": STORY["site"]["site_id"],
    "name": "Квартал",
    "hosts": [STORY["site"]["domain"]],
    "currency": STORY["site"]["currency"],
    "stages": [{"money_stage": "won", "stages": STAGES}],
}


class Told(NamedTuple):
    """What the marts say at one moment."""

    deals: dict[str, Row]
    figures: Figures
    costs: list[Row]

    def channel(self, name: str) -> dict[str, Any]:
        row: dict[str, Any] = next(c for c in self.figures["channels"] if c["channel"] == name)
        return row


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def hit(client: str, moment: datetime, query: str = "", referrer: str = "") -> dict[str, Any]:
    line = {
        "type": "hit",
        "occurred_at": moment.isoformat(),
        "visitor_id": CLIENTS[client]["metrika_client_id"],
        "page_url": PAGE + query,
        "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0.0.0",
    }
    return {**line, "referrer": referrer} if referrer else line


def call(client: str, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "request",
        "request_id": f"call-{client}",
        "contact_channel": "call",
        "occurred_at": told["start"],
        "visitor_id": CLIENTS[client]["metrika_client_id"],
        "phone": CLIENTS[client]["phone_e164"],
        "call_id": told["ids"]["uis"],
        "is_answered": told["answered"],
        "talk_seconds": told["talk_s"],
    }


def hits_and_requests() -> list[dict[str, Any]]:
    a, b, c, d = (CLIENTS[name] for name in "ABCD")
    google = at("2026-10-28T12:30:00+03:00")
    called = {"start": "2026-10-28T12:36:00+03:00", "answered": True, "talk_s": 141, "ids": {"uis": "7135520931"}}
    form = {
        "type": "request",
        "request_id": "form-C",
        "contact_channel": "form",
        "occurred_at": (at(c["first_visit"]) + timedelta(minutes=9)).isoformat(),
        "visitor_id": c["metrika_client_id"],
        "email": c["email"],
        "form_name": "Расчёт",
    }
    meta = f"?utm_source=facebook&utm_medium=cpc&utm_campaign=autumn&fbclid={d['fbclid']}"
    return [
        hit(
            "A",
            at(a["first_visit"]),
            f"?utm_source=yandex&utm_medium=cpc&utm_campaign=708815521&yclid={a['yclid']}",
            "https://yandex.ru/",
        ),
        call("A", CALLS["A"]),
        hit("B", at(b["first_visit"]), f"?utm_source=google&utm_medium=cpc&utm_campaign=22381907754&gclid={b['gclid']}"),
        hit("B", at(CALLS["B"]["start"]) - timedelta(minutes=6)),
        call("B", CALLS["B"]),
        hit("C", at(c["first_visit"]), "?utm_source=vk&utm_medium=cpc&utm_campaign=15520873", "https://vk.com/"),
        form,
        hit("D", at(d["first_visit"]), meta, "https://l.facebook.com/"),
        hit("D", google, f"?utm_source=google&utm_medium=cpc&utm_campaign=22381907754&gclid={d['gclid']}"),
        call("D", called),
    ]


# How each CRM keeps the way back to the request: the four keys, strongest first.
KEYS: dict[str, dict[str, Any]] = {
    "C": {"request_id": "form-C"},
    "A": {"call_id": CALLS["A"]["ids"]["uis"]},
    "D": {"visitor_id": CLIENTS["D"]["metrika_client_id"]},
    "B": {},
}
CREATED = {
    "A": "2026-10-12T10:56:00+03:00",
    "B": "2026-10-14T19:15:00+03:00",
    "C": "2026-10-20T09:47:00+03:00",
    "D": "2026-10-28T12:40:00+03:00",
}


def tell_deals(doors: Doors) -> None:
    for client, deal in DEALS.items():
        phones = [CLIENTS[client]["phone_e164"]] if client == "B" else []
        known = {
            "deal_id": deal["ids"]["amocrm_lead"],
            "contact": {"id": deal["ids"]["amocrm_contact"], "name": CLIENTS[client]["name"], "phones": phones},
        }
        doors.crm("deal.created", at(CREATED[client]), stage="Неразобранное", created_at=CREATED[client], **known, **KEYS[client])
        doors.crm("deal.updated", at(CREATED[client]) + timedelta(hours=2), stage="Первичный контакт", **known)
        if "lost_at" in deal:
            lost = {"stage": "Закрыто и не реализовано", "amount": deal["amount"], "reason": deal["loss_reason"]}
            doors.crm("deal.lost", at(deal["lost_at"]), **known, **lost)
            continue
        doors.crm("deal.updated", at(deal["won_at"]) - timedelta(days=2), stage="Замер", amount=deal["amount"], **known)
        won = {"amount": deal["amount"], "cost_price": deal["cost"], "order_id": deal["order"], "currency": "RUB"}
        doors.crm("deal.won", at(deal["won_at"]), stage="Успешно реализовано", **known, **won)


def upload_spend(doors: Doors, account: str, days: dict[str, str]) -> None:
    rows = [(day, account, *ACCOUNTS[account], cost) for day, cost in days.items() if day != "total"]
    doors.costs(f"{account}.csv", [("day", "account", "source", "medium", "campaign", "cost"), *rows])


def told_by(doors: Doors) -> Told:
    doors.refresh()
    deals = {row["deal_id"].removeprefix("generic:"): row for row in doors.rows(_DEALS)}
    by_client = {client: deals[deal["ids"]["amocrm_lead"]] for client, deal in DEALS.items()}
    return Told(by_client, doors.figures(FIRST, LAST), list(doors.rows("SELECT * FROM costs")))


_DEALS = """SELECT d.*, c.channel, c.campaign, f.channel AS first_channel
FROM deals AS d
LEFT JOIN credits AS c ON c.request_id = d.request_id AND c.model = 'last_non_direct'
LEFT JOIN credits AS f ON f.request_id = d.request_id AND f.model = 'first'"""


class Acts(NamedTuple):
    """The story in three moments: before C's return, after it, after a day's spend was corrected."""

    sold: Told
    returned: Told
    corrected: Told
    raw: bytes  # all raw records of the lake


@pytest.fixture(scope="module")
def acts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acts]:
    with LocalStack(tmp_path_factory.mktemp("story"), SimulatedClock(BEFORE_RETURN)) as stack:
        doors = Doors(stack, SETTINGS)
        doors.import_(hits_and_requests())
        tell_deals(doors)
        for account, days in SPEND.items():
            upload_spend(doors, account, days)
        sold = told_by(doors)
        doors.at(END)
        back = {"id": "return-1", "amount": DEALS["C"]["returned"]}
        doors.crm("payment.refunded", at(DEALS["C"]["returned_at"]), deal_id=DEALS["C"]["ids"]["amocrm_lead"], payment=back)
        returned = told_by(doors)
        upload_spend(doors, "yandex_direct", {"2026-10-14": "598.67"})
        raw = b"".join(stack.objects("LakeBucket", "raw/").values())
        yield Acts(sold, returned, told_by(doors), raw)


def test_each_deal_lands_on_its_true_source(acts: Acts) -> None:
    credited = {client: (row["channel"], row["campaign"]) for client, row in acts.sold.deals.items()}
    assert credited == {
        "A": ("Yandex Direct", "708815521"),
        "B": ("Google Ads", "22381907754"),
        "C": ("VK Ads", "15520873"),
        "D": ("Google Ads", "22381907754"),
    }
    assert acts.sold.deals["D"]["first_channel"] == "Meta Ads"


def test_each_deal_is_matched_by_the_key_that_its_crm_kept(acts: Acts) -> None:
    assert {client: row["match_method"] for client, row in acts.sold.deals.items()} == {
        "A": "call_id",
        "B": "phone",
        "C": "request_id",
        "D": "visitor",
    }
    assert {row["request_id"] for row in acts.sold.deals.values()} == {"call-A", "call-B", "form-C", "call-D"}


def test_a_lost_deal_brings_nothing_and_says_why(acts: Acts) -> None:
    lost = acts.sold.deals["B"]
    assert (lost["meaning"], lost["loss_reason"], lost["revenue"] or Decimal(0)) == ("lost", "Не дозвонились", Decimal(0))
    google = acts.sold.channel("Google Ads")
    assert (google["requests"], google["sales"], google["revenue"]) == (2, 1, Decimal("61300.00"))


def test_money_and_gross_profit_are_those_of_the_story(acts: Acts) -> None:
    for client in ("A", "D"):
        row, deal = acts.sold.deals[client], DEALS[client]
        assert (row["revenue"], row["gross_profit"]) == (Decimal(deal["amount"]), Decimal(deal["profit"]))
        assert row["order_id"] == deal["order"]
    before = acts.sold.deals["C"]
    assert (before["revenue"], before["gross_profit"]) == (Decimal("94250.00"), Decimal("36830.00"))


def test_a_sale_is_on_the_local_day_on_which_the_deal_was_won(acts: Acts) -> None:
    days = {client: row["sale_day"] for client, row in acts.sold.deals.items()}
    assert days == {"A": date(2026, 10, 29), "B": None, "C": date(2026, 11, 9), "D": date(2026, 11, 12)}


def test_the_return_lowers_money_and_cost_price_pro_rata_and_the_sale_stays(acts: Acts) -> None:
    row, deal = acts.returned.deals["C"], DEALS["C"]
    assert row["revenue"] == Decimal(deal["net_amount"])
    assert row["gross_profit"] == Decimal(deal["net_amount"]) - Decimal(deal["net_cost"])
    assert row["sale_day"] == date(2026, 11, 9)
    assert acts.returned.channel("VK Ads")["sales"] == 1
    lowered = acts.sold.figures["totals"]["revenue"] - acts.returned.figures["totals"]["revenue"]
    assert lowered == Decimal(deal["returned"])
    others = [c for c in "ABD" if acts.sold.deals[c]["revenue"] != acts.returned.deals[c]["revenue"]]
    assert others == []


def test_spend_is_kept_to_the_millionth_and_adds_up_to_the_story(acts: Acts) -> None:
    by_account: dict[str, Decimal] = {}
    for row in acts.sold.costs:
        by_account[row["account"]] = by_account.get(row["account"], Decimal(0)) + row["cost"]
    assert by_account == {account: Decimal(days["total"]) for account, days in SPEND.items()}
    assert Decimal("4087.193456") in {row["cost"] for row in acts.sold.costs}
    assert not [row for row in acts.sold.costs if row["day"] == date(2026, 10, 21)]  # 0 deletes a row


@cache
def spend_of(account: str) -> Decimal:
    """In kopecks, as the report shows money; the marts keep all six digits."""
    spent = sum((Decimal(cost) for day, cost in SPEND[account].items() if day != "total"), Decimal(0))
    return spent.quantize(Decimal("0.01"))


def test_channels_show_their_spend_and_margins_follow_it(acts: Acts) -> None:
    profits = {
        "Yandex Direct": ("yandex_direct", "76800.00"),
        "Google Ads": ("google_ads", "24640.00"),
        "VK Ads": ("vk_ads", "33020.00"),
    }
    for channel, (account, profit) in profits.items():
        row, cost = acts.returned.channel(channel), spend_of(account)
        assert row["cost"] == cost
        assert row["gross_profit"] == Decimal(profit)
        assert row["margin_romi"] == pytest.approx(float((Decimal(profit) - cost) / cost), rel=1e-12)
    meta = acts.returned.channel("Meta Ads")
    assert (meta["cost"], meta["requests"], meta["romi"]) == (Decimal("2341.15"), 0, -1.0)


def test_a_corrected_day_replaces_that_day_alone_and_the_margin_follows(acts: Acts) -> None:
    before, after = acts.returned.channel("Yandex Direct"), acts.corrected.channel("Yandex Direct")
    assert after["cost"] == before["cost"] - Decimal("6000.00")
    assert after["margin_romi"] == pytest.approx(float((Decimal("76800") - after["cost"]) / after["cost"]), rel=1e-12)
    assert after["margin_romi"] > before["margin_romi"]
    assert acts.corrected.channel("Google Ads") == acts.returned.channel("Google Ads")


def test_nothing_is_left_without_a_source(acts: Acts) -> None:
    nobody = acts.returned.channel("no source")
    assert (nobody["requests"], nobody["sales"], nobody["revenue"]) == (0, 0, Decimal(0))
    totals = acts.returned.figures["totals"]
    assert (totals["requests"], totals["qualified"], totals["sales"]) == (4, 3, 3)
    assert totals["revenue"] == Decimal("186400.00") + Decimal("84500.00") + Decimal("61300.00")


def test_no_phone_or_mail_of_a_client_lies_in_the_lake(acts: Acts) -> None:
    assert len(acts.raw) > 2_000
    for client in CLIENTS.values():
        assert client["phone_e164"].encode() not in acts.raw
        assert client["phone_e164"][1:].encode() not in acts.raw
        assert client["email"].encode() not in acts.raw
