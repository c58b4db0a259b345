"""`make demo` at a small scale: what it leaves is whole, adds up, and shows the same on the page, in the mail and as JSON."""

from __future__ import annotations

import email
import email.policy
import html
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import pytest
from python_calamine import CalamineWorkbook
from rich.console import Console
from typer.testing import CliRunner

from functions.report.view.formats import Formats
from functions.report.view.mail import MOST_ROWS
from infra.cli.main import app
from infra.demo import crm, portal, run
from infra.demo.broadcast import refused
from infra.demo.browsing import PEOPLE, ROBOTS
from infra.demo.month import END, OBSTACLES, Event, Truth
from infra.demo.people import month
from infra.demo.play import Player
from infra.demo.run import LEFT, SEED, DemoFailed, demo
from infra.demo.shop import BANNER_NUMBER, BROADCAST, BROADCAST_POOL, DEFAULT_NUMBER, POOL
from infra.demo.truth import judge, not_restored
from infra.local.stack import LocalStack
from shared.models import MODELS
from shared.robots import is_robot
from shared.sources import OTHER_TRAFFIC
from tests.api.people import places, queues

SCALE = 0.04
M = ("cost", "visits", "requests", "qualified", "sales", "revenue", "gross_profit", "cpl", "cpo", "roas", "romi", "margin_romi")
ADDITIVE = M[:6]


class Lost(NamedTuple):
    """Webhooks that one CRM lost: what they would have told of, and the deals."""

    lost: set[str]
    deals: set[str]


class Left(NamedTuple):
    """What the demo left and printed."""

    figures: dict[str, Any]
    page: str
    mail: EmailMessage
    printed: str
    workbook: bytes
    out: Path
    watched: Watched
    amocrm: Lost
    bitrix24: Lost
    sent: dict[str, int]


class Watched(LocalStack):
    """The demo's stack, looked into before its queues are worked off and before it is taken down."""

    last: ClassVar[Watched]

    def _start(self) -> None:
        super()._start()
        Watched.last, self.waited, self.kept = self, [""], {"": ""}

    def pump(self) -> int:
        self.waited += [text for text in queues().values() if text]
        return super().pump()

    def __exit__(self, *error: object) -> None:
        self.kept = places(self)
        super().__exit__(*error)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    out = tmp_path_factory.mktemp("demo")
    console = Console(file=io.StringIO(), width=200)
    players: list[Player] = []

    class Kept(Player):
        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            players.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "LocalStack", Watched)
        patch.setattr(run, "Player", Kept)
        demo(out, SCALE, console)
    mail = email.message_from_bytes((out / "report.eml").read_bytes(), policy=email.policy.default)
    figures = json.loads((out / "figures.json").read_text(), parse_float=Decimal)
    printed = cast(io.StringIO, console.file).getvalue()
    page, workbook = (out / "report.html").read_text(), (out / "report.xlsx").read_bytes()
    (player,) = players
    amocrm = Lost({hook.what for hook in player.account.hooks.dropped}, set(crm.lost_deals(player.account)))
    due = [name for at, (name, _) in enumerate(player.portal.sent) if not portal.is_sent(at, name)]
    bitrix24 = Lost(set(due), set(portal.lost_deals(player.portal)))
    sent = player.senders.sent
    return Left(figures, page, cast(EmailMessage, mail), printed, workbook, out, Watched.last, amocrm, bitrix24, sent)


def text_of(markup: str) -> str:
    """What a reader sees of HTML, spaces made plain."""
    bare = re.sub(r"<(style|title|head)\b.*?</\1>|<[^>]*>", " ", markup, flags=re.DOTALL)
    return " ".join(html.unescape(bare).split())


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_figures_have_every_promised_key(left: Left) -> None:
    figures = left.figures
    assert {"period", "totals", "channels", "models", "data_quality", "truth", "model"} <= figures.keys()
    assert figures["period"] == {"from": "2026-10-01", "to": "2026-10-31"}
    assert figures["model"] == "last_non_direct"
    for row in (figures["totals"], *figures["channels"]):
        assert set(M) <= row.keys()
    assert tuple(figures["models"]) == MODELS
    for rows in figures["models"].values():
        assert all({"channel", "sales", "revenue"} <= row.keys() for row in rows)
    assert figures["truth"].keys() == {"deals", "credited_right", "explained", "reasons"}


