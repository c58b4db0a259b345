"""`make bench`: the figures of the budgets, printed and left as JSON: name, value, unit, peer, ratio."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from tests.bench import cold_start, marts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"))
    parser.add_argument("--hits", type=int, default=10_000_000)
    parser.add_argument("--deals", type=int, default=100_000)
    chosen = parser.parse_args()
    print("cold start of the doors and CPU of a hit …", flush=True)
    found = list(cold_start.figures())
    print(f"marts of {chosen.hits:,} hits (a minute or two) …", flush=True)
    with tempfile.TemporaryDirectory(prefix="skvoz-bench-") as folder:
        found += marts.figures(Path(folder), chosen.hits, chosen.deals)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    for figure in found:
        print(f"{figure['name']}: {figure['value']} {figure['unit']}; ratio {figure['ratio']} to {figure['peer']}")
    print(f"left in {chosen.out}")


if __name__ == "__main__":
    main()
