"""`python -m infra.build`: `stage` (folder for sam build), `function` (one zip's folder), `sizes`, `pin` (requirements)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from infra.build.assemble import MOST_BYTES, assemble, folder_size, stage
from infra.build.libraries import wrong_libraries
from infra.build.pin import pin


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.build", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("stage", help="copy what sam build needs")
    one.add_argument("--into", type=Path, required=True)
    one = commands.add_parser("function", help="fill the folder of one function")
    one.add_argument("target", help="its logical id, or build-<logical id>")
    one.add_argument("--into", type=Path, required=True)
    one.add_argument("--platform", choices=("lambda", "host"), default=os.environ.get("PLATFORM") or "lambda")
    one = commands.add_parser("sizes", help="sizes of built functions; fails on one that is too big")
    one.add_argument("folder", type=Path)
    one = commands.add_parser("pin", help="write requirements/*.txt from requirements/*.in")
    one.add_argument("--upgrade", action="store_true", help="newest versions instead of those pinned now")
    given = parser.parse_args()
    match given.command:
        case "stage":
            stage(given.into)
        case "function":
            assemble(given.target.removeprefix("build-"), given.into, given.platform)
            if given.platform == "lambda" and (wrong := wrong_libraries(given.into)):
                raise SystemExit("these libraries cannot be loaded by Lambda:\n" + "\n".join(wrong))
        case "sizes":
            return _sizes(given.folder)
        case "pin":
            pin(given.upgrade)
    return 0


def _sizes(folder: Path) -> int:
    built = {path.name: folder_size(path) for path in sorted(folder.glob("*Function")) if path.is_dir()}
    for name, size in built.items():
        print(f"{name:22} {size / 1e6:6.1f} MB unpacked of at most {MOST_BYTES // 1_000_000}")
    if not built:
        print(f"no built functions in {folder}", file=sys.stderr)
    return 0 if built and max(built.values()) <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
