"""`python -m infra.template`: the template's part of `make check`. `--print` writes the expanded template to stdout."""

from __future__ import annotations

import argparse
import json
import sys

from infra.template.expand import expand
from infra.template.lint import lint, validate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.template", description=__doc__)
    parser.add_argument("--print", action="store_true", help="print the expanded template as JSON and stop")
    if parser.parse_args().print:
        print(json.dumps(expand(), indent=1, default=str))
        return 0
    complaints = validate()
    if not complaints:
        print("OK  template.yaml: sam validate --lint")
        try:
            expanded = expand()
        except ValueError as error:
            complaints = str(error).splitlines()
        else:
            print(f"OK  template.yaml: expands to {len(expanded['Resources'])} resources")
            complaints = lint(expanded)
            if not complaints:
                print("OK  template.yaml: cfn-lint of the expanded template")
    for line in complaints:
        print(f"ERROR  template.yaml: {line}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
