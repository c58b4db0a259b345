"""Where visits come from, as the report asks for it: marks that no rule knows, channels that none names, and what made no visit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.report.figures import ADDITIVE, Figures, build
from functions.report.marts import questions
from functions.report.marts.questions import SQL, Period, ask
from shared.settings import published
from shared.sql import bind
from tests.lakes import NOW, Record, cost, hit, marts_of, request, shop, utc
from tests.lakes import deal as crm_deal
from tests.report_cases import PERIOD, place
from tests.report_marts import BEFORE, DAY, YANDEX, SmallMarts


@pytest.fixture
def marts(tmp_path: Path) -> Iterator[SmallMarts]:
    made = SmallMarts(tmp_path)
    yield made
    made.warehouse.close()


def test_what_is_said_of_a_visitors_day_makes_no_visits_of_his_hits_either(marts: SmallMarts) -> None:
    for number, (visitor, excluded, day) in enumerate(
        [("fast", None, DAY), ("fast", "bot", DAY), ("fast", None, PERIOD.last), ("other", None, DAY), (None, "no_visitor", DAY)]
    ):
        marts.add("hits", record_id=str(number), day=day, visitor_id=visitor, excluded=excluded)
    marts.add("excluded_visitors", day=DAY, visitor_id="fast", reason="speed")
    marts.add("excluded_visitors", day=DAY, visitor_id="other", reason="speed", site_id="another")
    assert marts.figures()["data_quality"]["hits"] == {"counted": 2, "excluded": {"bot": 1, "no_visitor": 1, "speed": 1}}


def seen(marts: SmallMarts, source: str, medium: str, day: date, **told: Any) -> None:
    """A visit whose first hit carried these marks, and what the rules make of them."""
    key, number = f"{source}|{medium}|||", marts.warehouse.rows("SELECT count(*) AS n FROM sessions")[0]["n"]
    place_ = {"channel": f"{source} / {medium}", "source": source, "medium": medium}
    known = {"category": "unknown", "medium_kind": "unknown", "matched": source, "basis": "utm", "is_direct": False, "is_ad": False}
    if not marts.warehouse.rows(bind("SELECT 1 FROM sources WHERE entry_key = :key", {"key": key})):
        marts.add("sources", entry_key=key, **(place_ | known | told))
    marts.add("hits", record_id=f"h{number}", day=day, entry_key=key)
    marts.add("sessions", session_id=f"h{number}:{day}", day=day, **place_)


def test_values_that_no_rule_knows_are_listed_new_ones_first(marts: SmallMarts) -> None:
    for day in (DAY, DAY, BEFORE, date(2026, 9, 14)):
        seen(marts, "foo", "cpc", day, medium_kind="paid")
    seen(marts, "foo", "bar", DAY)
    seen(marts, "foo", "bar", PERIOD.last)
    seen(marts, "yandex", "posev-tg", DAY, category="search", matched="yandex")
    seen(marts, "old", "cpc", BEFORE, medium_kind="paid")
    told = marts.figures()["data_quality"]["unknown_values"]
    assert [(row["parameter"], row["value"], row["visits"], row["is_new"]) for row in told["values"]] == [
        ("utm_medium", "bar", 2, True),
        ("utm_medium", "posev-tg", 1, True),
        ("utm_source", "foo", 5, False),
    ]
    assert told["total"] == 3


def test_a_value_is_new_after_90_days_without_it(marts: SmallMarts) -> None:
    for number, days in (("a", 90), ("b", 91)):
        seen(marts, number, "cpc", PERIOD.first, medium_kind="paid")
        seen(marts, number, "cpc", PERIOD.first - timedelta(days=days), medium_kind="paid")
    told = marts.figures()["data_quality"]["unknown_values"]["values"]
    assert [(row["value"], row["is_new"]) for row in told] == [("b", True), ("a", False)]


def test_of_very_many_unknown_values_the_first_are_listed_and_all_are_counted(
    marts: SmallMarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MOST_VALUES", 2)
    for number in range(5):
        seen(marts, f"s{number}", "cpc", DAY, medium_kind="paid")
    told = marts.figures()["data_quality"]["unknown_values"]
    assert ([row["value"] for row in told["values"]], told["total"]) == (["s0", "s1"], 5)


def test_channels_that_no_rule_names_are_one_row_and_a_channel_is_an_ad_if_any_of_its_sources_is(marts: SmallMarts) -> None:
    foo, ads = {"source": "foo", "is_direct": False}, {name: YANDEX[name] for name in ("channel", "source", "medium")}
    marts.add("sources", entry_key="1", channel="foo / bar", medium="bar", is_ad=False, **foo)
    marts.add("sources", entry_key="2", channel="foo / baz · Anna", medium="baz", is_ad=True, **foo)
    marts.add("sources", entry_key="3", is_ad=False, is_direct=False, **ads)
    marts.add("sources", entry_key="4", is_ad=True, is_direct=False, **ads)
    marts.add("sources", entry_key="5", channel="a / b", source="yandex", medium="cpc", is_ad=False, is_direct=False)
    marts.add("sources", entry_key="6", channel="another / site", source="another", medium="site", site_id="another")
    marts.add("sessions", session_id="s", day=DAY, channel="foo / bar", source="foo", medium="bar")
    rows = marts.warehouse.rows(bind((SQL / "channels.sql").read_text("utf-8"), {"site_id": "kvartal"}))
    assert {row["channel"]: (row["is_ad"], row["is_unnamed"]) for row in rows} == {
        "foo / bar": (False, True),
        "foo / baz · Anna": (True, True),
        "Yandex Direct": (True, False),
        "a / b": (False, False),
    }
    other = place(marts.figures()["channels"], "other traffic")
    assert (other["visits"], other["is_ad"], [row["source"] for row in other["sources"]]) == (1, False, ["foo / bar"])


class TestVisitsLeftOut:
    AT = datetime(2026, 10, 5, 9, 0)

    def asked(self, marts: SmallMarts, **values: Any) -> Figures:
        row = {"request_id": "r", "deal_id": "d", "created_at": self.AT, "day": self.AT.date()}
        marts.request("r", day=self.AT.date(), created_at=self.AT, visitor_id="v", deals=1, **values)
        marts.add("deals", **row)
        (deal,) = marts.figures()["deals"]
        return deal

    def hit(self, marts: SmallMarts, days: int, excluded: str | None, visitor: str = "v", minutes: int = 1) -> None:
        at = self.AT - timedelta(days=days, minutes=minutes)
        marts.add("hits", record_id=f"{at}", day=at.date(), occurred_at=at, visitor_id=visitor, excluded=excluded)

    def test_a_deal_whose_visitor_was_taken_for_a_robot_says_so(self, marts: SmallMarts) -> None:
        for days, excluded in ((1, "bot"), (2, "bot"), (3, "test"), (4, "email_open"), (5, "email_open"), (6, "email_open")):
            self.hit(marts, days, excluded)
        deal = self.asked(marts)
        assert (deal["channel"], deal["no_source_reason"]) == ("no source", "not_determined")
        assert deal["why"] == {"code": "visits_left_out", "touch": None, "of": 0, "reason": "bot"}

    def test_a_reason_of_the_visitors_whole_day_counts_too(self, marts: SmallMarts) -> None:
        self.hit(marts, 1, None)
        marts.add("excluded_visitors", day=date(2026, 10, 4), visitor_id="v", reason="spam_referrer")
        assert self.asked(marts)["why"]["reason"] == "spam_referrer"

    @pytest.mark.parametrize(
        ("days", "minutes", "excluded", "visitor"),
        [(0, -1, "bot", "v"), (91, 1, "bot", "v"), (1, 1, "bot", "another"), (1, 1, "email_open", "v"), (1, 1, None, "v")],
    )
    def test_hits_after_the_request_or_long_before_it_or_of_others_explain_nothing(
        self, marts: SmallMarts, days: int, minutes: int, excluded: str | None, visitor: str
    ) -> None:
        self.hit(marts, days, excluded, visitor, minutes)
        assert self.asked(marts)["why"] == {"code": "no_touch", "touch": None, "of": 0}

    def test_a_deal_with_touches_stands_by_them(self, marts: SmallMarts) -> None:
        self.hit(marts, 1, "bot")
        told = {"position": 1, "path_length": 1, "touched_at": self.AT, "touch_id": "t", "day": self.AT.date(), **YANDEX}
        marts.add("paths", request_id="r", **told)
        marts.add("credits", request_id="r", model="last_non_direct", weight=1.0, **told)
        assert self.asked(marts)["why"]["code"] == "only_touch"


class TestFromRecords:
    """The same from raw records, through the rules and the marts."""

    AT = utc("10-12 09:00")

    def figures(self, folder: Path, *records: Record, **sources: Any) -> Figures:
        site = shop(sources=sources)
        chosen, marts = published(site), marts_of(folder, records, site)
        period = Period(date(2026, 10, 1), date(2026, 10, 31))
        return build(chosen, period, *ask(marts.warehouse, chosen, period), NOW)

    def bought(self, visitor: str) -> list[Record]:
        at = self.AT + timedelta(minutes=5)
        return [request(f"r-{visitor}", at, visitor=visitor), crm_deal(visitor, at, "won", "10", request_id=f"r-{visitor}")]

    def test_marks_that_no_rule_knows_are_other_traffic_and_are_listed(self, tmp_path: Path) -> None:
        records = [
            hit("a", self.AT, "some-partner/zzz/spring"), *self.bought("a"),
            hit("b", self.AT, "another-partner/cpc"), cost("10-12", "another-partner/cpc", "70"),
            hit("c", self.AT, "yandex/cpc/doors"), *self.bought("c"), cost("10-12", "yandex/cpc/doors", "30"),
            hit("d", self.AT, referrer_host="www.google.com"), hit("old", self.AT - timedelta(days=30), "some-partner/zzz"),
        ]  # fmt: skip
        figures = self.figures(tmp_path, *records)
        other = place(figures["channels"], "other traffic")
        assert {s["source"]: (s["visits"], s["sales"], s["cost"]) for s in other["sources"]} == {
            "some-partner / zzz": (1, 1, 0),
            "another-partner / cpc": (1, 0, 70),
        }
        assert (place(figures["channels"], "Yandex Direct")["is_ad"], other["is_ad"]) == (True, None)
        assert {kind: (m["cost"], m["visits"]) for kind, m in figures["ads"].items()} == {"ads": (100, 2), "not_ads": (0, 2)}
        told = figures["data_quality"]["unknown_values"]["values"]
        assert [(row["parameter"], row["value"], row["is_new"]) for row in told] == [
            ("utm_source", "another-partner", True),
            ("utm_source", "some-partner", False),
            ("utm_medium", "zzz", False),
        ]

    def test_a_value_is_known_once_the_settings_name_it(self, tmp_path: Path) -> None:
        own = [{"id": "some-partner", "name": "Партнёр", "synonyms": ["some_partner.ru"], "channel": "Партнёры", "is_ad": True}]
        figures = self.figures(tmp_path, hit("a", self.AT, "Some Partner RU/cpc"), hit("b", self.AT, "some-partner/cpc"), own=own)
        shown = place(figures["channels"], "Партнёры")
        assert (shown["visits"], shown["is_ad"], [s["source"] for s in shown["sources"]]) == (2, True, ["some-partner"])
        assert figures["data_quality"]["unknown_values"] == {"total": 0, "values": []}

    def test_hits_are_left_out_for_every_reason_and_the_deal_of_a_robot_says_why(self, tmp_path: Path) -> None:
        fast = [hit("fast", self.AT + timedelta(milliseconds=n)) for n in range(61)]
        robot = hit("robot", self.AT, "yandex/cpc", user_agent="curl/8.0")
        office = hit("office", self.AT, is_own=True)
        records = [*fast, robot, *self.bought("robot"), *self.bought("fast"), office, hit(None, self.AT), hit("person", self.AT)]
        figures = self.figures(tmp_path, *records)
        assert figures["data_quality"]["hits"] == {
            "counted": 1,
            "excluded": {"bot": 1, "no_visitor": 1, "own_address": 1, "speed": 61},
        }
        assert {row["deal_id"]: row["why"]["reason"] for row in figures["deals"]} == {"crm:robot": "bot", "crm:fast": "speed"}
        assert figures["totals"]["visits"] == 1

    def test_together_or_apart_every_level_adds_up(self, tmp_path: Path) -> None:
        records = [
            r for n, ad in enumerate(("a/b", "a/b/c", "d/e", "vk/cpc")) for r in (hit(str(n), self.AT, ad), *self.bought(str(n)))
        ]
        for other in ("together", "apart"):
            folder = tmp_path / other
            folder.mkdir()
            figures = self.figures(folder, *records, other_traffic=other)
            for name in ADDITIVE:
                total = sum(row[name] or 0 for row in figures["channels"])
                assert total == (figures["totals"][name] or 0) == sum(m[name] or 0 for m in figures["ads"].values()), (other, name)
