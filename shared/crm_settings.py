"""Settings of CRMs: what proves their webhooks, where their API is, which of their fields mean what, and where requests go.

Published as plain JSON with the site's settings (shared/settings.py); secrets are in the Parameter Store and in Secrets Manager.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, field_validator, model_validator

from shared.mapped_paths import ATTRIBUTE, mistake_of, mistakes_of
from shared.new_requests import FIELDS as REQUEST_FIELDS
from shared.new_requests import PATH
from shared.setting_types import Sha256, Strict, Text, time_zones

Digits = Annotated[str, BeforeValidator(str), StringConstraints(pattern=r"^[0-9]{1,19}$")]
# A name or an id of the CRM; YAML reads a bare id as a number.
CrmName = Annotated[Text, BeforeValidator(lambda told: str(told) if type(told) is int else told)]
Address = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^https://[\w.-]+(:[0-9]{1,5})?(/[!$-~]*)?$")
]
ATTRIBUTE_NAME = r"[a-z][a-z0-9_]{0,39}"
_ATTRIBUTE_NAME = "an attribute is called by a-z, 0-9 and _, at most 40 of them, a letter first"
MOST_ATTRIBUTES = 10
Attribute = Annotated[str, StringConstraints(pattern=f"^{ATTRIBUTE_NAME}$")]
# A value as a body tells it; YAML reads bare ones as numbers and booleans.
Told = Annotated[Text, BeforeValidator(lambda told: str(told).lower() if isinstance(told, bool | int) else told)]
Path = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
DOOR_NAME = re.compile(r"[a-z][a-z0-9_]{1,19}")
Door = Annotated[str, StringConstraints(pattern=f"^{DOOR_NAME.pattern}$")]
# CRMs that have a door of their own, and what else is called crm-… in rejects, secrets and metrics: no mapped body may be.
CRMS = ("generic", "amocrm", "bitrix24", "hubspot", "pipedrive")
BUILT_IN = (*CRMS, "requests", "tasks", "outgoing")
_API_PATH = re.compile(r"(/api)?/v[0-9]+$|/api$")
_ITSELF = re.compile(r"http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/[!$-~]*)?")  # doubles of CRMs on the same machine


def _api_address(told: object) -> object:
    """https, or plain http to this machine alone; without the slash at the end."""
    if not isinstance(told, str):
        return told
    text = told.strip().rstrip("/")
    if not _ITSELF.fullmatch(text) and not (text.isascii() and re.fullmatch(r"https://[\w.-]+(:[0-9]{1,5})?(/[!$-~]*)?", text)):
        raise ValueError("an https address in ASCII, for example https://shop.amocrm.ru")
    if urlsplit(text).port == 0:
        raise ValueError("there is no port 0")
    return text


ApiAddress = Annotated[str, BeforeValidator(_api_address)]


class CrmFields(Strict):
    """Codes, ids or names of the CRM's fields that carry what it has no standard field for. None: nobody tells it."""

    request_id: CrmName | None = "skvoz_request_id"
    visitor_id: CrmName | None = "skvoz_visitor_id"
    call_id: CrmName | None = "skvoz_call_id"
    order_id: CrmName | None = None
    cost_price: CrmName | None = None
    loss_reason: CrmName | None = None
    branch: CrmName | None = None
    product: CrmName | None = None
    source: CrmName | None = Field(default=None, description="the CRM's own field for where the client came from")
    communications: CrmName | None = Field(default=None, description="how many calls, letters and meetings the deal took")
    receivable: CrmName | None = Field(default=None, description="invoiced and not paid yet")
    attributes: dict[Attribute, CrmName] = Field(default_factory=dict, max_length=MOST_ATTRIBUTES, description="our name → field")


class CrmNames(Strict):
    """Names of the CRM's ids, for reports: CRMs tell ids."""

    loss_reasons: dict[CrmName, Text] = Field(default_factory=dict)
    managers: dict[CrmName, Text] = Field(default_factory=dict)
    stages: dict[CrmName, Text] = Field(default_factory=dict)
    pipelines: dict[CrmName, Text] = Field(default_factory=dict)
    sources: dict[CrmName, Text] = Field(default_factory=dict, description="ids of the CRM's own source field")


class CrmApi(Strict):
    """The CRM's API: what events only point at is read through it, and what events missed is found."""

    url: ApiAddress
    per_second: float | None = Field(default=None, ge=0.1, le=50, description="calls a second; default: what the CRM allows")
    at_once: int | None = Field(default=None, ge=1, le=500, description="calls that may follow each other at once")
    reconcile: bool = Field(default=True, description="ask regularly for deals that changed")


