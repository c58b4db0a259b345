"""The hourly tick: who is due which report now, and that he gets it once. One site's trouble does not stop the others, and one
report's not the site's others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from functions.report.delivery.due import Due, demanded_of, due_of
from functions.report.delivery.making import Maker, Report, Wanted
from functions.report.delivery.sending import Mailer, letter_of, send, send_name
from functions.report.delivery.suppressed import Suppression, masked, suppression_of
from functions.report.mail import recipient_hash
from functions.report.readers import Reader, readers_of
from functions.report.store import Refresh
from shared.errors import SkvozError
from shared.identity import redact
from shared.log import count, logger


class NotAllSent(SkvozError):
    """Some reports did not go out; the schedule repeats the run, and its alarm tells people."""

    code = "reports_not_sent"


def mail_all(mailer: Mailer, now: datetime, again: str = "") -> int:
    """Mail every site's reports that are due; gives the number of mails. NotAllSent, after all sites, when any failed."""
    sent, failed = 0, []
    for site_id, settings in mailer.sites.items():
        try:
            done, errors = mail_site(mailer, orjson.loads(settings), now, again)
        except Exception as error:
            done, errors = 0, [_failed(site_id, error)]
        sent += done
        failed += [f"{site_id}: {error}" for error in errors]
    if failed:
        raise NotAllSent("reports were not sent: " + "; ".join(failed)) from None
    return sent


def mail_site(mailer: Mailer, settings: Mapping[str, Any], now: datetime, again: str = "") -> tuple[int, list[str]]:
    """Mail one site's due reports; gives the number of mails and what went wrong. With `again`, a word, everybody's newest reports
    go out once more, whatever the hour."""
    site_id, readers = settings["site_id"], readers_of(settings)
    due = _unsent(mailer, settings, readers, now, again)
    if not due:
        return 0, []
    unreached = _unreached(mailer, readers, now)
    due = _deliverable(mailer, site_id, due, unreached, now, again)
    if settings["report"].get("owner_first", True):
        due = _owner_first(mailer, settings, [r for r in readers if r.address not in unreached], due, now, again)
    refresh = _refresh(mailer, site_id) if due else None
    if refresh is None:
        return 0, []
    maker = Maker(mailer.warehouse(), settings, refresh)
    remark = {readers[0].address: sorted(masked(address) for address in unreached)}
    sent, failed = 0, []
    for wanted, those in _shared(due).items():
        try:
            done, errors = _send_all(mailer, maker.make(wanted), those, now, again, remark)
        except Exception as error:
            done, errors = 0, [_failed(site_id, error)]
        sent += done
        failed += errors
    count({"ReportsSent": sent})
    return sent, failed


def _unsent(mailer: Mailer, settings: Mapping[str, Any], readers: Iterable[Reader], now: datetime, again: str) -> list[Due]:
    find, site_id = demanded_of if again else due_of, settings["site_id"]
    due = [one for reader in readers for one in find(settings, reader, now)]
    return [one for one in due if not mailer.ledger.is_sent(site_id, _name(one, again))]


def _unreached(mailer: Mailer, readers: Sequence[Reader], now: datetime) -> dict[str, Suppression]:
    """Readers whose mailboxes give reports back, or who called one spam."""
    found = mailer.suppressed.all(now)
    told = {reader.address: suppression_of(found, reader.address) for reader in readers}
    return {address: suppression for address, suppression in told.items() if suppression is not None}


def _deliverable(
    mailer: Mailer, site_id: str, due: Iterable[Due], unreached: Mapping[str, Suppression], now: datetime, again: str
) -> list[Due]:
    """Without those who want no mail and those whom none reaches. Their reports are skipped for good, so that each is counted once;
    when they come back they get the next one."""
    kept = []
    for one in due:
        address = one.reader.address
        if address in unreached:
            lost = {"site_id": site_id, "recipient": masked(address), "reason": unreached[address].reason}
            logger().warning("no report to a reader whom mail does not reach; see: skvoz report suppressed", extra=lost)
            _skip(mailer, site_id, one, now, again, "suppressed")
        elif mailer.ledger.is_off(site_id, recipient_hash(address)):
            _skip(mailer, site_id, one, now, again, "unsubscribed")
        else:
            kept.append(one)
    return kept


