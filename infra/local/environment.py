"""Environment variables of functions that share a process: each sees its own, as the template gives them, and nobody else's.

A variable that the template forgot would otherwise be found here, lent by another function, and be missing in AWS.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar

_INSIDE: ContextVar[str | None] = ContextVar("_INSIDE", default=None)


class FunctionEnvironments(MutableMapping[str, str]):
    """Stands in for `os.environ`. While a function runs (in this thread), variables of functions are those of this one; all
    others, and everything outside of functions, are the process's own.
    """

    def __init__(self, process: MutableMapping[str, str], functions: Mapping[str, Mapping[str, str]]) -> None:
        self._process, self._functions = process, functions
        self._names = frozenset(name for variables in functions.values() for name in variables)

    def _own(self) -> Mapping[str, str] | None:
        inside = _INSIDE.get()
        return None if inside is None else self._functions[inside]

    def __getitem__(self, name: str) -> str:
        own = self._own()
        return self._process[name] if own is None or name not in self._names else own[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._process[name] = value

    def __delitem__(self, name: str) -> None:
        del self._process[name]

    def __iter__(self) -> Iterator[str]:
        own = self._own()
        if own is None:
            return iter(self._process)
        return iter({**{name: "" for name in self._process if name not in self._names}, **own})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def copy(self) -> dict[str, str]:
        """As `os.environ.copy()`."""
        return dict(self)

    def in_common(self) -> dict[str, str]:
        """Variables that mean the same in every function that has them: what code outside of functions (CLI, demo) may read."""
        values: dict[str, set[str]] = {}
        for variables in self._functions.values():
            for name, value in variables.items():
                values.setdefault(name, set()).add(value)
        return {name: next(iter(found)) for name, found in values.items() if len(found) == 1}


@contextmanager
def function_environments(functions: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """Put `os.environ` under `FunctionEnvironments` for a while; gives what the functions have in common, which is set as well."""
    before = os.environ
    together = FunctionEnvironments(before, functions)
    common = together.in_common()
    with variables(common):
        os.environ = together  # type: ignore[assignment]  # noqa: B003 - its place is taken on purpose; child processes get the original
        try:
            yield common
        finally:
            os.environ = before  # noqa: B003


@contextmanager
def inside(function: str) -> Iterator[None]:
    """While open, this thread is that function."""
    token = _INSIDE.set(function)
    try:
        yield
    finally:
        _INSIDE.reset(token)


@contextmanager
def variables(values: Mapping[str, str], removed: tuple[str, ...] = ()) -> Iterator[None]:
    """Environment variables for a while; afterwards everything is as it was."""
    environ = os.environ
    before = {name: environ.get(name) for name in (*values, *removed)}
    for name in removed:
        environ.pop(name, None)
    environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value
