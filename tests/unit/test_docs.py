"""What the documents claim is held against the code: commands, files, addresses, environment."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from infra.cli.main import app
from infra.template.model import load
from shared.models import MODELS

ROOT = Path(__file__).parents[2]
TEXTS = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@cache
def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code(name: str) -> Iterator[str]:
    """Lines of code blocks, and code in running text. A line that ends with a backslash goes on in the next one."""
    text = re.sub(r"\\\n\s*", " ", read(name))
    for block in re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


@cache
def make_targets() -> set[str]:
    rules = read("Makefile") + read("infra/build/functions.mk")
    return {name for names in re.findall(r"^([\w $().%-]+):(?!=)", rules, re.MULTILINE) for name in names.split()}


def test_the_documents_are_there() -> None:
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/method.md"} <= set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_make_targets_that_are_named_exist(name: str) -> None:
    named = {target for line in code(name) for target in re.findall(r"(?:^|\s)make ([a-z][\w-]*)", line)}
    missing = {t for t in named if t not in make_targets() and not (t.startswith("build-") and "build-%" in make_targets())}
    assert missing == set()


def test_the_two_commands_are_told() -> None:
    targets = {target for line in code("README.md") for target in re.findall(r"^make (\w+)", line)}
    assert {"demo", "test"} <= targets


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words call, and the rest. None where a word is no command."""
    found: Any = typer.main.get_command(app)
    while words and hasattr(found, "commands"):
        if words[0] not in found.commands:
            return (None, words) if re.fullmatch(r"[a-z]+", words[0]) else (found, words)
        found, words = found.commands[words[0]], words[1:]
    return found, words


def calls(name: str) -> list[str]:
    """What follows `skvoz` in code, up to a comment; `skvoz` as a word of a path or a name is none."""
    lines = [re.split(r"\s#\s", line)[0] for line in code(name)]
    return [m[1].strip() for line in lines if (m := re.match(r"(?:\$ )?(?:\.venv/bin/)?skvoz(?: (.*))?$", line)) and m[1]]


@pytest.mark.parametrize("name", [name for name in TEXTS if calls(name)])
def test_commands_and_options_that_are_named_exist(name: str) -> None:
    for call in calls(name):
        for alternative in _alternatives(call):
            command, rest = command_of(alternative.split())
            assert command is not None, f"{name}: skvoz {alternative}: there is no such command"
            known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            named = {word.partition("=")[0].rstrip("],.") for word in rest if word.startswith("--")}
            assert named <= known, f"{name}: skvoz {alternative}"


def _alternatives(call: str) -> list[str]:
    """`sites add|check|apply` names three commands."""
    words = call.split()
    for place, word in enumerate(words[:2]):
        if "|" in word:
            return [" ".join([*words[:place], one, *words[place + 1 :]]) for one in word.split("|")]
    return [call]


def test_commands_named_by_our_own_messages_exist() -> None:
    """Errors say `skvoz …` to the person who must act: no dead ends there either."""
    wrong = []
    for path in [p for folder in ("functions", "shared", "infra") for p in (ROOT / folder).rglob("*.py")]:
        for call in re.findall(r"(?<![\w/-])skvoz ([a-z]+(?: [a-z]+)?)\b(?!=)", path.read_text("utf-8")):
            first, *second = call.split()
            command, _ = command_of([first])
            if hasattr(command, "commands"):
                command, _ = command_of([first, *second])
            wrong += [f"{path.name}: skvoz {call}"] if command is None else []
    assert wrong == []


def links(name: str) -> list[str]:
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", read(name)) if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name: str) -> None:
    for target in links(name):
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), f"{name} links to {target}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
            assert anchor in anchors, f"{name} links to {target}"


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "CHANGELOG.md"])
def test_files_and_folders_that_are_named_exist(name: str) -> None:
    tops = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in ("out", "build", ".venv", ".aws-sam")}
    missing = []
    for piece in code(name):
        for token in re.findall(r"(?<![\w/.{}$-])([\w.-]+(?:/[\w.*-]*)+)", piece):
            if token.split("/")[0] in tops and not list(ROOT.glob(token.strip("/").rstrip("."))):
                missing.append(token)
    assert missing == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_the_map_names_every_function_and_nothing_else(name: str) -> None:
    rows = set(re.findall(r"^\| `functions/(\w+)/?`", read(name), re.MULTILINE))
    there = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    assert rows == there


def test_environment_variables_of_the_functions_are_those_of_the_template() -> None:
    text = read("CONTRIBUTING.md")
    paragraph = text[text.index("Environment of the functions") :].split("\n\n")[0]
    documented = set(re.findall(r"`([A-Z][A-Z_]+)`", paragraph))
    given = {variable for function in load().functions().values() for variable in function.environment}
    assert documented == given


def test_addresses_that_are_named_are_routes_of_the_template() -> None:
    routes = {key.rpartition(" ")[2] for key, _ in load().routes()}
    whole = [re.sub(r"\{[^}]*\}", "[^/]+", re.sub(r"\{[^}]*\+\}", ".+", route.replace(".", r"\."))) for route in routes]
    patterns = [re.compile(route + "$") for route in whole]
    named = {a for name in TEXTS for a in re.findall(r"(?<![\w/.])(?:https://[\w.-]+)?(/v1/[\w/{}.$-]+|/skvoz\.js)", read(name))}
    assert named
    assert [address for address in sorted(named) if not any(p.match(address.rstrip("./")) for p in patterns)] == []


def test_the_python_that_is_asked_for_is_the_one_that_is_needed() -> None:
    needed = PROJECT["requires-python"].removeprefix(">=")
    assert set(re.findall(r"Python (?:≥|>=) ?(\d+\.\d+)", read("README.md"))) == {needed}


def test_the_changelog_has_the_version_of_the_project_and_the_known_form() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)\]?", read("CHANGELOG.md"), re.MULTILINE)
    assert headings
    assert set(headings) & {PROJECT["version"], "Unreleased"}
    kinds = set(re.findall(r"^### (.+)$", read("CHANGELOG.md"), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_decisions_are_dated() -> None:
    text = read("CONTRIBUTING.md")
    decisions = re.findall(r"^- (.+)$", text[text.index("## Decisions") :], re.MULTILINE)
    assert decisions
    assert [line for line in decisions if not re.match(r"\*\*20\d\d-\d\d-\d\d(, |\*\*)", line)] == []


def test_the_method_speaks_of_every_model() -> None:
    method = re.sub(r"[\s_-]+", " ", read("docs/method.md").lower())
    assert [model for model in MODELS if model.replace("_", " ") not in method] == []


def test_data_of_others_is_named_in_the_notice() -> None:
    notice = read("NOTICE")
    licensed = list((ROOT / "tests/data").rglob("LICENSE*"))
    assert licensed
    assert [path for path in licensed if f"tests/data/{path.relative_to(ROOT / 'tests/data').parts[0]}" not in notice] == []
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in read("LICENSE")
