"""What the commands about numbers share: their options, names checked, the site's rules, transactions on the table of numbers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from functions.numberpool.rules import Rules, rules_of
from functions.numberpool.store import Store
from shared.aws import client
from shared.errors import BadInput, FieldError
from shared.identity import normal_phone
from shared.ids import is_site_id
from shared.leases import POOL, is_pool_name
from shared.sites import current_key, object_reader
from shared.times import from_millis, to_millis

TableName = Annotated[str, typer.Option("--table", envvar="NUMBERS_TABLE", help="numbers table of the stack")]
Bucket = Annotated[
    str, typer.Option(envvar="FILES_BUCKET", help="files bucket of the stack, for the site's own pools and cool-downs")
]
Pool = Annotated[str, typer.Option(help="pool of the site, as the settings name it")]


def store_of(table: str) -> Store:
    """The table of numbers."""
    return Store(client("dynamodb"), table)


def now_millis() -> int:
    """The clock of the commands."""
    return to_millis(datetime.now(UTC))


def rules_of_site(site: str, bucket: str) -> Rules | None:
    """The site's published rules; None without a bucket or settings."""
    raw = object_reader(client("s3"), bucket)(current_key(site)) if bucket else None
    return rules_of(json.loads(raw)) if raw is not None else None


def known_rules(site: str, bucket: str) -> Rules:
    """The site's published rules; the defaults without a bucket. BadInput where the bucket has no settings of it."""
    rules = rules_of_site(site, bucket)
    if rules is None and bucket:
        raise BadInput(f"site {site} has no settings in {bucket}; publish them with: skvoz sites apply FILE")
    return rules or Rules()


def pools_of(rules: Rules) -> list[str]:
    """The site's pools: main, and those of its rules."""
    return list(dict.fromkeys([POOL, *(str(pool["name"]) for pool in rules.pools)]))


def check_names(site: str, *pools: str) -> None:
    """BadInput where a site or pool cannot be called so."""
    wrong = [] if is_site_id(site) else [site]
    if wrong := [*wrong, *(pool for pool in pools if not is_pool_name(pool))]:
        raise BadInput(f"{', '.join(wrong)}: names of sites and pools consist of a-z, 0-9 and hyphens")


def phones_of(numbers: list[str]) -> list[str]:
    """Numbers in any spelling → E.164, each once. BadInput names those that are none."""
    phones = {text: normal_phone(text) for text in numbers}
    wrong = [
        FieldError(text, "is no phone number; best in international form: +74950000031") for text in phones if not phones[text]
    ]
    if wrong:
        raise BadInput("these are no numbers:", wrong)
    return list(dict.fromkeys(phone for phone in phones.values() if phone))


def owner_of(store: Store, phone: str) -> dict[str, Any]:
    """The item that says whose the number is; {} where nobody ever added it."""
    read = {"TableName": store.table, "Key": key(f"number#{phone}", "owner"), "ConsistentRead": True}
    found: dict[str, Any] = store.dynamodb.get_item(**read).get("Item", {})
    return found


def operation(
    table: str, item_key: dict[str, Any], values: dict[str, Any], names: dict[str, str] | None = None, **told: str
) -> dict[str, Any]:
    """A part of a transaction."""
    aliases = {"ExpressionAttributeNames": names} if names else {}
    return {"TableName": table, "Key": item_key, "ExpressionAttributeValues": values, **aliases, **told}


def write(store: Store, items: list[dict[str, Any]]) -> bool:
    """One transaction; False where a condition did not hold. Other errors are raised."""
    try:
        store.dynamodb.transact_write_items(TransactItems=items)
    except store.dynamodb.exceptions.TransactionCanceledException as error:
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())} - {None, "None"}
        if reasons <= {"ConditionalCheckFailed", "TransactionConflict"}:
            return False
        raise
    return True


def key(pk: str, sk: str) -> dict[str, Any]:
    """Key of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def number(name: str, value: int) -> dict[str, Any]:
    """A number as a value of an expression."""
    return {name: {"N": str(value)}}


def text_of(millis: int) -> str:
    """An instant for people, UTC."""
    return f"{from_millis(millis):%Y-%m-%d %H:%M:%S}"
