"""Small files for `skvoz attribute`, and the command as a person runs it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner

from infra.cli.main import app

DATA = Path(__file__).parent / "data/attribution"
GOOD_TOUCHES = "event_id,customer_id,touch_tstamp,channel\nt1,c1,2026-10-01 10:00:00,Ads\n"
GOOD_CONVERSIONS = "event_id,customer_id,conversion_tstamp,revenue\nk1,c1,2026-10-02 10:00:00,100.00\n"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["attribute", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def files(
    folder: Path, touches: str | bytes = GOOD_TOUCHES, conversions: str | bytes = GOOD_CONVERSIONS, spend: str = ""
) -> list[object]:
    """Arguments for files with that content; results go to `folder/out`."""
    told: list[object] = []
    for name, text in (("touches", touches), ("conversions", conversions), ("spend", spend)):
        if text != "":
            path = folder / f"{name}.csv"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            told += [f"--{name}", path]
    return [*told, "--out", folder / "out"]


def refusal(folder: Path, *more: object, **content: str | bytes) -> str:
    """What is said of bad input: exit code 2 and nothing written."""
    code, _, wrong = run(*files(folder, **content), *more)  # type: ignore[arg-type]  # the names are those of `files`
    assert code == 2, wrong
    assert not (folder / "out").exists()
    return wrong


def journeys(
    folder: Path,
    told: Mapping[str, Sequence[str]],
    sold: Mapping[str, str],
    direct: str = "",
    days: Mapping[str, str] | None = None,
) -> list[object]:
    """Arguments for customers with their channels, an hour apart from midnight of their day (2026-10-01), and the sales of its last
    second; the channel `direct` comes with the medium (none)."""
    touches = ["event_id,customer_id,touch_tstamp,channel,medium"]
    conversions = ["event_id,customer_id,conversion_tstamp,revenue"]
    for customer, channels in told.items():
        day = datetime.fromisoformat((days or {}).get(customer, "2026-10-01"))
        for place, channel in enumerate(channels):
            medium = "(none)" if channel == direct else ""
            touches.append(f"{customer}-{place},{customer},{day + timedelta(hours=place)},{channel},{medium}")
        if customer in sold:
            conversions.append(f"sale-{customer},{customer},{day:%Y-%m-%d} 23:59:59,{sold[customer]}")
    return files(folder, "\n".join(touches) + "\n", "\n".join(conversions) + "\n")


def channels_of(out: Path, model: str) -> dict[str, tuple[float, str]]:
    """Channel → conversions and revenue; channels without either are left out."""
    rows = [r for r in table(out / "channels.csv") if r["model"] == model]
    found = {r["channel"]: (float(r["conversions"]), r["revenue"]) for r in rows}
    return {channel: given for channel, given in found.items() if given != (0.0, "0.00")}


def weights_of(out: Path, model: str, event: str) -> list[tuple[str, float]]:
    """Channels of a conversion's credits in their order, with their weights."""
    rows = [r for r in table(out / "credits.csv") if (r["model"], r["event_id"]) == (model, event)]
    return [(r["channel"], float(r["weight"])) for r in sorted(rows, key=lambda r: int(r["position"]))]
