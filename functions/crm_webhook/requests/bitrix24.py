"""New requests → leads or deals of Bitrix24 (`crm.new_requests.as_lead`).

What we make has originatorId `skvoz` and originId = the request's id, which the portal finds exactly. A client is found by phone
and e-mail (crm.duplicate.findbycomm); a lead of somebody unknown carries them itself, as the portal's own forms do, a deal gets a
new contact. UTM fields are the portal's own; the visit's pages become a trace of its analytics (crm.tracking.trace.add).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.api.line import CrmClosed, CrmRefused
from functions.crm_webhook.bitrix24.calls import Calls, Command, Failed, items_in
from functions.crm_webhook.bitrix24.items import CONTACT, DEAL, LEAD
from functions.crm_webhook.bitrix24.states import OWN
from functions.crm_webhook.requests.making import fields_refused
from functions.crm_webhook.requests.request import NewRequest
from functions.crm_webhook.requests.sent import Sent
from functions.crm_webhook.requests.way import contact_text, id_of_name, title_of
from shared.new_requests import MARKS, PATH

PROVIDER = "bitrix24"
_SOURCES = {"call": "CALL", "email": "EMAIL", "form": "WEB"}
_OTHER_SOURCE = "OTHER"
_OF_LEADS = "lead:"  # how ids of leads begin
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_RIGHTS = frozenset({"ACCESS_DENIED", "INSUFFICIENT_SCOPE", "NO_AUTH_FOUND", "INVALID_CREDENTIALS", "EXPIRED_TOKEN"})


class _Place(NamedTuple):
    """A lead or a deal of the portal."""

    kind: int
    number: int

    @property
    def name(self) -> str:
        return "lead" if self.kind == LEAD else "deal"


class BitrixMaker:
    """`calls` speaks to the site's portal."""

    provider = PROVIDER

    def __init__(self, site: Mapping[str, Any], calls: Calls) -> None:
        self._site, self._calls = site, calls
        self._bitrix: Mapping[str, Any] = site["crm"][PROVIDER]
        self._told: Mapping[str, Any] = site["crm"]["new_requests"]
        self._kind = LEAD if self._told.get("as_lead", True) else DEAL

    def made_before(self, request: NewRequest) -> list[str]:
        """By its origin."""
        return self._by_origin(self._kind, request.request_id)

    def contact_of(self, request: NewRequest, sent: Sent) -> str | None:
        """The oldest contact with the phone, else with the e-mail. For a deal of somebody unknown a new one."""
        found = self._known_contact(request)
        if found or self._kind == LEAD:
            return found
        if sent.is_again and (made := self._by_origin(CONTACT, _contact_origin(request))):
            return made[0]
        return self._new_contact(request)

    def make(self, request: NewRequest, contact: str | None, values: Mapping[str, str]) -> str:
        """The lead's or deal's id."""
        needed = self._needed(request, contact)
        more = {name: value for name, value in self._more(request, values).items() if name not in needed}
        try:
            return self._added({**more, **needed})
        except CrmRefused:
            if not more:
                raise
        # The portal does not say which field it dislikes: once more with what is needed alone.
        made = self._added(needed)
        fields_refused(PROVIDER, request.site_id, sorted(more))
        return made

    def extras(self, request: NewRequest, sent: Sent, values: Mapping[str, str]) -> Mapping[str, tuple[Callable[[], None], bool]]:
        """The client's way as a comment, and the visit's pages as a trace. A trace cannot be looked for: it is tried once."""
        own = _Place(self._kind, int(sent.deal))

        def note() -> None:
            self._comment(own, values[PATH], may_be_there=sent.is_again)

        def trace() -> None:
            entities = [{"TYPE": own.name.upper(), "ID": own.number}]
            if sent.contact:
                entities.append({"TYPE": "CONTACT", "ID": int(sent.contact)})
            self._of_deal(own, "crm.tracking.trace.add", {"TRACE": trace_of(request, values), "ENTITIES": entities})

        return {"note": (note, True), **({"trace": (trace, False)} if _pages(request, values) else {})}

    def other_contact(self, request: NewRequest, sent: Sent) -> None:
        """As a comment: whose phone was the wrong one, people know better."""
        self._comment(_Place(self._kind, int(sent.deal)), contact_text(request, self._site), may_be_there=sent.is_again)

    def note(self, deal: str, text: str) -> None:
        """Unless the lead or deal has it."""
        kind = LEAD if deal.startswith(_OF_LEADS) else DEAL
        self._comment(_Place(kind, int(deal.removeprefix(_OF_LEADS))), text, may_be_there=True)

    def _comment(self, own: _Place, text: str, *, may_be_there: bool) -> None:
        """Once: its first and last line are known again."""
        place = {"ENTITY_ID": own.number, "ENTITY_TYPE": own.name}
        if may_be_there:
            newest = {"ID": "DESC"}
            told = self._of_deal(own, "crm.timeline.comment.list", {"filter": place, "select": ["ID", "COMMENT"], "order": newest})
            lines = text.splitlines()
            ends = {lines[0], lines[-1]}
            if any(all(line in str(one.get("COMMENT", "")) for line in ends) for one in told or () if isinstance(one, dict)):
                return
        self._of_deal(own, "crm.timeline.comment.add", {"fields": {**place, "COMMENT": text}})

    def _of_deal(self, own: _Place, method: str, parameters: Mapping[str, Any]) -> Any:
        """What belongs to a deal that was made. CrmRefused where it was deleted meanwhile, though the portal may call that a
        lacking right; CrmClosed where it is there, and somebody must mend the webhook's rights."""
        answer = self._calls.batch({"it": Command(method, parameters)})["it"]
        if isinstance(answer, Failed) and answer.error in _RIGHTS:
            wanted = {"entityTypeId": own.kind, "select": ["id"], "filter": {"id": own.number}}
            if not any(str(item.get("id")) == str(own.number) for item in items_in(self._told_by("crm.item.list", wanted))):
                raise CrmRefused(404, {"error": answer.error})
        return _good(answer)

    def _needed(self, request: NewRequest, contact: str | None) -> dict[str, Any]:
        origin = {"originatorId": OWN, "originId": request.request_id, "title": title_of(request, self._site)}
        whose: dict[str, Any] = {"contactId": int(contact)} if contact else {}
        if self._kind == LEAD and not contact:
            whose = {"name": request.name, "PHONE": _multi(request.phone), "EMAIL": _multi(request.email)}
            whose = {name: value for name, value in whose.items() if value}
        return {**origin, **whose}

    def _more(self, request: NewRequest, values: Mapping[str, str]) -> dict[str, Any]:
        """What the portal may refuse: stages that are no more, people who left, fields of the settings."""
        bitrix, told = self._bitrix, self._told
        own = bitrix.get("fields") or {}
        places = {name: own.get(name) for name in ("request_id", "visitor_id")} | dict(told.get("fields") or {})
        fields = {field_code(str(place)): values[name] for name, place in places.items() if place and values.get(name)}
        category = id_of_name(told.get("pipeline"), bitrix.get("pipelines") or {})
        standard = {
            "sourceId": _SOURCES.get(request.channel, _OTHER_SOURCE),
            "sourceDescription": values.get("last_source"),
            "categoryId": category if self._kind == DEAL else None,
            "stageId": id_of_name(told.get("stage"), bitrix.get("stages") or {}),
            "assignedById": id_of_name(told.get("manager"), bitrix.get("managers") or {}),
            **{f"utm{name[4:].capitalize()}": values.get(name) for name in MARKS},
        }
        return {**fields, **{name: value for name, value in standard.items() if value}}

    def _added(self, fields: Mapping[str, Any]) -> str:
        if self._kind == LEAD:
            made = self._do("crm.lead.add", {"fields": {_upper(name): value for name, value in fields.items()}})
        else:
            made = self._do("crm.item.add", {"entityTypeId": DEAL, "useOriginalUfNames": "Y", "fields": fields})
        return _id_of(made)

    def _new_contact(self, request: NewRequest) -> str:
        ways = [("PHONE", request.phone), ("EMAIL", request.email)]
        fields = {
            "name": request.name or request.phone or request.email,
            "originatorId": OWN,
            "originId": _contact_origin(request),
            "fm": [{"typeId": kind, "valueType": "WORK", "value": text} for kind, text in ways if text],
        }
        return _id_of(self._do("crm.item.add", {"entityTypeId": CONTACT, "fields": fields}))

    def _known_contact(self, request: NewRequest) -> str | None:
        ways = {"phone": ("PHONE", _spellings(request.phone)), "email": ("EMAIL", [request.email] if request.email else [])}
        asked = {
            name: Command("crm.duplicate.findbycomm", {"entity_type": "CONTACT", "type": kind, "values": texts})
            for name, (kind, texts) in ways.items()
            if texts
        }
        answers = self._calls.batch(asked)
        for name in ways:
            told = _known(answers.get(name))
            numbers = [int(one) for one in (told.get("CONTACT") or [])] if isinstance(told, dict) else []
            if numbers:
                return str(min(numbers))
        return None

    def _by_origin(self, kind: int, origin: str) -> list[str]:
        asked = {"originatorId": OWN, "originId": origin}
        wanted = {"entityTypeId": kind, "select": ["id", "originId"], "filter": asked, "order": {"id": "ASC"}}
        told = self._told_by("crm.item.list", wanted)
        return [str(item["id"]) for item in items_in(told) if item.get("originId") == origin]

    def _told_by(self, method: str, parameters: Mapping[str, Any]) -> Any:
        return _known(self._calls.batch({"it": Command(method, parameters)})["it"])

    def _do(self, method: str, parameters: Mapping[str, Any]) -> Any:
        return _good(self._calls.batch({"it": Command(method, parameters)})["it"])


