"""Secrets from SSM Parameter Store (SecureString): `/skvoz/{stage}/{name}`, cached 60 s.

Names: `identity` (key of the hashes), `visitor` (signs visitor tokens); `{site}/import`, `{site}/crm-{provider}` (prove webhooks),
`{site}/crm-{provider}-api` (keys of APIs), `{site}/crm-outgoing` (signs what goes to an address of the site's),
`{site}/calls-{provider}`. A value may hold several secrets separated by spaces, the newest first: all are valid, the first one
signs (rotation).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from shared.errors import TryLater
from shared.log import count, logger
from shared.security import LEAST_KEY_BYTES, can_sign

KEEP = timedelta(seconds=60)
RETRY = timedelta(seconds=10)  # a store that does not answer costs a door seconds: it is not asked for every hit


class Secrets:
    """`read(name)` gives the parameter's text or None where it does not exist."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._kept: dict[str, tuple[datetime, list[str]]] = {}
        self._failed: dict[str, datetime] = {}

    def get(self, name: str, now: datetime) -> list[str]:
        """All valid secrets of that name, newest first; empty where none is set. TryLater when unreadable."""
        kept = self._kept.get(name)
        if kept is None or not timedelta(0) <= now - kept[0] < KEEP:
            kept = self._fresh(name, now) or kept
            if kept is None:
                raise TryLater("the installation's secrets cannot be read now; keep the data and send it again")
            self._kept[name] = kept
        return kept[1]

    def _fresh(self, name: str, now: datetime) -> tuple[datetime, list[str]] | None:
        """None where the store does not answer, or did not just now: secrets a minute old serve better than an outage."""
        failed = self._failed.get(name)
        if failed is not None and timedelta(0) <= now - failed < RETRY:
            return None
        try:
            return now, (self._read(name) or "").split()
        except Exception:
            self._failed[name] = now
            count({"SecretsNotRead": 1})
            return None

    def signing(self, name: str, now: datetime) -> list[str]:
        """Those of `get` that can sign webhooks; logged and counted where one cannot, or none is set."""
        values = self.get(name, now)
        usable = [value for value in values if can_sign(value)]
        if len(usable) < max(1, len(values)):
            count({"SecretsUnusable": max(1, len(values) - len(usable))})
            logger().error(f"secret is missing or no base64 key of {LEAST_KEY_BYTES} bytes and more", extra={"secret_name": name})
        return usable

    def key(self, name: str, now: datetime) -> bytes:
        """The signing secret as bytes. LookupError with the command to set it where it is missing."""
        values = self.get(name, now)
        if not values:
            raise LookupError(f"secret {name} is not set; create it with: skvoz secrets init")
        return values[0].encode()

    def identity(self, now: datetime) -> bytes:
        """The key that hashes people's phones and e-mails, for doors. TryLater where it is missing or cannot be read."""
        try:
            return self.key("identity", now)
        except LookupError as error:
            raise TryLater("this installation cannot hash people's keys yet; its operator runs: skvoz secrets init") from error


def parameter_reader(ssm: Any, stage: str) -> Callable[[str], str | None]:
    """Reader for `Secrets` over an SSM client."""

    def read(name: str) -> str | None:
        try:
            answer = ssm.get_parameter(Name=f"/skvoz/{stage}/{name}", WithDecryption=True)
        except ssm.exceptions.ParameterNotFound:
            return None
        value: str = answer["Parameter"]["Value"]
        return value

    return read
