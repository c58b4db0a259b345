"""Settings of one site: what the business decides. Written by people as YAML, checked whole, published as versioned JSON.

Rules about money, margin and stages carry `valid_from` (site-local day), so the past is not rewritten silently.
`parse_settings` names every mistake with its place; the published form has all defaults filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from shared.attribution_settings import Attribution
from shared.call_settings import Calls
from shared.crm_settings import Attribute, Crm, CrmName
from shared.errors import FieldError, SettingsError
from shared.hosts import plain_host
from shared.ids import SITE_ID
from shared.number_settings import Numbers
from shared.report_settings import Report
from shared.setting_types import Host, Sha256, Strict, Text, time_zones
from shared.source_settings import Sources

Meaning = Literal["unsorted", "cleaning", "working", "qualified", "contract", "won", "paid", "lost", "claim"]
# How far a deal has come; money and qualification compare ranks. Lost and claim stand outside the ladder.
MEANING_RANK: Mapping[Meaning, int] = {
    "lost": -1, "claim": -2, "unsorted": 0, "cleaning": 1, "working": 2, "qualified": 3, "contract": 4, "won": 5, "paid": 6,
}  # fmt: skip
# amoCRM's two closed stages, the same in every pipeline of every account: the rules know them by these words
# (functions/crm_webhook/amocrm/states.py).
AMO_CLOSED: Mapping[str, Meaning] = {"142": "won", "143": "lost"}
# HubSpot's are words of its first pipeline; whichever stage of another one is closed comes as the same words (hubspot/states.py).
CLOSED_BY_WORD: Mapping[str, Mapping[str, Meaning]] = {
    "amocrm": AMO_CLOSED,
    "hubspot": {"closedwon": "won", "closedlost": "lost"},
}
PROVIDER_NAMES = {"amocrm": "amoCRM", "hubspot": "HubSpot"}


Origin = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^https?://[^\s/]+$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class StageRule(Strict):
    """From `valid_from` on, what the stages of a pipeline mean, and which meaning brings its money."""

    pipeline: CrmName = Field(default="*", description="the CRM's pipeline; * = every pipeline without a rule of its own")
    valid_from: date = date(2000, 1, 1)
    kind: Literal["sales", "auxiliary", "marketing"] = Field(
        default="sales",
        description="auxiliary (delivery) and marketing (ripening) pipelines stand apart: they judge no deal",
    )
    money_stage: Literal["contract", "won", "paid"] = "paid"
    stages: dict[CrmName, Meaning] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _judges(self) -> StageRule:
        if self.kind == "sales" and not self.stages:
            raise ValueError("stages: a sales pipeline needs the meaning of at least 1 stage")
        if self.kind != "sales" and self.stages:
            raise ValueError("stages: those of auxiliary and marketing pipelines mean nothing; leave them out")
        return self


class Qualification(Strict):
    """From `valid_from` on a deal is qualified, besides by its stage, once all these hold (warm: place and budget told)."""

    valid_from: date = date(2000, 1, 1)
    filled: list[Attribute] = Field(default_factory=list, description="attributes (crm.….fields.attributes) that are filled")
    equal: dict[Attribute, list[Text]] = Field(default_factory=dict, description="attribute → values, any of them, in any case")

    @model_validator(mode="after")
    def _asks(self) -> Qualification:
        if not self.filled and not self.equal:
            raise ValueError("a criterion asks for something: filled or equal")
        return self


class LossReasons(Strict):
    """Reasons of deals lost from `valid_from` on, under one name in reports; `is_duplicate`: such a deal is a duplicate, by the
    CRM's word. A reason goes by its latest rule of that day."""

    valid_from: date = date(2000, 1, 1)
    group: Text
    reasons: list[CrmName] = Field(min_length=1)
    is_duplicate: bool = False


class MarginRule(Strict):
    """From `valid_from` on: gross margin of sales that carry no cost price, percent of revenue."""

    valid_from: date
    percent: Decimal = Field(ge=-1000, le=100, decimal_places=6)


class Rate(Strict):
    """One unit of `currency` on `day`, in the site's currency."""

    currency: Currency
    day: date
    rate: Decimal = Field(gt=0, lt=10**6, decimal_places=8)


class Forms(Strict):
    contacts: bool = Field(default=False, description="take phones and e-mails of forms: hashed, and kept plain by `pii: vault`")


class Costs(Strict):
    show: Literal["gross", "net"] = Field(default="gross", description="costs with or without VAT")
    vat_percent: Decimal = Field(
        default=Decimal(0), ge=0, le=100, decimal_places=2, description="for lines that do not state theirs"
    )


class Requests(Strict):
    duplicate_days: Annotated[int, Field(ge=0, le=3650)] | Literal["off", "ever"] = 30
    target_talk_seconds: int = Field(default=30, ge=0, le=3600)

    @field_validator("duplicate_days", mode="before")
    @classmethod
    def _off(cls, days: object) -> object:
        """YAML reads a bare `off` as false."""
        if days is True:
            raise ValueError("write a number of days, off or ever")
        return "off" if days is False else days


