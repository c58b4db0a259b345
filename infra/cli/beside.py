"""Files that a settings file names: the plan, the logo, SQL and templates of own sections. They are read beside it, into it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.cli.plan_file import plan_rows
from shared.errors import FieldError, SettingsError

MOST_TEXT = 100_000
Reading = Callable[[Path], Any]


def with_files(raw: object, folder: Path) -> object:
    """The settings with what their files say: `report.plan_file`, `report.brand.logo_file`, `sql_file` and `template_file` of
    `report.own_sections`. Names are relative to `folder`. SettingsError names the place, the file and what is wrong."""
    report = raw.get("report") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not isinstance(report, Mapping):
        return raw
    told = _read(report, "report", folder, {"plan_file": ("plan", plan_rows)})
    if isinstance(told.get("brand"), Mapping):
        told["brand"] = _read(told["brand"], "report.brand", folder, {"logo_file": ("logo", _logo)})
    if isinstance(told.get("own_sections"), list):
        files: dict[str, tuple[str, Reading]] = {"sql_file": ("sql", _text), "template_file": ("template", _text)}
        told["own_sections"] = [
            _read(own, f"report.own_sections.{place}", folder, files) if isinstance(own, Mapping) else own
            for place, own in enumerate(told["own_sections"])
        ]
    return {**raw, "report": told}


def _read(told: Mapping[Any, Any], place: str, folder: Path, files: Mapping[str, tuple[str, Reading]]) -> dict[Any, Any]:
    found = dict(told)
    for name, (field, read) in files.items():
        if name not in found:
            continue
        where, file = f"{place}.{name}", found.pop(name)
        if found.get(field):
            raise _wrong(where, f"there is {field} beside it; keep one of both")
        if not isinstance(file, str) or not file.strip():
            raise _wrong(where, "the name of a file, beside the settings file")
        path = folder / file
        if not path.is_file():
            raise _wrong(where, f"there is no file {path}")
        found[field] = _of(read, path, where)
    return found


def _of(read: Reading, path: Path, where: str) -> Any:
    try:
        return read(path)
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(where, f"{path} cannot be read: {error}") from error


def _logo(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _text(path: Path) -> str:
    if path.stat().st_size > MOST_TEXT:
        raise OSError(f"it has more than {MOST_TEXT:,} bytes")
    return path.read_text(encoding="utf-8-sig")


def _wrong(where: str, what: str) -> SettingsError:
    return SettingsError("the settings are not applied; mend these places:", [FieldError(where, what)])
