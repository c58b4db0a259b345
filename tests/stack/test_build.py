"""Zips as they are deployed: what is in them, and that an interpreter with nothing else can import their handlers."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from infra.build.assemble import MOST_BYTES, PACKAGES, SERVICES, assemble, folder_size, stage, target_python
from infra.build.libraries import AARCH64, machine, wrong_libraries
from infra.template.model import Template, load
from tests.stack.code import ROOT, reached, texts_given_to

FUNCTIONS = sorted(PACKAGES)
ONE_EACH = sorted({package: function for function, package in PACKAGES.items()}.values())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folder of every package, built for this interpreter."""
    folders = {PACKAGES[function]: tmp_path_factory.mktemp(PACKAGES[function]) for function in ONE_EACH}
    for function in ONE_EACH:
        assemble(function, folders[PACKAGES[function]], "host")
    return folders


def test_every_function_of_the_template_is_built_and_has_its_target(template: Template) -> None:
    functions = template.functions()
    assert functions.keys() == PACKAGES.keys()
    for name, function in functions.items():
        assert function.handler.startswith(f"functions.{PACKAGES[name]}.")
    makefile = (ROOT / "infra/build/functions.mk").read_text(encoding="utf-8")
    targets = re.search(r"^FUNCTIONS := (.*)$", makefile, re.MULTILINE)
    assert targets is not None
    assert {f"{name}Function" for name in targets[1].split()} == functions.keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_clean_interpreter_imports_the_handler_of_a_built_function(built: dict[str, Path], function: str) -> None:
    handler = load().functions()[function].handler
    module, _, name = handler.rpartition(".")
    code = f"import sys; sys.path.insert(0, sys.argv[1]); from {module} import {name}; assert callable({name})"
    command = [sys.executable, "-I", "-S", "-c", code, str(built[PACKAGES[function]])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={"PATH": os.defpath}, cwd="/")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("function", FUNCTIONS)
