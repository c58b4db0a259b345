"""A double of amoCRM: its API v4 with OAuth, limits, paging and events, and its webhooks, which a policy may lose, repeat and
shuffle."""

from infra.doubles.amocrm.account import Account
from infra.doubles.amocrm.hooks import Hooks
from infra.doubles.amocrm.server import AmoServer

__all__ = ["Account", "AmoServer", "Hooks"]
