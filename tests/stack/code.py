"""What a function's code reaches, read from its source: modules from the handler on, their environment and their clients."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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


def texts_given_to(function: str, paths: set[Path]) -> set[str]:
    """Literal first arguments of every call of a plain function: `env("STAGE")` → STAGE."""
    found = set()
    for path in paths:
        for node in ast.walk(_tree(path)):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
            if called and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                found.add(node.args[0].value)
    return found