def total(rows: Sequence[Mapping[str, Any]], measure: str) -> Decimal:
    return sum((Decimal(row[measure] or 0) for row in rows), Decimal(0))


def test_channels_sources_and_campaigns_add_up(left: Left) -> None:
    channels = left.figures["channels"]
    for measure in ADDITIVE:
        assert total(channels, measure) == pytest.approx(Decimal(left.figures["totals"][measure]), abs=Decimal("1e-9")), measure
        for channel in channels:
            assert total(channel["sources"], measure) == pytest.approx(Decimal(channel[measure]), abs=Decimal("1e-9"))
            for source in channel["sources"]:
                if not source["campaigns"]:  # no campaign is told, or spend that is told no deeper and is never spread
                    continue
                assert total(source["campaigns"], measure) == pytest.approx(Decimal(source[measure]), abs=Decimal("1e-9"))


def test_campaigns_are_told_where_the_links_had_them_and_a_contractors_sum_stays_unsplit(left: Left) -> None:
    sources = [(channel["channel"], source) for channel in left.figures["channels"] for source in channel["sources"]]
    campaigns = {(channel, c["campaign"]) for channel, source in sources for c in source["campaigns"]}
    assert {("Yandex Direct", "tp-poisk-msk"), ("Yandex Direct", "tp-rsya"), ("VK Ads", "vk-remont")} <= campaigns
    (unsplit,) = [(channel, source) for channel, source in sources if source.get("is_not_split")]
    assert (unsplit[0], unsplit[1]["cost"], unsplit[1]["romi"]) == ("Organic search", Decimal("140000.00"), None)


def test_every_model_hands_out_the_same_sales_and_money(left: Left) -> None:
    totals = left.figures["totals"]
    for model, rows in left.figures["models"].items():
        assert total(rows, "revenue") == Decimal(totals["revenue"]), model
        off = Decimal("5e-10") * (len(rows) + 1)  # counts are written with nine decimals, each rounded by itself
        assert total(rows, "sales") == pytest.approx(Decimal(totals["sales"]), abs=off), model
    default = {row["channel"]: row["revenue"] for row in left.figures["models"]["last_non_direct"] if row["revenue"]}
    assert default == {row["channel"]: row["revenue"] for row in left.figures["channels"] if row["revenue"]}


def test_ratios_follow_from_the_sums(left: Left) -> None:
    for row in (left.figures["totals"], *left.figures["channels"]):
        cost, revenue, profit = (None if row[m] is None else float(row[m]) for m in ("cost", "revenue", "gross_profit"))
        if not cost:
            assert (row["roas"], row["romi"], row["margin_romi"]) == (None, None, None)
            continue
        assert float(row["roas"]) == pytest.approx(revenue / cost)
        assert float(row["romi"]) == pytest.approx((revenue - cost) / cost)
        assert (row["margin_romi"] is None) == (profit is None)
        if profit is not None:
            assert float(row["margin_romi"]) == pytest.approx((profit - cost) / cost)
        assert (row["cpl"] is None) == (not row["requests"])


def test_costs_are_those_that_were_played(left: Left) -> None:
    assert Decimal(left.figures["totals"]["cost"]) > Decimal("140000")  # the contractor's month, and the clicks


def visits_of(left: Left) -> Counter[tuple[str, str]]:
    """Visits of the report by channel and source; other traffic by the pair that stands for its channel."""
    rows = [(row["channel"], source["source"], source["visits"]) for row in left.figures["channels"] for source in row["sources"]]
    return Counter(
        {(source if channel == OTHER_TRAFFIC else channel, source): visits for channel, source, visits in rows if visits}
    )


