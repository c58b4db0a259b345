"""Settings of a site about its numbers: pools, static numbers, how long a lease lasts (docs/method.md, numbers and calls)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from shared.setting_types import Host, Phone, Strict, Text

Device = Literal["phone", "tablet", "desktop"]
PoolName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
# A path of the site; * stands for any text: /spb/* is everything below /spb/.
PagePath = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^/[^\s?#\x00-\x1f]{0,299}$")]


class StaticNumber(Strict):
    """A number that belongs to a source: shown to its visitors when no leased one is free, and printed on banners and flyers."""

    number: Phone
    source: Text = Field(description="utm_source, or a word for an offline medium")
    medium: Text | None = None
    campaign: Text | None = None


class Spans(Strict):
    """How long a number is a visitor's. Seconds; empty in a pool: as the site."""

    lease_seconds: int | None = Field(default=None, ge=60, le=3600)
    first_lease_seconds: int | None = Field(default=None, ge=30, le=600)
    cool_down_seconds: int | None = Field(default=None, ge=0, le=86_400)
    unconfirmed_cool_down_seconds: int | None = Field(default=None, ge=0, le=86_400)
    late_call_seconds: int | None = Field(default=None, ge=0, le=86_400)


class Pool(Spans):
    """Numbers for some visitors: of every list that is not empty one entry must fit. Letter case does not matter."""

    name: PoolName
    sources: list[Text] = Field(default_factory=list, description="utm_source of the visit")
    media: list[Text] = Field(default_factory=list, description="utm_medium of the visit")
    campaigns: list[Text] = Field(default_factory=list, description="utm_campaign of the visit")
    hosts: list[Host] = Field(default_factory=list, description="hosts of the page: shops of several cities have one each")
    pages: list[PagePath] = Field(default_factory=list, description="paths of the page; * stands for any text")
    regions: list[Text] = Field(default_factory=list, description="region of the visitor, as the site's proxy or its page tells it")
    devices: list[Device] = Field(default_factory=list)
    default: Phone | None = Field(default=None, description="shown when none is free; empty: the site's default")


class Numbers(Strict):
    """Call tracking. The pools' numbers are added by `skvoz numbers add`; the pool `main` takes whom no other one takes."""

    default: Phone | None = Field(default=None, description="the site's own number, shown when nothing better is free")
    replaces: list[Phone] = Field(default_factory=list, description="numbers on the pages to swap, besides the default")
    static: list[StaticNumber] = Field(default_factory=list)
    pools: list[Pool] = Field(default_factory=list, max_length=50, description="the first that fits a visitor is his")
    shown_as: Annotated[str, StringConstraints(pattern=r"^[+0-9#() .\u00a0-]{1,40}$")] = "+7 ### ###-##-##"
    lease_seconds: int = Field(default=300, ge=60, le=3600, description="after the last sign of life")
    first_lease_seconds: int = Field(default=90, ge=30, le=600, description="until the first sign of life")
    cool_down_seconds: int = Field(default=1800, ge=0, le=86_400)
    unconfirmed_cool_down_seconds: int = Field(default=300, ge=0, le=86_400)
    late_call_seconds: int | None = Field(default=None, ge=0, le=86_400, description="default: cool_down_seconds")
    repeat_caller_seconds: int = Field(default=86_400, ge=0, le=30 * 86_400)
    prefix_percent: int = Field(default=20, ge=1, le=100, description="of the live leases, for one address prefix")
    visitor_codes: bool = Field(default=False, description="give visitors a code of six digits to dictate")

    @model_validator(mode="after")
    def _once(self) -> Numbers:
        for what, names in (("pools", [p.name for p in self.pools]), ("static", [s.number for s in self.static])):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"numbers.{what}: {name} is given twice")
        return self