def _owner_first(
    mailer: Mailer, settings: Mapping[str, Any], readers: Sequence[Reader], due: list[Due], now: datetime, again: str
) -> list[Due]:
    """A site's first report of all goes to its owner alone; the others get theirs from the next one on that becomes due. An owner
    who does not take the kind that the others do gets the first one of it all the same. Where no mail reaches him, nobody waits."""
    site_id, owner = settings["site_id"], readers_of(settings)[0].address
    mine = [one for one in due if one.reader.address == owner]
    if len(mine) == len(due) or all(reader.address != owner for reader in readers):
        return due
    if mailer.ledger.is_off(site_id, recipient_hash(owner)):
        return due
    others = [one for one in due if one.reader.address != owner]
    first = mailer.ledger.first_sent_at(site_id)
    if first is not None:
        late = [one for one in others if one.at <= first and not again]
        for one in late:
            _skip(mailer, site_id, one, now, again, "owner_first")
        return [one for one in due if one not in late]
    logger().warning("a site's first report goes to its owner alone (report.owner_first)", extra={"site_id": site_id})
    if not mine:
        kinds = {kind for reader in readers for kind in reader.every} - set(readers[0].every)
        mine = _unsent(mailer, settings, [readers[0]._replace(every=tuple(kinds))], now, again)[:1]
    return mine


def _refresh(mailer: Mailer, site_id: str) -> Refresh | None:
    """The refresh whose marts are read; None, and counted, where there is none to be read now."""
    refresh = mailer.ledger.last_refresh(site_id)
    if refresh is None:
        logger().warning("no report: the site has no complete refresh yet", extra={"site_id": site_id})
        count({"ReportsSkipped": 1}, Reason="no_refresh")
    elif mailer.ledger.is_between(site_id, refresh):
        logger().warning("no report now: a refresh is under way; the next tick sends it", extra={"site_id": site_id})
        count({"ReportsSkipped": 1}, Reason="refreshing")
        return None
    return refresh


def _shared(due: Iterable[Due]) -> dict[Wanted, list[Due]]:
    """Who share a report."""
    found: dict[Wanted, list[Due]] = {}
    for one in due:
        found.setdefault(Wanted(one.kind, one.period, one.reader.scope, one.reader.language), []).append(one)
    return found


def _send_all(
    mailer: Mailer, report: Report, due: list[Due], now: datetime, again: str, remark: Mapping[str, Sequence[str]]
) -> tuple[int, list[str]]:
    """One report to those who share it. Of a report without any data each gets one, which says so, and no more until there are."""
    site_id = report.settings["site_id"]
    told = {one.reader.address: mailer.ledger.was_told_empty(site_id, recipient_hash(one.reader.address)) for one in due}
    if report.is_empty and not again:
        for one in due:
            if told[one.reader.address]:
                _skip(mailer, site_id, one, now, again, "no_data")
        due = [one for one in due if not told[one.reader.address]]
    if not due:
        return 0, []
    letter = letter_of(mailer, report, now, again)
    errors = []
    for one in due:
        address = one.reader.address
        if error := send(mailer, letter, one, now, remark.get(address, ())):
            errors.append(error)
        elif report.is_empty != told[address]:
            mailer.ledger.note_empty(site_id, recipient_hash(address), report.is_empty, now)
    sent = len(due) - len(errors)
    if not errors:
        return sent, []
    return sent, [_failed(site_id, NotAllSent(f"{len(errors)} of {len(due)} mails failed: {'; '.join(errors)}"))]


def _skip(mailer: Mailer, site_id: str, one: Due, now: datetime, again: str, reason: str) -> None:
    mailer.ledger.skip(site_id, _name(one, again), now)
    count({"ReportsSkipped": 1}, Reason=reason)


def _name(one: Due, again: str) -> str:
    return send_name(one.kind, one.period, one.reader.address, again)


def _failed(site_id: str, error: Exception) -> str:
    """What went wrong, in words without anybody's address: an error's text may name a recipient."""
    why = redact(str(error))
    logger().error("report not sent", extra={"site_id": site_id, "error": type(error).__name__, "why": why})
    count({"ReportsFailed": 1})
    return why
