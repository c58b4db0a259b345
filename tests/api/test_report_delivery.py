"""Who gets which report: kinds, hours, languages, the first send, sites without data, previews, and scopes that are tight."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from typer.testing import CliRunner

from functions.report import mailer
from functions.report.delivery import making
from functions.report.delivery.suppressed import Suppressed
from functions.report.delivery.tick import NotAllSent
from functions.report.store import Ledger
from infra.cli.main import app
from infra.cli.report import delivery
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.engines import engine
from shared.errors import BadInput, NotFound
from shared.times import lake_text
from tests.report_aws import BUCKET, OWNER, PARTNER, TABLE, Clients, add_site, call, installation, keys, run, token_in
from tests.report_cases import NOW, settings_of
from tests.report_scopes import OURS, STRANGERS, fill

DAY = 24 * 60  # minutes
PLANNED = ((OURS, "200"), ("Google Ads", "97700"))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from installation(monkeypatch, tmp_path)


def sent_to(aws: Clients) -> list[str]:
    return [recipient for recipient, _ in aws.ses.sent]


def mail_of(aws: Clients, recipient: str) -> EmailMessage:
    raw = next(raw for to, raw in reversed(aws.ses.sent) if to == recipient)
    return cast(EmailMessage, message_from_bytes(raw, policy=default))


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def figures_of(aws: Clients, name: str = "") -> list[dict[str, Any]]:
    found = [key for key in keys(aws, "reports/kvartal/") if key.endswith(".json") and name in key]
    return [orjson.loads(aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in found]


def test_each_reader_gets_his_kinds_at_his_hour_in_his_language(aws: Clients) -> None:
    early = {"address": OWNER, "every": ["day", "week"], "weekday": 2, "language": "en"}
    late = {"address": PARTNER, "hour": 9}
    add_site(aws, "kvartal", early, late)
    assert run() == 2  # Tuesday, 6 o'clock in Moscow: a day's and a week's
    assert run(minutes=180) == 1  # 9 o'clock
    assert sent_to(aws) == [OWNER, OWNER, PARTNER]
    assert sorted(f["kind"] for f in figures_of(aws)) == ["day", "day", "week"]
    week = next(f for f in figures_of(aws) if f["kind"] == "week")
    assert week["period"] == {"from": "2026-10-05", "to": "2026-10-11"}
    assert [message_from_bytes(raw)["Content-Language"] for _, raw in aws.ses.sent] == ["en", "en", "ru"]


def test_a_month_is_compared_with_the_month_before(aws: Clients) -> None:
    add_site(aws, "kvartal", {"address": OWNER, "every": ["month"], "day": 13})
    assert run() == 1
    (figures,) = figures_of(aws)
    assert figures["period"] == {"from": "2026-09-01", "to": "2026-09-30"}
    assert figures["previous"]["period"] == {"from": "2026-08-01", "to": "2026-08-31"}


def test_readers_who_share_a_report_have_it_made_once(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked = [], []
    build, ask = making.build, making.ask
    monkeypatch.setattr(making, "build", lambda *a, **k: made.append(1) or build(*a, **k))
    monkeypatch.setattr(making, "ask", lambda *a: asked.append(1) or ask(*a))
    people = [f"reader{n}@kvartal.example" for n in range(4)]
    add_site(aws, "kvartal", *people, {"address": OWNER, "language": "en"})
    assert run() == 5
    assert (len(made), len(asked)) == (2, 1)  # two languages, one set of answers
    assert len([key for key in keys(aws, "reports/kvartal/") if key.endswith(".html")]) == 2


def test_a_link_opens_its_page_for_as_long_as_the_settings_say(aws: Clients) -> None:
    add_site(aws, "kvartal", {"address": OWNER, "scope": "ours"}, link_days=30, scopes=[{"name": "ours", "channels": [OURS]}])
    run()
    page = Ledger(aws.dynamodb, TABLE).page(token_in(aws.ses.sent[0][1]))
    assert page is not None
    assert (page.kind, page.scope, page.expires_at) == ("day", "ours", lake_text(NOW + timedelta(days=30)))


def test_the_page_has_the_files_of_its_snapshot_beside_it(aws: Clients) -> None:
    run()
    (page,) = [key for key in keys(aws, "reports/kvartal/") if key.endswith(".html")]
    beside = {key.removeprefix(page.removesuffix("html")[:-1] + "/") for key in keys(aws, page.removesuffix(".html") + "/")}
    assert {"app.js.gz", "manifest.json.gz", "places.json.gz"} <= beside
    token = token_in(aws.ses.sent[0][1])
    answer = call("GET", "", token, queryStringParameters={"data": "manifest"})
    assert answer["statusCode"] == 200


def test_a_snapshot_that_fails_is_named_and_the_report_goes_out(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "APP", Path("nowhere.js"))
    assert run() == 1
    assert '"Section":"snapshot"' in capsys.readouterr().out
    assert "страницу с другими периодами" in part(mail_of(aws, OWNER), "plain")


# The first send


def test_a_sites_first_report_goes_to_its_owner_alone_and_the_others_join_at_the_next(
    aws: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    add_site(aws, "kvartal", OWNER, PARTNER, owner_first=True)
    assert [run(), run(minutes=60), run(minutes=120)] == [1, 0, 0]
    assert capsys.readouterr().out.count('"Reason":"owner_first","ReportsSkipped":1') == 1
    assert run(minutes=DAY) == 2
    assert sent_to(aws) == [OWNER, OWNER, PARTNER]


def test_others_wait_until_the_owner_has_had_his(aws: Clients) -> None:
    add_site(aws, "kvartal", {"address": OWNER, "hour": 9}, {"address": PARTNER, "hour": 6}, owner_first=True)
    assert [run(), run(minutes=180), run(minutes=240)] == [0, 1, 0]
    assert sent_to(aws) == [OWNER]
    assert run(minutes=DAY) == 1
    assert sent_to(aws) == [OWNER, PARTNER]


def test_an_owner_who_takes_no_daily_reports_gets_the_first_one_of_the_others(aws: Clients) -> None:
    add_site(aws, "kvartal", {"address": OWNER, "every": ["month"], "day": 28}, PARTNER, owner_first=True)
    assert [run(), run(minutes=60), run(minutes=DAY), run(minutes=DAY + 60)] == [1, 0, 1, 0]
    assert sent_to(aws) == [OWNER, PARTNER]


def test_a_refused_first_report_keeps_the_others_waiting(aws: Clients) -> None:
    add_site(aws, "kvartal", OWNER, PARTNER, owner_first=True)
    aws.ses.refuse = {OWNER}
    with pytest.raises(NotAllSent):
        run()
    aws.ses.refuse = set()
    assert run(minutes=60) == 1
    assert sent_to(aws) == [OWNER]


def test_nobody_waits_for_an_owner_who_wants_no_mail(aws: Clients) -> None:
    add_site(aws, "kvartal", OWNER, PARTNER, owner_first=True)
    Suppressed(aws.dynamodb, TABLE).note(OWNER, "bounce", NOW, "b")
    assert run() == 1
    assert sent_to(aws) == [PARTNER]


def test_a_site_whose_reports_went_out_before_this_was_kept_waits_for_nobody(aws: Clients) -> None:
    ledger = Ledger(aws.dynamodb, TABLE)
    ledger.claim("kvartal", "2026-09-12_2026-10-11#somebody", NOW)
    ledger.mark_sent("kvartal", "2026-09-12_2026-10-11#somebody", "id", NOW)
    add_site(aws, "kvartal", OWNER, PARTNER, owner_first=True)
    assert run() == 2


# Nothing to tell


def test_a_site_without_any_data_says_so_once_and_then_waits_for_some(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    warehouse = cast(DuckDbWarehouse, engine())
    warehouse.connection.execute("DELETE FROM sessions")
    assert [run(), run(minutes=DAY), run(minutes=DAY + 60), run(minutes=2 * DAY)] == [1, 0, 0, 0]
    assert capsys.readouterr().out.count('"Reason":"no_data","ReportsSkipped":1') == 2  # once a report, not once a tick
    warehouse.connection.execute(
        "INSERT INTO sessions (site_id, session_id, day, channel, source, campaign) "
        "VALUES ('kvartal', 's', DATE '2026-10-14', 'Yandex Direct', 'yandex', 'kuhni')"
    )
    assert [run(minutes=3 * DAY), run(minutes=4 * DAY)] == [1, 1]
    warehouse.connection.execute("DELETE FROM sessions")
    assert [run(minutes=5 * DAY), run(minutes=6 * DAY)] == [1, 0]


def test_one_kind_that_fails_leaves_the_other_and_comes_later(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    add_site(aws, "kvartal", {"address": OWNER, "every": ["day", "week"]})
    ask = making.ask

    def failing(warehouse: Any, settings: Any, period: Any) -> Any:
        if period.first.isoformat() == "2026-10-05":
            raise TimeoutError("the query took too long")
        return ask(warehouse, settings, period)

    monkeypatch.setattr(making, "ask", failing)
    with pytest.raises(NotAllSent, match="too long"):
        run()
    assert [f["kind"] for f in figures_of(aws)] == ["day"]
    monkeypatch.setattr(making, "ask", ask)
    assert [run(minutes=60), run(minutes=120)] == [1, 0]


# Previews


def preview(aws: Clients, **asked: str) -> Any:
    return mailer.lambda_handler({"time": NOW.isoformat(), "site_id": "kvartal", "preview": "me@other.example", **asked}, None)


def test_a_preview_goes_to_one_address_and_changes_nobodys_report(aws: Clients) -> None:
    told = preview(aws)
    assert told["period"] == {"from": "2026-09-13", "to": "2026-10-12"}
    ((recipient, raw),) = aws.ses.sent
    message = message_from_bytes(raw, policy=default)
    assert recipient == message["To"] == "me@other.example"
    assert str(message["Subject"]).startswith("[Preview] ")
    assert message["List-Unsubscribe"] is None
    sends = [item for item in aws.dynamodb.scan(TableName=TABLE)["Items"] if item["pk"]["S"] == "report#kvartal"]
    assert sends == []
    link = re.search(r"https://stats\.example/v1/reports/([\w-]{43})", part(cast(EmailMessage, message), "plain"))
    assert link
    assert call("GET", "", link[1])["statusCode"] == 200
    assert call("POST", "/unsubscribe", link[1])["statusCode"] == 404
    assert run() == 1
    assert sent_to(aws)[-1] == OWNER


def test_a_preview_without_an_address_goes_to_the_owner_and_can_be_repeated(aws: Clients) -> None:
    preview(aws, preview="owner", kind="week", language="en")
    preview(aws, preview="owner", kind="week", language="en")
    assert sent_to(aws) == [OWNER, OWNER]
    assert figures_of(aws)[0]["kind"] == "week"


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "year"}, {"language": "de"}, {"scope": "nobody's"}, {"preview": "no address"}, {"preview": "почта@shop.example"},
        {"preview": "a@b"}, {"site_id": "nobody"},
    ],
)  # fmt: skip
def test_a_preview_that_cannot_be_is_refused_in_words(aws: Clients, asked: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        preview(aws, **asked)
    assert aws.ses.sent == []


def test_there_is_no_preview_before_the_first_refresh(aws: Clients) -> None:
    add_site(aws, "fresh", refreshed=False)
    with pytest.raises(NotFound, match="no complete refresh"):
        preview(aws, site_id="fresh")


def test_a_preview_is_asked_for_by_command(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lambda:
        def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
            assert FunctionName == "skvoz-mail"
            try:
                answer = mailer.lambda_handler(orjson.loads(Payload), None)
            except Exception as error:
                return {"FunctionError": "Unhandled", "Payload": io.BytesIO(orjson.dumps({"errorMessage": str(error)}))}
            return {"Payload": io.BytesIO(orjson.dumps(answer))}

    monkeypatch.setattr(delivery, "resource", lambda stack, name: {"ReportMailFunction": f"{stack}-mail"}[name])
    monkeypatch.setattr(delivery, "patient_client", lambda service: {"lambda": Lambda()}[service])
    said = ["report", "preview", "--stack", "skvoz", "--site", "kvartal", "--now", NOW.isoformat()]
    done = CliRunner().invoke(app, [*said, "--to", "me@other.example"])
    assert done.exit_code == 0, done.output
    assert "2026-09-13 … 2026-10-12, to me@other.example" in done.output
    assert sent_to(aws) == ["me@other.example"]
    assert CliRunner().invoke(app, [*said, "--kind", "year"]).exit_code == 2


def test_who_gets_no_reports_is_listed_masked_and_gets_them_again_by_command(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_off: list[str] = []

    class Ses:
        class exceptions:
            class NotFoundException(Exception):
                pass

        def delete_suppressed_destination(self, EmailAddress: str) -> None:
            taken_off.append(EmailAddress)
            raise self.exceptions.NotFoundException

    monkeypatch.setattr(delivery, "client", lambda name: Ses() if name == "sesv2" else aws(name))
    Suppressed(aws.dynamodb, TABLE).note(OWNER, "complaint", NOW, "c")
    there = ["--table", TABLE]
    listed = CliRunner().invoke(app, ["report", "suppressed", *there])
    assert "o***@kvartal.example" in listed.output
    assert "spam" in listed.output
    assert OWNER not in listed.output
    done = CliRunner().invoke(app, ["report", "unsuppress", OWNER, *there, "--now", (NOW + timedelta(hours=1)).isoformat()])
    assert done.exit_code == 0, done.output
    assert taken_off == [OWNER]
    assert "0 recipients" in CliRunner().invoke(app, ["report", "suppressed", *there]).output
    assert run(minutes=DAY) == 1
    again = CliRunner().invoke(app, ["report", "unsuppress", OWNER, *there])
    assert again.exit_code == 2


# Scopes


@pytest.fixture
def scoped(aws: Clients) -> Clients:
    """A report of four channels for the owner, and one of our channel alone for the partner."""
    fill(cast(DuckDbWarehouse, engine()))
    add_site(
        aws,
        "kvartal",
        OWNER,
        {"address": PARTNER, "scope": "ours"},
        scopes=[{"name": "ours", "channels": ["Яндекс Директ"]}],
        plan=[{"month": month, "channel": channel, "cost": cost} for month in ("2026-09", "2026-10") for channel, cost in PLANNED],
        attribution={"default_model": "linear"},
    )  # fmt: skip
    assert run() == 2
    return aws


def opened(aws: Clients, recipient: str) -> dict[str, str]:
    """All that a reader gets, as text in lower case: both parts of the mail, page, figures, workbook, snapshot."""
    raw = next(raw for to, raw in aws.ses.sent if to == recipient)
    token, message = token_in(raw), mail_of(aws, recipient)
    page = Ledger(aws.dynamodb, TABLE).page(token)
    assert page is not None
    beside = keys(aws, page.object_key.removesuffix(".html") + "/")
    files = {key.rpartition("/")[2]: aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in beside}
    snapshot = b"".join(gzip.decompress(body) for name, body in files.items() if name.endswith(".json.gz"))
    told = {
        "subject": str(message["Subject"]),
        "text": part(message, "plain"),
        "mail": part(message, "html"),
        "page": call("GET", "", token)["body"],
        "figures": call("GET", "", token, queryStringParameters={"format": "json"})["body"],
        "workbook": _workbook(aws.s3.get_object(Bucket=BUCKET, Key=page.object_key.replace(".html", ".xlsx"))["Body"].read()),
        "snapshot": snapshot.decode(),
    }
    return {name: text.lower() for name, text in told.items()}


def _workbook(body: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        return "\n".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))


def test_nothing_of_the_other_channels_reaches_a_reader_of_a_scope(scoped: Clients) -> None:
    for where, text in opened(scoped, PARTNER).items():
        plain = re.sub(r"[\u00a0\u202f]", "", text)
        found = [stranger for stranger in STRANGERS if stranger in plain]
        assert found == [], f"{where}: {found}: {plain[max(plain.find(found[0]) - 200, 0) :][:400]}"


def test_what_is_kept_from_a_scope_is_there_for_who_sees_everything(scoped: Clients) -> None:
    """Else the test above could not fail."""
    for where, text in opened(scoped, OWNER).items():
        if where != "subject":
            assert [stranger for stranger in STRANGERS if stranger in text], where


def test_a_scope_has_its_own_totals_deals_and_plan(scoped: Clients) -> None:
    figures = next(f for f in figures_of(scoped) if f.get("scope"))
    assert figures["scope"] == "ours"
    totals = figures["totals"]
    assert (totals["visits"], totals["requests"], totals["sales"], totals["cost"], totals["revenue"]) == (2, 1.5, 1.5, 100, 1300)
    assert [row["channel"] for row in figures["channels"]] == [OURS]
    deals = {deal["request_id"]: deal for deal in figures["deals"]}
    assert deals.keys() == {"r0", "r-shared"}
    assert figures["deals_total"] == 2
    whole, shared = deals["r0"], deals["r-shared"]
    assert (whole["revenue"], whole["amount"], whole["receivable"]) == (1000, 1000, 12)
    assert (shared["revenue"], shared["gross_profit"], shared["amount"], shared["receivable"]) == (300, 150, None, None)
    assert [touch["channel"] for touch in shared["path"]] == [OURS]
    assert [(touch["position"], touch["weight"]) for touch in shared["path"]] == [(1, 0.5)]
    assert shared["path_length"] == 1  # as the page's app tells it: nothing is told of the other touch
    assert (whole["why"]["code"], shared["why"]["code"]) == ("only_seen", "part_seen")
    assert figures["plan"] is None or {row["channel"] for row in figures["plan"]["rows"]} <= {"", OURS}


def test_the_settings_a_scope_is_shown_with_leave_the_others_out() -> None:
    scopes = [{"name": "ours", "channels": [OURS]}]
    settings = settings_of(report={"recipients": [OWNER], "scopes": scopes, "sections": ["summary", "calls", "deals", "quality"]})
    seen = making.seen_in(settings, "ours", making.Answers())
    shown = making.settings_of_scope(settings, seen, [OURS])
    assert shown["report"]["sections"] == ["summary", "deals"]
    settings = settings_of(report={"recipients": [OWNER], "scopes": scopes, "sections": ["calls"]})
    assert making.settings_of_scope(settings, seen, [OURS])["report"]["sections"] == ["summary"]  # none would be all
    with pytest.raises(BadInput, match="no scope"):
        making.seen_in(settings, "theirs", making.Answers())


def test_a_scope_of_other_traffic_has_the_channels_that_no_rule_names(aws: Clients) -> None:
    fill(cast(DuckDbWarehouse, engine()))
    scopes = [{"name": "rest", "channels": ["Прочий трафик"]}]
    add_site(aws, "kvartal", {"address": OWNER, "scope": "rest"}, scopes=scopes, attribution={"default_model": "linear"})
    assert run() == 1
    (figures,) = figures_of(aws)
    assert [deal["request_id"] for deal in figures["deals"]] == ["r3"]
