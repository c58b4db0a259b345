"""Values that no rule knows, as the report lists them, with what to do: a line of the settings, or a link to mend. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from infra.utm.check import mistakes
from infra.utm.words import Words
from shared.source_settings import plain_name
from shared.warehouse import Row

MOST_OWN = 50  # sources that are written out as settings: the most seen


class Unknown(NamedTuple):
    """One value: `weight` is visits, hits, requests, cost (0), first and last day."""

    code: str
    value: str
    advice: str
    weight: tuple[int, int, float, Decimal, date | None, date | None]


def unknown_values(rows: Iterable[Row], words: Words) -> tuple[list[Unknown], dict[str, Any]]:
    """(values, the settings `sources` that would make them known). Mistyped values become synonyms of what they were meant to be;
    macros and broken texts are mistakes of links and not listed."""
    found: list[Unknown] = []
    own: dict[str, dict[str, str]] = {}  # id → synonyms by their plain name
    clicks: dict[str, dict[str, str]] = {}
    for row in sorted(rows, key=lambda row: (-row["visits"], -row["hits"], row["entry_key"])):
        weight = (row["visits"], row["hits"], float(row["requests"] or 0), Decimal(0), row["first_day"], row["last_day"])
        source, medium, click_id_name, _ = row["entry_key"].split("|", 3)
        if source.strip() and row["category"] == "unknown" and row["matched"] == row["source"]:
            meant = _meant(source, words)
            if meant is None:
                continue
            plain = plain_name(source.strip())
            own.setdefault(meant or _id(plain, own), {}).setdefault(plain, source.strip())
            told = (
                f"did you mean {meant}? List it as its synonym (below)"
                if meant
                else "list it under sources.own (below), or mend the links"
            )
            found.append(Unknown("utm_source", source.strip(), f"{told}; now {row['channel']}", weight))
        if row["medium_kind"] == "unknown" and medium.strip() and not _is_mistake(medium, words):
            told = "no setting names a medium: mend the links (cpc, email, social …), or give the source its channel in sources.own"
            found.append(Unknown("utm_medium", medium.strip(), told, weight))
        if click_id_name and row["basis"] in ("none", "referrer") and not source.strip():
            clicks[click_id_name] = {"source": f"WHOSE-{click_id_name}", "medium": "paid"}
            found.append(Unknown("click_id", click_id_name, "say whose click id it is under sources.click_ids (below)", weight))
    return found, _settings(own, clicks, words)


def _meant(source: str, words: Words) -> str | None:
    """The known source that was meant, empty where there is none like it; None where the value is no name at all."""
    told = {m.code: m.suggestion for m in mistakes({"utm_source": source}, words=words, arrived=True) if m.tag == "utm_source"}
    if told.keys() & {"unfilled", "personal", "broken_text", "encoded_twice", "own_source"}:
        return None
    return words.source_of(told.get("mistyped") or told.get("lookalike") or "")


def _is_mistake(medium: str, words: Words) -> bool:
    """A medium that is told among the mistakes already."""
    found = mistakes({"utm_medium": medium}, words=words, arrived=True)
    return any(m.tag == "utm_medium" and m.code not in ("unknown_medium", "upper_case", "space", "edge_space") for m in found)


def _id(plain: str, own: Mapping[str, Mapping[str, str]]) -> str:
    """An id that the settings take, and that no other value has."""
    id_ = re.sub(r"[^a-z0-9а-яё]+", "-", plain).strip("-")[:50] or "source"
    names = (id_, *(f"{id_}-{n}" for n in range(2, len(own) + 2)))
    return next(name for name in names if plain in own.get(name, (plain,)))


def _settings(own: Mapping[str, Mapping[str, str]], clicks: Mapping[str, Mapping[str, str]], words: Words) -> dict[str, Any]:
    known = words.source_of
    listed = []
    for id_, synonyms in list(own.items())[:MOST_OWN]:
        told: dict[str, Any] = {"id": id_}
        if not known(id_):
            told["category"] = "other"
        if named := sorted(written for plain, written in synonyms.items() if plain != id_):
            told["synonyms"] = named
        listed.append(told)
    told_all = {"own": listed, "click_ids": dict(clicks)}
    return {"sources": {name: value for name, value in told_all.items() if value}} if own or clicks else {}
