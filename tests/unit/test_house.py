"""The rules of the house (CONTRIBUTING.md): who may import whom, what is pure, how long a file may be, what is never kept.

Read from the source, so that a rule holds for code that no test runs.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("collect", "numberpool", "crm_webhook", "costs", "attribution", "report")
# Third-party packages that a function must not load when its handler is imported, at any depth.
FORBIDDEN_AT_IMPORT = {
    "collect": {
        "pyathena", "jinja2", "pydantic", "duckdb", "sqlglot", "aws_lambda_powertools", "boto3", "botocore", "babel", "trino",
    },
    "numberpool": {
        "pyathena", "jinja2", "pydantic", "duckdb", "sqlglot", "aws_lambda_powertools", "boto3", "botocore", "babel", "trino",
    },
    "crm_webhook": {"pyathena", "jinja2", "duckdb", "sqlglot", "babel", "trino", "boto3"},
    "costs": {"pyathena", "jinja2", "duckdb", "sqlglot", "babel", "trino", "boto3"},
    "attribution": {"jinja2", "babel", "duckdb", "sqlglot", "trino", "pyathena", "boto3"},
    "report": {"duckdb", "sqlglot", "trino", "pyathena", "boto3"},
}  # fmt: skip
# The same, inner imports included: what the function's zip does without, or must never use.
FORBIDDEN_EVER = {
    "collect": {"pyathena", "jinja2", "pydantic", "duckdb", "sqlglot", "babel", "boto3"},
    "numberpool": {"pyathena", "jinja2", "pydantic", "duckdb", "sqlglot", "babel", "boto3"},
    "crm_webhook": {"pyathena", "jinja2", "duckdb", "sqlglot", "babel"},
    "costs": {"pyathena", "jinja2", "duckdb", "sqlglot", "babel"},
    "attribution": {"jinja2", "babel", "duckdb", "sqlglot"},
    "report": {"duckdb", "sqlglot"},
}
# No effect, no clock, no environment: they import the standard library, these packages and each other.
PURE_PACKAGES = {"pydantic", "pydantic_core", "orjson", "babel"}
PURE = (
    "shared.errors", "shared.identity", "shared.ids", "shared.money", "shared.query_errors", "shared.records", "shared.security",
    "shared.settings", "shared.sql", "shared.times", "shared.warehouse", "shared.http", "shared.hosts", "shared.addresses",
    "shared.visitors", "shared.source_settings", "shared.attribution_settings", "shared.models", "shared.setting_types",
    "shared.number_settings", "shared.call_settings", "shared.crm_settings", "shared.report_settings", "shared.mapped_paths",
    "shared.forms", "shared.pool_size", "shared.json_texts",
    "shared.clients", "shared.new_requests", "functions.numberpool.pbx.event", "functions.numberpool.pbx.routing",
    "shared.marks", "shared.texts", "shared.robots", "functions.collect.hits",
    "functions.collect.people.consent", "functions.collect.people.edge",
    "functions.collect.imports.addresses", "functions.collect.imports.lines", "functions.collect.imports.unpack",
    "functions.crm_webhook.reading",
    "functions.costs.cells", "functions.costs.columns", "functions.costs.messages", "functions.costs.parse",
    "functions.attribution.table", "functions.attribution.tables", "functions.attribution.visit_tables",
    "functions.attribution.working_tables", "functions.attribution.path_tables", "functions.attribution.customer_tables",
    "functions.attribution.restatement_tables",
    "functions.report.view.formats",
)  # fmt: skip
EFFECTS = re.compile(
    r"\b(datetime\.now|date\.today|time\.time|time\.time_ns|monotonic|getenv|urandom|token_bytes|uuid4|open)\(|os\.environ\b"
)
MOST_LINES = 300
LONGER: dict[str, str] = {}  # file → why it is longer than MOST_LINES
# Host names of registries and mirrors: pins carry hashes, never addresses. Written in two parts, so that this file holds none.
REGISTRIES = [
    "pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com", "repo1.maven" + ".org", "repo.maven" + ".apache",
    "maven" + "central", "crates" + ".io", "artifactory" + ".", "proxy.golang" + ".org", "githubusercontent" + ".com",
]  # fmt: skip
MACHINE_PATH = re.compile(r"(?<![\w./{}~$-])/(?:work|root|home|Users|mnt|srv|tmp)/")
# These speak of absolute paths on purpose: file → why.
SPEAKS_OF_PATHS: dict[str, str] = {}


@cache
def tracked() -> tuple[str, ...]:
    """Files that the repository holds, or would hold: tracked and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return tuple(name for name in done.stdout.splitlines() if (ROOT / name).is_file())


