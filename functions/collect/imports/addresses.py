"""Addresses as exports of other systems write them: often without the scheme."""

from __future__ import annotations

import re
from typing import overload

# A host with a dot, whose last label has letters; then its port, path, query or nothing.
_HOST = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+([^\W\d_]{2,}|xn--[a-z0-9-]+)\.?(?::\d{1,5})?(?=[/?#]|$)", re.IGNORECASE)
# What ends the names of pages and files: index.php is no host.
_FILES = frozenset({
    "asp", "aspx", "cfm", "cgi", "css", "do", "gif", "htm", "html", "jpeg", "jpg", "js", "json", "jsp", "pdf", "php", "png",
    "shtml", "svg", "txt", "webp", "xhtml", "xml",
})  # fmt: skip


@overload
def with_scheme(sent: str) -> str: ...
@overload
def with_scheme(sent: object) -> object: ...
def with_scheme(sent: object) -> object:
    """An address without a scheme that can be nothing else (www.shop.example/a, shop.example?b=1, //shop.example/) → with https.
    Anything else as it is: kuhni.html, index.php, /kuhni and vera@post.example stay no addresses."""
    if not isinstance(sent, str):
        return sent
    text = sent.strip()
    begin = 2 if text.startswith("//") else 0
    host = _HOST.match(text, begin)
    if host is None or (host[1].lower() in _FILES and not begin):
        return sent
    return f"https://{text[begin:]}"
