"""Models on ready paths against channelattribution and marketing-attribution-models, in the same run (docs/scale.md).

The peers bring pandas, polars and plotly along, so they get a virtual environment of their own, made once (requirements/peers.txt).
The paths are channelattribution's own sample: 10,000 paths, 12 channels, 19,785 conversions; for the rule models a hundred times.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.attribute.options import READY_MODELS, options
from infra.attribute.ready_models import by_chain, by_rules, count_paths, totals_of
from infra.attribute.ready_paths import attribute_paths, code_paths, load_paths
from infra.build.assemble import uv
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.settings import SiteSettings
from tests.bench.walk import Figure, figure

ROOT = Path(__file__).parents[2]
PINS = ROOT / "requirements" / "peers.txt"
TIMES = 100
RUNS = 3
MOST_SECONDS = 900
RULES_BUDGET_S, MARKOV_BUDGET_S = 0.4, 0.1
MODELS = {"first": "first_touch", "last": "last_touch", "linear": "linear_touch"}  # ours: theirs
CA, MAM = "channelattribution", "marketing-attribution-models"
Channels = Mapping[str, float]
Told = dict[str, Any]


def figures(environment: Path) -> list[Figure]:
    """`environment` keeps the peers between runs. Where they cannot be installed: one line, and no figures."""
    python = _install(environment)
    if python is None:
        return []
    with tempfile.TemporaryDirectory(prefix="skvoz-bench-") as folder:
        theirs = _peers(python, Path(folder))
        rules_s, rules = _our_rules(Path(folder) / "paths.csv")
        markov_s, chain = _our_chain(Path(folder) / "paths.csv")
        file_s = _best(lambda: _whole_command(Path(folder)))
    paths, many = f"{theirs['paths']:,} ready paths", f"{theirs['paths'] * TIMES:,} ready paths"
    found = []
    for name, told in ((CA, theirs[CA]), (MAM, theirs[MAM])):
        rule, chained = f"first, last, linear on {many}", f"Markov, order 1, on {paths}"
        found += [
            figure(f"{rule}, once read (budget {RULES_BUDGET_S} s)", rules_s, "s", name, told["rules_s"]),
            _agreement(f"{rule}: most that a channel differs from {name}", rules, told["rules"]),
            figure(f"{chained}, once read, exact (budget {MARKOV_BUDGET_S} s)", markov_s, "s", name, told["markov_s"]),
        ]
    found.append(
        figure(
            f"first, last, linear on {many}, from the CSV file with its checks to the CSV file",
            file_s,
            "s",
            f"{CA}, from pandas.read_csv to to_csv",
            theirs[CA]["file_s"],
        )
    )
    for name, conversions in (("ours", chain), (CA, theirs[CA]["markov"]), (MAM, theirs[MAM]["markov"])):
        wrong = _apart(conversions, theirs["exact"]) / 2
        found.append(figure(f"Markov on {paths}: on the wrong channel, {name}", wrong, "conversions", "all", theirs["conversions"]))
    return found


def _install(environment: Path) -> Path | None:
    """The interpreter of the peers' environment, made anew when the pins changed; None, and a line, when it cannot be made."""
    python, made_of = environment / "bin" / "python", environment / "made-of"
    pins = hashlib.sha256(PINS.read_bytes()).hexdigest()
    if made_of.exists() and made_of.read_text() == pins:
        return python
    for command in (
        [uv(), "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
        [uv(), "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(PINS)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
        if done.returncode:
            print(f"  no comparison: {CA} and {MAM} could not be installed ({(done.stderr.strip() or '?').splitlines()[-1]})")
            return None
    made_of.write_text(pins)
    return python


def _peers(python: Path, folder: Path) -> Told:
    command = [str(python), str(Path(__file__).with_name("peer_program.py")), str(folder), str(TIMES)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"the peers failed:\n{done.stderr[-2000:]}")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def _loaded(paths: Path) -> tuple[DuckDbWarehouse, SiteSettings]:
    """The paths in memory, split into their channels."""
    site = options(list(MODELS), READY_MODELS).site
    warehouse = DuckDbWarehouse(paths.parent)
    load_paths(warehouse, paths)
    code_paths(warehouse, site)
    return warehouse, site


def _our_chain(paths: Path) -> tuple[float, dict[str, float]]:
    """Seconds from the paths in memory to the effects, and the conversions of each channel."""
    seconds, found = [], {}
    for _ in range(RUNS):
        warehouse, site = _loaded(paths)
        began = time.perf_counter()
        count_paths(warehouse)
        effects = by_chain(warehouse, site)
        seconds.append(time.perf_counter() - began)
        conversions = float(totals_of(warehouse).conversions)
        found = {channel: effect / sum(effects.values()) * conversions for channel, effect in effects.items()}
        warehouse.close()
    return min(seconds), found


def _our_rules(paths: Path) -> tuple[float, dict[str, dict[str, float]]]:
    """Seconds from the paths in memory, repeated, to the conversions of each channel and model (under the peer's names)."""
    warehouse, site = _loaded(paths)
    warehouse.connection.execute(f"CREATE TABLE many AS SELECT r.* FROM ready AS r, range({TIMES})")
    warehouse.connection.execute("DROP TABLE ready")
    warehouse.connection.execute("ALTER TABLE many RENAME TO ready")
    quotas: dict[str, Any] = {}
    seconds = _best(lambda: quotas.update(by_rules(warehouse, site, list(MODELS))))
    warehouse.close()
    found: dict[str, dict[str, float]] = {}
    for model, name in MODELS.items():
        for channel, conversions, *_ in quotas[model]:
            found.setdefault(channel, {})[name] = float(conversions)
    return seconds, found


def _whole_command(folder: Path) -> None:
    attribute_paths(folder / "many.csv", folder / "out", options(list(MODELS), READY_MODELS))


def _agreement(name: str, ours: Mapping[str, Channels], theirs: Mapping[str, Channels]) -> Figure:
    most = max(abs(ours[channel][model] - theirs[channel][model]) for channel in theirs for model in MODELS.values())
    return figure(name, most, "conversions", "the greatest of a channel", max(max(row.values()) for row in theirs.values()))


def _apart(found: Channels, exact: Channels) -> float:
    return sum(abs(found.get(channel, 0.0) - conversions) for channel, conversions in exact.items())


def _best(run: Callable[[], object]) -> float:
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
