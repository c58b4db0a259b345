"""Which adapter reads whose webhooks, and which API is whose. The one list of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from functions.crm_webhook import generic
from functions.crm_webhook.amocrm import adapter as amocrm
from functions.crm_webhook.amocrm import api as amocrm_api
from functions.crm_webhook.api.crm import CrmReader, Tools
from functions.crm_webhook.bitrix24 import api as bitrix24_api
from functions.crm_webhook.bitrix24 import hooks as bitrix24
from functions.crm_webhook.hubspot import api as hubspot_api
from functions.crm_webhook.hubspot import hooks as hubspot
from functions.crm_webhook.mapped import hooks as mapped
from functions.crm_webhook.outcome import Arrival, Outcome
from functions.crm_webhook.pipedrive import api as pipedrive_api
from functions.crm_webhook.pipedrive import hooks as pipedrive

# (body, its arrival, the site's published settings, the provider's name) → records, refusals, what must be read. Pure.
Adapter = Callable[[bytes, Arrival, Mapping[str, Any], str], Outcome]

_ADAPTERS: Mapping[str, Adapter] = {
    "generic": generic.records_of,
    "amocrm": amocrm.records_of,
    "bitrix24": bitrix24.records_of,
    "hubspot": hubspot.records_of,
    "pipedrive": pipedrive.records_of,
}
# (the site's published settings, tools) → its API.
_READERS: Mapping[str, Callable[[Mapping[str, Any], Tools], CrmReader]] = {
    "amocrm": amocrm_api.reader,
    "bitrix24": bitrix24_api.reader,
    "hubspot": hubspot_api.reader,
    "pipedrive": pipedrive_api.reader,
}
WITH_API = tuple(_READERS)


def adapter_of(provider: str) -> Adapter:
    """The adapter of a CRM; names of settings (`crm.mapped`) are read by their map."""
    return _ADAPTERS.get(provider, mapped.records_of)


def api_settings(site: Mapping[str, Any], provider: str) -> Mapping[str, Any] | None:
    """`crm.{provider}.api` of the site; None where it has none."""
    section = (site.get("crm") or {}).get(provider) or {}
    told: Mapping[str, Any] | None = section.get("api") if provider in _READERS else None
    return told


def reader_of(site: Mapping[str, Any], provider: str, tools: Tools) -> CrmReader | None:
    """The CRM's API as the site's settings open it; None where they do not."""
    return _READERS[provider](site, tools) if api_settings(site, provider) is not None else None