def test_every_visit_is_counted_under_the_channel_and_source_of_its_link(left: Left) -> None:
    played = month(SEED, SCALE).seen
    wanted = Counter[tuple[str, str]]()
    for (channel, source), visits in played.items():
        wanted[channel, channel if " / " in channel else source] += visits
    assert visits_of(left) == wanted
    assert left.figures["totals"]["visits"] == played.total()


@pytest.mark.parametrize(("channel", "source"), [
    ("Yandex Direct", "yandex"),  # three contractors, a mistyped tag, a click id alone
    ("VK Ads", "vk"),
    ("Google Ads", "google"),
    ("Organic search", "yandex"),
    ("Social networks", "vk"),
    ("Messengers", "telegram"),
    ("Maps", "2gis"),
    ("Marketplaces", "avito"),
    ("AI assistants", "chatgpt"),
    ("Affiliate", "mastera"),  # the site's own parameter and click id
    ("E-mail", "mail.ru-mail"),
])  # fmt: skip
def test_sources_of_untidy_links_are_there(left: Left, channel: str, source: str) -> None:
    assert visits_of(left)[channel, source] > 0


def test_tags_that_nobody_decided_on_are_other_traffic_and_listed(left: Left) -> None:
    undecided = {pair for pair in month(SEED, SCALE).seen if " / " in pair[0]}
    (other,) = [row for row in left.figures["channels"] if row["channel"] == OTHER_TRAFFIC]
    assert {source["source"] for source in other["sources"]} == {channel for channel, _ in undecided} != set()
    listed = {value["value"] for value in left.figures["data_quality"]["unknown_values"]["values"]}
    assert {source for _, source in undecided} <= listed
    assert "yandx" not in listed  # a synonym of the settings mends it


def test_paying_and_the_shops_other_host_bring_nobody(left: Left) -> None:
    visits = [event.data["hits"][0] for event in month(SEED, 1.0).events if event.kind == "visit"]
    referrers = {first["ref"].split("/")[2] for first in visits if first["ref"]}
    assert {"yoomoney.ru", "3dsec.sberbank.ru", "теплодом.испытание"} <= referrers
    assert not {source for _, source in visits_of(left)} & {"yoomoney.ru", "3dsec.sberbank.ru", "теплодом.испытание"}


def test_what_makes_no_visit_is_counted_with_its_reason(left: Left) -> None:
    played = month(SEED, SCALE)
    counted = left.figures["data_quality"]["hits"]
    people = [event for event in played.events if event.kind == "visit"]
    wanted = Counter(e.data["reason"] for e in played.events if e.kind == "left_out" for _ in e.data["hits"])
    wanted["no_visitor"] = sum(len(e.data["hits"]) for e in people if e.data["consent"] == "denied")
    wanted["email_open"] = sum(event.kind == "email_open" and event.at < END for event in played.events)
    assert counted["excluded"] == dict(sorted(wanted.items()))
    assert counted["excluded"].keys() == {
        "bot", "speed", "spam_referrer", "own_address", "test", "no_visitor", "email_open"
    }  # fmt: skip
    assert counted["counted"] == sum(len(e.data["hits"]) for e in people) - wanted["no_visitor"]


def test_robots_say_so_in_several_ways_and_odd_browsers_are_people() -> None:
    events = month(SEED, 1.0).events
    robots = {e.data["browser"].agent for e in events if e.kind == "left_out" and e.data["reason"] == "bot"}
    assert robots == {*ROBOTS, PEOPLE[0]}  # the last one is told by its network, language and screen
    assert all(is_robot(agent) for agent in ROBOTS)
    assert {e.data["browser"].agent for e in events if e.kind == "visit"} == set(PEOPLE)
    assert not any(is_robot(agent) for agent in PEOPLE)


def test_each_deal_is_right_or_explained(left: Left) -> None:
    truth = left.figures["truth"]
    assert truth["credited_right"] + truth["explained"] == truth["deals"] > 0
    assert truth["explained"] == sum(truth["reasons"].values())
    assert truth["reasons"].keys() <= {sentence for _, sentence in OBSTACLES.values()}
    assert f"{truth['credited_right']} of {truth['deals']} deals were credited to their true source" in left.printed
    assert "Refused: 0." in left.printed


