"""Putting a site's settings in force: for the CLI and the local stack alike."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from shared.settings import SiteSettings, published
from shared.sites import current_key, version_key


def publish_settings(s3: Any, bucket: str, settings: SiteSettings, now: datetime) -> str:
    """Keep the settings as a version of their own and put them in force (functions take them up within 60 s); gives the version."""
    version = f"{now:%Y%m%dT%H%M%S%fZ}"
    body = orjson.dumps(published(settings), option=orjson.OPT_INDENT_2)
    for key in (version_key(settings.site_id, version), current_key(settings.site_id)):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    return version
