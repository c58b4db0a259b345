"""Names of hosts, compared and stored in one spelling. Pure."""

from __future__ import annotations


def plain_host(host: str) -> str:
    """Lower case, without www. and the root's dot; punycode in its own letters (xn--80aae5ai2ao.xn--p1ai → квартал.рф)."""
    host = host.lower().removesuffix(".").removeprefix("www.")
    return ".".join(map(_letters, host.split("."))) if "xn--" in host else host


def _letters(label: str) -> str:
    if not label.startswith("xn--") or len(label) > 63:
        return label
    try:
        letters = label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError):
        return label
    return letters.lower() if letters and letters.isprintable() else label
