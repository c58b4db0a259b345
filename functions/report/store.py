"""What the report keeps: sends, page tokens and who wants no mail (DynamoDB `ledger`); pages with their figures and workbooks
(files bucket).

Items: `refresh#{site}` / `begun` and `last` (written by the refresh), `report#{site}` / `send#{period}#{recipient hash}[#again]`,
`first` (when its first report went to the owner) and `empty#{recipient hash}` (whose latest report had no data),
`page#{sha256 of the token}` / `page`, `links#{site}` / `{made at}#{sha256 of the token}` (the site's tokens, to be listed and
revoked), `unsubscribe#{site}` / `{recipient hash}` (the only key that the page's function may write).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from shared.security import token_sha256
from shared.times import EPOCH, from_lake_text, lake_text, to_millis

LEASE = timedelta(minutes=15)
MOST_TRIES = 2  # of a mail of which nobody knows whether it went out
Claim = Literal["claimed", "sent", "busy", "lost"]


class Refresh(NamedTuple):
    """The last complete refresh of a site."""

    refresh_id: str
    completed_at: datetime
    data_to: datetime


LinkState = Literal["open", "expired", "revoked"]


class Page(NamedTuple):
    """What a token opens, and for whom it was made: every recipient of a report has a token of his own.

    `kind` is day, week or month; `scope` a name, empty: everything; `expires_at` and `revoked_at` are lake text, empty: never. Text
    and not a number, because the table's time to live would delete the item, and unsubscribing outlives the page.
    """

    site_id: str
    object_key: str
    recipient_hash: str
    site_name: str
    language: str
    scope: str = ""
    kind: str = ""
    expires_at: str = ""
    revoked_at: str = ""

    def state(self, now: datetime) -> LinkState:
        """Whether the page may be shown."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= lake_text(now) else "open"


