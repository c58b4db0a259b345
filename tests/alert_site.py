"""A refreshed site whose hits have stopped, and the mails that tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import Message
from pathlib import Path
from typing import Any

import orjson
import pytest

from functions.report.alerts import handler as alerts
from functions.report.mail import recipient_hash
from functions.report.store import Files, Ledger, Page
from infra.warehouse.duckdb import DuckDbWarehouse
from shared import engines
from shared.sites import current_key
from shared.sql import literal
from shared.times import lake_text
from tests.report_aws import BUCKET, OWNER, TABLE, Clients, installation
from tests.report_cases import NOW, settings_of

SILENT_AT = NOW.replace(tzinfo=None)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def silent_site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    """A refreshed site with an owner whose hits, a dozen an hour before this one of each week, have stopped."""
    for made in installation(monkeypatch, tmp_path):
        monkeypatch.setattr(alerts, "client", made)
        monkeypatch.setenv("CRM_TABLE", TABLE)
        for week in (1, 2, 3, 4):
            hits(*(NOW - week * WEEK - HOUR - timedelta(seconds=n) for n in range(12)))
        publish(made)
        refreshed(made, "r1")
        yield made


def warehouse() -> DuckDbWarehouse:
    found = engines.engine()
    assert isinstance(found, DuckDbWarehouse)
    return found


def hits(*times: datetime) -> None:
    cells = ", ".join(f"('kvartal', {literal(at.date())}, {literal(at)})" for at in times)
    warehouse().connection.execute(f"INSERT INTO hits (site_id, day, occurred_at) VALUES {cells}")


def publish(aws: Clients, *recipients: Any, site_id: str = "kvartal", **report: Any) -> None:
    told = settings_of(site_id=site_id, report={"recipients": list(recipients or [OWNER]), **report})
    aws.s3.put_object(Bucket=BUCKET, Key=current_key(site_id), Body=orjson.dumps(told))


def refreshed(aws: Clients, refresh_id: str, at: datetime = NOW, site_id: str = "kvartal") -> None:
    item = {"pk": f"refresh#{site_id}", "sk": "last", "refresh_id": refresh_id}
    item |= dict.fromkeys(("completed_at", "data_to", "started_at"), lake_text(at))
    aws.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def run(at: datetime = NOW) -> int:
    return alerts.lambda_handler({"time": at.isoformat()}, None)["sent"]


def mails(aws: Clients) -> list[Message]:
    return [message_from_bytes(raw) for _, raw in aws.ses.sent]


def text_of(mail: Message) -> str:
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    return bytes(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]


def subject_of(mail: Message) -> str:
    return str(message_from_bytes(mail.as_bytes(), policy=policy.default)["Subject"])


def hits_of(later: timedelta) -> None:
    """What is usual in the hours before that later time."""
    for week in (1, 2, 3, 4):
        hits(*(NOW + later - week * WEEK - 2 * HOUR for _ in range(12)))


def page_for(aws: Clients, recipient: str, scope: str = "", life: timedelta = 400 * DAY) -> None:
    """A report that the recipient has had."""
    key = Files(aws.s3, BUCKET).keep("kvartal", "page-1", {"html": b"<p>page</p>"}, "report")
    page = Page("kvartal", key, recipient_hash(recipient), "Квартал", "ru", scope, "day", lake_text(NOW + life))
    Ledger(aws.dynamodb, TABLE).keep_token(f"token-of-{recipient}", page, NOW - DAY)
