"""Deals as texts: where each came from, by which path, how it was tied to its request and why this source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from functions.report.marts.tree import NO_SOURCE
from functions.report.view.contacts import contact_name
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.left_out import left_out_name
from functions.report.view.names import Names
from functions.report.view.words import plural
from shared.times import from_lake_text

MOST_NAME = 60
ARROW = " › "
View = dict[str, Any]
Deal = Mapping[str, Any]
Words = Mapping[str, Any]


def deal_rows(deals: Iterable[Deal], site: Mapping[str, Any], formats: Formats, names: Names) -> list[View]:
    """Everything shown of some deals, in their order."""
    return [_deal(deal, site, formats, names) for deal in deals]


def why_text(deal: Deal, words: Words) -> str:
    """One sentence: the rule that chose the source, and the touch it chose; or why there is none."""
    why = deal["why"]
    if deal["no_source_reason"]:
        name, help_text = words["reasons"].get(deal["no_source_reason"], words["reasons"]["not_determined"])
        if why["code"] == "visits_left_out":
            help_text = words["why"]["visits_left_out"].format(reason=left_out_name(why["reason"], words))
        return f"{name}: {help_text}."
    text = words["why"].get(why["code"], words["why"]["other"])
    return str(text).format(k=why["touch"], of=plural(why["of"], words["touches"], words))


def match_text(deal: Deal, words: Words) -> str:
    """By what the deal was tied to its request."""
    return words["match_methods"].get(deal["match_method"]) or clean(deal["match_method"]) or str(words["unset"])


def source_text(deal: Deal, names: Names) -> str:
    """`Channel › source › campaign`, without what is not known; the reason stands elsewhere where there is no source."""
    if deal["channel"] == NO_SOURCE:
        return names.channel(NO_SOURCE)
    return ARROW.join(place_parts(deal, names))


def place_parts(place: Mapping[str, Any], names: Names) -> list[str]:
    """Names of a touch's place: its channel, and source and campaign where they are known."""
    parts = [names.channel(place["channel"])]
    if place["source"] and place["source"] != "(direct)":
        parts.append(names.source(place["channel"], place))
    return parts + ([clean(place["campaign"])] if place["campaign"] else [])


def path_text(deal: Deal, names: Names) -> str:
    """`A › B › C`; where touches are left out, how many there are in all."""
    words = names.words
    shown = ARROW.join(clean(names.channel(touch["channel"]), MOST_NAME) for touch in deal["path"])
    if deal["path_length"] <= len(deal["path"]):
        return shown
    return f"{shown} ({words['path_in_all'].format(count=plural(deal['path_length'], words['touches_in_all'], words))})"


def status_text(deal: Deal, words: Words) -> str:
    """The stage as the CRM names it; its meaning in words where it has no name, or one of ours (`won`, `lost`)."""
    name = clean(deal["stage"], MOST_NAME)
    return meaning_text(deal, words) if name in ("", *words["meanings"]) else name


def meaning_text(deal: Deal, words: Words) -> str:
    return words["meanings"].get(deal["meaning"]) or clean(deal["meaning"]) or str(words["unset"])


def _deal(deal: Deal, site: Mapping[str, Any], formats: Formats, names: Names) -> View:
    words = names.words
    return {
        "id": clean(deal["deal_id"], MOST_NAME),
        "order": clean(deal["order_id"], MOST_NAME),
        "day": formats.short_day(date.fromisoformat(deal["request_day"])),
        "contact": contact_name(deal["contact_channel"], words),
        "manager": clean(deal["manager"], MOST_NAME),
        "source": source_text(deal, names),
        "is_no_source": deal["channel"] == NO_SOURCE,
        "why": why_text(deal, words),
        "match": match_text(deal, words),
        "path": path_text(deal, names),
        "touches": [_touch(touch, formats, names) for touch in deal["path"]],
        "path_label": plural(deal["path_length"], words["touches_in_all"], words),
        "status": status_text(deal, words),
        "meaning": meaning_text(deal, words),
        "tone": {"won": "good", "paid": "good", "lost": "bad", "claim": "bad"}.get(deal["meaning"], ""),
        "loss_reason": clean(deal["loss_reason"], MOST_NAME),
        "revenue": formats.money(deal["revenue"]) if deal["revenue"] else EMPTY,
        "gross_profit": formats.money(deal["gross_profit"]) if deal["gross_profit"] is not None else EMPTY,
        "amount": _amount(deal, site, formats, words),
        "sale_day": formats.short_day(date.fromisoformat(deal["sale_day"])) if deal["sale_day"] else "",
    }


def _touch(touch: Mapping[str, Any], formats: Formats, names: Names) -> View:
    return {
        "position": touch["position"],
        "at": formats.short_instant(from_lake_text(touch["touched_at"])),
        "name": ARROW.join(place_parts(touch, names)),
        "weight": formats.share(touch["weight"]) if touch["weight"] else "",
    }


def _amount(deal: Deal, site: Mapping[str, Any], formats: Formats, words: Words) -> str:
    """The deal's own sum, told where it differs from the money received."""
    amount = deal["amount"]
    if amount is None or amount == deal["revenue"]:
        return ""
    currency = deal["currency"] or site["currency"]
    text = formats.money(amount) if currency == site["currency"] else f"{formats.amount(amount)}\u00a0{clean(currency, 10)}"
    return str(words["deal_amount"]).format(amount=text)
