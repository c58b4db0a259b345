"""Settings of a site's reports: who gets which one and when, what they judge by, the plan, alerts, dress. Pure."""

from __future__ import annotations

import base64
import binascii
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from shared.setting_types import Email, Strict, Text, time_zones

Language = Literal["ru", "en"]
Every = Literal["day", "week", "month"]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
Month = Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FrameAncestor = Annotated[str, StringConstraints(pattern=r"^https://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$")]
# What a report is made of, in the order that mail and page have it; `report.sections` chooses among them.
SECTIONS = (
    "summary", "plan", "source_control", "payback", "channels", "income", "funnel", "traffic", "models", "qualification",
    "contacts", "calls", "customers", "team", "deals", "budget", "quality", "method",
)  # fmt: skip
Section = Literal[
    "summary", "plan", "source_control", "payback", "channels", "income", "funnel", "traffic", "models", "qualification",
    "contacts", "calls", "customers", "team", "deals", "budget", "quality", "method",
]  # fmt: skip
AlertKind = Literal[
    "hits_stopped", "calls_stopped", "crm_stopped", "costs_stopped", "no_source_jumped", "spend_without_requests", "low_romi",
    "pool_short", "number_silent",
]  # fmt: skip
MOST_LOGO_BYTES = 30_000


class Thresholds(Strict):
    """Verdict on a channel by margin ROMI (fractions): good from `good` on, normal from `normal` on, else bad."""

    good: Decimal = Decimal("0.5")
    normal: Decimal = Decimal(0)
    minimum_sales: int = Field(default=10, ge=1)


class Scope(Strict):
    """What a reader of this scope sees: these channels alone, with everything that tells of the others left out."""

    name: Text
    channels: list[Text] = Field(min_length=1, max_length=100, description="names as reports show them or as rules call them")


class Recipient(Strict):
    """Who gets the report, how often and in which dress. What is empty is as the report has it."""

    address: Email
    every: list[Every] = Field(default=["day"], min_length=1)
    hour: int | None = Field(default=None, ge=0, le=23, description="from which hour of his day on the mail may come")
    weekday: int = Field(default=1, ge=1, le=7, description="of weekly reports: 1 = Monday")
    day: int = Field(default=1, ge=1, le=28, description="of monthly reports")
    time_zone: str | None = None
    language: Language | None = None
    scope: Text | None = Field(default=None, description="name of one of report.scopes; empty: everything")

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str | None) -> str | None:
        if name is not None and name not in time_zones():
            raise ValueError(f"no time zone is called {name}; use a name such as Europe/Moscow")
        return name


class PlanRow(Strict):
    """What a month should bring; without a channel: the whole site. `cpo` and `cpl` are the admissible prices of a sale and of a
    request. Money in the site's currency, `margin_romi` a fraction."""

    month: Month
    channel: Text | None = None
    cost: Decimal | None = Field(default=None, ge=0, lt=10**13, decimal_places=2)
    requests: int | None = Field(default=None, ge=0, lt=10**9)
    qualified: int | None = Field(default=None, ge=0, lt=10**9)
    sales: int | None = Field(default=None, ge=0, lt=10**9)
    revenue: Decimal | None = Field(default=None, ge=0, lt=10**13, decimal_places=2)
    gross_profit: Decimal | None = Field(default=None, gt=-(10**13), lt=10**13, decimal_places=2)
    cpl: Decimal | None = Field(default=None, ge=0, lt=10**13, decimal_places=2)
    cpo: Decimal | None = Field(default=None, ge=0, lt=10**13, decimal_places=2)
    margin_romi: Decimal | None = Field(default=None, ge=-100, le=10_000)


class Alerts(Strict):
    """When somebody is told at once, by mail, at most once a day each."""

    recipients: list[Email] = Field(default_factory=list, max_length=20, description="empty: the report's first recipient")
    silent_hours: int = Field(default=24, ge=2, le=336, description="without hits, calls or CRM events where there used to be some")
    costs_silent_days: int = Field(default=3, ge=1, le=60)
    no_source_jump: Decimal = Field(
        default=Decimal("0.1"), gt=0, le=1, description="share of requests without source, against before"
    )
    spend_without_requests: Decimal | None = Field(
        default=None, gt=0, lt=10**13, description="spend of a channel in seven days; empty: three times the site's CPL"
    )
    margin_romi: Decimal | None = Field(default=None, ge=-1, le=1000, description="of a channel; empty: thresholds.normal")
    muted: list[AlertKind] = Field(default_factory=list, description="kinds that nobody wants")


