"""The shop's amoCRM: a double of its own, answering over HTTP. Of its webhooks some get lost on the way, as in life; the regular
check through the API must find what they would have told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from zlib import crc32

import orjson

from infra.doubles.amocrm.account import Account
from infra.doubles.amocrm.hooks import Hooks
from infra.doubles.amocrm.server import AmoServer
from infra.shop.amocrm import LOST, WON
from shared.aws import client

LOST_OF = 25  # one webhook of so many
DEAF_TO = 10  # of every so many-th lead nothing is heard but changes of its fields: neither that it is there nor how it moves
_AS_WORDS = {WON: "won", LOST: "lost"}  # closed stages; the others are told by their id
CALLS_A_SECOND = 50  # a month is played in a minute: the real seven would take longer than the month


def is_lost(entity: int, what: str) -> bool:
    """The same ones every time."""
    is_deaf = what in ("leads.add", "leads.status") and entity % DEAF_TO == 0
    return is_deaf or crc32(f"{what} {entity}".encode()) % LOST_OF == 0


def open_crm(clock: Callable[[], datetime], deliver: Callable[[str], object]) -> AmoServer:
    """The account, answering; close it in the end. `deliver(body)` posts a webhook."""
    server = AmoServer(clock, Hooks(lambda body, headers: deliver(body), is_lost))
    server.limit.per_second = CALLS_A_SECOND + 10
    return server.__enter__()


def lost_deals(account: Account) -> dict[str, tuple[str, Decimal]]:
    """Deals that a webhook was lost of: stage and sum as the account has them, by our id of the deal."""
    leads = [account.leads[hook.entity].lead for hook in account.hooks.dropped if hook.what.startswith("leads.")]
    return {f"amocrm:{lead.lead_id}": (_AS_WORDS.get(lead.status_id, lead.status_id), Decimal(lead.price)) for lead in leads}


def keep_token(server: AmoServer, site_id: str, stage: str) -> None:
    """A long-lived token, where the functions look for it."""
    secret = {"access_token": server.keys.long_lived()}
    client("secretsmanager").create_secret(Name=f"skvoz/{stage}/{site_id}/crm-amocrm", SecretString=orjson.dumps(secret).decode())
