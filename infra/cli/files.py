"""Settings files as people write them."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from infra.cli.beside import with_files
from shared.errors import BadInput
from shared.settings import SiteSettings, parse_settings


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key stands once: YAML itself would let the last one win in silence."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_settings(path: Path) -> SiteSettings:
    """YAML (or JSON) file, with the files that it names → settings. BadInput when it cannot be read, SettingsError with every
    mistake and its place."""
    return parse_settings(with_files(read_yaml(path), path.parent))


def settings_of(text: str, name: str) -> SiteSettings:
    """Text of a settings file → settings; `name` is what the file is called in errors."""
    return parse_settings(_yaml_of(text, name))


def read_yaml(path: Path) -> object:
    """What a YAML (or JSON) file says. BadInput when it cannot be read or says one thing twice."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    return _yaml_of(text, str(path))


def _yaml_of(text: str, name: str) -> object:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        raise BadInput(f"{name} is no valid YAML: {error}") from error
