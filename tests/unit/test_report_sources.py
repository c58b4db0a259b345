"""Sources in the report: names and colours, other traffic, advertising apart from the rest, unknown marks, what made no visit."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from functions.report import render
from functions.report.figures import ADDITIVE, Figures
from functions.report.view.names import NO_COLOUR, Names
from functions.report.view.words import texts
from functions.report.workbook.book import workbook
from shared.sources import standard_channels, standard_sources
from tests.report_cases import cost, deal, figures_of, kind, model, path, place, results, settings_of, shop, unknown
from tests.unit.test_report_render import Tags, outputs, plain

PAIRS = ("foo / bar", "foo / baz", "site.example / bar")
OWN = {
    "own": [
        {"id": "leaflets", "name": {"ru": "Листовки у метро", "en": "Leaflets"}, "colour": "#123456", "channel": "Street"},
        {"id": "yandex", "name": "Яндекс и дзен", "synonyms": ["y-direct"]},
    ]
}


def unnamed(*ads: str) -> dict[str, Any]:
    """Three pairs that no rule names, one channel that a rule does, spend told coarsely and finely."""
    return {
        "channels": [*(kind(pair, is_ad=pair in ads, is_unnamed=True) for pair in PAIRS), kind("Yandex Direct", is_ad=True)],
        "spend": [
            cost("foo / bar", "foo", "100"),
            cost("foo / bar", "foo", "20", "spring"),
            cost("Yandex Direct", "yandex", "50"),
        ],
        "results": [
            results("foo / bar", "foo", "spring", requests=2.0, revenue=Decimal(500), gross_profit=Decimal(200)),
            results("site.example / bar", "site.example", requests=1.0, sales=1.0, revenue=Decimal(70), gross_profit=Decimal(7)),
            results("Yandex Direct", "yandex", requests=3.0, revenue=Decimal(900), gross_profit=Decimal(90)),
        ],
        "visits": [{"channel": pair, "source": "x", "campaign": "", "visits": 5} for pair in PAIRS],
        "no_source": [{**results("", "", requests=4.0, revenue=Decimal(11)), "reason": "not_passed"}],
        "models": [
            model(name, channel, sales=0.5, revenue=Decimal(10))
            for name in ("first", "last")
            for channel in (*PAIRS, "Yandex Direct")
        ],
    }


class TestOtherTraffic:
    def test_what_no_rule_names_is_one_channel_with_its_pairs_as_sources_and_campaigns_below(self) -> None:
        figures = figures_of(unnamed())
        assert [c["channel"] for c in figures["channels"]] == ["Yandex Direct", "other traffic", "no source"]
        other = figures["channels"][1]
        assert {s["source"]: (s["cost"], s["revenue"], s["visits"]) for s in other["sources"]} == {
            "foo / bar": (120, 500, 5),
            "site.example / bar": (0, 70, 5),
            "foo / baz": (0, 0, 5),
        }
        told = [(c["campaign"], c["cost"], c["revenue"]) for c in other["sources"][0]["campaigns"]]
        assert told == [("spring", 20, 500), ("", 0, 0), ("not split", 100, 0)]

    def test_apart_each_pair_is_a_channel_of_its_own_and_the_total_is_the_same(self) -> None:
        apart = figures_of(unnamed(), sources={"other_traffic": "apart"})
        assert {c["channel"] for c in apart["channels"]} == {*PAIRS, "Yandex Direct", "no source"}
        assert apart["totals"] == figures_of(unnamed())["totals"]
        assert apart["ads"] == figures_of(unnamed())["ads"]

    def test_settings_published_before_there_was_a_choice_keep_it_together(self) -> None:
        settings = {name: value for name, value in settings_of().items() if name != "sources"}
        assert "Прочий трафик" in plain(render.page(figures_of(unnamed()), settings))

    def test_the_models_have_the_same_row_and_add_up(self) -> None:
        models = figures_of(unnamed())["models"]
        for name in ("first", "last"):
            other = place(models[name], "other traffic")
            assert (other["sales"], other["revenue"]) == (1.5, Decimal(30))
            assert not [row for row in models[name] if " / " in row["channel"]]
            assert sum(row["revenue"] for row in models[name]) == 40 + 11

    def test_it_gets_no_verdict(self) -> None:
        rows = unnamed()
        rows["results"][0] |= {"sales": 50.0}
        assert place(figures_of(rows)["channels"], "other traffic")["verdict"] is None
        assert figures_of(rows, sources={"other_traffic": "apart"})["channels"][1]["verdict"] == "good"

    def test_a_deal_keeps_the_exact_channel(self) -> None:
        touches = [{**touch, "channel": "foo / bar"} for touch in path("1", 3, ("x/foo/bar", 1.0))]
        (shown,) = figures_of(unnamed() | {"deals": [deal("1", 3)], "deal_paths": touches})["deals"]
        assert (shown["channel"], shown["path"][0]["channel"]) == ("foo / bar", "foo / bar")


class TestAdvertising:
    @given(st.sets(st.sampled_from(PAIRS)), st.sampled_from(["together", "apart"]))
    def test_advertising_the_rest_and_no_source_add_up_to_the_total(self, ads: set[str], other: str) -> None:
        figures = figures_of(unnamed(*ads), sources={"other_traffic": other})
        parts = [*figures["ads"].values(), figures["channels"][-1]]
        assert parts[-1]["channel"] == "no source"
        for name in ADDITIVE:
            assert sum(part[name] or 0 for part in parts) == figures["totals"][name], name

    @pytest.mark.parametrize(("ads", "told"), [((), False), (PAIRS, True), (PAIRS[:1], None)])
    def test_other_traffic_is_advertising_only_where_all_of_it_is(self, ads: tuple[str, ...], told: bool | None) -> None:
        assert place(figures_of(unnamed(*ads))["channels"], "other traffic")["is_ad"] is told

    def test_direct_is_none_and_no_source_is_neither(self) -> None:
        rows = {"spend": [cost("(not set)", "(not set)", "5")], "results": [results("direct", "(direct)", requests=1.0)]}
        told = {c["channel"]: c["is_ad"] for c in figures_of(rows)["channels"]}
        assert told == {"(not set)": True, "direct": False, "no source": None}

    @pytest.mark.parametrize(("language", "names"), [("ru", ("Реклама", "Не реклама")), ("en", ("Advertising", "Not advertising"))])
    def test_both_subtotals_stand_in_every_form(self, language: str, names: tuple[str, str]) -> None:
        figures = figures_of(shop())
        shown = outputs(figures, report={"language": language})
        for name in names:
            assert f"* {name}\n" in shown["text"]
            assert sum(row[:1] == [name] for row in book(figures, language)["channels"]) == 1
            for form in ("html", "page"):
                assert f" {name} " in plain(shown[form])

    def test_one_kind_alone_needs_no_subtotal(self) -> None:
        figures = figures_of({"spend": [cost("A", "a", "5")], "channels": [kind("A", is_ad=True)]})
        assert not any(f"* {name}\n" in outputs(figures)["text"] for name in ("Реклама", "Не реклама"))


def book(figures: Figures, language: str = "ru", **changes: Any) -> dict[str, list[list[Any]]]:
    """Rows of every sheet under its key."""
    made = CalamineWorkbook.from_filelike(io.BytesIO(workbook(figures, settings_of(report={"language": language}, **changes))))
    names: Mapping[str, str] = texts(language)["workbook"]["sheets"]
    return {key: made.get_sheet_by_name(name).to_python() for key, name in names.items() if name in made.sheet_names}


class TestNames:
    def names(self, language: str = "ru", **sources: Any) -> Names:
        return Names(settings_of(report={"language": language}, sources=sources or OWN))

    @pytest.mark.parametrize("language", ["ru", "en"])
    def test_every_channel_and_source_of_the_lists_has_its_name(self, language: str) -> None:
        names = self.names(language, own=[])
        assert all(names.channel(name) == known.names[language] for name, known in standard_channels().items())
        for name, source in standard_sources().items():
            assert names.source("Referral", {"source": name}) == source.names[language]

    def test_the_sites_own_names_colours_and_channels_are_shown(self) -> None:
        figures = figures_of({"results": [results("Street", "leaflets", requests=1.0, revenue=Decimal(9))]}, sources=OWN)
        shown = outputs(figures, sources=OWN)
        assert all("Street" in output for output in shown.values())
        assert "Листовки у метро" in shown["page"]
        assert book(figures, sources=OWN)["channels"][2][:2] == ["Street", "Листовки у метро"]
        names = self.names()
        assert (names.channel_colour("Street"), names.source_colour("Street", "leaflets")) == ("#123456", "#123456")
        assert names.source("Yandex Direct", {"source": "yandex"}) == "Яндекс и дзен"
        assert names.source_colour("Yandex Direct", "yandex") == "#fc3f1d"

    def test_a_contractors_part_of_a_channel_has_its_name_and_colour(self) -> None:
        assert self.names().channel("Yandex Direct · Анна") == "Яндекс Директ · Анна"
        assert self.names().channel_colour("Yandex Direct · Анна") == self.names().channel_colour("Yandex Direct")

    def test_what_is_on_no_list_stays_as_it_is_told(self) -> None:
        names = self.names()
        assert names.channel("foo\n / bar") == "foo / bar"
        assert names.source("Referral", {"source": "site.example"}) == "site.example"
        assert names.source("other traffic", {"source": "yandex / bar"}) == "yandex / bar"
        assert names.source_colour("other traffic", "yandex / bar") == "#fc3f1d"
        assert names.channel("(not set)") == names.source("A", {"source": ""}) == "(не указано)"
        assert names.source("direct", {"source": "(direct)"}) == "Прямые заходы"
        assert (names.channel_colour("foo / bar"), names.source_colour("Referral", "site.example")) == (NO_COLOUR, NO_COLOUR)

    def test_every_colour_can_stand_in_a_style(self) -> None:
        colours = [c.colour for c in standard_channels().values()] + [s.colour for s in standard_sources().values()]
        assert [colour for colour in (*colours, NO_COLOUR) if not re.fullmatch(r"#[0-9a-f]{6}", colour or "")] == []

    def test_rows_of_channels_and_sources_carry_their_colour_beside_their_name(self) -> None:
        shown = outputs(figures_of(shop()))
        marks = [attrs["style"] for tag, attrs in Tags(shown["page"]).found if tag == "i" and attrs.get("class") == "mark"]
        assert marks[:2] == ["border-color:#fc3f1d", "border-color:#fc3f1d"]
        rows = re.findall(r'<tr class="(?:channel|source)" role="row"><th[^>]*>(.*?)</th>', shown["page"], re.DOTALL)
        with_mark = [row for row in rows if 'class="mark"' in row]
        assert len(marks) > len(with_mark) > 20  # other tables have them, too
        assert all(re.search(r"<bdi>\S", row) for row in with_mark)
        mail = [attrs for tag, attrs in Tags(shown["html"]).found if tag == "span" and attrs.get("aria-hidden") == "true"]
        assert {"color:#fc3f1d", "color:#0077ff"} <= {attrs["style"] for attrs in mail}
        assert "■" not in shown["text"]


class TestUnknownMarks:
    def test_the_page_lists_twenty_the_mail_five_the_workbook_all_and_each_says_how_many_more_there_are(self) -> None:
        values = [unknown("utm_source", f"value-{n}", 900 - n, is_new=n == 0, total=120) for n in range(100)]
        figures = figures_of({"unknown_values": values})
        shown = {form: plain(output) for form, output in outputs(figures).items()}
        for form, listed, left in (("page", 20, "И ещё значений: 100."), ("html", 5, "и ещё 115"), ("text", 5, "и ещё 115")):
            assert len(set(re.findall(r"value-\d+", shown[form]))) == listed, form
            assert left in shown[form], form
            assert "sources.own" in shown[form], form
            assert len(re.findall(r"новое\b", shown[form].replace("Новыми", ""))) == 1, form
        rows = [row[0] for row in book(figures)["quality"]]
        assert sum("value-" in row for row in rows) == 100
        assert "И ещё значений: 20." in rows

    def test_without_any_nothing_is_said_of_them(self) -> None:
        assert all("Незнакомые" not in output for output in outputs(figures_of({})).values())
        assert "Замечаний нет." in plain(outputs(figures_of({}))["page"])


class TestLeftOut:
    REASONS = ("bot", "speed", "spam_referrer", "own_address", "test", "email_open", "future", "no_visitor")

    def test_every_reason_that_the_marts_give_has_a_name_and_says_how_it_is_told(self) -> None:
        sql = Path(__file__).parents[2] / "functions" / "attribution" / "sql"
        text = "".join((sql / f"{name}.sql").read_text("utf-8") for name in ("hits", "part_is_robot", "excluded_visitors"))
        assert set(re.findall(r"(?:THEN|day,) '([a-z_]+)'", text)) == set(self.REASONS)
        for language in ("ru", "en"):
            assert texts(language)["left_out"].keys() == set(self.REASONS)
            assert all(len(told) == 2 and all(told) for told in texts(language)["left_out"].values())

    @pytest.mark.parametrize("language", ["ru", "en"])
    def test_reasons_and_how_they_are_told_stand_on_the_page_and_in_the_workbook(self, language: str) -> None:
        figures = figures_of({"hits": [{"reason": reason, "hits": 7000 + n} for n, reason in enumerate(self.REASONS)]})
        page = plain(outputs(figures, report={"language": language})["page"])
        sheet = " ".join(row[0] for row in book(figures, language)["quality"])
        for name, how in texts(language)["left_out"].values():
            for told in (page, sheet):
                assert name in told
                assert how in told

    @pytest.mark.parametrize(
        ("language", "told"),
        [("ru", "Не определён: визиты этого посетителя не посчитаны (роботы)."),
         ("en", "Not determined: the visits of this visitor are not counted (robots).")],
    )  # fmt: skip
    def test_a_deal_whose_visits_were_left_out_says_so(self, language: str, told: str) -> None:
        figures = figures_of({"deals": [deal("5", 3)], "left_out": [{"request_id": "request-5", "reason": "bot"}]})
        assert figures["deals"][0]["why"] == {"code": "visits_left_out", "touch": None, "of": 0, "reason": "bot"}
        assert told in plain(outputs(figures, report={"language": language})["page"])
        assert told in {row[6] for row in book(figures, language)["deals"]}


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_page_says_where_sources_come_from(language: str) -> None:
    assert "skvoz source explain" in plain(outputs(figures_of({}), report={"language": language})["page"])


def test_a_touch_that_is_significant_wins_by_that_rule_whatever_its_medium() -> None:
    touches = path("1", 10, ("A/blog/referral", 1.0), ("B/b/organic", 0.0))
    rows = {"deals": [deal("1", 10)], "deal_paths": touches}
    model = {"default_model": "last_significant"}
    assert figures_of(rows, attribution=model)["deals"][0]["why"]["code"] == "last_non_direct"
    touches[0]["is_significant"] = True
    assert figures_of(rows, attribution=model)["deals"][0]["why"]["code"] == "last_significant"
