"""Bitrix24 proves itself by a token of its own making, in the body: `auth[application_token]`. A shared secret, no signature."""

from __future__ import annotations

import hmac

from functions.crm_webhook.proofs import Sent, refused
from shared.forms import FormRefused, pairs_of

_NAME = "auth[application_token]"


def application_token(sent: Sent) -> str:
    """Bitrix24 gives its events no id. Unauthorized where the token is not the secret `{site}/crm-bitrix24`, or none is set."""
    wanted = sent.secrets.get(sent.secret, sent.request.now)
    if not wanted:
        raise refused(sent, "no_secret", "the sender cannot be checked: no application token is set for this site")
    try:
        told = [value for name, value in pairs_of(sent.request.body) if name == _NAME]
    except FormRefused as error:
        raise refused(sent, "token", f"the body is no form of Bitrix24: {error}") from error
    given = told[-1].encode() if told else b""
    if not any([hmac.compare_digest(given, one.encode()) for one in wanted]):
        raise refused(sent, "token", "auth[application_token] is not that of this site's webhook")
    return ""
