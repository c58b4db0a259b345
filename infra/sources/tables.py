"""Findings at a terminal: aligned columns, the weightiest rows, and how many more there are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import yaml

from infra.sources.audit import Audit, Finding
from infra.sources.diff import Changed, Difference, Weight

_TITLES = {
    "cost": "money spent that no visit names",
    "untagged": "ads without tags",
    "mistake": "tags to mend",
    "unknown": "values that no rule knows",
}
FINDING_COLUMNS = ("kind", "code", "value", "advice", "visits", "hits", "requests", "cost", "first_day", "last_day")


def audit_text(found: Audit, most: int) -> str:
    """An audit in words; each kind with at most `most` rows."""
    if found.first_day is None:
        return "no hits yet: there is nothing to audit"
    head = f"{found.first_day} – {found.last_day}: {_count(found.hits)} hits came with marks or from elsewhere"
    if not found.findings:
        return f"{head}\nall is well: every ad is tagged, no tag is mistyped, every value is known, all costs meet visits"
    parts = [head]
    for kind, title in _TITLES.items():
        listed = [finding for finding in found.findings if finding.kind == kind]
        if listed:
            parts.append(f"\n{title}: {len(listed)}\n{_findings(listed[:most], kind)}{_rest(len(listed) - most)}")
    if found.settings:
        written = yaml.safe_dump(found.settings, allow_unicode=True, sort_keys=False).rstrip()
        parts.append(
            "\nfor the settings of the site: keep what is right, set each category (search, social, messenger, email, ads "
            f"…), then see its effect: skvoz source diff\n{written}"
        )
    return "\n".join(parts)


def diff_text(found: Difference, most: int) -> str:
    """A difference in words; at most `most` combinations of marks."""
    if not found.changed:
        lines = [f"nothing would change: {_count(found.looked_at)} combinations of marks get the source that they have"]
    else:
        lines = [f"{_count(len(found.changed))} of {_count(found.looked_at)} combinations of marks would change"]
        lines += _changes(found.changed[:most])
        lines += [_rest(len(found.changed) - most).strip("\n")] if len(found.changed) > most else []
        if found.channels:
            lines += ["", "channels, now → then", aligned(_channel_rows(found))]
        else:
            lines += ["", "no figure of a channel moves"]
    lines += [f"not told here: {text}" for text in found.unseen]
    return "\n".join(lines)


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Columns side by side; numbers to the right."""
    listed = [list(row) for row in rows]
    widths = [max(len(row[n]) for row in listed) for n in range(len(listed[0]))]
    lines = []
    for row in listed:
        cells = [c.rjust(w) if _is_number(c) else c.ljust(w) for c, w in zip(row, widths, strict=True)]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def finding_cells(finding: Finding) -> list[str]:
    """A finding as cells of FINDING_COLUMNS."""
    days = [day.isoformat() if day else "" for day in (finding.first_day, finding.last_day)]
    numbers = [str(finding.visits), str(finding.hits), _parts(finding.requests), f"{finding.cost:f}"]
    return [*(getattr(finding, name) for name in FINDING_COLUMNS[:4]), *numbers, *days]


def _findings(listed: Sequence[Finding], kind: str) -> str:
    is_cost = kind == "cost"
    lines = []
    for f in listed:
        weight = f"cost {_money(f.cost)}" if is_cost else f"visits {_count(f.visits)}, hits {_count(f.hits)}"
        weight += f", requests {_parts(f.requests)}" if f.requests else ""
        days = f"{f.first_day} – {f.last_day}" if f.first_day != f.last_day else f"{f.first_day}"
        lines.append(f"  {_short(f.value)}   {weight}   {days}\n    {f.advice}")
    return "\n".join(lines)


def _changes(changed: Sequence[Changed]) -> list[str]:
    lines = []
    for each in changed:
        marks = " ".join(f"{name}={text}" for name, text in zip(_NAMES, each.entry_key.split("|", 4), strict=False) if text)
        lines.append(f"\n  {_short(marks or '(no marks)', 120)}")
        if each.before != each.after:
            lines.append(f"    {_place(each.before)} → {_place(each.after)}")
        lines += [f"    {text}" for text in each.also]
        w = each.weight
        told = {"visits": _count(w.visits), "requests": _parts(w.requests), "revenue": _money(w.revenue), "cost": _money(w.cost)}
        lines.append("    " + ", ".join(f"{name} {value}" for name, value in told.items() if value != "0"))
        if not lines[-1].strip():
            lines[-1] = "    no visit, request or cost hangs on it"
    return lines


_NAMES = ("utm_source", "utm_medium", "click id", "referrer", "utm_campaign")


def _place(place: tuple[str, str, str]) -> str:
    return f"{place[0]} ({place[1]} / {place[2]})"


def _channel_rows(found: Difference) -> Iterable[list[str]]:
    yield ["channel", "visits", "requests", "revenue", "cost"]
    for name, old, new in found.channels:
        yield [name, *(_moved(one, other) for one, other in zip(_shown(old), _shown(new), strict=True))]


def _shown(weight: Weight) -> list[str]:
    return [_count(weight.visits), _parts(weight.requests), _money(weight.revenue), _money(weight.cost)]


def _moved(one: str, other: str) -> str:
    return one if one == other else f"{one} → {other}"


def _count(number: int) -> str:
    return f"{number:,}"


def _parts(number: float) -> str:
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}".rstrip("0").rstrip(".") if amount else "0"


def _rest(more: int) -> str:
    return f"\n  … and {more:,} more (--most, or --csv for all)" if more > 0 else ""


def _short(text: str, most: int = 80) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _is_number(text: str) -> bool:
    return bool(text) and not text.strip("0123456789,.-→ ")
