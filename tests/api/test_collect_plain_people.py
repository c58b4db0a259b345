"""What redaction leaves alone at the hit door, and what it drops. Whom no door lets through: test_privacy.py."""

from __future__ import annotations

import json

import pytest

from tests.api.collect_door import Collect, recorded

REFERRERS = ("tel:+79161234567", "tel://9161234567", "mailto:ivan@mail.ru", "mailto://ivan@mail.ru", "skype://9161234567/x")


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Collect:
    return Collect(monkeypatch)


def test_ad_ids_survive_where_they_belong(doors: Collect) -> None:
    marks = "utm_source=yandex&utm_campaign=9161234567&utm_content=89161234567&utm_term=916-123-45-67&yclid=9161234567"
    url = f"https://kvartal.example/?{marks}&utm_id=9161234567&campaign_id=79161234567"
    doors.hits({"url": url, "title": "Шкаф 9161234567890, 0199d7a1-9161-7123-8916-123456789012, deadbeef9161234567"})
    [hit] = doors.stored("hit")
    assert (hit["page_url"], hit["click_id"], hit["utm_campaign"]) == (url, "9161234567", "9161234567")
    assert hit["page_title"] == "Шкаф 9161234567890, 0199d7a1-9161-7123-8916-123456789012, deadbeef9161234567"


def test_a_dropped_referrer_is_counted_as_cut(doors: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    for referrer in (*REFERRERS, "about:blank", "chrome-extension://abcdef/x"):
        doors.hits({"ref": referrer})
    assert [hit for hit in doors.stored("hit") if hit.keys() & {"referrer", "referrer_host"}] == []
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(line.get("TextCut", 0) for line in counted if line.get("Column") == "referrer") == len(REFERRERS) + 2


@pytest.mark.parametrize(
    "referrer", ["https://ya.ru/a", "http://ya.ru/a", "android-app://com.android.gm/", "ios-app://544007664/x"]
)
def test_pages_and_apps_stay_referrers(doors: Collect, referrer: str) -> None:
    doors.hits({"ref": referrer})
    assert doors.stored("hit")[0]["referrer"] == referrer


def test_the_recorded_hit_loses_nothing(doors: Collect) -> None:
    doors.call(recorded("hits_post"))
    assert all("[phone]" not in json.dumps(hit) and "[email]" not in json.dumps(hit) for hit in doors.stored("hit"))
