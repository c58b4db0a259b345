"""`skvoz numbers`: the numbers of a site's pool. A number belongs to one pool anywhere: one transaction writes it and its owner."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from functions.numberpool.choice import Number, free_at, is_live, phase
from functions.numberpool.rules import Rules, rules_of
from functions.numberpool.store import Store
from shared.pool_size import numbers_for, offered_load
from shared.aws import client
from shared.errors import BadInput, FieldError
from shared.identity import normal_phone
from shared.ids import is_site_id
from shared.leases import POOL, pool_key
from shared.sites import current_key, object_reader
from shared.times import from_millis, to_millis

app = typer.Typer(no_args_is_help=True)
MOST_NUMBERS = 500  # a lease reads the whole pool
_LONGEST_COOL_DOWN = 86_400_000  # milliseconds; shared/settings.py allows no longer one

TableName = Annotated[str, typer.Option("--table", envvar="NUMBERS_TABLE", help="numbers table of the stack")]
Pool = Annotated[str, typer.Option(help="pool of the site; leases are made from main")]


@app.command()
def add(site: str, numbers: list[str], table: TableName, pool: Pool = POOL) -> None:
    """Put numbers into the site's pool; a retired one comes back. All of them are looked at before the first is added."""
    phones, dynamodb = _phones(site, numbers, pool), client("dynamodb")
    store = Store(dynamodb, table)
    known = store.numbers(site, pool)
    if len({number.number for number in known} | set(phones)) > MOST_NUMBERS:
        raise BadInput(f"a pool has at most {MOST_NUMBERS} numbers; {pool} of {site} has {len(known)}")
    now = to_millis(datetime.now(UTC))
    plans = [(phone, _owner(dynamodb, table, phone)) for phone in phones]
    if wrong := [FieldError(phone, why) for phone, owner in plans if (why := _refusal(store, site, pool, phone, owner, now))]:
        raise BadInput("no number was added:", wrong)
    usable = {number.number for number in known if not number.is_retired}
    for phone, owner in plans:
        if phone in usable:
            print(f"{phone} is in pool {pool} of {site} already")
        elif _add(dynamodb, table, site, pool, phone, owner, now):
            print(f"{phone} added to pool {pool} of {site}")
        else:
            raise BadInput(f"{phone} was taken by somebody else just now; look at it again with: skvoz numbers list {site}")


@app.command("list")
def list_(
    site: str,
    table: TableName,
    pool: Pool = POOL,
    bucket: Annotated[
        str, typer.Option(envvar="FILES_BUCKET", help="files bucket of the stack, for the site's own cool-downs")
    ] = "",
) -> None:
    """Show what each number does: leased, cooling, free or retired, and since when. No visitors are shown."""
    _check_names(site, pool)
    found = Store(client("dynamodb"), table).numbers(site, pool)
    if not found:
        print(f"pool {pool} of {site} has no numbers; add some with: skvoz numbers add {site} NUMBER…")
        return
    rules, now = _rules(site, bucket), to_millis(datetime.now(UTC))
    shown = Table("number", "phase", "leased at (UTC)", "until (UTC)", "free at (UTC)")
    for number in found:
        shown.add_row(*_row(number, now, rules))
    Console(width=110).print(shown)


@app.command()
def retire(site: str, number: str, table: TableName, pool: Pool = POOL) -> None:
    """Lease a number to nobody any more. A lease that lives runs out, and calls are still resolved by the history."""
    (phone,), dynamodb = _phones(site, [number], pool), client("dynamodb")
    now = to_millis(datetime.now(UTC))
    retired, values = "SET retired_at = if_not_exists(retired_at, :now)", _number(":now", now)
    mine = {**values, ":site": {"S": site}, ":pool": {"S": pool}}
    is_mine = {"ConditionExpression": "site_id = :site AND #pool = :pool", "UpdateExpression": retired}
    is_there = {"ConditionExpression": "attribute_exists(pk)", "UpdateExpression": retired}
    items = [
        {"Update": _operation(table, _key(pool_key(site, pool), phone), values, None, **is_there)},
        {"Update": _operation(table, _key(f"number#{phone}", "owner"), mine, {"#pool": "pool"}, **is_mine)},
    ]
    if not _write(dynamodb, items):
        raise BadInput(f"{phone} is not in pool {pool} of {site}; its numbers: skvoz numbers list {site}")
    left = Store(dynamodb, table).number(site, phone, pool)
    lives = left is not None and is_live(left, now)
    print(f"{phone} is retired{'; the visitor who sees it keeps it until he leaves' if lives else ''}")


@app.command()
def plan(
    visitors_per_hour: Annotated[float, typer.Option(min=0, max=1_000_000, help="in the busiest hour, of pages with a number")],
    visit_minutes: Annotated[float, typer.Option(min=0, max=600, help="how long a visit lasts")] = 3,
    lease_seconds: Annotated[int, typer.Option(min=0, max=3600, help="as in the settings")] = 300,
    cool_down_seconds: Annotated[int, typer.Option(min=0, max=86_400, help="as in the settings")] = 1800,
) -> None:
    """How many numbers the pool needs, and what share of visitors would see the default number otherwise (Erlang B)."""
    hold = visit_minutes * 60 + lease_seconds + cool_down_seconds
    load = offered_load(visitors_per_hour, hold)
    print(f"{visitors_per_hour:g} visitors an hour hold a number for {hold / 60:g} minutes each: {load:.1f} at a time")
    for percent in (10, 5, 1, 0.1):
        try:
            print(f"  {numbers_for(load, percent / 100):6d} numbers: at most {percent:g} % of the visitors see the default number")
        except OverflowError as error:
            raise BadInput(f"that takes {error}; a shorter cool-down needs fewer") from error


