"""Keys of APIs that are one text: the secret `{site}/crm-{provider}-api`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.api.line import CrmClosed


def keyed(
    tools: Tools, site_id: str, provider: str, headers: Callable[[str], Mapping[str, str]]
) -> Callable[[bool], Mapping[str, str]]:
    """For `Line`: headers with the newest key; with the oldest after a 401, since a key that was just set may not be taken yet.

    CrmClosed where none is set.
    """
    name = f"{site_id}/crm-{provider}-api"

    def of(is_renewed: bool) -> Mapping[str, str]:
        keys = tools.secrets.get(name, tools.clock())
        if not keys:
            raise CrmClosed(f"the key of the CRM's API is not set: secret {name} (docs/crm.md)")
        return headers(keys[-1] if is_renewed else keys[0])

    return of
