"""The template, read and expanded once for all tests of this folder."""

from __future__ import annotations

from typing import Any

import pytest

from infra.template.expand import expand
from infra.template.model import Template, load


@pytest.fixture(scope="session")
def template() -> Template:
    return load()


@pytest.fixture(scope="session")
def expanded() -> dict[str, Any]:
    return expand()


@pytest.fixture(scope="session")
def resources(expanded: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = expanded["Resources"]
    return found
