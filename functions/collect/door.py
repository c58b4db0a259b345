"""What the doors of hits share: the stores, the columns that all hits of a request have, and the way into the lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from functions.collect.hits import KNOWN, Made, Sender, kept_of, make
from functions.collect.people.consent import Consent
from functions.collect.people.edge import edge_columns
from functions.collect.people.lease import Renew
from shared.handing_over import HandingOver
from shared.http import Request
from shared.lake import Lake, Rejected
from shared.log import count
from shared.marks import own_marks
from shared.records import HIT, REQUEST, encode
from shared.secrets import Secrets
from shared.sites import Sites
from shared.texts import hidden, outline
from shared.times import lake_text
from shared.vault import Vault

RANDOM_BYTES = 20  # ten for a visitor id, ten for the batch's


@dataclass(frozen=True, slots=True)
class Stores:
    """What the doors work with. `renew`, `vault`, `handing` and `numbers` (a client of DynamoDB, and the table's name) make their
    clients when they are first used: most hits need none."""

    sites: Sites
    lake: Lake
    secrets: Secrets
    renew: Renew
    vault: Callable[[], Vault]
    handing: Callable[[], HandingOver]
    numbers: tuple[Callable[[], Any], str]


@dataclass(frozen=True, slots=True)
class Arrival:
    """Hits that came together. `door` names it in rejects and metrics, `via` in the lake; `skew` corrects the sender's clock."""

    request: Request
    site: Mapping[str, Any]
    door: str
    via: str
    kinds: tuple[str, ...]
    batch_id: str
    consent: Consent
    visitor_id: str | None
    skew: timedelta = timedelta(0)
    is_test: bool = False

    @property
    def site_id(self) -> str:
        return str(self.site["site_id"])

    def make(self, items: list[object]) -> Made:
        """Items → records and refusals."""
        cuts: list[str] = []
        columns = {
            "site_id": self.site_id,
            "received_at": lake_text(self.request.now),
            "via": self.via,
            "visitor_id": self.visitor_id,
            **edge_columns(self.request, self.site, cuts),
            "consent": self.consent,
            "is_test": True if self.is_test else None,
        }
        is_denied = self.consent == "denied"
        sender = Sender(self.site_id, self.request.now, self.kinds, self.skew, is_denied, columns, own_marks(self.site))
        made = make(items, sender)
        made.cuts += cuts
        return made

    def store(self, lake: Lake, items: list[object], made: Made) -> None:
        """Everything accepted into the lake, everything refused to `rejected/`. TryLater when the lake takes nothing."""
        now = self.request.now
        for kind, records in ((HIT, made.hits), (REQUEST, made.requests)):
            if records:
                lake.append(kind, [encode(kind, record) for record in records], self.batch_id, now)
        if made.rejected:
            refused = [Rejected(reason, message, content_of(items[index])) for index, reason, message in made.rejected]
            lake.reject(self.site_id, self.door, refused, self.batch_id, now)
        count_cuts(self.door, made.cuts)


def count_cuts(door: str, cuts: list[str]) -> None:
    """What was cut is never silent: a metric per column."""
    for column, times in Counter(cuts).items():
        count({"TextCut": times}, Door=door, Column=column)


def content_of(item: object) -> str:
    """What may be kept of a refused item: known fields of a hit; of a list its length alone, for it may hold whole hits."""
    if isinstance(item, dict):
        return kept_of(item, KNOWN, hidden)
    return outline(item) if isinstance(item, list) else hidden(orjson.dumps(item).decode())
