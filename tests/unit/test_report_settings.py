"""Settings of reports: what people write, what is left out, every mistake at its place, settings published before."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.report.readers import Reader, readers_of
from shared.errors import SettingsError
from shared.settings import parse_settings, published

LEAST: dict[str, Any] = {"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"]}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
SCOPE = {"name": "Агентство", "channels": ["Яндекс Директ"]}


def of(**report: Any) -> Any:
    return published(parse_settings({**LEAST, "report": report}))


def mistakes(**report: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        of(**report)
    return {field.path: field.message for field in caught.value.fields}


def test_an_address_alone_is_a_daily_reader_of_everything() -> None:
    settings = of(recipients=["owner@kvartal.example"], hour=7, language="en")
    assert readers_of(settings) == [Reader("owner@kvartal.example", ("day",), 7, 1, 1, "Europe/Moscow", "en", "")]


def test_what_a_recipient_says_outweighs_the_report() -> None:
    told = {"address": "a@b.example", "every": ["week", "month"], "hour": 0, "weekday": 5, "day": 28}
    told |= {"time_zone": "Asia/Omsk", "language": "en", "scope": SCOPE["name"]}
    settings = of(recipients=["owner@kvartal.example", told], scopes=[SCOPE])
    assert readers_of(settings)[1] == Reader("a@b.example", ("week", "month"), 0, 5, 28, "Asia/Omsk", "en", "Агентство")


def test_settings_published_before_recipients_could_say_more_are_read() -> None:
    settings = of()
    old = {**settings, "report": {"recipients": ["owner@kvartal.example"], "language": "ru", "days": 30}}
    assert readers_of(old) == [Reader("owner@kvartal.example", ("day",), 6, 1, 1, "Europe/Moscow", "ru", "")]


@pytest.mark.parametrize(
    ("report", "place", "word"),
    [
        ({"recipients": "owner@kvartal.example"}, "report.recipients", "list"),
        ({"recipients": [{"every": ["day"]}]}, "report.recipients.0.address", "required"),
        ({"recipients": [{"address": "a@b.example", "every": []}]}, "report.recipients.0.every", "at least 1"),
        ({"recipients": [{"address": "a@b.example", "every": ["hour"]}]}, "report.recipients.0.every.0", "'week'"),
        ({"recipients": [{"address": "a@b.example", "hour": 24}]}, "report.recipients.0.hour", "23"),
        ({"recipients": [{"address": "a@b.example", "day": 31}]}, "report.recipients.0.day", "28"),
        ({"recipients": [{"address": "a@b.example", "time_zone": "Moscow"}]}, "report.recipients.0.time_zone", "Europe/Moscow"),
        ({"recipients": [{"address": "a@b.example", "scope": "x"}]}, "report", "no scope x"),
        ({"recipients": ["a@b.example", "A@b.example"]}, "report", "a@b.example stands there more than once"),
        ({"scopes": [SCOPE, SCOPE]}, "report", "агентство"),
        ({"scopes": [{"name": "A", "channels": []}]}, "report.scopes.0.channels", "at least 1"),
        ({"sections": ["summary", "secrets"]}, "report.sections.1", "'summary'"),
        ({"sections": ["summary", "summary"]}, "report", "more than once"),
        ({"own_sections": [{"name": "Bad name", "title": "x", "sql": "SELECT 1"}]}, "report.own_sections.0.name", "match"),
        ({"plan": [{"month": "2026-13"}]}, "report.plan.0.month", "match"),
        ({"plan": [{"month": "2026-11", "sales": -1}]}, "report.plan.0.sales", "0"),
        ({"plan": [{"month": "2026-11", "channel": "VK"}, {"month": "2026-11", "channel": "vk"}]}, "report", "2026-11 vk"),
        ({"alerts": {"muted": ["everything"]}}, "report.alerts.muted.0", "'hits_stopped'"),
        ({"alerts": {"silent_hours": 1}}, "report.alerts.silent_hours", "2"),
        ({"brand": {"colour": "blue"}}, "report.brand.colour", "match"),
        ({"brand": {"logo": "нет"}}, "report.brand.logo", "base64"),
        ({"brand": {"logo": base64.b64encode(b"GIF89a").decode()}}, "report.brand.logo", "another kind"),
        ({"brand": {"logo": base64.b64encode(PNG + bytes(30_000)).decode()}}, "report.brand.logo", "at most 30000"),
        ({"frame_ancestors": ["https://*"]}, "report.frame_ancestors.0", "match"),
        ({"frame_ancestors": ["https://a.example; script-src *"]}, "report.frame_ancestors.0", "match"),
        ({"link_days": 0}, "report.link_days", "1"),
    ],
)
def test_a_mistake_is_named_with_its_place(report: dict[str, Any], place: str, word: str) -> None:
    found = mistakes(**report)
    assert list(found) == [place]
    assert word in found[place]


def test_a_logo_is_kept_as_it_is() -> None:
    logo = base64.b64encode(PNG).decode()
    assert of(brand={"logo": logo, "colour": "#A1b2C3", "name": "Дом"})["report"]["brand"] == {
        "logo": logo,
        "colour": "#A1b2C3",
        "name": "Дом",
    }


def test_the_documented_example_is_right() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"<!-- example: settings report -->\n```yaml\n(.*?)```", page, re.DOTALL)
    settings = published(parse_settings({**LEAST, **yaml.safe_load(text)}))
    assert [(reader.every, reader.scope) for reader in readers_of(settings)] == [
        (("day",), ""),
        (("week", "month"), ""),
        (("week",), "Agency"),
    ]
