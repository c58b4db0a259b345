"""amoCRM tells that somebody switched our integration off: a call of its own, signed with the integration's secret key.

From then on its webhooks stay away and its API refuses us. The check would tell of that hours later.
"""

from __future__ import annotations

import hashlib
import hmac

from functions.crm_webhook.proofs import Sent, refused
from shared.log import count, logger


def note_switched_off(sent: Sent) -> None:
    """Count and log it; an alarm rings. Unauthorized where the signature fits none of the site's secrets, or the account is another
    than the settings name: hex HMAC-SHA256(secret key, `client_uuid|account_id`)."""
    query, wanted = sent.request.query, sent.secrets.get(sent.secret, sent.request.now)
    if not wanted:
        raise refused(sent, "no_secret", "the signature cannot be checked: no secret key of the integration is set for this site")
    signed = f"{query.get('client_uuid', '')}|{query.get('account_id', '')}".encode("utf-8", "surrogatepass")
    given = query.get("signature", "").encode("utf-8", "surrogatepass")
    if not any([hmac.compare_digest(signature(signed, one), given) for one in wanted]):
        raise refused(sent, "signature", "the signature fits none of the site's secrets")
    if (mine := sent.settings.get("account_id")) and query["account_id"] != mine:
        raise refused(sent, "account", "account_id is not crm.amocrm.account_id of the settings")
    count({"CrmSwitchedOff": 1}, Provider="amocrm")
    logger().error("amoCRM's integration was switched off", extra={"site_id": sent.site_id, "account_id": query["account_id"]})


def signature(signed: bytes, secret: str) -> bytes:
    """Hex text of the MAC."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