def test_everything_a_handler_imports_later_is_in_its_folder_too(built: dict[str, Path], function: str) -> None:
    """Imports inside functions run on the first request, when it is too late to miss a package."""
    folder = built[PACKAGES[function]]
    handler = load().functions()[function].handler.rpartition(".")[0]
    outside = sorted(_outside_imports(reached(handler)))
    code = (
        "import sys, importlib.util as u; sys.path.insert(0, sys.argv[1]);"
        "print(*(n for n in sys.argv[2:] if n not in sys.stdlib_module_names and u.find_spec(n) is None))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(folder), *outside]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd="/")
    assert done.stdout.split() == []


def _outside_imports(paths: set[Path]) -> set[str]:
    pattern = re.compile(r"^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
    names = {name for path in paths for name in pattern.findall(_without_strings(path.read_text(encoding="utf-8")))}
    return names - {"functions", "shared", "__future__"}


def _without_strings(text: str) -> str:
    return re.sub(r'""".*?"""', "", text, flags=re.DOTALL)


def test_a_folder_holds_its_own_function_and_no_other(built: dict[str, Path]) -> None:
    for package, folder in built.items():
        assert {path.name for path in (folder / "functions").iterdir() if path.name != "__pycache__"} == {"__init__.py", package}
        assert not (folder / "infra").exists()
        assert not (folder / "tests").exists()


def test_of_the_tracker_the_two_built_files_ship_and_nothing_else(built: dict[str, Path]) -> None:
    shipped = (built["collect"] / "functions/collect/tracker").rglob("*")
    assert {path.name for path in shipped} == {"skvoz.js", "skvoz.core.js"}


def test_data_files_ship_and_sources_of_the_tracker_do_not(built: dict[str, Path]) -> None:
    for package, folder in built.items():
        shipped = {p.relative_to(folder).as_posix() for p in (folder / "functions" / package).rglob("*") if p.suffix != ".pyc"}
        wanted = {
            p.relative_to(ROOT)
            for p in (ROOT / "functions" / package).rglob("*")
            if p.suffix in (".sql", ".csv", ".json", ".js", ".html", ".ttf")
        }
        built_of = ("package.json", "package-lock.json", "tsconfig.json")
        wanted = {p for p in wanted if p.name not in built_of and "node_modules" not in p.parts}
        assert {p.as_posix() for p in wanted} <= shipped
        assert not any(name.endswith(".ts") or "node_modules" in name for name in shipped)


def test_the_hit_door_ships_without_pydantic_boto3_and_sql(built: dict[str, Path]) -> None:
    for name in ("pydantic", "boto3", "pyathena", "jinja2"):
        assert not (built["collect"] / name).exists()


def test_byte_code_is_used_without_looking_at_the_sources(built: dict[str, Path]) -> None:
    (compiled,) = (built["collect"] / "functions" / "collect" / "__pycache__").glob("handler.*.pyc")
    # PEP 552: bit 0 = checked by hash instead of time, bit 1 = check the source; Lambda's sources never change.
    assert struct.unpack_from("<I", compiled.read_bytes(), 4)[0] == 0b01


def test_botocore_keeps_the_services_that_the_code_calls(built: dict[str, Path]) -> None:
    for function in FUNCTIONS:
        handler = load().functions()[function].handler.rpartition(".")[0]
        assert texts_given_to("client", reached(handler)) <= SERVICES
    for package, folder in built.items():
        kept = {path.name for path in (folder / "botocore" / "data").iterdir() if path.is_dir() and path.name != "__pycache__"}
        assert kept == SERVICES, package


def test_folders_are_small_enough_for_lambda(built: dict[str, Path]) -> None:
    for folder in built.values():
        assert 1_000_000 < folder_size(folder) <= MOST_BYTES


def test_an_unknown_function_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="NoSuchFunction"):
        assemble("NoSuchFunction", tmp_path, "host")


def test_the_stage_holds_what_a_build_needs_and_no_virtual_environment(tmp_path: Path) -> None:
    stage(tmp_path / "stage")
    assert {path.name for path in (tmp_path / "stage").iterdir()} == {
        "Makefile",
        "functions",
        "infra",
        "requirements",
        "shared",
        "template.yaml",
    }
    assert {path.name for path in (tmp_path / "stage" / "infra").iterdir()} == {"__init__.py", "build"}
    assert folder_size(tmp_path / "stage") < 20_000_000


def test_a_library_of_another_machine_or_python_is_found(tmp_path: Path) -> None:
    def library(name: str, e_machine: int) -> None:
        (tmp_path / name).write_bytes(b"\x7fELF" + bytes(14) + struct.pack("<H", e_machine) + bytes(40))

    library("right.cpython-313-aarch64-linux-gnu.so", AARCH64)
    library("stable.abi3.so", AARCH64)
    library("plain.so.1", AARCH64)
    library("intel.cpython-313-x86_64-linux-gnu.so", 62)
    library("old.cpython-311-aarch64-linux-gnu.so", AARCH64)
    wrong = wrong_libraries(tmp_path)
    assert [line.split(":")[0] for line in wrong] == [
        "intel.cpython-313-x86_64-linux-gnu.so",
        "old.cpython-311-aarch64-linux-gnu.so",
    ]
    assert machine(Path(__file__)) is None


def test_pins_of_the_functions_are_those_that_are_tested() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))

    tested = pins("dev")
    for package in set(PACKAGES.values()):
        own = pins(package)
        assert own.items() <= tested.items(), package


@pytest.mark.parametrize("package", sorted(set(PACKAGES.values())))
def test_every_pin_has_a_hash_and_no_address(package: str) -> None:
    text = (ROOT / "requirements" / f"{package}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


@pytest.mark.proof
def test_sam_builds_arm64_zips_without_docker_from_the_stage(tmp_path: Path) -> None:
    stage(tmp_path / "stage")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "UV": str(Path(sys.executable).with_name("uv")),
        "PYTHON": sys.executable,
        "PLATFORM": "lambda",
        "SAM_CLI_TELEMETRY": "0",
        **{
            name: value
            for name, value in os.environ.items()
            if name.startswith(("UV_", "PYENV_", "SSL_", "REQUESTS_", "http", "HTTP"))
        },
    }
    command = [
        str(Path(sys.executable).with_name("sam")),
        "build",
        "--template-file",
        str(tmp_path / "stage" / "template.yaml"),
        "--build-dir",
        str(tmp_path / "built"),
        "--region",
        "eu-central-1",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for function, package in PACKAGES.items():
        folder = tmp_path / "built" / function
        assert (folder / "functions" / package / "__init__.py").exists()
        assert list(folder.rglob("*.so")), "orjson at least is compiled"
        assert wrong_libraries(folder) == []
        assert folder_size(folder) <= MOST_BYTES
        if target_python() is not None:
            assert list((folder / "shared" / "__pycache__").glob("*.cpython-313.pyc"))


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_knows_the_targets_that_sam_calls() -> None:
    done = subprocess.run(
        ["make", "--dry-run", *(f"build-{function}" for function in FUNCTIONS)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ARTIFACTS_DIR": "there"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('--into "there"') == len(FUNCTIONS)
