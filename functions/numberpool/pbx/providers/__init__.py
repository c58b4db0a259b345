"""Telephonies that the door knows: provider's name in the path → its adapter."""

from __future__ import annotations

from collections.abc import Mapping

from functions.numberpool.pbx.adapter import Adapter
from functions.numberpool.pbx.providers.generic import GENERIC

ADAPTERS: Mapping[str, Adapter] = {adapter.name: adapter for adapter in (GENERIC,)}
