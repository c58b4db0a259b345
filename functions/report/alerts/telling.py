"""One reader's mail of alerts: what he may see of them, the claims before it, its link, and what a refusal comes to."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from functions.report.alerts.bell import Bell, key_of
from functions.report.alerts.checks import Alert, alerts_settings
from functions.report.alerts.words import MOST_NAMED, mail_of
from functions.report.delivery.post import MailRefused, Post, is_refusal
from functions.report.delivery.suppressed import Suppressed, masked
from functions.report.links import Links
from functions.report.mail import message_of, recipient_hash
from functions.report.readers import Reader
from functions.report.snapshot.scope import seen_of
from functions.report.store import Ledger, Page
from shared.log import count, logger
from shared.times import lake_text

OF_CHANNELS = frozenset({"spend_without_requests", "low_romi"})
OF_NOBODY = frozenset({"hits_stopped", "calls_stopped", "crm_stopped"})  # tell nothing of any channel
OF_SITE = frozenset({"expected", "excluded"})  # figures of the whole site, which a reader of a scope is not told
LINK = "alert"  # kind of a mail's own link


@dataclass(frozen=True, slots=True)
class Telling:
    """What telling needs; `randomness(n)` gives n random bytes."""

    ledger: Ledger
    bell: Bell
    links: Links
    suppressed: Suppressed
    post: Post
    public_url: str
    randomness: Callable[[int], bytes]


class Told(NamedTuple):
    """One mail's worth: what a reader is told. `more` is how many alerts wait for the next mail."""

    settings: Mapping[str, Any]
    reader: Reader
    alerts: Sequence[Alert]
    more: int = 0

    @property
    def site_id(self) -> str:
        return str(self.settings["site_id"])

    @property
    def recipient(self) -> str:
        return recipient_hash(self.reader.address)


def seen_by(settings: Mapping[str, Any], reader: Reader, alerts: Sequence[Alert]) -> list[Alert]:
    """What a reader may be told. One of a scope: of its channels, and of what tells nothing of any; not of accounts, pools, numbers
    and shares of the site, and no figure of the whole site either."""
    if not reader.scope:
        return list(alerts)
    seen = seen_of(settings, reader.scope, ())
    hidden = OF_SITE if alerts_settings(settings)["spend_without_requests"] is not None else OF_SITE | {"limit"}
    return [
        alert._replace(seen={name: value for name, value in alert.seen.items() if name not in hidden})
        for alert in alerts
        if alert.kind in OF_NOBODY or (alert.kind in OF_CHANNELS and alert.subject and seen.has(alert.subject[0]))
    ]


def tell(telling: Telling, told: Told, now: datetime) -> bool:
    """Whether a mail went out to a reader who was not told the same of late. Raises what kept it from going; until the mail is
    handed over, that gives all claims back."""
    resting = telling.bell.resting(told.site_id, told.recipient, told.alerts, now)
    due = [alert for alert in told.alerts if key_of(alert) not in resting]
    won: list[Alert] = []
    tried = due[:MOST_NAMED]
    try:
        won += [alert for alert in tried if telling.bell.claim(told.site_id, told.recipient, alert, now)]
        if not won:
            return False
        message = _message(telling, told._replace(alerts=won, more=len(due) - len(tried)), now)
    except Exception:
        _release(telling, told, tried, now)
        raise
    try:
        telling.post.send(message, told.reader.address)
    except Exception as error:
        if is_refusal(error):
            _release(telling, told, won, now)
        if isinstance(error, MailRefused) and error.is_recipient:
            _note_refused(telling, told.reader.address, now)
        raise
    for alert in won:
        telling.bell.mark_sent(told.site_id, told.recipient, alert)
        count({"AlertsSent": 1}, Kind=alert.kind)
    return True


def _release(telling: Telling, told: Told, alerts: Sequence[Alert], now: datetime) -> None:
    """Also a claim of which nobody knows whether it was written. What cannot be given back now is free a day later."""
    for alert in alerts:
        try:
            telling.bell.release(told.site_id, told.recipient, alert, now)
        except Exception:
            logger().warning("an alert's claim could not be given back", extra={"kind": alert.kind}, exc_info=True)


def _note_refused(telling: Telling, address: str, now: datetime) -> None:
    """As reports do (functions/report/delivery/sending.py): a server's "no" to the recipient is a bounce, that of a day counts
    once, be it a report's or an alert's."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    telling.suppressed.note(address, "transient", day, "refused")
    count({"MailReturned": 1}, Reason="transient")
    logger().warning("the mail server does not take a reader's address", extra={"recipient": masked(address)})


def _message(telling: Telling, told: Told, now: datetime) -> bytes:
    """One reader's mail. Its token opens the page of his latest report, where he has one that is open, and unsubscribes."""
    site, reader = told.settings, told.reader
    token = base64.urlsafe_b64encode(telling.randomness(32)).rstrip(b"=").decode()
    latest = _latest(telling.links, told, now)
    until = lake_text(now + timedelta(days=_link_days(site)))
    if latest is not None and latest.expires_at:
        until = min(until, latest.expires_at)
    key = latest.object_key if latest else ""
    page = Page(told.site_id, key, told.recipient, site["name"], reader.language, reader.scope, LINK, until)
    telling.ledger.keep_token(token, page, now)
    url = f"{telling.public_url.rstrip('/')}/v1/reports/{token}"
    of_reader = {**site, "report": {**site["report"], "language": reader.language}}
    written = mail_of(told.alerts, of_reader, url if key else "", f"{url}/unsubscribe", told.more)
    name = f"{told.site_id} alerts {told.recipient} {lake_text(now)}"
    return message_of(written, telling.post.sender, reader.address, reader.language, name, now, f"{url}/unsubscribe")


def _latest(links: Links, told: Told, now: datetime) -> Page | None:
    """The reader's newest page that a link of a report still opens, of the scope that he has now: what was revoked stays closed."""
    for link in links.listed(told.site_id, since=now - timedelta(days=_link_days(told.settings))):
        page = link.page
        is_his = page.recipient_hash == told.recipient and page.scope == told.reader.scope
        if is_his and page.object_key and page.kind != LINK and page.state(now) == "open":
            return page
    return None


def _link_days(settings: Mapping[str, Any]) -> int:
    return int(settings["report"].get("link_days", 400))
