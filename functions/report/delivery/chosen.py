"""Who gets which of the reports that are due: whom mail reaches, who wants it, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from functions.report.delivery.due import Due, demanded_of, due_of
from functions.report.delivery.sending import Mailer, former_name, send_name
from functions.report.delivery.suppressed import Suppression, masked, suppression_of
from functions.report.mail import ascii_address, recipient_hash
from functions.report.readers import Reader, readers_of
from shared.errors import SkvozError
from shared.identity import redact
from shared.log import count, logger

Remark = Mapping[tuple[str, str], Sequence[str]]  # a reader's address and scope → what his mail says of the others


class NotAllSent(SkvozError):
    """Some reports did not go out; the schedule repeats the run, and its alarm tells people."""

    code = "reports_not_sent"


def unsent(mailer: Mailer, settings: Mapping[str, Any], readers: Iterable[Reader], now: datetime, again: str = "") -> list[Due]:
    """What readers are due and have not got; with `again` their newest reports, of those that went out before."""
    find, site_id = demanded_of if again else due_of, settings["site_id"]
    due = [one for reader in readers for one in find(settings, reader, now)]
    if again:
        due = [one for one in due if any(mailer.ledger.went_out(site_id, name) for name in _names(one))]
    return [one for one in due if not is_over(mailer, site_id, one, again)]


def is_over(mailer: Mailer, site_id: str, one: Due, again: str) -> bool:
    """Whether that send is done, under whichever name."""
    return any(mailer.ledger.is_sent(site_id, name) for name in _names(one, again))


def _names(one: Due, again: str = "") -> list[str]:
    """A send's names: that of today, and that of versions of before."""
    told = (one.kind, one.period, one.reader.address, again)
    return list(dict.fromkeys((send_name(*told), former_name(*told))))


def unreached_of(mailer: Mailer, readers: Sequence[Reader], now: datetime) -> dict[str, Suppression]:
    """Readers whose mailboxes give reports back, or who called one spam."""
    found = mailer.suppressed.all(now)
    told = {reader.address: suppression_of(found, reader.address) for reader in readers}
    return {address: suppression for address, suppression in told.items() if suppression is not None}


def remark_of(mailer: Mailer, site_id: str, readers: Iterable[Reader], unreached: Iterable[str]) -> Remark:
    """Whom no mail reaches, masked, for the first of those readers who see everything and get mail; nobody else is told."""
    told = sorted(masked(address) for address in unreached)
    for reader in readers if told else ():
        is_there = reader.address not in unreached and not mailer.ledger.is_off(site_id, recipient_hash(reader.address))
        if is_there and not reader.scope and is_writable(reader.address):
            return {(reader.address, reader.scope): told}
    return {}


def deliverable(
    mailer: Mailer, site_id: str, due: Iterable[Due], unreached: Mapping[str, Suppression], now: datetime, again: str
) -> tuple[list[Due], list[str]]:
    """Without those who want no mail and those whom none reaches, and what is wrong with addresses. Their reports are skipped for
    good, so that each is counted once; when they come back they get the next one."""
    kept, errors = [], []
    for one in due:
        address = one.reader.address
        if not is_writable(address):
            errors.append(failed(site_id, NotAllSent("a recipient's address cannot be written in a mail; mend it in the settings")))
            skip(mailer, site_id, one, now, again, "unwritable")
        elif address in unreached:
            lost = {"site_id": site_id, "recipient": masked(address), "reason": unreached[address].reason}
            logger().warning("no report to a reader whom mail does not reach; see: skvoz report suppressed", extra=lost)
            skip(mailer, site_id, one, now, again, "suppressed")
        elif mailer.ledger.is_off(site_id, recipient_hash(address)):
            skip(mailer, site_id, one, now, again, "unsubscribed")
        else:
            kept.append(one)
    return kept, errors


def owner_first(
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
            skip(mailer, site_id, one, now, again, "owner_first")
        return [one for one in due if one not in late]
    logger().warning("a site's first report goes to its owner alone (report.owner_first)", extra={"site_id": site_id})
    if not mine:
        kinds = {kind for reader in readers for kind in reader.every} - set(readers[0].every)
        mine = unsent(mailer, settings, [readers[0]._replace(every=tuple(kinds))], now, again)[:1]
    return mine


def skip(mailer: Mailer, site_id: str, one: Due, now: datetime, again: str, reason: str) -> None:
    """That report will not go to that reader."""
    mailer.ledger.skip(site_id, _name(one, again), now)
    count({"ReportsSkipped": 1}, Reason=reason)


def _name(one: Due, again: str) -> str:
    return send_name(one.kind, one.period, one.reader.address, again)


def is_writable(address: str) -> bool:
    """Whether mail can carry the address; settings of before may hold others."""
    try:
        return bool(ascii_address(address))
    except ValueError:
        return False


def failed(site_id: str, error: Exception) -> str:
    """What went wrong, in words without anybody's address: an error's text may name a recipient."""
    why = redact(str(error))
    logger().error("report not sent", extra={"site_id": site_id, "error": type(error).__name__, "why": why})
    count({"ReportsFailed": 1})
    return why
