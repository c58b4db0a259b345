"""What a table of the marts is, and the columns that many of them have."""

from __future__ import annotations

from typing import NamedTuple

from shared.records import Column


class Table(NamedTuple):
    """A mart: `key` identifies a row within a site; `by_day` = partitioned by the column `day`."""

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    by_day: bool = False

    @property
    def column_names(self) -> list[str]:
        return [c.name for c in self.columns]


SITE = Column("site_id", "varchar", "site")
REFRESH = Column("refresh_id", "varchar", "refresh that last changed the row")
SOURCE_COLUMNS = (
    Column("channel", "varchar", "the rule table's name for (source, medium, …)"),
    Column("source", "varchar", "where from: yandex, google, vk.com, (direct)"),
    Column("medium", "varchar", "kind of traffic: cpc, organic, referral, (none)"),
    Column("campaign", "varchar", "campaign tag or id"),
    Column("content", "varchar", "ad tag or id"),
    Column("term", "varchar", "keyword"),
)
