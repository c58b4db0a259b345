"""pipedrive's API: deals read by id, and pages of deals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.crm_webhook.api.crm import CrmReader, Tools


def reader(site: Mapping[str, Any], tools: Tools) -> CrmReader:
    """The site's pipedrive."""
    raise LookupError("not built yet")
