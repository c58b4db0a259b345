"""Names of hosts, compared and stored in one spelling. Pure."""

from __future__ import annotations


def plain_host(host: str) -> str:
    """Lower case, without www. and the root's dot; punycode in its own letters (xn--80aae5ai2ao.xn--p1ai → квартал.рф)."""
    host = host.lower()
    if not host.isascii():
        host = _composed(host)
    host = host.removesuffix(".").removeprefix("www.")
    return ".".join(map(_letters, host.split("."))) if "xn--" in host else host


def _letters(label: str) -> str:
    """A label in its own letters. What no registry gives out stays as it is, so that it looks like no other host: xn--google- is
    not google, nor is a name whose letters are not in their one lower-case spelling."""
    if not label.startswith("xn--") or len(label) > 63:
        return label
    try:
        letters = label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError):
        return label
    is_name = not letters.isascii() and letters.isprintable() and letters == _composed(letters)
    return letters if is_name else label


def _composed(text: str) -> str:
    """The one spelling that browsers make of letters with marks of their own, full-width letters and ideographic dots."""
    import unicodedata  # few hosts need it, and it is not in every visitor's way

    return unicodedata.normalize("NFKC", text).replace("\u3002", ".").lower()
