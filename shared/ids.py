"""Identifiers. Randomness comes in as bytes, so that nothing random happens at import (Lambda SnapStart)."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import datetime

from shared.times import to_millis

UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SITE_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def uuid7(now: datetime, randomness: bytes) -> str:
    """UUIDv7 (RFC 9562): 48 bits of unix milliseconds, 74 bits of the first ten bytes of `randomness`."""
    value = (to_millis(now) & (1 << 48) - 1) << 80 | int.from_bytes(randomness[:10], "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))


def derived_id(now: datetime, *parts: str) -> str:
    """A UUIDv7 that is the same for the same instant and parts: for senders who gave no id of their own."""
    return uuid7(now, hashlib.sha256("\x1f".join(parts).encode()).digest())


def is_uuid(text: str) -> bool:
    """Lower-case hyphenated UUID text of any version."""
    return UUID_TEXT.fullmatch(text) is not None


def is_site_id(text: str) -> bool:
    """2–40 (or one) of a-z, 0-9 and inner hyphens: safe in paths, keys and names of resources."""
    return SITE_ID.fullmatch(text) is not None
