"""The shop's amoCRM: a double of its own, answering over HTTP. Of its webhooks some get lost on the way, as in life; the regular
check through the API must find what they would have told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zlib import crc32

import orjson

from infra.doubles.amocrm.hooks import Hooks
from infra.doubles.amocrm.server import AmoServer
from shared.aws import client

LOST_OF = 25  # one webhook of so many
CALLS_A_SECOND = 50  # a month is played in a minute: the real seven would take longer than the month


def is_lost(entity: int, what: str) -> bool:
    """The same ones every time."""
    return crc32(f"{what} {entity}".encode()) % LOST_OF == 0


def open_crm(clock: Callable[[], datetime], deliver: Callable[[str], object]) -> AmoServer:
    """The account, answering; close it in the end. `deliver(body)` posts a webhook."""
    server = AmoServer(clock, Hooks(lambda body, headers: deliver(body), is_lost))
    server.limit.per_second = CALLS_A_SECOND + 10
    return server.__enter__()


def keep_token(server: AmoServer, site_id: str, stage: str) -> None:
    """A long-lived token, where the functions look for it."""
    secret = {"access_token": server.keys.long_lived()}
    client("secretsmanager").create_secret(Name=f"skvoz/{stage}/{site_id}/crm-amocrm", SecretString=orjson.dumps(secret).decode())
