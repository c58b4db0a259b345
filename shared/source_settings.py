"""Settings of a site about its sources: own ones, contractors, own parameters, addresses of its own (docs/method.md, sources).

A value of utm_source is compared in its plain form (`plain_name`): `Yandex.Direct`, `yandex_direct` and `YANDEX DIRECT` are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from shared.hosts import plain_host

Category = Literal["search", "social", "video", "shopping", "messenger", "maps", "ai", "email", "ads", "app", "other"]
MediumKind = Literal[
    "paid", "display", "email", "affiliate", "referral", "organic", "social", "video", "audio", "sms", "push", "messenger",
    "offline",
]  # fmt: skip
# The parameters of an address by which a site may name a source beside utm_*: letters that need no escape in a query.
Parameter = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[a-z0-9_.-]{1,40}$")]
SourceId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9а-яё][a-z0-9а-яё._-]{0,59}$")]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f|]*$")]
_Place = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^(app:)?[^\s/:@|]+(/[^\s|]*)?$")]
_GAPS = re.compile(r"[ ._-]+")


def plain_name(text: str) -> str:
    """utm_source as it is looked up: lower case; runs of space, dot, underscore and hyphen are one hyphen (as in sources.sql)."""
    return _GAPS.sub("-", "".join(map(str.lower, text)))  # letter by letter, as SQL does: a Greek sigma has one form


def _address(text: str) -> str:
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise ValueError("an address or a network, for example 203.0.113.7 or 2001:db8::/48") from error


Network = Annotated[str, BeforeValidator(str), AfterValidator(_address)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceName(_Strict):
    """What readers see; one text stands for both languages."""

    ru: _Text
    en: _Text


def _both(told: object) -> object:
    return {"ru": told, "en": told} if isinstance(told, str) else told


class OwnSource(_Strict):
    """A source of the business, or other words for a standard one (the same id)."""

    id: SourceId
    name: Annotated[SourceName | None, BeforeValidator(_both)] = None
    colour: Annotated[str, StringConstraints(to_lower=True, pattern=r"^#[0-9a-fA-F]{6}$")] | None = None
    category: Category | None = None
    synonyms: list[_Text] = Field(default_factory=list, max_length=200, description="values of utm_source, in any spelling")
    hosts: list[_Place] = Field(default_factory=list, max_length=200, description="referring hosts, host/path or app:package")
    channel: _Text | None = Field(default=None, description="all its visits are this channel")
    is_ad: bool | None = None
    is_significant: bool | None = Field(default=None, description="for last_significant; default: by its medium")

    @property
    def places(self) -> list[str]:
        """Its hosts in their one spelling, each with its path."""
        parts = [host.partition("/") for host in self.hosts]
        return [plain_host(host) + (f"/{path.strip('/')}" if path.strip("/") else "") for host, _, path in parts]


class Contractor(_Strict):
    """Somebody who leads a part of a source's ads, told by his own utm_source or by the names of his campaigns."""

    name: _Text
    source: SourceId
    synonyms: list[_Text] = Field(default_factory=list, max_length=200)
    campaigns: list[_Text] = Field(default_factory=list, max_length=200, description="names; * stands for any text")

    @model_validator(mode="after")
    def _told(self) -> Contractor:
        if not self.synonyms and not self.campaigns:
            raise ValueError("needs synonyms (his utm_source) or campaigns (for example a-*) to be known by")
        return self


class Parameters(_Strict):
    """Parameters read where the address has no utm_ of that name; the first of a list that has a value counts."""

    utm_source: list[Parameter] = Field(default_factory=list, max_length=10)
    utm_medium: list[Parameter] = Field(default_factory=list, max_length=10)
    utm_campaign: list[Parameter] = Field(default_factory=list, max_length=10)
    utm_content: list[Parameter] = Field(default_factory=list, max_length=10)
    utm_term: list[Parameter] = Field(default_factory=list, max_length=10)

    def names(self) -> list[str]:
        """All parameters, each once."""
        listed = (*self.utm_source, *self.utm_medium, *self.utm_campaign, *self.utm_content, *self.utm_term)
        return list(dict.fromkeys(listed))


class ClickId(_Strict):
    source: SourceId
    medium: MediumKind = "paid"


class Sources(_Strict):
    own: list[OwnSource] = Field(default_factory=list, max_length=300)
    contractors: list[Contractor] = Field(default_factory=list, max_length=100)
    contractors_apart: bool = Field(default=False, description="each contractor a channel of his own, or one channel for all")
    parameters: Parameters = Parameters()
    click_ids: dict[Parameter, ClickId] = Field(default_factory=dict, description="parameters with click ids of own partners")
    own_addresses: list[Network] = Field(default_factory=list, max_length=200, description="offices: kept, no visits")
    other_traffic: Literal["together", "apart"] = Field(
        default="together", description="in reports: what no rule names is one row, or a row each"
    )

    @model_validator(mode="after")
    def _unique(self) -> Sources:
        _refuse_twice("own", [plain_name(s.id) for s in self.own])
        _refuse_twice("contractors", [c.name for c in self.contractors])
        own = [name for s in self.own for name in {plain_name(text) for text in (s.id, *s.synonyms)}]
        _refuse_twice("synonyms", [*own, *(name for c in self.contractors for name in {plain_name(s) for s in c.synonyms})])
        _refuse_twice("hosts", [place for s in self.own for place in s.places])
        if taken := [name for name in (*self.click_ids, *self.parameters.names()) if name.startswith("utm_")]:
            raise ValueError(f"{taken[0]} is read anyway; name the site's own parameters only")
        return self


def _refuse_twice(what: str, keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise ValueError(f"{what}: {key} is given twice, so it could mean either")
        seen.add(key)
