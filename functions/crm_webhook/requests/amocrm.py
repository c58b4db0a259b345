"""New requests → leads of amoCRM (API v4): with the contact that is known by phone or e-mail, else with a new one in the same call.

The request's id stands in the field of the settings (`crm.amocrm.fields.request_id`); an account that has no such field gets it at
the end of the lead's name, so that it can be found in either case. Tracking fields (UTM_SOURCE, YCLID, …) are filled where the
account has them. Fields that amoCRM does not take are left out, counted and logged: a lead without a field is better than none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from functions.crm_webhook.amocrm.v4.line import embedded, has_next, line_of
from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.api.line import CrmClosed, CrmRefused, Line
from functions.crm_webhook.requests.making import errors_of, fields_refused
from functions.crm_webhook.requests.plain import shown
from functions.crm_webhook.requests.request import NewRequest
from functions.crm_webhook.requests.sent import Sent
from functions.crm_webhook.requests.way import contact_text, id_of_name, is_same_note, title_of
from shared.identity import normal_email, normal_phone
from shared.new_requests import MARKS, PATH

PROVIDER = "amocrm"
FIELDS_KEPT = timedelta(minutes=10)
MOST_FOUND = 50
MOST_NOTES = 250  # of a lead that is a few days old
_PAGES = 10  # of fields, 250 each
_ROUNDS = 3  # of leaving out what amoCRM does not take
# Tracking fields that every account may have, by their codes.
_TRACKED = {**{name.upper(): name for name in MARKS}, "UTM_REFERRER": "last_source", "REFERRER": "landing"}
_CLICKS = frozenset({"yclid", "gclid", "fbclid"})
_OPTIONAL = ("responsible_user_id", "status_id", "pipeline_id")

# Fields of an account: (id, code, name).
Field = tuple[int, str, str]


class AmoFields:
    """Fields of leads of each account, kept in the process for ten minutes."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[datetime, list[Field]]] = {}

    def of(self, site_id: str, line: Line) -> list[Field]:
        """As amoCRM tells them."""
        now = self._clock()
        kept = self._kept.get(site_id)
        if kept is None or not timedelta(0) <= now - kept[0] < FIELDS_KEPT:
            kept = self._kept[site_id] = (now, _fields(line))
        return kept[1]

    def forget(self, site_id: str) -> None:
        """Somebody changed them."""
        self._kept.pop(site_id, None)


