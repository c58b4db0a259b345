"""What the CRMs' APIs are spoken to with, made on first use."""

from __future__ import annotations

from functools import cache

from functions.crm_webhook import wiring
from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.api.http import Http
from functions.crm_webhook.api.pace import Pace
from shared.aws import client, env
from shared.present import present


@cache
def tools() -> Tools:
    """Tools of this stage."""
    pace = Pace(lambda: client("dynamodb"), env("CRM_TABLE"))
    return Tools(Http(), pace, wiring.secrets(), present, env("STAGE"), lambda: client("secretsmanager"))