def _check_names(site: str, pool: str) -> None:
    if wrong := [name for name in (site, pool) if not is_site_id(name)]:
        raise BadInput(f"{', '.join(wrong)}: names of sites and pools consist of a-z, 0-9 and hyphens")


def _phones(site: str, numbers: list[str], pool: str) -> list[str]:
    _check_names(site, pool)
    phones = {text: normal_phone(text) for text in numbers}
    if wrong := [
        FieldError(text, "is no phone number; best in international form: +74950000031") for text in phones if not phones[text]
    ]:
        raise BadInput("these are no numbers:", wrong)
    return list(dict.fromkeys(phone for phone in phones.values() if phone))


def _owner(dynamodb: Any, table: str, phone: str) -> dict[str, Any]:
    found: dict[str, Any] = dynamodb.get_item(TableName=table, Key=_key(f"number#{phone}", "owner"), ConsistentRead=True).get(
        "Item", {}
    )
    return found


def _refusal(store: Store, site: str, pool: str, phone: str, owner: dict[str, Any], now: int) -> str | None:
    """Why a number cannot be added: another pool has it, or had it until so lately that its last visitor may still call."""
    if not owner:
        return None
    holder = (owner["site_id"]["S"], owner["pool"]["S"])
    if holder == (site, pool):
        return None
    retire_first = f"skvoz numbers retire {holder[0]} {phone} --pool {holder[1]}"
    if "retired_at" not in owner:
        return f"belongs to pool {holder[1]} of {holder[0]}; take it out of there first: {retire_first}"
    last = store.number(holder[0], phone, holder[1])
    if last is not None and last.lease_id and (free := last.until + _LONGEST_COOL_DOWN) > now:
        return f"was shown to a visitor of {holder[0]} lately, who may still call; add it after {_text(free)} UTC"
    return None


def _add(dynamodb: Any, table: str, site: str, pool: str, phone: str, owner: dict[str, Any], now: int) -> bool:
    """One transaction; False when the owner, or the lease of the pool that had it, is not as seen any more."""
    place = {":site": {"S": site}, ":pool": {"S": pool}}
    names = {"#pool": "pool"}
    is_free, values = "attribute_not_exists(pk) OR (site_id = :site AND #pool = :pool)", dict(place)
    items: list[dict[str, Any]] = []
    if owner and (owner["site_id"], owner["pool"]) != (place[":site"], place[":pool"]):
        is_free = "site_id = :old AND #pool = :oldpool AND attribute_exists(retired_at)"
        values |= {":old": owner["site_id"], ":oldpool": owner["pool"]}
        former = _key(pool_key(owner["site_id"]["S"], owner["pool"]["S"]), phone)
        # A lease of the former pool that is over cannot come back to life: renewals need one that lives, and new ones are refused.
        is_over = "attribute_exists(retired_at) AND (attribute_not_exists(lease_id) OR #until <= :ended)"
        ended = {":ended": {"N": str(now - _LONGEST_COOL_DOWN)}}
        items.append({"ConditionCheck": _operation(table, former, ended, {"#until": "until"}, ConditionExpression=is_over)})
    owned, added = "SET site_id = :site, #pool = :pool", "SET added_at = if_not_exists(added_at, :now)"
    key, back = _key(f"number#{phone}", "owner"), " REMOVE retired_at"
    items += [
        {"Update": _operation(table, key, values, names, UpdateExpression=owned + back, ConditionExpression=is_free)},
        {"Update": _operation(table, _key(pool_key(site, pool), phone), _number(":now", now), UpdateExpression=added + back)},
    ]
    return _write(dynamodb, items)


def _operation(
    table: str, key: dict[str, Any], values: dict[str, Any], names: dict[str, str] | None = None, **told: str
) -> dict[str, Any]:
    aliases = {"ExpressionAttributeNames": names} if names else {}
    return {"TableName": table, "Key": key, "ExpressionAttributeValues": values, **aliases, **told}


def _number(name: str, value: int) -> dict[str, Any]:
    return {name: {"N": str(value)}}


def _write(dynamodb: Any, items: list[dict[str, Any]]) -> bool:
    try:
        dynamodb.transact_write_items(TransactItems=items)
    except dynamodb.exceptions.TransactionCanceledException as error:
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())} - {None, "None"}
        if reasons <= {"ConditionalCheckFailed", "TransactionConflict"}:
            return False
        raise
    return True


def _rules(site: str, bucket: str) -> Rules:
    if not bucket:
        return Rules()
    raw = object_reader(client("s3"), bucket)(current_key(site))
    if raw is None:
        raise BadInput(f"site {site} has no settings in {bucket}; publish them with: skvoz sites apply FILE")
    return rules_of(json.loads(raw))


def _row(number: Number, now: int, rules: Rules) -> list[str]:
    what: str = phase(number, now, rules)
    if number.is_retired:
        what = "retired" if what == "free" else f"retired, {what}"
    if not number.lease_id:
        return [number.number, what, "never", "", ""]
    return [number.number, what, _text(number.leased_at), _text(number.until), _text(free_at(number, rules))]


def _text(millis: int) -> str:
    return f"{from_millis(millis):%Y-%m-%d %H:%M:%S}"


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
