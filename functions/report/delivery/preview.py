"""A report rendered now and sent to one address: to look at it before its readers do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.report.delivery.due import KINDS, latest
from functions.report.delivery.making import Maker, Wanted
from functions.report.delivery.sending import Mailer, letter_of, send_preview
from functions.report.mail import ascii_address
from functions.report.readers import readers_of
from functions.report.store import Refresh
from shared.errors import BadInput, NotFound


def preview(mailer: Mailer, settings: Mapping[str, Any], asked: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Send the newest report of a kind (`kind`, `scope`, `language`) to the address `preview`; the site's owner where that is
    "owner". BadInput for what cannot be, NotFound before the site's first refresh; raises what the post raises."""
    site_id, readers = settings["site_id"], readers_of(settings)
    recipient, kind = str(asked["preview"]), str(asked.get("kind") or "day")
    if kind not in KINDS:
        raise BadInput("kind must be day, week or month")
    language = str(asked.get("language") or settings["report"]["language"])
    if language not in ("ru", "en"):
        raise BadInput("language must be ru or en")
    if recipient == "owner":
        if not readers:
            raise BadInput(f"nobody gets the reports of {site_id}; give an address with --to")
        recipient = readers[0].address
    _check(recipient)
    refresh = mailer.ledger.last_refresh(site_id)
    if refresh is None:
        raise NotFound(f"{site_id} has no complete refresh yet: there are no figures")
    _refuse_others(mailer, site_id, refresh)
    period = latest(settings, kind, now)
    report = Maker(mailer.warehouse(), settings, refresh).make(Wanted(kind, period, str(asked.get("scope") or ""), language))
    _refuse_others(mailer, site_id, refresh)  # one may have begun while the figures were read
    message_id = send_preview(mailer, letter_of(mailer, report, now, is_preview=True), recipient, now)
    days = {"from": period.first.isoformat(), "to": period.last.isoformat()}
    return {"sent": 1, "message_id": message_id, "period": days, "failed": list(report.extras.failed)}


def _refuse_others(mailer: Mailer, site_id: str, refresh: Refresh) -> None:
    if not mailer.ledger.is_current(site_id, refresh):
        raise BadInput(f"a refresh of {site_id} is under way; try again in some minutes")


def _check(recipient: str) -> None:
    local, _, host = recipient.rpartition("@")
    if not local or "." not in host or any(c.isspace() for c in recipient) or len(recipient) > 254:
        raise BadInput("a preview goes to an e-mail address")
    try:
        ascii_address(recipient)
    except ValueError as error:
        raise BadInput(str(error)) from error
