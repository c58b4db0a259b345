"""The functions of the template, called in this process as Lambda would call them."""

from __future__ import annotations

import io
import json
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TextIO

from infra.local.environment import inside
from infra.template.intrinsic import Resolver
from infra.template.model import Function, Template


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler gets as its second argument."""

    function_name: str
    memory_limit_in_mb: int
    aws_request_id: str
    timeout: int
    function_version: str = "$LATEST"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:local:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """The whole timeout: nothing is cut short locally."""
        return self.timeout * 1000


class Functions:
    """`invoke` runs one function at a time each, as one execution environment does; output goes to `log`."""

    def __init__(
        self, template: Template, log: TextIO, new_id: Callable[[], str], on_crash: Callable[[str, Exception], None]
    ) -> None:
        self._functions = template.functions()
        self._log, self._new_id, self._on_crash = log, new_id, on_crash
        # Functions that use the SQL engine take turns: here they share its one connection.
        engine = threading.RLock()
        self._locks = {name: engine if "ENGINE" in f.environment else threading.RLock() for name, f in self._functions.items()}
        self._handlers: dict[str, Callable[[Any, Any], Any]] = {}

    def environments(self, template: Template, resolver: Resolver, overrides: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Variables of each function; `overrides` replace those that a function has."""
        found = {}
        for name in self._functions:
            mine = template.environment(name, resolver)
            found[name] = mine | {key: value for key, value in overrides.items() if key in mine}
        return found

    def invoke(self, name: str, event: Any) -> Any:
        """Call the handler; its result. What it raises is logged with its trace, as the Lambda runtime does, and raised on."""
        function = self._functions[name]
        with self._locks[name], inside(name), self._into_log():
            context = Context(physical(function), function.memory, self._new_id(), function.timeout)
            try:
                return self._handler(function)(event, context)
            except Exception as error:
                self._log.write(f"[ERROR] {name}\n{traceback.format_exc()}")
                self._log.flush()
                self._on_crash(name, error)
                raise

    def invoke_json(self, name: str, event: Any) -> Any:
        """`invoke` with event and result passed through JSON, as between AWS services: nothing but JSON types survives."""
        return json.loads(json.dumps(self.invoke(name, json.loads(json.dumps(event)))))

    def _handler(self, function: Function) -> Callable[[Any, Any], Any]:
        if function.logical_id not in self._handlers:
            module, _, attribute = function.handler.rpartition(".")
            self._handlers[function.logical_id] = getattr(import_module(module), attribute)
        return self._handlers[function.logical_id]

    @contextmanager
    def _into_log(self) -> Iterator[None]:
        if not isinstance(sys.stdout, _Stdout):  # somebody put another in its place meanwhile, as test runners do
            sys.stdout = _Stdout(sys.stdout)
        token = _LOG.set(self._log)
        try:
            yield
        finally:
            _LOG.reset(token)


def physical(function: Function) -> str:
    """The function's name, shown in its context."""
    return f"skvoz-local-{function.logical_id}"


def cold_start() -> None:
    """Forget what functions and shared code kept (clients, settings, secrets): a new stack is a new execution environment."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("functions", "shared"):
            for value in list(vars(module).values()):
                clear = getattr(value, "cache_clear", None)
                if callable(clear) and getattr(value, "__module__", None) == name:
                    clear()


# A context variable, so that only the thread that runs a function has its output redirected.
_LOG: ContextVar[TextIO | None] = ContextVar("_LOG", default=None)


class _Stdout(io.TextIOBase):
    """Standard output that goes to the functions' log while a function runs, and where it went before otherwise."""

    def __init__(self, before: TextIO) -> None:
        self.before = before

    def write(self, text: str) -> int:
        return (_LOG.get() or self.before).write(text)

    def flush(self) -> None:
        self.before.flush()

    def isatty(self) -> bool:
        return self.before.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a property here, an attribute there
        return self.before.encoding

    def fileno(self) -> int:
        return self.before.fileno()


def restore_stdout() -> None:
    """Take the functions' standard output away again."""
    if isinstance(sys.stdout, _Stdout):
        sys.stdout = sys.stdout.before
