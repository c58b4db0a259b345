"""`make demo`: play the month, refresh as the days pass, send the report, leave everything to look at in one folder."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from functions.report.delivery.making import Maker, Wanted
from functions.report.figures import to_json
from functions.report.marts.questions import period_of
from functions.report.render import page
from functions.report.store import Refresh
from infra.demo import crm as amocrm
from infra.demo import portal as bitrix24
from infra.demo.month import Month
from infra.demo.people import month
from infra.demo.play import Player
from infra.demo.senders import Senders
from infra.demo.shop import BROADCAST, BROADCAST_POOL, CRM_TOKEN, POOL, SITE, settings
from infra.demo.truth import Verdict, judge, not_restored
from infra.local.clock import SimulatedClock
from infra.local.stack import STAGE, LocalStack
from infra.shop.pool import add_numbers
from shared.engines import engine
from shared.security import token_sha256
from shared.settings import parse_settings, published
from shared.times import from_lake_text, local_midnight

SEED = 20261001
MORNING_AFTER = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)  # when the month is over and its report goes out
REFRESH_AFTER_DAYS = (10, 20)  # days of the month after which the marts are brought up to date, as well as for the report
DATE_FORMAT = "%d %b"
LEFT = {
    "report.html": "the report as a page",
    "report.eml": "the mail as it was sent",
    "report.xlsx": "the report as a workbook",
    "figures.json": "every figure shown",
    f"{SITE}.yaml": "the shop's settings, to change and report again: its first lines say how",
}
_HOW = """\
# Settings of the demo's shop. Change them (report.language: en, a model, a margin) and report its month again:
#   .venv/bin/skvoz refresh --lake {lake} --settings {file} --now {now}
#   .venv/bin/skvoz report --lake {lake} --settings {file} --now {now} --out {again}
"""


class DemoFailed(Exception):
    """The demo found the product wrong: something lost, unexplained or miscounted."""


def demo(out: Path, scale: float = 1.0, console: Console | None = None) -> dict[str, Any]:
    """Leave the files of LEFT in `out`; gives the figures. DemoFailed says what is wrong."""
    console = console or _console()
    started = time.monotonic()
    made = month(SEED, scale)
    console.print(
        f"A month of the shop «Теплодом»: {made.visits} visits, {len(made.truths)} deals, {len(made.events)} messages to send"
    )
    clock = SimulatedClock(local_midnight(date(2026, 10, 1), "Europe/Moscow"))
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        stack = opened.enter_context(LocalStack(out / "stack", clock, on_crash=_crashed(console)))
        secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        senders = Senders(stack, clock, secret)
        crm, salon = amocrm.open_crm(clock.now, senders.amocrm), bitrix24.open_portal(clock.now, senders.bitrix24)
        opened.callback(crm.close)
        opened.callback(salon.close)
        site = parse_settings(settings(token_sha256(CRM_TOKEN), crm.url, salon.url))
        stack.publish(site)
        for name in ("crm-generic", "calls-generic"):
            stack.put_secret(f"{SITE}/{name}", secret)
        stack.put_secret(f"{SITE}/crm-bitrix24", salon.portal.application_token)
        stack.put_secret(f"{SITE}/crm-bitrix24-api", salon.portal.code)
        amocrm.keep_token(crm, SITE, STAGE)
        add_numbers(stack, SITE, POOL)
        add_numbers(stack, SITE, BROADCAST_POOL, BROADCAST)
        player = Player(stack, clock, senders, crm.account, salon.portal)
        sent = senders.sent

        def on_day(day: date) -> None:
            passed = time.monotonic() - started
            console.print(f"  {day:{DATE_FORMAT}}: {sum(sent.values()):6d} messages, {passed:5.1f} s", highlight=False)
            if day.day in REFRESH_AFTER_DAYS:
                clock.set(max(clock.now(), local_midnight(day, "Europe/Moscow").replace(tzinfo=UTC)))
                _refresh(stack, console)

        player.play(made, on_day)
        clock.set(MORNING_AFTER)
        stack.pump()
        _refresh(stack, console)
        stack.send_report()
        figures = _leave(stack, out, published(site), made)
        lost = amocrm.lost_deals(crm.account) | bitrix24.lost_deals(salon.portal)
        wrong = not_restored(engine(), SITE, lost)
    _leave_settings(out, settings(token_sha256(CRM_TOKEN)))  # the CRM's API is closed by then
    verdict: Verdict = figures.pop("verdict")
    console.print(
        f"Webhooks of {len(lost)} deals were lost; the regular check found latest stage and sum of {len(lost) - len(wrong)}.",
        highlight=False,
    )
    _show(console, figures, verdict, player, time.monotonic() - started, out)
    wrong += [*player.senders.refused, *verdict.unexplained, *verdict.wrong_money, *verdict.missing]
    if wrong:
        raise DemoFailed(f"{len(wrong)} things went wrong, first: " + "; ".join(wrong[:5]))
    return figures


def _refresh(stack: LocalStack, console: Console) -> None:
    began = time.monotonic()
    stack.refresh()
    console.print(f"  refreshed in {time.monotonic() - began:.1f} s", highlight=False)


def _leave(stack: LocalStack, out: Path, site: Mapping[str, Any], made: Month) -> dict[str, Any]:
    """The mail as SES took it; page, workbook and figures with the truth that only a simulation knows."""
    warehouse, last = engine(), stack.last_refresh(SITE)
    verdict = judge(warehouse, SITE, site["attribution"]["default_model"], made.truths)
    refresh = Refresh(last["refresh_id"], *(from_lake_text(last[name]) for name in ("completed_at", "data_to")))
    wanted = Wanted("day", period_of(site, stack.clock.now()), "", site["report"]["language"])
    report = Maker(warehouse, site, refresh).make(wanted)
    figures, extras = {**report.figures, "truth": verdict.figures()}, report.extras
    if extras.failed or extras.workbook is None:
        raise DemoFailed(f"parts of the report could not be made: {', '.join(extras.failed)}")
    links = {"xlsx": "report.xlsx", "json": "figures.json"}
    inlined = report.snapshot._replace(is_hosted=False)  # it is opened from the folder
    (out / "report.html").write_text(page(figures, report.settings, extras, links, inlined), encoding="utf-8")
    (out / "report.xlsx").write_bytes(extras.workbook)
    (out / "figures.json").write_bytes(to_json(figures))
    mails = stack.sent_mail()
    if len(mails) != 1:
        raise DemoFailed(f"{len(mails)} mails were sent instead of one")
    (out / "report.eml").write_bytes(mails[-1])
    return {**figures, "verdict": verdict}


def _leave_settings(out: Path, raw: Mapping[str, Any]) -> None:
    """The settings as a file for `skvoz refresh` and `skvoz report`, with the commands on top."""
    file = out / f"{SITE}.yaml"
    how = _HOW.format(lake=out / "stack" / "lake", file=file, now=MORNING_AFTER.isoformat(), again=out / "again")
    file.write_text(how + yaml.safe_dump(raw, allow_unicode=True, sort_keys=False, width=120), encoding="utf-8")


def _show(console: Console, figures: Mapping[str, Any], verdict: Verdict, player: Player, seconds: float, out: Path) -> None:
    table = Table(title=f"Теплодом, {figures['period']['from']} – {figures['period']['to']}, model {figures['model']}")
    for name in ("channel", "cost", "visits", "requests", "sales", "revenue", "ROMI", "margin ROMI"):
        table.add_column(name, justify="left" if name == "channel" else "right")
    for row in [*figures["channels"], {"channel": "total", **figures["totals"]}]:
        cells = [f"{row[m]:,.0f}" for m in ("cost", "visits", "requests", "sales", "revenue")]
        ratios = ["–" if row[m] is None else f"{float(row[m]):+.0%}" for m in ("romi", "margin_romi")]
        table.add_row(row["channel"], *cells, *ratios)
    console.print(table)
    console.print(f"{verdict.credited_right} of {verdict.deals} deals were credited to their true source. The others:")
    for reason, deals in verdict.reasons.items():
        console.print(f"  {deals:3d}  {reason}", highlight=False)
    sent = ", ".join(f"{n} {what}" for what, n in player.senders.sent.items())
    console.print(f"Sent: {sent}. Refused: {len(player.senders.refused)}. {seconds:.0f} s in all.", highlight=False)
    console.print("Look at:", *(f"  {out / name}  {what}" for name, what in LEFT.items()), sep="\n", highlight=False)


def _console() -> Console:
    """Wide enough for the table also where the output is no terminal (a log of CI)."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=120)


def _crashed(console: Console) -> Any:
    return lambda name, error: console.print(f"[red]{name} crashed: {error!r}[/red]")