def _contact_origin(request: NewRequest) -> str:
    """A contact that was made for these contacts is none for others, though the request has the same id."""
    return f"{request.request_id}:{request.whose}"


def maker(site: Mapping[str, Any], tools: Tools) -> BitrixMaker:
    """The site's portal."""
    return BitrixMaker(site, Calls(site, tools))


def trace_of(request: NewRequest, values: Mapping[str, str]) -> str:
    """The visit as crm.tracking.trace.add takes it: its pages with their times, and its source in words."""
    pages = [{"URL": url, "DATE": at} for url, at in _pages(request, values)]
    return orjson.dumps({"SOURCE_DESC": values.get("last_source", ""), "PAGES": pages}).decode()


def field_code(name: str) -> str:
    """A user field as the settings name it (`skvoz_request_id`, `UF_CRM_…`, `ufCrm_…`) → its code (`UF_CRM_SKVOZ_REQUEST_ID`)."""
    code = _CAMEL.sub("_", name).upper()
    return code if code.startswith("UF_CRM_") else f"UF_CRM_{code}"


def _pages(request: NewRequest, values: Mapping[str, str]) -> list[tuple[str, str]]:
    at = request.at.isoformat()
    told = [(values.get("landing"), values.get("first_at", at)), (values.get("page_url"), at)]
    return [(url, when) for url, when in told if url]


