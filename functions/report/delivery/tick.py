"""The tick: who is due which report now, and that he gets it once. One site's trouble does not stop the others, and one
report's not the site's others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from functions.report.delivery.chosen import (
    NotAllSent,
    Remark,
    deliverable,
    failed,
    is_over,
    is_writable,
    owner_first,
    remark_of,
    skip,
    unreached_of,
    unsent,
)
from functions.report.delivery.due import Due
from functions.report.delivery.making import Maker, Report, Wanted
from functions.report.delivery.sending import Letter, Mailer, letter_of, noted, send
from functions.report.delivery.whole import lacks
from functions.report.mail import recipient_hash
from functions.report.readers import readers_of
from functions.report.store import Refresh
from shared.errors import SkvozError
from shared.log import count, logger
from shared.times import lake_text

LATE = timedelta(hours=1)  # for so long a refresh may hold a report up before people are told
TICK = timedelta(minutes=15)  # between two looks (template.yaml, ReportMailFunction)
NO_TIME = "the run has no time left for it; the next one goes on"
LEAST_SECONDS = 60  # a run with less left begins nothing: it would be cut off in the middle of a mail


class Refreshed(SkvozError):
    """The figures were read while a refresh began; they are thrown away."""

    code = "marts_rewritten"


def mail_all(mailer: Mailer, now: datetime, again: str = "") -> int:
    """Mail every site's reports that are due; gives the number of mails. NotAllSent, after all sites, when any failed."""
    sent, failures = 0, []
    for site_id, settings in mailer.sites.items():
        try:
            done, errors = mail_site(mailer, orjson.loads(settings), now, again)
        except Exception as error:
            done, errors = 0, [failed(site_id, error)]
        sent += done
        failures += [f"{site_id}: {error}" for error in errors]
    if failures:
        raise NotAllSent("reports were not sent: " + "; ".join(failures)) from None
    return sent


def mail_site(mailer: Mailer, settings: Mapping[str, Any], now: datetime, again: str = "") -> tuple[int, list[str]]:
    """Mail one site's due reports; gives the number of mails and what went wrong. With `again`, a word, everybody's newest reports
    that went out before go out once more, whatever the hour."""
    site_id, readers = settings["site_id"], readers_of(settings)
    due = unsent(mailer, settings, readers, now, again)
    if not due:
        return 0, []
    unreached = unreached_of(mailer, readers, now)
    due, errors = deliverable(mailer, site_id, due, unreached, now, again)
    if settings["report"].get("owner_first", True):
        reached = [r for r in readers if r.address not in unreached and is_writable(r.address)]
        due = owner_first(mailer, settings, reached, due, now, again)
    if not due:
        return 0, errors
    sent, more = _mail_due(mailer, settings, due, remark_of(mailer, site_id, readers, unreached), now, again)
    return sent, [*errors, *more, *_given_up(mailer, site_id, due, now, again)]


def _mail_due(
    mailer: Mailer, settings: Mapping[str, Any], due: list[Due], remark: Remark, now: datetime, again: str
) -> tuple[int, list[str]]:
    """Make and send what is due, from one refresh."""
    site_id, refresh = settings["site_id"], mailer.ledger.last_refresh(settings["site_id"])
    if refresh is None:
        logger().warning("no report: the site has no complete refresh yet", extra={"site_id": site_id})
        count({"ReportsSkipped": 1}, Reason="no_refresh")
        return 0, []
    if not mailer.ledger.is_current(site_id, refresh):
        return 0, _refreshing(site_id, due, now, again)
    due, errors = _with_data(settings, due, refresh, now, again)
    if not due:
        return 0, errors
    maker, sent = Maker(mailer.warehouse(), settings, refresh), 0
    for wanted, those in _shared(due).items():
        try:
            done, failures = _send_all(mailer, _made(mailer, maker, wanted, site_id, refresh), those, now, again, remark)
        except Refreshed:
            errors += _refreshing(site_id, due, now, again)
            break
        except Exception as error:
            done, failures = 0, [failed(site_id, error)]
        sent += done
        errors += failures
    count({"ReportsSent": sent})
    return sent, errors