def test_the_mail_is_text_and_html_in_one_message_to_the_recipient(left: Left) -> None:
    assert left.mail.is_multipart()
    kinds = [p.get_content_type() for p in left.mail.walk() if not p.is_multipart()]
    assert kinds[:2] == ["text/plain", "text/html"]
    assert kinds.count("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet") == 1
    assert left.mail["To"] == "owner@teplodom.example"
    assert "Теплодом" in left.mail["Subject"]
    assert len(part(left.mail, "html").encode()) <= 80_000


def test_page_mail_and_json_show_the_same_figures(left: Left) -> None:
    formats = Formats("ru", "RUB", "Europe/Moscow")
    totals = left.figures["totals"]
    shown = {
        "page": text_of(left.page),
        "mail": text_of(part(left.mail, "html")),
        "text": " ".join(part(left.mail, "plain").split()),
    }
    for measure in ("revenue", "cost"):
        wanted = formats.money(totals[measure]).replace("\u00a0", " ")
        for place, text in shown.items():
            assert wanted in text, f"{measure} {wanted} is not in the {place}"
    romi = formats.figure("romi", float(totals["romi"])).replace("\u00a0", " ")
    assert all(romi in text for text in shown.values())
    channels = left.figures["channels"]
    in_mail = len(channels) if len(channels) <= MOST_ROWS else MOST_ROWS - 2  # the rest is summed, besides "no source"
    for at, row in enumerate(channels):
        if row["revenue"]:
            amount = formats.amount(row["revenue"]).replace("\u00a0", " ")
            assert amount in shown["page"], row["channel"]
            assert at >= in_mail or amount in shown["mail"] + shown["text"], row["channel"]


def test_what_is_printed_is_the_table_of_the_figures(left: Left) -> None:
    totals = left.figures["totals"]
    (line,) = [line for line in left.printed.splitlines() if line.startswith("│ total")]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[1:6] == [f"{totals[m]:,.0f}" for m in ("cost", "visits", "requests", "sales", "revenue")]
    for name in LEFT:
        assert name in left.printed


def test_calls_forms_and_deals_of_all_crms_are_played(left: Left) -> None:
    played = month(SEED, SCALE)
    calls = [event for event in played.events if event.kind == "call"]
    told = left.figures["calls"]
    assert (told["incoming"], told["outgoing"]) == (len(calls), sum(event.kind == "call_back" for event in played.events))
    assert told["missed"] == sum(event.data["talk"] is None for event in calls)
    assert told["resolved"]["lease"] == sum(bool(event.data["visitor"]) for event in calls) > 0
    assert told["resolved"]["number"] == banner_calls(calls) > 0
    assert {"form", "call"} <= {row["contact_channel"] for row in left.figures["contact_channels"]}
    assert {deal["deal_id"].partition(":")[0] for deal in left.figures["deals"]} == {"amocrm", "bitrix24", "generic"}
    assert {"request_id"} <= {deal["match_method"] for deal in left.figures["deals"]}


def banner_calls(calls: Sequence[Event]) -> int:
    return sum(event.data["number"] == BANNER_NUMBER for event in calls)


def test_pools_are_told_as_they_were_played_and_the_small_one_is_short(left: Left) -> None:
    tracking = left.figures["call_tracking"]
    asked = [event.data for event in month(SEED, SCALE).events if event.kind == "visit" and event.data["lease"] == "ask"]
    viewers = sum("marks" in data for data in asked)
    main, small = tracking["pools"]
    assert (main["pool"], main["numbers"], main["pool_full"], main["is_short"]) == ("main", len(POOL), 0, False)
    assert main["leases"] + small["leases"] == left.sent["leases"] - refused()
    assert (small["pool"], small["numbers"], small["visitors"]) == (BROADCAST, len(BROADCAST_POOL), viewers)
    assert (small["pool_full"], small["leases"], small["is_short"]) == (refused(), viewers - refused(), True)
    assert small["peak_held"] == len(BROADCAST_POOL)
    assert small["needed"] > small["numbers"]
    assert (
        (tracking["visitors"] - tracking["with_number"]) == refused() == sum(row["visitors"] for row in tracking["without_number"])
    )


