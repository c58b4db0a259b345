"""Items of Bitrix24 as its API tells them → texts, ids and clients. Pure.

Two spellings of one thing are read: `stageId` (crm.item.*) and `STAGE_ID` (crm.deal.get), `ufCrm_1790900000117` and
`UF_CRM_1790900000117`. Empty is `null`, "", false, an empty list, and 0 where an id stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from functions.crm_webhook.outcome import Person
from shared.identity import normal_email, normal_phone
from shared.times import parse_instant

LEAD, DEAL, CONTACT, COMPANY = 1, 2, 3, 4
LEAD_PIPELINE = "lead"
_DROPPED = re.compile(r"(?<!\d)_|_(?!\d)")  # an underscore between digits is kept: UF_CRM_1_12 is not UF_CRM_11_2
_USER_FIELD = re.compile(r"UFCRM[0-9]*(?P<name>[A-Z].*)")
_MONEY = re.compile(r"(?P<sum>-?[0-9.]+)\|(?P<currency>[A-Z]{3})")  # the text of a field of the type money
# What crm.deal.get and crm.lead.get call otherwise.
_OTHERWISE = {
    "DATECREATE": "CREATEDTIME",
    "DATEMODIFY": "UPDATEDTIME",
    "CREATEDBYID": "CREATEDBY",
    "STATUSID": "STAGEID",
    "STATUSSEMANTICID": "STAGESEMANTICID",
}


class Item:
    """One item of any kind; names in either spelling."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._values = {_normal(name): value for name, value in raw.items()}
        for other, name in _OTHERWISE.items():
            if other in self._values:
                self._values.setdefault(name, self._values[other])
        self._own: dict[str, Any] = {}
        for name, value in self._values.items():
            if found := _USER_FIELD.fullmatch(name):
                self._own.setdefault(found["name"], value)

    def value(self, name: str) -> Any:
        """As told; None where it is not, or empty."""
        value = self._values.get(_normal(name))
        return None if value is False or value == "" or value == [] else value

    def id(self, name: str) -> str | None:
        """An id; None where it is not told, or 0."""
        value = self.value(name)
        text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        return text if text.strip("0") else None

    def moment(self, name: str) -> datetime | None:
        """A time; None where it is not told, or is none."""
        try:
            return parse_instant(self.value(name))
        except ValueError:
            return None

    def text(self, name: str) -> str | None:
        """A field's text by its code, a user field's also by the name that people gave it (`skvoz_request_id` for
        UF_CRM_SKVOZ_REQUEST_ID). Lists are joined by commas."""
        key = _normal(name)
        value = self._values[key] if key in self._values else self._own.get(key)
        money = _MONEY.fullmatch(value) if isinstance(value, str) else None
        if money and money["currency"] == self.value("currencyId"):
            return money["sum"]
        return _text(value)

    def is_empty(self, name: str) -> bool:
        """The item has that field, with nothing in it. Lists show every field of an item."""
        key = _normal(name)
        return self._values.get(key, self._own.get(key, key)) in (None, "", [], False)

    def numbered(self, kind: str) -> tuple[str, ...]:
        """Its own phones (`PHONE`) or e-mails (`EMAIL`), in the order of the CRM, each once."""
        many = self.value("fm")
        told = [one.get("value") for one in many if one.get("typeId") == kind] if _is_list_of_dicts(many) else []
        several = self.value(kind)
        told += [one.get("VALUE") for one in several] if _is_list_of_dicts(several) else [several]
        return tuple(dict.fromkeys(one.strip() for one in told if isinstance(one, str) and one.strip()))

    @property
    def person(self) -> Person:
        """A lead, a contact or a company in plain, for the vault."""
        parts = [_text(self.value(part)) or "" for part in ("name", "secondName", "lastName")]
        name = " ".join(part for part in parts if part) or (_text(self.value("title")) or "")
        return Person(name, self.numbered("PHONE"), self.numbered("EMAIL"))


class Client(NamedTuple):
    """Whose an item is: his id, the first usable phone and e-mail, the latest change of item and client; all phones of both."""

    contact_id: str | None
    phone: str | None
    email: str | None
    changed_at: datetime | None
    phones: tuple[str, ...] = ()


Known = Mapping[int, Mapping[str, Item]]  # CONTACT and COMPANY → id → item


def deal_id_of(kind: int, number: str) -> str:
    """Deals have bare ids; leads and smart processes count for themselves."""
    return {DEAL: number, LEAD: f"lead:{number}"}.get(kind, f"T{kind}:{number}")


def pipeline_of(kind: int, category: Any) -> str | None:
    """A deal's funnel is a number, 0 the first one; a process's funnels are numbered apart from those of deals."""
    if kind == LEAD:
        return LEAD_PIPELINE
    number = _text(category)
    if kind == DEAL:
        return number
    return f"T{kind}" if number in (None, "0") else f"T{kind}:{number}"


def client_of(item: Item, known: Known) -> Client:
    """A lead's own phones come first, then those of the item's first contact; a company stands for a client without a contact."""
    contact_id, company_id = item.id("contactId"), item.id("companyId")
    if contact_id:
        told_id, client = contact_id, known.get(CONTACT, {}).get(contact_id)
    else:
        told_id = f"company:{company_id}" if company_id else ""
        client = known.get(COMPANY, {}).get(company_id) if company_id else None
    phones, emails, changed_at = item.numbered("PHONE"), item.numbered("EMAIL"), item.moment("updatedTime")
    if client is not None:
        phones, emails = phones + client.numbered("PHONE"), emails + client.numbered("EMAIL")
        changed_at = max((at for at in (changed_at, client.moment("updatedTime")) if at), default=None)
    phone = next((one for one in phones if normal_phone(one)), None)
    email = next((one for one in emails if normal_email(one)), None)
    return Client(told_id or None, phone, email, changed_at, phones)


def sum_text(value: Any) -> Any:
    """Sums come as JSON numbers, of which PHP may write the machine's last digit (186400.30000000001)."""
    if isinstance(value, float) and abs(value - round(value, 2)) < 1e-6:
        return f"{value:.2f}"
    return value


@lru_cache(maxsize=4096)
def _normal(name: str) -> str:
    """A page of items tells the same hundred names fifty times."""
    return _DROPPED.sub("", name).upper()


def _is_list_of_dicts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _text(value: Any) -> str | None:
    """Text of a plain value, of a list those of its parts; None for what is empty or has no text (a file, say)."""
    if isinstance(value, bool):
        return "Y" if value else None
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    if isinstance(value, (str, int)):
        return str(value).replace("\x00", "").strip() or None
    if isinstance(value, list):
        return ", ".join(text for one in value if not isinstance(one, list) and (text := _text(one))) or None
    return None
