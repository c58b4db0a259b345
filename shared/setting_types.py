"""Kinds of values that settings are made of. Pure."""

from __future__ import annotations

from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from shared.identity import normal_phone


@cache
def time_zones() -> frozenset[str]:
    """Names of all time zones. Asked for once a process: it reads through the folders of the machine's time zones."""
    return frozenset(available_timezones())


def _phone(value: object) -> str:
    """Any spelling → E.164."""
    phone = normal_phone(str(value))
    if phone is None:
        raise ValueError("a phone number, best in international form: +7 495 000-00-10")
    return phone


def _written_in_latin(address: str) -> str:
    """An address that mail can carry: its domain may have letters of its own (they travel in ASCII), its mailbox may not."""
    if not address.rpartition("@")[0].isascii():
        raise ValueError("the part of an e-mail address before @ must be in Latin letters: mail cannot carry others")
    return address


# No control characters: they have no place in names, and NUL cannot be put into a query.
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
Host = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[^\s/:@]+\.[^\s/:@]+$|^localhost$")]
Phone = Annotated[str, BeforeValidator(_phone)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Email = Annotated[
    str, StringConstraints(pattern=r"^[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+$"), AfterValidator(_written_in_latin)
]


class Strict(BaseModel):
    """Settings with no other fields than these."""

    model_config = ConfigDict(extra="forbid", frozen=True)
