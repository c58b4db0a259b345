"""Phones and e-mails that a form tells: hashed into its request where the site opted in, plain in the vault alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.collect.people.contacts import MOST_KEPT
from shared.identity import email_hash, phone_hash
from tests.api.collect_door import LAKE, Collect, body_of, counted
from tests.api.dynamo import dynamodb, items

KEY = b"key-of-the-hashes"
PHONE, EMAIL = "8 (900) 000-00-17", "Vera@Post.example"
HASHES = {"phone_hash": phone_hash(PHONE, KEY), "email_hash": email_hash(EMAIL, KEY)}
CONTACT = {"phones": [PHONE], "emails": [EMAIL]}
FORM = {"kind": "form", "request_id": "kv-17", "form": "Расчёт", "contact": CONTACT}
PLAIN = (b"0000017", b"000-00-17", b"post.example", b"79000000017")


@pytest.fixture(scope="module")
def tables() -> Iterator[Any]:
    with dynamodb() as made:
        yield made


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch) -> Collect:
    collect = Collect(monkeypatch)
    settle(collect, contacts=True)
    return collect


def settle(collect: Collect, *, contacts: bool, pii: str = "hash") -> None:
    site = {"site_id": "kvartal", "name": "К", "hosts": ["kvartal.example"], "pii": pii, "forms": {"contacts": contacts}}
    collect.publish(site)
    collect.forget()


def hashes(collect: Collect) -> list[dict[str, Any]]:
    """Of each request, its hashes."""
    return [{n: r[n] for n in ("phone_hash", "email_hash") if n in r} for r in collect.stored("request")]


def ignored(capsys: pytest.CaptureFixture[str]) -> int:
    printed = capsys.readouterr().out
    assert not [plain for plain in PLAIN if plain.decode() in printed]
    lines = counted(printed, "ContactsIgnored")
    assert {line["Door"] for line in lines} <= {"hits"}
    return sum(line["ContactsIgnored"] for line in lines)


def assert_nothing_plain(collect: Collect) -> None:
    everything = collect.clients.s3.all_bytes(LAKE) + b"".join(
        b for blobs in collect.clients.firehose.records.values() for b in blobs
    )
    assert [plain for plain in PLAIN if plain in everything.lower()] == []


def test_contacts_become_hashes_of_the_request(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    assert body_of(collect.hits(FORM))["accepted"] == 1
    assert hashes(collect) == [HASHES]
    assert ignored(capsys) == 0
    assert_nothing_plain(collect)


def test_the_hash_is_that_of_the_same_person_in_an_import(collect: Collect) -> None:
    line = {"type": "request", "occurred_at": "2026-10-12T10:40:26+03:00", "contact_channel": "call", "phone": "9000000017"}
    collect.hits(FORM)
    collect.lines(line)
    assert len({request["phone_hash"] for request in collect.stored("request")}) == 1


def test_the_first_contact_that_is_one_names_the_request(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    collect.hits(
        {**FORM, "contact": {"phones": ["12", PHONE, "+7 900 000-00-18"], "emails": ["vera", EMAIL, "other@post.example"]}}
    )
    assert hashes(collect) == [HASHES]
    assert ignored(capsys) == 1


@pytest.mark.parametrize("contact", [{}, {"phones": []}, {"phones": None, "emails": []}, None])
def test_a_form_that_tells_no_contact_has_none(collect: Collect, capsys: pytest.CaptureFixture[str], contact: object) -> None:
    collect.hits({**FORM, "contact": contact})
    assert hashes(collect) == [{}]
    assert ignored(capsys) == 0


@pytest.mark.parametrize(
    "contact",
    [
        7, True, PHONE, [PHONE], [CONTACT], {"phones": PHONE}, {"phones": [79000000017]}, {"phones": [[PHONE]]},
        {"phones": {"a": PHONE}}, {"phones": [PHONE] * 6}, {"phones": ["call me"]}, {"emails": [EMAIL * 40]}, {"emails": ["vera"]},
        {"phones": [PHONE + "0" * 400]},
    ],
)  # fmt: skip
def test_what_is_no_contact_is_counted_and_the_form_is_kept(
    collect: Collect, capsys: pytest.CaptureFixture[str], contact: object
) -> None:
    assert body_of(collect.hits({**FORM, "contact": contact}))["accepted"] == 1
    assert hashes(collect) == [{}]
    assert collect.rejected() == []
    assert ignored(capsys) == 1
    assert_nothing_plain(collect)


def test_without_the_sites_opt_in_nothing_is_taken(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    settle(collect, contacts=False, pii="vault")
    assert body_of(collect.hits(FORM))["accepted"] == 1
    assert hashes(collect) == [{}]
    assert ignored(capsys) == 1
    assert_nothing_plain(collect)


@pytest.mark.parametrize("change", [{"consent": "denied"}, {"headers": {"dnt": "1"}}])
def test_without_consent_nothing_is_taken(collect: Collect, capsys: pytest.CaptureFixture[str], change: dict[str, Any]) -> None:
    settle(collect, contacts=True, pii="vault")
    collect.hits(FORM, **change)
    assert hashes(collect) == [{}]
    assert ignored(capsys) == 1


def test_a_form_without_a_request_has_nothing_to_hang_a_contact_on(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    settle(collect, contacts=True, pii="vault")
    collect.hits({**FORM, "request_id": None})
    assert (len(collect.stored()), collect.stored("request")) == (1, [])
    assert ignored(capsys) == 1


def test_where_nothing_can_be_hashed_the_request_is_kept_without(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    del collect.clients.ssm.parameters["/skvoz/test/identity"]
    assert body_of(collect.hits(FORM))["accepted"] == 1
    collect.forget()
    collect.clients.ssm.fail("get_parameter")
    assert body_of(collect.hits(FORM))["accepted"] == 1
    assert hashes(collect) == [{}, {}]
    assert ignored(capsys) == 2
    assert_nothing_plain(collect)


def test_contacts_of_refused_hits_are_kept_nowhere(collect: Collect) -> None:
    settle(collect, contacts=True, pii="vault")
    hidden = {"phones": ["123-45"], "emails": ["vera@localhost"], "name": "Вера"}
    answer = collect.hits(
        {**FORM, "id": "bad", "contact": hidden}, {**FORM, "url": None, "contact": hidden}, [{**FORM, "contact": hidden}]
    )
    assert [row["reason"] for row in body_of(answer)["rejected"]] == ["bad_id", "bad_url", "bad_item"]
    kept = json.dumps(collect.rejected(), ensure_ascii=False)
    assert len(collect.rejected()) == 3
    assert not [plain for plain in ("123-45", "localhost", "Вера", "contact") if plain in kept]


def test_a_field_named_like_ours_changes_nothing(collect: Collect) -> None:
    ours = {"visitor_id": "x", "phone_hash": "x", "site_id": "other", "via": "import", "lease": {}, "token": "x", "is_test": True}
    collect.hits({**FORM, **ours})
    [hit], [request] = collect.stored(), collect.stored("request")
    assert (hit["site_id"], hit["via"], request["phone_hash"]) == ("kvartal", "tracker", HASHES["phone_hash"])
    assert not {"lease", "token", "is_test", "contact"} & hit.keys()


def test_the_vault_keeps_the_plain_contact_where_the_site_asks_for_it(collect: Collect, tables: Any) -> None:
    settle(collect, contacts=True, pii="vault")
    collect.clients.dynamodb = tables
    collect.hits(FORM, {**FORM, "id": "0199d7a1-5c31-7d44-8a55-7f0a1b2c3d4e", "request_id": "kv-18"})
    kept = {item["pk"]: (item["sk"], item["plain"]) for item in items(tables, "contacts")}
    assert kept == {
        "kvartal#phone": (HASHES["phone_hash"], "+79000000017"),
        "kvartal#email": (HASHES["email_hash"], "vera@post.example"),
    }
    assert hashes(collect) == [HASHES, HASHES]
    assert_nothing_plain(collect)


def test_of_one_batch_the_vault_takes_so_many_contacts_and_the_lake_all_hashes(
    collect: Collect, tables: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(items(tables, "contacts"))
    settle(collect, contacts=True, pii="vault")
    collect.clients.dynamodb = tables
    phones = [[f"8 901 {form:03}-00-{n:02}" for n in range(5)] for form in range(100)]
    forms = [
        {**FORM, "id": f"0199d7a1-5c31-7d44-8a55-{form:012x}", "request_id": f"many-{form}", "contact": {"phones": told}}
        for form, told in enumerate(phones)
    ]
    assert body_of(collect.hits(*forms))["accepted"] == 100
    assert len(items(tables, "contacts")) - before == MOST_KEPT
    assert [found["phone_hash"] for found in hashes(collect)] == [phone_hash(told[0], KEY) for told in phones]
    assert ignored(capsys) == 100 - MOST_KEPT // 5


def test_a_contact_told_again_needs_no_place_of_its_own(collect: Collect, tables: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settle(collect, contacts=True, pii="vault")
    collect.clients.dynamodb = tables
    collect.hits(*({**FORM, "id": f"0199d7a1-5c32-7d44-8a55-{form:012x}"} for form in range(30)))
    assert ignored(capsys) == 0


def test_a_vault_that_fails_does_not_fail_the_form(
    collect: Collect, tables: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(collect, contacts=True, pii="vault")
    collect.clients.dynamodb = tables
    monkeypatch.setenv("CONTACTS_TABLE", "no-such-table")
    answer = collect.hits(FORM)
    assert (answer["statusCode"], hashes(collect)) == (202, [HASHES])
    printed = capsys.readouterr().out
    assert [line["VaultRefused"] for line in counted(printed, "VaultRefused")] == [2]
    assert not [plain for plain in PLAIN if plain.decode() in printed]


def test_nothing_goes_into_the_vault_that_the_lake_did_not_take(collect: Collect) -> None:
    settle(collect, contacts=True, pii="vault")
    collect.hits()
    collect.clients.firehose.fail("put_record")
    collect.clients.s3.fail("put_object")
    assert collect.hits(FORM)["statusCode"] == 503