def _account_alone(api: CrmApi | None) -> CrmApi | None:
    """Readers add the API's path themselves: of an address that has it already they would read nothing."""
    if api is not None and (found := _API_PATH.search(api.url)):
        raise ValueError(f"api.url: is the account's address alone; write {api.url[: found.start()]} without {found[0]}")
    return api


AccountApi = Annotated[CrmApi | None, AfterValidator(_account_alone)]


class AmoCrm(CrmNames):
    """amoCRM and Kommo. Their webhooks carry no signature: the path token, and the account where it is told here, prove them."""

    account_id: Digits | None = None
    subdomain: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")] | None = None
    fields: CrmFields = CrmFields()
    customers: bool = Field(default=False, description="read customers (покупатели) too: deals of the pipeline `customers`")
    count_notes: bool = Field(default=False, description="count a lead's calls, messages and letters: its notes")
    api: AccountApi = Field(default=None, description="https://SUBDOMAIN.amocrm.ru or .kommo.com")

    @model_validator(mode="after")
    def _one_way_to_count(self) -> AmoCrm:
        if self.count_notes and self.api is None:
            raise ValueError("count_notes: notes are read through the API; set api")
        if self.count_notes and self.fields.communications is not None:
            raise ValueError("count_notes: fields.communications tells the same; leave one of them out")
        return self


class Bitrix24(CrmNames):
    """Webhooks of Bitrix24 only name what changed, so without `api` (an inbound webhook, its secret apart) nothing can be read."""

    member_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] | None = None
    domain: Annotated[str, StringConstraints(to_lower=True, pattern=r"^[a-z0-9.-]{3,255}$")] | None = None
    fields: CrmFields = CrmFields()
    leads: bool = Field(default=True, description="the portal works with leads")
    processes: list[Annotated[int, Field(ge=128)]] = Field(
        default_factory=list, max_length=10, description="entityTypeId of smart processes that hold deals"
    )
    api: CrmApi = Field(
        description="https://PORTAL.bitrix24.ru/rest/USER; the webhook's code is the secret {site}/crm-bitrix24-api"
    )


class HubSpot(CrmNames):
    """HubSpot's webhooks are signed with the app's secret ({site}/crm-hubspot) and only name what changed."""

    portal_id: Digits | None = None
    url: ApiAddress | None = Field(default=None, description="address as HubSpot has it, where a proxy stands before ours")
    fields: CrmFields = CrmFields()
    api: CrmApi = CrmApi(url="https://api.hubapi.com")


class Pipedrive(CrmNames):
    """Pipedrive's webhooks tell the whole deal; user:password, where the secret {site}/crm-pipedrive is set, prove them as well."""

    company_id: Digits | None = None
    fields: CrmFields = CrmFields()
    api: AccountApi = Field(default=None, description="https://COMPANY.pipedrive.com")


class Mapped(CrmNames):
    """Any other CRM that posts JSON or forms: `map` says where in a body each of our fields stands (docs/crm.md)."""

    signature: Literal["none", "standard_webhooks"] = "none"
    body: Literal["json", "form"] = "json"
    encoding: Literal["utf-8", "windows-1251"] = Field(default="utf-8", description="letters of the body")
    deals_of: Door | None = Field(
        default=None,
        description="the CRM, or the other map, whose deals these are: payments of amoCRM's deals from 1C; default: own",
    )
    items: Path | None = Field(default=None, description="path to the list of deals; default: the body is one, or a list of them")
    map: dict[str, Path | list[Path]] = Field(
        min_length=1, description="our field → path, or several of which the first filled counts"
    )
    deleted: dict[Path, list[Told]] = Field(default_factory=dict, description="path → values that tell a deletion")
    handmade: dict[Path, list[Told]] = Field(
        default_factory=dict, description="path → values that tell of a deal made by a person in the CRM's own screens"
    )
    money_unit: Literal["whole", "cents"] = "whole"
    time_zone: str | None = Field(default=None, description="of times without an offset; default: the site's")

    @model_validator(mode="after")
    def _readable(self) -> Mapped:
        told = {name: [paths] if isinstance(paths, str) else paths for name, paths in self.map.items()}
        wrong = mistakes_of(told)
        wrong += [f"map.{name}: is a list without a path" for name, paths in told.items() if not paths]
        own = [name.removeprefix(ATTRIBUTE) for name in told if name.startswith(ATTRIBUTE)]
        wrong += [f"map.{ATTRIBUTE}{name}: {_ATTRIBUTE_NAME}" for name in own if not re.fullmatch(ATTRIBUTE_NAME, name)]
        if len(own) > MOST_ATTRIBUTES:
            wrong.append(f"map: at most {MOST_ATTRIBUTES} attributes")
        places = {"items": [self.items] if self.items else [], "deleted": list(self.deleted), "handmade": list(self.handmade)}
        for name, paths in places.items():
            wrong += [f"{name}: {path!r}: {error}" for path in paths if (error := mistake_of(path) or _constant(path))]
        if self.time_zone is not None and self.time_zone not in time_zones():
            wrong.append(f"time_zone: no time zone is called {self.time_zone}; use a name such as Europe/Moscow")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def _constant(path: str) -> str:
    return "a text of its own is found in no body" if path.startswith("=") else ""