class Ledger:
    """Sends, page tokens and unsubscriptions. Every write that two runs could race for is conditional."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def last_refresh(self, site_id: str) -> Refresh | None:
        """None before the first complete refresh."""
        item = self._get(f"refresh#{site_id}", "last")
        if item is None:
            return None
        return Refresh(item["refresh_id"]["S"], from_lake_text(item["completed_at"]["S"]), from_lake_text(item["data_to"]["S"]))

    def is_between(self, site_id: str, last: Refresh) -> bool:
        """Whether a refresh began to rewrite the site's marts and has not completed: no figure is read from such marts."""
        begun = self._get(f"refresh#{site_id}", "begun")
        return begun is not None and begun["refresh_id"]["S"] != last.refresh_id

    def is_current(self, site_id: str, read: Refresh) -> bool:
        """Whether the marts are still those of the refresh that was read: none began since, nor was completed."""
        return not self.is_between(site_id, read) and self.last_refresh(site_id) == read

    def is_sent(self, site_id: str, send: str) -> bool:
        """Whether that send is over: sent, skipped for good, or lost (tried as often as may be, its fate unknown)."""
        item = self._get(f"report#{site_id}", f"send#{send}")
        return item is not None and item["state"]["S"] in ("sent", "skipped", "lost")

    def went_out(self, site_id: str, send: str) -> bool:
        """Whether that mail was sent, or may have been."""
        item = self._get(f"report#{site_id}", f"send#{send}")
        return item is not None and item["state"]["S"] in ("sent", "lost")

    def claim(self, site_id: str, send: str, now: datetime) -> Claim:
        """Take a send before doing it. `sent`: it is over; `busy`: another run holds it, at most 15 minutes; `lost`: it was tried
        twice and nobody knows whether it went out, so that from here on it is over.

        A run that died in between leaves `sending`, which the next run takes over after the lease.
        """
        is_free = "#state = :sending AND lease_until < :now AND (attribute_not_exists(tries) OR tries < :most)"
        told = {":sending": {"S": "sending"}, ":now": _number(to_millis(now)), ":most": _number(MOST_TRIES)}
        taken = {":at": {"S": lake_text(now)}, ":until": _number(to_millis(now + LEASE)), ":one": _number(1)}
        change = "SET #state = :sending, claimed_at = :at, lease_until = :until ADD tries :one"
        if self._change(site_id, send, change, f"attribute_not_exists(pk) OR ({is_free})", {**told, **taken}):
            return "claimed"
        if self.is_sent(site_id, send):
            return "sent"
        told |= {":lost": {"S": "lost"}}
        is_lost = "#state = :sending AND lease_until < :now AND tries >= :most"
        return "lost" if self._change(site_id, send, "SET #state = :lost", is_lost, told) else "busy"

    def _change(self, site_id: str, send: str, change: str, condition: str, told: Mapping[str, Any]) -> bool:
        """Change a send under a condition; False where that is not met."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(f"report#{site_id}", f"send#{send}"),
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=dict(told),
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def mark_sent(self, site_id: str, send: str, message_id: str, now: datetime) -> None:
        """The mail was handed over; from here on nobody sends it again."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(f"report#{site_id}", f"send#{send}"),
            UpdateExpression="SET #state = :sent, sent_at = :at, message_id = :id REMOVE lease_until",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":sent": {"S": "sent"}, ":at": {"S": lake_text(now)}, ":id": {"S": message_id}},
        )

    def skip(self, site_id: str, send: str, now: datetime) -> None:
        """That report will not be sent: later ticks do not take it up again. A send that was begun stays as it is."""
        self._put_once(f"report#{site_id}", f"send#{send}", {"state": {"S": "skipped"}, "skipped_at": {"S": lake_text(now)}})

    def first_sent_at(self, site_id: str) -> datetime | None:
        """When the site's first report of all went to its owner; None before that. Sites whose reports went out before this was
        kept have had theirs long ago."""
        item = self._get(f"report#{site_id}", "first")
        if item is not None:
            return from_lake_text(item["sent_at"]["S"])
        answer = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :send)",
            FilterExpression="#state = :sent",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":pk": {"S": f"report#{site_id}"}, ":send": {"S": "send#"}, ":sent": {"S": "sent"}},
        )
        return EPOCH if answer.get("Items") else None

    def note_first(self, site_id: str, sent_at: datetime) -> None:
        """The site's first report went out; said again, it changes nothing."""
        self._put_once(f"report#{site_id}", "first", {"sent_at": {"S": lake_text(sent_at)}})

    def was_told_empty(self, site_id: str, recipient: str) -> bool:
        """Whether the latest report that this recipient hash got said that there is no data yet."""
        return self._get(f"report#{site_id}", f"empty#{recipient}") is not None

    def note_empty(self, site_id: str, recipient: str, is_empty: bool, now: datetime) -> None:
        """The report just sent had no data, or had some."""
        if is_empty:
            self._put_once(f"report#{site_id}", f"empty#{recipient}", {"sent_at": {"S": lake_text(now)}})
        else:
            self._dynamodb.delete_item(TableName=self._table, Key=_key(f"report#{site_id}", f"empty#{recipient}"))

    def _put_once(self, pk: str, sk: str, item: Mapping[str, Any]) -> None:
        """Put an item where there is none."""
        try:
            condition = "attribute_not_exists(pk)"
            self._dynamodb.put_item(TableName=self._table, Item={**_key(pk, sk), **item}, ConditionExpression=condition)
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def release(self, site_id: str, send: str, now: datetime) -> None:
        """The mail was refused for certain: the next run may try at once. Only the claim made at `now` is given back; earlier tries
        whose fate is unknown stay counted."""
        key, is_mine = _key(f"report#{site_id}", f"send#{send}"), "#state = :sending AND claimed_at = :at"
        told = {":sending": {"S": "sending"}, ":at": {"S": lake_text(now)}}
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=key,
                ConditionExpression=f"{is_mine} AND tries <= :one",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={**told, ":one": _number(1)},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            told |= {":ended": _number(0), ":minus": _number(-1)}
            self._change(site_id, send, "SET lease_until = :ended ADD tries :minus", is_mine, told)

    def keep_token(self, token: str, page: Page, now: datetime) -> None:
        """Let a token open a page; only its hash is stored. The site's list of links comes first: a link that is listed and opens
        nothing does no harm, one that opens and is not listed could not be revoked."""
        digest, made_at = token_sha256(token), lake_text(now)
        item = {name: {"S": value} for name, value in page._asdict().items()} | {"created_at": {"S": made_at}}
        for key in (_key(f"links#{page.site_id}", f"{made_at}#{digest}"), _key(f"page#{digest}", "page")):
            self._dynamodb.put_item(TableName=self._table, Item={**key, **item})

    def page(self, token: str) -> Page | None:
        """What a token opens; None for any other text. Tokens of older mails know no recipient."""
        item = self._get(f"page#{token_sha256(token)}", "page")
        return None if item is None else Page(*(str(item.get(name, {"S": ""})["S"]) for name in Page._fields))

    def is_off(self, site_id: str, recipient: str) -> bool:
        """Whether the owner of that recipient hash wants no mail of the site."""
        item = self._get(f"unsubscribe#{site_id}", recipient)
        return item is not None and item["state"]["S"] == "off"

    def set_off(self, site_id: str, recipient: str, is_off: bool, now: datetime) -> None:
        """Unsubscribe a recipient hash, or take that back. Repeating it changes nothing but the time."""
        item = {"state": {"S": "off" if is_off else "on"}, "changed_at": {"S": lake_text(now)}}
        self._dynamodb.put_item(TableName=self._table, Item={**_key(f"unsubscribe#{site_id}", recipient), **item})

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        item: dict[str, Any] | None = self._dynamodb.get_item(TableName=self._table, Key=_key(pk, sk), ConsistentRead=True).get(
            "Item"
        )
        return item


