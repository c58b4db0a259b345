"""`skvoz crm try`: what an adapter makes of a captured body, before a webhook is switched on. Nothing is stored, nobody asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from functions.crm_webhook.adapters import adapter_of, api_settings
from functions.crm_webhook.door import MOST_BYTES
from functions.crm_webhook.mapped.tree import TooMuchWork, Tree, Unreadable
from functions.crm_webhook.outcome import Arrival, Outcome
from functions.crm_webhook.proofs import Sent
from functions.crm_webhook.providers import BUILT_IN, Provider, provider_of
from infra.cli.crm.place import quiet
from infra.cli.files import read_settings
from shared.errors import BadInput, Unauthorized
from shared.http import Request
from shared.secrets import Secrets
from shared.settings import published
from shared.times import from_millis, parse_instant

KEY = b"skvoz crm try"  # hashes are shown as hashes, not as those of an installation
_WIDE = 120
_HIDDEN = ("record_id", "site_id", "received_at")


class Captured(NamedTuple):
    """A file of headers: the request line, where there is one, and the headers by lower-case name."""

    method: str
    target: str
    headers: Mapping[str, str]


def try_out(
    file: Annotated[Path, typer.Argument(help="the body as the CRM posted it, byte by byte")],
    settings: Annotated[Path, typer.Option(help="settings file of the site")],
    provider: Annotated[str, typer.Option(help="amocrm, bitrix24, …, or a name of crm.mapped; default: the only one set")] = "",
    headers: Annotated[Path | None, typer.Option(help="the headers as they came, a line each, to check who sent it")] = None,
    secret: Annotated[str, typer.Option(envvar="SKVOZ_CRM_SECRET", help="with --headers: the secret that proves the sender")] = "",
    now: Annotated[str, typer.Option(help="when it came, for example 2026-11-01T09:00:00+03:00; default: now")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables")] = False,
) -> None:
    """Show what a captured body of a CRM becomes: records, what is rejected and why, what is passed over, what would be read."""
    site = published(read_settings(settings))
    known = _provider(site["crm"], provider)
    body = _bytes_of(file)
    if len(body) > MOST_BYTES:
        raise BadInput(f"{file}: the door refuses bodies over {MOST_BYTES // 1024} KB; this one has {len(body):,} bytes")
    at, captured = _instant(now), _captured(headers) if headers else None
    proof = _proof(known, site, body, captured, secret, at) if captured else "not checked: no --headers"
    if known.check is not None:
        known.check(body)
    arrival = Arrival(site["site_id"], (captured.headers.get("webhook-id") if captured else "") or "try", at, KEY)
    outcome = adapter_of(known.name)(body, arrival, site, known.name)
    unfound = _unfound(site["crm"]["mapped"].get(known.name), body)
    told = _told(known, outcome, proof, unfound, is_read=api_settings(site, known.name) is not None)
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _show(told)
    if outcome.rejected:
        raise typer.Exit(1)


def _provider(crm: Mapping[str, Any], name: str) -> Provider:
    opened = [*(one for one in BUILT_IN if one != "generic" and crm.get(one) is not None), *crm["mapped"]]
    if not name and len(opened) == 1:
        name = opened[0]
    if not name:
        raise BadInput(f"say whose body it is: --provider {' or '.join([*opened, 'generic'])}")
    found = provider_of(name, crm)
    if found is None or found.settings(crm) is None:
        raise BadInput(f"crm.{name} is not in the settings; they have: {', '.join([*opened, 'generic'])}")
    return found


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error}") from error


def _captured(file: Path) -> Captured:
    lines = _bytes_of(file).decode("utf-8", "replace").splitlines()
    method, target = "POST", ""
    if lines and lines[0].endswith(("HTTP/1.1", "HTTP/1.0", "HTTP/2")):
        method, target, *_ = [*lines.pop(0).split(" "), ""]
    pairs = (line.partition(":") for line in lines if ":" in line and not line.startswith("#"))
    return Captured(method, target, {name.strip().lower(): value.strip() for name, _, value in pairs})


def _proof(known: Provider, site: Mapping[str, Any], body: bytes, captured: Captured, secret: str, now: datetime) -> str:
    """Whether the door would take it. A signature is looked at as of its own time: captured bodies are old."""
    headers = captured.headers
    path, _, query = captured.target.partition("?")
    if (stamp := headers.get("webhook-timestamp", "")).isdecimal():
        now = from_millis(int(stamp) * 1000)
    elif (stamp := headers.get("x-hubspot-request-timestamp", "")).isdecimal():
        now = from_millis(int(stamp))
    parts = dict(zip(("provider", "site", "token"), [*path.strip("/").split("/")[2:5], "", "", ""], strict=False))
    request = Request("", parts, {}, headers, {}, body, "", now, "try", raw_query=query)
    secrets, name = Secrets(lambda name: secret), f"{site['site_id']}/{known.door}"
    try:
        with quiet():
            known.prove(Sent(request, site["site_id"], known.settings(site["crm"]) or {}, secrets, name, known.door))
    except Unauthorized as error:
        return f"refused: {error.message}"
    return "proved" if secret else "taken, as far as can be said without --secret"


def _unfound(mapped: Mapping[str, Any] | None, body: bytes) -> list[str]:
    """Fields of a map whose paths lead to nothing in any deal of this body."""
    if mapped is None:
        return []
    try:
        return _leading_nowhere(mapped, Tree(body, mapped["body"], mapped["encoding"]))
    except (Unreadable, TooMuchWork):
        return []


def _leading_nowhere(mapped: Mapping[str, Any], tree: Tree) -> list[str]:
    items = tree.members(mapped["items"], tree.root)
    members = {"": items}
    if lists := mapped["map"].get("payments"):
        paths = [lists] if isinstance(lists, str) else lists
        members["payment."] = [one for item in items for path in paths for one in tree.members(path, item)]
    found = {
        name
        for name, paths in mapped["map"].items()
        if any(tree.first(paths, item) for item in members.get(name[: name.find(".") + 1], items))
    }
    return [name for name in mapped["map"] if name not in found]


def _told(known: Provider, outcome: Outcome, proof: str, unfound: list[str], *, is_read: bool) -> dict[str, Any]:
    people = outcome.people
    return {
        "provider": known.name,
        "sender": proof,
        "records": [{"kind": kind.name, **json.loads(line)} for kind, line in outcome.records],
        "rejected": [{"reason": one.reason, "message": one.message} for one in outcome.rejected],
        "passed_over": dict(outcome.passed_over),
        "would_be_read": [f"{one.entity} {one.id}" for one in dict.fromkeys(outcome.to_read)],
        "is_api_set": is_read,
        "contacts": {"phones": sum(len(p.phones) for p in people), "emails": sum(len(p.emails) for p in people)},
        "paths_to_nothing": unfound,
    }


def _show(told: Mapping[str, Any]) -> None:
    console = Console(width=_WIDE, highlight=False)
    print(f"{told['provider']}: sender {told['sender']}")
    for number, record in enumerate(told["records"], 1):
        shown = Table("field", "value", title=f"record {number}: {record['kind']}", title_justify="left")
        for name, value in record.items():
            if name not in (*_HIDDEN, "kind"):
                shown.add_row(name, str(value))
        console.print(shown)
    for one in told["rejected"]:
        print(f"rejected, {one['reason']}: {one['message']}")
    for reason, times in told["passed_over"].items():
        print(f"passed over, {reason}: {times}")
    if told["would_be_read"]:
        hint = "" if told["is_api_set"] else " (but the settings have no api: nothing is read)"
        print(f"would be read through the API{hint}: {', '.join(told['would_be_read'])}")
    if told["paths_to_nothing"]:
        print(f"paths of the map that lead to nothing here: {', '.join(told['paths_to_nothing'])}")
    if not told["records"] and not told["would_be_read"]:
        print("nothing would be stored")


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text) if text else datetime.now(UTC)
    except ValueError as error:
        raise BadInput(f"--now: {error}") from error