def _good(answer: Any) -> Any:
    """The result. What the portal refuses is CrmRefused; where it does not let us in, a person must mend that, and we wait."""
    if isinstance(answer, Failed):
        if answer.error in _RIGHTS:
            raise CrmClosed(f"Bitrix24 does not let us: {answer.error}; check the webhook's rights (docs/crm.md)")
        raise CrmRefused(400, {"error": answer.error})
    return answer


def _known(answer: Any) -> Any:
    """The result of a question. What cannot be asked is not known, and nothing may be made twice: it waits for a person."""
    if isinstance(answer, Failed):
        raise CrmClosed(f"Bitrix24 does not answer a question: {answer.error}; check the webhook's rights (docs/crm.md)")
    return answer


def _id_of(made: Any) -> str:
    """crm.lead.add answers the id, crm.item.add the item. Without one nothing is known: the portal is asked the next time."""
    item = made.get("item") if isinstance(made, dict) else None
    number = item.get("id") if isinstance(item, dict) else made
    if not str(number).isdigit():
        raise CrmBusy("Bitrix24's answer names nothing that was made")
    return str(number)


def _upper(name: str) -> str:
    """`originId` → `ORIGIN_ID`; codes stay. A lead's stage is its status there."""
    return "STATUS_ID" if name == "stageId" else _CAMEL.sub("_", name).upper() if not name.isupper() else name


def _multi(text: str) -> list[dict[str, str]]:
    return [{"VALUE": text, "VALUE_TYPE": "WORK"}] if text else []


def _spellings(phone: str) -> list[str]:
    """A phone as people and systems write it: the portal compares texts."""
    digits = phone.removeprefix("+")
    told: Iterable[str] = [phone, digits, f"8{digits[1:]}"] if digits.startswith("7") and len(digits) == 11 else [phone, digits]
    return [one for one in told if one]
