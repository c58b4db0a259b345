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
MOST_WORK = 1_000_000
_CHEAP = 1_000  # characters of a text that cost about as much as a value that is looked at


class Unreadable(ValueError):
    """A body that is no tree: `reason` is bad_json, or one of functions/crm_webhook/forms.py."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class TooMuchWork(ValueError):
    """A body and a map that together are more than one run of the worker can read; the message says what to do."""


class Work:
    """What reading a body may cost: about one unit a value looked at."""

    def __init__(self, most: int) -> None:
        self._left = most

    def spend(self, units: int) -> None:
        """TooMuchWork once the most is spent."""
        self._left -= units
        if self._left < 0:
            raise TooMuchWork(
                "its deals and the map's paths together are too much to read: take values from the deal instead of from the"
                " body's root ($.), or send fewer deals in a body"
            )


class Tree:
    """One body. `collided` counts the form's names that were a text and a parent. What paths from the root find is looked up
    once."""

    def __init__(self, body: bytes, kind: str, encoding: str, most_work: int = MOST_WORK) -> None:
        self._within: dict[str, Any] = {}
        self._of_root: dict[str, list[Any]] = {}
        self.work = Work(most_work)
        self.collided = 0
        self.root: Any = self._form(body, encoding) if kind == "form" else _json(body, encoding)

    def find(self, path: str, item: Any) -> list[Any]:
        """Filled values that the path leads to, in the body's order: from the item, or from the root where it says so. TooMuchWork
        where the body was read too long."""
        parsed = path_of(path)
        if parsed.constant is not None:
            return [parsed.constant]
        if not parsed.is_root:
            return self._found(parsed, item)
        if path not in self._of_root:
            self._of_root[path] = self._found(parsed, self.root)
        # Every deal is given them again, and their texts with them.
        found = self._of_root[path]
        self.work.spend(sum(1 + (len(value) // _CHEAP if isinstance(value, str) else 0) for value in found))
        return list(found)

    def _found(self, path: Path, item: Any) -> list[Any]:
        nodes = [item]
        for step in path.steps:
            nodes = [found for node in nodes for found in self._step(node, step)]
            self.work.spend(1 + len(nodes))
        return [_last(value, path) for value in nodes if _is_filled(value)]

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
        members = [member for node in nodes for member in self._members(self._opened(node))]
        self.work.spend(len(members))
        return members

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
        self.work.spend(len(children) * len(step.keys))
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
