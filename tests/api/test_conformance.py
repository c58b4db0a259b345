"""Another system's data through our doors: Snowplow's fractribution (tests/data/attribution) as imported hits and requests, deals
won in the CRM and a cost file. Paths, totals and the last-touch table must be theirs.

Channels have our names. Two things differ by our own law and are stated here: a direct hit within 30 minutes of the visitor's last
hit goes on with that visit (one of their 97 sessions), and a part of a conversion is whole kopecks (no part is cut by last touch).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from functions.report.figures import Figures
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from tests.api.product_doors import Doors

pytestmark = pytest.mark.conformance

DATA = Path(__file__).parents[1] / "data/attribution"
FIRST, LAST = date(2022, 6, 3), date(2022, 8, 1)  # their conversion window
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)  # history comes in when the product is installed
CHANNELS = {
    "Direct": "direct",
    "Organic_Search": "Organic search",
    "Paid_Search_Other": "Google Ads",
    "Referral": "Referral",
    "Video": "Video",
    "Unmatched_Channel": "Affiliate",
}
SETTINGS = {
    "site_id": "merch",
    "name": "Merchandise",
    "hosts": ["merch.example"],
    "time_zone": "UTC",
    "currency": "USD",
    "attribution": {"lookback_days": 30, "default_model": "last"},
    # Theirs is a referring site; on our list it is a social network, until a site says otherwise.
    "sources": {"own": [{"id": "quora", "category": "other"}]},
}
# What a channel's spend is booked on.
SPENT_ON = {
    "Direct": ("(direct)", "(none)"),
    "Organic_Search": ("google", "organic"),
    "Paid_Search_Other": ("google", "cpc"),
    "Referral": ("quora.com", "referral"),
    "Video": ("youtube.com", "referral"),
    "Unmatched_Channel": ("Partners", "affiliate"),
}


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return [{column.lower(): value for column, value in row.items()} for row in csv.DictReader(file)]


def expected(name: str) -> list[dict[str, str]]:
    return table(f"expected/snowplow_fractribution_{name}_expected.csv")


def instant(text: str) -> str:
    return text.replace(" ", "T") + "Z"


def hit(touch: dict[str, str]) -> dict[str, Any]:
    """A touch as the page view that it was: search and other sites by their referrer, ads by the marks of their link."""
    line = {
        "type": "hit",
        "id": touch["event_id"],
        "occurred_at": instant(touch["touch_tstamp"]),
        "visitor_id": touch["customer_id"],
        "page_url": "https://merch.example/",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/102.0",
    }
    if touch["medium"] == "organic":
        return {**line, "referrer": "https://www.google.com/"}
    if touch["medium"] == "referral":
        return {**line, "referrer": f"https://{touch['source'] if touch['source'] != 'youtube.com' else 'www.youtube.com'}/"}
    if touch["medium"] == "(none)":
        return line
    marks = {f"utm_{name}": touch[name] for name in ("source", "medium", "campaign")}
    return {**line, "page_url": "https://merch.example/?" + "&".join(f"{k}={quote(v)}" for k, v in marks.items())}


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with LocalStack(tmp_path_factory.mktemp("conformance"), SimulatedClock(NOW)) as stack:
        doors = Doors(stack, SETTINGS)
        conversions = table("input/conversions.csv")
        asked = [
            {
                "type": "request",
                "request_id": f"request-{c['event_id']}",
                "contact_channel": "form",
                "occurred_at": instant(c["conversion_tstamp"]),
                "visitor_id": c["customer_id"],
            }
            for c in conversions
        ]
        doors.import_([*map(hit, table("input/touches.csv")), *asked])
        for c in conversions:
            at = datetime.fromisoformat(instant(c["conversion_tstamp"]))
            money = {"stage": "won", "amount": f"{Decimal(c['revenue']):.2f}", "currency": "USD"}
            doors.crm(
                "deal.won", at, deal_id=c["event_id"], created_at=at.isoformat(), request_id=f"request-{c['event_id']}", **money
            )
        spend = [
            (channel, *SPENT_ON[channel], FIRST, LAST, row["spend"], "USD")
            for row in table("input/spend.csv")
            for channel in (row["channel"],)
        ]
        doors.costs("spend.csv", [("account", "source", "medium", "period_from", "period_to", "cost", "currency"), *spend])
        doors.refresh()
        yield doors


@pytest.fixture(scope="module")
def figures(doors: Doors) -> Figures:
    return doors.figures(FIRST, LAST)


def test_converting_paths_equal_the_expected_ones(doors: Doors) -> None:
    rows = doors.rows(
        """SELECT c.request_id, c.channel, q.visitor_id, q.created_at, q.revenue
        FROM credits AS c INNER JOIN requests AS q ON q.request_id = c.request_id
        WHERE c.model = 'linear' ORDER BY c.request_id, c.position"""
    )
    ours = set()
    for _, touches in groupby(rows, key=lambda row: row["request_id"]):
        path = list(touches)
        collapsed = " > ".join(channel for channel, _ in groupby(row["channel"] for row in path))
        ours.add((path[0]["visitor_id"], f"{path[0]['created_at']:%Y-%m-%d %H:%M:%S}", path[0]["revenue"], collapsed))
    theirs = {
        (
            r["customer_id"],
            r["conversion_tstamp"],
            Decimal(r["revenue"]),
            " > ".join(CHANNELS[step] for step in r["transformed_path"].split(" > ")),
        )
        for r in expected("paths_to_conversion")
    }
    assert ours == theirs
    assert len(theirs) == 6


def test_visits_by_channel_are_their_sessions_but_for_one_direct_hit_that_goes_on_with_a_visit(doors: Doors) -> None:
    theirs: Counter[str] = Counter()
    for row in expected("channel_counts"):
        theirs[CHANNELS[row["channel"]]] += int(row["number_of_sessions"])
    ours = Counter({r["channel"]: r["n"] for r in doors.rows("SELECT channel, count(*) AS n FROM sessions GROUP BY channel")})
    assert theirs.total() == 97
    assert theirs - ours == Counter({"direct": 1})
    assert ours - theirs == Counter()


def test_totals_are_theirs(figures: Figures) -> None:
    conversions, spend = table("input/conversions.csv"), table("input/spend.csv")
    totals = figures["totals"]
    assert (totals["requests"], totals["sales"]) == (len(conversions), len(conversions))
    assert totals["revenue"] == sum(Decimal(c["revenue"]) for c in conversions) == Decimal("500.92")
    assert totals["cost"] == sum(Decimal(s["spend"]) for s in spend) == Decimal(60000)


def test_the_last_touch_table_is_theirs(figures: Figures) -> None:
    theirs = {
        CHANNELS[r["channel"]]: (
            int(r["conversions"]),
            Decimal(r["revenue"]).quantize(Decimal("0.01")),
            Decimal(r["spend"]),
            pytest.approx(float(r["roas"]), abs=1e-12),
        )
        for r in expected("report_table")
        if r["attribution_type"] == "last_touch"
    }
    ours = {r["channel"]: (r["sales"], r["revenue"], r["cost"], r["roas"]) for r in figures["channels"]}
    assert ours.pop("no source")[:3] == (0, 0, 0)
    assert ours == theirs
    by_model = {r["channel"]: (r["sales"], r["revenue"]) for r in figures["models"]["last"] if r["sales"]}
    assert by_model == {channel: row[:2] for channel, row in theirs.items() if row[0]}


def test_every_deal_found_the_request_that_it_names(doors: Doors) -> None:
    rows = doors.rows("SELECT deal_id, request_id, match_method FROM deals")
    conversions = {c["event_id"] for c in table("input/conversions.csv")}
    assert {(r["deal_id"], r["request_id"], r["match_method"]) for r in rows} == {
        (f"generic:{name}", f"request-{name}", "request_id") for name in conversions
    }
