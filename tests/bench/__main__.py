"""`make bench`: the figures of the budgets, printed and left as JSON: name, value, unit, peer, ratio."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench import cold_start, extremes, marts, numbers, peers, scale, snapshot

Figures = list[dict[str, Any]]


def main() -> int:
    """Measures what is asked for. A part that fails and a figure over its budget are named at the end (1), and all figures are
    kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"))
    parser.add_argument("--hits", type=_sizes, default=(1_000_000, 10_000_000, 30_000_000), help="sizes, joined by commas")
    parser.add_argument("--raw-lines", type=int, default=marts.RAW_LINES)
    parser.add_argument("--only", help="one part: doors, numbers, peers, extremes, snapshot, lines, scale")
    chosen = parser.parse_args()
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    parts: Mapping[str, tuple[str, Callable[[], Figures]]] = {
        "doors": ("cold start of the doors and CPU of a hit", cold_start.figures),
        "numbers": ("leases, calls and look-ups on DynamoDB Local", numbers.figures),
        "peers": ("ready paths against other libraries", lambda: peers.figures(chosen.out.parent / "bench-peers")),
        "extremes": ("a long path and a client with many deals", extremes.figures),
        "snapshot": ("snapshot of a page", snapshot.figures),
        "lines": (f"{chosen.raw_lines:,} raw lines", lambda: _in_folder(lambda folder: marts.figures(folder, chosen.raw_lines))),
        "scale": ("marts", lambda: scale.figures(chosen.hits, chosen.out.with_name("bench-steps.json"))),
    }
    found: Figures = []
    failed = []
    for name, (told, figures) in parts.items():
        if chosen.only not in (None, name):
            continue
        print(f"{told} …", flush=True)
        try:
            made = figures()
        except Exception as error:  # hours of other figures must not be lost
            failed.append(f"{name}: {str(error)[:500]}")
            continue
        found += made
        failed += [f"{figure['name']}: {figure['value']} {figure['unit']}, {figure['peer']}" for figure in made if is_over(figure)]
        for figure in made:
            print(
                f"  {figure['name']}: {figure['value']} {figure['unit']}; ratio {figure['ratio']} to {figure['peer']}", flush=True
            )
        chosen.out.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"left in {chosen.out}")
    print("".join(f"FAILED {each}\n" for each in failed), end="", file=sys.stderr)
    return 1 if failed else 0


def is_over(figure: Mapping[str, Any]) -> bool:
    """Whether a figure that has a budget of its own (not one that it is only told beside) exceeds it."""
    return str(figure["peer"]).startswith("budget:") and (figure["ratio"] or 0) > 1


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size.replace("_", "")) for size in text.split(","))


def _in_folder(figures: Callable[[Path], Figures]) -> Figures:
    with tempfile.TemporaryDirectory(prefix="skvoz-bench-") as folder:
        return figures(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
