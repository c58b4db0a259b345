"""Settings files as people write them."""

from __future__ import annotations

from pathlib import Path

import yaml

from shared.errors import BadInput
from shared.settings import SiteSettings, parse_settings


def read_settings(path: Path) -> SiteSettings:
    """YAML (or JSON) file → settings. Every mistake is named with its place."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path} is no valid YAML: {error}") from error
    return parse_settings(raw)