def test_calls_without_a_visitor_are_told_by_the_number_that_was_called(left: Left) -> None:
    calls = [event for event in month(SEED, SCALE).events if event.kind == "call"]
    called = {
        "static": banner_calls(calls),
        "default": sum(event.data["number"] == DEFAULT_NUMBER and not event.data["visitor"] for event in calls),
        "late": sum("held_by" in event.data for event in calls),
        "unknown": 0,
    }
    assert left.figures["call_tracking"]["calls_without_visitor"] == called
    assert min(called["static"], called["default"], called["late"]) > 0


def test_the_page_explains_the_short_pool_and_the_calls_without_a_visitor(left: Left) -> None:
    section = text_of(left.page[left.page.index('id="call-tracking"') :].partition("</section>")[0])
    for told in (BROADCAST, "на номер источника", "на общий номер сайта", "на номер из пула, который тогда никому не был показан"):
        assert told in section


def test_what_lost_webhooks_would_have_told_is_in_the_marts(left: Left) -> None:
    for opened, whats in ((left.amocrm, {"leads.add", "leads.status"}), (left.bitrix24, {"ONCRMDEALADD", "ONCRMDEALUPDATE"})):
        assert whats <= opened.lost
        assert opened.deals
    found = re.search(r"Webhooks of (\d+) deals were lost; the regular check found latest stage and sum of (\d+)", left.printed)
    assert found is not None
    assert int(found[1]) == int(found[2]) == len(left.amocrm.deals) + len(left.bitrix24.deals)


def test_a_demo_whose_regular_check_finds_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Player, "check", lambda self: None)
    monkeypatch.setattr(run, "REFRESH_AFTER_DAYS", ())
    monkeypatch.setattr(crm, "DEAF_TO", 1)  # so that the smallest month will do
    with pytest.raises(DemoFailed, match=r"the regular check left it at nothing, 0; its CRM says"):
        demo(tmp_path, 0.001, Console(file=io.StringIO(), width=200))


PHONE = re.compile(r"(?=(900(?:[\s().+-]|%20|%2b){0,3}\d{3}(?:[\s().-]|%20){0,2}\d\d(?:[\s().-]|%20){0,2}\d\d))", re.IGNORECASE)


def phones_in(text: str) -> set[str]:
    """Phones such as the demo's people have, however they are spaced: ten digits."""
    return {re.sub(r"%20|%2b|\D", "", found, flags=re.IGNORECASE) for found in PHONE.findall(text)}


def test_the_month_leaves_no_plain_phone_outside_the_quarantine(left: Left) -> None:
    events = month(SEED, SCALE).events
    played = set(re.findall(r"\+7(900\d{7})", repr(events)))
    assert len(played) >= 20
    # Bitrix24's events only name a deal: its client's phone is read from the API, and kept nowhere.
    posted = set(re.findall(r"\+7(900\d{7})", repr([event for event in events if event.kind != "portal_deal"])))
    kept, waited = left.watched.kept, left.watched.waited
    in_quarantine = {place for place in kept if place.startswith("LakeBucket/quarantine/")}
    assert set().union(*(phones_in(kept[place]) for place in in_quarantine)) >= posted
    assert len(posted) >= 20
    names = {place.partition("/")[0] for place in kept}
    assert {"log", "LakeBucket", "FilesBucket", "NumbersTable", "ContactsTable"} <= names
    assert any(place.startswith("LakeBucket/raw/call/") for place in kept)
    assert {place for place, text in kept.items() if place not in in_quarantine and phones_in(text) & played} == set()
    assert all(any(provider in text for text in waited) for provider in ("amocrm", "generic"))
    assert [text for text in waited if phones_in(text) & played] == []


def test_the_workbook_holds_the_same_revenue(left: Left) -> None:
    rows = [row for sheet in load_workbook(left.workbook) for row in sheet]
    revenue = Decimal(left.figures["totals"]["revenue"])
    assert any(isinstance(cell, (int, float)) and Decimal(str(cell)) == revenue for row in rows for cell in row)


