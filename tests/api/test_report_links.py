"""`skvoz report links`, `revoke`, `rotate`: who has which link; what is revoked opens nothing at once, and still unsubscribes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from moto import mock_aws

from functions.report import handler
from functions.report.mail import recipient_hash
from functions.report.store import Files, Ledger, Page
from infra.cli.report import links as commands
from shared.times import lake_text
from tests.report_aws import BUCKET, OWNER, PARTNER, TABLE, Clients, call
from tests.report_cases import NOW
from tests.terminal import mistake, run

AT = ("--table", TABLE, "--site", "kvartal", "--now", NOW.isoformat())


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    with mock_aws():
        made = Clients()
        monkeypatch.setattr(handler, "client", made)
        monkeypatch.setattr(commands, "client", made)
        monkeypatch.setenv("LEDGER_TABLE", TABLE)
        monkeypatch.setenv("FILES_BUCKET", BUCKET)
        monkeypatch.delenv("PUBLIC_URL", raising=False)
        give(made, "owner-old", OWNER, days_ago=40, link_days=30)
        give(made, "owner-new", OWNER, days_ago=1, kind="week", page="page-2")
        give(made, "partner", PARTNER, days_ago=2, scope="Yandex")
        yield made


def give(
    aws: Clients,
    token: str,
    recipient: str,
    days_ago: int,
    link_days: int = 400,
    kind: str = "day",
    scope: str = "",
    page: str = "page-1",
) -> None:
    at = NOW - timedelta(days=days_ago)
    key = Files(aws.s3, BUCKET).keep("kvartal", page, {"html": page.encode()}, "report")
    until = lake_text(at + timedelta(days=link_days))
    told = Page("kvartal", key, recipient_hash(recipient), "Квартал", "ru", scope, kind, until)
    Ledger(aws.dynamodb, TABLE).keep_token(token, told, at)


def old_link(aws: Clients, token: str, recipient: str) -> None:
    """As it was kept before there was a list of links."""
    Ledger(aws.dynamodb, TABLE).keep_token(
        token, Page("kvartal", "reports/kvartal/page-1.html", recipient_hash(recipient), "", ""), NOW
    )
    (item,) = [
        item
        for item in aws.dynamodb.scan(TableName=TABLE)["Items"]
        if item["sk"]["S"].startswith(lake_text(NOW)) and "kind" in item
    ]
    aws.dynamodb.delete_item(TableName=TABLE, Key={name: item[name] for name in ("pk", "sk")})


def status(token: str, method: str = "GET", path: str = "") -> int:
    at = {"http": {}, "timeEpoch": int(NOW.timestamp() * 1000)}
    event = {"routeKey": f"{method} /v1/reports/{{token}}{path}", "pathParameters": {"token": token}, "requestContext": at}
    answered: int = handler.lambda_handler(event, None)["statusCode"]
    return answered


def test_links_are_listed_newest_first_with_their_readers_masked(aws: Clients) -> None:
    told = run("report", "links", *AT).stdout
    rows = [line.split("│")[1:-1] for line in told.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        [recipient_hash(OWNER)[:8] + "…", "week", "everything", "2026-10-12 03:00", "2027-11-16 03:00", "open"],
        [recipient_hash(PARTNER)[:8] + "…", "day", "Yandex", "2026-10-11 03:00", "2027-11-15 03:00", "open"],
    ]
    assert "2 links of kvartal; 1 more open nothing any more" in told
    assert OWNER not in told
    assert recipient_hash(OWNER) not in told


def test_expired_and_revoked_links_are_listed_on_demand(aws: Clients) -> None:
    run("report", "revoke", *AT, "--recipient", PARTNER)
    told = run("report", "links", *AT, "--all").stdout
    assert "expired" in told
    assert "revoked 2026-10-13 03:00" in told
    assert "3 links of kvartal" in told


def test_one_recipients_links_are_listed_alone(aws: Clients) -> None:
    assert "1 links of kvartal" in run("report", "links", *AT, "--recipient", f" {PARTNER.upper()} ").stdout


def test_a_revoked_link_opens_nothing_at_once_and_still_unsubscribes(aws: Clients) -> None:
    assert status("partner") == 200
    assert "1 links of kvartal revoked" in run("report", "revoke", *AT, "--recipient", PARTNER).stdout
    assert [status("partner"), status("owner-new")] == [404, 200]
    assert status("partner", "POST", "/unsubscribe") == 200
    assert Ledger(aws.dynamodb, TABLE).is_off("kvartal", recipient_hash(PARTNER))


def test_revoking_again_changes_nothing(aws: Clients) -> None:
    run("report", "revoke", *AT, "--all")
    before = aws.dynamodb.scan(TableName=TABLE)["Items"]
    assert "0 links of kvartal revoked" in run("report", "revoke", *AT[:-1], (NOW + timedelta(days=1)).isoformat(), "--all").stdout
    assert aws.dynamodb.scan(TableName=TABLE)["Items"] == before


def test_links_before_a_day_are_revoked_and_later_ones_stay(aws: Clients) -> None:
    assert "2 links" in run("report", "revoke", *AT, "--before", "2026-10-12").stdout
    assert [status("partner"), status("owner-new")] == [404, 200]


def test_links_of_previews_are_revoked_alone(aws: Clients) -> None:
    page = Ledger(aws.dynamodb, TABLE).page("owner-new")
    assert page is not None
    Ledger(aws.dynamodb, TABLE).keep_token("preview", page._replace(recipient_hash=""), NOW)
    assert "1 links" in run("report", "revoke", *AT, "--previews").stdout
    assert [status("preview"), status("partner"), status("owner-new")] == [404, 200, 200]
    for wrong in (["--recipient", PARTNER], ["--all"]):
        assert "--recipient without --previews" in mistake("report", "revoke", *AT, "--previews", *wrong)


def test_a_rotated_link_goes_by_the_report_and_not_by_an_alert_that_pointed_at_it(aws: Clients) -> None:
    page = Ledger(aws.dynamodb, TABLE).page("partner")
    assert page is not None
    Ledger(aws.dynamodb, TABLE).keep_token("alert", page._replace(kind="alert", expires_at=lake_text(NOW + timedelta(days=1))), NOW)
    told = run("report", "rotate", *AT, "--recipient", PARTNER, "--url", "https://stats.example").stdout
    (token,) = re.findall(r"/v1/reports/([\w-]{43})", told)
    assert "opens until 2027-11-17" in told
    assert status(token) == 200
    assert status("alert") == 404


def test_links_of_before_there_was_a_list_are_revoked_too(aws: Clients) -> None:
    old_link(aws, "unlisted", OWNER)
    assert status("unlisted") == 200
    run("report", "revoke", *AT, "--all")
    assert status("unlisted") == 404


def test_another_sites_links_stay(aws: Clients) -> None:
    run("report", "revoke", "--table", TABLE, "--site", "other", "--all")
    assert status("partner") == 200


def test_a_rotated_link_is_printed_once_and_opens_the_latest_page_alone(aws: Clients) -> None:
    told = run("report", "rotate", *AT, "--recipient", OWNER, "--url", "https://stats.example/").stdout
    (token,) = re.findall(r"https://stats\.example/v1/reports/([\w-]{43})\n", told)
    assert "opens until 2027-11-17 03:00 UTC" in told
    assert [status(token), status("owner-new"), status("owner-old"), status("partner")] == [200, 404, 404, 200]
    assert call("GET", "", token)["body"] == "page-2"
    assert token not in repr(aws.dynamodb.scan(TableName=TABLE)["Items"])
    assert "week" in run("report", "links", *AT, "--recipient", OWNER).stdout


def test_a_reader_whose_links_were_all_revoked_gets_one_by_rotation(aws: Clients) -> None:
    run("report", "revoke", *AT, "--all")
    told = run("report", "rotate", *AT, "--recipient", PARTNER, "--url", "https://stats.example").stdout
    (token,) = re.findall(r"/v1/reports/([\w-]{43})\n", told)
    assert status(token) == 200


def test_what_cannot_be_done_is_said(aws: Clients) -> None:
    assert "--recipient ADDRESS, --before DATE" in mistake("report", "revoke", *AT)
    assert "--all goes without" in mistake("report", "revoke", *AT, "--all", "--before", "2026-10-12")
    assert "2026-13-01 is no day" in mistake("report", "revoke", *AT, "--before", "2026-13-01")
    assert "no site id" in mistake("report", "links", "--table", TABLE, "--site", "a/b")
    assert "no link of that recipient" in mistake(
        "report", "rotate", *AT, "--recipient", "x@y.example", "--url", "https://a.example"
    )
    assert "say where the pages are" in mistake("report", "rotate", *AT, "--recipient", OWNER)


def test_the_installation_must_be_named(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEDGER_TABLE")
    assert "--stack NAME, or --table" in mistake("report", "links", "--site", "kvartal")


def test_every_link_of_a_long_list_is_found_and_revoked(aws: Clients) -> None:
    for place in range(8):  # a page of a query or scan is a megabyte
        page = Page("kvartal", "reports/kvartal/page-1.html", "hash", "Ж" * 150_000, "ru")
        Ledger(aws.dynamodb, TABLE).keep_token(f"long-{place}", page, NOW)
    assert "10 links of kvartal" in run("report", "links", *AT).stdout
    assert "11 links of kvartal revoked" in run("report", "revoke", *AT, "--all").stdout
    assert status("long-7") == 404
