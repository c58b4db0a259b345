"""The report's app as it is built: small, whole, and what its TypeScript says."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

from infra.build.assemble import _LEFT_OUT
from tests.unit.node import APP, node_of, run_node

MOST_BYTES = 84_000  # gzip, level 9
BUILT = APP / "report.js"


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with the app's packages as they are pinned."""
    return node_of(APP)


def test_the_app_is_small() -> None:
    assert len(gzip.compress(BUILT.read_bytes(), 9)) <= MOST_BYTES


def test_the_built_file_says_where_it_comes_from_and_loads_nothing() -> None:
    text = BUILT.read_text("utf-8")
    assert text.startswith("/* Skvoz report: docs/reports.md; packages inside: NOTICE */\n")
    assert "sourceMappingURL" not in text
    assert re.findall(r"\beval\(|new Function\(", text) == [], "the page's policy forbids it"
    known = {"http://www.w3.org/", "http://schemas.openxmlformats.org/"}  # names of formats, which nobody asks for
    addresses = {match.group() for match in re.finditer(r"https?://[^/\"'`\s\\]+/", text)}
    assert addresses <= known


def test_a_script_element_may_hold_the_built_file() -> None:
    assert "</script" not in BUILT.read_text("utf-8").lower()
    assert "<!--" not in BUILT.read_text("utf-8")


def test_the_types_hold(node: str) -> None:
    run_node(APP, node, "node_modules/typescript/bin/tsc", "--noEmit")


def test_the_committed_file_is_what_the_source_builds(node: str, tmp_path: Path) -> None:
    run_node(APP, node, "build.mjs", str(tmp_path))
    assert (tmp_path / "report.js").read_bytes() == BUILT.read_bytes(), "run make app and commit the file"


def test_packages_are_pinned_by_version_and_hash_and_by_no_address() -> None:
    wanted = json.loads((APP / "package.json").read_text())["devDependencies"]
    assert [version for version in wanted.values() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    text = (APP / "package-lock.json").read_text()
    packages = {name: one for name, one in json.loads(text)["packages"].items() if name}
    assert {f"node_modules/{name}": version for name, version in wanted.items()}.items() <= {
        name: one["version"] for name, one in packages.items()
    }.items()
    assert [name for name, one in packages.items() if not one["integrity"].startswith("sha512-")] == []
    assert "://" not in text, "npm wrote addresses: take the fields resolved and funding out"
    assert "omit-lockfile-registry-resolved=true" in (APP / ".npmrc").read_text()


def test_the_zip_holds_the_built_file_with_its_licences_and_nothing_of_its_source(tmp_path: Path) -> None:
    shutil.copytree(APP, tmp_path / "app", ignore=lambda folder, names: {*_LEFT_OUT(folder, names), "node_modules"})
    assert sorted(file.name for file in (tmp_path / "app").rglob("*") if file.is_file()) == ["LICENSES.txt", "report.js"]


def test_no_source_file_is_longer_than_the_head_can_hold() -> None:
    lines = {file.name: len(file.read_text("utf-8").splitlines()) for file in (APP / "src").rglob("*.ts*")}
    assert len(lines) > 20
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_both_languages_have_every_text_that_the_app_says(node: str) -> None:
    """Keys that the code names whole; those made of parts are seen in the browser."""
    from functions.report.view.words import texts

    named = {
        key
        for file in (APP / "src").rglob("*.ts*")
        for key in re.findall(r"'(app\.[a-z_]+(?:\.[a-z_]+)*)'", file.read_text("utf-8"))
    }
    assert len(named) > 50
    for language in ("ru", "en"):
        missing = [key for key in sorted(named) if not _has(texts(language), key)]
        assert missing == [], language


def _has(tree: object, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True