Form = Literal["html", "xlsx", "json"]
CONTENT_TYPES: dict[Form, str] = {
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}


class Stored(NamedTuple):
    """One form of a report as stored."""

    body: bytes
    content_type: str
    disposition: str


class Files:
    """The files bucket: `reports/{site}/{id}` as .html, .json and .xlsx."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def keep(
        self, site_id: str, page_id: str, forms: Mapping[Form, bytes], name: str, data: Mapping[str, bytes] | None = None
    ) -> str:
        """Store a report's forms and the files of its snapshot (`data`, gzip by name), the page last; gives the page's key. `name`
        is what people save the forms under."""
        key = f"reports/{site_id}/{page_id}"
        for file, body in sorted((data or {}).items()):
            self._s3.put_object(Bucket=self._bucket, Key=data_key(key, file), Body=body, ContentType="application/gzip")
        for form in sorted(forms, key=lambda form: form == "html"):
            self._s3.put_object(
                Bucket=self._bucket,
                Key=f"{key}.{form}",
                Body=forms[form],
                ContentType=CONTENT_TYPES[form],
                ContentDisposition="inline" if form == "html" else f'attachment; filename="{name}.{form}"',
            )
        return f"{key}.html"

    def form(self, page_key: str, form: Form) -> Stored | None:
        """One form of the report whose page has that key; None when it was never made or was deleted."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=form_key(page_key, form))
        except self._s3.exceptions.NoSuchKey:
            return None
        return Stored(found["Body"].read(), CONTENT_TYPES[form], str(found.get("ContentDisposition", "")))

    def data(self, page_key: str, name: str) -> bytes | None:
        """A file of the page's snapshot as stored: gzip. None when there is none of that name."""
        try:
            body: bytes = self._s3.get_object(Bucket=self._bucket, Key=data_key(page_key, name))["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None
        return body

    def address(self, page_key: str, form: Form, seconds: int) -> str:
        """A signed address of it that works for so long: for what is too big to be an answer."""
        where = {"Bucket": self._bucket, "Key": form_key(page_key, form)}
        return str(self._s3.generate_presigned_url("get_object", Params=where, ExpiresIn=seconds))


def data_key(page_key: str, name: str) -> str:
    """Key of a file of the page's snapshot, gzip; `name` is that of the snapshot, or app.js."""
    return f"{page_key.removesuffix('.html')}/{name}{'.gz' if name.endswith('.js') else '.json.gz'}"


def form_key(page_key: str, form: Form) -> str:
    """Key of another form of the same report."""
    return f"{page_key.removesuffix('.html')}.{form}"


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _key(pk: str, sk: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
