"""GET /v1/hit.gif and GET /skvoz.js through the handler."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.collect_door import HIT_ID, LAKE, VISITOR, Collect, counted, recorded, token_of

TRACKER = Path(__file__).parents[2] / "functions" / "collect" / "tracker"
MAILED = "0199d7a1-5c2e-7b6a-9c11-2f6d3e4a5b60"  # written into the e-mail a year before
PAGE = "https://kvartal.example/?utm_source=letter&utm_medium=email"


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch) -> Collect:
    return Collect(monkeypatch)


def assert_gif(answer: dict[str, Any], status: int = 200) -> None:
    body = base64.b64decode(answer["body"])
    assert answer["statusCode"] == status
    assert answer["isBase64Encoded"] is True
    assert answer["headers"]["content-type"] == "image/gif"
    assert answer["headers"]["cache-control"] == "no-store"
    assert len(body) == 43
    assert body.startswith(b"GIF89a\x01\x00\x01\x00")
    assert body.endswith(b";")


def test_recorded_open_of_an_e_mail_becomes_a_hit(collect: Collect) -> None:
    answer = collect.call(recorded("hit_gif_get"))
    assert_gif(answer)
    assert "cookies" not in answer
    [hit] = collect.stored()
    assert (hit["kind"], hit["via"], hit["visitor_id"]) == ("email_open", "pixel", MAILED)
    assert (hit["utm_source"], hit["page_host"]) == ("letter", "kvartal.example")
    assert hit["occurred_at"] == "2026-10-12 07:40:28.000"


def test_nobody_is_made_up_for_an_opened_e_mail(collect: Collect) -> None:
    assert_gif(collect.pixel(site="kvartal", kind="email_open"))
    assert "visitor_id" not in collect.stored()[0]


def test_page_view_without_a_script_sets_the_cookie(collect: Collect) -> None:
    answer = collect.pixel(site="kvartal", url=PAGE, id=HIT_ID)
    assert_gif(answer)
    [hit] = collect.stored()
    assert (hit["record_id"], hit["kind"]) == (HIT_ID, "page_view")
    assert answer["cookies"][0].startswith(f"skvoz_kvartal={hit['visitor_id']}.")


def test_a_page_without_a_script_knows_its_visitor_by_the_cookie_or_the_query(collect: Collect) -> None:
    others = "0199d7a1-5c2e-7b6a-9c11-000000000001"
    collect.pixel(cookies=[f"skvoz_kvartal={token_of(MAILED)}"], site="kvartal", url=PAGE, visitor=token_of(others))
    collect.pixel(site="kvartal", url=PAGE, visitor=token_of(others))
    collect.pixel(site="kvartal", url=PAGE, visitor=VISITOR)
    collect.pixel(site="kvartal", url=PAGE, visitor=MAILED)
    visitors = [hit["visitor_id"] for hit in collect.stored()]
    assert visitors[:3] == [MAILED, others, VISITOR]
    assert visitors[3] not in (MAILED, others, VISITOR)


@pytest.mark.parametrize("place", ["document", "iframe", "frame", "embed", "object"])
@pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site", "none"])
def test_a_link_to_the_picture_sets_no_cookie(collect: Collect, place: str, site: str) -> None:
    answer = collect.pixel({"sec-fetch-dest": place, "sec-fetch-site": site}, site="kvartal", url=PAGE, visitor=token_of(MAILED))
    assert_gif(answer)
    assert "cookies" not in answer
    assert "cookies" not in collect.pixel({"sec-fetch-dest": place, "sec-fetch-site": site}, site="kvartal", url=PAGE)
    assert len(collect.stored()) == 2


@pytest.mark.parametrize("told", [token_of(MAILED), VISITOR])
@pytest.mark.parametrize(("site", "is_set"), [("same-origin", True), ("same-site", True), ("cross-site", False), ("none", False)])
def test_whom_an_address_names_gets_a_cookie_on_the_sites_own_pages_only(
    collect: Collect, told: str, site: str, is_set: bool
) -> None:
    headers = {"sec-fetch-dest": "image", "sec-fetch-site": site, "host": "kvartal.example"}
    answer = collect.pixel(headers, site="kvartal", url=PAGE, visitor=told)
    assert ("cookies" in answer) is is_set
    assert collect.stored()[0]["visitor_id"] == told[:36]


def test_where_the_browser_does_not_say_who_asks_an_address_names_nobody_for_good(collect: Collect) -> None:
    assert "cookies" not in collect.pixel({"host": "kvartal.example"}, site="kvartal", url=PAGE, visitor=token_of(MAILED))


def test_a_visitor_known_by_his_cookie_keeps_it_whatever_the_address_says(collect: Collect) -> None:
    headers = {"sec-fetch-dest": "image", "sec-fetch-site": "cross-site"}
    answer = collect.pixel(headers, [f"skvoz_kvartal={token_of(MAILED)}"], site="kvartal", url=PAGE, visitor=token_of(VISITOR))
    assert answer["cookies"][0].startswith(f"skvoz_kvartal={MAILED}.")


@pytest.mark.parametrize("url", ["nonsense", PAGE])
def test_no_cookie_for_an_email_or_a_rejected_hit(collect: Collect, url: str) -> None:
    kind = "email_open" if url == PAGE else "page_view"
    assert "cookies" not in collect.pixel(cookies=[f"skvoz_kvartal={token_of(MAILED)}"], site="kvartal", url=url, kind=kind)


def test_pictures_are_counted_without_tokens_while_there_is_no_secret(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    del collect.clients.ssm.parameters["/skvoz/test/visitor"]
    answer = collect.pixel(site="kvartal", url=PAGE, visitor=VISITOR)
    assert_gif(answer)
    assert "cookies" not in answer
    assert [hit["visitor_id"] for hit in collect.stored()] == [VISITOR]
    assert counted(capsys.readouterr().out, "VisitorUnsigned") == [{"Door": "pixel", "VisitorUnsigned": 1}]


def test_a_rejected_picture_keeps_no_token(collect: Collect) -> None:
    token = token_of(VISITOR)
    collect.pixel(site="kvartal", url=PAGE, visitor=token, consent="maybe")
    collect.pixel(site="kvartal", url="nonsense", visitor=token)
    assert {row["reason"] for row in collect.rejected("pixel")} == {"bad_field", "bad_url"}
    assert token.rpartition(".")[2].encode() not in collect.clients.s3.all_bytes(LAKE)


def test_page_of_the_picture_stands_in_for_the_address(collect: Collect) -> None:
    collect.pixel({"referer": PAGE}, site="kvartal")
    assert collect.stored()[0]["page_url"] == PAGE


def test_without_an_id_every_call_is_a_hit_of_its_own(collect: Collect) -> None:
    collect.pixel(site="kvartal", url=PAGE)
    collect.pixel(site="kvartal", url=PAGE)
    assert len({hit["record_id"] for hit in collect.stored()}) == 2


def test_visitor_without_consent_is_not_recognised(collect: Collect) -> None:
    for change, headers in (({"consent": "denied"}, {}), ({}, {"dnt": "1"})):
        answer = collect.pixel(headers, ["skvoz_kvartal=" + token_of(VISITOR)], site="kvartal", url=PAGE, visitor=VISITOR, **change)
        assert_gif(answer)
        assert "cookies" not in answer
    assert [hit["consent"] for hit in collect.stored()] == ["denied", "denied"]
    assert not [hit for hit in collect.stored() if hit.keys() & {"visitor_id", "ip_masked", "user_agent"}]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"site": "kvartal"}, "bad_url"),
        ({"site": "kvartal", "url": "nonsense"}, "bad_url"),
        ({"site": "kvartal", "url": PAGE, "id": "7"}, "bad_id"),
        ({"site": "kvartal", "url": PAGE, "kind": "purchase"}, "unknown_kind"),
        ({"site": "kvartal", "url": PAGE, "consent": "maybe"}, "bad_field"),
    ],
)
def test_bad_input_is_rejected_and_still_a_picture(collect: Collect, query: dict[str, str], reason: str) -> None:
    assert_gif(collect.pixel(**query))
    assert collect.stored() == []
    assert [r["reason"] for r in collect.rejected("pixel")] == [reason]


@pytest.mark.parametrize("site", ["", "other", "../.."])
def test_a_hit_for_an_unknown_site_is_counted_and_costs_nothing(
    collect: Collect, capsys: pytest.CaptureFixture[str], site: str
) -> None:
    assert_gif(collect.pixel(site=site, url=PAGE))
    collect.hits(site=site)
    collect.import_(b"{}", site=site)
    assert collect.clients.s3.keys(LAKE) == []
    assert collect.clients.firehose.records == {}
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(c["Door"], c["Reason"], c["Refused"]) for c in counted] == [
        (door, "unknown_site", 1) for door in ("pixel", "hits", "import")
    ]


def test_half_pairs_in_the_query_are_no_crash(collect: Collect) -> None:
    assert_gif(collect.pixel(site="kvartal", url=PAGE + "&x=\ud83d", id="\ud83d"))
    assert_gif(collect.pixel(site="kvartal", url=PAGE + "&x=\ud83d", title="\ud83d"))
    assert len(collect.stored()) == 1


def test_spilled_when_the_stream_refuses_and_503_when_nothing_takes_it(collect: Collect) -> None:
    collect.clients.firehose.fail("put_record")
    assert_gif(collect.pixel(site="kvartal", url=PAGE))
    assert len(collect.clients.s3.keys(LAKE, "raw/hit/")) == 1
    collect.clients.s3.fail("put_object")
    assert_gif(collect.pixel(site="kvartal", url=PAGE), status=503)


@pytest.mark.parametrize("name", ["skvoz.js", "skvoz.core.js"])
def test_tracker_is_served_with_its_hash(collect: Collect, name: str) -> None:
    answer = collect.call({**recorded("skvoz_js_get"), "routeKey": f"GET /{name}", "rawPath": f"/{name}"})
    assert answer["statusCode"] == 200
    assert answer["body"] == (TRACKER / name).read_text("utf-8")
    assert answer["headers"]["content-type"] == "text/javascript; charset=utf-8"
    assert answer["headers"]["cache-control"] == "public, max-age=3600"
    assert answer["headers"]["etag"].strip('"')


@pytest.mark.parametrize("form", ["{}", 'W/{}, "x"', '"x", {}', "*"])
def test_tracker_is_not_sent_twice(collect: Collect, form: str) -> None:
    event = recorded("skvoz_js_get")
    event["headers"]["if-none-match"] = form.format(collect.call(event)["headers"]["etag"])
    answer = collect.call(event)
    assert (answer["statusCode"], answer["body"]) == (304, "")


@pytest.mark.parametrize(("name", "budget"), [("skvoz.core.js", 2_400), ("skvoz.js", 5_000)])
def test_tracker_stays_within_its_size(name: str, budget: int) -> None:
    assert len(gzip.compress((TRACKER / name).read_bytes(), 9)) <= budget


def test_unknown_route_has_the_error_shape(collect: Collect) -> None:
    answer = collect.call({**recorded("hits_post"), "routeKey": "GET /v1/hits"})
    assert answer["statusCode"] == 404
    assert '"not_found"' in answer["body"]
