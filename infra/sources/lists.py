"""`skvoz source lists`: the rules with newer lists in a folder beside, so that the change can be looked at before it is applied."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from functions.attribution.source_rules import RULES
from infra.lists.refresh import ROBOTS, Change, rebuild
from shared.errors import BadInput


class Newer(NamedTuple):
    """Files of newer lists as their authors publish them; None: stays as it is."""

    search: Path | None = None
    social: Path | None = None
    ai: Path | None = None
    hosts: Path | None = None
    robots: Path | None = None


def refresh_lists(newer: Newer, revision: str, taken: date, out: Path | None, *, fewer: bool) -> tuple[Change, ...]:
    """Rebuild the lists: into a copy of the rules in the folder `out`, or in place (None). BadInput: nothing is written then."""
    if out is None:
        return rebuild(**newer._asdict(), revision=revision, taken=taken, fewer=fewer)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "channels.tsv").exists())):
        raise BadInput(f"{out} is something else than a folder of rules; name a folder that is new or empty")
    # Looked at before anything is written: a folder half made would be taken for the rules.
    rebuild(**newer._asdict(), revision=revision, taken=taken, fewer=fewer, write=False)
    shutil.copytree(RULES, out, dirs_exist_ok=True)
    robots_out = out / "shared" / ROBOTS.name  # the list of origins calls it shared/robots.tsv
    if newer.robots:
        robots_out.parent.mkdir(exist_ok=True)
        shutil.copyfile(ROBOTS, robots_out)
    return rebuild(**newer._asdict(), revision=revision, taken=taken, out=out / "lists", robots_out=robots_out, fewer=fewer)


def change_text(changes: Sequence[Change], most: int) -> str:
    """What came, went and changed, list by list."""
    lines = []
    for change in changes:
        told = f"{len(change.added)} new, {len(change.removed)} gone, {len(change.changed)} changed"
        lines.append(f"{change.file}: {change.rows:,} rows, {told}")
        rows = [*(f"+ {row}" for row in change.added), *(f"- {row}" for row in change.removed)]
        rows += [f"~ {before}  →  {after}" for before, after in change.changed]
        lines += [f"  {row.replace(chr(9), '  ')}" for row in rows[:most]]
        if len(rows) > most:
            lines.append(f"  … and {len(rows) - most:,} more")
        lines += [f"  note: {note}" for note in list(map(_note, change.notes))[:most]]
    return "\n".join(lines)


def _note(note: object) -> str:
    return " ".join(str(part) for part in note) if isinstance(note, tuple) else str(note)
