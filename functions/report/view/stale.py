"""What the period's last days lack, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.view.words import plural


def stale_line(figures: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """That the data end before the period does, and by how many days; empty where its days are whole. Figures of before do not know
    how many: then it is the last one."""
    if figures["data_quality"]["is_last_day_complete"]:
        return ""
    days = int(figures.get("missing_days", 1))
    return plural(days, words["delivery"]["missing_days"], words) if days > 1 else str(words["stale"])
