"""What a month of the demo is made of: events, the truth about its deals, and what may hide a source."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from infra.demo.advertising import UNDECIDED
from infra.demo.shop import FIRST_DAY

ZONE = ZoneInfo("Europe/Moscow")
DAYS = 31
END = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=ZONE) + timedelta(days=DAYS)
# What may stand between a person and his source, how often, and how it is said when a deal is explained. What has no
# share comes with the link (infra/demo/advertising.py) or the broadcast (infra/demo/broadcast.py).
OBSTACLES = {
    "blocker": (0.04, "a blocker stopped the tracker: no visit was ever seen"),
    "no_consent": (0.03, "the visitor refused consent: his visits carry no visitor id"),
    "second_device": (0.06, "the deciding visit was made on another device that never identified itself"),
    "static_call": (0.08, "he called a number that is not leased to visitors: the call knew no visitor"),
    "by_hand": (0.04, "a manager typed the deal in by hand, without request id, phone or source"),
    "late_call": (0.0, "he called hours after he had seen his number: it was nobody's by then"),
    UNDECIDED: (0.0, "the link carries a tag that nobody has decided on yet: it is listed, and counted under other traffic"),
    "no_tags": (0.0, "the ad has no tags: its network is known by the referrer, the account is not"),
}


@dataclass(frozen=True)
class Event:
    """Something that happens at `at`; `data` is what its sender knows, by its kind: visit, call, call_back, deal, lead,
    portal_deal, left_out, email_open."""

    at: datetime
    kind: str
    data: dict[str, Any]


class Browser(NamedTuple):
    """What a request tells of its sender by itself. `asn`: the network, where the edge gives it."""

    agent: str
    language: str = "ru-RU,ru"
    address: str = "203.0.113.7"
    asn: str = ""


@dataclass
class Truth:
    """What is known of a deal (`provider:id`) because it was invented: its true channel, and what stood in the way."""

    deal_id: str
    channel: str
    obstacle: str = ""
    revenue: Decimal = Decimal(0)
    is_told: bool = False  # it was made within the month: the CRM knows it


@dataclass
class Month:
    events: list[Event] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    clicks: dict[tuple[int, int], int] = field(default_factory=dict)  # (campaign, day) → clicks that cost money
    visits: int = 0
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)  # (channel, source) → visits that the rules must find there


class Asked(NamedTuple):
    """A request as the people in it know it.

    `key` names it in the month's events: of a form it is the request id; a call learns its own from the door. `ended_at`: when the
    form was sent or the call was over.
    """

    key: str
    phone: str
    visitor: str = ""
    is_call: bool = False
    ended_at: datetime = END
