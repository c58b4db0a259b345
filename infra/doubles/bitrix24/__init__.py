"""A portal of Bitrix24 in memory: items, stage history, REST methods with their limits, and events that are sent once."""

from infra.doubles.bitrix24.portal import Portal
from infra.doubles.bitrix24.server import Bitrix24Server

__all__ = ["Bitrix24Server", "Portal"]
