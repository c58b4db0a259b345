"""A customer's template: a part of Jinja2 in which nothing can grow, call or go on without end.

Only if, for, output, comparisons, arithmetic of numbers and the filters of this file; no calls, macros, assignments or imports.
Every turn of a loop is counted, what comes out is bounded, and it is held to plain markup (markup.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.environment import Template
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment

from functions.report.own.markup import safe_markup
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
_PLAIN_FILTERS = ("default", "d", "length", "count", "first", "last", "upper", "lower", "trim", "abs", "round", "e", "escape")
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
Filters = Mapping[str, Callable[..., Any]]
OWN_FILTERS = ("money", "number", "percent", "day", "sum")


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


def check_template(source: str) -> None:
    """BadInput says what a template has that is not taken, with its line."""
    _compiled(source, dict.fromkeys(OWN_FILTERS, str))


def render_template(source: str, told: Mapping[str, Any], filters: Filters, clock: Callable[[], float]) -> str:
    """Safe markup. `told` are the template's names, `filters` those of OWN_FILTERS, `clock` gives seconds. BadInput for a template
    that is not taken, does not fit its rows, goes on for too long or writes too much."""
    template = _compiled(source, filters)
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
    except (TemplateError, TypeError, ValueError, ArithmeticError, KeyError) as error:
        raise BadInput(f"the template does not fit its rows: {error}") from error
    return safe_markup("".join(parts))


def _compiled(source: str, filters: Filters) -> Template:
    environment = _Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.clear()
    environment.filters = {**{name: FILTERS[name] for name in _PLAIN_FILTERS}, **filters}
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    try:
        tree = environment.parse(source)
        _check(tree, 0)
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


def _check(node: nodes.Node, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise BadInput(f"the template, line {node.lineno}: nested more than {MOST_DEPTH} levels deep")
    if not isinstance(node, _NODES):
        raise BadInput(
            f"the template, line {node.lineno}: {type(node).__name__.lower()} is not taken; there are if, for, output, "
            f"arithmetic and the filters {', '.join((*OWN_FILTERS, *_PLAIN_FILTERS))}"
        )
    for name in ("name", "attr", "filter"):
        told = getattr(node, name, None)
        if isinstance(told, str) and told.startswith("_"):
            raise BadInput(f"the template, line {node.lineno}: names do not begin with _")
    if isinstance(node, nodes.For) and (node.recursive or node.else_):
        raise BadInput(f"the template, line {node.lineno}: a loop has no recursive and no else")
    for child in node.iter_child_nodes():
        _check(child, depth + 1)


class Record:
    """One row for a template: `row.column` or `row["column"]`, and nothing else of it."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]


def records(rows: Sequence[Mapping[str, Any]]) -> list[Record]:
    """Rows as templates see them."""
    return [Record(row) for row in rows]
