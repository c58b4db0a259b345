"""What a check has found: how bad, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple


class Severity(IntEnum):
    """Worst first. BROKEN: data or figures are being lost or are wrong; LOOK: probably so, or soon; NOTE: good to know."""

    BROKEN = 0
    LOOK = 1
    NOTE = 2


class Finding(NamedTuple):
    """`site_id` is empty for what concerns the whole stack; `area` names the check, `what` says what is wrong, `do` where and how
    to act (a command, a place in the settings, a page)."""

    severity: Severity
    site_id: str
    area: str
    what: str
    do: str = ""


def broken(site_id: str, area: str, what: str, do: str = "") -> Finding:
    return Finding(Severity.BROKEN, site_id, area, what, do)


def look(site_id: str, area: str, what: str, do: str = "") -> Finding:
    return Finding(Severity.LOOK, site_id, area, what, do)


def note(site_id: str, area: str, what: str, do: str = "") -> Finding:
    return Finding(Severity.NOTE, site_id, area, what, do)


def sorted_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Worst first; of one severity what concerns the whole stack first, then by site, in the order in which checks found them."""
    return sorted(findings, key=lambda one: (one.severity, one.site_id))
