"""One function's folder as Lambda unpacks it: its packages, its own code, `shared`, byte code. Also what `sam build` copies.

Two platforms: `lambda` (arm64, Python 3.13) and `host` (the interpreter that runs this), for a look at the zips without AWS.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET_PYTHON = "3.13"
TARGET_PLATFORM = "aarch64-manylinux_2_28"  # Lambda's Python 3.13 runs on Amazon Linux 2023 (glibc 2.34)
MOST_BYTES = 230_000_000  # Lambda's own limit is 250 MB unpacked

# Which folder under functions/ (and file under requirements/) each function of template.yaml is made of.
PACKAGES = {
    "CollectFunction": "collect",
    "NumberpoolFunction": "numberpool",
    "CrmWebhookFunction": "crm_webhook",
    "CrmWorkerFunction": "crm_webhook",
    "CrmTaskFunction": "crm_webhook",
    "CrmReconcileFunction": "crm_webhook",
    "CostsFunction": "costs",
    "AttributionFunction": "attribution",
    "ReportFunction": "report",
    "ReportMailFunction": "report",
    "ReportFeedbackFunction": "report",
    "AlertsFunction": "report",
}
# botocore describes 440 services in 27 MB; these are the ones that the functions (and boto3's credentials) talk to.
SERVICES = frozenset(
    {"athena", "dynamodb", "firehose", "glue", "lambda", "s3", "secretsmanager", "ses", "sesv2", "sqs", "ssm", "sts"}
)
LANGUAGES = ("root", "en", "ru")  # of Babel's 32 MB of locales
_STAGED = ("template.yaml", "Makefile", "functions", "shared", "requirements", "infra/__init__.py", "infra/build")
_LEFT_OUT = shutil.ignore_patterns(
    "__pycache__",
    "*.pyc",
    "node_modules",
    "tests",
    "test",
    "src",
    "*.ts",
    "*.mjs",
    "*.mjml",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    ".npmrc",
)  # of the tracker and the report's app only what they were built into is shipped


def stage(into: Path) -> None:
    """What a build needs, and nothing else: `sam build` copies CodeUri once per function, and .venv must not be in it."""
    shutil.rmtree(into, ignore_errors=True)
    for name in _STAGED:
        source, target = ROOT / name, into / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=_LEFT_OUT)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def assemble(function: str, into: Path, platform: str) -> int:
    """Fill a folder for one function (its logical id). Gives its size in bytes; SystemExit when it is too big or cannot be made."""
    package = PACKAGES.get(function)
    if package is None:
        raise SystemExit(f"infra/build/assemble.py does not know {function}; add it to PACKAGES")
    into.mkdir(parents=True, exist_ok=True)
    _install(ROOT / "requirements" / f"{package}.txt", into, platform)
    _strip(into)
    _own_code(package, into)
    compiled = _compile(into, platform)
    size = folder_size(into)
    print(f"{function}: {size / 1e6:.1f} MB unpacked ({platform}{'' if compiled else ', without byte code'})", flush=True)
    if size > MOST_BYTES:
        raise SystemExit(f"{function} is bigger than {MOST_BYTES // 1_000_000} MB unpacked; leave something out")
    return size


def folder_size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _install(requirements: Path, into: Path, platform: str) -> None:
    command = [
        uv(),
        "pip",
        "install",
        "--quiet",
        "--target",
        str(into),
        "--link-mode",
        "copy",  # never a hard link into uv's cache: files are changed here
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--no-deps",  # the pins are complete
        "-r",
        str(requirements),
    ]
    if platform == "host":
        command += ["--python", sys.executable]
    else:
        command += ["--python-platform", TARGET_PLATFORM, "--python-version", TARGET_PYTHON]
    # The cache usually has everything; asking it alone first is quicker and works without a network.
    if subprocess.run([*command, "--offline"], capture_output=True, check=False).returncode != 0:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"uv could not install {requirements.name}:\n{done.stderr.strip()}")


def _strip(folder: Path) -> None:
    for path in folder.glob("botocore/data/*/"):
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)
    for path in folder.glob("babel/locale-data/*.dat"):
        if path.stem.split("_")[0] not in LANGUAGES:
            path.unlink()
    for path in [*folder.glob("*/tests"), *folder.glob("boto3/examples"), folder / "bin"]:
        shutil.rmtree(path, ignore_errors=True)
    for path in [*folder.rglob("*.pyi"), folder / ".lock"]:
        path.unlink(missing_ok=True)


def _own_code(package: str, into: Path) -> None:
    (into / "functions").mkdir(exist_ok=True)
    shutil.copy2(ROOT / "functions" / "__init__.py", into / "functions" / "__init__.py")
    for name in (f"functions/{package}", "shared"):
        shutil.copytree(ROOT / name, into / name, ignore=_LEFT_OUT, dirs_exist_ok=True)


def _compile(folder: Path, platform: str) -> bool:
    """Byte code that Python trusts without looking at sources: /var/task is read-only, Lambda would compile at every cold start."""
    python = sys.executable if platform == "host" else target_python()
    if python is None:
        return False
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", "/var/task"]
    return subprocess.run([python, "-m", "compileall", *options, str(folder)], capture_output=True, check=False).returncode == 0


def target_python() -> str | None:
    """An interpreter of Lambda's version on this machine, or None. Byte code of one minor version is the same everywhere."""
    name = f"python{TARGET_PYTHON}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in [shutil.which(name), *map(str, sorted(pyenv.glob(f"{TARGET_PYTHON}.*/bin/{name}")))]:
        if candidate is not None:
            probe = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            if subprocess.run(probe, capture_output=True, text=True, check=False).stdout.strip() == TARGET_PYTHON:
                return candidate
    return None


def uv() -> str:
    """The uv to install with: `UV` names it, else the one of the virtual environment, else the one on the path."""
    beside = Path(sys.executable).with_name("uv")
    found = os.environ.get("UV") or (str(beside) if beside.exists() else shutil.which("uv"))
    if not found:
        raise SystemExit("uv is missing; run make setup, or name one: UV=/path/to/uv")
    return found
