"""Ended calls → UIS, CoMagic, Novofon, CallGear: method `upload.calls` of their Data API (JSON-RPC 2.0; names and limits by the
vendor's documentation). Phones come out of the vault at the moment they are sent.

Our id of a call (`ext_id`) is the same for ever, and UIS ignores one that it has, so that a batch whose answer got lost is simply
sent again. `{site}/crm-uis-api` is the access token; `{site}/crm-uis-callback`, where it is set, the address that hears what became
of a call: our own door for UIS, `…/uploaded`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.api.line import CrmClosed, CrmRefused, Limits, Line
from shared.call_uploads import PROVIDER, EndedCall, upload_of
from shared.log import count, logger
from shared.vault import Vault

METHOD = "upload.calls"
EVENTS = ("processed", "error")  # that we want to hear of
LIMITS = Limits(1)  # a second; of the points a day and a minute, 5 a request, UIS tells us when they are used up
_LIMIT_CODE, _LIMIT = -32029, "limit_exceeded"
_BAD_CALLS = frozenset({-32602, -32600})  # JSON-RPC: what was sent is wrong; all else is the account's and waits for somebody


def upload(site: Mapping[str, Any], calls: Sequence[EndedCall], tools: Tools, vault: Vault) -> None:
    """Send the calls of one site, at most MOST_CALLS. Those whose phone the vault has no more are counted and left out. TryLater
    where UIS may take them later; CrmRefused where it will not take several together: each is to be sent alone. One that it refuses
    alone is counted and logged."""
    own, site_id = upload_of(site), str(site.get("site_id", ""))
    if not own:
        count({"PassedOver": len(calls)}, Door="crm-tasks", Reason="not_set_up")
        return
    zone = ZoneInfo(str(site["calls"][PROVIDER].get("time_zone") or site["time_zone"]))
    callback = _callback(tools, site_id)
    told = [_told(call, phone, zone) | callback for call in calls if (phone := _phone(site_id, call, vault)) is not None]
    if lost := len(calls) - len(told):
        count({"CallNotUploaded": lost}, Reason="no_contact")
    if not told:
        return
    try:
        _sent(Line(tools.http, tools.pace, site_id, PROVIDER, str(own["url"]), LIMITS, lambda _: {}), told, tools, site_id)
    except CrmRefused as refused:
        if len(calls) > 1:
            raise
        count({"CallNotUploaded": 1}, Reason="refused")
        why = {"site_id": site_id, "ext_id": calls[0].ext_id, "status": refused.status, "why": refused.told}
        logger().error("UIS refused a call", extra=why)
    else:
        count({"CallUploaded": len(told)})


def _sent(line: Line, told: Sequence[Mapping[str, Any]], tools: Tools, site_id: str) -> None:
    tokens = tools.secrets.get(f"{site_id}/crm-uis-api", tools.clock())
    if not tokens:
        raise CrmClosed(f"the access token of UIS's Data API is not set: secret {site_id}/crm-uis-api (docs/telephony.md)")
    parameters = {"access_token": tokens[0], "calls": told}
    answer = line.send("", {"jsonrpc": "2.0", "id": told[0]["ext_id"], "method": METHOD, "params": parameters})
    if not isinstance(answer, dict) or not ("error" in answer or "result" in answer):
        raise CrmBusy("UIS's answer says neither result nor error")
    error = answer.get("error")
    if error is None:
        return
    code, mnemonic = _mistake(error)
    if code == _LIMIT_CODE or mnemonic == _LIMIT:
        raise line.busy("UIS's points of this minute or day are used up")
    if code in _BAD_CALLS:
        raise CrmRefused(200, mnemonic)
    raise CrmClosed(f"UIS does not let us upload calls: {mnemonic or code} (docs/telephony.md)")


def _mistake(error: Any) -> tuple[int | None, str]:
    """Code and mnemonic of an error; numbers may come as texts, and only names are told on."""
    told = error if isinstance(error, dict) else {}
    data = told.get("data")
    mnemonic = str(data.get("mnemonic") or "") if isinstance(data, dict) else ""
    code = str(told.get("code", ""))
    is_name = mnemonic.isascii() and mnemonic.replace("_", "").isalnum()
    return int(code) if code.lstrip("-").isdigit() else None, mnemonic[:100] if is_name else ""


def _phone(site_id: str, call: EndedCall, vault: Vault) -> str | None:
    """Digits alone; "" for a hidden caller, None where the vault has nobody."""
    if not call.phone_hash:
        return "" if call.is_incoming else None
    known = vault.get(site_id, "phone", call.phone_hash)
    return known["plain"].removeprefix("+") if known else None


def _told(call: EndedCall, phone: str, zone: ZoneInfo) -> dict[str, Any]:
    number = call.number.removeprefix("+")
    calling, called = (phone, number) if call.is_incoming else (number, phone)
    finished = call.started_at + timedelta(seconds=call.wait_seconds + call.talk_seconds)
    return {
        "ext_id": call.ext_id,
        "direction": "in" if call.is_incoming else "out",
        "calling_phone_number": calling,
        "called_phone_number": called,
        "start_time": f"{call.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        "finish_time": f"{finished.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        "is_lost": not call.is_answered,
        "wait_duration": call.wait_seconds,
        "talk_duration": call.talk_seconds,
    }


def _callback(tools: Tools, site_id: str) -> dict[str, Any]:
    addresses = tools.secrets.get(f"{site_id}/crm-uis-callback", tools.clock())
    return {"callback": {"url": addresses[0], "events": list(EVENTS)}} if addresses else {}
