"""CRMs that the door knows, as data: how each proves its origin, and what the door looks for in a body before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from functions.crm_webhook.amocrm.switched_off import note_switched_off
from functions.crm_webhook.bitrix24.proof import application_token
from functions.crm_webhook.hubspot.proof import signature_v3
from functions.crm_webhook.proofs import Proof, Sent, basic_where_set, standard_webhooks, token_alone
from shared.errors import BadInput

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Provider(NamedTuple):
    """One CRM. `prove` checks what there is besides the path's token; `check` raises BadInput, None takes whatever came.
    `switched_off` proves and notes that our integration was switched off, where the CRM tells so."""

    name: str
    prove: Proof
    check: Callable[[bytes], None] | None = None
    content_type: str = JSON
    switched_off: Callable[[Sent], None] | None = None

    @property
    def door(self) -> str:
        """Name of the door in metrics, secrets, rejects and quarantine."""
        return f"crm-{self.name}"

    @property
    def quarantine(self) -> str:
        """Where its raw bodies lie."""
        return f"quarantine/{self.door}/"

    @property
    def suffix(self) -> str:
        return "form" if self.content_type == FORM else "json"

    def settings(self, crm: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The provider's section of the site's `crm` settings; None where its door is not open. The generic door needs none."""
        section = crm.get(self.name) if self.name in BUILT_IN else (crm.get("mapped") or {}).get(self.name)
        return {} if section is None and self.name == "generic" else section


def _is_object(body: bytes) -> None:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from error
    if not isinstance(content, dict):
        raise BadInput("the body must be a JSON object with type, timestamp and data")


# CRMs switch a hook off after bad answers (amoCRM: a hundred in two hours), so what comes with good proof is taken; what it holds
# is judged by the worker, which rejects with a reason instead. Only the generic door tells its sender what is wrong with the body.
BUILT_IN: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("generic", standard_webhooks, _is_object),
        Provider("amocrm", token_alone, content_type=FORM, switched_off=note_switched_off),
        Provider("bitrix24", application_token, content_type=FORM),
        Provider("hubspot", signature_v3),
        Provider("pipedrive", basic_where_set),
    )
}


def provider_of(name: str, crm: Mapping[str, Any]) -> Provider | None:
    """A CRM of ours, or one that the site's settings map (`crm.mapped`); None for any other."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    mapped = (crm.get("mapped") or {}).get(name)
    if mapped is None:
        return None
    prove = standard_webhooks if mapped.get("signature") == "standard_webhooks" else token_alone
    return Provider(name, prove, content_type=FORM if mapped.get("body") == "form" else JSON)