class AmoMaker:
    """`line` speaks to the site's account."""

    provider = PROVIDER

    def __init__(self, site: Mapping[str, Any], line: Line, fields: AmoFields) -> None:
        self._site, self._line, self._fields = site, line, fields
        self._amo: Mapping[str, Any] = site["crm"][PROVIDER]
        self._told: Mapping[str, Any] = site["crm"]["new_requests"]

    def made_before(self, request: NewRequest) -> list[str]:
        """amoCRM's search looks into names and fields; what it finds is compared: a house number may be a request's id as well."""
        answer = _asked(self._line, "/api/v4/leads", {"query": request.request_id, "limit": MOST_FOUND})
        place = (self._amo.get("fields") or {}).get("request_id")
        field = _find(self._fields.of(request.site_id, self._line), str(place)) if place else None
        return _oldest(lead for lead in embedded(answer, "leads") if _has(lead, request.request_id, field))

    def contact_of(self, request: NewRequest, sent: Sent) -> str | None:
        """The oldest contact with the phone, else with the e-mail; None: the lead brings a new one."""
        phone = _found_by(self._line, "PHONE", request.phone, request.phone[-10:], normal_phone) if request.phone else None
        return phone or (_found_by(self._line, "EMAIL", request.email, request.email, normal_email) if request.email else None)

    def make(self, request: NewRequest, contact: str | None, values: Mapping[str, str]) -> str:
        """The lead's id. Of an account that joins duplicates it may be the id of an older lead."""
        lead, names = self._lead(request, values)
        embeds = {"id": int(contact)} if contact else self._contact(request)
        lead["_embedded"] = {"contacts": [embeds]}
        path = "/api/v4/leads" if contact else "/api/v4/leads/complex"
        for _ in range(_ROUNDS):
            try:
                return _made_id(self._line.send(path, [lead]))
            except CrmRefused as refused:
                left_out = _leave_out(lead, names, refused.told)
                if not left_out:
                    raise
                self._fields.forget(request.site_id)
                fields_refused(PROVIDER, request.site_id, left_out)
        return _made_id(self._line.send(path, [lead]))

    def extras(self, request: NewRequest, sent: Sent, values: Mapping[str, str]) -> Mapping[str, tuple[Callable[[], None], bool]]:
        """The client's way as a note."""

        return {"note": (lambda: self._note(sent.deal, values[PATH], may_be_there=sent.is_again), True)}

    def other_contact(self, request: NewRequest, sent: Sent) -> None:
        """As a note: whose phone was the wrong one, people know better."""
        self._note(sent.deal, contact_text(request, self._site), may_be_there=sent.is_again)

    def note(self, deal: str, text: str) -> None:
        """Unless the lead has it."""
        self._note(deal, text, may_be_there=True)

    def _note(self, deal: str, text: str, *, may_be_there: bool) -> None:
        path = f"/api/v4/leads/{deal}/notes"
        if may_be_there:
            # Of a lead that was deleted meanwhile there are none; writing one is refused, and that ends it.
            told = _asked(self._line, path, {"limit": MOST_NOTES}, may_be_missing=True)
            if any(_is_note(one, text) for one in embedded(told, "notes")):
                return
        self._line.send(path, [{"note_type": "common", "params": {"text": text}}])

    def _lead(self, request: NewRequest, values: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        """The lead's body, and which field of the settings each of its fields is."""
        known = self._fields.of(request.site_id, self._line)
        wanted = self._wanted(values)
        filled: dict[int, tuple[str, str]] = {}
        missing = []
        for name, (place, text) in wanted.items():
            field = _find(known, place)
            if field is None:
                missing.append(name)
            else:
                filled.setdefault(field, (place, text))
        for code, text in _tracked(values).items():
            field = next((number for number, own, _ in known if own.upper() == code), None)
            if field is not None:
                filled.setdefault(field, (code, text))
        title = title_of(request, self._site)
        if "request_id" in missing or "request_id" not in wanted:
            title = f"{title} ({shown(request.request_id)})"
        if missing:
            fields_refused(PROVIDER, request.site_id, [f"{wanted[name][0]} (there is no such field)" for name in missing])
        lead: dict[str, Any] = {"name": title, "created_by": 0}  # 0: made by a robot, by nobody's hand
        for name, setting, names in (
            ("pipeline_id", "pipeline", "pipelines"),
            ("status_id", "stage", "stages"),
            ("responsible_user_id", "manager", "managers"),
        ):
            number = id_of_name(self._told.get(setting), self._amo.get(names) or {})
            if number.isdigit():
                lead[name] = int(number)
            elif number:  # settings published before they were checked
                fields_refused(PROVIDER, request.site_id, [f"new_requests.{setting}"])
        if filled:
            lead["custom_fields_values"] = [
                {"field_id": number, "values": [{"value": text}]} for number, (_, text) in filled.items()
            ]
        return lead, [place for place, _ in filled.values()]

    def _wanted(self, values: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """What stands in which field by the settings: our name → (field, text)."""
        own = self._amo.get("fields") or {}
        places = {name: own.get(name) for name in ("request_id", "visitor_id")} | dict(self._told.get("fields") or {})
        return {name: (str(place), values[name]) for name, place in places.items() if place and values.get(name)}

    def _contact(self, request: NewRequest) -> dict[str, Any]:
        told = [("PHONE", request.phone), ("EMAIL", request.email)]
        fields = [{"field_code": code, "values": [{"value": text, "enum_code": "WORK"}]} for code, text in told if text]
        return {"name": request.name or request.phone or request.email, "custom_fields_values": fields}


def maker(site: Mapping[str, Any], tools: Tools, fields: AmoFields) -> AmoMaker:
    """The site's amoCRM."""
    return AmoMaker(site, line_of(site, tools), fields)


def _asked(line: Line, path: str, query: Mapping[str, Any], *, may_be_missing: bool = False) -> Any:
    """The answer to a question. What cannot be asked is not known, and nothing may be made twice: it waits for a person."""
    try:
        return line.get(path, query, may_be_missing=may_be_missing)
    except CrmRefused as refused:
        raise CrmClosed(f"amoCRM does not answer {path}: status {refused.status} (docs/crm.md)") from refused


def _fields(line: Line) -> list[Field]:
    found: list[Field] = []
    for page in range(1, _PAGES + 1):
        answer = _asked(line, "/api/v4/leads/custom_fields", {"limit": 250, "page": page})
        for one in embedded(answer, "custom_fields"):
            found.append((int(one["id"]), str(one.get("code") or ""), str(one.get("name") or "")))
        if not has_next(answer):
            break
    return found


def _find(known: Iterable[Field], wanted: str) -> int | None:
    """The field with that code, else with that id, else with that name, in any case: as they are read (amocrm/items.py)."""
    key = wanted.casefold()
    fields = list(known)
    for place in (1, 0, 2):
        for field in fields:
            if str(field[place]).casefold() == key:
                return field[0]
    return None


def _tracked(values: Mapping[str, str]) -> dict[str, str]:
    told = {code: values[name] for code, name in _TRACKED.items() if values.get(name)}
    name = values.get("click_id_name", "")
    if name in _CLICKS and values.get("click_id"):
        told[name.upper()] = values["click_id"]
    return told


def _found_by(line: Line, code: str, wanted: str, query: str, normal: Callable[[str], str | None]) -> str | None:
    answer = _asked(line, "/api/v4/contacts", {"query": query, "limit": MOST_FOUND})
    found = [one for one in embedded(answer, "contacts") if wanted in map(normal, _coded(one, code))]
    return next(iter(_oldest(found)), None)


def _coded(entity: Mapping[str, Any], code: str) -> list[str]:
    return [text for field in _custom(entity) if field.get("field_code") == code for text in _texts(field)]


def _has(lead: Mapping[str, Any], request_id: str, field: int | None) -> bool:
    """The request's id is the whole value of its field, or ends the name."""
    own = (one for one in _custom(lead) if field is not None and str(one.get("field_id")) == str(field))
    in_field = any(text == request_id for one in own for text in _texts(one))
    return in_field or str(lead.get("name") or "").endswith(f"({shown(request_id)})")


def _custom(entity: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    fields = entity.get("custom_fields_values")
    return [one for one in fields if isinstance(one, dict)] if isinstance(fields, list) else []


def _texts(field: Mapping[str, Any]) -> list[str]:
    values = field.get("values")
    return [str(one.get("value")) for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _oldest(found: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(number) for number in sorted(int(one["id"]) for one in found if not one.get("is_deleted"))]


def _is_note(note: Mapping[str, Any], text: str) -> bool:
    params = note.get("params")
    return isinstance(params, dict) and is_same_note(str(params.get("text", "")), text)


def _made_id(answer: Any) -> str:
    """Of /leads/complex a list, of /leads `_embedded`. Without an id nothing is known: the CRM is asked the next time."""
    leads = answer if isinstance(answer, list) else embedded(answer, "leads")
    if not leads or not isinstance(leads[0], dict) or not leads[0].get("id"):
        raise CrmBusy("amoCRM's answer names no lead")
    return str(leads[0]["id"])


def _leave_out(lead: dict[str, Any], names: list[str], told: Any) -> list[str]:
    """Take out of the lead what amoCRM complains of; names of what went. Empty where nothing can."""
    gone: list[str] = []
    drop: dict[str, set[int]] = {"lead": set(), "contact": set()}
    for error in errors_of(told):
        parts = str(error.get("path", "")).split(".")
        if parts[0].isdigit():
            parts = parts[1:]
        if parts[0] in _OPTIONAL and parts[0] in lead:
            gone.append(parts[0])
            del lead[parts[0]]
        elif parts[:1] == ["custom_fields_values"] and len(parts) > 1 and parts[1].isdigit():
            drop["lead"].add(int(parts[1]))
        elif parts[:4] == ["_embedded", "contacts", "0", "custom_fields_values"] and len(parts) > 4 and parts[4].isdigit():
            drop["contact"].add(int(parts[4]))
    fields = lead.get("custom_fields_values") or []
    taken_out = [place for place in drop["lead"] if place < len(fields)]
    for place in sorted(taken_out, reverse=True):
        gone.append(names.pop(place))
        del fields[place]
    if taken_out and not fields:
        del lead["custom_fields_values"]
    contact = lead["_embedded"]["contacts"][0].get("custom_fields_values") or []
    # A contact that cannot be reached is worth nothing: one way to reach him must stay.
    for place in sorted((one for one in drop["contact"] if one < len(contact)), reverse=True):
        if len(contact) > 1:
            gone.append(f"contact {contact[place]['field_code']}")
            del contact[place]
    return gone