def test_the_settings_it_leaves_report_the_month_again_in_another_language(left: Left) -> None:
    settings = left.out / "teplodom.yaml"
    text = settings.read_text(encoding="utf-8")
    english = left.out / "english.yaml"
    english.write_text(text.replace("language: ru", "language: en"), encoding="utf-8")
    commands = [line.split()[2:] for line in text.splitlines() if line.startswith("#   .venv/bin/skvoz ")]
    assert [command[0] for command in commands] == ["refresh", "report"]
    for command in commands:
        result = CliRunner().invoke(app, [str(english) if word == str(settings) else word for word in command])
        assert result.exit_code == 0, result.output
    again = json.loads((left.out / "again" / "figures.json").read_text(), parse_float=Decimal)
    assert (again["period"], again["totals"], again["channels"]) == (
        left.figures["period"],
        left.figures["totals"],
        left.figures["channels"],
    )
    assert '<html lang="en"' in (left.out / "again" / "report.html").read_text(encoding="utf-8")


def load_workbook(content: bytes) -> list[list[list[Any]]]:
    """Cells of every sheet."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


def test_the_same_month_is_invented_every_time() -> None:
    assert month(7, 0.01) == month(7, 0.01)
    assert month(7, 0.01) != month(8, 0.01)


class Credits:
    """A warehouse that knows the answer to one question."""

    def __init__(self, **credited: tuple[str | None, str]) -> None:
        self._rows = [
            {"deal_id": deal.replace("_", ":"), "channel": channel, "revenue": Decimal(revenue)}
            for deal, (channel, revenue) in credited.items()
        ]

    def rows(self, sql: str, most_characters: int = 0) -> Any:
        assert "deals" in sql
        return self._rows


def test_a_deal_on_a_wrong_source_without_a_reason_and_wrong_money_are_found() -> None:
    truths = [
        Truth("amocrm:1", "VK Ads", revenue=Decimal(100)),
        Truth("amocrm:2", "VK Ads"),
        Truth("generic:D3", "VK Ads", obstacle="blocker"),
        Truth("generic:D4", "VK Ads"),  # never reached the CRM
    ]
    warehouse = Credits(amocrm_1=("VK Ads", "90.00"), amocrm_2=("direct", "0"), generic_D3=(None, "0"))
    verdict = judge(warehouse, "teplodom", "last", truths)  # type: ignore[arg-type]  # all that is asked of a warehouse
    assert (verdict.deals, verdict.credited_right) == (3, 1)
    assert verdict.unexplained == ["amocrm:2: credited to direct, truly from VK Ads"]
    assert verdict.wrong_money == ["amocrm:1: 90.00 instead of 100"]
    assert verdict.reasons == {OBSTACLES["blocker"][1]: 1}


def test_a_deal_that_the_check_did_not_bring_up_to_date_is_found() -> None:
    class Standing:
        def rows(self, sql: str, most_characters: int = 0) -> Any:
            return [
                {"deal_id": "amocrm:1", "stage": "won", "amount": Decimal("100.00")},
                {"deal_id": "amocrm:2", "stage": "58113404", "amount": Decimal(90)},
                {"deal_id": "bitrix24:3", "stage": "NEW", "amount": None},
            ]

    known = {"amocrm:1": ("won", Decimal(100)), "bitrix24:3": ("NEW", Decimal(0))}
    assert not_restored(Standing(), "teplodom", known) == []  # type: ignore[arg-type]  # all that is asked of a warehouse
    wrong = {"amocrm:1": ("won", Decimal(120)), "amocrm:2": ("won", Decimal(90)), "amocrm:4": ("lost", Decimal(0))}
    assert not_restored(Standing(), "teplodom", known | wrong) == [  # type: ignore[arg-type]
        "amocrm:1: the regular check left it at won, 100.00; its CRM says won, 120",
        "amocrm:2: the regular check left it at 58113404, 90; its CRM says won, 90",
        "amocrm:4: the regular check left it at nothing, 0; its CRM says lost, 0",
    ]
