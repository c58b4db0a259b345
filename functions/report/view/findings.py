"""What source control found, as sentences: what it is, what to do, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from functions.report.view.formats import Formats, clean
from functions.report.view.names import Names

MOST_NAME = 60
MOST_SLOW = 5  # stages of a kind that are named one by one
Finding = Mapping[str, Any]
Line = tuple[str, str]


def finding_lines(findings: Iterable[Finding], formats: Formats, names: Names) -> list[Line]:
    """Pairs of what was found and what to do. Of one kind the first five are told, and how many more there are."""
    lines: list[Line] = []
    left: dict[str, int] = {}
    for finding in findings:
        told = sum(code == finding["code"] for code, *_ in lines)
        if told >= MOST_SLOW:
            left[finding["code"]] = left.get(finding["code"], 0) + 1
        else:
            lines.append((finding["code"], _found(finding, formats, names)))
    say = names.words["control"]["findings"]
    worded = [(text, say[code][1]) for code, text in lines]
    more = names.words["quality"]["more"]
    for code, count in left.items():
        place = max(place for place, line in enumerate(lines) if line[0] == code)
        text, what = worded[place]
        worded[place] = (f"{text.removesuffix('.')}; {more.format(count=formats.count(count))}.", what)
    return worded


def days_text(days: float | None, formats: Formats, names: Names) -> str:
    """`2,5 дн.`; whole days from ten on."""
    if days is None:
        return "\u2014"
    told = formats.decimal(days, 1 if days < 10 else 0, fixed=False)
    return str(names.words["control"]["days_short"].format(count=told))


def stage_text(row: Finding, names: Names) -> str:
    """`Замер · Продажи`: the stage, and its pipeline where there is one."""
    parts = [clean(row[name], MOST_NAME) for name in ("stage", "pipeline")]
    return " · ".join(part for part in parts if part) or str(names.words["unset"])


def new_source_name(row: Finding, names: Names) -> str:
    """A source of visits with its channel, or a value of the CRM's source field as the CRM has it."""
    if row["kind"] == "crm":
        return clean(row["source"], MOST_NAME)
    channel = clean(names.channel(row["channel"]), MOST_NAME)
    source = clean(names.source(row["channel"], row), MOST_NAME) if row["source"] else channel
    return channel if source == channel else f"{channel} › {source}"


def _new_source_text(row: Finding, formats: Formats, names: Names) -> str:
    say = names.words["control"]["new"]
    return str(say[row["kind"]].format(source=new_source_name(row, names), count=formats.count(row["arrivals"])))


def _found(finding: Finding, formats: Formats, names: Names) -> str:
    say, words = names.words["control"], names.words
    shown: dict[str, str] = {}
    for name, value in finding.items():
        if name in ("share", "share_before"):
            shown[name] = "\u2014" if value is None else formats.share(value)
        elif name in ("days", "usual_days", "oldest_days"):
            shown[name] = days_text(value, formats, names)
        elif type(value) is int:
            shown[name] = formats.count(value)
    if "channel" in finding:
        shown["channel"] = clean(names.channel(finding["channel"]), MOST_NAME)
    if "stage" in finding:
        shown["place"] = stage_text(finding, names)
    if "method" in finding:
        shown["method"] = words["match_methods"].get(finding["method"]) or say["methods"].get(finding["method"], finding["method"])
    if "managers" in finding:
        listed = ", ".join(f"{clean(row['manager'], MOST_NAME)}\u00a0{formats.count(row['deals'])}" for row in finding["managers"])
        shown["managers"] = f" ({listed})" if listed else ""
    if "sources" in finding:
        listed = ", ".join(_new_source_text(row, formats, names) for row in finding["sources"])
        left = finding["total"] - len(finding["sources"])
        shown["list"] = listed if left <= 0 else f"{listed} {words['quality']['more'].format(count=formats.count(left))}"
    text = say["findings"][finding["code"]][0].format(**shown)
    return f"{text} {say['jumped'].format(**shown)}" if finding.get("is_jump") else text
