"""What a function's code reaches, read from its source: modules from the handler on, their environment and their clients."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_path(name: str) -> Path | None:
    """File of a module or package of ours, None for anybody else's."""
    place = ROOT.joinpath(*name.split("."))
    for candidate in (place.with_suffix(".py"), place / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def reached(module: str) -> set[Path]:
    """Files of ours that importing the module (or running it) can load, inner imports included."""
    found: set[Path] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        path = module_path(name)
        if path is not None and path not in found:
            found.add(path)
            todo += list(_imports(_tree(path)))
    return found


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in ("functions", "shared"))


def calls_of(function: str, paths: Iterable[Path]) -> Iterator[ast.Call]:
    """Every call of a plain function."""
    for path in paths:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
                yield node


def texts_given_to(function: str, paths: set[Path]) -> set[str]:
    """Literal first arguments of every call of a plain function: `env("STAGE")` → STAGE."""
    first = [call.args[0] for call in calls_of(function, paths) if call.args]
    return {argument.value for argument in first if isinstance(argument, ast.Constant) and isinstance(argument.value, str)}


def metrics_counted() -> set[tuple[str, tuple[str, ...]]]:
    """(metric, its dimensions) of every `count({"Metric": n}, Dimension=…)` in what is shipped."""
    shipped = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]
    return {
        (str(key.value), tuple(str(keyword.arg) for keyword in call.keywords))
        for call in calls_of("count", shipped)
        for argument in call.args
        if isinstance(argument, ast.Dict)
        for key in argument.keys
        if isinstance(key, ast.Constant)
    }
