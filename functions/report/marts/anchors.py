"""Where on the page a channel stands: the id that mails link to. Pure."""

from __future__ import annotations

from hashlib import sha256


def anchor_of(channel: str) -> str:
    """`channel-` and eight hexadecimal digits; the same in every language, period and scope."""
    return f"channel-{sha256(channel.encode()).hexdigest()[:8]}"
