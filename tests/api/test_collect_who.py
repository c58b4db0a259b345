"""Who a batch of hits is from: cookie, token, fresh proposal, or somebody new; and the cookie that says it next time."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.ids import uuid7
from shared.times import to_millis
from shared.visitors import read_visitor
from tests.api.collect_door import (
    LAKE,
    OLD_VISITOR_SECRET,
    VISITOR,
    VISITOR_SECRET,
    Collect,
    body_of,
    counted,
    now_of,
    recorded,
    token_of,
)

NOW = now_of("hits_post")
KNOWN = "0199d7a1-0000-7000-8000-000000000001"  # a visitor of the year before
OTHER = "0199d7a1-0000-7000-8000-000000000002"
SSM = "/skvoz/test/visitor"


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch) -> Collect:
    return Collect(monkeypatch)


def cookie(token: str, site: str = "kvartal") -> list[str]:
    return ["other=1", f"skvoz_{site}={token}"]


def visitors(collect: Collect) -> list[str]:
    return [hit["visitor_id"] for hit in collect.stored()]


def attributes(answer: dict[str, Any]) -> str:
    """What the cookie says besides its value."""
    [sent] = answer["cookies"]
    rest: str = sent.partition("; ")[2]
    return rest


def test_the_cookie_outranks_the_token_and_the_token_a_proposal(collect: Collect) -> None:
    assert body_of(collect.hits(cookies=cookie(token_of(KNOWN)), visitor=token_of(OTHER)))["visitor"] == KNOWN
    assert body_of(collect.hits(visitor=token_of(OTHER)))["visitor"] == OTHER
    assert body_of(collect.hits(cookies=cookie(token_of(KNOWN))))["visitor"] == KNOWN
    assert visitors(collect) == [KNOWN, OTHER, KNOWN]


@pytest.mark.parametrize("junk", ["", "junk", token_of(OTHER, secret="somebody else's"), OTHER])
def test_a_good_cookie_is_found_among_others_of_its_name(collect: Collect, capsys: pytest.CaptureFixture[str], junk: str) -> None:
    good, other = f"skvoz_kvartal={token_of(KNOWN)}", f"skvoz_kvartal={junk}"
    for cookies in ([good, other], [other, good], [f" {other}", good, "skvoz_kvartal"]):
        answer = collect.hits(cookies=cookies, visitor=token_of(OTHER))
        assert body_of(answer)["visitor"] == KNOWN
        assert answer["cookies"][0].startswith(f"skvoz_kvartal={KNOWN}.")
    assert len(counted(capsys.readouterr().out, "VisitorRefused")) == (3 if junk else 0)


def test_of_two_good_cookies_the_first_counts(collect: Collect) -> None:
    cookies = [*cookie(token_of(KNOWN)), *cookie(token_of(OTHER))]
    assert body_of(collect.hits(cookies=cookies))["visitor"] == KNOWN


def test_parallel_first_requests_give_one_visitor(collect: Collect) -> None:
    tokens = [body_of(collect.hits())["token"] for _ in range(3)]
    assert set(visitors(collect)) == {VISITOR}
    assert {token.partition(".")[0] for token in tokens} == {VISITOR}


def test_the_token_is_given_anew_with_each_batch_for_the_same_visitor(collect: Collect) -> None:
    old = token_of(KNOWN, age=timedelta(days=300))
    token = body_of(collect.hits(visitor=old))["token"]
    read = read_visitor(token, "kvartal", NOW, [VISITOR_SECRET])
    assert read is not None
    assert (read.visitor_id, read.issued_at) == (KNOWN, NOW)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(token_of(KNOWN, secret="somebody else's"), id="forged"),
        pytest.param(token_of(KNOWN, site="other"), id="another site's"),
        pytest.param(token_of(KNOWN, age=timedelta(minutes=-6)), id="of the future"),
        pytest.param(f'"{token_of(KNOWN)}"', id="quoted"),
        pytest.param(token_of(KNOWN) + "=", id="padded"),
        pytest.param(token_of(KNOWN).upper(), id="capitals"),
        pytest.param(f"{KNOWN}.²." + "x" * 22, id="other digits"),
        pytest.param("x" * 8000, id="huge"),
        pytest.param(KNOWN, id="an id that is merely known"),
    ],
)
def test_what_is_no_token_of_ours_opens_nothing_and_is_counted(
    collect: Collect, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    by_body = collect.hits(visitor=token)
    by_cookie = collect.hits(visitor=VISITOR, cookies=cookie(token))
    by_both = collect.hits(visitor=token, cookies=cookie(token))
    assert [body_of(answer)["accepted"] for answer in (by_body, by_cookie, by_both)] == [1, 1, 1]
    assert KNOWN not in visitors(collect)
    assert visitors(collect)[1] == VISITOR
    printed = capsys.readouterr().out
    assert [(line["Door"], line["VisitorRefused"]) for line in counted(printed, "VisitorRefused")] == [
        ("hits", n) for n in (1, 1, 2)
    ]
    assert token not in printed


def test_a_good_token_is_used_beside_a_forged_cookie(collect: Collect) -> None:
    assert body_of(collect.hits(visitor=token_of(KNOWN), cookies=cookie("forged.1.x")))["visitor"] == KNOWN


def test_the_cookie_of_another_site_on_our_host_is_not_looked_at(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    assert body_of(collect.hits(cookies=cookie(token_of(KNOWN, site="other"), "other")))["visitor"] == VISITOR
    assert counted(capsys.readouterr().out, "VisitorRefused") == []


def test_a_visitor_of_the_older_secret_is_known_and_signed_anew(collect: Collect) -> None:
    answer = collect.hits(visitor=token_of(KNOWN, secret=OLD_VISITOR_SECRET))
    assert read_visitor(body_of(answer)["token"], "kvartal", NOW, [VISITOR_SECRET]) is not None
    assert visitors(collect) == [KNOWN]


def test_a_proposal_by_a_wrong_clock_is_taken(collect: Collect) -> None:
    theirs = NOW - timedelta(days=2)
    proposal = uuid7(theirs, bytes(10))
    collect.hits({"t": to_millis(theirs)}, visitor=proposal, sent_at=to_millis(theirs))
    assert visitors(collect) == [proposal]


def test_an_id_that_is_merely_known_cannot_be_made_fresh_by_a_clock(collect: Collect) -> None:
    made = int(KNOWN[:8] + KNOWN[9:13], 16)
    answer = collect.hits({"t": made}, visitor=KNOWN, sent_at=made)
    assert body_of(answer)["accepted"] == 1
    assert KNOWN not in visitors(collect)


def test_token_and_cookie_come_only_with_an_accepted_hit(collect: Collect) -> None:
    answer = collect.hits({"id": "bad"}, visitor=token_of(KNOWN))
    assert (answer["statusCode"], body_of(answer)["accepted"]) == (202, 0)
    assert "token" not in body_of(answer)
    assert "cookies" not in answer


def test_denied_consent_asks_for_no_secret(collect: Collect) -> None:
    collect.hits(consent="denied", visitor=token_of(KNOWN))
    assert collect.clients.ssm.calls == []


@pytest.mark.parametrize(
    ("headers", "scope"),
    [
        ({"sec-fetch-site": "same-origin"}, "SameSite=Lax"),
        ({"sec-fetch-site": "same-site", "host": "other.example"}, "SameSite=Lax"),
        ({"sec-fetch-site": "cross-site"}, "SameSite=None; Partitioned"),
        ({"host": "kvartal.example"}, "SameSite=Lax"),
        ({"host": "WWW.Kvartal.example:8443"}, "SameSite=Lax"),
        ({"host": "hits.kvartal.example"}, "SameSite=Lax"),
        ({"host": "hits.xn--80aae5ai2ao.xn--p1ai"}, "SameSite=Lax"),
        ({"host": "notkvartal.example"}, "SameSite=None; Partitioned"),
        ({"host": "kvartal.example.evil.example"}, "SameSite=None; Partitioned"),
        ({"host": "abc.execute-api.example"}, "SameSite=None; Partitioned"),
        ({"host": "abc.execute-api.example", "x-skvoz-host": "kvartal.example"}, "SameSite=Lax"),
        ({"host": "kvartal.example", "x-skvoz-host": "abc.example"}, "SameSite=None; Partitioned"),
        ({"host": "kvartal.example", "sec-fetch-site": "none"}, "SameSite=Lax"),
        ({"host": ""}, "SameSite=None; Partitioned"),
    ],
)
def test_the_cookie_suits_the_place_that_the_hits_are_sent_to(collect: Collect, headers: dict[str, str], scope: str) -> None:
    assert attributes(collect.hits(headers=headers)) == f"Max-Age=34560000; Path=/; Secure; HttpOnly; {scope}"
    picture = collect.pixel({"host": "abc.example", **headers}, site="kvartal", url="https://kvartal.example/")
    assert attributes(picture).endswith(scope)


def test_the_cookie_carries_the_token_of_the_answer(collect: Collect) -> None:
    answer = collect.hits()
    assert answer["cookies"][0].startswith(f"skvoz_kvartal={body_of(answer)['token']}; ")


def unset(collect: Collect) -> None:
    del collect.clients.ssm.parameters[SSM]


def refusing(collect: Collect) -> None:
    collect.clients.ssm.fail("get_parameter")


@pytest.mark.parametrize("trouble", [unset, refusing])
def test_without_a_secret_hits_are_taken_and_nobody_gets_a_token(
    collect: Collect, capsys: pytest.CaptureFixture[str], trouble: Any
) -> None:
    trouble(collect)
    answer = collect.hits()
    assert (answer["statusCode"], body_of(answer)) == (202, {"accepted": 1, "rejected": [], "visitor": VISITOR})
    assert "cookies" not in answer
    assert visitors(collect) == [VISITOR]
    assert counted(capsys.readouterr().out, "VisitorUnsigned") == [{"Door": "hits", "VisitorUnsigned": 1}]


@pytest.mark.parametrize("trouble", [unset, refusing])
def test_what_cannot_be_checked_names_one_visitor_of_its_own(collect: Collect, trouble: Any) -> None:
    trouble(collect)
    mine, forged = token_of(KNOWN), token_of(KNOWN, secret="somebody else's")
    for cookies, told in ((cookie(mine), None), (cookie(mine), mine), (None, mine)):
        assert collect.hits(cookies=cookies, visitor=told)["statusCode"] == 202
    for other in (forged, KNOWN, KNOWN, "nonsense", "nonsense"):
        collect.hits(visitor=other)
    first, second, third, by_forged, by_id, by_same_id, new, newer = visitors(collect)
    assert first == second == third
    assert by_id == by_same_id
    assert len({first, by_forged, by_id, new, newer, KNOWN}) == 6


def test_a_store_that_fails_is_left_alone_for_some_seconds_and_asked_again(collect: Collect) -> None:
    collect.clients.ssm.fail("get_parameter")
    event = recorded("hits_post")
    for _ in range(5):
        collect.call(event)
    assert len(collect.clients.ssm.calls) == 1
    collect.clients.heal()
    event["requestContext"]["timeEpoch"] += 10_000
    assert "token" in body_of(collect.call(event))


def test_secrets_read_before_outlive_a_failure_to_read_them_again(collect: Collect) -> None:
    collect.hits()
    collect.clients.ssm.fail("get_parameter")
    event = recorded("hits_post")
    event["requestContext"]["timeEpoch"] += 120_000
    assert "token" in body_of(collect.call(event))


def test_tokens_lie_neither_in_the_lake_nor_in_the_log(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    token = token_of(KNOWN)
    collect.hits({}, {"id": "bad", "visitor": token}, [token], visitor=token, cookies=cookie(token))
    everything = collect.clients.s3.all_bytes(LAKE) + json.dumps(collect.stored()).encode() + capsys.readouterr().out.encode()
    assert collect.rejected() != []
    assert token.rpartition(".")[2].encode() not in everything
