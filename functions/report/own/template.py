"""A customer's template: a part of Jinja2 in which nothing can grow, call or go on without end.

Only if, for, output, comparisons, arithmetic of numbers and the filters of filters.py; no calls, macros, assignments or imports.
Every turn of a loop is counted, what comes out is bounded, and it is held to plain markup (markup.py). Parts have rows (record.py)
and `loop` alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.environment import Template
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from functions.report.own.filters import Filters
from functions.report.own.invented import invented_filters, invented_names
from functions.report.own.markup import safe_markup
from functions.report.own.record import Record
from functions.report.view.formats import EMPTY
from shared.errors import BadInput

MOST_OUTPUT = 200_000  # characters
MOST_TURNS = 100_000  # of all loops together
MOST_SECONDS = 5.0
MOST_DEPTH = 40  # of a template's own structure: deeper ones are written by machines
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Name, nodes.Const, nodes.Getattr,
    nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.CondExpr, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Concat, nodes.Keyword, nodes.Tuple,
)  # fmt: skip
_TESTS = (
    "defined",
    "undefined",
    "none",
    "odd",
    "even",
    "divisibleby",
    "string",
    "number",
    "in",
    "eq",
    "ne",
    "lt",
    "gt",
    "le",
    "ge",
)
_STEP = "_step"
_OF_LOOPS = frozenset(("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"))


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("+", "-", "*", "/"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic of numbers alone; a division by nothing is empty, as everywhere in a report."""
        if not all(isinstance(one, (int, float, Decimal)) for one in (left, right)):
            raise SecurityError(f"{operator} takes two numbers; texts are joined by ~, and what may be empty needs an if")
        if isinstance(left, Decimal) != isinstance(right, Decimal):
            left, right = (one if isinstance(one, Decimal) else Decimal(repr(one)) for one in (left, right))
        if operator == "/" and not right:
            return None
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A column of a row, or what `loop` tells."""
        if isinstance(obj, LoopContext) and attribute in _OF_LOOPS:
            return getattr(obj, attribute)
        if isinstance(obj, (Record, Undefined)):
            return self.getitem(obj, attribute)
        raise SecurityError(f".{attribute}: only rows have columns, and loop has {', '.join(sorted(_OF_LOOPS))}")

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A column of a row, one of several rows, a character of a text."""
        if isinstance(obj, (Record, Undefined)):
            return obj[argument]
        if not isinstance(obj, (list, str)) or not isinstance(argument, int):
            raise SecurityError(f"[{str(argument)[:60]}] takes a row and the name of a column, or a list and a number")
        if not -len(obj) <= argument < len(obj):
            return self.undefined(f"there is no [{argument}]: the list has {len(obj)}")
        return obj[argument]


def check_template(source: str, clock: Callable[[], float] = time.monotonic) -> None:
    """Render it once over invented rows. BadInput says what a template has that is not taken, with its line where it is known."""
    safe_markup(_written(_compiled(source, invented_filters()), invented_names(), clock), is_draft=True)


def render_template(source: str, told: Mapping[str, Any], filters: Filters, clock: Callable[[], float]) -> str:
    """Safe markup. `told` are the template's names, `filters` those of filters.py, `clock` gives seconds. BadInput for a template
    that is not taken, does not fit its rows, goes on for too long or writes too much."""
    return safe_markup(_written(_compiled(source, filters), told, clock))


def _written(template: Template, told: Mapping[str, Any], clock: Callable[[], float]) -> str:
    turns, until = 0, clock() + MOST_SECONDS

    def step() -> str:
        nonlocal turns
        turns += 1
        if turns > MOST_TURNS or clock() > until:
            raise BadInput(f"the template's loops go on for too long: more than {MOST_TURNS} turns, or {MOST_SECONDS:.0f} s")
        return ""

    parts: list[str] = []
    size = 0
    try:
        for part in template.generate({**told, _STEP: step}):
            parts.append(part)
            size += len(part)
            if size > MOST_OUTPUT:
                raise BadInput(f"the template writes more than {MOST_OUTPUT} characters")
    except (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        is_number = isinstance(error, (ArithmeticError, RecursionError)) or "digits" in str(error)  # of Python's bound on int
        what = "a number in it is too large, or divided by nothing" if is_number else str(error)
        raise BadInput(f"the template does not fit its rows: {what}") from error
    return "".join(parts)


def _shown(value: Any) -> Any:
    """What may be put out: numbers, texts, days; what is empty is a dash."""
    if value is None:
        return EMPTY
    if not isinstance(value, (str, int, float, Decimal, date, Undefined)):
        raise SecurityError("only numbers, texts and days can be put out: name a column of a row")
    return value


def _compiled(source: str, filters: Filters) -> Template:
    environment = _Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown, optimized=False
    )
    environment.globals.clear()
    environment.filters = dict(filters)
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    try:
        tree = environment.parse(source)
        _check(tree, 0, filters)
        for loop in list(tree.find_all(nodes.For)):
            call = nodes.Call(nodes.Name(_STEP, "load"), [], [], None, None)
            loop.body.insert(0, nodes.Output([call]))
        tree.set_environment(environment)
        tree.set_lineno(1)
        return environment.template_class.from_code(environment, environment.compile(tree, "section", "section"), {}, None)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise BadInput(f"the template{f', line {line}' if line else ''}: {error}") from error
    except (RecursionError, SyntaxError) as error:  # Python takes 20 loops in each other
        raise BadInput("the template is nested too deeply") from error
    except ValueError as error:
        raise BadInput("the template has a number of too many digits") from error


def _check(node: nodes.Node, depth: int, filters: Filters) -> None:
    if depth > MOST_DEPTH:
        raise BadInput(f"the template, line {node.lineno}: nested more than {MOST_DEPTH} levels deep")
    if not isinstance(node, _NODES):
        raise BadInput(
            f"the template, line {node.lineno}: {type(node).__name__.lower()} is not taken; there are if, for, output, "
            f"arithmetic and the filters {', '.join(filters)}"
        )
    for name in ("name", "attr", "filter"):
        told = getattr(node, name, None)
        if isinstance(told, str) and told.startswith("_"):
            raise BadInput(f"the template, line {node.lineno}: names do not begin with _")
    if isinstance(node, nodes.Filter) and node.name not in filters:
        raise BadInput(f"the template, line {node.lineno}: there is no filter {node.name}; there are {', '.join(filters)}")
    if isinstance(node, nodes.For) and (node.recursive or node.else_ or node.test):
        raise BadInput(
            f"the template, line {node.lineno}: a loop has no recursive, no else and no if of its own; write if inside it"
        )
    for child in node.iter_child_nodes():
        _check(child, depth + 1, filters)
