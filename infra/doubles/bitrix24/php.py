"""PHP's way with names in brackets, and the two spellings of fields."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_USER_FIELD = re.compile(r"UF_CRM_")


def parameters_of(query: str) -> dict[str, Any]:
    """`filter[@id][0]=1` → `{"filter": {"@id": ["1"]}}`."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        first, _, rest = name.partition("[")
        path = [first, *rest.rstrip("]").split("][")] if rest else [first]
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1] or str(len(node))] = value
    listed = _with_lists(tree)
    return listed if isinstance(listed, dict) else {}


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    parts = {name: _with_lists(child) for name, child in node.items()}
    return list(parts.values()) if parts and list(parts) == [str(place) for place in range(len(parts))] else parts


def camel(name: str) -> str:
    """`UTM_SOURCE` → `utmSource`, `UF_CRM_1790900000117` → `ufCrm_1790900000117`; a name that is camel already stays."""
    if name != name.upper():
        return name
    tail = _USER_FIELD.sub("", name) if _USER_FIELD.match(name) else ""
    if tail:
        numbered = re.fullmatch(r"([0-9]+)_(.+)", tail)
        head, tail = (f"ufCrm{numbered[1]}", numbered[2]) if numbered else ("ufCrm", tail)
        return f"{head}_{tail}" if tail[0].isdigit() else head + "".join(part.title() for part in tail.split("_"))
    first, *rest = name.lower().split("_")
    return first + "".join(part.title() for part in rest)


def upper(name: str) -> str:
    """`utmSource` → `UTM_SOURCE`, as the methods of single kinds tell it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
