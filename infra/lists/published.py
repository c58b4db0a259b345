"""The files that others publish, read strictly: text → (place as written, name, category, parameters). Pure.

Matomo's lists are YAML, that of Clickstream Analytics on AWS is JSON. A file that is cut off or of another shape is a BadInput
which says the file and the place in it.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple, NoReturn

import yaml

from shared.errors import BadInput, FieldError

MOST_CHARACTERS = 5_000_000


class Listed(NamedTuple):
    """One address of a list, as its authors wrote it; `at` is its place in the file."""

    url: str
    name: str
    category: str
    params: tuple[str, ...]
    at: str


class _Loader(yaml.BaseLoader):
    """YAML of plain texts, in which a name stands once: YAML lets the last one win and drops an engine in silence."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases are not read", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is no name, or given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def search_engines(text: str, file: str) -> Iterator[Listed]:
    """Matomo's SearchEngines.yml: name → [{urls: […], params: […]}]."""
    for name, groups in _mapping(text, file).items():
        for index, group in enumerate(_list(groups, file, name)):
            at = f"{name}[{index}]"
            if not isinstance(group, dict) or "urls" not in group:
                refuse(file, at, "needs urls")
            params = tuple(_texts(group.get("params") or [], file, f"{at}.params"))
            for number, url in enumerate(_texts(group["urls"], file, f"{at}.urls")):
                yield Listed(url, name, "search", params, f"{at}.urls[{number}]")


def networks(text: str, file: str, category: str) -> Iterator[Listed]:
    """Matomo's Socials.yml and AIAssistants.yml: name → [host, …]."""
    for name, urls in _mapping(text, file).items():
        for number, url in enumerate(_texts(urls, file, name)):
            yield Listed(url, name, category, (), f"{name}[{number}]")


def categorised_hosts(text: str, file: str) -> Iterator[Listed]:
    """Category rules of Clickstream Analytics on AWS: [{url, source, category, params}]; Search, Social, Shopping or Video."""
    _check_size(text, file)
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        refuse(file, f"line {error.lineno}, column {error.colno}", f"is no JSON: {error.msg}")
    except RecursionError:
        refuse(file, "", "is nested too deep")
    if not isinstance(rows, list):
        refuse(file, "", "is no list of hosts")
    for index, row in enumerate(rows):
        at = f"[{index}]"
        if not isinstance(row, dict):
            refuse(file, at, "needs url, source, category and params")
        for key in ("url", "source", "category"):
            if not isinstance(row.get(key), str) or not row[key].strip():
                refuse(file, f"{at}.{key}", "needs a text")
        category = row["category"].lower()
        if category not in ("search", "social", "shopping", "video"):
            refuse(file, f"{at}.category", f"{row['category']!r} is none of Search, Social, Shopping, Video")
        params = tuple(_texts(row.get("params") or [], file, f"{at}.params"))
        yield Listed(row["url"], row["source"], category, params, f"{at}.url")


def refuse(file: str, at: str, why: str) -> NoReturn:
    """BadInput that names the file and the place in it."""
    raise BadInput(f"{file}: {at or 'the file'} {why}", [FieldError(at or file, why)])


def _mapping(text: str, file: str) -> dict[str, Any]:
    _check_size(text, file)
    try:
        found = yaml.load(text, _Loader)  # noqa: S506 (BaseLoader makes texts, lists and mappings, nothing else)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        refuse(file, f"line {mark.line + 1}, column {mark.column + 1}" if mark else "", f"is no YAML of a list: {error.problem}")
    except yaml.YAMLError as error:
        refuse(file, "", f"is no YAML: {error}")
    except RecursionError:
        refuse(file, "", "is nested too deep")
    if not isinstance(found, dict) or not found:
        refuse(file, "", "is no mapping of names to hosts")
    return found


def _check_size(text: str, file: str) -> None:
    if len(text) > MOST_CHARACTERS:
        refuse(file, "", f"has more than {MOST_CHARACTERS:,} characters, which no such list has")


def _list(value: object, file: str, at: str) -> list[Any]:
    if not isinstance(value, list):
        refuse(file, at, "needs a list")
    return value


def _texts(value: object, file: str, at: str) -> list[str]:
    for number, item in enumerate(_list(value, file, at)):
        if not isinstance(item, str):
            refuse(file, f"{at}[{number}]", "needs a text")
    return list(value) if isinstance(value, list) else []