class Brand(Strict):
    """Dress of the site's mails and pages. `logo` is a PNG in base64 (`skvoz sites apply` reads it from `logo_file`)."""

    name: Text | None = Field(default=None, description="who reports; empty: the site's name")
    colour: Colour | None = None
    logo: str = ""

    @field_validator("logo")
    @classmethod
    def _png(cls, text: str) -> str:
        try:
            body = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("a PNG in base64") from error
        if body and not body.startswith(b"\x89PNG\r\n\x1a\n"):
            raise ValueError("a PNG in base64; this is another kind of file")
        if len(body) > MOST_LOGO_BYTES:
            raise ValueError(f"a logo has at most {MOST_LOGO_BYTES} bytes, this one has {len(body)}")
        return text


class OwnSection(Strict):
    """A section of the customer's own: one SELECT over the marts of his site, and a Jinja2 template that shows its rows
    (docs/operations.md). `skvoz sites apply` reads `sql_file` and `template_file` into the settings."""

    name: Word
    title: Text
    sql: str = Field(min_length=1, max_length=20_000)
    template: str = Field(default="", max_length=20_000, description="empty: a plain table of all columns")
    in_mail: bool = False


class Report(Strict):
    recipients: list[Recipient] = Field(default_factory=list, max_length=50, description="the first one is the owner")
    owner_first: bool = Field(default=True, description="a site's first report goes to the owner alone")
    hour: int = Field(default=6, ge=0, le=23)
    language: Language = "ru"
    days: int = Field(default=30, ge=1, le=366, description="length of the period of daily reports")
    until: Literal["yesterday", "today"] = Field(default="yesterday", description="last day of the period")
    date_basis: Literal["request", "payment", "touch"] = Field(
        default="request", description="the day by which channels' results fall into the period"
    )
    thresholds: Thresholds = Thresholds()
    lapsed_days: int = Field(default=180, ge=1, le=3650, description="a buyer without a sale for more days has lapsed")
    history_days: int = Field(default=400, ge=31, le=1500, description="how far back the page's other periods reach")
    link_days: int = Field(default=400, ge=1, le=3650, description="how long a mail's link opens its page")
    scopes: list[Scope] = Field(default_factory=list, max_length=20)
    sections: list[Section] = Field(default_factory=list, description="which ones, in this order; empty: all")
    own_sections: list[OwnSection] = Field(default_factory=list, max_length=10)
    plan: list[PlanRow] = Field(default_factory=list, max_length=2000)
    alerts: Alerts = Alerts()
    brand: Brand = Brand()
    frame_ancestors: list[FrameAncestor] = Field(
        default_factory=list, max_length=10, description="places that may show the page in a frame: https://*.amocrm.ru"
    )

    @field_validator("recipients", mode="before")
    @classmethod
    def _addresses(cls, told: object) -> object:
        """An address alone is a recipient with nothing else said."""
        return [{"address": one} if isinstance(one, str) else one for one in told] if isinstance(told, list) else told

    @model_validator(mode="after")
    def _whole(self) -> Report:
        for what, names in (
            ("recipients", [recipient.address.lower() for recipient in self.recipients]),
            ("scopes", [scope.name.casefold() for scope in self.scopes]),
            ("sections", [str(section) for section in self.sections]),
            ("own_sections", [section.name for section in self.own_sections]),
            ("plan", [f"{row.month} {(row.channel or '').casefold()}".strip() for row in self.plan]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: {', '.join(twice[:5])} stands there more than once")
        known = {scope.name for scope in self.scopes}
        for recipient in self.recipients:
            if recipient.scope is not None and recipient.scope not in known:
                raise ValueError(f"recipients: there is no scope {recipient.scope}")
        return self
