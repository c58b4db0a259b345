"""Where a Trino is and how to get in, read from the environment of a function: TRINO_HOST and its kin (docs/operations.md).

Secrets are never in the environment: TRINO_PASSWORD_SECRET or TRINO_TOKEN_SECRET name one of the Parameter Store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from shared.errors import FieldError, SettingsError

TLS_PORT, PLAIN_PORT = 443, 8080
MINUTES, MOST_MINUTES = 60, 24 * 60
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")
_LOCATION = re.compile(r"[a-z][a-z0-9]*://[^\s'?#]*")
_SECRET = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_YES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class TrinoPlace(NamedTuple):
    """`ca`: path of a bundle of certificates to trust in place of the usual ones. `location`: root of the lake as Trino sees it.
    A statement of the refresh that runs longer than `most_minutes` is cancelled."""

    host: str
    port: int
    user: str
    tls: bool = True
    ca: str | None = None
    lake_catalog: str = "lake"
    marts_catalog: str = "marts"
    schema: str = "skvoz"
    location: str = "local://"
    most_minutes: int = MINUTES


class Login(NamedTuple):
    """How the user proves who he is. `read` gives the secret and is asked again and again: tokens are short-lived."""

    kind: Literal["password", "token"]
    read: Callable[[], str]


def place_of(environment: Mapping[str, str], lake_bucket: str) -> TrinoPlace:
    """The place that TRINO_… variables tell; an empty variable is as good as a missing one. SettingsError lists every mistake."""
    given = _Given(environment)
    tls = given.flag("TRINO_TLS", True)
    place = TrinoPlace(
        host=given.text("TRINO_HOST", "", _HOST, "a host name without https:// and port", is_needed=True),
        port=given.number("TRINO_PORT", TLS_PORT if tls else PLAIN_PORT, 65535),
        user=given.text("TRINO_USER", "", re.compile(r"[^\s:]+"), "a user of Trino, without spaces and colons", is_needed=True),
        tls=tls,
        ca=environment.get("TRINO_CA") or None,
        lake_catalog=given.text("TRINO_LAKE_CATALOG", "lake", _IDENTIFIER, _NAME),
        marts_catalog=given.text("TRINO_MARTS_CATALOG", "marts", _IDENTIFIER, _NAME),
        schema=given.text("TRINO_SCHEMA", "skvoz", _IDENTIFIER, _NAME),
        location=given.text("TRINO_LAKE_LOCATION", f"s3://{lake_bucket}", _LOCATION, "an address such as s3://bucket").rstrip("/"),
        most_minutes=given.number("TRINO_MOST_MINUTES", MINUTES, MOST_MINUTES),
    )
    if place.ca and not tls:
        given.wrong("TRINO_CA", "serves TLS only; leave it out, or set TRINO_TLS=true")
    if place.lake_catalog == place.marts_catalog:
        given.wrong(
            "TRINO_MARTS_CATALOG", "must be another catalog than TRINO_LAKE_CATALOG: Hive reads the raw records, Iceberg the marts"
        )
    given.end()
    return place


def login_of(environment: Mapping[str, str], read: Callable[[str], str | None]) -> Login | None:
    """How to get in; None where neither secret is named. `read(name)` gives the secret, None where it is not set.

    SettingsError for wrong settings, and from `Login.read` where the secret does not exist.
    """
    given = _Given(environment)
    kinds: dict[Literal["password", "token"], str] = {"password": "TRINO_PASSWORD_SECRET", "token": "TRINO_TOKEN_SECRET"}
    named = {kind: name for kind, variable in kinds.items() if (name := given.text(variable, "", _SECRET, "the name of a secret"))}
    if len(named) > 1:
        given.wrong("TRINO_TOKEN_SECRET", "is one too many beside TRINO_PASSWORD_SECRET; keep the one that your Trino asks for")
    if named and not given.flag("TRINO_TLS", True):
        given.wrong("TRINO_TLS", "must be true: a password or token is sent over TLS only")
    given.end()
    if not named:
        return None
    ((kind, name),) = named.items()
    return Login(kind, lambda: _must_exist(read(name), kinds[kind], name))


_NAME = "lower-case letters, digits and _, not beginning with a digit"


def _must_exist(secret: str | None, variable: str, name: str) -> str:
    if not secret:
        path = f"/skvoz/STAGE/{name}"
        raise SettingsError(
            f"{variable} names the secret {name}, which is not set. "
            f"What to do: aws ssm put-parameter --type SecureString --name {path} --value …"
        )
    return secret


class _Given:
    """Variables read one by one, and what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment, self._mistakes = environment, list[FieldError]()

    def wrong(self, name: str, message: str) -> None:
        self._mistakes.append(FieldError(name, message))

    def end(self) -> None:
        if self._mistakes:
            raise SettingsError("ENGINE=trino cannot be used, because its environment is wrong", self._mistakes)

    def text(self, name: str, otherwise: str, form: re.Pattern[str], what: str, is_needed: bool = False) -> str:
        value = self._environment.get(name, "").strip()
        if not value and is_needed:
            self.wrong(name, f"is not set; it takes {what}")
        elif value and not form.fullmatch(value):
            self.wrong(name, f"takes {what}, not {value!r}")
        return value or otherwise

    def number(self, name: str, otherwise: int, most: int) -> int:
        value = self._environment.get(name, "").strip()
        if not value:
            return otherwise
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= most):
            self.wrong(name, f"takes a whole number from 1 to {most}, not {value!r}")
            return otherwise
        return int(value)

    def flag(self, name: str, otherwise: bool) -> bool:
        value = self._environment.get(name, "").strip().lower()
        if value and value not in _YES:
            self.wrong(name, f"takes true or false, not {value!r}")
        return _YES.get(value, otherwise)
