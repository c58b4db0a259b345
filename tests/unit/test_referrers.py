"""The bundled list of referring hosts: the first pattern that fits decides, so what is more exact stands above search engines."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

LIST = Path(__file__).parents[2] / "functions/attribution/rules/referrers.tsv"
RULES = list(csv.DictReader(LIST.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def category(host: str) -> str:
    return next((rule["category"] for rule in RULES if re.search(rule["host_pattern"], host)), "other")


@pytest.mark.parametrize(
    ("host", "is_a"),
    [
        ("google.com", "search"),
        ("google.co.uk", "search"),
        ("images.google.ru", "search"),
        ("notgoogle.com", "other"),
        ("google.com.shop.example", "other"),
        ("support.google.com", "other"),
        ("analytics.google.com", "other"),
        ("gemini.google.com", "ai"),
        ("maps.google.com", "maps"),
        ("mail.google.com", "email"),
        ("yandex.ru", "search"),
        ("ya.ru", "search"),
        ("notya.ru", "other"),
        ("metrika.yandex.ru", "other"),
        ("alice.yandex.ru", "ai"),
        ("zen.yandex.ru", "social"),
        ("m.youtube.com", "video"),
        ("vk.com", "social"),
        ("t.me", "messenger"),
        ("chatgpt.com", "ai"),
        ("quora.com", "other"),
    ],
)
def test_a_host_is_what_it_is(host: str, is_a: str) -> None:
    assert category(host) == is_a


def test_every_pattern_is_anchored_and_reads_as_a_regular_expression() -> None:
    for rule in RULES:
        re.compile(rule["host_pattern"])
        assert rule["host_pattern"].startswith("^"), rule
        assert rule["host_pattern"].endswith("$"), rule
