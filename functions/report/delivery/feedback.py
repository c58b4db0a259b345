"""SNS → who gets no more mail: bounces and complaints that SES tells of (the configuration set's event destination).

Only the topic may invoke this function (its permission names the topic's ARN), so messages are not verified by signature. It only
adds `suppressed#…` items: it may neither read nor change anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from functions.report.delivery.suppressed import Suppressed, What, masked
from shared.aws import client, env
from shared.log import count, logger
from shared.times import parse_instant


class Told(NamedTuple):
    """One recipient's part of an event."""

    address: str
    what: What
    at: datetime
    event_id: str


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Entry point of the topic's subscription. A table that fails raises, so that SNS tells it again; what cannot be read is
    logged and counted, since telling it again would change nothing."""
    suppressed = Suppressed(client("dynamodb"), env("LEDGER_TABLE"))
    noted = 0
    for record in event.get("Records", ()):
        try:
            told = list(read(record["Sns"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            count({"MailFeedbackUnreadable": 1})
            logger().error("feedback of the mail service cannot be read", extra={"error": type(error).__name__})
            continue
        for one in told:
            noted += _note(suppressed, one)
    return {"noted": noted}


def read(sns: Mapping[str, Any]) -> Iterator[Told]:
    """What one message tells, by recipient. KeyError, TypeError or ValueError for what is no event of SES; nothing for events that
    are neither a bounce nor a complaint, nor for what came back without a mailbox having refused it (an "out of office")."""
    message = orjson.loads(sns["Message"])
    kind = message.get("eventType") or message["notificationType"]
    if kind == "Bounce":
        bounce = message["bounce"]
        what: What = "bounce" if bounce["bounceType"] == "Permanent" else "transient"
        part, people = bounce, bounce["bouncedRecipients"]
    elif kind == "Complaint" and message["complaint"].get("complaintFeedbackType") != "not-spam":  # he took it out of the spam
        what, part = "complaint", message["complaint"]
        people = part["complainedRecipients"]
    else:
        return
    at = parse_instant(part.get("timestamp") or sns["Timestamp"])
    event_id = str(part.get("feedbackId") or message["mail"]["messageId"])
    for person in people:
        if what != "transient" or _is_refusal(part, person):
            yield Told(_address(message, person), what, at, event_id)


def _is_refusal(bounce: Mapping[str, Any], person: Mapping[str, Any]) -> bool:
    """Whether a passing bounce says that the mail did not get there. Automatic answers come as Transient/General without a status
    (SES cannot tell them from others); a server's refusal has its status, or a subtype that names why."""
    has_status = str(person.get("status") or "").startswith(("4.", "5."))
    return has_status or bounce.get("bounceSubType", "General") not in ("General", "Undetermined")


def _address(message: Mapping[str, Any], person: Mapping[str, Any]) -> str:
    """Whom the mail was for. Every report goes to one address; where that hands mail on, the bounce names the other one."""
    destination = message["mail"].get("destination")
    is_one = isinstance(destination, list) and len(destination) == 1
    return str(destination[0] if is_one else person["emailAddress"])


def _note(suppressed: Suppressed, one: Told) -> int:
    try:
        suppressed.note(one.address, one.what, one.at, one.event_id)
    except ValueError:
        count({"MailFeedbackUnreadable": 1})
        logger().error("feedback of the mail service names an address that no mail can carry")
        return 0
    count({"MailReturned": 1}, Reason=one.what)
    logger().warning("a report did not reach its reader", extra={"what": one.what, "recipient": masked(one.address)})
    return 1
