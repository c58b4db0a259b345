"""Runs in the peers' own virtual environment (peers.py): their models on their own sample of paths, and the chain solved plainly.

Arguments: folder for the sample, how often it is repeated for the rule models. Prints one JSON line.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import ChannelAttribution as channel_attribution
import cypack
import mam
import numpy as np
import pandas as pd

RUNS = 3


def main(folder: Path, times: int) -> dict[str, Any]:
    sample = pd.read_csv(Path(cypack.__file__).parent / "data" / "Data.csv", sep=";")
    sample = sample[["path", "total_conversions", "total_null"]].set_axis(["path", "conversions", "nulls"], axis=1)
    sample.to_csv(folder / "paths.csv", index=False)
    many = pd.concat([sample] * times, ignore_index=True)
    many.to_csv(folder / "many.csv", index=False)
    file_s, _ = _best(lambda: _from_file_to_file(folder), 1)
    rules_s, rules = _best(lambda: channel_attribution.heuristic_models(many, "path", "conversions", flg_pro=False))
    converted = many[many.conversions > 0].assign(has_conversion=True)
    nova_s, nova = _best(lambda: _nova_rules(converted), 1)
    chain_s, chain = _best(
        lambda: channel_attribution.markov_model(
            sample, "path", "conversions", var_null="nulls", out_more=True, verbose=False, flg_pro=False
        )
    )
    both = pd.concat(
        [
            sample.assign(has_conversion=True, occurrences=sample.conversions),
            sample.assign(has_conversion=False, occurrences=sample.nulls),
        ]
    )
    nova_chain_s, nova_chain = _best(lambda: _nova(both[both.occurrences > 0], "occurrences").run_markov())
    total = int(sample.conversions.sum())
    exact = _exact(sample)
    return {
        "paths": len(sample),
        "conversions": total,
        "exact": exact,
        "channelattribution": {
            "file_s": file_s,
            "rules_s": rules_s,
            "rules": rules.set_index("channel_name").to_dict("index"),
            "markov_s": chain_s,
            "markov": dict(zip(chain["result"].channel_name, chain["result"].total_conversions, strict=True)),
        },
        "marketing-attribution-models": {
            "rules_s": nova_s,
            "rules": nova,
            "markov_s": nova_chain_s,
            "markov": _shares(nova_chain.metadata["removal_effect"].removal_effect.to_dict(), total),
        },
    }


def _from_file_to_file(folder: Path) -> None:
    paths = pd.read_csv(folder / "many.csv")
    channel_attribution.heuristic_models(paths, "path", "conversions", flg_pro=False).to_csv(folder / "channels.csv")


def _nova(paths: Any, occurrences: str) -> Any:
    return mam.MAM(paths, "grouped_journey", "path", "has_conversion", occurrences_colname=occurrences)


def _nova_rules(paths: Any) -> dict[str, dict[str, float]]:
    models = _nova(paths, "conversions")
    made = {"first_touch": models.run_first_click(), "last_touch": models.run_last_click(), "linear_touch": models.run_linear()}
    found: dict[str, dict[str, float]] = {}
    for name, result in made.items():
        for row in result.to_polars().iter_rows(named=True):
            found.setdefault(str(row["channels"]), {})[name] = row["attribution"]
    return found


def _exact(sample: Any) -> dict[str, float]:
    """Conversions by removal effects, each channel taken out and the chain solved again: slow, and as plain as the definition."""
    counts: dict[tuple[str, str], int] = {}
    for path, conversions, nulls in zip(sample.path, sample.conversions, sample.nulls, strict=True):
        states = ["(start)", *path.split(" > ")]
        for pair in pairwise(states):
            counts[pair] = counts.get(pair, 0) + conversions + nulls
        counts[states[-1], "(sale)"] = counts.get((states[-1], "(sale)"), 0) + conversions
        counts[states[-1], "(null)"] = counts.get((states[-1], "(null)"), 0) + nulls
    states = sorted({here for here, _ in counts})
    place = {state: n for n, state in enumerate(states)}

    def chance(without: str) -> float:
        moves, sales, left = np.zeros((len(states), len(states))), np.zeros(len(states)), np.zeros(len(states))
        for (here, there), paths in counts.items():
            left[place[here]] += paths
            if there == "(sale)":
                sales[place[here]] += paths
            elif there not in ("(null)", without):
                moves[place[here], place[there]] += paths
        solved = np.linalg.solve(np.eye(len(states)) - moves / left[:, None], sales / left)
        return float(solved[place["(start)"]])

    whole = chance("")
    return _shares({state: 1 - chance(state) / whole for state in states if state != "(start)"}, int(sample.conversions.sum()))


def _shares(effects: dict[str, float], total: int) -> dict[str, float]:
    return {channel: effect / sum(effects.values()) * total for channel, effect in effects.items()}


def _best(run: Callable[[], Any], runs: int = RUNS) -> tuple[float, Any]:
    seconds, result = [], None
    for _ in range(runs):
        began = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - began)
    return min(seconds), result


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
