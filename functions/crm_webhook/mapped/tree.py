"""Bodies as trees of dictionaries and lists, and what a path (shared/mapped_paths.py) finds in them. Pure, bounded by the body.

A text that holds JSON is walked into like an object: many systems post a form whose one field is JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from functions.crm_webhook import forms
from shared.forms import FormRefused
from shared.mapped_paths import Path, Step, path_of

REPLACED = "\ufffd"
_JSON_BEGINS = ("{", "[")


class Unreadable(ValueError):
    """A body that is no tree: `reason` is bad_json, or one of functions/crm_webhook/forms.py."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Tree:
    """One body. `collided` counts the form's names that were a text and a parent."""

    def __init__(self, body: bytes, kind: str, encoding: str) -> None:
        self._within: dict[str, Any] = {}
        self.collided = 0
        self.root: Any = self._form(body, encoding) if kind == "form" else _json(body, encoding)

    def find(self, path: str, item: Any) -> list[Any]:
        """Filled values that the path leads to, in the body's order: from the item, or from the root where it says so."""
        parsed = path_of(path)
        if parsed.constant is not None:
            return [parsed.constant]
        nodes = [self.root if parsed.is_root else item]
        for step in parsed.steps:
            nodes = [found for node in nodes for found in self._step(node, step)]
        return [_last(value, parsed) for value in nodes if _is_filled(value)]

    def first(self, paths: str | Iterable[str], item: Any) -> list[Any]:
        """What the first path finds that finds anything."""
        for path in [paths] if isinstance(paths, str) else paths:
            if found := self.find(path, item):
                return found
        return []

    def members(self, path: str | None, item: Any) -> list[Any]:
        """Objects of a list: the path leads to the list, to an object that stands for one (its keys are numbers), or, with a *, to
        the objects themselves."""
        nodes = [item] if path is None else self.find(path, item)
        return [member for node in nodes for member in self._members(self._opened(node))]

    def _members(self, node: Any) -> list[Any]:
        if isinstance(node, list):
            return node
        if isinstance(node, dict) and node and all(key.isdecimal() for key in node):
            return list(node.values())
        return [node]

    def _step(self, node: Any, step: Step) -> list[Any]:
        node = self._opened(node)
        if step.kind == "key":
            return _child(node, step.name)
        children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
        if step.kind == "all":
            return children
        if isinstance(node, dict) and self._leads_to(node, step):
            return [node]
        return [child for child in children if self._leads_to(child, step)]

    def _leads_to(self, node: Any, step: Step) -> bool:
        nodes = [node]
        for key in step.keys:
            nodes = [found for one in nodes for found in _child(self._opened(one), key)]
        return any(as_text(one).casefold() == step.value.casefold() for one in nodes if not isinstance(one, dict | list))

    def _opened(self, node: Any) -> Any:
        if not isinstance(node, str) or not node.lstrip().startswith(_JSON_BEGINS):
            return node
        if node not in self._within:
            try:
                self._within[node] = orjson.loads(node)
            except orjson.JSONDecodeError:
                self._within[node] = node
        return self._within[node]

    def _form(self, body: bytes, encoding: str) -> Any:
        try:
            form = forms.form_of(body, encoding)
        except FormRefused as error:
            raise Unreadable(error.reason, str(error)) from error
        self.collided = form.collided
        return form.tree


def as_text(value: Any) -> str:
    """A value as people read it; "" for none."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).replace("\x00", "").strip()


def _json(body: bytes, encoding: str) -> Any:
    try:
        content = orjson.loads(body.decode(encoding, "replace").removeprefix("\ufeff"))
    except orjson.JSONDecodeError as error:
        raise Unreadable("bad_json", f"the body is not valid JSON: {error.msg}") from error
    if not isinstance(content, dict | list):
        raise Unreadable("bad_json", "the body must be a JSON object, or a list of them")
    return content


def _child(node: Any, name: str) -> list[Any]:
    if isinstance(node, Mapping):
        return [node[name]] if name in node else []
    if isinstance(node, list) and name.isascii() and name.isdecimal() and len(name) < 6:
        return node[int(name) : int(name) + 1]
    return []


def _is_filled(value: Any) -> bool:
    return value is not None and value != [] and value != {} and not (isinstance(value, str) and not value.strip())


def _last(value: Any, path: Path) -> Any:
    return value.rstrip("/").rpartition("/")[2] if path.is_last and isinstance(value, str) else value