class NewRequests(Strict):
    """First requests of unknown people become leads or deals of the CRM (docs/crm.md)."""

    to: Literal["url", "amocrm", "bitrix24"] = Field(default="url", description="a signed event, or the CRM's own API")
    url: Address | None = Field(default=None, description="where signed events go")
    channels: list[Literal["call", "form", "email", "chat", "messenger"]] = Field(
        default=["call"], min_length=1, description="contact channels of these requests"
    )
    pipeline: CrmName | None = None
    stage: CrmName | None = None
    manager: CrmName | None = None
    as_lead: bool = Field(default=True, description="Bitrix24: a lead, else a deal")
    fields: dict[str, CrmName] = Field(
        default_factory=dict, description="utm_source, …, landing, first_source, last_source, contact_channel → the CRM's field"
    )
    note: bool = Field(default=True, description="tell the client's path in a note")

    @field_validator("fields")
    @classmethod
    def _known(cls, fields: dict[str, str]) -> dict[str, str]:
        if unknown := [name for name in fields if name not in (*REQUEST_FIELDS, PATH)]:
            raise ValueError(f"a request has no {unknown[0]}; it has {', '.join((*REQUEST_FIELDS, PATH))}")
        return fields

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: str | None) -> str | None:
        """ASCII alone, and a port that there is: an HTTP client takes nothing else."""
        if url is not None and (not url.isascii() or urlsplit(url).port == 0):
            raise ValueError("an address in ASCII; a domain in letters of its own is written as xn--…")
        return url

    @model_validator(mode="after")
    def _has_address(self) -> NewRequests:
        if (self.to == "url") != (self.url is not None):
            raise ValueError("url is needed for signed events, and for nothing else")
        return self


class Crm(Strict):
    """Who may post to /v1/crm/{provider}/{site}/{token}: hashes of the valid path tokens (two while rotating).

    The generic door asks for a signature as well; the others are open only where their section is set.
    """

    token_sha256: list[Sha256] = Field(default_factory=list, max_length=2)
    amocrm: AmoCrm | None = None
    bitrix24: Bitrix24 | None = None
    hubspot: HubSpot | None = None
    pipedrive: Pipedrive | None = None
    mapped: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,19}$")], Mapped] = Field(
        default_factory=dict, max_length=5
    )
    new_requests: NewRequests | None = None

    @model_validator(mode="after")
    def _own_names(self) -> Crm:
        if taken := [name for name in self.mapped if name in BUILT_IN]:
            raise ValueError(f"mapped.{taken[0]}: {taken[0]} is a name of our own; take another one")
        for name, mapped in self.mapped.items():
            if mapped.deals_of is not None and mapped.deals_of not in {*CRMS, *self.mapped} - {name}:
                raise ValueError(f"mapped.{name}.deals_of: no CRM and no other map is called {mapped.deals_of}")
        if self.new_requests and self.new_requests.to != "url":
            section: Any = getattr(self, self.new_requests.to)
            if section is None or section.api is None:
                raise ValueError(f"new_requests.to: crm.{self.new_requests.to}.api is not set")
        return self

    @model_validator(mode="after")
    def _places_of_requests(self) -> Crm:
        """Ids, or names that the settings give to ids: of a manager who cannot be found a request knows nothing."""
        told = self.new_requests
        if told is None or told.to == "url":
            return self
        section = getattr(self, told.to)
        for name in ("pipeline", "manager", *(("stage",) if told.to == "amocrm" else ())):
            text, known = getattr(told, name), getattr(section, f"{name}s").values()
            if text is not None and not text.isdigit() and text.casefold() not in [one.casefold() for one in known]:
                raise ValueError(f"new_requests.{name}: write the CRM's id, or a name of crm.{told.to}.{name}s")
        return self