def _made(mailer: Mailer, maker: Maker, wanted: Wanted, site_id: str, refresh: Refresh) -> Report:
    """The report. Refreshed, whatever else went wrong, when a refresh began meanwhile: its answers may be of two states."""
    if mailer.seconds_left() < LEAST_SECONDS:
        raise NotAllSent(NO_TIME)
    try:
        return maker.make(wanted)
    finally:
        if not mailer.ledger.is_current(site_id, refresh):
            raise Refreshed("the marts were rewritten while the report was made")


def _refreshing(site_id: str, due: Iterable[Due], now: datetime, again: str) -> list[str]:
    """No report now. That is nobody's trouble until it has been so for an hour, or somebody demands one."""
    logger().warning("no report now: a refresh is under way; the next tick sends it", extra={"site_id": site_id})
    count({"ReportsSkipped": 1}, Reason="refreshing")
    if again or any(now - one.at >= LATE for one in due):
        return [failed(site_id, NotAllSent("a refresh is under way, and its reports wait for it"))]
    return []


def _with_data(
    settings: Mapping[str, Any], due: Iterable[Due], refresh: Refresh, now: datetime, again: str
) -> tuple[list[Due], list[str]]:
    """Those whose days are known whole. The others wait, and go out at last without them, which they and the error say."""
    site_id, kept, errors, waiting = settings["site_id"], [], [], 0
    for one in due:
        days = lacks(settings, one, refresh)
        if days and now < one.waits_to and not again:
            waiting += 1
            continue
        kept.append(one)
        if days:
            errors.append(
                f"a report of kind {one.kind} goes out without {days} of its days: data end at {lake_text(refresh.data_to)}"
            )
    if waiting:
        logger().warning("reports wait for their last day's data", extra={"site_id": site_id, "reports": waiting})
        count({"ReportsSkipped": waiting}, Reason="no_last_day")
    return kept, [failed(site_id, NotAllSent(error)) for error in dict.fromkeys(errors)]


def _given_up(mailer: Mailer, site_id: str, due: Iterable[Due], now: datetime, again: str) -> list[str]:
    """Reports that nobody will get: this was the last look at them."""
    lost = [one for one in due if one.until <= now + TICK and not is_over(mailer, site_id, one, again)]
    if not lost:
        return []
    count({"ReportsGivenUp": len(lost)})
    return [failed(site_id, NotAllSent(f"{len(lost)} reports are given up: they could not be sent while they were of use"))]


def _shared(due: Iterable[Due]) -> dict[Wanted, list[Due]]:
    """Who share a report."""
    found: dict[Wanted, list[Due]] = {}
    for one in due:
        found.setdefault(Wanted(one.kind, one.period, one.reader.scope, one.reader.language), []).append(one)
    return found


def _send_all(mailer: Mailer, report: Report, due: list[Due], now: datetime, again: str, remark: Remark) -> tuple[int, list[str]]:
    """One report to those who share it. Of a report without any data each gets one, which says so, and no more until there are."""
    site_id = report.settings["site_id"]
    told = {one.reader.address: mailer.ledger.was_told_empty(site_id, recipient_hash(one.reader.address)) for one in due}
    if report.is_empty and not again:
        for one in due:
            if told[one.reader.address]:
                skip(mailer, site_id, one, now, again, "no_data")
        due = [one for one in due if not told[one.reader.address]]
    if not due:
        return 0, []
    letter = letter_of(mailer, report, now, again)
    said = [_send_one(mailer, letter, one, now, remark, told[one.reader.address]) for one in due]
    errors = [error for error in said if error]
    sent = len(due) - len(errors)
    if not errors:
        return sent, []
    return sent, [failed(site_id, NotAllSent(f"{len(errors)} of {len(due)} mails failed: {'; '.join(errors)}"))]


def _send_one(mailer: Mailer, letter: Letter, one: Due, now: datetime, remark: Remark, was_empty: bool) -> str:
    """Gives what went wrong, or nothing."""
    if mailer.seconds_left() < LEAST_SECONDS:
        return NO_TIME
    address, report = one.reader.address, letter.report
    error = send(mailer, letter, one, now, remark.get((address, one.reader.scope), ()))
    if error or report.is_empty == was_empty:
        return error
    site_id = report.settings["site_id"]
    return noted(lambda: mailer.ledger.note_empty(site_id, recipient_hash(address), report.is_empty, now))
