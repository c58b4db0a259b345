"""The contacts vault on DynamoDB (moto): the only place of plain phones, e-mails and names, and only where the site says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.identity import email_hash, phone_hash
from shared.vault import MOST_NAME, Contact, Vault, contacts_of
from tests.api.collect_door import counted
from tests.api.dynamo import dynamodb, items

NOW = datetime(2026, 10, 12, 7, 40, 28, tzinfo=UTC)
KEY = b"key-of-the-hashes"
SITE = {"site_id": "kvartal", "pii": "vault"}
PHONE, EMAIL = contacts_of(["8 900 000-00-17"], ["Vera@Post.example"], KEY)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with dynamodb(("contacts",)) as made:
        yield made


@pytest.fixture
def vault(client: Any) -> Vault:
    for item in client.scan(TableName="contacts")["Items"]:
        client.delete_item(TableName="contacts", Key={"pk": item["pk"], "sk": item["sk"]})
    return Vault(client, "contacts")


class Refusing:
    """A table that takes so many contacts and no more."""

    def __init__(self, client: Any, taken: int) -> None:
        self._client, self._left, self.asked = client, taken, 0

    def update_item(self, **arguments: Any) -> Any:
        self.asked += 1
        if self.asked > self._left:
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": "vera@post.example"}}, "UpdateItem")
        return self._client.update_item(**arguments)


def test_contacts_are_those_that_are_some_each_once_in_normal_form() -> None:
    phones = ["+7 (900) 000-00-17", "8 900 000 00 17", "12", ""]
    emails = [" VERA@post.example ", "vera@post.example", "vera", ""]
    assert contacts_of(phones, emails, KEY) == [
        Contact("phone", str(phone_hash("+79000000017", KEY)), "+79000000017"),
        Contact("email", str(email_hash("vera@post.example", KEY)), "vera@post.example"),
    ]


def test_a_kept_contact_is_found_by_its_hash(vault: Vault) -> None:
    assert vault.keep(SITE, [PHONE, EMAIL], " Вера ", NOW) == 2
    when = "2026-10-12 07:40:28.000"
    assert vault.get("kvartal", "phone", PHONE.key) == {
        "plain": "+79000000017", "name": "Вера", "first_seen_at": when, "last_seen_at": when
    }  # fmt: skip
    assert vault.get("kvartal", "email", EMAIL.key) is not None


def test_a_contact_seen_again_keeps_its_first_time_and_a_name_that_is_told_no_more(vault: Vault) -> None:
    vault.keep(SITE, [PHONE], "Вера", NOW)
    vault.keep(SITE, [PHONE], "", NOW + timedelta(days=3))
    found = vault.get("kvartal", "phone", PHONE.key)
    assert found is not None
    assert (found["name"], found["first_seen_at"][:10], found["last_seen_at"][:10]) == ("Вера", "2026-10-12", "2026-10-15")


def test_sites_and_kinds_are_apart(vault: Vault) -> None:
    vault.keep(SITE, [PHONE], "", NOW)
    assert vault.get("other", "phone", PHONE.key) is None
    assert vault.get("kvartal", "email", PHONE.key) is None


@pytest.mark.parametrize("site", [{"site_id": "kvartal", "pii": "hash"}, {"site_id": "kvartal"}])
def test_nothing_is_kept_where_the_site_did_not_ask_for_it(vault: Vault, client: Any, site: dict[str, str]) -> None:
    assert vault.keep(site, [PHONE, EMAIL], "Вера", NOW) == 0
    assert items(client, "contacts") == []


def test_a_long_name_is_cut(vault: Vault) -> None:
    vault.keep(SITE, [PHONE], "В" * 10_000, NOW)
    found = vault.get("kvartal", "phone", PHONE.key)
    assert found is not None
    assert found["name"] == "В" * MOST_NAME


def test_a_store_that_fails_is_asked_once_counted_and_never_quoted(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    phones = contacts_of([f"+7900000001{n}" for n in range(5)], [], KEY)
    store = Refusing(client, 2)
    assert Vault(store, "contacts").keep(SITE, phones, "Вера", NOW) == 2
    assert store.asked == 3
    printed = capsys.readouterr().out
    assert [line["VaultRefused"] for line in counted(printed, "VaultRefused")] == [3]
    assert not [plain for plain in ("9000000", "post.example", "Вера") if plain in printed]
