"""The contacts vault: the one place of plain phones, e-mails and names (DynamoDB `contacts`, KMS), and only for sites whose
setting `pii` is `vault`. The lake knows the same people by keyed hashes; an item's key is such a hash.

Items: pk `{site}#{phone|email}`, sk the keyed hash; `plain`, `name` where told, `first_seen_at`, `last_seen_at`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

from shared.identity import email_hash, normal_email, normal_phone, phone_hash
from shared.log import count, logger
from shared.times import lake_text

MOST_NAME = 200


class Contact(NamedTuple):
    """One way to reach somebody: `key` is its keyed hash, `plain` its normal form (E.164, lower-case e-mail)."""

    kind: Literal["phone", "email"]
    key: str
    plain: str


def contacts_of(phones: Iterable[str], emails: Iterable[str], identity_key: bytes) -> list[Contact]:
    """Contacts as people write them → those that are some, each once, in order."""
    found: dict[str, Contact] = {}
    for text in phones:
        plain, key = normal_phone(text), phone_hash(text, identity_key)
        if plain and key:
            found[key] = Contact("phone", key, plain)
    for text in emails:
        plain, key = normal_email(text), email_hash(text, identity_key)
        if plain and key:
            found[key] = Contact("email", key, plain)
    return list(found.values())


def first_of(contacts: Sequence[Contact], most: int) -> list[Contact]:
    """At most so many contacts of one person, phones and e-mails by turns: the first of each is the key of his deals."""
    phones, emails = ([one for one in contacts if one.kind == kind] for kind in ("phone", "email"))
    return [one for pair in zip_longest(phones, emails) for one in pair if one is not None][:most]


class Vault:
    """`dynamodb` is a client."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def keep(self, site: Mapping[str, Any], contacts: Iterable[Contact], name: str, now: datetime) -> int:
        """Store the contacts of one person; how many. Nothing where the site's `pii` is not `vault`.

        A store that fails is counted (`VaultRefused`, with the contacts after the failed one, which it is not asked to take) and
        logged without the contact: hits and deals do not wait for it.
        """
        if site.get("pii") != "vault":
            return 0
        contacts = list(contacts)
        for kept, contact in enumerate(contacts):
            try:
                self._put(str(site["site_id"]), contact, name.strip()[:MOST_NAME], now)
            except Exception as error:
                count({"VaultRefused": len(contacts) - kept})
                logger().error("contacts could not be kept", extra={"site_id": site["site_id"], "error": type(error).__name__})
                return kept
        return len(contacts)

    def get(self, site_id: str, kind: str, key: str) -> Mapping[str, str] | None:
        """Plain form and name behind a keyed hash; None where the vault has none."""
        item = self._dynamodb.get_item(TableName=self._table, Key=_key(site_id, kind, key)).get("Item")
        return None if item is None else {name: value["S"] for name, value in item.items() if name not in ("pk", "sk")}

    def _put(self, site_id: str, contact: Contact, name: str, now: datetime) -> None:
        values = {":plain": {"S": contact.plain}, ":now": {"S": lake_text(now)}}
        sets = "plain = :plain, last_seen_at = :now, first_seen_at = if_not_exists(first_seen_at, :now)"
        names = {}
        if name:
            sets, values[":name"], names["#name"] = f"{sets}, #name = :name", {"S": name}, "name"
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(site_id, contact.kind, contact.key),
            UpdateExpression=f"SET {sets}",
            ExpressionAttributeValues=values,
            **({"ExpressionAttributeNames": names} if names else {}),
        )


def _key(site_id: str, kind: str, key: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"{site_id}#{kind}"}, "sk": {"S": key}}
