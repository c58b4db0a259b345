"""`skvoz crm try`: a captured body, its sender, and what becomes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.security import sign_webhook
from tests.terminal import mistake, run

DATA = Path(__file__).parents[1] / "data"
SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"
SHOP = {"map": {"deal_id": "id", "stage": "s", "phone": "phone", "payments": "p", "payment.id": "id", "payment.amount": "sum",
                "payment.at": "at"}}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings(tmp_path, mapped={"shop": SHOP, "signed": {**SHOP, "signature": "standard_webhooks"}}, amocrm={})
    return tmp_path


def settings(folder: Path, **crm: Any) -> None:
    site = {"site_id": "kvartal", "name": "Kvartal", "hosts": ["kvartal.example"], "crm": crm}
    (folder / "site.yaml").write_text(yaml.safe_dump(site), encoding="utf-8")


def tried(folder: Path, body: bytes, *arguments: object) -> Any:
    (folder / "body").write_bytes(body)
    return run("crm", "try", folder / "body", "--settings", folder / "site.yaml", *arguments)


def told(folder: Path, body: bytes, *arguments: object) -> dict[str, Any]:
    result = tried(folder, body, *arguments, "--json")
    answer: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if answer["rejected"] else 0)
    return answer


def test_records_and_what_leads_to_nothing_are_shown(folder: Path) -> None:
    body = b'{"id": 7, "s": "won", "p": [{"id": 1, "sum": 5, "at": "2026-10-01"}]}'
    answer = told(folder, body, "--provider", "shop")
    assert [(r["kind"], r["deal_id"]) for r in answer["records"]] == [("crm_event", "7"), ("payment", "7")]
    assert answer["paths_to_nothing"] == ["phone"]
    assert answer["contacts"] == {"phones": 0, "emails": 0}
    shown = tried(folder, body, "--provider", "shop").stdout
    assert "record 2: payment" in shown
    assert "paths of the map that lead to nothing here: phone" in shown


def test_a_form_of_amocrm_is_shown_too_and_phones_are_not(folder: Path) -> None:
    body = (DATA / "amocrm" / "contact_update.form.txt").read_bytes()
    answer = told(folder, body, "--provider", "amocrm", "--now", "2026-11-01T09:00:00Z")
    assert answer["records"][0]["phone_hash"]
    assert answer["contacts"]["phones"] > 0
    assert "+7900" not in json.dumps(answer)


def test_what_is_rejected_is_told_with_its_reason_and_ends_with_1(folder: Path) -> None:
    result = tried(folder, b'{"s": "won"}', "--provider", "shop")
    assert result.exit_code == 1
    assert "rejected, bad_field: deal 0: map.deal_id: nothing stands there" in result.stdout
    assert "nothing would be stored" in result.stdout


def test_a_webhook_of_moysklad_as_it_is_sent_is_shown_as_what_it_is(folder: Path) -> None:
    """Its headers prove nothing: the token of the address does. `requestId` of its query is not read."""
    found = {"items": "events[meta.type=customerorder]", "map": {"deal_id": "meta.href | last"}, "deleted": {"action": ["DELETE"]}}
    settings(folder, mapped={"moysklad_events": found})
    body, sent = (DATA / "mapped" / f"moysklad_webhook_update.{suffix}" for suffix in ("json", "headers.txt"))
    answer = told(folder, body.read_bytes(), "--provider", "moysklad_events", "--headers", sent)
    assert (answer["records"], answer["rejected"], answer["passed_over"]) == ([], [], {"nothing_told": 1})


def headers(folder: Path, **told: str) -> Path:
    lines = ["POST /v1/crm/signed/kvartal/token?x=1 HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    (folder / "headers").write_text("\r\n".join(lines), encoding="utf-8")
    return folder / "headers"


def test_a_signature_is_checked_as_of_its_own_time(folder: Path) -> None:
    body = b'{"id": 7, "s": "won"}'
    file = headers(folder, **sign_webhook(body, "msg-1", SECRET, datetime(2026, 10, 1, tzinfo=UTC)))
    arguments = ("--provider", "signed", "--headers", file, "--secret", SECRET)
    assert told(folder, body, *arguments)["sender"] == "proved"
    forged = told(folder, body + b" ", *arguments)
    assert forged["sender"] == "refused: webhook-signature fits none of the site's secrets"


def test_the_only_crm_of_the_settings_needs_no_name(folder: Path) -> None:
    settings(folder, mapped={"shop": SHOP})
    assert told(folder, b'{"id": 7, "s": "won"}')["provider"] == "shop"


def test_mistakes_are_named(folder: Path) -> None:
    (folder / "body").write_bytes(b"{}")
    given = ("crm", "try", folder / "body", "--settings", folder / "site.yaml")
    assert "say whose body it is: --provider amocrm or shop or signed or generic" in mistake(*given)
    assert "crm.hubspot is not in the settings" in mistake(*given, "--provider", "hubspot")
    assert "--now: a time must be ISO 8601" in mistake(*given, "--provider", "shop", "--now", "soon")
    assert "cannot be read" in mistake("crm", "try", folder / "nothing", *given[3:], "--provider", "shop")
    (folder / "body").write_bytes(b" " * 300_000)
    assert "the door refuses bodies over 256 KB" in mistake(*given, "--provider", "shop")
    (folder / "body").write_bytes(b"[]")
    assert "must be a JSON object" in mistake(*given, "--provider", "generic")