def python_files(*folders: str) -> list[str]:
    return [name for name in tracked() if name.endswith(".py") and name.startswith(tuple(f"{f}/" for f in folders))]


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def file_of(module: str) -> str | None:
    """File of a module of ours."""
    place = module.replace(".", "/")
    return next((name for name in (f"{place}.py", f"{place}/__init__.py") if (ROOT / name).is_file()), None)


def imports(name: str, *, inner: bool = True) -> Iterator[str]:
    """Modules that a file imports; without `inner`, only those that importing it imports (no function bodies, no type checking)."""
    nodes = list(ast.walk(tree(name))) if inner else list(_at_import(tree(name).body))
    package = name.removesuffix("/__init__.py").removesuffix(".py").split("/")
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: -node.level], *([node.module] if node.module else [])]) if node.level else str(node.module)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if file_of(f"{base}.{alias.name}"))


def _at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            yield from _at_import([n for n in getattr(node, field, []) or [] if isinstance(n, ast.stmt)])


def reached(module: str, *, inner: bool) -> dict[str, str]:
    """Every module that importing `module` reaches → the file that imports it. Packages above a module are imported with it."""
    found: dict[str, str] = {}
    todo = [(module, "")]
    while todo:
        name, by = todo.pop()
        parts = name.split(".")
        for place in (".".join(parts[: i + 1]) for i in range(len(parts))):
            if place in found:
                continue
            found[place] = by
            if (file := file_of(place)) is not None and place.split(".")[0] in ("functions", "shared", "infra", "tests"):
                todo += [(other, file) for other in imports(file, inner=inner)]
    return found


def tops(modules: dict[str, str]) -> dict[str, str]:
    return {name: by for name, by in modules.items() if "." not in name}


def test_every_function_of_the_house_is_looked_at() -> None:
    packages = {name.split("/")[1] for name in python_files("functions") if name.count("/") > 1}
    assert packages == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_never_import_each_other(function: str) -> None:
    others = tuple(f"functions.{other}" for other in FUNCTIONS if other != function)
    wrong = [
        (name, m)
        for name in python_files(f"functions/{function}")
        for m in imports(name)
        if (m + ".").startswith(tuple(f"{o}." for o in others))
    ]
    assert wrong == []


def test_shared_imports_neither_functions_nor_infra_nor_tests() -> None:
    wrong = [
        (name, m) for name in python_files("shared") for m in imports(name) if m.split(".")[0] in ("functions", "infra", "tests")
    ]
    assert wrong == []


def test_nothing_shipped_imports_infra_or_tests() -> None:
    wrong = [(name, m) for name in python_files("functions") for m in imports(name) if m.split(".")[0] in ("infra", "tests")]
    assert wrong == []


def test_infra_does_not_need_the_tests() -> None:
    assert [(name, m) for name in python_files("infra") for m in imports(name) if m.split(".")[0] == "tests"] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_loads_nothing_that_its_list_forbids_when_it_is_imported(function: str) -> None:
    loaded = tops(reached(f"functions.{function}.handler", inner=False))
    assert {name: by for name, by in loaded.items() if name in FORBIDDEN_AT_IMPORT[function]} == {}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_never_reaches_what_its_list_forbids(function: str) -> None:
    handler = f"functions.{function}.handler"
    reachable = tops(reached(handler, inner=True))
    if function not in ("attribution", "report"):
        assert "pyathena" not in reachable, "only those two ask the marts"
    assert {name: by for name, by in reachable.items() if name in FORBIDDEN_EVER[function]} == {}


