"""Marginal credits of long paths, which are compared touch by touch, are those of the definition (docs/method.md, models)."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.lakes import Record, deal, hit, marts_of, request, utc

ADS = {"A": "yandex/cpc", "B": "vk/cpc", "C": "google/cpc"}
FIRST = utc("10-01 12:00")
_CHANCE = random.Random(5)
LONG = "".join(_CHANCE.choice("ABC") for _ in range(104))
CASES = {
    "one touch of many": [f"{LONG}+", f"{LONG}+", f"{LONG}-", f"{LONG[:60] + LONG[61:]}-", f"{LONG[:60] + LONG[61:]}+"],
    "the first and the last": [f"{LONG}+", f"{LONG[1:]}-", f"{LONG[:-1]}+", f"{LONG[:-1]}-"],
    "one of a row of the same": [f"{'A' * 103}+", f"{'A' * 102}-"],
    "a row within others": [f"{LONG[:50]}BBB{LONG[50:]}+", f"{LONG[:50]}BB{LONG[50:]}-"],
    "two apart, which is no shortening": [f"{LONG}+", f"{LONG[:10] + LONG[11:70] + LONG[71:]}A-"],
    "as long as can be looked up, and one more": [f"{LONG[:100]}+", f"{LONG[:99]}-", f"{LONG[:101]}+"],
}


def weights_by_definition(path: str, told: list[str]) -> list[float]:
    sold, all_told = Counter(p[:-1] for p in told if p[-1] == "+"), Counter(p[:-1] for p in told)

    def chance(of: str) -> float:
        return sold[of] / all_told[of] if of in all_told else 0.0

    gains = [max(chance(path) - chance(path[:n] + path[n + 1 :]), 0.0) for n in range(len(path))]
    return [gain / sum(gains) for gain in gains] if sum(gains) else [0.0] * (len(path) - 1) + [1.0]


def visits(number: int, letters: str) -> list[Record]:
    visitor = f"v{number}"
    asked = FIRST + timedelta(hours=len(letters))
    stage = "won" if letters[-1] == "+" else "lost"
    told = [hit(visitor, FIRST + timedelta(hours=n), ADS[letter]) for n, letter in enumerate(letters[:-1])]
    request_id = f"r{number}"
    return [
        *told,
        request(request_id, asked, visitor=visitor),
        deal(f"d{number}", asked, stage, "100", request_id=request_id),
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_long_path_is_compared_with_those_that_lack_one_touch(tmp_path: Path, name: str) -> None:
    told = CASES[name]
    marts = marts_of(tmp_path, [record for number, letters in enumerate(told) for record in visits(number, letters)])
    for number, letters in enumerate(told):
        found = {
            row["position"]: row["weight"]
            for row in marts.rows("credits")
            if (row["request_id"], row["model"]) == (f"r{number}", "marginal")
        }
        expected = weights_by_definition(letters[:-1], told)
        assert [found.get(n, 0.0) for n in range(1, len(letters))] == pytest.approx(expected, abs=1e-9)
