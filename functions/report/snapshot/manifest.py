"""The manifest of a snapshot: what it holds, whose it is, and the words that the page needs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from functions.report.marts.dates import date_basis_of
from functions.report.marts.plan import names_of_channels
from functions.report.marts.questions import Period
from functions.report.snapshot.build import Days
from functions.report.snapshot.scope import Seen
from functions.report.view.formats import Formats, clean
from functions.report.view.words import texts
from shared.report_settings import SECTIONS
from shared.sources import sources_of
from shared.times import lake_text

VERSION = 1
# Names of codes, as words of the report's language.
LABELS = (
    "models", "metrics", "meanings", "contact_channels", "match_methods", "reasons", "verdicts", "sections", "not_split", "unset",
    "total",
)  # fmt: skip


class Told(NamedTuple):
    """What a manifest tells besides the settings. `budget`: figures["budget"], where there is one."""

    period: Period
    kind: str
    history: Days
    data_to: datetime
    seen: Seen
    pages: Sequence[Mapping[str, Any]]
    folded: int
    budget: Mapping[str, Any] | None
    models: tuple[str, ...]
    bases: tuple[str, ...]
    channels: Collection[str] = ()


def manifest_of(settings: Mapping[str, Any], told: Told, sizes: Mapping[str, int]) -> bytes:
    """The manifest's JSON: `sizes` are the bytes of all other files."""
    report, words = settings["report"], texts(settings["report"]["language"])
    site = {name: settings[name] for name in ("site_id", "currency", "time_zone")}
    return _json(
        {
            "version": VERSION,
            "site": {**site, "name": clean(settings["name"])},
            "language": words["language"],
            "data_to": lake_text(told.data_to),
            "report": {"from": told.period.first.isoformat(), "to": told.period.last.isoformat(), "kind": told.kind},
            "history": {"from": told.history.first.isoformat(), "to": told.history.last.isoformat()},
            "model": settings["attribution"]["default_model"],
            "models": told.models,
            "date_basis": date_basis_of(settings),
            "date_bases": told.bases,
            "months": told.history.months,
            "thresholds": _numbers(report["thresholds"]),
            "symbol": Formats(words["language"], settings["currency"], settings["time_zone"]).symbol,
            "rates": [{**rate, "rate": float(rate["rate"])} for rate in settings.get("rates", ())],
            "sections": report.get("sections") or SECTIONS,
            "plan": _plan(settings, told),
            "budget": _budget(told),
            "names": {label: words[label] for label in LABELS if label in words},
            "texts": words.get("app", {}),
            "views": words.get("views", {}),
            "metrics": words.get("metrics", {}),
            "pages": told.pages,
            "total_requests": sum(page["rows"] for page in told.pages),
            "folded": told.folded,
            "scope": told.seen.name,
            "crm": _crm(settings),
            "files": dict(sorted(sizes.items())),
        }
    )


def _is_seen(row: Mapping[str, Any], seen: Seen) -> bool:
    """The plan of the whole site tells of all channels."""
    return seen.is_all or (bool(row.get("channel")) and seen.has(row["channel"]))


def _plan(settings: Mapping[str, Any], told: Told) -> list[dict[str, Any]]:
    """Rows of the plan; a channel by its name in the marts, whichever language it was written in. One that nobody knows is
    `is_unknown`, as in figures.json (functions/report/marts/plan.py)."""
    own = (source.channel for source in sources_of(settings).values() if source.channel)
    names = names_of_channels((*own, *told.channels))
    return [_planned(row, names) for row in settings["report"].get("plan", ()) if _is_seen(row, told.seen)]


def _planned(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    channel = row.get("channel")
    name = names.get(channel.casefold()) if channel else None
    more = {"is_unknown": True} if channel and name is None else {}
    return {**_numbers(row), "channel": name or channel or None, **more}


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers that settings have as text, exact, as JSON numbers; a month and a channel stay texts."""
    return {name: float(told) if isinstance(told, str) and name not in ("month", "channel") else told for name, told in row.items()}


def _budget(told: Told) -> Mapping[str, Any] | None:
    if told.budget is None or told.seen.is_all:
        return told.budget
    return {**told.budget, "channels": [row for row in told.budget["channels"] if told.seen.has(row["channel"])]}


def _crm(settings: Mapping[str, Any]) -> dict[str, str]:
    """Where a deal opens: the address before its number, by the word before the colon in deals' ids."""
    amo = (settings.get("crm") or {}).get("amocrm") or {}
    account = (amo.get("api") or {}).get("url") or (f"https://{amo['subdomain']}.amocrm.ru" if amo.get("subdomain") else "")
    return {"amocrm": f"{account.rstrip('/')}/leads/detail/"} if account else {}


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=_decimal)


def _decimal(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"a manifest cannot hold {type(value).__name__}")