def test_what_is_read_from_the_source_is_what_python_loads() -> None:
    """The reader of this file against the interpreter: a kind of import that it does not know would make the rules blind."""
    program = "import sys, functions.attribution.handler; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={}, capture_output=True, text=True, check=True, timeout=60)
    ours = {name for name in done.stdout.splitlines() if name.split(".")[0] in ("functions", "shared", "infra")}
    assert ours == {m for m in reached("functions.attribution.handler", inner=False) if file_of(m)}


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_import_the_standard_library_and_each_other(module: str) -> None:
    allowed = set(PURE) | {m.rpartition(".")[0] for m in PURE} | {"functions"} | {".".join(m.split(".")[:2]) for m in PURE}
    name = file_of(module)
    assert name is not None, f"{module} is gone; take it off the list"
    for imported in imports(name):
        top = imported.split(".")[0]
        assert imported in allowed or top in PURE_PACKAGES or top in sys.stdlib_module_names, f"{module} imports {imported}"


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_have_no_clock_no_environment_and_no_randomness(module: str) -> None:
    name = file_of(module)
    assert name is not None
    calls = [ast.unparse(node) for node in ast.walk(tree(name)) if isinstance(node, (ast.Call, ast.Attribute))]
    assert [call for call in calls if EFFECTS.search(call)] == []


def test_packages_have_an_init_file() -> None:
    folders = {str(Path(name).parent) for name in python_files("functions", "shared", "infra")}
    assert [folder for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()] == []
    assert {f"functions/{function}" for function in FUNCTIONS} <= folders


def test_no_folder_of_the_tests_shadows_a_package() -> None:
    names = {name for name in tracked() if name.startswith("tests/")}
    assert [
        name for name in names if name.split("/")[1] in ("shared", "functions", "infra", "shared.py", "functions.py", "infra.py")
    ] == []


@pytest.mark.parametrize("folder", ["functions", "shared", "infra"])
def test_files_fit_in_the_head(folder: str) -> None:
    lines = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in python_files(folder)}
    assert {name: count for name, count in lines.items() if count > MOST_LINES and name not in LONGER} == {}
    assert [name for name in LONGER if name in lines and lines[name] <= MOST_LINES] == [], "take it off the list"


def test_every_type_ignore_names_its_error_and_outside_the_tests_its_reason() -> None:
    wrong = []
    for name in python_files("functions", "shared", "infra", "tests"):
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
            found = re.search(r"# type: " + r"ignore(?P<code>\[[\w\-, ]+\])?(?P<reason>.*)$", line)
            if found and (not found["code"] or (not name.startswith("tests/") and len(found["reason"].strip(" #-(")) < 10)):
                wrong.append(f"{name}:{number}")
    assert wrong == []


def texts() -> Iterator[tuple[str, int, str]]:
    """(file, line number, line) of all that is text."""
    for name in tracked():
        try:
            content = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        yield from ((name, number, line) for number, line in enumerate(content.splitlines(), 1))


def test_no_address_of_a_registry_is_kept() -> None:
    assert [(name, number) for name, number, line in texts() for host in REGISTRIES if host in line] == []


@pytest.mark.parametrize("text", ["see /wo" + "rk/main", '"/ro' + 'ot/.cache"', "cd /ho" + "me/anna/skvoz", "(/t" + "mp/x)"])
def test_paths_of_a_machine_are_recognised(text: str) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize("text", ["https://shop.example/home/", "{root}/work/", "out/tmp/x", "$HOME/root/a", "a page /work"])
def test_other_paths_are_no_paths_of_a_machine(text: str) -> None:
    assert not MACHINE_PATH.search(text)


def test_no_path_of_a_machine_is_kept() -> None:
    mine = str(ROOT)
    wrong = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, number, line in texts()
        if name not in SPEAKS_OF_PATHS and (MACHINE_PATH.search(line) or (len(mine) > 3 and mine in line))
    ]
    assert wrong == []


def test_no_other_marks_of_a_machine_are_kept() -> None:
    """Keys, and files that belong to somebody's editor or system."""
    key = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----")
    assert [(name, number) for name, number, line in texts() if key.search(line)] == []
    junk = (".DS_Store", ".env", "Thumbs.db", ".pyc", ".orig", ".rej", ".swp")
    assert [name for name in tracked() if name.endswith(junk)] == []
