"""Settings of a site about its calls: which telephonies may tell of them, where calls go, what is spam, who hears recordings
(docs/method.md, numbers and calls)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from shared.crm_settings import ApiAddress
from shared.setting_types import Email, Host, Phone, Sha256, Strict, Text, time_zones

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]


def _written(told: object) -> object:
    """YAML reads a bare 0101 as the octal 65, so that a number does not tell what was written."""
    if isinstance(told, int | float):
        raise ValueError("write it in quotes, so that a leading zero stays")
    return told


# What the PBX calls a destination: an extension, a phone, a group's name.
Destination = Annotated[
    str,
    BeforeValidator(_written),
    StringConstraints(strip_whitespace=True, pattern=r"^[+0-9A-Za-z_.*#@-]{1,60}$"),
]
MANAGER = "manager"


class SignedDoor(Strict):
    """A telephony that signs what it tells: its secret is `{site}/calls-{provider}` (docs/operations.md)."""

    time_zone: str | None = Field(default=None, description="of times that come without an offset; default: the site's")

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str | None) -> str | None:
        if name is not None and name not in time_zones():
            raise ValueError(f"no time zone is called {name}; use a name such as Europe/Moscow")
        return name


class OpenDoor(SignedDoor):
    """A telephony that cannot sign: a token in the path proves it; hashes of the valid ones (two while rotating)."""

    token_sha256: list[Sha256] = Field(min_length=1, max_length=2)


class Mango(SignedDoor):
    lines: dict[Text, Phone] = Field(default_factory=dict, description="SIP line → the number that is called on it")
    tell_routes: bool = Field(default=False, description="tell Mango's API where calls go (calls.routes)")


class Twilio(SignedDoor):
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")] | None = Field(
        default=None, description="address as Twilio has it, where a proxy stands before ours"
    )


class UisUpload(Strict):
    """Ended calls of the site's other telephonies go to UIS."""

    url: ApiAddress = Field(description="Data API of the account: https://dataapi.uiscom.ru/v2.0; its token is {site}/crm-uis-api")


class Uis(OpenDoor):
    fields: dict[Text, Text] = Field(
        default_factory=dict, description="our name → the key that the notification's template uses for it"
    )
    upload: UisUpload | None = None


class Calltouch(OpenDoor):
    fields: dict[Text, Text] = Field(default_factory=dict, description="our name → the parameter that carries it")


class Asterisk(SignedDoor):
    contexts: list[Text] = Field(min_length=1, description="dialplan contexts that calls from outside enter by")


class Route(Strict):
    """Where a call goes while it rings: of every list that is not empty one entry must fit, by the site's clock."""

    to: Destination = Field(description="extension or phone; `manager`: the client's own, where he has one")
    sources: list[Text] = Field(default_factory=list, description="utm_source of the caller's visit, or of a static number")
    media: list[Text] = Field(default_factory=list)
    numbers: list[Phone] = Field(default_factory=list, description="numbers that were called")
    days: list[Day] = Field(default_factory=list)
    begin: Clock = "00:00"
    end: Clock = Field(default="24:00", description="before begin: over midnight")

    @model_validator(mode="after")
    def _opens(self) -> Route:
        if self.begin == self.end or self.begin == "24:00":
            raise ValueError("begin and end leave no time between them; leave both out for the whole day")
        return self


class Spam(Strict):
    """A caller of so many calls within 24 hours, none of them with that much talk, is spam: flagged, no request."""

    calls: Annotated[int, Field(ge=2, le=1000)] | Literal["off"] = 10
    talk_seconds: int = Field(default=10, ge=1, le=600)

    @field_validator("calls", mode="before")
    @classmethod
    def _off(cls, calls: object) -> object:
        """YAML reads a bare `off` as false."""
        return "off" if calls is False else calls


class Recordings(Strict):
    """Recordings stay with the telephony; a listener's page plays them. Nothing is fetched from any other host."""

    hosts: list[Host] = Field(default_factory=list, description="hosts that recordings may be fetched from")
    listeners: list[Email] = Field(default_factory=list, description="recipients of the report who may listen")


class Calls(Strict):
    """Telephonies besides the generic door; one that is not named here is refused."""

    uis: Uis | None = None
    mango: Mango | None = None
    zadarma: SignedDoor | None = None
    twilio: Twilio | None = None
    calltouch: Calltouch | None = None
    mikopbx: OpenDoor | None = None
    asterisk: Asterisk | None = None
    managers: dict[Text, Destination] = Field(default_factory=dict, description="manager's name in the CRM → where he answers")
    routes: list[Route] = Field(default_factory=list, max_length=100, description="the first that fits")
    spam: Spam = Spam()
    recordings: Recordings = Recordings()

    @model_validator(mode="after")
    def _has_managers(self) -> Calls:
        if not self.managers and any(route.to == MANAGER for route in self.routes):
            raise ValueError("a route goes to the manager, but managers do not say where any of them answers")
        return self