class SiteSettings(Strict):
    site_id: str = Field(pattern=f"^{SITE_ID.pattern}$")
    name: Text
    hosts: list[Host] = Field(min_length=1, description="hosts of the site itself; visits between them keep their source")
    origins: list[Origin] = Field(default_factory=list, description="who may post hits; default https://HOST of every host")
    proxy_token_sha256: list[Sha256] = Field(
        default_factory=list, max_length=2, description="tokens of proxies that tell the visitor's address (docs/tracker.md)"
    )
    payment_hosts: list[Host] = Field(default_factory=list, description="payment pages: coming back keeps the source")
    time_zone: str = "Europe/Moscow"
    currency: Currency = "RUB"
    pii: Literal["hash", "vault"] = "hash"
    crm: Crm = Crm()
    numbers: Numbers = Numbers()
    calls: Calls = Calls()
    forms: Forms = Forms()
    stages: list[StageRule] = Field(
        default_factory=lambda: [StageRule(money_stage="won", stages={name: name for name in MEANING_RANK})],
        min_length=1,
    )
    qualification: list[Qualification] = Field(default_factory=list, max_length=20)
    loss_reasons: list[LossReasons] = Field(default_factory=list, max_length=50)
    margins: list[MarginRule] = Field(default_factory=list)
    rates: list[Rate] = Field(default_factory=list)
    attribution: Attribution = Attribution()
    requests: Requests = Requests()
    costs: Costs = Costs()
    sources: Sources = Sources()
    report: Report = Report()

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str) -> str:
        if name not in time_zones():
            raise ValueError(f"no time zone is called {name}; use a name such as Europe/Moscow")
        return name

    @model_validator(mode="after")
    def _unique(self) -> SiteSettings:
        _refuse_twice("stages", [(r.pipeline, r.valid_from) for r in self.stages])
        _refuse_twice("qualification", [(q.valid_from, *q.filled, *sorted(q.equal)) for q in self.qualification])
        _refuse_twice("loss_reasons", [(one.casefold(), group.valid_from) for group in self.loss_reasons for one in group.reasons])
        _refuse_twice("margins", [(r.valid_from,) for r in self.margins])
        _refuse_twice("rates", [(r.currency, r.day) for r in self.rates])
        own = [(plain_host(host),) for host in {*self.hosts, *self.payment_hosts}]
        _refuse_twice("sources.own.hosts", [*set(own), *((place,) for source in self.sources.own for place in source.places)])
        return self

    @model_validator(mode="after")
    def _can_hand_over(self) -> SiteSettings:
        """New requests reach the CRM, and calls UIS, with a contact out of the vault, or not at all."""
        if self.calls.uis is not None and self.calls.uis.upload is not None and self.pii != "vault":
            raise ValueError("calls.uis.upload: UIS gets phones out of the vault alone; set pii: vault")
        told = self.crm.new_requests
        if told is not None and self.pii != "vault":
            raise ValueError("crm.new_requests: the CRM gets contacts out of the vault alone; set pii: vault")
        if told is not None and "form" in told.channels and not self.forms.contacts:
            raise ValueError("crm.new_requests.channels: forms tell no contact; set forms: {contacts: true}, or leave form out")
        return self

    @model_validator(mode="after")
    def _closed_by_word(self) -> SiteSettings:
        """Under its id a closed stage that comes as a word would have no meaning, and the shop no revenue."""
        for provider, closed in CLOSED_BY_WORD.items():
            if getattr(self.crm, provider) is None:
                continue
            ids = [(place, stage) for place, rule in enumerate(self.stages) for stage in rule.stages if stage in closed]
            if ids:
                wrong = "; ".join(f"stages.{place}.stages.{stage}: write {closed[stage]} in its place" for place, stage in ids)
                told = " and ".join(closed)
                raise ValueError(f"{wrong} ({PROVIDER_NAMES[provider]}'s closed stages {told} come as won and lost)")
        return self

    @property
    def allowed_origins(self) -> list[str]:
        return self.origins or [f"https://{host}" for host in self.hosts] + [f"https://www.{host}" for host in self.hosts]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def _refuse_twice(what: str, keys: list[tuple[Any, ...]]) -> None:
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"{what}: {', '.join(str(part) for part in key)} is given twice")


def parse_settings(raw: object) -> SiteSettings:
    """Raw file content → settings. SettingsError lists every mistake with its place, in the file's own words."""
    try:
        return SiteSettings.model_validate(raw)
    except ValidationError as error:
        fields = [FieldError(".".join(str(p) for p in e["loc"]) or "(file)", e["msg"]) for e in error.errors()]
        raise SettingsError("the settings are not applied; mend these places:", fields) from error


def published(settings: SiteSettings) -> dict[str, Any]:
    """Settings as functions read them: JSON types, every default filled in, `origins` always listed."""
    return {**settings.model_dump(mode="json"), "origins": settings.allowed_origins}
