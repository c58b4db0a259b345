"""Links that opened, or still open, a site's pages: who has which, and revoking them. For people who run an installation, and for
alerts, which point at a reader's latest page.

A token is stored hashed, so a link can be listed and revoked, and never shown again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from functions.report.store import Page
from shared.times import EPOCH, lake_text

Item = Mapping[str, Mapping[str, str]]


class Link(NamedTuple):
    """`digest` is the SHA-256 of its token; `made_at` lake text, empty for a link of before links were dated."""

    digest: str
    made_at: str
    page: Page


class Links:
    """The links of sites in DynamoDB `ledger` (items: functions/report/store.py)."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def listed(self, site_id: str, since: datetime = EPOCH) -> Iterator[Link]:
        """Links of the site made since then, the newest first; those of before there was a list are not in it."""
        asked = {
            "KeyConditionExpression": "pk = :pk AND sk >= :since",
            "ExpressionAttributeValues": {":pk": {"S": f"links#{site_id}"}, ":since": {"S": lake_text(since)}},
            "ScanIndexForward": False,
        }
        for page in self._dynamodb.get_paginator("query").paginate(TableName=self._table, ConsistentRead=True, **asked):
            yield from (_link(item) for item in page["Items"])

    def every(self, site_id: str) -> Iterator[Link]:
        """All links of the site, those of before there was a list too. It reads the whole table: for revoking alone."""
        asked = {
            "FilterExpression": "sk = :page AND site_id = :site",
            "ExpressionAttributeValues": {":page": {"S": "page"}, ":site": {"S": site_id}},
        }
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True, **asked):
            yield from (_link(item) for item in page["Items"])

    def revoke(self, link: Link, now: datetime) -> None:
        """From now on the link opens nothing; it still unsubscribes. Repeating it changes nothing."""
        keys = [(f"page#{link.digest}", "page")]
        if link.made_at:
            keys.append((f"links#{link.page.site_id}", f"{link.made_at}#{link.digest}"))
        for pk, sk in keys:  # what opens comes first
            try:
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": pk}, "sk": {"S": sk}},
                    UpdateExpression="SET revoked_at = :now",
                    ConditionExpression="attribute_exists(pk) AND (attribute_not_exists(revoked_at) OR revoked_at = :never)",
                    ExpressionAttributeValues={":now": {"S": lake_text(now)}, ":never": {"S": ""}},
                )
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                continue  # revoked before, or a link of before there was a list


def _link(item: Item) -> Link:
    told = {name: str(item.get(name, {"S": ""})["S"]) for name in (*Page._fields, "created_at")}
    made_at = told.pop("created_at")
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    digest = pk.removeprefix("page#") if sk == "page" else sk.rpartition("#")[2]
    return Link(digest, made_at, Page(**told))
